//! The time that one thread spends under locks and waiting for them.
//!
//! Reading the clock takes a good part of the time of a message under the lock. So only one entry
//! in [`EACH`] is timed, and the time of the clock is subtracted. Every wait is timed.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One entry in this number is timed. A prime, so that the kind of message varies.
const EACH: u64 = 61;

/// The longest in this number of timed entries is left out: the thread had lost its core.
const LOST_ONE_IN: usize = 100;

/// The measured times of one thread.
#[derive(Debug, Default)]
pub(crate) struct LatencyMeter {
    entries: u64,
    /// Times of the timed entries, in nanoseconds.
    timed: Vec<u64>,
    waits: u64,
    waited: Duration,
}

impl LatencyMeter {
    /// Runs `wait` and counts its time as waiting.
    pub(crate) fn wait<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let since = Instant::now();
        let got = wait();
        self.waited += since.elapsed();
        self.waits += 1;
        got
    }

    /// The lock is held from now on. The result is for [`LatencyMeter::leave`].
    pub(crate) fn enter(&mut self) -> Option<Instant> {
        self.entries += 1;
        self.entries.is_multiple_of(EACH).then(Instant::now)
    }

    /// The lock is about to be released.
    pub(crate) fn leave(&mut self, entered: Option<Instant>) {
        if let Some(entered) = entered {
            self.timed.push(entered.elapsed().as_nanos() as u64);
        }
    }

    /// Adds the measurements of another thread.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.timed.extend_from_slice(&other.timed);
        self.waits += other.waits;
        self.waited += other.waited;
    }

    /// The number of times that a lock was taken.
    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    /// The number of times that the lock was not free.
    pub(crate) const fn waits(&self) -> u64 {
        self.waits
    }

    /// The total waiting time.
    pub(crate) const fn waited(&self) -> Duration {
        self.waited
    }

    /// The average time of one entry under the lock, in nanoseconds. `clock` is the time of one
    /// clock read.
    pub(crate) fn held(&self, clock: f64) -> f64 {
        let mut timed = self.timed.clone();
        timed.sort_unstable();
        timed.truncate(timed.len() - timed.len() / LOST_ONE_IN);
        if timed.is_empty() {
            return 0.0;
        }
        (timed.iter().sum::<u64>() as f64 / timed.len() as f64 - clock).max(0.0)
    }
}

/// The CPU time of this thread.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time of one clock read, in nanoseconds: the minimum of many short rounds, in which the
/// thread kept its core.
pub(crate) fn clock() -> f64 {
    const ROUNDS: u32 = 200;
    const LOOKS: u32 = 500;
    let round = |_| {
        let start = Instant::now();
        for _ in 1..LOOKS {
            std::hint::black_box(Instant::now());
        }
        start.elapsed().as_nanos() as f64 / f64::from(LOOKS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::LatencyMeter;

    #[test]
    fn longest_entry_in_a_hundred_and_clock_reads_do_not_count() {
        let mut timed = vec![130; 99];
        timed.push(4_000_000);
        let meter = LatencyMeter { timed, ..LatencyMeter::default() };
        assert_eq!(meter.held(30.0), 100.0);
    }

    #[test]
    fn one_entry_in_sixty_one_is_timed() {
        let mut meter = LatencyMeter::default();
        for _ in 0..122 {
            let entered = meter.enter();
            meter.leave(entered);
        }
        assert_eq!((meter.entries(), meter.timed.len()), (122, 2));
    }
}
