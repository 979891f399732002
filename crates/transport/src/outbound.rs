//! The bounded queue between the router and one connection.
//!
//! Pushing never blocks. A full queue ends the connection for what its peer is owed; what becomes
//! of events is a policy ([`SlowConsumer`]), and other requests are refused. An empty queue takes
//! one message of any size. All of it is counted or said. The connection is woken once for
//! everything that is pushed before it runs. What all queues of the process hold is bounded by
//! [`QueueMemory`].
//!
//! | room | what it is for |
//! |---|---|
//! | `queue` | what both sides share |
//! | `receiver` | the side that the connection takes from |
//! | `memory` | what all queues of a process hold |

use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::websocket::CloseCode;
use parking_lot::Mutex;

use crate::limits::{
    QUEUE_GRANULE, QUEUE_HIGH_WATER_BYTES, QUEUE_HIGH_WATER_MESSAGES, QUEUE_LOW_WATER_BYTES,
    QUEUE_LOW_WATER_MESSAGES, QUEUE_MAX_BYTES, QUEUE_MAX_MESSAGES,
};

mod memory;
mod queue;
mod receiver;

pub use memory::{Charge, QueueMemory, Shed};
use queue::{Queue, remember};
pub use receiver::{Encoded, OutboundReceiver};

/// What a queue above its high-water mark does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Keeps it, and ends the connection at twice the high-water mark: the peer needs every such
    /// item.
    Disconnect,
    /// Drops it, and the sender learns of that.
    Reject,
    /// Follows the peer's [`SlowConsumer`] policy: the item is an event.
    SlowConsumer,
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
pub struct HighWaterMark {
    /// In bytes.
    pub bytes: u32,
    /// In messages.
    pub messages: u32,
}

impl Default for HighWaterMark {
    fn default() -> Self {
        Self { bytes: QUEUE_HIGH_WATER_BYTES as u32, messages: QUEUE_HIGH_WATER_MESSAGES as u32 }
    }
}

/// What a queue must know of an item.
pub trait Queued {
    /// Roughly how many bytes it holds.
    fn size(&self) -> usize;

    /// How many of these bytes other queues hold as well.
    fn shared_size(&self) -> usize {
        0
    }

    /// Whether a full queue may lose it.
    fn overflow(&self) -> Overflow;
}

/// What became of a pushed item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is in the queue, which is full: whoever sends events should wait for room.
    AboveHighWater,
    /// The queue is full; the item is gone.
    Dropped,
    /// The connection has ended or is ending; the item is gone.
    Closed,
}

/// How a queue ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueEnd {
    /// Send what is queued, then close: with this WebSocket code, for this reason.
    Close(CloseCode, String),
    /// Close at once: the peer does not read.
    Kill,
    /// The connection is gone.
    Disconnected,
}

#[derive(Debug)]
struct Shared<T> {
    queue: Mutex<Queue<T>>,
    memory: Option<Arc<QueueMemory>>,
}

/// The side of the queue that is pushed into. Cheap to clone.
#[derive(Debug)]
pub struct OutboundSender<T>(Arc<Shared<T>>);

impl<T> Clone for OutboundSender<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A new, empty queue with the usual limits, that of the process aside.
pub fn queue<T: Queued + Send>() -> (OutboundSender<T>, OutboundReceiver<T>) {
    queue_with(HighWaterMark::default(), None)
}

/// A new, empty queue of another size, which counts in the memory of the process.
pub fn queue_with<T: Queued + Send>(
    high_water_mark: HighWaterMark,
    memory: Option<Arc<QueueMemory>>,
) -> (OutboundSender<T>, OutboundReceiver<T>) {
    let queue = Mutex::new(Queue::new(high_water_mark, memory.is_some()));
    let shared = Arc::new(Shared { queue, memory });
    (OutboundSender(Arc::clone(&shared)), OutboundReceiver::new(shared))
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

    /// What becomes of events from now on, when the peer reads too slowly.
    pub fn set_policy(&self, policy: SlowConsumer) {
        self.0.queue.lock().policy = policy;
    }

    /// Ready when there is room again, or the connection is gone.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.0.queue.lock();
        if queue.end.is_some() || !queue.is_full(1) {
            return Poll::Ready(());
        }
        let room = &mut queue.rare.get_mut().room;
        if !room.iter().any(|waker| waker.will_wake(context.waker())) {
            room.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// A task waits no longer. Its waker would hold its memory as long as the queue is full.
    pub fn stop_waiting(&self, waker: &Waker) {
        let mut queue = self.0.queue.lock();
        if queue.rare.has_room_wakers() {
            queue.rare.get_mut().room.retain(|waiting| !waiting.will_wake(waker));
        }
    }

    /// Whether there is room for what can be sent later. Where not, its connection says when there
    /// is.
    pub fn has_room(&self) -> bool {
        let mut queue = self.0.queue.lock();
        let has_room =
            queue.bytes < QUEUE_LOW_WATER_BYTES && queue.messages < QUEUE_LOW_WATER_MESSAGES;
        queue.wants_room |= !has_room;
        has_room
    }

    /// Lets the connection go on whose session waits to be resumed.
    pub fn resume(&self) {
        let mut queue = self.0.queue.lock();
        queue.is_resumed = true;
        let waker = queue.rare.take_resumed();
        drop(queue);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    /// Ready when the session was resumed since this was last ready, or the connection is gone.
    pub fn poll_resumed(&self, context: &Context<'_>) -> Poll<()> {
        let mut queue = self.0.queue.lock();
        if std::mem::take(&mut queue.is_resumed) || queue.end.is_some() {
            return Poll::Ready(());
        }
        remember(&mut queue.rare.get_mut().resumed, context);
        Poll::Pending
    }

    /// Ends the connection after what is queued has been sent. The first reason counts.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let mut queue = self.0.queue.lock();
        if queue.end.is_none() {
            queue.finish(QueueEnd::Close(code, reason.to_owned()));
        }
    }

    /// How many items a full queue has refused.
    pub fn refused(&self) -> u64 {
        self.0.queue.lock().refused
    }
}

impl<T: Queued + Send + 'static> Shared<T> {
    /// Tells the process how much the queue holds.
    #[cold]
    fn report(self: &Arc<Self>) {
        let Some(memory) = &self.memory else { return };
        let mut queue = self.queue.lock();
        let (bytes, own) = (queue.bytes, queue.bytes - queue.shared);
        queue.reports_at = bytes + QUEUE_GRANULE;
        let id = queue.rare.get_mut().memory_id.take();
        drop(queue);
        let weak = || {
            let weak: Weak<Self> = Arc::downgrade(self);
            weak as Weak<dyn Shed>
        };
        let id = memory.report(id, bytes, own, weak);
        self.queue.lock().rare.get_mut().memory_id = id;
    }
}

impl<T: Queued + Send + 'static> Shed for Shared<T> {
    fn ask_to_shed(&self) {
        let mut queue = self.queue.lock();
        queue.sheds = true;
        let wakers = queue.waker.take().into_iter().chain(queue.rare.take_end());
        let wakers: Vec<_> = wakers.collect();
        drop(queue);
        wakers.into_iter().for_each(wake);
    }
}

#[cfg(test)]
mod tests;
