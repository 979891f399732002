//! Every number that bounds a connection, with its reason.

use std::time::Duration;

/// How much is read at once, into one buffer that all connections of a thread share. Large enough
/// that a burst costs few system calls, small enough to stay in the second-level cache.
pub const READ_BUFFER: usize = 64 * 1024;

/// How much of a connection that inflates is read at once. Little, since the rest of it is kept
/// while what it becomes waits for memory or for the thread.
pub const INFLATING_READ: usize = 4 * 1024;

/// How many bytes of a compressed message are made at once. A byte may become a thousand, so memory
/// is reserved and work is counted for each such step.
pub const INFLATING_STEP: usize = 64 * 1024;

/// From which length on a message is handed over only when its thread has not done enough for its
/// round, in bytes. Longer ones have been kept already, since they don't fit in what is read at
/// once.
pub const LARGE_MESSAGE: usize = READ_BUFFER;

/// Bytes of a message that are decoded in a unit of work, about 100 ns: nested lists in JSON.
pub const DECODED_PER_UNIT: usize = 48;

/// Bytes of a message that are encoded in a unit of work.
pub const ENCODED_PER_UNIT: usize = 128;

/// Bytes that are inflated in a unit of work.
pub const INFLATED_PER_UNIT: usize = 64;

/// Bytes of the header fields that a session keeps of the HTTP request that it came with, for the
/// session meta API. As much as web servers take by default (nginx, Apache). Fields beyond are left
/// out.
pub const MAX_HTTP_HEADER_BYTES: usize = 8 * 1024;

/// How often one connection reads before the others have their turn.
pub const READS_PER_TURN: usize = 4;

/// How many bytes are encoded before they are written. Bounds what lies encoded and unsent.
pub const WRITE_BATCH: usize = 256 * 1024;

/// The same on a thread that has done enough for its round: little, so that each of a thousand
/// connections has its turn within some milliseconds, and enough that a system call is well spent.
pub const FAIR_WRITE_BATCH: usize = 16 * 1024;

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

/// What a queue holds before it refuses EVENT and INVOCATION, in bytes. Enough for a burst of some
/// thousand larger events to a subscriber that reads more slowly. What all stalled peers cost is
/// bounded by the budget of the process.
pub const QUEUE_HIGH_WATER_BYTES: usize = 64 * 1024 * 1024;

/// The same in messages, since small ones cost more than their bytes.
pub const QUEUE_HIGH_WATER_MESSAGES: usize = 1_048_576;

/// How much a queue grows before the process hears of it, in bytes: seldom enough to cost nothing.
/// So much of each queue is not in the budget of the process.
pub const QUEUE_GRANULE: usize = 256 * 1024;

/// What a queue may still hold when it has lost its events because the process has no memory for
/// them, in bytes. A peer that is owed more does not read its answers; its connection ends.
pub const QUEUE_MAX_AFTER_SHEDDING: usize = 8 * 1024 * 1024;

/// From how much in its queue on a peer is sent no more of what can be sent later, in bytes. Enough
/// to keep the peer busy until it is sent more.
pub const QUEUE_LOW_WATER_BYTES: usize = 512 * 1024;

/// The same in messages.
pub const QUEUE_LOW_WATER_MESSAGES: usize = 4_096;

/// What a queue holds before its connection is ended, in bytes: answers are never refused, so a
/// peer that asks and does not read ends here. Eight of the largest messages, since one that reads
/// steadily may have asked for several of them at once; one that does not read at all is ended by
/// [`STALL_TIMEOUT`].
pub const QUEUE_MAX_BYTES: usize = 2 * QUEUE_HIGH_WATER_BYTES;

/// The same in messages.
pub const QUEUE_MAX_MESSAGES: usize = 2 * QUEUE_HIGH_WATER_MESSAGES;

/// From how much in its queue on a client reads no more, in bytes. What it asks for is refused long
/// before; these are answers of its procedures that pile up, and the router should tell those who
/// wait for more of them.
pub const QUEUE_READING_PAUSE_BYTES: usize = QUEUE_HIGH_WATER_BYTES + 2 * DEFAULT_MAX_MESSAGE;

/// The same in messages.
pub const QUEUE_READING_PAUSE_MESSAGES: usize = QUEUE_HIGH_WATER_MESSAGES * 3 / 2;

/// How long a peer may take nothing of what it is sent. Progress counts, however little, so that a
/// slow network is no fault, unless a publisher waits for the peer (see
/// [`STALL_BYTES_WHEN_WAITED_FOR`]); noticed after twice this time at most.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers to HTTP requests that are longer than this count in the memory of the process until the
/// client has taken them, in bytes. A socket takes about as much at once, so shorter ones rarely
/// wait.
pub const LARGE_ANSWER: usize = 64 * 1024;

/// How much of a large answer a client must take in each [`STALL_TIMEOUT`], in bytes: 4 KiB a
/// second, less than any network that carries large answers.
pub const ANSWER_BYTES_PER_STALL: usize = 30 * 4 * 1024;

/// How many bytes of an unfinished message a connection holds without asking for memory: about what
/// it reads at once.
pub const UNFINISHED_UNRESERVED: usize = 64 * 1024;

/// In which steps memory for unfinished messages is reserved, in bytes.
pub const UNFINISHED_GRANULE: usize = 256 * 1024;

/// What unfinished messages of all connections may hold above that, in bytes: sixteen of the
/// largest at the same time, and thousands of usual ones.
pub const UNFINISHED_BYTES: usize = 256 * 1024 * 1024;

/// After how long without progress an unfinished message is given up for others, while there is no
/// memory.
pub const UNFINISHED_STALE_AFTER: Duration = Duration::from_secs(2);

/// How many bytes of an unfinished message must come before that counts as progress while there is
/// no memory. In [`UNFINISHED_STALE_AFTER`] this is the rate of a slow mobile network; with less, few
/// peers could hold the memory for minutes.
pub const UNFINISHED_PROGRESS: usize = 32 * 1024;

/// After how long a message that is still being read is given up for others, while there is no
/// memory, whatever its progress. Otherwise 16 peers that send little could hold all memory for
/// [`MESSAGE_TIMEOUT`].
pub const UNFINISHED_HOLD_TIMEOUT: Duration = Duration::from_secs(60);

/// How often it is looked how much of an unfinished message has come.
pub const UNFINISHED_WINDOW: Duration = Duration::from_secs(30);

/// How much of an unfinished message must come in each such window, in bytes: 4 KiB a second, less
/// than any network that carries large messages.
pub const UNFINISHED_BYTES_PER_WINDOW: usize = 30 * 4 * 1024;

/// How long a message may take from its first byte to its last.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(600);

/// How much a peer must take in [`STALL_TIMEOUT`] while publishers wait for it, in bytes: 64 KiB a
/// second. Less is no progress, since it stops those who publish to it.
pub const STALL_BYTES_WHEN_WAITED_FOR: usize = 30 * 64 * 1024;

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
