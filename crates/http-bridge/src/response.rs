//! Responses: status, header fields and JSON body.

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

/// The first header fields of every response.
const ALWAYS: &[u8] = b"content-type: application/json; charset=UTF-8\r\n\
    cache-control: no-store,no-cache,must-revalidate,max-age=0\r\n\
    vary: Origin\r\n";

/// The response to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct BridgeResponse {
    /// The status code.
    pub status: StatusCode,
    /// The header fields.
    pub headers: ResponseHeaders,
    /// JSON, or empty.
    pub body: Bytes,
}

impl BridgeResponse {
    /// Converts the response to the types of the crate `http`.
    pub fn into_response(self) -> Response<Bytes> {
        /// More than [`ResponseHeaders`] yields, including two fields of the HTTP server.
        const FIELDS: usize = 12;
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let fields = response.headers_mut();
        fields.reserve(FIELDS);
        fields.extend(self.headers.iter());
        response
    }
}

/// The header fields of a response, except those for framing, which the HTTP server adds.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHeaders {
    /// The origin whose pages may read the response.
    origin: Option<HeaderValue>,
    /// The request header fields that a preflight request asked for.
    allowed_headers: Option<HeaderValue>,
    /// Whether the allowed methods are listed.
    methods: bool,
}

impl ResponseHeaders {
    /// The header fields of the response to a request.
    pub(crate) fn answering(head: &impl HttpHead, allowed: &AllowedOrigins) -> Self {
        let allowed_headers = head.value(HeaderField::AccessControlRequestHeaders).first();
        Self {
            origin: allowed_origin(head.value(HeaderField::Origin).first(), allowed),
            allowed_headers: allowed_headers.and_then(|v| HeaderValue::from_bytes(v).ok()),
            methods: false,
        }
    }

    /// The header fields of a denial because of the origin: the page must not read the response.
    pub(crate) const fn answering_foreign_page() -> Self {
        Self { origin: None, allowed_headers: None, methods: false }
    }

    /// Adds the list of allowed methods.
    pub(crate) fn naming_methods(self) -> Self {
        Self { methods: true, ..self }
    }

    pub(crate) fn with(self, answer: StatusAndBody) -> BridgeResponse {
        BridgeResponse { status: answer.status, headers: self, body: answer.body }
    }

    /// All header fields with their values. Values are shared, not copied.
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

    /// Appends all header fields as lines of HTTP/1.1.
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

/// Appends one header field as a line of HTTP/1.1.
pub(crate) fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The value of Access-Control-Allow-Origin in the response to an accepted request. None: pages
/// must not read the response.
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
    fn the_iterator_and_the_writer_yield_the_same_header_fields() {
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
