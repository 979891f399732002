//! Traffic of a session, counted by the host: `wamp.session.on_stats`, as with Crossbar.io.

use std::time::Duration;

use serde::Serialize;

use super::details::SessionDetails;
use super::payloads::values;
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Principal, SessionKey, TransportDetails};
use crate::wall_clock::Timestamp;
use crate::work::Work;

/// Traffic in one direction, or in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Traffic {
    /// The number of messages.
    pub messages: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// The number of messages of the configured size that the traffic amounts to.
    pub rated_messages: u64,
}

/// The traffic of a session since it has joined, and since its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionStats {
    /// Time since it has joined.
    pub duration: Duration,
    /// From the client, since it has joined.
    pub received: Traffic,
    /// To the client, since it has joined.
    pub sent: Traffic,
    /// Traffic since the last event.
    pub cycle: StatsCycle,
}

/// The traffic of a session since its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatsCycle {
    /// The number of the event; the first one has 1.
    pub number: u64,
    /// Time since the last event; for the first one, since the session has joined.
    pub duration: Duration,
    /// In both directions.
    pub traffic: Traffic,
    /// The session ends, so that no other event follows.
    pub is_last: bool,
}

/// A session whose traffic is counted. The realm may have ended it before its last event.
#[derive(Debug, Clone)]
pub struct Metered {
    /// The session.
    pub session: SessionKey,
    /// Its identity.
    pub principal: Principal,
    /// Its connection.
    pub transport: Option<Box<TransportDetails>>,
}

/// The statistics of the preset `wamp`: since the session has joined.
#[derive(Serialize)]
struct Totals {
    timestamp: String,
    /// In nanoseconds.
    duration: u64,
    bytes: u64,
    messages: u64,
    rated_messages: u64,
    received: Traffic,
    sent: Traffic,
}

/// The session of an event of the preset `crossbar`.
#[derive(Serialize)]
struct SessionIds<'a> {
    session: u64,
    realm: &'a str,
    authid: &'a str,
    authrole: &'a str,
}

/// The statistics of the preset `crossbar`: since the last event.
#[derive(Serialize)]
struct Cycle {
    cycle: u64,
    /// The format of the messages, such as `cbor.batched`.
    serializer: Option<&'static str>,
    /// The begin of the cycle, in nanoseconds since 1970.
    timestamp: u64,
    /// In nanoseconds.
    duration: u64,
    bytes: u64,
    messages: u64,
    rated_messages: u64,
    first: bool,
    last: bool,
}

impl<O: Outbox> Realm<O> {
    /// Publishes the traffic of a session: `[details|dict, stats|dict]`, or, as in Crossbar.io,
    /// `[ids|dict, stats|dict]`.
    pub fn publish_stats(&mut self, of: &Metered, stats: &SessionStats, now: Moment) {
        self.work = Work::message();
        let at = self.clock.now();
        let payload = |realm: &Self| {
            let settings = &realm.settings;
            if settings.compatibility.stats_are_per_cycle() {
                let ids = SessionIds {
                    session: of.session.id().number(),
                    realm: &settings.name,
                    authid: &of.principal.authid,
                    authrole: &of.principal.authrole,
                };
                return values(&(ids, cycle(of, &stats.cycle, at)));
            }
            let transport = of.transport.as_deref();
            let details = SessionDetails::new(of.session.id(), &of.principal, transport, settings);
            values(&(details.without_headers(), totals(stats, at)))
        };
        self.publish_meta_event(of.session, "wamp.session.on_stats", payload, now);
    }
}

fn totals(stats: &SessionStats, at: Timestamp) -> Totals {
    let (received, sent) = (stats.received, stats.sent);
    Totals {
        timestamp: at.text(),
        duration: nanos(stats.duration),
        bytes: received.bytes + sent.bytes,
        messages: received.messages + sent.messages,
        rated_messages: received.rated_messages + sent.rated_messages,
        received,
        sent,
    }
}

fn cycle(of: &Metered, cycle: &StatsCycle, at: Timestamp) -> Cycle {
    let now_nanos = u64::try_from(at.micros()).unwrap_or_default() * 1_000;
    Cycle {
        cycle: cycle.number,
        serializer: of.transport.as_ref().map(|transport| transport.format.name()),
        timestamp: now_nanos.saturating_sub(nanos(cycle.duration)),
        duration: nanos(cycle.duration),
        bytes: cycle.traffic.bytes,
        messages: cycle.traffic.messages,
        rated_messages: cycle.traffic.rated_messages,
        first: cycle.number == 1,
        last: cycle.is_last,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
