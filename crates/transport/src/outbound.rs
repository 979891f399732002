//! The bounded queue between the router and one connection.
//!
//! Pushing never blocks. A full queue ends the connection for what its peer is owed; what becomes
//! of events is a policy ([`SlowConsumer`]), and other requests are refused. All of it is counted
//! or said. The connection is woken once for everything that is pushed before it runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use parking_lot::Mutex;

use crate::limits::{
    QUEUE_KILLS_BYTES, QUEUE_KILLS_MESSAGES, QUEUE_PAUSES_READING_BYTES,
    QUEUE_PAUSES_READING_MESSAGES, QUEUE_REFUSES_BYTES, QUEUE_REFUSES_MESSAGES,
};

/// Whether a full queue may lose an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Never: the peer is owed it, and rather the connection ends.
    Never,
    /// It is refused to whoever sends it.
    Refused,
    /// It is an event, with which the peer's [`SlowConsumer`] is followed.
    Missed,
}

/// What becomes of events for a peer that reads more slowly than it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumer {
    /// It misses them.
    #[default]
    DropEvents,
    /// Its connection ends.
    Disconnect,
    /// They are taken as long as the queue has not twice its size, and whoever sends them is asked
    /// to wait; those over that are missed.
    BlockPublisher,
}

/// From how much on a queue refuses what it may refuse. Answers are owed beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusesFrom {
    /// In bytes.
    pub bytes: u32,
    /// In messages.
    pub messages: u32,
}

impl Default for RefusesFrom {
    fn default() -> Self {
        Self { bytes: QUEUE_REFUSES_BYTES as u32, messages: QUEUE_REFUSES_MESSAGES as u32 }
    }
}

/// What a queue must know of an item.
pub trait Queued {
    /// Roughly how many bytes it holds.
    fn size(&self) -> usize;

    /// Whether a full queue may lose it.
    fn loss(&self) -> Loss;
}

/// What became of a pushed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is in the queue, which is full: whoever sends events should wait for room.
    Crowded,
    /// The queue is full; the item is gone.
    Congested,
    /// The connection has ended or is ending; the item is gone.
    Gone,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    refuses_from: RefusesFrom,
    /// What the items hold, and those taken but not encoded yet.
    bytes: usize,
    messages: usize,
    refused: u64,
    end: Option<End>,
    waker: Option<Waker>,
    /// Of a connection that can't write and waits for nothing but the end.
    end_waker: Option<Waker>,
    policy: SlowConsumer,
    /// Of those who wait for room.
    waiting: Vec<Waker>,
}

/// How a queue ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Send what is queued, then close.
    Close(String),
    /// Close at once: the peer does not read.
    Kill,
    /// The connection is gone.
    Gone,
}

/// The side of the queue that is pushed into. Cheap to clone.
#[derive(Debug)]
pub struct Outbound<T>(Arc<Mutex<Queue<T>>>);

impl<T> Clone for Outbound<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The side of the queue that its connection takes from. Dropping it ends the queue.
#[derive(Debug)]
pub struct Outlet<T> {
    queue: Arc<Mutex<Queue<T>>>,
    /// That something was refused has been told.
    has_told: bool,
}

/// A new, empty queue.
pub fn queue<T: Queued>() -> (Outbound<T>, Outlet<T>) {
    queue_that_refuses_from(RefusesFrom::default())
}

/// A new, empty queue of another size.
pub fn queue_that_refuses_from<T: Queued>(refuses_from: RefusesFrom) -> (Outbound<T>, Outlet<T>) {
    let queue = Arc::new(Mutex::new(Queue {
        items: VecDeque::new(),
        refuses_from,
        bytes: 0,
        messages: 0,
        refused: 0,
        end: None,
        waker: None,
        end_waker: None,
        policy: SlowConsumer::default(),
        waiting: Vec::new(),
    }));
    (Outbound(Arc::clone(&queue)), Outlet { queue, has_told: false })
}

