//! Every number that bounds a connection, with its reason.

use std::time::Duration;

/// How much is read at once, into one buffer that all connections of a thread share. Large enough
/// that a burst costs few system calls, small enough to stay in the second-level cache.
pub const READ_BUFFER: usize = 64 * 1024;

/// How much of a connection that inflates is read at once. A byte may become a thousand, so that a
/// turn makes about one of the largest messages, whatever the peer sends.
pub const INFLATING_READ: usize = 4 * 1024;

/// How often one connection reads before the others have their turn.
pub const READS_PER_TURN: usize = 4;

/// How many bytes are encoded before they are written. Bounds what lies encoded and unsent.
pub const WRITE_BATCH: usize = 256 * 1024;

/// How often one connection takes from its queue or writes before the others have their turn: a
/// peer that reads as fast as it is written to must not keep a thread for itself.
pub const WRITES_PER_TURN: usize = 8;

/// How many bytes are compressed or cut into fragments before the others have their turn: what lies
/// encoded says little of it. About a millisecond.
pub const SHAPED_PER_TURN: usize = 1024 * 1024;

/// How long a batch grows before it is sent, in bytes. Enough for some hundred messages, and little
/// for a peer that has to take it in one piece.
pub const BATCH: usize = 64 * 1024;

/// How many messages a peer may have in a batch, which is taken in one go: as many as come in a
/// turn when each comes for itself and is short.
pub const MAX_BATCHED: usize = 8192;

/// How many unsent bytes make a connection stop reading: a peer that does not read is not heard. On
/// the client's side these are the answers to pings.
pub const UNSENT_PAUSES_READING: usize = 256 * 1024;

/// What a queue holds before it refuses EVENT and INVOCATION, in bytes. Some seconds of a busy
/// subscriber; times the number of stalled peers it is what they can cost.
pub const QUEUE_REFUSES_BYTES: usize = 8 * 1024 * 1024;

/// The same in messages, since small ones cost more than their bytes.
pub const QUEUE_REFUSES_MESSAGES: usize = 65_536;

/// What a queue holds before its connection is ended, in bytes: answers are never refused, so a
/// peer that asks and does not read ends here. Eight of the largest messages, since one that reads
/// steadily may have asked for several of them at once; one that does not read at all is ended by
/// [`STALL_TIMEOUT`].
pub const QUEUE_KILLS_BYTES: usize = 8 * DEFAULT_MAX_MESSAGE;

/// From how much in its queue on a client reads no more, in bytes. What it asks for is refused long
/// before; these are answers of its procedures that pile up, and the router should tell those who
/// wait for more of them.
pub const QUEUE_PAUSES_READING_BYTES: usize = QUEUE_REFUSES_BYTES + 2 * DEFAULT_MAX_MESSAGE;

/// The same in messages.
pub const QUEUE_PAUSES_READING_MESSAGES: usize = QUEUE_REFUSES_MESSAGES * 3 / 2;

/// How long a peer may take nothing of what it is sent. Progress counts, however little, so that a
/// slow network is no fault; noticed after twice this time at most.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The same in messages.
pub const QUEUE_KILLS_MESSAGES: usize = 2 * QUEUE_REFUSES_MESSAGES;

/// The largest message unless the configuration says otherwise: what RawSocket can announce.
pub const DEFAULT_MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// How long a peer may take until its session is open. Generous for a slow network, short for one
/// that only wants to hold a file descriptor.
pub const OPENING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a closing connection waits for the peer's own end, so that the last message is not
/// lost to a reset.
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a TCP connection is silent before the system asks whether the peer is still there.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long the system waits for an answer before it asks again.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// How often the system asks: a peer that vanished is noticed within two minutes.
pub const KEEPALIVE_PROBES: u32 = 4;

/// How many long-poll sessions a service has at the same time. Each may hold as many bytes of
/// events as its service allows: by default a gibibyte when all of these are full. One that is not
/// opened is gone after [`OPENING_TIMEOUT`], one that is not asked for after the service's own.
pub const MAX_LONGPOLL_SESSIONS: usize = 8_192;

/// How long the handshake of an outgoing connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
