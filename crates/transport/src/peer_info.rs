//! What is known of the peer of a connection: address, TLS, transport and HTTP request.
//!
//! [`ConnectionPeer`] is made when a connection is accepted, [`PeerInfo`] when the connection or an
//! HTTP request on it becomes a session. The bridge, limits, logs and the session meta API use it.

use std::fmt;

use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::DeflateAgreement;

use crate::listener::PeerAddress;

/// The peer of an accepted connection. Displayed as its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionPeer {
    /// The address. Behind a proxy that sends the PROXY header, the address in that header.
    pub address: PeerAddress,
    /// The TLS session of the connection; none if the connection is not encrypted.
    pub tls: Option<TlsInfo>,
}

/// The properties of a TLS session. It has no values: the router does not terminate TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsInfo {}

/// The peer of a connection that carries sessions. Displayed as its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// The peer of the connection.
    pub connection: ConnectionPeer,
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

impl ConnectionPeer {
    /// The peer of a connection that is not encrypted.
    pub const fn plain(address: PeerAddress) -> Self {
        Self { address, tls: None }
    }
}

impl PeerInfo {
    /// A peer that uses RawSocket.
    pub const fn rawsocket(connection: ConnectionPeer) -> Self {
        Self { connection, transport: TransportKind::RawSocket, http: None }
    }

    /// A peer whose HTTP request became a session.
    pub fn over_http(connection: ConnectionPeer, transport: TransportKind, http: HttpInfo) -> Self {
        Self { connection, transport, http: Some(Box::new(http)) }
    }
}

impl fmt::Display for ConnectionPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl fmt::Display for PeerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}
