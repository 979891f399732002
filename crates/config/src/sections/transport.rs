//! Transports on which a router listens.

use super::ids::{Ids, TYPE_AND_ID};
use super::limits::ListenerLimits;
use super::listening_endpoint::ListeningEndpoint;
use super::rawsocket::{self, RAWSOCKET_TRANSPORT, RawSocketTransport};
use super::testee::{
    self, STREAM_TESTEE, StreamTesteeTransport, TesteeTransport, WEBSOCKET_TESTEE,
    WEBSOCKET_TESTEE_TYPE,
};
use super::universal::{self, UNIVERSAL_TRANSPORT, UniversalTransport};
use super::web::{self, WEB_TRANSPORT, WebTransport};
use super::websocket_transport::{self, WEBSOCKET_TRANSPORT, WebSocketTransport};
use crate::field::Field;
use crate::section::{Section, SectionKeys};
use crate::unsupported;

pub(crate) static TRANSPORT: SectionKeys = SectionKeys::one_of(
    "a transport",
    TYPE_AND_ID,
    &[
        &RAWSOCKET_TRANSPORT,
        &WEBSOCKET_TRANSPORT,
        &WEB_TRANSPORT,
        &UNIVERSAL_TRANSPORT,
        &WEBSOCKET_TESTEE,
        &STREAM_TESTEE,
    ],
);

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
            websocket_transport::transport(section, id).map(ListeningTransport::WebSocket)
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
