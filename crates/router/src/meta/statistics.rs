//! What the host has counted of a session: `wamp.session.on_stats`, as with Crossbar.io.

use std::time::Duration;

use serde::Serialize;

use super::session::Details;
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::SessionKey;

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
    /// Publishes what a session has received and sent: `[details|dict, stats|dict]`. One that has
    /// been ended by somebody else is not known any more, and nothing is told.
    pub fn tell_stats(&mut self, key: SessionKey, stats: &SessionStats, now: Moment) {
        if self.sessions.at(key).is_none() {
            return;
        }
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
        let payload = |realm: &Self| {
            let session = realm.sessions.at(key);
            let told = session.map(|session| super::values(&(Details::of(session), told)));
            told.unwrap_or_default()
        };
        self.tell("wamp.session.on_stats", payload, now);
    }
}