impl<T: Queued> Outbound<T> {
    /// Adds an item, in the order of the calls.
    pub fn push(&self, item: T) -> Pushed {
        let mut queue = self.0.lock();
        if queue.end.is_some() {
            return Pushed::Gone;
        }
        let mut pushed = Pushed::Queued;
        if item.loss() == Loss::Never {
            if queue.bytes >= QUEUE_KILLS_BYTES || queue.messages >= QUEUE_KILLS_MESSAGES {
                queue.finish(End::Kill);
                return Pushed::Gone;
            }
        } else if queue.is_full(1) {
            pushed = queue.push_full(item.loss());
            if pushed != Pushed::Crowded {
                return pushed;
            }
        }
        queue.bytes += item.size();
        queue.messages += 1;
        queue.items.push_back(item);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            wake(waker);
        }
        pushed
    }

    /// What becomes of events from now on, when the peer reads too slowly.
    pub fn set_policy(&self, policy: SlowConsumer) {
        self.0.lock().policy = policy;
    }

    /// Ready when there is room again, or the connection is gone.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.0.lock();
        if queue.end.is_some() || !queue.is_full(1) {
            return Poll::Ready(());
        }
        if !queue.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            queue.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// Ends the connection after what is queued has been sent. The first reason counts.
    pub fn close(&self, reason: &str) {
        let mut queue = self.0.lock();
        if queue.end.is_none() {
            queue.finish(End::Close(reason.to_owned()));
        }
    }

    /// How many items a full queue has refused.
    pub fn refused(&self) -> u64 {
        self.0.lock().refused
    }
}

impl<T> Queue<T> {
    fn finish(&mut self, end: End) {
        self.end = Some(end);
        let wakers = self.waker.take().into_iter().chain(self.end_waker.take());
        wakers.chain(std::mem::take(&mut self.waiting)).for_each(wake);
    }

    /// What will not be sent any more, to be dropped outside of the lock.
    fn take_lost(&mut self) -> VecDeque<T> {
        if self.end == Some(End::Kill) { std::mem::take(&mut self.items) } else { VecDeque::new() }
    }

    /// Whether it holds so many times what it takes before it refuses anything.
    const fn is_full(&self, times: usize) -> bool {
        let RefusesFrom { bytes, messages } = self.refuses_from;
        self.bytes >= times * bytes as usize || self.messages >= times * messages as usize
    }

    /// What becomes of an item that is not owed.
    fn push_full(&mut self, loss: Loss) -> Pushed {
        match self.policy {
            SlowConsumer::Disconnect if loss == Loss::Missed => {
                self.finish(End::Kill);
                Pushed::Gone
            }
            SlowConsumer::BlockPublisher if loss == Loss::Missed && !self.is_full(2) => {
                Pushed::Crowded
            }
            _ => {
                self.refused += 1;
                Pushed::Congested
            }
        }
    }

    /// Those who may go on, if there is room again.
    fn room_wakers(&mut self) -> Vec<Waker> {
        if self.waiting.is_empty() || self.is_full(1) {
            return Vec::new();
        }
        std::mem::take(&mut self.waiting)
    }
}

impl<T: Queued> Outlet<T> {
    /// Moves everything that is queued to the end of `batch`, after saying how much of what was
    /// taken before has been encoded. Pending when there is nothing; the end of the queue comes
    /// after its items.
    pub fn poll_take(
        &mut self,
        encoded: &mut Encoded,
        batch: &mut VecDeque<T>,
        context: &Context<'_>,
    ) -> Poll<Option<End>> {
        let mut queue = self.queue.lock();
        queue.bytes = queue.bytes.saturating_sub(std::mem::take(&mut encoded.bytes));
        queue.messages = queue.messages.saturating_sub(std::mem::take(&mut encoded.messages));
        queue.room_wakers().into_iter().for_each(wake);
        if queue.end == Some(End::Kill) {
            let _lost = queue.take_lost();
            drop(queue);
            return Poll::Ready(Some(End::Kill));
        }
        if !queue.items.is_empty() {
            if batch.is_empty() {
                std::mem::swap(batch, &mut queue.items);
            } else {
                batch.append(&mut queue.items);
            }
            return Poll::Ready(None);
        }
        if queue.end.is_some() {
            return Poll::Ready(queue.end.clone());
        }
        remember(&mut queue.waker, context);
        Poll::Pending
    }

    /// Whether something has been refused for the first time since this was last asked.
    pub(crate) fn takes_first_refusal(&mut self) -> bool {
        !self.has_told && {
            self.has_told = self.queue.lock().refused > 0;
            self.has_told
        }
    }

