//! The header fields that let pages of other origins poll (Fetch standard, "CORS protocol").
//!
//! Autobahn|JS sends requests with credentials. Those require the name of the origin instead of
//! `*`.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ALLOW,
    CACHE_CONTROL, HeaderMap, HeaderValue, VARY,
};
use hyper::{Request, Response};

use crate::response::{Body, full};

/// The supported methods.
pub(super) const METHODS: &str = "POST, OPTIONS";

/// How long a browser may cache the preflight of a path, in seconds. A session uses its paths all
/// the time.
const MAX_AGE: &str = "600";

/// The response to a preflight request.
pub(super) fn preflight(request: &Request<Incoming>) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

/// Lets the pages of an origin read the response, and forbids caches to store it.
pub(super) fn allow(origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
