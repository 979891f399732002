//! Which call ends at what time: one ordered queue, no timer for each call.
//!
//! The host asks for the earliest deadline and calls back then; the clock is the host's.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::dealer::CallKey;

/// A point on the host's monotonic clock, in microseconds from some start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// So long after the start.
    pub fn after_start(elapsed: Duration) -> Self {
        Self(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    /// How long after the start.
    pub const fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The moment so many milliseconds later; never wraps.
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }
}

/// The deadlines of the calls in flight, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    queue: BTreeSet<(Moment, CallKey)>,
}

impl Deadlines {
    pub(crate) fn insert(&mut self, at: Moment, call: CallKey) {
        self.queue.insert((at, call));
    }

    pub(crate) fn remove(&mut self, at: Moment, call: CallKey) {
        self.queue.remove(&(at, call));
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the earliest call whose deadline is not after `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<CallKey> {
        let (at, call) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.pop_first();
        Some(call)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
