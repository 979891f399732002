//! The limits of the tables of a realm, with their reasons.
//!
//! [`SharedLimits`] and [`SessionLimits`] are settings; the constants are fixed. At a limit, the
//! router answers ERROR, or ABORT to a session that is not open. `docs/limits.md` lists the
//! answers.

/// The limits of a realm: of what its sessions share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedLimits {
    /// Sessions, including detached ones. A session costs a few KiB; the default is far above what
    /// one machine's file descriptors allow.
    pub max_sessions: usize,
    /// Sessions that have left and are still in tables, or whose last publications have not reached
    /// all subscribers. At the limit, clients that join are refused with `wamp.error.unavailable`.
    /// The default is far more than leave in the time of a few steps; each holds a few KiB.
    pub max_detached_sessions: usize,
    /// Session ids that are reserved for clients that are joining: those that have to answer a
    /// challenge, or whose authenticator has not decided. More clients are refused with
    /// `wamp.error.unavailable`. They also count in `max_sessions`. Each holds some hundred bytes
    /// and a connection for 20 seconds at most, so the default allows 5,000 slow joins a second.
    pub max_joining_sessions: usize,
    /// Callees of one registration. A call may look at all of them, or go to all.
    pub max_callees_per_registration: usize,
    /// Bytes of the calls that wait for a callee of one registration. The default is as much as one
    /// of the longest messages that a transport takes by default.
    pub max_queued_call_bytes_per_registration: usize,
    /// Bytes of all calls that wait for a callee.
    pub max_queued_call_bytes: usize,
    /// Bytes that calls hold: the sum of [`SessionLimits::max_held_call_bytes`] of all callers.
    pub max_held_call_bytes: usize,
    /// Bytes of the publications of all sessions, detached ones included, that have not reached all
    /// subscribers. Publications that cannot be sent at once are refused at the limit.
    pub max_outgoing_bytes: usize,
    /// Bytes of the meta events that have not reached all subscribers. They do not count in
    /// `max_outgoing_bytes`, so that sessions that come and go cannot keep others from publishing.
    /// Further meta events are dropped and counted: no session has requested them, so none can be
    /// refused or paused.
    pub max_outgoing_meta_bytes: usize,
    /// Events that subscribers have not acknowledged: a publication counts once for each
    /// subscriber. Publications are refused at the limit. One that is being sent when the limit is
    /// reached ends with the same ERROR. An entry holds about 60 bytes.
    pub max_unacknowledged_events: usize,
    /// Milliseconds for which a publisher waits for acknowledgements by its subscribers. The
    /// default is as long as a connection may stall before it ends.
    pub acknowledgement_timeout_millis: u64,
    /// Retained events of one topic: the one for all sessions, and later ones for some of them.
    pub max_retained_per_topic: usize,
    /// Bytes of the testaments of all sessions. Testaments of a detached session count until all of
    /// them have reached their subscribers.
    pub max_testament_bytes: usize,
    /// Bytes of a payload that is validated against a schema. Validation blocks the realm: for a
    /// microsecond with a usual payload, for a dozen milliseconds with one of 256 KiB that consists
    /// of small values.
    pub max_validated_bytes: usize,
}

impl SharedLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        max_sessions: 1_000_000,
        max_detached_sessions: 10_000,
        max_joining_sessions: 100_000,
        max_callees_per_registration: 10_000,
        max_queued_call_bytes_per_registration: 16 * 1024 * 1024,
        max_queued_call_bytes: 64 * 1024 * 1024,
        max_held_call_bytes: 256 * 1024 * 1024,
        max_outgoing_bytes: 256 * 1024 * 1024,
        max_outgoing_meta_bytes: 64 * 1024 * 1024,
        max_unacknowledged_events: 262_144,
        acknowledgement_timeout_millis: 30_000,
        max_retained_per_topic: 16,
        max_testament_bytes: 64 * 1024 * 1024,
        max_validated_bytes: 256 * 1024,
    };
}

