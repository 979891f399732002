//! How many connections each thread has, and which of them gets the next one.
//!
//! Threads are filled one after the other and not in turn: a caller and its callee that live on
//! one thread need no other thread to be woken for each of their calls. But no thread gets far
//! ahead of the others, since connections that are idle now may all be busy later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many more connections than the least loaded one a thread may have. A few clients stay
/// together, and hundreds are spread. (`tests/wire/order.rs` counts on it to use two threads.)
const AHEAD: usize = 64;

/// The connections of each thread.
#[derive(Debug)]
pub(super) struct Load(Arc<[AtomicUsize]>);

/// A connection's place on a thread; dropping it is leaving.
#[derive(Debug)]
pub(super) struct Place {
    load: Arc<[AtomicUsize]>,
    thread: usize,
}

impl Load {
    /// Of so many threads, at least one.
    pub(super) fn of(threads: usize) -> Self {
        Self((0..threads.max(1)).map(|_| AtomicUsize::new(0)).collect())
    }

    /// A place for a new connection: on the first thread that is not too far ahead.
    pub(super) fn place(&self) -> Place {
        let counts = || self.0.iter().map(|count| count.load(Ordering::Relaxed));
        let least = counts().min().unwrap_or(0);
        let thread = counts().position(|count| count < least + AHEAD).unwrap_or(0);
        self.0[thread].fetch_add(1, Ordering::Relaxed);
        Place { load: Arc::clone(&self.0), thread }
    }
}

impl Place {
    pub(super) const fn thread(&self) -> usize {
        self.thread
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load[self.thread].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD, Load, Place};

    fn threads(places: &[Place]) -> Vec<usize> {
        places.iter().map(Place::thread).collect()
    }

    #[test]
    fn a_few_connections_stay_together_and_many_are_spread() {
        let load = Load::of(3);
        let places: Vec<Place> = (0..3 * AHEAD).map(|_| load.place()).collect();
        let mut expected = [0, 1].map(|thread| [thread; AHEAD]).concat();
        // The third has one more each time, and so may the others.
        expected.extend([2, 0, 1].iter().cycle().take(AHEAD));
        assert_eq!(threads(&places), expected);
    }

    #[test]
    fn who_leaves_makes_room() {
        let load = Load::of(2);
        let mut places: Vec<Place> = (0..AHEAD).map(|_| load.place()).collect();
        assert_eq!(load.place().thread(), 1);
        places.pop();
        assert_eq!(load.place().thread(), 0);
    }

    #[test]
    fn one_thread_takes_all() {
        let load = Load::of(1);
        let places: Vec<Place> = (0..3 * AHEAD).map(|_| load.place()).collect();
        assert_eq!(threads(&places), [0; 3 * AHEAD]);
    }
}
