//! WebSocket services: WAMP over WebSocket at a path.

use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::ids::TYPE_AND_ID;
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::options::options;
use crate::section::{COOKIE, DEBUG, Section, SectionKeys, SectionOptions};

pub(crate) static WEBSOCKET_SERVICE: SectionKeys =
    SectionKeys::closed("a websocket service", &[]).with(WEBSOCKET_SERVICE_KEYS);

/// The keys of a WebSocket service of a web or universal transport.
pub(crate) const WEBSOCKET_SERVICE_KEYS: &[&[&str]] =
    &[TYPE_AND_ID, WebSocketService::KEYS, &[DEBUG, COOKIE]];

options! {
    /// A service of type `websocket`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct WebSocketService {
        /// The URL that clients use. It has no effect: the transport is reached at its endpoint.
        url: Option<String> = None, Section::text_without_effect;
        /// The serializers that clients may choose; never empty.
        serializers: Vec<Serializer> = Serializer::DEFAULT.to_vec(), serializers;
        /// The options of WebSocket connections.
        options: WebSocketSettings = WebSocketSettings::default(), options;
        /// The authentication methods.
        auth: Auth = Auth::default(), auth;
        /// What happens to events for slow consumers whose role has no policy.
        slow_consumer: SlowConsumerPolicy = SlowConsumerPolicy::default(), slow_consumer;
    }
}

/// Reads a WebSocket service of a web or universal transport.
pub(crate) fn service(mut section: Section<'_>) -> WebSocketService {
    section.narrow(&WEBSOCKET_SERVICE);
    section.debug();
    let service = WebSocketService::read(&mut section);
    section.ignore_cookie();
    section.finish();
    service
}

fn options(
    section: &mut Section<'_>,
    key: &'static str,
    _: WebSocketSettings,
) -> WebSocketSettings {
    websocket::options(section, key, WebSocketUse::Service)
}
