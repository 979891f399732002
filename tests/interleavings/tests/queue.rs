//! The queue of a connection: several threads push while the connection takes, waits and ends.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use cloverleaf_interleavings::limits::{QUEUE_HIGH_WATER_BYTES, QUEUE_MAX_BYTES};
use cloverleaf_interleavings::outbound::{
    EncodedBatch, OutboundReceiver, OutboundSender, Overflow, Pushed, QueueEnd, Queued,
    SlowConsumer, queue,
};
use cloverleaf_interleavings::task::{until_ready, until_the_end};
use cloverleaf_wamp::websocket::CloseCode;
use loom::thread;

/// An item with its position among the pushes of its thread.
#[derive(Debug)]
struct Item {
    thread: u8,
    position: u8,
    size: usize,
    is_event: bool,
    /// Dropped with the item.
    life: Arc<()>,
}

impl Item {
    fn answer(thread: u8, position: u8) -> Self {
        Self { thread, position, size: 1, is_event: false, life: Arc::default() }
    }

    fn event(thread: u8, position: u8) -> Self {
        Self { is_event: true, ..Self::answer(thread, position) }
    }

    fn of_size(self, size: usize) -> Self {
        Self { size, ..self }
    }
}

impl Queued for Item {
    fn size(&self) -> usize {
        self.size
    }

    fn overflow(&self) -> Overflow {
        if self.is_event { Overflow::SlowConsumer } else { Overflow::Disconnect }
    }
}

/// Pushes answers. Returns those that were queued.
fn push_answers(outbound: &OutboundSender<Item>, thread: u8, count: u8) -> Vec<(u8, u8)> {
    let is_queued =
        |position: &u8| outbound.push(Item::answer(thread, *position)) == Pushed::Queued;
    (1..=count).filter(is_queued).map(|position| (thread, position)).collect()
}

/// Takes the queued items or waits for the next ones, which count as encoded at once.
fn take(
    receiver: &mut OutboundReceiver<Item>,
    encoded: &mut EncodedBatch,
) -> Result<Vec<(u8, u8)>, QueueEnd> {
    let mut batch = VecDeque::new();
    let end = until_ready(|context| receiver.poll_take(encoded, &mut batch, context));
    encoded.messages = batch.len();
    encoded.bytes = batch.iter().map(Queued::size).sum();
    match end {
        Some(end) => Err(end),
        None => Ok(batch.iter().map(|item| (item.thread, item.position)).collect()),
    }
}

fn take_until_the_end(receiver: &mut OutboundReceiver<Item>) -> (Vec<(u8, u8)>, QueueEnd) {
    let (mut taken, mut encoded) = (Vec::new(), EncodedBatch::default());
    loop {
        match take(receiver, &mut encoded) {
            Ok(items) => taken.extend(items),
            Err(end) => return (taken, end),
        }
    }
}

#[test]
fn no_push_is_missed_and_pushes_of_each_thread_keep_their_order() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        let threads = [(1, 2), (2, 1)].map(|(number, count)| {
            let outbound = outbound.clone();
            thread::spawn(move || push_answers(&outbound, number, count))
        });
        let (mut taken, mut encoded) = (Vec::new(), EncodedBatch::default());
        while taken.len() < 3 {
            taken.extend(take(&mut receiver, &mut encoded).expect("the queue does not end"));
        }
        let pushed: Vec<_> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        // A stable sort keeps the order in which the items of each thread were taken.
        taken.sort_by_key(|(thread, _)| *thread);
        assert_eq!(taken, pushed);
    });
}

#[test]
fn queued_items_precede_the_end_and_nothing_follows_it() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        let pusher = outbound.clone();
        let pusher = thread::spawn(move || push_answers(&pusher, 1, 2));
        let closer = thread::spawn(move || outbound.close(CloseCode::NORMAL, "enough"));
        let (taken, end) = take_until_the_end(&mut receiver);
        assert_eq!(end, QueueEnd::Close(CloseCode::NORMAL, "enough".to_owned()));
        assert_eq!(taken, pusher.join().unwrap());
        closer.join().unwrap();
    });
}

#[test]
fn ended_connection_frees_all_items_and_takes_no_others() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        let pusher = outbound.clone();
        let pusher = thread::spawn(move || {
            let push = |position| {
                let item = Item::answer(1, position);
                let life = Arc::downgrade(&item.life);
                let _ = pusher.push(item);
                life
            };
            [push(1), push(2)]
        });
        let _ = take(&mut receiver, &mut EncodedBatch::default());
        drop(receiver);
        let lives: [Weak<()>; 2] = pusher.join().unwrap();
        assert!(lives.iter().all(|life| life.upgrade().is_none()), "an item was left behind");
        assert_eq!(outbound.push(Item::answer(1, 3)), Pushed::Closed);
    });
}

#[test]
fn full_queue_counts_dropped_items_and_takes_items_again_after_a_write() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        let pusher = outbound.clone();
        let pusher = thread::spawn(move || {
            let large = Item::event(1, 1).of_size(QUEUE_HIGH_WATER_BYTES);
            let outcomes = [large, Item::event(1, 2)].map(|item| pusher.push(item));
            pusher.close(CloseCode::NORMAL, "enough");
            outcomes
        });
        let (taken, _) = take_until_the_end(&mut receiver);
        let outcomes = pusher.join().unwrap();
        assert_eq!(outcomes[0], Pushed::Queued);
        let (expected, refused) = match outcomes[1] {
            Pushed::Queued => (vec![(1, 1), (1, 2)], 0),
            Pushed::Dropped => (vec![(1, 1)], 1),
            Pushed::AboveHighWater => panic!("no publisher has to wait"),
            Pushed::Closed => panic!("the connection has not ended"),
        };
        assert_eq!((taken, outbound.refused()), (expected, refused));
    });
}

#[test]
fn connection_that_cannot_write_is_woken_when_its_queue_overflows() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        let pusher = thread::spawn(move || {
            let large = Item::answer(1, 1).of_size(QUEUE_MAX_BYTES);
            [large, Item::answer(1, 2)].map(|item| outbound.push(item))
        });
        assert_eq!(until_the_end(&mut receiver), QueueEnd::Kill);
        assert_eq!(pusher.join().unwrap(), [Pushed::Queued, Pushed::Closed]);
    });
}

#[test]
fn task_that_waits_for_room_is_woken_by_a_write_or_the_end() {
    loom::model(|| {
        let (outbound, mut receiver) = queue();
        outbound.set_policy(SlowConsumer::BlockPublisher);
        let waiting = thread::spawn(move || {
            let large = Item::event(1, 1).of_size(QUEUE_HIGH_WATER_BYTES);
            assert_eq!(outbound.push(large), Pushed::Queued);
            until_ready(|context| outbound.poll_room(context));
        });
        let mut encoded = EncodedBatch::default();
        let _ = take(&mut receiver, &mut encoded);
        // The next take reports what was written.
        let mut batch = VecDeque::new();
        let context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = receiver.poll_take(&mut encoded, &mut batch, &context);
        waiting.join().unwrap();
    });
    loom::model(|| {
        let (outbound, receiver) = queue();
        outbound.set_policy(SlowConsumer::BlockPublisher);
        let waiting = thread::spawn(move || {
            let large = Item::event(1, 1).of_size(QUEUE_HIGH_WATER_BYTES);
            let _ = outbound.push(large);
            until_ready(|context| outbound.poll_room(context));
        });
        drop(receiver);
        waiting.join().unwrap();
    });
}
