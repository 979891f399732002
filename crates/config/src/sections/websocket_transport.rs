//! WebSocket transports: WAMP over WebSocket, at any path.

use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::ids::TYPE_AND_ID;
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::options::keys;
use crate::section::{COOKIE, DEBUG, Section, SectionKeys};

pub(crate) static WEBSOCKET_TRANSPORT: SectionKeys =
    SectionKeys::closed("a websocket transport", TransportKeys::ALL)
        .with(&[TYPE_AND_ID, &[DEBUG, COOKIE]]);

keys! {
    /// The keys of a WebSocket transport.
    const KEYS: TransportKeys =
        { endpoint, limits, url, serializers, options, auth, slow_consumer };
}

/// A transport of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocketTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The limits of connections.
    pub limits: ListenerLimits,
    /// The URL that clients use. It has no effect: the transport is reached at its endpoint.
    pub url: Option<String>,
    /// The serializers that clients may choose; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of WebSocket connections.
    pub options: WebSocketSettings,
    /// The authentication methods.
    pub auth: Auth,
    /// What happens to events for slow consumers whose role has no policy.
    pub slow_consumer: SlowConsumerPolicy,
}

/// Reads a transport of type `websocket`.
pub(crate) fn transport(mut section: Section<'_>, id: String) -> Option<WebSocketTransport> {
    section.narrow(&WEBSOCKET_TRANSPORT);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section, KEYS.endpoint);
    let limits = section.options(KEYS.limits, &LISTENER_LIMITS);
    let url = section.text_without_effect(KEYS.url, None);
    let serializers = serializers(&mut section, KEYS.serializers, Serializer::DEFAULT.to_vec());
    let options = websocket::options(&mut section, KEYS.options, WebSocketUse::Listener);
    let auth = auth(&mut section, KEYS.auth, Auth::default());
    let slow_consumer =
        slow_consumer(&mut section, KEYS.slow_consumer, SlowConsumerPolicy::default());
    section.ignore_cookie();
    section.finish();
    Some(WebSocketTransport {
        id,
        endpoint: endpoint?,
        limits,
        url,
        serializers,
        options,
        auth,
        slow_consumer,
    })
}
