//! What is known of the peer of a connection: where it is, over which transport it speaks, and the
//! HTTP request that became the connection.
//!
//! Made where a connection is accepted or a request becomes a session, and seen by logs and the
//! session meta API. Connections are not encrypted by the router yet, so nothing is said of TLS.

use std::fmt;

use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::DeflateAgreement;

use crate::listener::PeerAddress;

/// The peer of a connection that carries sessions. Displayed as its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Where it is; behind a proxy, what the proxy says of its client.
    pub address: PeerAddress,
    /// The transport.
    pub transport: TransportKind,
    /// The HTTP request that became the connection, if one did.
    pub http: Option<Box<HttpInfo>>,
}

/// An HTTP request that became a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpInfo {
    /// Its header fields, up to [`MAX_HTTP_HEADER_BYTES`](crate::limits::MAX_HTTP_HEADER_BYTES).
    pub headers: HttpHeaders,
    /// The compression that the handshake of a WebSocket has agreed on.
    pub compression: Option<DeflateAgreement>,
}

impl PeerInfo {
    /// A peer that speaks RawSocket.
    pub const fn rawsocket(address: PeerAddress) -> Self {
        Self { address, transport: TransportKind::RawSocket, http: None }
    }

    /// A peer whose HTTP request became the connection.
    pub fn over_http(address: PeerAddress, transport: TransportKind, http: HttpInfo) -> Self {
        Self { address, transport, http: Some(Box::new(http)) }
    }
}

impl fmt::Display for PeerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
