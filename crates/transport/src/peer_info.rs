//! What is known of the peer of a connection: address, transport and HTTP request.
//!
//! Made when a connection is accepted or an HTTP request becomes a session. Logs and the session
//! meta API show it. The router does not terminate TLS, so there is no field for TLS.

use std::fmt;

use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::DeflateAgreement;

use crate::listener::PeerAddress;

/// The peer of a connection that carries sessions. Displayed as its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// The address. Behind a proxy, the address that the proxy tells of its client.
    pub address: PeerAddress,
    /// The transport.
    pub transport: TransportKind,
    /// The HTTP request that became the session, if any.
    pub http: Option<Box<HttpInfo>>,
}

/// An HTTP request that became a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpInfo {
    /// Its header fields, up to [`MAX_HTTP_HEADER_BYTES`](crate::limits::MAX_HTTP_HEADER_BYTES).
    pub headers: HttpHeaders,
    /// The compression that the WebSocket handshake negotiated, if any.
    pub compression: Option<DeflateAgreement>,
}

impl PeerInfo {
    /// A peer that uses RawSocket.
    pub const fn rawsocket(address: PeerAddress) -> Self {
        Self { address, transport: TransportKind::RawSocket, http: None }
    }

    /// A peer whose HTTP request became a session.
    pub fn over_http(address: PeerAddress, transport: TransportKind, http: HttpInfo) -> Self {
        Self { address, transport, http: Some(Box::new(http)) }
    }
}

impl fmt::Display for PeerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}
