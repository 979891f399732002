//! Long-poll services: WAMP over plain HTTP requests.

use std::time::Duration;

use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::ids::TYPE_AND_ID;
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::websocket::MAX_MESSAGE_SIZE;
use crate::field::WholeNumber;
use crate::options::options;
use crate::section::{DEBUG, Section, SectionKeys, SectionOptions};

pub(crate) static LONGPOLL_SERVICE: SectionKeys =
    SectionKeys::closed("a longpoll service", LongPollService::KEYS).with(&[TYPE_AND_ID]);

pub(crate) static LONGPOLL_OPTIONS: SectionKeys =
    SectionKeys::closed("longpoll options", &[DEBUG, DEBUG_TRANSPORT_ID])
        .with(&[LongPollOptions::KEYS]);

const DEBUG_TRANSPORT_ID: &str = "debug_transport_id";

options! {
    /// A service of type `longpoll`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LongPollService {
        /// The options of sessions.
        options: LongPollOptions = LongPollOptions::default(), options;
        /// The serializers that clients may choose; never empty.
        serializers: Vec<Serializer> = Serializer::DEFAULT.to_vec(), serializers;
        /// The authentication methods.
        auth: Auth = Auth::default(), auth;
        /// What happens to events for slow consumers whose role has no policy.
        slow_consumer: SlowConsumerPolicy = SlowConsumerPolicy::default(), slow_consumer;
    }
}

options! {
    /// The options of long-poll sessions.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LongPollOptions {
        /// How long a receive waits for a message.
        request_timeout: Duration = Duration::from_secs(10), request_timeout;
        /// How long a session without a receive is kept.
        session_timeout: Duration = Duration::from_secs(30), session_timeout;
        /// The number of queued bytes above which events are not queued.
        queue_limit_bytes: u32 = 131_072, queue_limit_bytes;
        /// The number of queued messages above which events are not queued.
        queue_limit_messages: u32 = 100, queue_limit_messages;
        /// The most sessions of the service.
        max_sessions: usize = 8_192, max_sessions;
        /// The longest message that is accepted, in bytes; none: the transport's default.
        max_message_size: Option<u32> = None, max_message_size;
        /// The origins of web pages that may open sessions. `*` stands for any text, also within an
        /// origin.
        allowed_origins: Vec<String> = vec!["*".to_owned()], Section::texts;
        /// Whether pages with the origin `null` may open sessions.
        allow_null_origin: bool = true, Section::flag;
    }
}

/// The longest wait of a receive, in seconds. No intermediary waits longer.
const MAX_REQUEST_TIMEOUT: u64 = 600;

/// The longest time that a session without a receive is kept, in seconds: an hour.
const MAX_SESSION_TIMEOUT: u64 = 3_600;

/// The highest number of sessions of a service.
const MAX_SESSIONS: usize = 1_000_000;

/// The highest limit of a queue, in bytes.
const MAX_QUEUE_LIMIT_BYTES: u32 = 8 << 20;

/// The highest limit of a queue, in messages.
const MAX_QUEUE_LIMIT_MESSAGES: u32 = 65_536;

/// Reads a long-poll service. Crossbar.io has only its options; the other keys are as for other
/// transports.
pub(crate) fn service(mut section: Section<'_>) -> LongPollService {
    section.narrow(&LONGPOLL_SERVICE);
    let service = LongPollService::read(&mut section);
    section.finish();
    service
}

fn options(
    service: &mut Section<'_>,
    key: &'static str,
    default: LongPollOptions,
) -> LongPollOptions {
    let Some(mut section) = service.section(key, &LONGPOLL_OPTIONS) else { return default };
    section.accepted(&[DEBUG]);
    let options = LongPollOptions::read(&mut section);
    // A fixed id could be guessed, and any client that knows the id controls the session.
    let is_set = section.text(DEBUG_TRANSPORT_ID).is_some();
    section.has_no_effect(DEBUG_TRANSPORT_ID, is_set);
    section.finish();
    options
}

fn request_timeout(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    Duration::from_secs(limit(section, key, MAX_REQUEST_TIMEOUT, default.as_secs()))
}

fn session_timeout(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    Duration::from_secs(limit(section, key, MAX_SESSION_TIMEOUT, default.as_secs()))
}

fn queue_limit_bytes(section: &mut Section<'_>, key: &'static str, default: u32) -> u32 {
    limit(section, key, MAX_QUEUE_LIMIT_BYTES, default)
}

fn queue_limit_messages(section: &mut Section<'_>, key: &'static str, default: u32) -> u32 {
    limit(section, key, MAX_QUEUE_LIMIT_MESSAGES, default)
}

fn max_sessions(section: &mut Section<'_>, key: &'static str, default: usize) -> usize {
    section.number(key, &(1..=MAX_SESSIONS), default)
}

fn max_message_size(section: &mut Section<'_>, key: &'static str, _: Option<u32>) -> Option<u32> {
    section.optional(key)?.number(&(1..=MAX_MESSAGE_SIZE))
}

/// A limit. The highest one replaces a higher number, and 0, which Crossbar.io takes for no limit.
fn limit<N: WholeNumber + Default>(
    section: &mut Section<'_>,
    key: &'static str,
    most: N,
    default: N,
) -> N {
    let Some(field) = section.optional(key) else { return default };
    match field.number_up_to(&(N::default()..=most)) {
        Some(limit) if limit == N::default() => {
            field.warn(format!(
                "0 is no limit of its own: that of this version holds, which is {most}"
            ));
            most
        }
        limit => limit.unwrap_or(default),
    }
}
