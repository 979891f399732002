//! Transports on which a router listens.

use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::ids::Ids;
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::rawsocket::{self, RAWSOCKET_TRANSPORT, RawSocketTransport};
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::testee::{
    self, STREAM_TESTEE, StreamTesteeTransport, TesteeTransport, WEBSOCKET_TESTEE,
    WEBSOCKET_TESTEE_TYPE,
};
use super::universal::{self, UNIVERSAL_TRANSPORT, UniversalTransport};
use super::web::{self, WEB_TRANSPORT, WEBSOCKET_SERVICE_KEYS, WebTransport};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::field::Field;
use crate::section::{Section, SectionKeys};
use crate::unsupported;

pub(crate) static TRANSPORT: SectionKeys = SectionKeys::one_of(
    "a transport",
    &["type", "id"],
    &[
        &RAWSOCKET_TRANSPORT,
        &WEBSOCKET_TRANSPORT,
        &WEB_TRANSPORT,
        &UNIVERSAL_TRANSPORT,
        &WEBSOCKET_TESTEE,
        &STREAM_TESTEE,
    ],
);

pub(crate) static WEBSOCKET_TRANSPORT: SectionKeys =
    SectionKeys::closed("a websocket transport", &["type", "id", "endpoint", "limits"])
        .with(&[WEBSOCKET_SERVICE_KEYS]);

/// A transport on which a router listens.
#[derive(Debug, Clone, PartialEq)]
pub enum ListeningTransport {
    /// `rawsocket`: WAMP over RawSocket.
    RawSocket(RawSocketTransport),
    /// `websocket`: WAMP over WebSocket, at any path.
    WebSocket(WebSocketTransport),
    /// `web`: HTTP with services at its paths.
    Web(WebTransport),
    /// `universal`: several protocols on one port.
    Universal(UniversalTransport),
    /// `websocket.testee`: a WebSocket echo server for conformance tests.
    WebSocketTestee(TesteeTransport),
    /// `stream.testee`: an echo server of plain octets.
    StreamTestee(StreamTesteeTransport),
}

impl ListeningTransport {
    /// The transport's id, given or generated (`transport001` …).
    pub fn id(&self) -> &str {
        match self {
            Self::RawSocket(transport) => &transport.id,
            Self::WebSocket(transport) => &transport.id,
            Self::Web(transport) => &transport.id,
            Self::Universal(transport) => &transport.id,
            Self::WebSocketTestee(transport) => &transport.id,
            Self::StreamTestee(transport) => &transport.id,
        }
    }

    /// The limits of its connections. Testees have the default limits.
    pub fn limits(&self) -> ListenerLimits {
        match self {
            Self::RawSocket(transport) => transport.limits,
            Self::WebSocket(transport) => transport.limits,
            Self::Web(transport) => transport.limits,
            Self::Universal(transport) => transport.limits,
            Self::WebSocketTestee(_) | Self::StreamTestee(_) => ListenerLimits::default(),
        }
    }

    /// The endpoint to listen on.
    pub fn endpoint(&self) -> &ListeningEndpoint {
        match self {
            Self::RawSocket(transport) => &transport.endpoint,
            Self::WebSocket(transport) => &transport.endpoint,
            Self::Web(transport) => &transport.endpoint,
            Self::Universal(transport) => &transport.endpoint,
            Self::WebSocketTestee(transport) => &transport.endpoint,
            Self::StreamTestee(transport) => &transport.endpoint,
        }
    }
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
    /// The URL that clients use.
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

#[derive(Clone, Copy)]
enum ListeningTransportKind {
    RawSocket,
    WebSocket,
    Web,
    Universal,
    Testee,
    StreamTestee,
}

/// Reads a transport of a router.
pub(crate) fn listening(field: &Field<'_>, ids: &mut Ids) -> Option<ListeningTransport> {
    let mut section = Section::of(field, &TRANSPORT)?;
    let kinds = [
        ("rawsocket", ListeningTransportKind::RawSocket),
        ("websocket", ListeningTransportKind::WebSocket),
        ("web", ListeningTransportKind::Web),
        ("universal", ListeningTransportKind::Universal),
        (WEBSOCKET_TESTEE_TYPE, ListeningTransportKind::Testee),
        ("stream.testee", ListeningTransportKind::StreamTestee),
    ];
    if section.is_of_type("flashpolicy") {
        field.warn("this transport is ignored: there is no Flash any more");
        return None;
    }
    let kind = section.kind("transport type", &kinds, unsupported::TRANSPORTS)?;
    let id = ids.of(&mut section);
    match kind {
        ListeningTransportKind::RawSocket => {
            rawsocket::transport(section, id).map(ListeningTransport::RawSocket)
        }
        ListeningTransportKind::WebSocket => {
            websocket(section, id).map(ListeningTransport::WebSocket)
        }
        ListeningTransportKind::Web => web::transport(section, id).map(ListeningTransport::Web),
        ListeningTransportKind::Universal => {
            universal::transport(section, id).map(ListeningTransport::Universal)
        }
        ListeningTransportKind::Testee => {
            testee::websocket(section, id).map(ListeningTransport::WebSocketTestee)
        }
        ListeningTransportKind::StreamTestee => {
            testee::stream(section, id).map(ListeningTransport::StreamTestee)
        }
    }
}

fn websocket(mut section: Section<'_>, id: String) -> Option<WebSocketTransport> {
    section.narrow(&WEBSOCKET_TRANSPORT);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section);
    let limits = section.options("limits", &LISTENER_LIMITS);
    let url = section.url();
    let serializers = serializers(&mut section);
    let options = websocket::options(&mut section, WebSocketUse::Listener);
    let auth = auth(&mut section);
    let slow_consumer = slow_consumer(&mut section).unwrap_or_default();
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