    /// Takes the first item alone, for a peer that asks for one at a time; it counts no longer.
    /// Pending when there is none; the end of the queue comes after its items.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Result<T, End>> {
        let mut queue = self.queue.lock();
        if queue.end == Some(End::Kill) {
            let _lost = queue.take_lost();
            drop(queue);
            return Poll::Ready(Err(End::Kill));
        }
        if let Some(item) = queue.items.pop_front() {
            queue.bytes = queue.bytes.saturating_sub(item.size());
            queue.messages = queue.messages.saturating_sub(1);
            queue.room_wakers().into_iter().for_each(wake);
            return Poll::Ready(Ok(item));
        }
        if let Some(end) = &queue.end {
            return Poll::Ready(Err(end.clone()));
        }
        remember(&mut queue.waker, context);
        Poll::Pending
    }

    /// Whether what may not be refused has piled up.
    pub(crate) fn has_piled_up(&self) -> bool {
        let queue = self.queue.lock();
        queue.bytes >= QUEUE_PAUSES_READING_BYTES || queue.messages >= QUEUE_PAUSES_READING_MESSAGES
    }

    /// How many items the full queue has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.queue.lock().refused
    }

    /// The end of the queue, whatever stands before it. Pending while there is none; what is pushed
    /// meanwhile wakes nobody.
    pub(crate) fn poll_end(&mut self, context: &Context<'_>) -> Poll<End> {
        let mut queue = self.queue.lock();
        let Some(end) = queue.end.clone() else {
            remember(&mut queue.end_waker, context);
            return Poll::Pending;
        };
        let _lost = queue.take_lost();
        drop(queue);
        Poll::Ready(end)
    }
}

#[inline]
fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.end = Some(End::Gone);
        queue.items = VecDeque::new();
        queue.waker = None;
        queue.end_waker = None;
        std::mem::take(&mut queue.waiting).into_iter().for_each(wake);
    }
}

/// What a connection has encoded since it last took something.
#[derive(Debug, Default)]
pub struct Encoded {
    /// What they held in the queue ([`Queued::size`]).
    pub bytes: usize,
    /// How many they were.
    pub messages: usize,
}

impl Encoded {
    /// One more is encoded.
    pub(crate) fn count(&mut self, item: &impl Queued) {
        self.bytes += item.size();
        self.messages += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::{Context, Poll, Waker};

    use super::{Encoded, End, Loss, Pushed, Queued, SlowConsumer, queue};
    use crate::limits::{QUEUE_KILLS_MESSAGES, QUEUE_REFUSES_MESSAGES};

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

        fn loss(&self) -> Loss {
            match self {
                Self::Event(_) => Loss::Missed,
                Self::Answer(_) => Loss::Never,
            }
        }
    }

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn items_come_out_in_the_order_in_which_they_went_in() {
        let (outbound, mut outlet) = queue();
        let mut batch = VecDeque::new();
        assert!(outlet.poll_take(&mut Encoded::default(), &mut batch, &context()).is_pending());
        for size in 1..4 {
            assert_eq!(outbound.push(Item::Event(size)), Pushed::Queued);
        }
        let taken = outlet.poll_take(&mut Encoded::default(), &mut batch, &context());
        assert_eq!(taken, Poll::Ready(None));
        assert_eq!(batch, [Item::Event(1), Item::Event(2), Item::Event(3)]);
    }

