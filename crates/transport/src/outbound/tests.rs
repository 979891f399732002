use cloverleaf_wamp::websocket::CloseCode;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::{
    EncodedBatch, HighWaterMark, Overflow, Pushed, QueueEnd, QueueMemory, Queued, SlowConsumer,
    queue, queue_with,
};
use crate::limits::{QUEUE_HIGH_WATER_MESSAGES, QUEUE_MAX_AFTER_SHEDDING, QUEUE_MAX_MESSAGES};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Event(usize),
    Answer(usize),
}

impl Queued for Item {
    fn size(&self) -> usize {
        let (Self::Event(size) | Self::Answer(size)) = self;
        *size
    }

    fn overflow(&self) -> Overflow {
        match self {
            Self::Event(_) => Overflow::SlowConsumer,
            Self::Answer(_) => Overflow::Disconnect,
        }
    }
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

#[test]
fn items_are_taken_in_the_order_of_their_pushes() {
    let (outbound, mut receiver) = queue();
    let mut batch = VecDeque::new();
    assert!(receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context()).is_pending());
    for size in 1..4 {
        assert_eq!(outbound.push(Item::Event(size)), Pushed::Queued);
    }
    let taken = receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context());
    assert_eq!(taken, Poll::Ready(None));
    assert_eq!(batch, [Item::Event(1), Item::Event(2), Item::Event(3)]);
}

#[test]
fn full_queue_drops_and_counts_events_and_still_takes_answers() {
    let (outbound, _receiver) = queue();
    for _ in 0..QUEUE_HIGH_WATER_MESSAGES {
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
    }
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Dropped);
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Dropped);
    assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
    assert_eq!(outbound.refused(), 2);
}

#[test]
fn queue_full_of_answers_ends_its_connection_at_once() {
    let (outbound, mut receiver) = queue();
    for _ in 0..QUEUE_MAX_MESSAGES {
        assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
    }
    assert_eq!(outbound.push(Item::Answer(1)), Pushed::Closed);
    let mut batch = VecDeque::new();
    let taken = receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context());
    assert_eq!(taken, Poll::Ready(Some(QueueEnd::Kill)));
}

#[test]
fn full_queue_with_policy_disconnect_ends_with_the_next_event() {
    let (outbound, mut receiver) = queue();
    outbound.set_policy(SlowConsumer::Disconnect);
    for _ in 0..QUEUE_HIGH_WATER_MESSAGES {
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
    }
    assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Closed);
    let taken = receiver.poll_take(&mut EncodedBatch::default(), &mut VecDeque::new(), &context());
    assert_eq!(taken, Poll::Ready(Some(QueueEnd::Kill)));
}

#[test]
fn full_queue_with_policy_block_publisher_takes_twice_as_much_and_reports_room() {
    let (outbound, mut receiver) = queue();
    outbound.set_policy(SlowConsumer::BlockPublisher);
    assert_eq!(outbound.poll_room(&context()), Poll::Ready(()));
    for number in 0..2 * QUEUE_HIGH_WATER_MESSAGES {
        let is_full = number >= QUEUE_HIGH_WATER_MESSAGES;
        let expected = if is_full { Pushed::AboveHighWater } else { Pushed::Queued };
        assert_eq!(outbound.push(Item::Event(1)), expected, "{number}");
    }
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Dropped);
    assert_eq!(outbound.poll_room(&context()), Poll::Pending);
    let mut batch = VecDeque::new();
    let _ = receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context());
    let messages = QUEUE_HIGH_WATER_MESSAGES + 1;
    let mut encoded = EncodedBatch { bytes: messages, messages, ..EncodedBatch::default() };
    assert_eq!(outbound.poll_room(&context()), Poll::Pending, "taken items are not encoded yet");
    assert!(receiver.poll_take(&mut encoded, &mut batch, &context()).is_pending());
    assert_eq!(outbound.poll_room(&context()), Poll::Ready(()));
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
}

#[test]
fn task_that_waits_for_room_is_woken_by_room_or_the_end() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    struct Counting(AtomicUsize);

    impl std::task::Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    let (outbound, mut receiver) = queue();
    outbound.set_policy(SlowConsumer::BlockPublisher);
    let fill = || while outbound.push(Item::Event(1)) == Pushed::Queued {};
    fill();
    let held = Arc::strong_count(&counting);
    assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
    outbound.stop_waiting(&waker);
    assert_eq!(Arc::strong_count(&counting), held, "the task was removed");
    assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
    assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
    let mut batch = VecDeque::new();
    let _ = receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context());
    let mut encoded =
        EncodedBatch { bytes: batch.len(), messages: batch.len(), ..EncodedBatch::default() };
    assert!(receiver.poll_take(&mut encoded, &mut batch, &context()).is_pending());
    assert_eq!(counting.0.load(SeqCst), 1);
    fill();
    assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
    drop(receiver);
    assert_eq!(counting.0.load(SeqCst), 2);
}

#[test]
fn taken_items_count_until_they_are_encoded() {
    let (outbound, mut receiver) = queue();
    let mut batch = VecDeque::new();
    assert_eq!(outbound.push(Item::Event(crate::limits::QUEUE_HIGH_WATER_BYTES)), Pushed::Queued);
    let _ = receiver.poll_take(&mut EncodedBatch::default(), &mut batch, &context());
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Dropped);
    let size = batch.pop_front().map_or(0, |item: Item| item.size());
    let mut encoded = EncodedBatch { bytes: size, messages: 1, ..EncodedBatch::default() };
    assert!(receiver.poll_take(&mut encoded, &mut batch, &context()).is_pending());
    assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
}

