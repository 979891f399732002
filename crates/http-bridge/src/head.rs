//! The parts of a request's head that the bridge reads.

use http::HeaderName;
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;

/// A header field that the bridge reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderField {
    /// `Access-Control-Request-Headers`
    AccessControlRequestHeaders,
    /// `Content-Length`
    ContentLength,
    /// `Content-Type`
    ContentType,
    /// `Origin`
    Origin,
}

impl HeaderField {
    const fn name(self) -> HeaderName {
        match self {
            Self::AccessControlRequestHeaders => ACCESS_CONTROL_REQUEST_HEADERS,
            Self::ContentLength => CONTENT_LENGTH,
            Self::ContentType => CONTENT_TYPE,
            Self::Origin => ORIGIN,
        }
    }
}

/// The value of a header field in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValue<'h> {
    /// The request lacks the field.
    #[default]
    Absent,
    /// The request has the field once.
    Single(&'h [u8]),
    /// The request has the field several times; this is the first value.
    Repeated(&'h [u8]),
}

impl<'h> FieldValue<'h> {
    /// The value; the first one if there are several.
    pub const fn first(self) -> Option<&'h [u8]> {
        match self {
            Self::Absent => None,
            Self::Single(value) | Self::Repeated(value) => Some(value),
        }
    }
}

/// The head of an HTTP request: method, query and header fields.
pub trait HttpHead {
    /// The method, in the capitals in which it was sent.
    fn method(&self) -> &str;

    /// The part of the request target behind the question mark, not decoded; empty if there is
    /// none.
    fn query(&self) -> &str;

    /// The value of a header field.
    fn value(&self, field: HeaderField) -> FieldValue<'_>;
}

impl HttpHead for Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    fn value(&self, field: HeaderField) -> FieldValue<'_> {
        let mut values = self.headers.get_all(field.name()).into_iter();
        match (values.next().map(http::HeaderValue::as_bytes), values.next()) {
            (None, _) => FieldValue::Absent,
            (Some(value), None) => FieldValue::Single(value),
            (Some(first), Some(_)) => FieldValue::Repeated(first),
        }
    }
}
