//! Points in time, and deadlines in one ordered queue: no timer for each call.
//!
//! The host asks for the earliest deadline and calls back then; the clock is the host's.

use std::collections::BTreeSet;
use std::time::Duration;

/// A point on the host's monotonic clock, in microseconds since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The moment `elapsed` after the start of the clock.
    pub fn after_start(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// The time since the start of the clock.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The moment `millis` milliseconds later. Saturates.
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }
}

/// Deadlines, earliest first.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    queue: BTreeSet<(Moment, K)>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { queue: BTreeSet::new() }
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    pub(crate) fn insert(&mut self, at: Moment, key: K) {
        self.queue.insert((at, key));
    }

    pub(crate) fn remove(&mut self, at: Moment, key: K) {
        self.queue.remove(&(at, key));
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the key with the earliest deadline, if that is not after `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<K> {
        let (at, key) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        Some(key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
