//! A JSON value at a path.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};

use crate::connections::HttpConnection;
use crate::response::{Body, method_not_allowed};
use crate::response_body;

/// A JSON value and its header fields.
#[derive(Debug)]
pub struct JsonValue {
    /// The value as text.
    pub text: Bytes,
    /// Whether pages of every origin may read it.
    pub allow_cross_origin: bool,
    /// Whether responses ask clients not to cache it.
    pub discourage_caching: bool,
}

impl JsonValue {
    pub(crate) fn respond(
        &self,
        request: &Request<()>,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return method_not_allowed();
        }
        let mut response = Response::new(response_body::shared(self.text.clone(), connection));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        if self.allow_cross_origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if self.discourage_caching {
            let never = "no-store, no-cache, must-revalidate, max-age=0";
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(never));
        }
        response
    }
}