impl Default for SharedLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The limits of each session with a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Subscriptions. Applications use tens, some bridges thousands.
    pub max_subscriptions: usize,
    /// Prefix and wildcard subscriptions. All that match are looked up for each event: a thousand
    /// cost less than a millisecond.
    pub max_pattern_subscriptions: usize,
    /// Registrations. As many as subscriptions.
    pub max_registrations: usize,
    /// Prefix and wildcard registrations. As many as pattern subscriptions.
    pub max_pattern_registrations: usize,
    /// Bytes of the URIs of its subscriptions, with the names of its groups and nodes, and of the
    /// URIs of its registrations: each of both. The default has room for a hundred thousand usual
    /// URIs. The index of a realm holds some times as much.
    pub max_uri_bytes: usize,
    /// Calls as a caller that are not answered. The HTTP bridge is one caller for all requests of a
    /// path, so this also bounds how many requests it has open. An entry holds about 200 bytes.
    pub max_calls_in_flight: usize,
    /// Bytes that its calls hold: calls that wait for a callee or are kept for rerouting, options
    /// of progressive calls, and collected results with the table of their callees. The default is
    /// some of the longest messages. A limit above [`LARGEST_HELD_CALL_LIMIT`] counts as that.
    pub max_held_call_bytes: usize,
    /// Publications that have not reached all subscribers. Those that wait for the event store
    /// share its transactions, so there are some; each holds its payload.
    pub max_outgoing_publications: usize,
    /// Bytes of these publications. An empty queue takes one of any size.
    pub max_outgoing_bytes: usize,
    /// Publications that its subscribers have not acknowledged. Each lists the subscribers that
    /// have not, so it is as large as its audience.
    pub max_unacknowledged_publications: usize,
    /// Testaments, in both scopes together.
    pub max_testaments: usize,
    /// Bytes of its testaments.
    pub max_testament_bytes: usize,
}

impl SessionLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        max_subscriptions: 100_000,
        max_pattern_subscriptions: 1_000,
        max_registrations: 100_000,
        max_pattern_registrations: 1_000,
        max_uri_bytes: 8 * 1024 * 1024,
        max_calls_in_flight: 65_536,
        max_held_call_bytes: 64 * 1024 * 1024,
        max_outgoing_publications: 1_024,
        max_outgoing_bytes: 16 * 1024 * 1024,
        max_unacknowledged_publications: 1_024,
        max_testaments: 128,
        max_testament_bytes: 1024 * 1024,
    };
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The largest [`SessionLimits::max_held_call_bytes`]: the bytes of a call are counted in 32 bits.
pub const LARGEST_HELD_CALL_LIMIT: usize = 1 << 31;

/// Bytes of the name of a subscriber group or of a node. Every member keeps its own. Nodes are
/// named after hosts, whose names have 253 bytes at most.
pub const MAX_MEMBERSHIP_BYTES: usize = 255;

/// Callees that one call is sent to, one after the other, because the queue of the one before was
/// full or it has answered that it is unavailable. A call that so many can't take is unlikely to
/// succeed, and each choice visits all callees.
pub const MAX_CALLEES_TRIED: usize = 128;

/// Bytes of the answers that are collected for one call to all callees. As long as the longest
/// message that a transport takes by default: more could not be sent.
pub const MAX_COLLECTED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of the arguments of a call of a meta procedure. They are decoded while the realm is
/// locked, which takes some 0.1 ms for so many. Room for a filter of [`MAX_FILTER_ROLES`] usual
/// names. More is refused with `wamp.error.payload_size_exceeded`.
pub const MAX_META_ARGUMENT_BYTES: usize = 64 * 1024;

/// Entries of `filter_authroles` of `wamp.session.count` and `list`. More roles than a realm has;
/// more entries are refused with `wamp.error.invalid_argument`.
pub const MAX_FILTER_ROLES: usize = 1_024;

