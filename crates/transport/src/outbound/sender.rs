//! The side of a queue that the router pushes into.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::websocket::CloseCode;

use super::item::{Overflow, Pushed, QueueEnd, Queued, SlowConsumer};
use super::shared::SharedQueue;
use crate::limits::{
    QUEUE_LOW_WATER_BYTES, QUEUE_LOW_WATER_MESSAGES, QUEUE_MAX_BYTES, QUEUE_MAX_MESSAGES,
};

/// The sending side of a queue. Cheap to clone.
#[derive(Debug)]
pub struct OutboundSender<T>(Arc<SharedQueue<T>>);

impl<T> Clone for OutboundSender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> OutboundSender<T> {
    pub(super) const fn new(shared: Arc<SharedQueue<T>>) -> Self {
        Self(shared)
    }
}

impl<T: Queued + Send + 'static> OutboundSender<T> {
    /// Adds an item, in the order of the calls.
    pub fn push(&self, item: T) -> Pushed {
        let mut queue = self.0.queue.lock();
        if queue.end.is_some() {
            return Pushed::Closed;
        }
        let mut pushed = Pushed::Queued;
        if item.overflow() == Overflow::Disconnect {
            if queue.bytes >= QUEUE_MAX_BYTES || queue.messages >= QUEUE_MAX_MESSAGES {
                queue.finish(QueueEnd::Kill);
                return Pushed::Closed;
            }
        } else if queue.is_full(1) || queue.sheds {
            pushed = queue.push_full(item.overflow());
            if pushed != Pushed::AboveHighWater {
                return pushed;
            }
        }
        queue.bytes += item.size();
        queue.shared += item.shared_size();
        queue.messages += 1;
        queue.items.push_back(item);
        let waker = queue.waker.take();
        let is_reported = queue.bytes < queue.reports_at;
        drop(queue);
        if let Some(waker) = waker {
            wake(waker);
        }
        if !is_reported {
            self.0.report();
        }
        pushed
    }

    /// Sets the policy for events that are pushed from now on.
    pub fn set_policy(&self, policy: SlowConsumer) {
        self.0.queue.lock().policy = policy;
    }

    /// Ready when the queue is below its high-water mark, or its connection has ended.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.0.queue.lock();
        if queue.end.is_some() || !queue.is_full(1) {
            return Poll::Ready(());
        }
        queue.rare.get_mut().room.register(context);
        Poll::Pending
    }

    /// Removes a task that waits in [`Self::poll_room`]. Its waker would keep the memory of the
    /// task alive as long as the queue is full.
    pub fn stop_waiting(&self, waker: &Waker) {
        let mut queue = self.0.queue.lock();
        if queue.rare.has_room_wakers() {
            queue.rare.get_mut().room.remove(waker);
        }
    }

    /// Whether the queue is below its low-water mark, so that it takes what can be sent later. If
    /// not, its connection calls [`Lifecycle::drained`](crate::Lifecycle::drained) when it is.
    pub fn has_room(&self) -> bool {
        let mut queue = self.0.queue.lock();
        let has_room =
            queue.bytes < QUEUE_LOW_WATER_BYTES && queue.messages < QUEUE_LOW_WATER_MESSAGES;
        queue.wants_room |= !has_room;
        has_room
    }

    /// Resumes the connection, whose session waits in [`Self::poll_resumed`].
    pub fn resume(&self) {
        let mut queue = self.0.queue.lock();
        queue.is_resumed = true;
        let waker = queue.rare.take_resumed();
        drop(queue);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    /// Ready when [`Self::resume`] was called since this was last ready, or the connection has
    /// ended.
    pub fn poll_resumed(&self, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.0.queue.lock();
        if std::mem::take(&mut queue.is_resumed) || queue.end.is_some() {
            return Poll::Ready(());
        }
        queue.rare.get_mut().resumed.register(context);
        Poll::Pending
    }

    /// Ends the connection after what is queued has been sent. Only the first call counts.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let mut queue = self.0.queue.lock();
        if queue.end.is_none() {
            queue.finish(QueueEnd::Close(code, reason.to_owned()));
        }
    }

    /// The number of items that the full queue has dropped.
    pub fn refused(&self) -> u64 {
        self.0.queue.lock().refused
    }
}
