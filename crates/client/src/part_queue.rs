//! ProgressiveArgs of a call, or of its result, that wait for the application.
//!
//! Bounded, and unlike events never lost one by one: an upload without its middle is none, so a
//! call whose parts are not taken fails as a whole. See `docs/decisions/parts.md`.

use std::collections::VecDeque;

/// The most parts that wait for one call: seconds of a busy stream, where an application that is
/// alive takes them within milliseconds.
pub(crate) const MAX_WAITING_PARTS: usize = 4_096;

/// The most bytes of arguments in them: large parts cost as much as many small ones. One part is
/// taken whatever its size.
pub(crate) const MAX_WAITING_PART_BYTES: usize = 16 * 1024 * 1024;

/// What can wait.
pub(crate) trait QueuedPart {
    /// How many bytes it holds.
    fn size(&self) -> usize;
}

/// There is no room for another part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartQueueFull;

/// See the [module](self).
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

impl<P: QueuedPart> PartQueue<P> {
    pub(crate) fn push(&mut self, part: P) -> Result<(), PartQueueFull> {
        let size = part.size();
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
        self.bytes -= part.size();
        Some(part)
    }

    /// How many bytes the parts hold.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_WAITING_PART_BYTES, MAX_WAITING_PARTS, PartQueue, PartQueueFull, QueuedPart};

    struct Sized(usize);

    impl QueuedPart for Sized {
        fn size(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn a_queue_is_full_of_many_small_parts_and_has_room_when_one_is_taken() {
        let mut queue = PartQueue::default();
        for _ in 0..MAX_WAITING_PARTS {
            assert_eq!(queue.push(Sized(1)), Ok(()));
        }
        assert_eq!(queue.push(Sized(1)), Err(PartQueueFull));
        assert!(queue.pop().is_some());
        assert_eq!((queue.push(Sized(1)), queue.bytes()), (Ok(()), MAX_WAITING_PARTS));
    }

    #[test]
    fn a_queue_is_full_of_few_large_parts_and_takes_one_whatever_its_size() {
        let mut queue = PartQueue::default();
        assert_eq!(queue.push(Sized(2 * MAX_WAITING_PART_BYTES)), Ok(()));
        assert_eq!(queue.push(Sized(0)), Err(PartQueueFull));
        assert!(queue.pop().is_some());
        assert_eq!(queue.push(Sized(MAX_WAITING_PART_BYTES)), Ok(()));
        assert_eq!(queue.push(Sized(1)), Err(PartQueueFull));
    }
}
