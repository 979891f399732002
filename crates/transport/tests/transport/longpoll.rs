//! Sessions whose peers come for their messages.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_transport::limits::{OPENING_TIMEOUT, QUEUE_MAX_BYTES};
use cloverleaf_transport::longpoll::{LongPollSession, LongPollTimeouts, Received};
use cloverleaf_transport::outbound::{HighWaterMark, queue_with};
use cloverleaf_transport::{CloseReason, Flow, OutboundSender, Pushed, SlowConsumer};
use cloverleaf_wamp::websocket::CloseCode;
use parking_lot::Mutex;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::peer::{Item, Record, Recorder, STOP};

const TIMEOUTS: LongPollTimeouts = LongPollTimeouts {
    opening: OPENING_TIMEOUT,
    receive: Duration::from_secs(10),
    session: Duration::from_secs(30),
};

const MOMENT: Duration = Duration::from_millis(10);

/// Long enough for anything that happens at all, in paused time.
const LONG: Duration = Duration::from_secs(3600);

/// A session that is watched over.
struct Lab {
    session: Arc<LongPollSession<Recorder>>,
    outbound: OutboundSender<Item>,
    record: Arc<Mutex<Record>>,
    life: JoinHandle<()>,
    start: Instant,
}

impl Lab {
    fn new(is_open: bool, timeouts: LongPollTimeouts, high_water_mark: HighWaterMark) -> Self {
        let (outbound, receiver) = queue_with(high_water_mark, None);
        let (handler, record, _gate) = Recorder::new(&outbound, is_open);
        let session = Arc::new(LongPollSession::new(handler, receiver, timeouts));
        let watched = Arc::clone(&session);
        let life = tokio::spawn(async move { watched.live().await });
        Self { session, outbound, record, life, start: Instant::now() }
    }

    /// A session that its peer has opened.
    fn open() -> Self {
        let lab = Self::new(false, TIMEOUTS, HighWaterMark::default());
        assert_eq!(lab.session.send(b"hello"), Some(Flow::Continue));
        lab
    }

    fn push(&self, text: &str) {
        assert_eq!(self.outbound.push(Item::Answer(text.into())), Pushed::Queued);
    }

    async fn receive(&self) -> Received {
        timeout(LONG, self.session.receive()).await.expect("something, or nothing in time")
    }

    /// A receive that waits on a task of its own.
    async fn waiting(&self) -> JoinHandle<Received> {
        let session = Arc::clone(&self.session);
        let receive = tokio::spawn(async move { session.receive().await });
        yield_now().await;
        receive
    }

    fn closed(&self) -> Vec<CloseReason> {
        self.record.lock().closed.clone()
    }

    /// The seconds from the beginning to the end, which comes by itself.
    async fn seconds_to_the_end(self, reason: CloseReason) -> u64 {
        timeout(LONG, self.life).await.expect("an end").expect("no panic");
        assert_eq!(self.record.lock().closed, [reason]);
        self.start.elapsed().as_secs()
    }
}

fn message(text: &str) -> Received {
    Received::Message(text.into())
}

