//! The bounded queue between the router and one connection.
//!
//! - Pushing never blocks. An empty queue takes one message of any size.
//! - Above the high-water mark, [`Overflow`] says what happens to an item: answers are still queued
//!   and end the connection at the maximum, requests are rejected, and events follow the
//!   [`SlowConsumer`] policy. Dropped items are counted.
//! - The connection is woken once for all items that are pushed before it runs.
//! - [`QueueMemory`] bounds what all queues of the process hold.
//!
//! | module | purpose |
//! |---|---|
//! | `item` | what a queue knows of an item, and its policies |
//! | `memory` | what all queues of a process hold |
//! | `queue` | the state that both sides share |
//! | `shared` | that state behind its lock |
//! | `sender` | the side that the router pushes into |
//! | `receiver` | the side that the connection takes from |

use std::sync::Arc;

use parking_lot::Mutex;

mod item;
mod memory;
mod queue;
mod receiver;
mod sender;
mod shared;

pub use item::{HighWaterMark, Overflow, Pushed, QueueEnd, Queued, SlowConsumer};
pub use memory::{Charge, QueueMemory, Shed};
pub use queue::EncodedBatch;
use queue::Queue;
pub use receiver::OutboundReceiver;
pub use sender::OutboundSender;
use shared::SharedQueue;

/// A new, empty queue with the default high-water mark, which does not count in the memory of the
/// process.
pub fn queue<T: Queued + Send>() -> (OutboundSender<T>, OutboundReceiver<T>) {
    queue_with(HighWaterMark::default(), None)
}

/// A new, empty queue with this high-water mark, which counts in the memory of the process.
pub fn queue_with<T: Queued + Send>(
    high_water_mark: HighWaterMark,
    memory: Option<Arc<QueueMemory>>,
) -> (OutboundSender<T>, OutboundReceiver<T>) {
    let queue = Mutex::new(Queue::new(high_water_mark, memory.is_some()));
    let shared = Arc::new(SharedQueue { queue, memory });
    (OutboundSender::new(Arc::clone(&shared)), OutboundReceiver::new(shared))
}

#[cfg(test)]
mod tests;
