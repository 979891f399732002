//! What a queue knows of an item, and what it does with one above its high-water mark.

use cloverleaf_wamp::websocket::CloseCode;

use crate::limits::{QUEUE_HIGH_WATER_BYTES, QUEUE_HIGH_WATER_MESSAGES};

/// What a queue above its high-water mark does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Queues it up to the maximum, where the connection ends: the peer must not miss it.
    Disconnect,
    /// Drops it, and the sender learns of that.
    Reject,
    /// The item is an event: subject to the peer's [`SlowConsumer`] policy.
    SlowConsumer,
}

/// What happens to events for a peer that reads more slowly than it is sent messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumer {
    /// Events are dropped.
    #[default]
    DropEvents,
    /// The connection ends.
    Disconnect,
    /// Backpressure: events are queued up to twice the high-water mark, and their publishers wait
    /// for room. Events above that are dropped.
    BlockPublisher,
}

/// The size above which a queue takes only items that must not be dropped.
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

/// An item of a queue.
pub trait Queued {
    /// The bytes that it counts in the queue: for a message, the memory that it holds, roughly.
    fn size(&self) -> usize;

    /// Those of these bytes that it shares with items of other queues.
    fn shared_size(&self) -> usize {
        0
    }

    /// What a queue above its high-water mark does with it.
    fn overflow(&self) -> Overflow;
}

/// The outcome of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// The item is queued.
    Queued,
    /// The item is queued above the high-water mark: its publisher should wait for room.
    AboveHighWater,
    /// The queue is full. The item was dropped.
    Dropped,
    /// The connection has ended or is ending. The item was dropped.
    Closed,
}

/// How a queue ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueEnd {
    /// The connection sends what is queued, then closes with this WebSocket code, for this reason.
    Close(CloseCode, String),
    /// The connection closes at once: the peer does not read.
    Kill,
    /// The connection has ended.
    Disconnected,
}
