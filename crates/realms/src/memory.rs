//! The memory budgets that all connections of a node share.

use std::sync::Arc;

use cloverleaf_transport::limits::UNFINISHED_BYTES;
use cloverleaf_transport::{InputMemory, QueueMemory};

/// The budget of the queues in bytes if the memory of the machine is unknown.
const DEFAULT_QUEUE_BUDGET: usize = 1 << 30;

/// The minimum budget of the queues, in bytes.
const MIN_QUEUE_BUDGET: usize = 64 << 20;

/// The budgets of a node.
#[derive(Debug, Clone)]
pub struct Memory {
    queues: Arc<QueueMemory>,
    input: Arc<InputMemory>,
}

impl Memory {
    /// A quarter of the machine's memory for queues, and [`UNFINISHED_BYTES`] for unfinished
    /// messages.
    pub fn of_machine() -> Self {
        let limit = machine::memory().map_or(DEFAULT_QUEUE_BUDGET, |bytes| bytes / 4);
        Self {
            queues: Arc::new(QueueMemory::new(limit.max(MIN_QUEUE_BUDGET))),
            input: InputMemory::new(UNFINISHED_BYTES),
        }
    }

    /// These budgets in bytes, for queues and for unfinished messages.
    pub fn with_budgets(queues: usize, input: usize) -> Self {
        Self { queues: Arc::new(QueueMemory::new(queues)), input: InputMemory::new(input) }
    }

    /// The budget for messages that wait to be sent.
    pub fn queues(&self) -> Arc<QueueMemory> {
        Arc::clone(&self.queues)
    }

    /// The budget for messages that are being received.
    pub const fn input(&self) -> &Arc<InputMemory> {
        &self.input
    }
}

/// The size of the memory.
mod machine {
    use std::fs::read_to_string;

    /// The memory that this process may use, in bytes: that of the machine, or that of its control
    /// group if it is less. None if neither can be read.
    pub(super) fn memory() -> Option<usize> {
        [total(), group("/sys/fs/cgroup/memory.max"), old_group()].into_iter().flatten().min()
    }

    fn total() -> Option<usize> {
        total_in(&read_to_string("/proc/meminfo").ok()?)
    }

    fn old_group() -> Option<usize> {
        group("/sys/fs/cgroup/memory/memory.limit_in_bytes")
    }

    fn group(file: &str) -> Option<usize> {
        // "max" means no limit.
        read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Reads `MemTotal`, which is in KiB. Returns bytes.
    pub(super) fn total_in(meminfo: &str) -> Option<usize> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::{MIN_QUEUE_BUDGET, Memory, machine};

    #[test]
    fn memory_of_the_machine_is_read() {
        let meminfo = "MemTotal:        8048412 kB\nMemFree:          123456 kB\n";
        assert_eq!(machine::total_in(meminfo), Some(8_048_412 * 1024));
        assert_eq!(machine::total_in("MemFree: 1 kB"), None);
        assert!(machine::memory().is_some_and(|bytes| bytes > 64 << 20));
        assert!(Memory::of_machine().queues().limit() >= MIN_QUEUE_BUDGET);
    }
}