/// Bytes of a text that a meta procedure sends to other sessions: the message in the GOODBYE of
/// killed sessions, the reason of a revoked registration or subscription. A few sentences. A longer
/// one is refused with `wamp.error.invalid_argument`.
pub const MAX_REASON_TEXT_BYTES: usize = 4 * 1024;

/// Expired retained events that are taken out before one is retained. More than one, so that
/// they never pile up; few, so that a publication does not pay for all that expire at once.
pub const EXPIRIES_AT_ONCE: usize = 64;

/// Bytes of the stored events of one subscription, unless the configuration says otherwise.
pub const DEFAULT_HISTORY_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of the events in one answer of `wamp.subscription.get_events`. An answer that holds more
/// would often be longer than what transports take in one message.
pub const MAX_HISTORY_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Work of a step, in units of about 100 ns: a millisecond. Then the realm's lock is released. A
/// session that waits for others waits for a few steps.
pub const WORK_PER_STEP: u32 = 10_000;

/// Subscribers that one publisher waits for at the same time (policy `block-publisher`). Beyond, it
/// waits for those that are left after its next publication. An entry holds about 60 bytes.
pub const MAX_CONGESTED_PER_PUBLISHER: usize = 1_024;

/// Subscriptions of one session whose retained events are still being sent. Every publication
/// visits all of them.
pub const MAX_REPLAYS_PER_SESSION: usize = 4;

/// Long answers of the meta API that one session has in progress. Each holds what it has collected.
pub const MAX_LISTINGS_PER_SESSION: u16 = 4;

/// Long answers of the meta API that one internal session has in progress. An internal session,
/// such as that of the HTTP bridge, stands for many clients and can't pause, so that calls over the
/// limit are refused.
pub const MAX_LISTINGS_OF_INTERNAL_SESSION: u16 = 64;

/// Long answers of the meta API that are worked on at the same time in one realm; others wait. Each
/// holds what it has collected, ten bytes for each session or subscription that it lists.
pub const MAX_LISTINGS_AT_WORK: usize = 16;

/// Long answers of the meta API in progress or waiting in one realm. More are refused with
/// `wamp.error.unavailable`; short answers are not affected.
pub const MAX_LISTINGS: usize = 10_000;

/// Bytes of the arguments of waiting answers, which collect nothing before their turn. One of any
/// size is taken while none waits.
pub const MAX_LISTING_BYTES: usize = 64 * 1024 * 1024;

/// Work for a long answer when it is requested; the rest is done in later steps. Little, since a
/// client may request many answers at once.
pub const LISTING_WORK_AT_ONCE: u32 = WORK_PER_STEP / 10;

/// How long a request waits for the decision of the authorizer, in milliseconds. Longer than any
/// decision should take, and shorter than clients wait for an answer. Then the request fails with
/// `wamp.error.authorization_failed`.
pub const AUTHORIZATION_TIMEOUT_MILLIS: u64 = 15_000;

/// Messages of one session that wait for decisions of the authorizer, or behind such messages. Far
/// more than a client sends before it waits for an answer. At the limit, the session is not read
/// until half of them are gone; a session that can't pause is refused more with
/// `wamp.error.unavailable`.
pub const MAX_PARKED_PER_SESSION: usize = 256;

/// Parked messages of a session whose requests are independent, such as that of the HTTP bridge: it
/// stands for many clients. If a decision takes a second, this allows 16,384 requests a second.
pub const MAX_PARKED_INDEPENDENT: usize = 16_384;

/// Bytes of the parked messages of one session. As much as one of the longest messages that a
/// transport takes by default; one of any size is taken while there are fewer.
pub const MAX_PARKED_BYTES_PER_SESSION: usize = 16 * 1024 * 1024;

/// Bytes of the parked messages of all sessions of one realm. More requests are refused with
/// `wamp.error.unavailable`.
pub const MAX_PARKED_BYTES: usize = 256 * 1024 * 1024;

/// Milliseconds that a killed session has to answer GOODBYE before its connection is closed.
pub const GOODBYE_TIMEOUT_MILLIS: u64 = 1_000;
