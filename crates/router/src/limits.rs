//! Every number that bounds a table of a realm, with its reason.
//!
//! A full table answers ERROR (or ABORT, where nothing is open yet), and nothing grows without end.
//! `docs/limits.md` lists the answers.

/// Sessions of one realm. A session costs a few KiB; this is far above what one machine's file
/// descriptors allow and keeps the table's keys small.
pub const MAX_SESSIONS: usize = 1_000_000;

/// Sessions of one realm that have left and are still in its tables, or whose last publications
/// have not reached all subscribers. While there are as many, clients that join are refused with
/// `wamp.error.unavailable`. They also count in [`MAX_SESSIONS`]. Far more than leave in the time
/// of a few steps; each holds a few KiB.
pub const MAX_DETACHED_SESSIONS: usize = 10_000;

/// Session ids of one realm that are reserved for clients that are joining: those that have to
/// answer a challenge, or whose authenticator has not decided. More clients are refused with
/// `wamp.error.unavailable`. They also count in [`MAX_SESSIONS`]. Each holds some KiB with its
/// connection for 20 seconds at most, so this allows 5,000 slow joins a second.
pub const MAX_JOINING_SESSIONS: usize = 100_000;

/// Subscriptions of one session. Applications use tens, some bridges thousands.
pub const MAX_SUBSCRIPTIONS_PER_SESSION: usize = 100_000;

/// Registrations of one session; as for subscriptions.
pub const MAX_REGISTRATIONS_PER_SESSION: usize = 100_000;

/// Prefix and wildcard subscriptions of one session. All that match are looked up for each event: a
/// thousand cost less than a millisecond.
pub const MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION: usize = 1_000;

/// Prefix and wildcard registrations of one session; as for subscriptions.
pub const MAX_PATTERN_REGISTRATIONS_PER_SESSION: usize = 1_000;

/// Bytes of the name of a subscriber group or of a node. Every member keeps its own; host names,
/// which are what nodes are named after, have 253 at most.
pub const MAX_MEMBERSHIP_BYTES: usize = 255;

/// Bytes of the URIs that one session has subscribed to, with the names of its groups and nodes,
/// and of those that it has registered: a hundred thousand usual ones. The index of a realm holds
/// some times as much.
pub const MAX_URI_BYTES_PER_SESSION: usize = 8 * 1024 * 1024;

/// Callees of one registration. A call may look at all of them, or go to all.
pub const MAX_CALLEES_PER_REGISTRATION: usize = 10_000;

/// Callees that one call is sent to, one after the other, because the queue of the one before was
/// full or it has answered that it is unavailable. A call that so many can't take has little hope,
/// and each choice looks at all callees.
pub const MAX_CALLEES_TRIED: usize = 128;

/// Calls of one caller that are not answered yet. The HTTP bridge is one caller for all requests of
/// a path, so this also bounds how many requests it has open; an entry holds about 200 bytes.
pub const MAX_CALLS_IN_FLIGHT_PER_SESSION: usize = 65_536;

/// Bytes that the calls hold which wait for a callee of one registration. As much as one of the
/// longest messages that a transport takes by default: what waits longer than that is late anyway.
pub const MAX_WAITING_CALL_BYTES_PER_REGISTRATION: usize = 16 * 1024 * 1024;

/// Bytes that the calls hold which wait for a callee in one realm.
pub const MAX_WAITING_CALL_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that the calls of one caller hold: those that wait for a callee, that are kept to be sent
/// to another callee, the options of calls in parts, and the answers that are collected with the
/// table of their callees. Some of the longest messages.
pub const MAX_HELD_CALL_BYTES_PER_SESSION: usize = 64 * 1024 * 1024;

/// The same for all calls of one realm.
pub const MAX_HELD_CALL_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of the answers that are collected for one call to all callees. As long as the longest
/// message that a transport takes by default: more could not be sent.
pub const MAX_COLLECTED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a payload that is held against a schema. It is taken apart while nobody else is served:
/// for a microsecond where it is a usual one, for a dozen milliseconds where it is as long as this
/// and has nothing but small values in it.
pub const MAX_VALIDATED_BYTES: usize = 256 * 1024;

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

/// Testaments of one session, in both scopes together.
pub const MAX_TESTAMENTS_PER_SESSION: usize = 128;

/// Bytes that the testaments of one session hold.
pub const MAX_TESTAMENT_BYTES_PER_SESSION: usize = 1024 * 1024;

/// Bytes that the testaments of all sessions of one realm hold. Testaments of a session that has
/// left count until all of them have reached their subscribers.
pub const MAX_TESTAMENT_BYTES: usize = 64 * 1024 * 1024;

/// Events that are kept for one topic: the one for everybody, and those for some only that came
/// after it.
pub const MAX_RETAINED_PER_TOPIC: usize = 16;

/// Expired retained events that are taken out before one is retained. More than one, so that
/// they never pile up; few, so that a publication does not pay for all that expire at once.
pub const EXPIRIES_AT_ONCE: usize = 64;