    #[test]
    fn a_full_queue_refuses_events_counts_them_and_still_takes_answers() {
        let (outbound, _outlet) = queue();
        for _ in 0..QUEUE_REFUSES_MESSAGES {
            assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
        }
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Congested);
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Congested);
        assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
        assert_eq!(outbound.refused(), 2);
    }

    #[test]
    fn a_queue_full_of_answers_ends_its_connection_at_once() {
        let (outbound, mut outlet) = queue();
        for _ in 0..QUEUE_KILLS_MESSAGES {
            assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
        }
        assert_eq!(outbound.push(Item::Answer(1)), Pushed::Gone);
        let mut batch = VecDeque::new();
        let taken = outlet.poll_take(&mut Encoded::default(), &mut batch, &context());
        assert_eq!(taken, Poll::Ready(Some(End::Kill)));
    }

    #[test]
    fn a_full_queue_of_one_that_is_to_be_disconnected_ends_with_the_next_event() {
        let (outbound, mut outlet) = queue();
        outbound.set_policy(SlowConsumer::Disconnect);
        for _ in 0..QUEUE_REFUSES_MESSAGES {
            assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
        }
        assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Gone);
        let taken = outlet.poll_take(&mut Encoded::default(), &mut VecDeque::new(), &context());
        assert_eq!(taken, Poll::Ready(Some(End::Kill)));
    }

    #[test]
    fn a_full_queue_of_one_that_blocks_publishers_takes_twice_as_much_and_says_when_there_is_room()
    {
        let (outbound, mut outlet) = queue();
        outbound.set_policy(SlowConsumer::BlockPublisher);
        assert_eq!(outbound.poll_room(&context()), Poll::Ready(()));
        for number in 0..2 * QUEUE_REFUSES_MESSAGES {
            let is_full = number >= QUEUE_REFUSES_MESSAGES;
            let expected = if is_full { Pushed::Crowded } else { Pushed::Queued };
            assert_eq!(outbound.push(Item::Event(1)), expected, "{number}");
        }
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Congested);
        assert_eq!(outbound.poll_room(&context()), Poll::Pending);
        let mut batch = VecDeque::new();
        let _ = outlet.poll_take(&mut Encoded::default(), &mut batch, &context());
        let messages = QUEUE_REFUSES_MESSAGES + 1;
        let mut encoded = Encoded { bytes: messages, messages };
        assert_eq!(outbound.poll_room(&context()), Poll::Pending, "taken is not encoded");
        assert!(outlet.poll_take(&mut encoded, &mut batch, &context()).is_pending());
        assert_eq!(outbound.poll_room(&context()), Poll::Ready(()));
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
    }

    #[test]
    fn who_waits_for_room_is_woken_when_there_is_some_or_the_connection_is_gone() {
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
        let (outbound, mut outlet) = queue();
        outbound.set_policy(SlowConsumer::BlockPublisher);
        let fill = || while outbound.push(Item::Event(1)) == Pushed::Queued {};
        fill();
        assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
        assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
        let mut batch = VecDeque::new();
        let _ = outlet.poll_take(&mut Encoded::default(), &mut batch, &context());
        let mut encoded = Encoded { bytes: batch.len(), messages: batch.len() };
        assert!(outlet.poll_take(&mut encoded, &mut batch, &context()).is_pending());
        assert_eq!(counting.0.load(SeqCst), 1);
        fill();
        assert!(outbound.poll_room(&Context::from_waker(&waker)).is_pending());
        drop(outlet);
        assert_eq!(counting.0.load(SeqCst), 2);
    }

    #[test]
    fn what_is_taken_counts_until_it_is_encoded() {
        let (outbound, mut outlet) = queue();
        let mut batch = VecDeque::new();
        assert_eq!(outbound.push(Item::Event(crate::limits::QUEUE_REFUSES_BYTES)), Pushed::Queued);
        let _ = outlet.poll_take(&mut Encoded::default(), &mut batch, &context());
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Congested);
        let size = batch.pop_front().map_or(0, |item: Item| item.size());
        let mut encoded = Encoded { bytes: size, messages: 1 };
        assert!(outlet.poll_take(&mut encoded, &mut batch, &context()).is_pending());
        assert_eq!(outbound.push(Item::Event(1)), Pushed::Queued);
    }

    #[test]
    fn the_end_comes_after_the_items_and_nothing_after_the_end() {
        let (outbound, mut outlet) = queue();
        assert_eq!(outbound.push(Item::Answer(1)), Pushed::Queued);
        outbound.close("enough");
        assert_eq!(outbound.push(Item::Answer(2)), Pushed::Gone);
        let mut batch = VecDeque::new();
        let mut encoded = Encoded::default();
        assert_eq!(outlet.poll_take(&mut encoded, &mut batch, &context()), Poll::Ready(None));
        let end = Some(End::Close("enough".to_owned()));
        assert_eq!(outlet.poll_take(&mut encoded, &mut batch, &context()), Poll::Ready(end));
        drop(outlet);
        assert_eq!(outbound.push(Item::Answer(3)), Pushed::Gone);
    }
}
