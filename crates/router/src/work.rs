//! How much a realm does before its host gives the lock back.
//!
//! Most messages are done at once. One that asks for more than a step's work (a publication to very
//! many subscribers, a long listing) is continued later, as a [job](crate::jobs). What a unit is
//! worth is rough: the purpose is to bound a step to about a millisecond, not to measure it.

use crate::limits::WORK_PER_STEP;

/// Handling one message, whatever it asks for.
pub(crate) const MESSAGE: u32 = 10;

/// Making the event of one subscription.
pub(crate) const EVENT: u32 = 10;

/// Looking at one entry of a table, or handing one message to an outbox.
pub(crate) const ENTRY: u32 = 1;

/// Taking one entry out of a table, with what hangs on it.
pub(crate) const REMOVAL: u32 = 4;

/// Looking at so many entries.
pub(crate) fn entries(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(ENTRY)
}

/// Bytes that are written or copied for one unit.
const BYTES_PER_UNIT: usize = 64;

/// The work of one step. A unit is about 100 ns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    given: u32,
    spent: u32,
}

impl Work {
    /// A step's work.
    pub(crate) const fn step() -> Self {
        Self::of(WORK_PER_STEP)
    }

    /// A step's work of which a message has been handled.
    pub(crate) const fn message() -> Self {
        Self { given: WORK_PER_STEP, spent: MESSAGE }
    }

    /// So much of a step's work.
    pub(crate) const fn of(units: u32) -> Self {
        Self { given: units, spent: 0 }
    }

    /// More than there is to do, for work that is not done under the realm's lock.
    pub(crate) const fn unbounded() -> Self {
        Self::of(u32::MAX)
    }

    /// Whether the step is over.
    pub(crate) const fn is_spent(self) -> bool {
        self.spent >= self.given
    }

    /// Units that are left in the step.
    pub(crate) const fn left(self) -> u32 {
        self.given.saturating_sub(self.spent)
    }

    /// Units that the step has taken; more than it was given where its last piece was longer than
    /// what was left.
    pub(crate) const fn spent(self) -> u32 {
        self.spent
    }

    /// Spends units. The last piece of work of a step may be longer than what is left.
    #[inline]
    pub(crate) const fn spend(&mut self, units: u32) {
        self.spent = self.spent.saturating_add(units);
    }

    /// Spends what it takes to look at so many entries.
    #[inline]
    pub(crate) fn spend_entries(&mut self, count: usize) {
        self.spend(entries(count));
    }

    /// Spends what it takes to write or copy so many bytes.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) {
        self.spend(u32::try_from(bytes / BYTES_PER_UNIT).unwrap_or(u32::MAX));
    }
}
