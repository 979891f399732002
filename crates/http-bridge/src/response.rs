//! Replies: status, header fields and the JSON of the body.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

mod body;

pub(crate) use body::StatusAndBody;

use crate::head::{HeaderField, HttpHead};
use crate::settings::AllowedOrigins;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");
const NEVER: HeaderValue = HeaderValue::from_static("no-store,no-cache,must-revalidate,max-age=0");
const BY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
const METHODS: HeaderValue = HeaderValue::from_static("POST,PUT,OPTIONS");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The first lines of every reply's header.
const ALWAYS: &[u8] = b"content-type: application/json; charset=UTF-8\r\n\
    cache-control: no-store,no-cache,must-revalidate,max-age=0\r\n\
    vary: Origin\r\n";

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct BridgeResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: ResponseHeaders,
    /// JSON, or nothing.
    pub body: Bytes,
}

impl BridgeResponse {
    /// The reply in the types of the crate `http`.
    pub fn into_response(self) -> Response<Bytes> {
        /// Above what [`ResponseHeaders`] has, with two more of the server.
        const FIELDS: usize = 12;
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let fields = response.headers_mut();
        fields.reserve(FIELDS);
        fields.extend(self.headers.iter());
        response
    }
}

/// The header fields of a reply; those by which it is framed are the server's.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHeaders {
    /// The pages that may read the reply.
    origin: Option<HeaderValue>,
    /// The header fields that a page asked to send.
    allowed_headers: Option<HeaderValue>,
    /// Whether the methods are named that there are.
    methods: bool,
}

impl ResponseHeaders {
    /// The header fields for the reply to this request.
    pub(crate) fn answering(head: &impl HttpHead, allowed: &AllowedOrigins) -> Self {
        let allowed_headers = head.value(HeaderField::AccessControlRequestHeaders).first();
        Self {
            origin: allowed_origin(head.value(HeaderField::Origin).first(), allowed),
            allowed_headers: allowed_headers.and_then(|v| HeaderValue::from_bytes(v).ok()),
            methods: false,
        }
    }

    /// The header fields for the denial of a request from a page whose origin is not allowed: the
    /// page may not read it.
    pub(crate) const fn answering_foreign_page() -> Self {
        Self { origin: None, allowed_headers: None, methods: false }
    }

    pub(crate) fn naming_methods(self) -> Self {
        Self { methods: true, ..self }
    }

    pub(crate) fn with(self, answer: StatusAndBody) -> BridgeResponse {
        BridgeResponse { status: answer.status, headers: self, body: answer.body }
    }

    /// Every header field with its value. Nothing is copied.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let Self { origin, allowed_headers, methods } = self.clone();
        let credentials = origin.is_some().then_some(TRUE);
        let methods = methods.then_some(METHODS);
        [
            (CONTENT_TYPE, Some(JSON)),
            (CACHE_CONTROL, Some(NEVER)),
            (VARY, Some(BY_ORIGIN)),
            (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials),
            (ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers),
            (ALLOW, methods.clone()),
            (ACCESS_CONTROL_ALLOW_METHODS, methods),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }

    /// Appends the same as lines of HTTP/1.1; those that every reply has are written beforehand.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { origin, allowed_headers, methods } = self;
        out.extend_from_slice(ALWAYS);
        if let Some(origin) = origin {
            write_field("access-control-allow-origin", origin.as_bytes(), out);
            out.extend_from_slice(b"access-control-allow-credentials: true\r\n");
        }
        if let Some(allowed_headers) = allowed_headers {
            write_field("access-control-allow-headers", allowed_headers.as_bytes(), out);
        }
        if *methods {
            write_field("allow", METHODS.as_bytes(), out);
            write_field("access-control-allow-methods", METHODS.as_bytes(), out);
        }
    }
}

/// Appends one line of a head.
pub(crate) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The value of Access-Control-Allow-Origin in the reply to an accepted request; none: pages may
/// not read the reply.
fn allowed_origin(origin: Option<&[u8]>, allowed: &AllowedOrigins) -> Option<HeaderValue> {
    let value = |origin| HeaderValue::from_bytes(origin).ok();
    match allowed {
        AllowedOrigins::All => {
            origin.filter(|&origin| origin != b"null").and_then(value).or(Some(ANY))
        }
        AllowedOrigins::Listed(_) => origin.and_then(value),
    }
}

#[cfg(test)]
mod tests {
    use super::{ANY, HeaderValue, ResponseHeaders, write_field};

    #[test]
    fn what_is_written_are_the_header_fields_that_there_are() {
        for (origin, allowed_headers, methods) in [
            (None, None, false),
            (Some(ANY), None, false),
            (Some(HeaderValue::from_static("https://example.com")), Some(ANY), true),
            (None, Some(HeaderValue::from_static("x-a, x-b")), true),
        ] {
            let headers = ResponseHeaders { origin, allowed_headers, methods };
            let (mut written, mut expected) = (Vec::new(), Vec::new());
            headers.write(&mut written);
            for (name, value) in headers.iter() {
                write_field(name.as_str(), value.as_bytes(), &mut expected);
            }
            assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&expected));
        }
    }
}
