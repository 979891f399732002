//! The resources that a load and its router use during a measurement.

use std::time::Instant;

use super::process::Process;

/// The resources that a load used while it was measured.
#[derive(Debug, Clone, Copy)]
pub struct ResourceUsage {
    /// Duration in seconds.
    pub seconds: f64,
    /// CPU time of the router, in nanoseconds.
    pub router_cpu_ns: Option<u64>,
    /// CPU time of the load itself, in nanoseconds.
    pub own_cpu_ns: Option<u64>,
}

/// Measures CPU time.
#[derive(Debug)]
pub struct CpuWatch {
    router: Option<Process>,
    pub(super) since: Instant,
    router_cpu: Option<u64>,
    own_cpu: Option<u64>,
}

impl CpuWatch {
    /// Starts the measurement.
    pub fn begin(router: Option<Process>) -> Self {
        Self {
            router,
            since: Instant::now(),
            router_cpu: router.and_then(Process::cpu_ns),
            own_cpu: Process::own().cpu_ns(),
        }
    }

    /// Returns the resources used since the start.
    pub fn end(&self) -> ResourceUsage {
        let used = |before: Option<u64>, process: Process| {
            process.cpu_ns().zip(before).map(|(after, before)| after.saturating_sub(before))
        };
        ResourceUsage {
            seconds: self.since.elapsed().as_secs_f64(),
            router_cpu_ns: self.router.and_then(|router| used(self.router_cpu, router)),
            own_cpu_ns: used(self.own_cpu, Process::own()),
        }
    }
}
