//! The limits of realms, of the sessions of a role, and of the connections of a listener.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};

pub(crate) static REALM_LIMITS: SectionKeys =
    SectionKeys::closed("the limits of a realm", RealmLimits::KEYS);

pub(crate) static ROLE_LIMITS: SectionKeys =
    SectionKeys::closed("the limits of a role", RoleLimits::KEYS);

pub(crate) static LISTENER_LIMITS: SectionKeys =
    SectionKeys::closed("the limits of a transport", ListenerLimits::KEYS);

options! {
    /// The limits of all sessions of a realm together (`limits` of a realm or template).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RealmLimits {
        /// The most sessions, including detached ones.
        max_sessions: usize = 1_000_000, count;
        /// The most sessions that have left and are not yet removed from all tables.
        max_detached_sessions: usize = 10_000, count;
        /// The most clients that wait for a challenge or a decision before they join.
        max_joining_sessions: usize = 100_000, count;
        /// The most callees of one registration.
        max_callees_per_registration: usize = 10_000, count;
        /// The most bytes of the queued calls of one registration.
        max_queued_call_bytes_per_registration: usize = 16 << 20, bytes;
        /// The most bytes of all queued calls.
        max_queued_call_bytes: usize = 64 << 20, bytes;
        /// The most bytes that calls hold: queued calls, calls kept for rerouting, progressive
        /// calls and collected results.
        max_held_call_bytes: usize = 256 << 20, bytes;
        /// The most bytes of publications that have not reached all subscribers.
        max_outgoing_bytes: usize = 256 << 20, bytes;
        /// The most bytes of meta events that have not reached all subscribers.
        max_outgoing_meta_bytes: usize = 64 << 20, bytes;
        /// The most events that subscribers have not acknowledged.
        max_unacknowledged_events: usize = 262_144, count;
        /// The timeout of acknowledgements.
        acknowledgement_timeout: Duration = Duration::from_secs(30), short_time;
        /// The most retained events of one topic.
        max_retained_per_topic: usize = 16, per_topic;
        /// The most bytes of the testaments of all sessions.
        max_testament_bytes: usize = 64 << 20, bytes;
        /// The most bytes of a payload with a schema.
        max_validated_bytes: usize = 256 << 10, payload_bytes;
    }
}

options! {
    /// The limits of one session with a role (`limits` of a role).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RoleLimits {
        /// The most subscriptions.
        max_subscriptions: usize = 100_000, count;
        /// The most prefix and wildcard subscriptions.
        max_pattern_subscriptions: usize = 1_000, patterns;
        /// The most registrations.
        max_registrations: usize = 100_000, count;
        /// The most prefix and wildcard registrations.
        max_pattern_registrations: usize = 1_000, patterns;
        /// The most bytes of the URIs of its subscriptions, and of those of its registrations.
        max_uri_bytes: usize = 8 << 20, bytes;
        /// The most calls in flight as a caller.
        max_calls_in_flight: usize = 65_536, count;
        /// The most bytes that its calls hold.
        max_held_call_bytes: usize = 64 << 20, held_call_bytes;
        /// The most publications that have not reached all subscribers.
        max_outgoing_publications: usize = 1_024, count;
        /// The most bytes of these publications.
        max_outgoing_bytes: usize = 16 << 20, bytes;
        /// The most publications that subscribers have not acknowledged.
        max_unacknowledged_publications: usize = 1_024, count;
        /// The most testaments.
        max_testaments: usize = 128, count;
        /// The most bytes of its testaments.
        max_testament_bytes: usize = 1 << 20, bytes;
    }
}