#[tokio::test(start_paused = true)]
async fn messages_are_received_one_by_one_in_their_order() {
    let lab = Lab::open();
    for text in ["one", "two", "three"] {
        lab.push(text);
    }
    for text in ["one", "two", "three"] {
        assert_eq!(lab.receive().await, message(text));
    }
    assert_eq!(lab.start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_receive_waits_for_a_message_and_not_for_ever() {
    let lab = Lab::open();
    for _ in 0..3 {
        let before = Instant::now();
        assert_eq!(lab.receive().await, Received::Nothing);
        assert_eq!(before.elapsed().as_secs(), 10);
    }
    let waiting = lab.waiting().await;
    sleep(Duration::from_secs(9)).await;
    lab.push("at last");
    assert_eq!(waiting.await.expect("no panic"), message("at last"));
    assert_eq!(lab.closed(), []);
}

/// Wherever it begins between two looks at the clock.
#[tokio::test(start_paused = true)]
async fn every_receive_waits_as_long_as_any_other() {
    for silence in [0, 1, 7, 9, 10, 11, 25, 29] {
        let lab = Lab::open();
        sleep(Duration::from_secs(silence)).await;
        let before = Instant::now();
        assert_eq!(lab.receive().await, Received::Nothing);
        assert_eq!(before.elapsed().as_secs(), 10, "after {silence} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_receive_has_the_message_and_the_older_ends_empty() {
    let lab = Lab::open();
    let older = lab.waiting().await;
    let newer = lab.waiting().await;
    assert_eq!(older.await.expect("no panic"), Received::Nothing);
    lab.push("one");
    assert_eq!(newer.await.expect("no panic"), message("one"));
    // Also when the message is there before the older one has looked.
    let older = lab.waiting().await;
    lab.push("two");
    assert_eq!(lab.session.receive().await, message("two"));
    assert_eq!(older.await.expect("no panic"), Received::Nothing);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_is_given_up_takes_nothing_with_it() {
    let lab = Lab::open();
    let given_up = lab.waiting().await;
    given_up.abort();
    assert!(given_up.await.is_err_and(|error| error.is_cancelled()));
    lab.push("one");
    assert_eq!(lab.receive().await, message("one"));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_polls_ends() {
    let lab = Lab::open();
    assert_eq!(lab.seconds_to_the_end(CloseReason::Unpolled).await, 30);
}

#[tokio::test(start_paused = true)]
async fn silence_begins_when_the_last_receive_is_over_however_it_was() {
    let expired = Lab::open();
    assert_eq!(expired.receive().await, Received::Nothing);
    assert_eq!(expired.seconds_to_the_end(CloseReason::Unpolled).await, 40);

    let given_up = Lab::open();
    let waiting = given_up.waiting().await;
    sleep(Duration::from_secs(5)).await;
    waiting.abort();
    assert_eq!(given_up.seconds_to_the_end(CloseReason::Unpolled).await, 35);

    let answered = Lab::open();
    sleep(Duration::from_secs(29)).await;
    answered.push("one");
    assert_eq!(answered.receive().await, message("one"));
    assert_eq!(answered.seconds_to_the_end(CloseReason::Unpolled).await, 59);
}

#[tokio::test(start_paused = true)]
async fn who_sends_and_does_not_poll_ends_too() {
    let lab = Lab::open();
    let session = Arc::clone(&lab.session);
    let sending = tokio::spawn(async move {
        while session.send(b"more").is_some() {
            sleep(MOMENT).await;
        }
    });
    assert_eq!(lab.seconds_to_the_end(CloseReason::Unpolled).await, 30);
    sending.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn who_polls_and_does_not_open_the_session_in_time_ends_too() {
    let lab = Lab::new(false, TIMEOUTS, HighWaterMark::default());
    assert_eq!(lab.receive().await, Received::Nothing);
    let waiting = lab.waiting().await;
    let session = Arc::clone(&lab.session);
    let took = lab.seconds_to_the_end(CloseReason::OpeningTimeout).await;
    assert_eq!(took, OPENING_TIMEOUT.as_secs());
    assert_eq!(waiting.await.expect("no panic"), Received::Nothing);
    assert_eq!(session.receive().await, Received::Ended);
    assert_eq!(session.send(b"hello"), None);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_may_open_another_session_in_time() {
    let lab = Lab::open();
    sleep(Duration::from_secs(15)).await;
    assert_eq!(lab.session.send(b"leave"), Some(Flow::Continue));
    let _waiting = lab.waiting().await;
    sleep(Duration::from_secs(15)).await;
    assert_eq!(lab.session.send(b"hello"), Some(Flow::Continue));
    sleep(Duration::from_secs(9)).await;
    assert_eq!(lab.session.send(b"leave"), Some(Flow::Continue));
    let _session = Arc::clone(&lab.session);
    // Nobody has polled from the 25th second on, so that it is this that counts.
    assert_eq!(lab.seconds_to_the_end(CloseReason::Unpolled).await, 55);
}

/// A session whose peer has more timeouts than it is given to open it.
#[tokio::test(start_paused = true)]
async fn no_deadline_is_overlooked_because_another_one_is_far_away() {
    let long = LongPollTimeouts { receive: LONG, session: 2 * LONG, ..TIMEOUTS };
    let lab = Lab::new(false, long, HighWaterMark::default());
    let took = lab.seconds_to_the_end(CloseReason::OpeningTimeout).await;
    assert_eq!(took, OPENING_TIMEOUT.as_secs());
    let short = LongPollTimeouts { receive: LONG, session: Duration::from_secs(1), ..TIMEOUTS };
    let lab = Lab::new(true, short, HighWaterMark::default());
    assert_eq!(lab.seconds_to_the_end(CloseReason::Unpolled).await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_before_the_end_is_received_and_nothing_is_sent_any_more() {
    let lab = Lab::open();
    lab.push("one");
    let flow = lab.session.send(STOP.0);
    assert_eq!(flow, Some(Flow::Close(STOP.1, "stopped".to_owned())));
    assert_eq!(lab.session.send(b"more"), None);
    assert_eq!(lab.receive().await, message("one"));
    assert_eq!(lab.receive().await, message("stopping"));
    assert_eq!(lab.receive().await, Received::Ended);
    // It is kept for the peer's own end, as long as if nobody polled.
    assert_eq!(lab.seconds_to_the_end(CloseReason::Unpolled).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_waits_at_the_end_has_the_last_message_or_ends_empty() {
    let lab = Lab::open();
    let waiting = lab.waiting().await;
    assert!(matches!(lab.session.send(STOP.0), Some(Flow::Close(..))));
    assert_eq!(waiting.await.expect("no panic"), message("stopping"));

    let lab = Lab::open();
    let waiting = lab.waiting().await;
    lab.outbound.close(CloseCode::NORMAL, "enough");
    assert_eq!(waiting.await.expect("no panic"), Received::Nothing);
    assert_eq!(lab.receive().await, Received::Ended);

    let lab = Lab::open();
    let waiting = lab.waiting().await;
    lab.session.close();
    assert_eq!(waiting.await.expect("no panic"), Received::Nothing);
    assert_eq!(lab.receive().await, Received::Ended);
    assert_eq!(lab.seconds_to_the_end(CloseReason::ByPeer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_loses_events_and_each_receive_makes_room() {
    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 3 });
    let push = || lab.outbound.push(Item::Event(vec![7; 10]));
    let pushed = [(); 5].map(|()| push());
    use Pushed::{Dropped, Queued};
    assert_eq!(pushed, [Queued, Queued, Queued, Dropped, Dropped]);
    for _ in 0..3 {
        assert_eq!(lab.receive().await, Received::Message(vec![7; 10]));
        assert_eq!([push(), push()], [Queued, Dropped]);
    }
    assert_eq!(lab.outbound.push(Item::Answer(vec![7; 10])), Queued, "answers are owed");

    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 3 });
    assert_eq!(lab.outbound.push(Item::Event(vec![7; 1_000])), Queued);
    assert_eq!(lab.outbound.push(Item::Event(vec![7; 1])), Dropped);
}

#[tokio::test(start_paused = true)]
async fn that_events_are_lost_is_told_once_while_the_session_lives() {
    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 1 });
    let push = || lab.outbound.push(Item::Event(vec![7; 10]));
    assert_eq!([push(), push()], [Pushed::Queued, Pushed::Dropped]);
    sleep(TIMEOUTS.receive + MOMENT).await;
    assert_eq!(lab.record.lock().on_slow_consumer, 1);
    assert_eq!(push(), Pushed::Dropped);
    sleep(TIMEOUTS.receive - 2 * MOMENT).await;
    assert_eq!(lab.record.lock().on_slow_consumer, 1);
    assert_eq!(lab.closed(), []);
}

/// A session whose queue was filled with answers.
fn crowded() -> Lab {
    let lab = Lab::open();
    while lab.outbound.push(Item::Answer(vec![7; QUEUE_MAX_BYTES / 8])) == Pushed::Queued {}
    lab
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_ends_the_session_and_the_next_receive_is_told_why() {
    let lab = crowded();
    yield_now().await;
    assert_eq!(lab.closed(), [CloseReason::SlowConsumer], "at once");
    assert_eq!(lab.session.send(b"late"), None);
    assert_eq!(lab.receive().await, message("goodbye!"));
    assert_eq!(lab.receive().await, Received::Ended);
    assert_eq!(lab.seconds_to_the_end(CloseReason::SlowConsumer).await, 0);
    // Also where the receive is the first to find out.
    let lab = crowded();
    assert_eq!(lab.session.receive().await, message("goodbye!"));
    assert_eq!(lab.seconds_to_the_end(CloseReason::SlowConsumer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_come_to_be_told_why_is_not_waited_for() {
    let lab = crowded();
    assert_eq!(lab.seconds_to_the_end(CloseReason::SlowConsumer).await, 30);
}

#[tokio::test(start_paused = true)]
async fn disconnect_policy_sends_a_closing_message_to_peers_that_poll_too_slowly() {
    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 3 });
    lab.outbound.set_policy(SlowConsumer::Disconnect);
    let push = || lab.outbound.push(Item::Event(vec![7; 10]));
    use Pushed::{Closed, Queued};
    assert_eq!([(); 5].map(|()| push()), [Queued, Queued, Queued, Closed, Closed]);
    assert_eq!(lab.receive().await, message("goodbye!"));
    assert_eq!(lab.receive().await, Received::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_has_ended() {
    let (outbound, receiver) = queue_with(HighWaterMark::default(), None);
    let (handler, record, _gate) = Recorder::new(&outbound, true);
    drop(LongPollSession::new(handler, receiver, TIMEOUTS));
    assert_eq!(record.lock().closed, [CloseReason::ByUs("the router ends".to_owned())]);
    assert_eq!(outbound.push(Item::Event(Vec::new())), Pushed::Closed);
}
