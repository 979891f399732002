//! The limits of connections, each with its reason.
//!
//! [`ConnectionLimits`] holds those that a listener may choose. The others are constants: they
//! balance latency against throughput and depend on the machine, not on the application.

use std::time::Duration;

/// The limits of one connection that its listener may choose. The default is that of every
/// listener whose configuration does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How long a peer may take until its session is open.
    pub opening_timeout: Duration,
    /// How long a closing connection waits for the end of the peer's half.
    pub closing_timeout: Duration,
    /// How long a peer may take none of the bytes that it is sent. While publishers wait for the
    /// peer, it must take [`STALL_RATE_WHEN_WAITED_FOR`] on average.
    pub stall_timeout: Duration,
    /// How long a message may take from its first byte to its last.
    pub message_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            opening_timeout: OPENING_TIMEOUT,
            closing_timeout: CLOSING_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            message_timeout: MESSAGE_TIMEOUT,
        }
    }
}

/// Bytes that are read at once, into one buffer that all connections of a thread share. Large
/// enough that a burst costs few system calls, small enough to stay in the second-level cache.
pub const READ_BUFFER: usize = 64 * 1024;

/// Bytes that are read at once from a connection that inflates. Few, since the unread rest is kept
/// while the inflated bytes wait for memory or for the thread.
pub const INFLATING_READ: usize = 4 * 1024;

/// Bytes that one step of inflating produces. A compressed byte may become a thousand, so memory is
/// reserved and work is counted for each step.
pub const INFLATING_STEP: usize = 64 * 1024;

/// Length in bytes above which a message is handled only when the thread's round has work left.
/// Longer messages have been buffered already, since they don't fit in one read.
pub const LARGE_MESSAGE: usize = READ_BUFFER;

/// Bytes of a message that are decoded in a unit of work, about 100 ns: nested lists in JSON.
pub const DECODED_PER_UNIT: usize = 48;

/// Bytes of a message that are encoded in a unit of work.
pub const ENCODED_PER_UNIT: usize = 128;

/// Bytes that are inflated in a unit of work.
pub const INFLATED_PER_UNIT: usize = 64;

/// Bytes of HTTP header fields that a session keeps for the session meta API. As much as web
/// servers take by default (nginx, Apache). Further fields are left out.
pub const MAX_HTTP_HEADER_BYTES: usize = 8 * 1024;

/// Reads of one connection before the other connections have their turn.
pub const READS_PER_TURN: usize = 4;

/// Bytes that are encoded before they are written. Bounds what lies encoded and unsent.
pub const WRITE_BATCH: usize = 256 * 1024;

/// Bytes that are encoded before they are written when the work of the thread's round is spent.
/// Few, so that each of a thousand connections has its turn within some milliseconds, and enough to
/// be worth a system call.
pub const FAIR_WRITE_BATCH: usize = 16 * 1024;

/// Times that one connection takes from its queue or writes before the other connections have their
/// turn: a peer that reads as fast as it is written to must not keep a thread for itself.
pub const WRITES_PER_TURN: usize = 8;

/// Bytes that are compressed or fragmented before the other connections have their turn. The
/// encoded size says little about that work. About a millisecond.
pub const SHAPED_PER_TURN: usize = 1024 * 1024;

/// Bytes up to which a batch grows before it is sent. Enough for some hundred messages, and little
/// for a peer that has to take it in one piece.
pub const BATCH: usize = 64 * 1024;

/// Messages that a peer may send in one batch, which is handled in one go: as many short single
/// messages as arrive in a turn.
pub const MAX_BATCHED: usize = 8192;

/// Unsent bytes that pause reading from a peer that does not read. On the client's side only the
/// answers to pings count.
pub const UNSENT_PAUSES_READING: usize = 256 * 1024;

/// High-water mark of a queue in bytes: above it EVENT and INVOCATION are not queued. Enough for a
/// burst of some thousand larger events to a subscriber that reads more slowly. The memory of the
/// process for queues bounds what all stalled peers cost together.
pub const QUEUE_HIGH_WATER_BYTES: usize = 64 * 1024 * 1024;

/// High-water mark of a queue in messages, since small ones cost more than their bytes.
pub const QUEUE_HIGH_WATER_MESSAGES: usize = 1_048_576;

/// Bytes by which a queue grows before it reports to the memory of the process: rarely enough to
/// cost nothing. This much of each queue is not counted there.
pub const QUEUE_GRANULE: usize = 256 * 1024;

/// Bytes that a queue may hold after it has shed its events because the process is out of memory
/// for queues. A queue that holds more has a peer that does not read its answers: its connection
/// ends.
pub const QUEUE_MAX_AFTER_SHEDDING: usize = 8 * 1024 * 1024;

/// Low-water mark of a queue in bytes: above it no more is queued of what can be sent later, such
/// as the rest of a large answer. Enough to keep the peer busy until it is sent more.
pub const QUEUE_LOW_WATER_BYTES: usize = 512 * 1024;

