//! Counts what a session receives and sends, and says when the realm publishes that.
//!
//! Only sessions of realms with a [`StatsRule`] have a meter. The time is compared when a message
//! passes, so an idle session needs no timer.

use std::time::{Duration, Instant};

use cloverleaf_router::{Metered, SessionStats, StatsCycle, Traffic};

/// When a realm publishes the traffic of its sessions.
#[derive(Debug, Clone, Copy)]
pub struct StatsRule {
    /// Bytes that count as one rated message.
    pub rated_message_size: usize,
    /// Publish after this many rated messages. None: never.
    pub after_rated_messages: Option<u64>,
    /// Publish after this time, with the next message. None: never.
    pub after_duration: Option<Duration>,
    /// Publish when a session joins.
    pub on_join: bool,
    /// Publish when a session leaves.
    pub on_leave: bool,
}

/// Counts the traffic of one session.
#[derive(Debug)]
pub struct Meter {
    of: Metered,
    rule: StatsRule,
    start: Instant,
    received: Traffic,
    sent: Traffic,
    /// The number of reports so far.
    cycles: u64,
    /// The traffic in both directions up to the last report.
    reported: Traffic,
    reported_at: Instant,
}

impl Meter {
    /// A meter for a session that joins now.
    pub fn new(rule: StatsRule, of: Metered) -> Self {
        let now = Instant::now();
        Self {
            of,
            rule,
            start: now,
            received: Traffic::default(),
            sent: Traffic::default(),
            cycles: 0,
            reported: Traffic::default(),
            reported_at: now,
        }
    }

    /// The session.
    pub const fn of(&self) -> &Metered {
        &self.of
    }

    /// The rule of the realm.
    pub const fn rule(&self) -> &StatsRule {
        &self.rule
    }

    /// Counts a received message of `length` bytes. Returns whether a report is due.
    pub fn received(&mut self, length: usize) -> bool {
        count(&mut self.received, length, self.rule.rated_message_size);
        self.is_due()
    }

    /// Counts a sent message of `length` bytes. Returns whether a report is due.
    pub fn sent(&mut self, length: usize) -> bool {
        count(&mut self.sent, length, self.rule.rated_message_size);
        self.is_due()
    }

    fn is_due(&self) -> bool {
        let by_messages = self
            .rule
            .after_rated_messages
            .is_some_and(|messages| self.new_traffic().rated_messages >= messages);
        by_messages
            || self.rule.after_duration.is_some_and(|time| self.reported_at.elapsed() >= time)
    }

    /// The traffic in both directions since the last report.
    const fn new_traffic(&self) -> Traffic {
        let Self { received, sent, reported, .. } = self;
        Traffic {
            messages: received.messages + sent.messages - reported.messages,
            bytes: received.bytes + sent.bytes - reported.bytes,
            rated_messages: received.rated_messages + sent.rated_messages - reported.rated_messages,
        }
    }

    /// The report to publish now; `is_last` when the session ends.
    pub fn report(&mut self, is_last: bool) -> SessionStats {
        let (received, sent, new) = (self.received, self.sent, self.new_traffic());
        self.cycles += 1;
        let cycle = StatsCycle {
            number: self.cycles,
            duration: self.reported_at.elapsed(),
            traffic: new,
            is_last,
        };
        self.reported_at = Instant::now();
        self.reported = Traffic {
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
    fn long_message_counts_as_several_rated_messages() {
        let mut meter = meter(NEVER);
        assert!(!meter.received(1));
        assert!(!meter.received(512));
        assert!(!meter.received(513));
        assert!(!meter.sent(5_120));
        let stats = meter.report(false);
        assert_eq!(stats.received, Traffic { messages: 3, bytes: 1_026, rated_messages: 4 });
        assert_eq!(stats.sent, Traffic { messages: 1, bytes: 5_120, rated_messages: 10 });
    }

    #[test]
    fn cycle_counts_the_traffic_since_the_last_report() {
        let mut meter = meter(NEVER);
        meter.received(513);
        meter.sent(10);
        let first = meter.report(false).cycle;
        let traffic = Traffic { messages: 2, bytes: 523, rated_messages: 3 };
        assert_eq!((first.number, first.traffic, first.is_last), (1, traffic, false));
        meter.sent(20);
        let last = meter.report(true);
        let traffic = Traffic { messages: 1, bytes: 20, rated_messages: 1 };
        assert_eq!((last.cycle.number, last.cycle.traffic, last.cycle.is_last), (2, traffic, true));
        assert_eq!(last.sent, Traffic { messages: 2, bytes: 30, rated_messages: 2 });
        assert!(last.cycle.duration <= last.duration);
    }

    #[test]
    fn report_is_due_after_each_number_of_rated_messages() {
        let mut meter = meter(StatsRule { after_rated_messages: Some(3), ..NEVER });
        let due: Vec<bool> = (0..7)
            .map(|_| {
                let is_due = meter.received(10);
                if is_due {
                    meter.report(false);
                }
                is_due
            })
            .collect();
        assert_eq!(due, [false, false, true, false, false, true, false]);
    }

    #[test]
    fn report_is_due_with_the_first_message_after_the_duration() {
        let mut meter = meter(StatsRule { after_duration: Some(Duration::ZERO), ..NEVER });
        assert!(meter.sent(1));
    }
}
