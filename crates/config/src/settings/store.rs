//! What a realm keeps: events to be asked for, calls that wait, its own statistics.

use std::path::PathBuf;
use std::time::Duration;

use cloverleaf_wamp::uri::UriPattern;

/// The store of a realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Where it keeps what it keeps.
    pub backend: StoreBackend,
    /// The events that are kept to be asked for (`event-history`).
    pub event_history: Vec<HistoryRule>,
    /// The calls that may wait for a callee to be free (`call-queue`); without the key those of
    /// every procedure.
    pub call_queue: Vec<CallQueueRule>,
}

/// Where a store keeps events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreBackend {
    /// In memory, until the realm ends.
    Memory,
    /// In a file, where it is found again.
    File {
        /// The file, or the directory in which it is.
        path: PathBuf,
        /// How many bytes of it are kept in memory.
        cache_bytes: usize,
    },
}

/// How many events are kept of the topics that match a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRule {
    /// The topics.
    pub pattern: UriPattern,
    /// How many events.
    pub limit: usize,
    /// How many bytes they may hold.
    pub max_bytes: usize,
}

/// How many calls may wait of the procedures that match a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallQueueRule {
    /// The procedures.
    pub pattern: UriPattern,
    /// How many calls.
    pub limit: usize,
}

/// The events that are kept for later subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetainedOptions {
    /// The most events, over all topics.
    pub max_events: usize,
    /// The most bytes that they hold.
    pub max_bytes: usize,
    /// How long an event is kept that does not say; none for ever.
    pub ttl: Option<Duration>,
}

impl Default for RetainedOptions {
    fn default() -> Self {
        Self { max_events: 100_000, max_bytes: 64 * 1024 * 1024, ttl: None }
    }
}

/// When a realm tells how much a session has sent and received (`wamp.session.on_stats`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsOptions {
    /// How many bytes count as one message.
    pub rated_message_size: usize,
    /// After so many of them; 0 for never.
    pub trigger_after_rated_messages: u64,
    /// After so much time; zero for never.
    pub trigger_after_duration: Duration,
    /// When a session joins.
    pub trigger_on_join: bool,
    /// When a session leaves.
    pub trigger_on_leave: bool,
}

/// What becomes of events for a peer that reads more slowly than it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumerPolicy {
    /// `drop-events`: it misses them.
    #[default]
    DropEvents,
    /// `disconnect`: its session ends.
    Disconnect,
    /// `block-publisher`: whoever publishes is not heard until there is room.
    BlockPublisher,
}
