//! Every number that bounds a table of a realm, with its reason.
//!
//! A full table answers ERROR (or ABORT, where nothing is open yet); nothing is ever dropped
//! silently and nothing grows without end.

/// Sessions of one realm. A session costs a few KiB; this is far above what one machine's file
/// descriptors allow and keeps the table's keys small.
pub const MAX_SESSIONS: usize = 1_000_000;

/// Subscriptions of one session. Applications use tens, some bridges thousands.
pub const MAX_SUBSCRIPTIONS_PER_SESSION: usize = 100_000;

/// Registrations of one session; as for subscriptions.
pub const MAX_REGISTRATIONS_PER_SESSION: usize = 100_000;

/// Prefix and wildcard subscriptions of one session. All that match are looked up for each event,
/// while nobody else is served: a thousand cost less than a millisecond.
pub const MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION: usize = 1_000;

/// Prefix and wildcard registrations of one session; as for subscriptions.
pub const MAX_PATTERN_REGISTRATIONS_PER_SESSION: usize = 1_000;

/// Bytes of the name of a subscriber group or of a node. Every member keeps its own; host names,
/// which are what nodes are named after, have 253 at most.
pub const MAX_MEMBERSHIP_BYTES: usize = 255;

/// Calls of one caller that are not answered yet. The HTTP bridge is one caller for all requests of
/// a path, so this also bounds how many requests it has open; an entry holds about 200 bytes.
pub const MAX_CALLS_IN_FLIGHT_PER_SESSION: usize = 65_536;

/// Bytes of the answers that are collected for one call to all callees. As long as the longest
/// message that a transport takes by default: more could not be sent.
pub const MAX_GATHERED_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of a payload that is held against a schema. It is taken apart while nobody else is served:
/// for a microsecond where it is a usual one, for a dozen milliseconds where it is as long as this
/// and has nothing but small values in it.
pub const MAX_VALIDATED_BYTES: usize = 256 * 1024;

/// Testaments of one session, in both scopes together.
pub const MAX_TESTAMENTS_PER_SESSION: usize = 128;

/// Bytes that the testaments of one session hold.
pub const MAX_TESTAMENT_BYTES_PER_SESSION: usize = 1024 * 1024;

/// Events that are kept for one topic: the one for everybody, and those for some only that came
/// after it.
pub const MAX_RETAINED_PER_TOPIC: usize = 16;

/// Bytes that the kept events of one subscription hold; the number of events is configured.
pub const MAX_HISTORY_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that the kept events of one answer hold. They are copied while nobody else is served,
/// which takes some milliseconds where they are many small ones.
pub const MAX_TOLD_HISTORY_BYTES: usize = 1024 * 1024;

/// Publications of one session that its subscribers have not acknowledged yet. Each names those who
/// keep silent, so it is as large as its audience.
pub const MAX_AWAITED_PER_SESSION: usize = 1_024;

/// How long a publisher waits for its subscribers to acknowledge, in milliseconds. As long as a
/// connection may stand still before it ends.
pub const ACKNOWLEDGEMENT_TIMEOUT_MILLIS: u64 = 30_000;

/// How long a killed session may take to answer GOODBYE before its connection is closed, in
/// milliseconds.
pub const GOODBYE_TIMEOUT_MILLIS: u64 = 1_000;
