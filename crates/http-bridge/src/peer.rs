//! The peer of the connection that a request was sent on.

use std::net::IpAddr;

/// The properties of a peer by which an operator may restrict access
/// ([`require_ip`](crate::BridgeSettings::require_ip),
/// [`require_tls`](crate::BridgeSettings::require_tls)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestPeer {
    /// The IP address; none for a peer on a Unix socket. Behind a proxy that sends the PROXY
    /// header, the address in that header.
    pub ip: Option<IpAddr>,
    /// Whether the connection is encrypted with TLS.
    pub is_tls: bool,
}
