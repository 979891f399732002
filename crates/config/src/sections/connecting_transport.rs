//! Transports by which components connect to a router.

use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_url::WebSocketUrl;

use super::connecting_endpoint::{self, ConnectingEndpoint};
use super::ids::{ID, TYPE_AND_ID};
use super::rawsocket;
use super::serializers::{serializer, serializers};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::field::Field;
use crate::options::keys;
use crate::section::{DEBUG, Section, SectionKeys};
use crate::unsupported;

pub(crate) static TRANSPORT: SectionKeys = SectionKeys::one_of(
    "a connecting transport",
    TYPE_AND_ID,
    &[&WEBSOCKET_TRANSPORT, &RAWSOCKET_TRANSPORT],
);

pub(crate) static WEBSOCKET_TRANSPORT: SectionKeys =
    SectionKeys::closed("a connecting websocket transport", WebSocketKeys::ALL)
        .with(&[TYPE_AND_ID, &[DEBUG]])
        .with_unsupported(unsupported::CONNECTING_AUTH);

pub(crate) static RAWSOCKET_TRANSPORT: SectionKeys =
    SectionKeys::closed("a connecting rawsocket transport", RawSocketKeys::ALL)
        .with(&[TYPE_AND_ID, &[DEBUG]])
        .with_unsupported(unsupported::CONNECTING_AUTH);

keys! {
    /// The keys of a connecting WebSocket transport.
    const WEBSOCKET: WebSocketKeys = { endpoint, url, serializers, options };
}

keys! {
    /// The keys of a connecting RawSocket transport.
    const RAWSOCKET: RawSocketKeys = { endpoint, url, serializer, options };
}

/// A transport by which a component connects to a router.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectingTransport {
    /// `websocket`
    WebSocket(ConnectingWebSocket),
    /// `rawsocket`
    RawSocket(ConnectingRawSocket),
}

impl ConnectingTransport {
    /// The endpoint to connect to.
    pub(crate) const fn endpoint(&self) -> &ConnectingEndpoint {
        match self {
            Self::WebSocket(transport) => &transport.endpoint,
            Self::RawSocket(transport) => &transport.endpoint,
        }
    }
}

/// A connecting transport of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectingWebSocket {
    /// The endpoint to connect to.
    pub endpoint: ConnectingEndpoint,
    /// The URL of the handshake: `ws://host[:port][/path]`.
    pub url: String,
    /// The serializers that are offered, the preferred one first; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of the WebSocket connection.
    pub options: WebSocketSettings,
}

/// A connecting transport of type `rawsocket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectingRawSocket {
    /// The endpoint to connect to.
    pub endpoint: ConnectingEndpoint,
    /// The serializer that is asked for.
    pub serializer: Serializer,
    /// The longest message that is accepted, in bytes; none: the transport's default.
    pub max_message_size: Option<u32>,
}

#[derive(Clone, Copy)]
enum ConnectingKind {
    WebSocket,
    RawSocket,
}

/// Reads the transport of a component.
pub(crate) fn connecting(field: &Field<'_>) -> Option<ConnectingTransport> {
    let mut section = Section::of(field, &TRANSPORT)?;
    let kinds =
        [("websocket", ConnectingKind::WebSocket), ("rawsocket", ConnectingKind::RawSocket)];
    match section.kind("transport type", &kinds, &[])? {
        ConnectingKind::WebSocket => websocket(section).map(ConnectingTransport::WebSocket),
        ConnectingKind::RawSocket => rawsocket(section).map(ConnectingTransport::RawSocket),
    }
}

fn websocket(mut section: Section<'_>) -> Option<ConnectingWebSocket> {
    section.narrow(&WEBSOCKET_TRANSPORT);
    section.accepted(&[ID]);
    section.debug();
    let endpoint = connecting_endpoint::connecting(&mut section, WEBSOCKET.endpoint);
    let url = section.required(WEBSOCKET.url).and_then(|field| websocket_url(&field));
    let serializers =
        serializers(&mut section, WEBSOCKET.serializers, Serializer::DEFAULT.to_vec());
    let options = websocket::options(&mut section, WEBSOCKET.options, WebSocketUse::Connecting);
    section.refuse_unsupported();
    section.finish();
    Some(ConnectingWebSocket { endpoint: endpoint?, url: url?, serializers, options })
}

fn rawsocket(mut section: Section<'_>) -> Option<ConnectingRawSocket> {
    section.narrow(&RAWSOCKET_TRANSPORT);
    section.accepted(&[ID]);
    section.debug();
    section.text_without_effect(RAWSOCKET.url, None);
    let endpoint = connecting_endpoint::connecting(&mut section, RAWSOCKET.endpoint);
    let serializer = section.required(RAWSOCKET.serializer).and_then(|field| serializer(&field));
    let max_message_size = rawsocket::max_message_size(&mut section, RAWSOCKET.options, None);
    section.refuse_unsupported();
    section.finish();
    let (endpoint, serializer) = (endpoint?, serializer?);
    Some(ConnectingRawSocket { endpoint, serializer, max_message_size })
}

/// A `ws://` URL. `wss://` is refused: endpoints with TLS are not supported yet.
fn websocket_url(field: &Field<'_>) -> Option<String> {
    let url = field.non_empty_text()?;
    if url.starts_with("wss://") {
        return field.report_unsupported("'wss'", unsupported::WSS);
    }
    match WebSocketUrl::parse(&url) {
        Ok(_) => Some(url),
        Err(_) => field.expected("a URL such as 'ws://127.0.0.1:8080/ws'"),
    }
}
