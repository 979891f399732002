//! CPU time and resident memory of a process, from /proc.

use std::fs;
use std::path::PathBuf;

/// A process, by its id.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

impl Process {
    /// The process with this id.
    pub const fn new(pid: u32) -> Self {
        Self(pid)
    }

    /// This process.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// CPU time, user and system, of all its living threads, in nanoseconds; `None` if the system
    /// does not provide it.
    pub fn cpu_ns(self) -> Option<u64> {
        let threads = fs::read_dir(self.path("task")).ok()?;
        threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
            .map(|line| time_on_cpu(&line))
            .sum()
    }

    /// Resident memory in KiB; `None` if the system does not provide it.
    pub fn resident_kib(self) -> Option<u64> {
        resident(&fs::read_to_string(self.path("status")).ok()?)
    }

    fn path(self, file: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{file}", self.0))
    }
}

/// The first field of `schedstat`: nanoseconds on a CPU.
fn time_on_cpu(line: &str) -> Option<u64> {
    line.split_whitespace().next()?.parse().ok()
}

/// `VmRSS` of `status`.
fn resident(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Process, resident, time_on_cpu};

    #[test]
    fn the_first_number_of_schedstat_is_the_time_on_a_cpu() {
        assert_eq!(time_on_cpu("3614021 120 7\n"), Some(3_614_021));
        assert_eq!(time_on_cpu(""), None);
    }

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   5120 kB\n"), Some(5120));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Process::own().resident_kib().is_some_and(|kib| kib > 0));
    }
}
