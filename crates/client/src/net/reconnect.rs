//! How often and how patiently a lost connection is replaced.

use std::time::Duration;

/// Says how a lost connection is replaced; by default without end, after 0.5 s, 1 s, 2 s … at most
/// 30 s, each delay shortened by up to a half at random, so that the clients of a router that was
/// restarted do not come back all at once.
///
/// In-flight requests fail when the connection is lost, and new ones fail until it is replaced
/// (wait for [`Session::connected`](crate::Session::connected) first, where that matters). Then
/// everything is registered and subscribed again; the handles stay good. A connection counts as
/// lost when it breaks, is closed by the router without GOODBYE, or with the GOODBYE of a router
/// that shuts down. After another GOODBYE, after ABORT and after
/// [`Session::leave`](crate::Session::leave) the session has ended.
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
    /// The delay before the first attempt; it doubles for each further one.
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// What the delay does not grow beyond.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// How many attempts in a row may fail before the session ends.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    pub(super) const fn delays(&self) -> Delays {
        Delays { next: self.first_delay, max: self.max_delay, left: self.attempts }
    }
}

/// The delays before one attempt after the other.
#[derive(Debug)]
pub(super) struct Delays {
    next: Duration,
    max: Duration,
    left: Option<u32>,
}

impl Delays {
    /// The next delay; none when there are no attempts left. `bits` are random.
    pub(super) fn next(&mut self, bits: u32) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.further(bits))
    }

    /// The same, however many attempts are left.
    pub(super) fn further(&mut self, bits: u32) -> Duration {
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
    fn chance_shortens_a_delay_by_half_at_most() {
        let reconnect = Reconnect::default().first_delay(Duration::from_secs(2));
        assert_eq!(reconnect.delays().next(u32::MAX), Some(Duration::from_secs(1)));
        assert_eq!(reconnect.delays().next(0), Some(Duration::from_secs(2)));
    }

    #[test]
    fn attempts_run_out_when_they_are_limited() {
        let mut delays = Reconnect::default().attempts(2).delays();
        assert!(delays.next(0).is_some() && delays.next(0).is_some());
        assert_eq!(delays.next(0), None);
    }
}
