//! How a node uses the machine: options of the command line that change its speed and none of its
//! answers.

use std::time::Duration;

use clap::Args;

use crate::threads::Sockets;

/// See the [module](self).
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "How the machine is used")]
pub struct Tuning {
    /// How many threads serve connections; each owns those that it is given.
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// For how long a thread to which single messages come in quick succession looks for the next
    /// one before it sleeps; 0: it sleeps at once.
    #[arg(long, value_name = "MICROSECONDS", default_value = "100",
          value_parser = clap::value_parser!(u64).range(0..=1_000))]
    spin: u64,
    /// How the sockets of HTTP clients are read and written: through io_uring, or each by system
    /// calls of its own.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) sockets: Sockets,
    /// Serve common calls and publications over HTTP without their fast path.
    #[arg(long)]
    no_fast_path: bool,
}

impl Tuning {
    /// Threads that serve connections, the first one included.
    pub(crate) fn threads(self) -> usize {
        usize::from(self.threads)
    }

    /// For how long a thread looks for more at the most before it sleeps.
    pub(crate) const fn spin(self) -> Duration {
        Duration::from_micros(self.spin)
    }

    /// Whether usual calls and publications have a fast path.
    pub(crate) const fn has_fast_path(self) -> bool {
        !self.no_fast_path
    }
}
