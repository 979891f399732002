//! How much one session receives and sends, and when the realm tells of it.
//!
//! Only sessions of realms that are configured so have a meter. Time is looked at when a message
//! passes, so that an idle session costs no timer.

use std::time::{Duration, Instant};

use cloverleaf_router::{Metered, SessionStats, StatsCycle, Traffic};

/// When a realm tells of its sessions' traffic.
#[derive(Debug, Clone, Copy)]
pub struct StatsRule {
    /// How many bytes count as one message.
    pub rated_message_size: usize,
    /// After so many of them; none for never.
    pub after_rated_messages: Option<u64>,
    /// After so long; none for never.
    pub after_duration: Option<Duration>,
    /// When a session joins.
    pub on_join: bool,
    /// When a session leaves.
    pub on_leave: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Meter {
    of: Metered,
    rule: StatsRule,
    start: Instant,
    received: Traffic,
    sent: Traffic,
    /// The number of events so far.
    cycles: u64,
    /// The traffic in both directions up to the last event.
    told: Traffic,
    told_at: Instant,
}

impl Meter {
    /// A meter that starts now.
    pub fn new(rule: StatsRule, of: Metered) -> Self {
        let now = Instant::now();
        Self {
            of,
            rule,
            start: now,
            received: Traffic::default(),
            sent: Traffic::default(),
            cycles: 0,
            told: Traffic::default(),
            told_at: now,
        }
    }

    /// Whose it is.
    pub const fn of(&self) -> &Metered {
        &self.of
    }

    /// When the realm publishes its statistics.
    pub const fn rule(&self) -> &StatsRule {
        &self.rule
    }

    /// A message of so many bytes has come. Whether the realm is to be told.
    pub fn received(&mut self, length: usize) -> bool {
        count(&mut self.received, length, self.rule.rated_message_size);
        self.is_due()
    }

    /// A message of so many bytes was sent. Whether the realm is to be told.
    pub fn sent(&mut self, length: usize) -> bool {
        count(&mut self.sent, length, self.rule.rated_message_size);
        self.is_due()
    }

    fn is_due(&self) -> bool {
        let by_messages = self
            .rule
            .after_rated_messages
            .is_some_and(|messages| self.new_traffic().rated_messages >= messages);
        by_messages || self.rule.after_duration.is_some_and(|time| self.told_at.elapsed() >= time)
    }

    /// The traffic in both directions since the last event.
    const fn new_traffic(&self) -> Traffic {
        let Self { received, sent, told, .. } = self;
        Traffic {
            messages: received.messages + sent.messages - told.messages,
            bytes: received.bytes + sent.bytes - told.bytes,
            rated_messages: received.rated_messages + sent.rated_messages - told.rated_messages,
        }
    }

    /// What the realm is told now; `is_last` when the session ends.
    pub fn tell(&mut self, is_last: bool) -> SessionStats {
        let (received, sent, new) = (self.received, self.sent, self.new_traffic());
        self.cycles += 1;
        let cycle = StatsCycle {
            number: self.cycles,
            duration: self.told_at.elapsed(),
            traffic: new,
            is_last,
        };
        self.told_at = Instant::now();
        self.told = Traffic {
            messages: received.messages + sent.messages,
            bytes: received.bytes + sent.bytes,
            rated_messages: received.rated_messages + sent.rated_messages,
        };
        SessionStats { duration: self.start.elapsed(), received, sent, cycle }
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

    use cloverleaf_router::{Metered, Principal, SessionKey, Traffic};
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
        let session = SessionKey::of_tests(SessionId::new(1).expect("an id"));
        Meter::new(rule, Metered { session, principal, transport: None })
    }

    #[test]
    fn a_long_message_counts_as_many() {
        let mut meter = meter(NEVER);
        assert!(!meter.received(1));
        assert!(!meter.received(512));
        assert!(!meter.received(513));
        assert!(!meter.sent(5_120));
        let stats = meter.tell(false);
        assert_eq!(stats.received, Traffic { messages: 3, bytes: 1_026, rated_messages: 4 });
        assert_eq!(stats.sent, Traffic { messages: 1, bytes: 5_120, rated_messages: 10 });
    }

    #[test]
    fn a_cycle_counts_what_is_new_since_the_last_event() {
        let mut meter = meter(NEVER);
        meter.received(513);
        meter.sent(10);
        let first = meter.tell(false).cycle;
        let traffic = Traffic { messages: 2, bytes: 523, rated_messages: 3 };
        assert_eq!((first.number, first.traffic, first.is_last), (1, traffic, false));
        meter.sent(20);
        let last = meter.tell(true);
        let traffic = Traffic { messages: 1, bytes: 20, rated_messages: 1 };
        assert_eq!((last.cycle.number, last.cycle.traffic, last.cycle.is_last), (2, traffic, true));
        assert_eq!(last.sent, Traffic { messages: 2, bytes: 30, rated_messages: 2 });
        assert!(last.cycle.duration <= last.duration);
    }

    #[test]
    fn the_realm_is_told_after_so_many_messages_and_then_again() {
        let mut meter = meter(StatsRule { after_rated_messages: Some(3), ..NEVER });
        let due: Vec<bool> = (0..7)
            .map(|_| {
                let is_due = meter.received(10);
                if is_due {
                    meter.tell(false);
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
