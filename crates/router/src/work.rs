//! The size of a step: the work that a realm does before its host releases the lock.
//!
//! Most messages are handled in one step. A message that needs more (a publication to very many
//! subscribers, a long listing) is continued later as a [job](crate::jobs). The value of a unit is
//! rough: its purpose is to bound a step to about a millisecond, not to measure it.

use crate::limits::WORK_PER_STEP;

/// Handling one message of any kind.
pub(crate) const MESSAGE: u32 = 10;

/// Building the event of one subscription.
pub(crate) const EVENT: u32 = 10;

/// Visiting one entry of a table, or handing one message to an outbox.
pub(crate) const ENTRY: u32 = 1;

/// Removing one entry of a table with what belongs to it.
pub(crate) const REMOVAL: u32 = 4;

/// Units for visiting `count` entries.
pub(crate) fn entries(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(ENTRY)
}

/// Bytes that are written or copied per unit.
const BYTES_PER_UNIT: usize = 64;

/// The work of one step. A unit is about 100 ns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    given: u32,
    spent: u32,
}

impl Work {
    /// The work of a whole step.
    pub(crate) const fn step() -> Self {
        Self::of(WORK_PER_STEP)
    }

    /// The work of a step in which a message is handled.
    pub(crate) const fn message() -> Self {
        Self { given: WORK_PER_STEP, spent: MESSAGE }
    }

    /// A step of `units` units.
    pub(crate) const fn of(units: u32) -> Self {
        Self { given: units, spent: 0 }
    }

    /// Without a bound, for work that is not done under the realm's lock.
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

    /// Units that were spent. The last piece of work may be longer than what was left, so this may
    /// exceed the size of the step.
    pub(crate) const fn spent(self) -> u32 {
        self.spent
    }

    /// Spends units. The last piece of work of a step may be longer than what is left.
    #[inline]
    pub(crate) const fn spend(&mut self, units: u32) {
        self.spent = self.spent.saturating_add(units);
    }

    /// Spends the units for visiting `count` entries.
    #[inline]
    pub(crate) fn spend_entries(&mut self, count: usize) {
        self.spend(entries(count));
    }

    /// Spends the units for writing or copying `bytes` bytes.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) {
        self.spend(u32::try_from(bytes / BYTES_PER_UNIT).unwrap_or(u32::MAX));
    }
}
