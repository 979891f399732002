//! An authenticated identity, and how its client is connected.

use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::DeflateAgreement;
use compact_str::CompactString;

/// An authenticated identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of the client.
    pub authid: CompactString,
    /// The role that decides its permissions.
    pub authrole: CompactString,
    /// The authentication method that was used.
    pub authmethod: CompactString,
    /// The source of the identity: `static` for the configuration.
    pub authprovider: CompactString,
}

/// How a session is connected, for the session meta API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportDetails {
    /// The transport.
    pub kind: TransportKind,
    /// How its messages are written.
    pub format: MessageFormat,
    /// The address of the peer, as Autobahn writes it: `tcp4:127.0.0.1:40312`.
    pub peer: CompactString,
    /// The compression of a WebSocket.
    pub compression: Option<DeflateAgreement>,
    /// The header fields of the HTTP request that became the connection, if one did.
    pub http_headers: Option<HttpHeaders>,
}
