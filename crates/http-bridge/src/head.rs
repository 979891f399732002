//! What the bridge wants to know of a request besides its body.

use std::net::IpAddr;

use http::HeaderName;
use http::request::Parts;

/// The head of an HTTP request and the connection that it came on.
pub trait Head {
    /// The method, in the capitals in which it came.
    fn method(&self) -> &str;

    /// What follows the question mark of the request's target, not decoded; empty if there is none.
    fn query(&self) -> &str;

    /// The values of each header field of this name, in the order in which they came.
    fn headers(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]>;

    /// The address at the other end of the socket; none where a socket has no such address.
    fn peer_ip(&self) -> Option<IpAddr>;

    /// Whether the request came over TLS.
    fn is_tls(&self) -> bool;
}

/// What is known of the connection that a request came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    /// See [`Head::peer_ip`].
    pub peer_ip: Option<IpAddr>,
    /// See [`Head::is_tls`].
    pub is_tls: bool,
}

/// A head in the types of the crate `http`.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The head as it was read.
    pub parts: &'a Parts,
    /// Where it was read from.
    pub connection: Connection,
}

impl Head for RequestHead<'_> {
    fn method(&self) -> &str {
        self.parts.method.as_str()
    }

    fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    fn headers(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.parts.headers.get_all(name).into_iter().map(http::HeaderValue::as_bytes)
    }

    fn peer_ip(&self) -> Option<IpAddr> {
        self.connection.peer_ip
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls
    }
}
