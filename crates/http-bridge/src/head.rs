//! What the bridge wants to know of a request besides its body.

use std::net::IpAddr;

use http::HeaderName;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;

/// A header field that the bridge looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `Access-Control-Request-Headers`
    AccessControlRequestHeaders,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// `Origin`
    Origin,
}

impl Field {
    const fn name(self) -> HeaderName {
        match self {
            Self::AccessControlRequestHeaders => ACCESS_CONTROL_REQUEST_HEADERS,
            Self::ContentLength => CONTENT_LENGTH,
            Self::ContentType => CONTENT_TYPE,
            Self::Origin => ORIGIN,
        }
    }
}

/// What stands in a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Value<'h> {
    /// The field is not there.
    #[default]
    Absent,
    /// It is there once.
    Single(&'h [u8]),
    /// It is there several times, first with this value.
    Repeated(&'h [u8]),
}

impl<'h> Value<'h> {
    /// The value, the first one if there are several.
    pub const fn first(self) -> Option<&'h [u8]> {
        match self {
            Self::Absent => None,
            Self::Single(value) | Self::Repeated(value) => Some(value),
        }
    }
}

/// The head of an HTTP request and the connection that it came on.
pub trait Head {
    /// The method, in the capitals in which it came.
    fn method(&self) -> &str;

    /// What follows the question mark of the request's target, not decoded; empty if there is none.
    fn query(&self) -> &str;

    /// What stands in a header field.
    fn value(&self, field: Field) -> Value<'_>;

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

    fn value(&self, field: Field) -> Value<'_> {
        let mut values = self.parts.headers.get_all(field.name()).into_iter();
        match (values.next().map(http::HeaderValue::as_bytes), values.next()) {
            (None, _) => Value::Absent,
            (Some(value), None) => Value::Single(value),
            (Some(first), Some(_)) => Value::Repeated(first),
        }
    }

    fn peer_ip(&self) -> Option<IpAddr> {
        self.connection.peer_ip
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls
    }
}
