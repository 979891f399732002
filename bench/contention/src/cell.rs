//! One cell of the table: a number of threads, realms and sessions, measured for a while.
//!
//! The sessions of a group live on one thread, as connections do, and each thread has groups in
//! each realm. So the threads contend only for the locks of the realms.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom as _;
use serde::Serialize;

use crate::group::{GroupWork, SessionGroup};
use crate::host::Host;
use crate::meter::{LatencyMeter, cpu_time};

/// The number of rounds per cell. The result is that of the round in which the threads had most of
/// the cores, since other programs disturbed it least.
const ROUNDS: u32 = 5;

/// The parameters of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Cell {
    pub(crate) work: GroupWork,
    pub(crate) threads: usize,
    pub(crate) realms: usize,
    /// Sessions in each realm.
    pub(crate) sessions: usize,
}

/// The result. Times are those of one call or publication.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Calls or publications per second, of all threads.
    pub(crate) rate: f64,
    /// Time under the lock, in nanoseconds.
    pub(crate) under_lock_ns: f64,
    /// CPU time outside of the lock, in nanoseconds. Includes spinning for a lock that is taken,
    /// but not sleeping.
    pub(crate) outside_ns: f64,
    /// The number of cores that the threads had. Fewer than the threads if other programs had some,
    /// or if threads slept before a lock.
    pub(crate) cores: f64,
    /// The share of the threads' time in which they wait for a lock, 0 to 1.
    pub(crate) waiting: f64,
    /// The share of entries that find the lock taken, 0 to 1.
    pub(crate) taken: f64,
}

impl Cell {
    /// Measures the cell for `time` in total.
    pub(crate) fn measure(self, time: Duration, clock: f64) -> Figures {
        let mut places = self.places();
        (0..ROUNDS)
            .map(|_| self.round(&mut places, time / ROUNDS, clock))
            .max_by(|one, other| one.cores.total_cmp(&other.cores))
            .expect("at least one round")
    }

    /// The groups of each thread.
    fn places(self) -> Vec<Vec<SessionGroup>> {
        let hosts: Vec<_> = (0..self.realms).map(|_| Host::new()).collect();
        thread::scope(|scope| {
            let hosts = &hosts;
            let start = |place| scope.spawn(move || self.groups(hosts, place));
            let starting: Vec<_> = (0..self.threads).map(start).collect();
            starting.into_iter().map(|thread| thread.join().expect("no wrong result")).collect()
        })
    }

    /// The groups of one thread, in an order of its own. They are made on a separate thread, so
    /// that connections of different threads share no cache line. Each group has worked once, which
    /// allocates tables and queues.
    fn groups(self, hosts: &[Arc<Host>], place: usize) -> Vec<SessionGroup> {
        let mut groups = Vec::new();
        for host in hosts {
            for number in (place..self.sessions / self.work.group_size()).step_by(self.threads) {
                let mut group = SessionGroup::new(self.work, host, number);
                group.once(&mut Vec::new(), &mut LatencyMeter::default());
                groups.push(group);
            }
        }
        groups.shuffle(&mut rand::rng());
        groups
    }

    fn round(self, places: &mut [Vec<SessionGroup>], time: Duration, clock: f64) -> Figures {
        let barrier = Barrier::new(self.threads + 1);
        let stop = AtomicBool::new(false);
        let shares: Vec<Share> = thread::scope(|scope| {
            let (barrier, stop) = (&barrier, &stop);
            let start = |groups| scope.spawn(move || work(groups, barrier, stop));
            let running: Vec<_> = places.iter_mut().map(Vec::as_mut_slice).map(start).collect();
            barrier.wait();
            thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
            running.into_iter().map(|thread| thread.join().expect("no wrong result")).collect()
        });
        self.figures(&shares, clock)
    }

    fn figures(self, shares: &[Share], clock: f64) -> Figures {
        let mut meter = LatencyMeter::default();
        shares.iter().for_each(|share| meter.add(&share.meter));
        let count: u64 = shares.iter().map(|share| share.count).sum();
        let time: f64 = shares.iter().map(|share| share.time.as_secs_f64()).sum();
        let cpu: f64 = shares.iter().map(|share| share.cpu.as_secs_f64()).sum();
        let waited = meter.waited().as_secs_f64();
        let under_lock_ns = meter.held(clock) * self.work.entries() as f64;
        Figures {
            rate: shares.iter().map(|share| share.count as f64 / share.time.as_secs_f64()).sum(),
            under_lock_ns,
            outside_ns: (cpu * 1e9 / count as f64 - under_lock_ns).max(0.0),
            cores: self.threads as f64 * cpu / time,
            waiting: waited / time,
            taken: meter.waits() as f64 / meter.entries() as f64,
        }
    }
}

/// The work of one thread.
struct Share {
    count: u64,
    time: Duration,
    cpu: Duration,
    meter: LatencyMeter,
}

fn work(groups: &mut [SessionGroup], barrier: &Barrier, stop: &AtomicBool) -> Share {
    let (mut count, mut meter, mut out) = (0, LatencyMeter::default(), Vec::new());
    barrier.wait();
    let (start, cpu) = (Instant::now(), cpu_time());
    'all: loop {
        for group in &mut *groups {
            if stop.load(Ordering::Relaxed) {
                break 'all;
            }
            group.once(&mut out, &mut meter);
            count += 1;
        }
    }
    Share { count, time: start.elapsed(), cpu: cpu_time() - cpu, meter }
}

/// The cells of a run: every number of threads at every number of realms and sessions.
pub(crate) fn all(threads: &[usize], realms: &[usize], sessions: &[usize]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for work in [GroupWork::Calls, GroupWork::Publications] {
        for &sessions in sessions {
            for &realms in realms {
                let cell = |&threads| Cell { work, threads, realms, sessions };
                cells.extend(threads.iter().map(cell));
            }
        }
    }
    cells
}

/// The sessions that a realm needs for every thread to have a group there.
pub(crate) const fn least_sessions(threads: usize) -> usize {
    threads * GroupWork::Publications.group_size()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cell, all};
    use crate::group::GroupWork;

    #[test]
    fn threads_that_share_two_realms_all_make_progress() {
        let cell = Cell { work: GroupWork::Calls, threads: 3, realms: 2, sessions: 30 };
        let figures = cell.measure(Duration::from_millis(150), 0.0);
        assert!(figures.rate > 0.0 && figures.under_lock_ns > 0.0, "{figures:?}");
        assert!((0.0..1.0).contains(&figures.waiting), "{figures:?}");
    }

    #[test]
    fn single_thread_never_waits() {
        let cell = Cell { work: GroupWork::Publications, threads: 1, realms: 1, sessions: 10 };
        let figures = cell.measure(Duration::from_millis(60), 0.0);
        assert_eq!((figures.waiting, figures.taken), (0.0, 0.0));
    }

    #[test]
    fn cells_cover_all_combinations() {
        assert_eq!(all(&[1, 2, 4], &[1, 16], &[320, 3200]).len(), 2 * 3 * 2 * 2);
    }
}
