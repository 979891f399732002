//! Long-poll services: WAMP over plain HTTP requests.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::serializers::serializers;
use super::store::slow_consumer;
use super::transport::auth;
use super::websocket::MAX_MESSAGE_SIZE;
use crate::section::Section;
use crate::settings::{LongPollOptions, LongPollService};

/// The longest time that a request may wait, in seconds: no intermediary waits for longer.
const MAX_REQUEST_TIMEOUT: u64 = 600;

/// The longest time that a session is kept for a client that does not come, in seconds: an hour.
const MAX_SESSION_TIMEOUT: u64 = 3_600;

/// The most that a queue may hold, in bytes.
const MAX_QUEUE_LIMIT_BYTES: u32 = 8 << 20;

/// The same in messages.
const MAX_QUEUE_LIMIT_MESSAGES: u32 = 65_536;

/// Reads a long-poll service. Crossbar.io has its options alone; who may join, and with what, can
/// be said as for the other transports.
pub(super) fn service(mut section: Section<'_>) -> LongPollService {
    section.call("a longpoll service");
    let options = section.section("options", "longpoll options").map(options);
    let service = LongPollService {
        serializers: serializers(&mut section),
        options: options.unwrap_or_default(),
        auth: auth(&mut section),
        slow_consumer: slow_consumer(&mut section).unwrap_or_default(),
    };
    section.finish();
    service
}

fn options(mut section: Section<'_>) -> LongPollOptions {
    let default = LongPollOptions::default();
    let s = &mut section;
    s.accepted(&["debug"]);
    let origins = s.optional("allowed_origins").and_then(|field| field.texts());
    let size = s.optional("max_message_size");
    let options = LongPollOptions {
        request_timeout: s.seconds("request_timeout", MAX_REQUEST_TIMEOUT, default.request_timeout),
        session_timeout: s.seconds("session_timeout", MAX_SESSION_TIMEOUT, default.session_timeout),
        queue_limit_bytes: s.limit(
            "queue_limit_bytes",
            MAX_QUEUE_LIMIT_BYTES,
            default.queue_limit_bytes,
        ),
        queue_limit_messages: s.limit(
            "queue_limit_messages",
            MAX_QUEUE_LIMIT_MESSAGES,
            default.queue_limit_messages,
        ),
        max_message_size: size.and_then(|field| field.number(&(1..=MAX_MESSAGE_SIZE))),
        allowed_origins: origins.unwrap_or(default.allowed_origins),
        allow_null_origin: s.flag("allow_null_origin", default.allow_null_origin),
    };
    // A fixed id could be guessed, and whoever knows it is the session's client.
    let is_fixed = s.text("debug_transport_id").is_some();
    s.has_no_effect("debug_transport_id", is_fixed);
    section.finish();
    options
}

impl Section<'_> {
    /// The time of a key in seconds, or this when it is missing.
    fn seconds(&mut self, key: &'static str, most: u64, default: Duration) -> Duration {
        Duration::from_secs(self.limit(key, most, default.as_secs()))
    }

    /// A limit, or this when it is missing. The highest one takes the place of 0, which is no limit
    /// to Crossbar.io, and of what is above it.
    fn limit<N>(&mut self, key: &'static str, most: N, default: N) -> N
    where
        N: Copy + Default + Display + PartialOrd + TryFrom<u64> + FromStr,
    {
        let Some(field) = self.optional(key) else { return default };
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
}