/// Low-water mark of a queue in messages.
pub const QUEUE_LOW_WATER_MESSAGES: usize = 4_096;

/// Bytes of a queue that end its connection. Answers are never dropped, so the queue of a peer that
/// sends requests and does not read ends here. Room for eight of the largest messages, since a peer
/// that reads steadily may have asked for several of them at once. A peer that does not read at all
/// is ended by [`ConnectionLimits::stall_timeout`].
pub const QUEUE_MAX_BYTES: usize = 2 * QUEUE_HIGH_WATER_BYTES;

/// Messages of a queue that end its connection.
pub const QUEUE_MAX_MESSAGES: usize = 2 * QUEUE_HIGH_WATER_MESSAGES;

/// Bytes of a client's queue that pause its reading. Requests of the client are rejected long
/// before. Above this mark the answers of its procedures pile up, and the router should apply
/// backpressure to the callers.
pub const QUEUE_READING_PAUSE_BYTES: usize = QUEUE_HIGH_WATER_BYTES + 2 * DEFAULT_MAX_MESSAGE;

/// Messages of a client's queue that pause its reading.
pub const QUEUE_READING_PAUSE_MESSAGES: usize = QUEUE_HIGH_WATER_MESSAGES * 3 / 2;

/// Default of [`ConnectionLimits::stall_timeout`]. Any progress counts, however little, so that a
/// slow network is no fault. The end of progress is noticed after twice this time at most.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes a second that a peer must take on average while publishers wait for it. Less counts as no
/// progress, since it stops those publishers.
pub const STALL_RATE_WHEN_WAITED_FOR: usize = 64 * 1024;

/// Length in bytes above which an answer to an HTTP request counts in the memory of the process
/// until the client has taken it. A socket takes about as much at once, so shorter answers rarely
/// wait.
pub const LARGE_ANSWER: usize = 64 * 1024;

/// Bytes of a large answer that a client must take in a second, on average over a
/// [`stall_timeout`](ConnectionLimits::stall_timeout): less than any network that carries large
/// answers.
pub const ANSWER_BYTES_PER_SECOND: u128 = 4 * 1024;

/// Bytes of an unfinished message that a connection holds without a reservation: about one read.
pub const UNFINISHED_UNRESERVED: usize = 64 * 1024;

/// Step in bytes in which memory for unfinished messages is reserved.
pub const UNFINISHED_GRANULE: usize = 256 * 1024;

/// Default of the memory in bytes for the unfinished messages of all connections: sixteen of the
/// largest at the same time, and thousands of usual ones.
pub const UNFINISHED_BYTES: usize = 256 * 1024 * 1024;

/// Time without progress after which an unfinished message is given up for others, while memory is
/// scarce.
pub const UNFINISHED_STALE_AFTER: Duration = Duration::from_secs(2);

/// Bytes of an unfinished message that count as progress, while memory is scarce. In
/// [`UNFINISHED_STALE_AFTER`] this is the rate of a slow mobile network. With less, few peers could
/// hold the memory for minutes.
pub const UNFINISHED_PROGRESS: usize = 32 * 1024;

/// Time after which a message that is still being read is given up for others, while memory is
/// scarce, whatever its progress. Otherwise 16 slow peers could hold all memory for
/// [`MESSAGE_TIMEOUT`].
pub const UNFINISHED_HOLD_TIMEOUT: Duration = Duration::from_secs(60);

/// Interval at which the progress of an unfinished message is checked.
pub const UNFINISHED_WINDOW: Duration = Duration::from_secs(30);

/// Bytes of an unfinished message that must arrive in each window: 4 KiB a second, less than any
/// network that carries large messages.
pub const UNFINISHED_BYTES_PER_WINDOW: usize = 30 * 4 * 1024;

/// Default of [`ConnectionLimits::message_timeout`].
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(600);

/// The largest message unless the configuration says otherwise: the most that RawSocket can
/// announce.
pub const DEFAULT_MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Default of [`ConnectionLimits::opening_timeout`]. Generous for a slow network, short for a peer
/// that only wants to hold a file descriptor.
pub const OPENING_TIMEOUT: Duration = Duration::from_secs(20);

/// Default of [`ConnectionLimits::closing_timeout`]. The connection waits so that the last message
/// is not lost to a reset.
pub const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

/// Idle time of a TCP connection after which the system sends a keep-alive probe.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Interval between keep-alive probes that are not answered.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Number of keep-alive probes: a peer that vanished is noticed within two minutes.
pub const KEEPALIVE_PROBES: u32 = 4;

/// Long-poll sessions of a service at the same time. Each may hold as many bytes of events as its
/// service allows: by default a gibibyte when all of these are full. A session that is not opened
/// ends after [`OPENING_TIMEOUT`], and one that is not polled after the timeout of its service.
pub const MAX_LONGPOLL_SESSIONS: usize = 8_192;

/// How long the handshake of an outgoing connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
