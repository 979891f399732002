//! The delays between attempts to reconnect.

use std::time::Duration;

/// The policy for reconnecting after a lost connection.
///
/// By default the attempts never stop. The delays are 0.5 s, 1 s, 2 s … up to 30 s. A random factor
/// shortens each delay by up to a half, so that the clients of a restarted router do not reconnect
/// all at once.
///
/// Requests in flight fail when the connection is lost. New requests fail until the session has
/// joined again; [`Session::connected`](crate::Session::connected) waits for that. Then all
/// registrations and subscriptions are restored, and their handles stay valid.
///
/// A connection counts as lost when it breaks, when the router closes it without GOODBYE, or after
/// the GOODBYE of a router that shuts down. Any other GOODBYE, ABORT, and
/// [`Session::leave`](crate::Session::leave) end the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    first_delay: Duration,
    max_delay: Duration,
    attempts: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            attempts: None,
        }
    }
}

impl Reconnect {
    /// The delay before the first attempt. It doubles with each further attempt.
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// The maximum delay.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// The number of consecutive failed attempts after which the session ends.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    pub(super) const fn delays(&self) -> Delays {
        Delays { next: self.first_delay, max: self.max_delay, left: self.attempts }
    }
}

/// An iterator over the delays.
#[derive(Debug)]
pub(super) struct Delays {
    next: Duration,
    max: Duration,
    left: Option<u32>,
}

impl Delays {
    /// The next delay; none when no attempts are left. `bits` are random.
    pub(super) fn next(&mut self, bits: u32) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.next_unlimited(bits))
    }

    /// The next delay, without counting attempts. `bits` are random.
    pub(super) fn next_unlimited(&mut self, bits: u32) -> Duration {
        let delay = self.next.min(self.max);
        self.next = delay.saturating_mul(2);
        let shortened = f64::from(bits) / f64::from(u32::MAX) / 2.0;
        delay.mul_f64(1.0 - shortened)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Reconnect;

    #[test]
    fn delays_double_up_to_their_maximum() {
        let reconnect = Reconnect::default()
            .first_delay(Duration::from_millis(100))
            .max_delay(Duration::from_millis(350));
        let mut delays = reconnect.delays();
        let delays: Vec<_> = (0..4).filter_map(|_| delays.next(0)).collect();
        assert_eq!(delays, [100, 200, 350, 350].map(Duration::from_millis));
    }

    #[test]
    fn a_random_factor_shortens_a_delay_by_at_most_a_half() {
        let reconnect = Reconnect::default().first_delay(Duration::from_secs(2));
        assert_eq!(reconnect.delays().next(u32::MAX), Some(Duration::from_secs(1)));
        assert_eq!(reconnect.delays().next(0), Some(Duration::from_secs(2)));
    }

    #[test]
    fn limited_attempts_run_out() {
        let mut delays = Reconnect::default().attempts(2).delays();
        assert!(delays.next(0).is_some() && delays.next(0).is_some());
        assert_eq!(delays.next(0), None);
    }
}
