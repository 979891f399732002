//! Responses that several services give.

use std::io;

use bytes::Bytes;
use cloverleaf_transport::limits::MAX_HTTP_HEADER_BYTES;
use cloverleaf_wamp::http_headers::HttpHeaders;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};

/// The body of a response: bytes in memory, or chunks that are produced as the client reads them.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// A body of bytes in memory.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A plain text for people.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// 404.
pub(crate) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "Nothing is served at this path.\n")
}

/// 405 of a service that can only be read.
pub(crate) fn method_not_allowed() -> Response<Body> {
    let mut response =
        text(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// 400 for a request without exactly one header `Host`.
#[cold]
pub(crate) fn wrong_host() -> Response<Body> {
    text(StatusCode::BAD_REQUEST, "A request must have one header Host.\n")
}

/// Whether the request has one header `Host`, or none in HTTP/1.0 (RFC 9112 section 3.2).
pub(crate) fn has_one_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let is_missing = hosts.next().is_none();
    if is_missing { request.version() != Version::HTTP_11 } else { hosts.next().is_none() }
}

/// The header fields of a request that becomes a session, up to [`MAX_HTTP_HEADER_BYTES`].
pub(crate) fn session_headers(headers: &HeaderMap) -> HttpHeaders {
    let fields = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    HttpHeaders::collect(fields, MAX_HTTP_HEADER_BYTES)
}
