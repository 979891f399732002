//! What the host has counted of a session: `wamp.session.on_stats`, as with Crossbar.io.

use std::time::Duration;

use cloverleaf_wamp::ids::SessionId;
use serde::Serialize;

use super::session::Details;
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Principal, TransportDetails};

/// What has passed in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Traffic {
    /// How many messages.
    pub messages: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// How many messages of the configured size they come up to.
    pub rated_messages: u64,
}

/// What a session has received and sent since it has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionStats {
    /// How long that is.
    pub duration: Duration,
    /// What came from the client.
    pub received: Traffic,
    /// What went to it.
    pub sent: Traffic,
}

/// A session that is counted. The realm may have ended it before the last of it is told.
#[derive(Debug, Clone)]
pub struct Metered {
    /// Its id.
    pub session: SessionId,
    /// Who it is.
    pub principal: Principal,
    /// How it is connected.
    pub transport: Option<Box<TransportDetails>>,
}

#[derive(Serialize)]
struct Told {
    timestamp: String,
    /// In nanoseconds.
    duration: u64,
    bytes: u64,
    messages: u64,
    rated_messages: u64,
    received: Traffic,
    sent: Traffic,
}

impl<O: Outbox> Realm<O> {
    /// Publishes what a session has received and sent: `[details|dict, stats|dict]`.
    pub fn tell_stats(&mut self, of: &Metered, stats: &SessionStats, now: Moment) {
        let (received, sent) = (stats.received, stats.sent);
        let told = Told {
            timestamp: self.clock.at(now).text(),
            duration: u64::try_from(stats.duration.as_nanos()).unwrap_or(u64::MAX),
            bytes: received.bytes + sent.bytes,
            messages: received.messages + sent.messages,
            rated_messages: received.rated_messages + sent.rated_messages,
            received,
            sent,
        };
        let details = Details::new(of.session, &of.principal, of.transport.as_deref());
        let payload = |_: &Self| super::values(&(details, told));
        self.tell("wamp.session.on_stats", payload, now);
    }
}
