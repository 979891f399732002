//! Growth of the resident memory of a node since a moment.

use crate::support::NodeProcess;
use crate::support::process::{peak_resident_bytes, resident_bytes};

/// Bytes of one mebibyte.
pub(crate) const MIB: u64 = 1024 * 1024;

/// The resident memory of a node at the start of a measurement.
pub(crate) struct MemoryGrowth {
    process: u32,
    before: u64,
}

impl MemoryGrowth {
    /// Begins a measurement.
    pub(crate) fn since_now(node: &NodeProcess) -> Self {
        Self { process: node.id(), before: resident_bytes(node.id()) }
    }

    /// Asserts that the peak of the resident memory is less than `limit` bytes above the start.
    pub(crate) fn assert_below(&self, limit: u64) {
        let peak = peak_resident_bytes(self.process).saturating_sub(self.before);
        assert!(peak < limit, "the node has grown by {} MiB", peak / MIB);
    }
}
