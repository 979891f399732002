//! What all connections of a node may hold together.

use std::sync::Arc;

use cloverleaf_transport::limits::UNFINISHED_BYTES;
use cloverleaf_transport::{InputMemory, QueueMemory};

/// The budget of the queues where the memory of the machine is not known, in bytes.
const QUEUES_ON_AN_UNKNOWN_MACHINE: usize = 1 << 30;

/// The least budget of the queues, in bytes.
const LEAST_FOR_QUEUES: usize = 64 << 20;

/// The budgets of a node.
#[derive(Debug, Clone)]
pub struct Memory {
    queues: Arc<QueueMemory>,
    input: Arc<InputMemory>,
}

impl Memory {
    /// A quarter of the machine's memory for what waits to be sent, and a fixed budget for messages
    /// that have begun.
    pub fn of_machine() -> Self {
        let limit = machine::memory().map_or(QUEUES_ON_AN_UNKNOWN_MACHINE, |bytes| bytes / 4);
        Self {
            queues: Arc::new(QueueMemory::new(limit.max(LEAST_FOR_QUEUES))),
            input: InputMemory::new(UNFINISHED_BYTES),
        }
    }

    /// Budgets of so many bytes, for queues and for unfinished messages.
    pub fn with_budgets(queues: usize, input: usize) -> Self {
        Self { queues: Arc::new(QueueMemory::new(queues)), input: InputMemory::new(input) }
    }

    /// For what waits to be sent.
    pub fn queues(&self) -> Arc<QueueMemory> {
        Arc::clone(&self.queues)
    }

    /// For messages that have begun.
    pub const fn input(&self) -> &Arc<InputMemory> {
        &self.input
    }
}

/// How much memory there is.
mod machine {
    use std::fs::read_to_string;

    /// The memory that this process may use, in bytes: the machine's, or that of its control group
    /// where that is less. None where nothing tells.
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
        // "max" for no limit.
        read_to_string(file).ok()?.trim().parse().ok()
    }

    /// The number of `MemTotal`, which is in KiB.
    pub(super) fn total_in(meminfo: &str) -> Option<usize> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST_FOR_QUEUES, Memory, machine};

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let meminfo = "MemTotal:        8048412 kB\nMemFree:          123456 kB\n";
        assert_eq!(machine::total_in(meminfo), Some(8_048_412 * 1024));
        assert_eq!(machine::total_in("MemFree: 1 kB"), None);
        assert!(machine::memory().is_some_and(|bytes| bytes > 64 << 20));
        assert!(Memory::of_machine().queues().limit() >= LEAST_FOR_QUEUES);
    }
}
