//! How much one session receives and sends, and when the realm tells of it.
//!
//! Only sessions of realms that are configured so have a meter. Time is looked at when a message
//! passes, so that an idle session costs no timer.

use std::time::{Duration, Instant};

use cloverleaf_router::{Metered, SessionStats, Traffic};

/// When a realm tells of its sessions' traffic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StatsRule {
    /// How many bytes count as one message.
    pub(crate) rated_message_size: usize,
    /// After so many of them; none for never.
    pub(crate) after_rated_messages: Option<u64>,
    /// After so long; none for never.
    pub(crate) after_duration: Option<Duration>,
    pub(crate) on_join: bool,
    pub(crate) on_leave: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Meter {
    of: Metered,
    rule: StatsRule,
    start: Instant,
    stats: SessionStats,
    /// What the realm was told last.
    told_rated: u64,
    told_at: Instant,
}

impl Meter {
    pub(crate) fn new(rule: StatsRule, of: Metered) -> Self {
        let now = Instant::now();
        let stats = SessionStats::default();
        Self { of, rule, start: now, stats, told_rated: 0, told_at: now }
    }

    /// Whose it is.
    pub(crate) const fn of(&self) -> &Metered {
        &self.of
    }

    pub(crate) const fn rule(&self) -> &StatsRule {
        &self.rule
    }

    /// A message of so many bytes has come. Whether the realm is to be told.
    pub(crate) fn received(&mut self, length: usize) -> bool {
        count(&mut self.stats.received, length, self.rule.rated_message_size);
        self.is_due()
    }

    /// A message of so many bytes was sent. Whether the realm is to be told.
    pub(crate) fn sent(&mut self, length: usize) -> bool {
        count(&mut self.stats.sent, length, self.rule.rated_message_size);
        self.is_due()
    }

    fn rated(&self) -> u64 {
        self.stats.received.rated_messages + self.stats.sent.rated_messages
    }

    fn is_due(&self) -> bool {
        let by_messages = self
            .rule
            .after_rated_messages
            .is_some_and(|messages| self.rated() - self.told_rated >= messages);
        by_messages || self.rule.after_duration.is_some_and(|time| self.told_at.elapsed() >= time)
    }

    /// What the realm is told now.
    pub(crate) fn tell(&mut self) -> SessionStats {
        (self.told_rated, self.told_at) = (self.rated(), Instant::now());
        self.stats.duration = self.start.elapsed();
        self.stats
    }
}

fn count(traffic: &mut Traffic, length: usize, rated_size: usize) {
    traffic.messages += 1;
    traffic.bytes += length as u64;
    traffic.rated_messages += length.div_ceil(rated_size.max(1)).max(1) as u64;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloverleaf_router::{Metered, Principal, Traffic};
    use cloverleaf_wamp::ids::SessionId;

    use super::{Meter, StatsRule};

    const NEVER: StatsRule = StatsRule {
        rated_message_size: 512,
        after_rated_messages: None,
        after_duration: None,
        on_join: false,
        on_leave: true,
    };

    fn meter(rule: StatsRule) -> Meter {
        let [authid, authrole, authmethod, authprovider] = ["ann", "a", "b", "c"].map(Into::into);
        let principal = Principal { authid, authrole, authmethod, authprovider };
        let session = SessionId::new(1).expect("an id");
        Meter::new(rule, Metered { session, principal, transport: None })
    }

    #[test]
    fn a_long_message_counts_as_many() {
        let mut meter = meter(NEVER);
        assert!(!meter.received(1));
        assert!(!meter.received(512));
        assert!(!meter.received(513));
        assert!(!meter.sent(5_120));
        let stats = meter.tell();
        assert_eq!(stats.received, Traffic { messages: 3, bytes: 1_026, rated_messages: 4 });
        assert_eq!(stats.sent, Traffic { messages: 1, bytes: 5_120, rated_messages: 10 });
    }

    #[test]
    fn the_realm_is_told_after_so_many_messages_and_then_again() {
        let mut meter = meter(StatsRule { after_rated_messages: Some(3), ..NEVER });
        let due: Vec<bool> = (0..7)
            .map(|_| {
                let is_due = meter.received(10);
                if is_due {
                    meter.tell();
                }
                is_due
            })
            .collect();
        assert_eq!(due, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn the_realm_is_told_when_a_message_passes_after_so_long() {
        let mut meter = meter(StatsRule { after_duration: Some(Duration::ZERO), ..NEVER });
        assert!(meter.sent(1));
    }
}
