//! Counts the sockets of a thread that its ring may serve.
//!
//! A ring saves system calls where many sockets are ready in the same iteration of the runtime. A
//! few sockets are served faster one by one, so they stay outside the ring until there are enough.
//! See `docs/decisions/io-uring.md`.

use std::cell::Cell;

thread_local! {
    /// Candidates of this thread.
    static CANDIDATES: Cell<usize> = const { Cell::new(0) };
    /// The number of candidates from which on they use the ring.
    static THRESHOLD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A socket of this thread that may be served through the ring. Counted until it is dropped.
#[derive(Debug)]
pub struct RingCandidate(());

impl RingCandidate {
    /// Counts one more.
    #[expect(clippy::new_without_default, reason = "it counts, so it is no default value")]
    pub fn new() -> Self {
        CANDIDATES.set(CANDIDATES.get() + 1);
        Self(())
    }

    /// Whether this thread has enough candidates for its ring to be faster.
    pub fn use_ring() -> bool {
        CANDIDATES.get() >= THRESHOLD.get()
    }
}

impl Drop for RingCandidate {
    fn drop(&mut self) {
        CANDIDATES.set(CANDIDATES.get().saturating_sub(1));
    }
}

/// Candidates of this thread use its ring from so many of them on.
pub fn set_threshold(candidates: usize) {
    THRESHOLD.set(candidates);
}

#[cfg(test)]
mod tests {
    use super::{RingCandidate, set_threshold};

    #[test]
    fn ring_is_used_from_the_threshold_on() {
        let first = RingCandidate::new();
        assert!(!RingCandidate::use_ring());
        set_threshold(2);
        assert!(!RingCandidate::use_ring());
        let second = RingCandidate::new();
        assert!(RingCandidate::use_ring());
        drop(second);
        assert!(!RingCandidate::use_ring());
        drop(first);
        set_threshold(usize::MAX);
    }
}
