//! Long-poll sessions.

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

/// Longer than all timeouts, in paused time.
const LONG: Duration = Duration::from_secs(3600);

/// A running session.
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
        timeout(LONG, self.session.receive()).await.expect("the receive ends in time")
    }

    /// A receive that waits in a task of its own.
    async fn waiting(&self) -> JoinHandle<Received> {
        let session = Arc::clone(&self.session);
        let receive = tokio::spawn(async move { session.receive().await });
        yield_now().await;
        receive
    }

    fn closed(&self) -> Vec<CloseReason> {
        self.record.lock().closed.clone()
    }

    /// The seconds from the beginning of the session to its end by itself.
    async fn seconds_to_end(self, reason: CloseReason) -> u64 {
        timeout(LONG, self.life).await.expect("an end").expect("no panic");
        assert_eq!(self.record.lock().closed, [reason]);
        self.start.elapsed().as_secs()
    }
}

fn message(text: &str) -> Received {
    Received::Message(text.into())
}

#[tokio::test(start_paused = true)]
async fn messages_are_received_one_by_one_in_order() {
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
async fn receive_waits_for_a_message_up_to_its_timeout() {
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

/// Independent of when it begins between two checks of the deadlines.
#[tokio::test(start_paused = true)]
async fn every_receive_waits_for_its_whole_timeout() {
    for silence in [0, 1, 7, 9, 10, 11, 25, 29] {
        let lab = Lab::open();
        sleep(Duration::from_secs(silence)).await;
        let before = Instant::now();
        assert_eq!(lab.receive().await, Received::Nothing);
        assert_eq!(before.elapsed().as_secs(), 10, "after {silence} s");
    }
}

#[tokio::test(start_paused = true)]
async fn newest_receive_gets_the_message_and_the_older_ends_empty() {
    let lab = Lab::open();
    let older = lab.waiting().await;
    let newer = lab.waiting().await;
    assert_eq!(older.await.expect("no panic"), Received::Nothing);
    lab.push("one");
    assert_eq!(newer.await.expect("no panic"), message("one"));
    // Also if the message arrives before the older one is polled.
    let older = lab.waiting().await;
    lab.push("two");
    assert_eq!(lab.session.receive().await, message("two"));
    assert_eq!(older.await.expect("no panic"), Received::Nothing);
}

#[tokio::test(start_paused = true)]
async fn canceled_receive_loses_no_message() {
    let lab = Lab::open();
    let given_up = lab.waiting().await;
    given_up.abort();
    assert!(given_up.await.is_err_and(|error| error.is_cancelled()));
    lab.push("one");
    assert_eq!(lab.receive().await, message("one"));
}

#[tokio::test(start_paused = true)]
async fn session_that_is_not_polled_ends() {
    let lab = Lab::open();
    assert_eq!(lab.seconds_to_end(CloseReason::Unpolled).await, 30);
}

#[tokio::test(start_paused = true)]
async fn session_timeout_begins_at_the_end_of_the_last_receive() {
    let expired = Lab::open();
    assert_eq!(expired.receive().await, Received::Nothing);
    assert_eq!(expired.seconds_to_end(CloseReason::Unpolled).await, 40);

    let given_up = Lab::open();
    let waiting = given_up.waiting().await;
    sleep(Duration::from_secs(5)).await;
    waiting.abort();
    assert_eq!(given_up.seconds_to_end(CloseReason::Unpolled).await, 35);

    let answered = Lab::open();
    sleep(Duration::from_secs(29)).await;
    answered.push("one");
    assert_eq!(answered.receive().await, message("one"));
    assert_eq!(answered.seconds_to_end(CloseReason::Unpolled).await, 59);
}

#[tokio::test(start_paused = true)]
async fn session_that_sends_and_does_not_poll_ends() {
    let lab = Lab::open();
    let session = Arc::clone(&lab.session);
    let sending = tokio::spawn(async move {
        while session.send(b"more").is_some() {
            sleep(MOMENT).await;
        }
    });
    assert_eq!(lab.seconds_to_end(CloseReason::Unpolled).await, 30);
    sending.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn session_that_polls_and_is_not_opened_in_time_ends() {
    let lab = Lab::new(false, TIMEOUTS, HighWaterMark::default());
    assert_eq!(lab.receive().await, Received::Nothing);
    let waiting = lab.waiting().await;
    let session = Arc::clone(&lab.session);
    let took = lab.seconds_to_end(CloseReason::OpeningTimeout).await;
    assert_eq!(took, OPENING_TIMEOUT.as_secs());
    assert_eq!(waiting.await.expect("no panic"), Received::Nothing);
    assert_eq!(session.receive().await, Received::Ended);
    assert_eq!(session.send(b"hello"), None);
}

#[tokio::test(start_paused = true)]
async fn peer_that_left_may_open_another_session_in_time() {
    let lab = Lab::open();
    sleep(Duration::from_secs(15)).await;
    assert_eq!(lab.session.send(b"leave"), Some(Flow::Continue));
    let _waiting = lab.waiting().await;
    sleep(Duration::from_secs(15)).await;
    assert_eq!(lab.session.send(b"hello"), Some(Flow::Continue));
    sleep(Duration::from_secs(9)).await;
    assert_eq!(lab.session.send(b"leave"), Some(Flow::Continue));
    let _session = Arc::clone(&lab.session);
    // No poll from the 25th second on, so the session timeout counts.
    assert_eq!(lab.seconds_to_end(CloseReason::Unpolled).await, 55);
}

#[tokio::test(start_paused = true)]
async fn peer_that_leaves_while_it_is_paused_has_to_open_another_session_in_time() {
    let lab = Lab::open();
    assert_eq!(lab.session.send(b"wait and leave"), Some(Flow::Wait));
    lab.session.ready().await;
    let took = lab.seconds_to_end(CloseReason::OpeningTimeout).await;
    assert_eq!(took, OPENING_TIMEOUT.as_secs());
}

/// The other timeouts are longer than the one for opening.
#[tokio::test(start_paused = true)]
async fn early_deadline_is_met_although_another_is_far_away() {
    let long = LongPollTimeouts { receive: LONG, session: 2 * LONG, ..TIMEOUTS };
    let lab = Lab::new(false, long, HighWaterMark::default());
    let took = lab.seconds_to_end(CloseReason::OpeningTimeout).await;
    assert_eq!(took, OPENING_TIMEOUT.as_secs());
    let short = LongPollTimeouts { receive: LONG, session: Duration::from_secs(1), ..TIMEOUTS };
    let lab = Lab::new(true, short, HighWaterMark::default());
    assert_eq!(lab.seconds_to_end(CloseReason::Unpolled).await, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_session_delivers_its_queue_and_takes_no_messages() {
    let lab = Lab::open();
    lab.push("one");
    let flow = lab.session.send(STOP.0);
    assert_eq!(flow, Some(Flow::Close(STOP.1, "stopped".to_owned())));
    assert_eq!(lab.session.send(b"more"), None);
    assert_eq!(lab.receive().await, message("one"));
    assert_eq!(lab.receive().await, message("stopping"));
    assert_eq!(lab.receive().await, Received::Ended);
    // The session is kept for the close of the peer, up to the session timeout.
    assert_eq!(lab.seconds_to_end(CloseReason::Unpolled).await, 30);
}

#[tokio::test(start_paused = true)]
async fn receive_that_waits_at_the_end_gets_the_last_message_or_ends_empty() {
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
    assert_eq!(lab.seconds_to_end(CloseReason::ByPeer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn full_queue_drops_events_and_each_receive_makes_room() {
    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 3 });
    let push = || lab.outbound.push(Item::Event(vec![7; 10]));
    let pushed = [(); 5].map(|()| push());
    use Pushed::{Dropped, Queued};
    assert_eq!(pushed, [Queued, Queued, Queued, Dropped, Dropped]);
    for _ in 0..3 {
        assert_eq!(lab.receive().await, Received::Message(vec![7; 10]));
        assert_eq!([push(), push()], [Queued, Dropped]);
    }
    assert_eq!(lab.outbound.push(Item::Answer(vec![7; 10])), Queued, "answers are still queued");

    let lab = Lab::new(true, TIMEOUTS, HighWaterMark { bytes: 1_000, messages: 3 });
    assert_eq!(lab.outbound.push(Item::Event(vec![7; 1_000])), Queued);
    assert_eq!(lab.outbound.push(Item::Event(vec![7; 1])), Dropped);
}

#[tokio::test(start_paused = true)]
async fn first_dropped_event_is_reported_once_to_the_session() {
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
fn full() -> Lab {
    let lab = Lab::open();
    while lab.outbound.push(Item::Answer(vec![7; QUEUE_MAX_BYTES / 8])) == Pushed::Queued {}
    lab
}

#[tokio::test(start_paused = true)]
async fn full_queue_ends_the_session_with_a_closing_message() {
    let lab = full();
    yield_now().await;
    assert_eq!(lab.closed(), [CloseReason::SlowConsumer], "at once");
    assert_eq!(lab.session.send(b"late"), None);
    assert_eq!(lab.receive().await, message("goodbye!"));
    assert_eq!(lab.receive().await, Received::Ended);
    assert_eq!(lab.seconds_to_end(CloseReason::SlowConsumer).await, 0);
    // Also if the receive is the first to see it.
    let lab = full();
    assert_eq!(lab.session.receive().await, message("goodbye!"));
    assert_eq!(lab.seconds_to_end(CloseReason::SlowConsumer).await, 0);
}

#[tokio::test(start_paused = true)]
async fn session_ends_although_the_closing_message_is_not_received() {
    let lab = full();
    assert_eq!(lab.seconds_to_end(CloseReason::SlowConsumer).await, 30);
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
async fn dropped_session_has_ended() {
    let (outbound, receiver) = queue_with(HighWaterMark::default(), None);
    let (handler, record, _gate) = Recorder::new(&outbound, true);
    drop(LongPollSession::new(handler, receiver, TIMEOUTS));
    assert_eq!(record.lock().closed, [CloseReason::ByUs("the router ends".to_owned())]);
    assert_eq!(outbound.push(Item::Event(Vec::new())), Pushed::Closed);
}
