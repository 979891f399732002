//! The bounded queue between the router and one connection.
//!
//! Pushing never blocks. A full queue refuses what may be refused and ends the connection for what
//! may not; both are counted or said. The connection is woken once for everything that is pushed
//! before it runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use parking_lot::Mutex;

use crate::limits::{
    QUEUE_KILLS_BYTES, QUEUE_KILLS_MESSAGES, QUEUE_REFUSES_BYTES, QUEUE_REFUSES_MESSAGES,
};

/// What a queue must know of an item.
pub trait Queued {
    /// Roughly how many bytes it holds.
    fn size(&self) -> usize;

    /// Whether a full queue may refuse it. Otherwise a full queue ends its connection.
    fn may_be_refused(&self) -> bool;
}

/// What became of a pushed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It is in the queue.
    Queued,
    /// The queue is full; the item is gone.
    Congested,
    /// The connection has ended or is ending; the item is gone.
    Gone,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    /// What the items hold, and those taken but not encoded yet.
    bytes: usize,
    messages: usize,
    refused: u64,
    end: Option<End>,
    waker: Option<Waker>,
    /// Of a connection that can't write and waits for nothing but the end.
    end_waker: Option<Waker>,
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
}

/// A new, empty queue.
pub fn queue<T: Queued>() -> (Outbound<T>, Outlet<T>) {
    let queue = Arc::new(Mutex::new(Queue {
        items: VecDeque::new(),
        bytes: 0,
        messages: 0,
        refused: 0,
        end: None,
        waker: None,
        end_waker: None,
    }));
    (Outbound(Arc::clone(&queue)), Outlet { queue })
}

impl<T: Queued> Outbound<T> {
    /// Adds an item, in the order of the calls.
    pub fn push(&self, item: T) -> Pushed {
        let mut queue = self.0.lock();
        if queue.end.is_some() {
            return Pushed::Gone;
        }
        if item.may_be_refused() {
            if queue.bytes >= QUEUE_REFUSES_BYTES || queue.messages >= QUEUE_REFUSES_MESSAGES {
                queue.refused += 1;
                return Pushed::Congested;
            }
        } else if queue.bytes >= QUEUE_KILLS_BYTES || queue.messages >= QUEUE_KILLS_MESSAGES {
            queue.finish(End::Kill);
            return Pushed::Gone;
        }
        queue.bytes += item.size();
        queue.messages += 1;
        queue.items.push_back(item);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            wake(waker);
        }
        Pushed::Queued
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
        for waker in self.waker.take().into_iter().chain(self.end_waker.take()) {
            wake(waker);
        }
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
        if queue.end == Some(End::Kill) {
            return Poll::Ready(queue.end.clone());
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

    /// How many items the full queue has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.queue.lock().refused
    }

    /// The end of the queue, whatever stands before it. Pending while there is none; what is pushed
    /// meanwhile wakes nobody.
    pub(crate) fn poll_end(&mut self, context: &Context<'_>) -> Poll<End> {
        let mut queue = self.queue.lock();
        if let Some(end) = &queue.end {
            return Poll::Ready(end.clone());
        }
        remember(&mut queue.end_waker, context);
        Poll::Pending
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

    use super::{Encoded, End, Pushed, Queued, queue};
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

        fn may_be_refused(&self) -> bool {
            matches!(self, Self::Event(_))
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