/// Bytes that the stored events of one subscription hold, unless the configuration says otherwise.
pub const DEFAULT_HISTORY_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of the events in one answer of `wamp.subscription.get_events`. An answer that holds more
/// would often be longer than what transports take in one message.
pub const MAX_HISTORY_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Work that a realm does before its lock is given back, in units of about 100 ns: a millisecond. A
/// session that waits for others waits for a few such steps.
pub const WORK_PER_STEP: u32 = 10_000;

/// Publications of one session that have not reached all subscribers. Those that wait for the event
/// store share its transactions, so there are some; each holds its payload.
pub const MAX_OUTGOING_PER_SESSION: usize = 1_024;

/// Bytes that these hold. One of any size is taken while there is none.
pub const MAX_OUTGOING_BYTES_PER_SESSION: usize = 16 * 1024 * 1024;

/// The same for all sessions of one realm, and those that have left. Publications that can't go out
/// at once are refused when they hold more.
pub const MAX_OUTGOING_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of the meta events of one realm that have not reached all subscribers. They don't count in
/// [`MAX_OUTGOING_BYTES`], so that sessions that come and go can't keep others from publishing.
/// Further meta events are dropped and counted: no session has asked for them, so none can be
/// refused or told to wait.
pub const MAX_OUTGOING_META_BYTES: usize = 64 * 1024 * 1024;

/// Subscribers that one publisher waits for at the same time (policy `block-publisher`). Beyond, it
/// waits for those that are left after its next publication. An entry holds about 60 bytes.
pub const MAX_CONGESTED_PER_PUBLISHER: usize = 1_024;

/// Subscriptions of one session whose retained events are still being sent. Every publication looks
/// at all of them.
pub const MAX_REPLAYS_PER_SESSION: usize = 4;

/// Long answers of the meta API that one session has in progress. Each holds what it has collected.
pub const MAX_LISTINGS_PER_SESSION: u16 = 4;

/// The same for a session inside the router, such as that of the HTTP bridge: it stands for many
/// clients and can't be told to wait, so that calls over the limit are refused.
pub const MAX_LISTINGS_OF_INTERNAL_SESSION: u16 = 64;

/// Long answers of the meta API that are worked on at the same time in one realm; others wait. Each
/// holds what it has collected, ten bytes for each of the sessions or subscriptions that it lists.
pub const MAX_LISTINGS_AT_WORK: usize = 16;

/// Long answers of the meta API in progress or waiting in one realm. More are refused with
/// `wamp.error.unavailable`; short answers are not affected.
pub const MAX_LISTINGS: usize = 10_000;

/// Bytes of the arguments of those that wait; what they collect is collected when their turn comes.
/// As for [`MAX_LISTINGS`]; one of any size is taken while none waits.
pub const MAX_LISTING_BYTES: usize = 64 * 1024 * 1024;

/// Work that is done for a long answer when it is asked for; what is left is done in later steps.
/// Little, since a client may ask for many answers at once.
pub const LISTING_WORK_AT_ONCE: u32 = WORK_PER_STEP / 10;

/// Publications of one session that its subscribers have not acknowledged yet. Each names those who
/// keep silent, so it is as large as its audience.
pub const MAX_UNACKNOWLEDGED_PER_SESSION: usize = 1_024;

/// Events of one realm that subscribers have not acknowledged yet: a publication counts once for
/// each subscriber. Publications are refused while there are as many. One that is being sent when
/// the limit is reached ends with the same ERROR. An entry holds about 60 bytes.
pub const MAX_UNACKNOWLEDGED_EVENTS: usize = 262_144;

/// How long a publisher waits for its subscribers to acknowledge, in milliseconds. As long as a
/// connection may stand still before it ends.
pub const ACKNOWLEDGEMENT_TIMEOUT_MILLIS: u64 = 30_000;

/// How long a request waits for the decision of the authorizer, in milliseconds. Longer than any
/// decision should take, and shorter than clients wait for an answer. Then the request fails with
/// `wamp.error.authorization_failed`.
pub const AUTHORIZATION_TIMEOUT_MILLIS: u64 = 15_000;

/// Messages of one session that wait for decisions of the authorizer, or behind such messages. Far
/// more than a client sends before it waits for an answer. A session with as many is not read until
/// half of them are gone; one that can't pause is refused more with `wamp.error.unavailable`.
pub const MAX_PARKED_PER_SESSION: usize = 256;

/// The same for a session whose requests are independent, such as that of the HTTP bridge: it
/// stands for many clients. With a decision that takes a second, 16,384 requests a second.
pub const MAX_PARKED_INDEPENDENT: usize = 16_384;

/// Bytes of the messages of one session that wait for decisions. As much as one of the longest
/// messages that a transport takes by default; one of any size is taken while there are fewer.
pub const MAX_PARKED_BYTES_PER_SESSION: usize = 16 * 1024 * 1024;

/// The same for all sessions of one realm. More requests are refused with
/// `wamp.error.unavailable`.
pub const MAX_PARKED_BYTES: usize = 256 * 1024 * 1024;

/// How long a killed session may take to answer GOODBYE before its connection is closed, in
/// milliseconds.
pub const GOODBYE_TIMEOUT_MILLIS: u64 = 1_000;
