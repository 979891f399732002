//! Queue of the parts of a progressive call or result that the application has not taken.
//!
//! Bounded. Unlike events, parts are never dropped one by one: an upload without its middle is
//! useless, so a call whose queue is full fails as a whole. Reasons: `docs/decisions/parts.md`.

use std::collections::VecDeque;

use cloverleaf_wamp::heap_size::HeapSize;

/// Maximum number of queued parts of one call: seconds of a busy stream. A live application takes
/// them within milliseconds.
pub(crate) const MAX_WAITING_PARTS: usize = 4_096;

/// Maximum bytes of arguments in the queue: large parts cost as much as many small ones. An empty
/// queue accepts one part of any size.
pub(crate) const MAX_WAITING_PART_BYTES: usize = 16 * 1024 * 1024;

/// The queue has no room for another part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartQueueFull;

/// A queue bounded by [`MAX_WAITING_PARTS`] and [`MAX_WAITING_PART_BYTES`].
#[derive(Debug)]
pub(crate) struct PartQueue<P> {
    parts: VecDeque<P>,
    bytes: usize,
}

impl<P> Default for PartQueue<P> {
    fn default() -> Self {
        Self { parts: VecDeque::new(), bytes: 0 }
    }
}

impl<P: HeapSize> PartQueue<P> {
    pub(crate) fn push(&mut self, part: P) -> Result<(), PartQueueFull> {
        let size = part.heap_size();
        let is_full = self.parts.len() >= MAX_WAITING_PARTS
            || self.bytes.saturating_add(size) > MAX_WAITING_PART_BYTES;
        if is_full && !self.parts.is_empty() {
            return Err(PartQueueFull);
        }
        self.bytes += size;
        self.parts.push_back(part);
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<P> {
        let part = self.parts.pop_front()?;
        self.bytes -= part.heap_size();
        Some(part)
    }

    /// The memory that all queued parts hold, in bytes.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::heap_size::HeapSize;

    use super::{MAX_WAITING_PART_BYTES, MAX_WAITING_PARTS, PartQueue, PartQueueFull};

    struct Sized(usize);

    impl HeapSize for Sized {
        fn heap_size(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn many_small_parts_fill_a_queue_until_one_is_taken() {
        let mut queue = PartQueue::default();
        for _ in 0..MAX_WAITING_PARTS {
            assert_eq!(queue.push(Sized(1)), Ok(()));
        }
        assert_eq!(queue.push(Sized(1)), Err(PartQueueFull));
        assert!(queue.pop().is_some());
        assert_eq!((queue.push(Sized(1)), queue.bytes()), (Ok(()), MAX_WAITING_PARTS));
    }

    #[test]
    fn an_empty_queue_takes_a_part_of_any_size_and_is_then_full() {
        let mut queue = PartQueue::default();
        assert_eq!(queue.push(Sized(2 * MAX_WAITING_PART_BYTES)), Ok(()));
        assert_eq!(queue.push(Sized(0)), Err(PartQueueFull));
        assert!(queue.pop().is_some());
        assert_eq!(queue.push(Sized(MAX_WAITING_PART_BYTES)), Ok(()));
        assert_eq!(queue.push(Sized(1)), Err(PartQueueFull));
    }
}
