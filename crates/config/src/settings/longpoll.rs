//! Long-poll services: WAMP over plain HTTP requests.

use std::time::Duration;

use cloverleaf_wamp::serializer::Serializer;

use super::Auth;
use super::store::SlowConsumerPolicy;

/// A service of type `longpoll`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongPollService {
    /// The serializers that it speaks; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of its sessions.
    pub options: LongPollOptions,
    /// Who may join.
    pub auth: Auth,
    /// What becomes of events for peers that read too slowly, where their role does not say.
    pub slow_consumer: SlowConsumerPolicy,
}

impl Default for LongPollService {
    fn default() -> Self {
        Self {
            serializers: Serializer::DEFAULT.to_vec(),
            options: LongPollOptions::default(),
            auth: Auth::default(),
            slow_consumer: SlowConsumerPolicy::default(),
        }
    }
}

/// The options of long-poll sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongPollOptions {
    /// How long a request for a message waits for one.
    pub request_timeout: Duration,
    /// How long a session is kept while its client asks for nothing.
    pub session_timeout: Duration,
    /// From how many bytes on events are not queued any more.
    pub queue_limit_bytes: u32,
    /// The same in messages.
    pub queue_limit_messages: u32,
    /// The longest message that is accepted, in bytes; none: the transport's own limit.
    pub max_message_size: Option<u32>,
    /// The origins of web pages that may open sessions; `*` stands for anything, also inside.
    pub allowed_origins: Vec<String>,
    /// Whether pages with the origin `null` may.
    pub allow_null_origin: bool,
}

impl Default for LongPollOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(10),
            session_timeout: Duration::from_secs(30),
            queue_limit_bytes: 131_072,
            queue_limit_messages: 100,
            max_message_size: None,
            allowed_origins: vec!["*".to_owned()],
            allow_null_origin: true,
        }
    }
}
