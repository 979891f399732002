//! Transports: where a router listens and how components connect to it.

use cloverleaf_wamp::serializer::Serializer;

use super::store::SlowConsumerPolicy;
use super::{ConnectingEndpoint, ListeningEndpoint, WebOptions, WebPath, WebSocketSettings};

/// A transport on which a router listens.
#[derive(Debug, Clone, PartialEq)]
pub enum ListeningTransport {
    /// `rawsocket`: WAMP over RawSocket.
    RawSocket(RawSocketTransport),
    /// `websocket`: WAMP over WebSocket, at whatever path.
    WebSocket(WebSocketTransport),
    /// `web`: HTTP with services at its paths.
    Web(WebTransport),
    /// `universal`: several of them on one port.
    Universal(UniversalTransport),
    /// `websocket.testee`: a WebSocket echo server for conformance tests.
    WebSocketTestee(TesteeTransport),
    /// `stream.testee`: an echo server of plain octets.
    StreamTestee(StreamTesteeTransport),
}

impl ListeningTransport {
    /// The transport's id, given or `transport001` and so on.
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

    /// Where the transport listens.
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

/// A transport of type `stream.testee`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTesteeTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
}

/// A transport of type `rawsocket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSocketTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
    /// The serializers that it speaks; never empty.
    pub serializers: Vec<Serializer>,
    /// The longest message that it accepts, in bytes; none: the transport's own limit.
    pub max_message_size: Option<u32>,
    /// Who may join.
    pub auth: Auth,
    /// What becomes of events for peers that read too slowly, where their role does not say.
    pub slow_consumer: SlowConsumerPolicy,
}

/// A transport of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocketTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
    /// The URL under which clients see it.
    pub url: Option<String>,
    /// The serializers that it speaks; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of its WebSocket connections.
    pub options: WebSocketSettings,
    /// Who may join.
    pub auth: Auth,
    /// What becomes of events for peers that read too slowly, where their role does not say.
    pub slow_consumer: SlowConsumerPolicy,
}

/// A transport of type `web`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
    /// The options of its HTTP connections.
    pub options: WebOptions,
    /// What it serves at which path, in the order of the file.
    pub paths: Vec<WebPath>,
}

/// A transport of type `universal`: what each peer speaks, its first octets tell. At least one of
/// the protocols is there.
#[derive(Debug, Clone, PartialEq)]
pub struct UniversalTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
    /// WAMP over RawSocket.
    pub rawsocket: Option<RawSocketService>,
    /// HTTP, and WebSocket on top of it.
    pub web: Option<UniversalWeb>,
}

/// What of a universal transport speaks RawSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSocketService {
    /// The serializers that it speaks; never empty.
    pub serializers: Vec<Serializer>,
    /// The longest message that it accepts, in bytes; none: the transport's own limit.
    pub max_message_size: Option<u32>,
    /// Who may join.
    pub auth: Auth,
    /// What becomes of events for peers that read too slowly, where their role does not say.
    pub slow_consumer: SlowConsumerPolicy,
}

/// What of a universal transport speaks HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct UniversalWeb {
    /// The options of its HTTP connections.
    pub options: WebOptions,
    /// What is served at which path: the WebSockets (`websocket`), then everything else (`web`).
    pub paths: Vec<WebPath>,
}

/// A transport of type `websocket.testee`.
#[derive(Debug, Clone, PartialEq)]
pub struct TesteeTransport {
    /// Its id.
    pub id: String,
    /// Where it listens.
    pub endpoint: ListeningEndpoint,
    /// The URL under which clients see it.
    pub url: Option<String>,
    /// The options of its WebSocket connections.
    pub options: WebSocketSettings,
}

/// Who may join over a transport, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// Sessions that show no credentials.
    pub anonymous: AnonymousAuth,
}

/// What anonymous sessions get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnonymousAuth {
    /// The realm that they are put into; none: the one they ask for.
    pub realm: Option<String>,
    /// Their role.
    pub role: String,
    /// Their authid; none: a random one each.
    pub authid: Option<String>,
}

impl AnonymousAuth {
    /// The role of anonymous sessions when the file does not say.
    pub const DEFAULT_ROLE: &str = "anonymous";
}

impl Default for AnonymousAuth {
    fn default() -> Self {
        Self { realm: None, role: Self::DEFAULT_ROLE.to_owned(), authid: None }
    }
}

/// How a component connects to a router.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectingTransport {
    /// `websocket`
    WebSocket(ConnectingWebSocket),
    /// `rawsocket`
    RawSocket(ConnectingRawSocket),
}

/// A connecting transport of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectingWebSocket {
    /// Where it connects to.
    pub endpoint: ConnectingEndpoint,
    /// The URL that it asks for.
    pub url: String,
    /// The serializers that it offers, the preferred one first; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of its WebSocket connection.
    pub options: WebSocketSettings,
}

/// A connecting transport of type `rawsocket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingRawSocket {
    /// Where it connects to.
    pub endpoint: ConnectingEndpoint,
    /// The serializer that it asks for.
    pub serializer: Serializer,
    /// The longest message that it accepts, in bytes; none: the transport's own limit.
    pub max_message_size: Option<u32>,
}
