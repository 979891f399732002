//! Predictions for a machine with more cores, from a simple model of one lock.
//!
//! `n` threads on separate cores do at most `n / (L + O)` calls a second, where L is the time under
//! the lock and O the time outside. A realm does at most `1 / L`. Near the limit waiting reduces
//! that, and L grows when more cores share a realm because of caches. So this is an upper bound.

use serde::Serialize;

/// The numbers of cores of the predictions.
pub(crate) const CORES: [usize; 3] = [4, 8, 16];

/// The times of one call or publication, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Times {
    /// Time under the lock (L).
    pub(crate) under_lock_ns: f64,
    /// Time outside of the lock (O).
    pub(crate) outside_ns: f64,
}

impl Times {
    /// The maximum per second of `cores` threads at `realms` realms.
    pub(crate) fn most(self, cores: usize, realms: usize) -> f64 {
        let threads = cores as f64 * 1e9 / (self.under_lock_ns + self.outside_ns);
        threads.min(realms as f64 * self.ceiling())
    }

    /// The maximum per second of one realm, with any number of cores.
    pub(crate) fn ceiling(self) -> f64 {
        1e9 / self.under_lock_ns
    }

    /// The number of cores that one realm keeps busy. More cores only wait.
    pub(crate) fn cores(self) -> f64 {
        (self.under_lock_ns + self.outside_ns) / self.under_lock_ns
    }

    /// The times for a thread that needs `whole_ns` in total, including sockets and kernel.
    pub(crate) fn within(self, whole_ns: f64) -> Self {
        Self { outside_ns: (whole_ns - self.under_lock_ns).max(0.0), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    const TIMES: Times = Times { under_lock_ns: 250.0, outside_ns: 750.0 };

    #[test]
    fn few_cores_are_limited_by_their_own_work() {
        assert_eq!(TIMES.most(2, 1), 2e6);
    }

    #[test]
    fn many_cores_are_limited_by_the_lock_of_each_realm() {
        assert_eq!([1, 2, 16].map(|realms| TIMES.most(16, realms)), [4e6, 8e6, 16e6]);
    }

    #[test]
    fn realm_keeps_more_cores_busy_the_smaller_its_share_of_the_time() {
        assert_eq!(TIMES.cores(), 4.0);
        assert_eq!(TIMES.within(5_000.0).cores(), 20.0);
    }
}