#[test]
fn charge_counts_until_it_is_dropped_and_the_largest_owner_sheds() {
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::{Arc, Weak};

    #[derive(Default)]
    struct Owner(AtomicBool);

    impl super::Shed for Owner {
        fn ask_to_shed(&self) {
            self.0.store(true, SeqCst);
        }
    }

    let memory = Arc::new(QueueMemory::new(100));
    let owners: [Arc<Owner>; 3] = Default::default();
    let charge = |owner: usize, bytes| {
        let weak: Weak<Owner> = Arc::downgrade(&owners[owner]);
        memory.charge(bytes, weak)
    };
    let shed = || owners.each_ref().map(|owner| owner.0.load(SeqCst));
    let small = charge(0, 40);
    let large = charge(1, 60);
    assert_eq!((memory.used(), shed()), (100, [false; 3]));
    let third = charge(2, 1);
    assert_eq!(shed(), [false, true, false]);
    drop(large);
    assert_eq!(memory.used(), 41);
    drop((small, third));
    assert_eq!(memory.used(), 0);
}

#[test]
fn end_follows_the_items_and_nothing_follows_the_end() {
    let (outbound, mut receiver) = queue();
    assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
    outbound.close(CloseCode::NORMAL, "enough");
    assert_eq!(outbound.push(Item::Answer(2)), Pushed::Closed);
    let mut batch = VecDeque::new();
    let mut encoded = EncodedBatch::default();
    assert_eq!(receiver.poll_take(&mut encoded, &mut batch, &context()), Poll::Ready(None));
    let end = Some(QueueEnd::Close(CloseCode::NORMAL, "enough".to_owned()));
    assert_eq!(receiver.poll_take(&mut encoded, &mut batch, &context()), Poll::Ready(end));
    drop(receiver);
    assert_eq!(outbound.push(Item::Answer(3)), Pushed::Closed);
}

/// Takes all queued items, which then count as encoded.
fn drain(receiver: &mut super::OutboundReceiver<Item>) -> (Vec<Item>, Option<QueueEnd>) {
    let (mut encoded, mut batch, mut all) = (EncodedBatch::default(), VecDeque::new(), Vec::new());
    loop {
        let taken = receiver.poll_take(&mut encoded, &mut batch, &context());
        for item in batch.drain(..) {
            encoded.count(&item);
            all.push(item);
        }
        match taken {
            Poll::Ready(None) => {}
            Poll::Ready(end) => return (all, end),
            Poll::Pending => return (all, None),
        }
    }
}

#[test]
fn empty_queue_takes_one_item_of_any_size_under_each_policy() {
    for policy in [SlowConsumer::DropEvents, SlowConsumer::Disconnect, SlowConsumer::BlockPublisher]
    {
        let (outbound, mut receiver) = queue_with(HighWaterMark { bytes: 10, messages: 10 }, None);
        outbound.set_policy(policy);
        for _ in 0..2 {
            assert_eq!(outbound.push(Item::Event(1_000)), Pushed::Queued, "{policy:?}");
            assert_eq!(drain(&mut receiver), (vec![Item::Event(1_000)], None));
        }
        assert_eq!(outbound.push(Item::Event(1_000)), Pushed::Queued);
        assert_ne!(outbound.push(Item::Event(1)), Pushed::Queued, "{policy:?}");
    }
}

const MEBIBYTE: usize = 1 << 20;

#[test]
fn largest_queue_sheds_its_events_and_then_takes_new_ones() {
    let memory = Arc::new(QueueMemory::new(4 * MEBIBYTE));
    let usual = || queue_with(HighWaterMark::default(), Some(Arc::clone(&memory)));
    let ((large, mut large_receiver), (small, mut small_receiver)) = (usual(), usual());
    assert_eq!(large.push(Item::Answer(1)), Pushed::Queued);
    for _ in 0..3 {
        assert_eq!(large.push(Item::Event(MEBIBYTE)), Pushed::Queued);
    }
    assert_eq!(small.push(Item::Event(2 * MEBIBYTE)), Pushed::Queued);
    assert_eq!(large.push(Item::Event(1)), Pushed::Dropped, "the queue has to free memory");
    assert_eq!(large.push(Item::Answer(2)), Pushed::Queued);
    assert_eq!(drain(&mut large_receiver), (vec![Item::Answer(1), Item::Answer(2)], None));
    assert_eq!(large.refused(), 4);
    assert_eq!(memory.used(), 2 * MEBIBYTE);
    assert_eq!(large.push(Item::Event(1)), Pushed::Queued);
    assert_eq!(drain(&mut small_receiver).0, [Item::Event(2 * MEBIBYTE)]);
    assert_eq!((small.refused(), memory.used()), (0, 0));
}

#[test]
fn queue_that_is_large_without_events_ends_when_memory_is_used_up() {
    let memory = Arc::new(QueueMemory::new(QUEUE_MAX_AFTER_SHEDDING));
    let (outbound, mut receiver) = queue_with(HighWaterMark::default(), Some(Arc::clone(&memory)));
    for _ in 0..=QUEUE_MAX_AFTER_SHEDDING / MEBIBYTE {
        assert_eq!(outbound.push(Item::Answer(MEBIBYTE)), Pushed::Queued);
    }
    assert_eq!(drain(&mut receiver).1, Some(QueueEnd::Kill));
    drop(receiver);
    assert_eq!(memory.used(), 0);
}
