//! The details of a session: `wamp.session.get`, `wamp.session.on_join`.
//!
//! They have the keys of the specification and those of Crossbar.io. Spec: advanced profile
//! "Session Meta API".

use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::DeflateAgreement;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer as Write};

use crate::realm::{DisclosedHeaders, RealmSettings};
use crate::session::{Principal, Session, TransportDetails};

/// The details of a session.
#[derive(Serialize)]
pub(super) struct SessionDetails<'a> {
    realm: &'a str,
    session: u64,
    authid: &'a str,
    authrole: &'a str,
    authmethod: &'a str,
    authprovider: &'a str,
    authextra: NoEntries,
    /// The format of its messages, such as `cbor.batched`; none for a session of this process.
    serializer: Option<&'static str>,
    transport: Transport<'a>,
    resumed: bool,
    resumable: bool,
    resume_token: Option<&'static str>,
}

impl<'a> SessionDetails<'a> {
    pub(super) fn of<O>(session: &'a Session<O>, settings: &'a RealmSettings) -> Self {
        let transport = session.transport.as_deref();
        Self::new(session.key.id(), &session.principal, transport, settings)
    }

    pub(super) fn new(
        session: SessionId,
        principal: &'a Principal,
        transport: Option<&'a TransportDetails>,
        settings: &'a RealmSettings,
    ) -> Self {
        Self {
            realm: &settings.name,
            session: session.number(),
            authid: &principal.authid,
            authrole: &principal.authrole,
            authmethod: &principal.authmethod,
            authprovider: &principal.authprovider,
            authextra: NoEntries {},
            serializer: transport.map(|transport| transport.format.name()),
            transport: match transport {
                Some(transport) => Transport::new(transport, settings.disclosed_headers),
                None => Transport::IN_PROCESS,
            },
            // A session ends with its connection.
            resumed: false,
            resumable: false,
            resume_token: None,
        }
    }

    /// The details without the header fields of a request.
    pub(super) fn without_headers(mut self) -> Self {
        self.transport.http_headers_received = None;
        self
    }
}

/// A dictionary without entries.
#[derive(Serialize)]
struct NoEntries {}

/// The connection of a session. The first two keys are an extension of this router, the others are
/// those of Autobahn's `TransportDetails`, without those about the router's process.
#[derive(Serialize)]
struct Transport<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    protocol: Option<&'static str>,
    /// `tcp` also over a Unix socket.
    channel_type: &'static str,
    /// Null for long-polling, for which Autobahn has no name.
    channel_framing: Option<&'static str>,
    channel_serializer: &'static str,
    peer: Option<&'a str>,
    is_server: Option<bool>,
    is_secure: Option<bool>,
    peer_cert: Option<&'static str>,
    websocket_protocol: Option<&'static str>,
    websocket_extensions_in_use: Option<Vec<Deflate>>,
    http_headers_received: Option<Headers<'a>>,
    http_cbtid: Option<&'static str>,
}

impl<'a> Transport<'a> {
    /// A session of this process, such as that of a component.
    const IN_PROCESS: Self = Self {
        kind: "local",
        protocol: None,
        channel_type: "function",
        channel_framing: Some("native"),
        channel_serializer: "null",
        peer: None,
        is_server: None,
        is_secure: None,
        peer_cert: None,
        websocket_protocol: None,
        websocket_extensions_in_use: None,
        http_headers_received: None,
        http_cbtid: None,
    };

    /// Without TLS and cookies there are no certificates and tracking ids.
    fn new(transport: &'a TransportDetails, disclosed: DisclosedHeaders) -> Self {
        let TransportDetails { kind, format, peer, compression, http_headers } = transport;
        let is_websocket = *kind == TransportKind::WebSocket;
        let headers = http_headers.as_ref().filter(|_| disclosed != DisclosedHeaders::None);
        Self {
            kind: kind.name(),
            protocol: Some(format.subprotocol()),
            channel_type: "tcp",
            channel_framing: match kind {
                TransportKind::WebSocket | TransportKind::RawSocket => Some(kind.name()),
                TransportKind::LongPoll => None,
            },
            channel_serializer: match format.serializer {
                // Autobahn has no other name for it.
                Serializer::BjData => Serializer::UbJson.name(),
                serializer => serializer.name(),
            },
            peer: Some(peer),
            is_server: Some(true),
            is_secure: Some(false),
            websocket_protocol: Some(format.subprotocol()),
            websocket_extensions_in_use: is_websocket
                .then(|| compression.iter().map(Deflate::new).collect()),
            http_headers_received: headers.map(|headers| Headers { headers, disclosed }),
            ..Self::IN_PROCESS
        }
    }
}

/// The compression of a connection, as Autobahn describes it.
#[derive(Serialize)]
struct Deflate {
    extension: &'static str,
    is_server: bool,
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: u8,
    client_max_window_bits: u8,
    mem_level: u8,
}

impl Deflate {
    fn new(agreement: &DeflateAgreement) -> Self {
        let [server_no_context_takeover, client_no_context_takeover] =
            agreement.no_context_takeover();
        let [server_max_window_bits, client_max_window_bits] =
            agreement.window_bits().map(|bits| bits.get());
        Self {
            extension: "permessage-deflate",
            is_server: true,
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
            mem_level: agreement.memory_level().get(),
        }
    }
}

/// The header fields that the realm discloses, as a dictionary.
struct Headers<'a> {
    headers: &'a HttpHeaders,
    disclosed: DisclosedHeaders,
}

impl Serialize for Headers<'_> {
    fn serialize<W: Write>(&self, serializer: W) -> Result<W::Ok, W::Error> {
        let fields = || self.headers.iter().filter(|(name, _)| self.disclosed.discloses(name));
        let mut map = serializer.serialize_map(Some(fields().count()))?;
        fields().try_for_each(|(name, value)| {
            map.serialize_entry(name, &*self.disclosed.value(value))
        })?;
        map.end()
    }
}