options! {
    /// The limits of the connections of one listener (`limits` of a transport).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ListenerLimits {
        /// The most open connections; none: as many as the operating system allows.
        max_connections: Option<usize> = None, max_connections;
        /// How long a client may take until its session is open, and for each step before.
        opening_timeout: Duration = Duration::from_secs(20), short_time;
        /// How long a closing connection waits for the client's end.
        closing_timeout: Duration = Duration::from_secs(1), closing_time;
        /// How long a client may take none of the bytes that it is sent.
        stall_timeout: Duration = Duration::from_secs(30), short_time;
        /// How long a message may take from its first byte to its last.
        message_timeout: Duration = Duration::from_secs(600), long_time;
        /// The queued bytes of a session above which events and calls are not queued.
        max_queue_bytes: u32 = MAX_QUEUE_BYTES, queue_bytes;
        /// The queued messages of a session above which events and calls are not queued.
        max_queue_messages: u32 = MAX_QUEUE_MESSAGES, queue_messages;
    }
}

/// The range of counts. Each entry holds 100 bytes or more.
const COUNTS: RangeInclusive<usize> = 1..=10_000_000;

/// The range of numbers of patterns. Each event and call is compared with all patterns.
const PATTERNS: RangeInclusive<usize> = 1..=100_000;

/// The range of the retained events of one topic. Each of them is compared with a subscriber.
const PER_TOPIC: RangeInclusive<usize> = 1..=1_024;

/// The range of bytes of tables: from 64 KiB to 1 TiB.
const BYTES: RangeInclusive<usize> = 1 << 16..=1 << 40;

/// The range of bytes of the calls of one session. The bytes of a call are counted in 32 bits.
const HELD_CALL_BYTES: RangeInclusive<usize> = 1 << 16..=1 << 31;

/// The highest limit of the queue of a session, in bytes: half of what ends its connection.
const MAX_QUEUE_BYTES: u32 = 64 << 20;

/// The highest limit of the queue of a session, in messages: half of what ends its connection.
const MAX_QUEUE_MESSAGES: u32 = 1 << 20;

/// The range of bytes of a payload with a schema. Validation blocks the realm, for a dozen
/// milliseconds per 256 KiB in the worst case.
const PAYLOAD_BYTES: RangeInclusive<usize> = 1 << 10..=16 << 20;

/// The least time in milliseconds. A shorter one was probably meant in seconds.
const MIN_MILLISECONDS: u64 = 1_000;

/// The longest time of a step in milliseconds: ten minutes.
const MAX_SHORT_TIME: u64 = 600_000;

/// The longest time of a message in milliseconds: a day.
const MAX_LONG_TIME: u64 = 86_400_000;

/// The range of the time to close a connection, in milliseconds.
const CLOSING_TIMES: RangeInclusive<u64> = 100..=60_000;

fn count(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &COUNTS, default)
}

fn patterns(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &PATTERNS, default)
}

fn per_topic(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &PER_TOPIC, default)
}

fn bytes(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &BYTES, default)
}

fn held_call_bytes(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &HELD_CALL_BYTES, default)
}

fn queue_bytes(section: &mut Section<'_>, key: &'static str, default: u32) -> u32 {
    section.number(key, &(1 << 16..=MAX_QUEUE_BYTES), default)
}

fn queue_messages(section: &mut Section<'_>, key: &'static str, default: u32) -> u32 {
    section.number(key, &(16..=MAX_QUEUE_MESSAGES), default)
}

fn payload_bytes(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &PAYLOAD_BYTES, default)
}

fn max_connections(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<usize>,
) -> Option<usize> {
    section.non_null(key)?.number(&COUNTS)
}

/// A time in milliseconds.
fn time(
    section: &mut Section<'_>,
    key: &'static str,
    range: &RangeInclusive<u64>,
    default: Duration,
) -> Duration {
    let number = section.optional(key).and_then(|field| field.number(range));
    number.map_or(default, Duration::from_millis)
}

fn short_time(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    time(section, key, &(MIN_MILLISECONDS..=MAX_SHORT_TIME), default)
}

fn long_time(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    time(section, key, &(MIN_MILLISECONDS..=MAX_LONG_TIME), default)
}

fn closing_time(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    time(section, key, &CLOSING_TIMES, default)
}
