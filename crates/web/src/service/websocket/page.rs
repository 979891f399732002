//! The page for a browser that requests the path of a WebSocket.

use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::response::{Body, full};

/// A page about an endpoint with this purpose.
pub(super) fn page(purpose: &str) -> Response<Body> {
    let mut response = Response::new(full(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Cloverleaf</title>\n\
         <h1>Cloverleaf</h1>\n<p>This is a WebSocket endpoint. {purpose}</p>\n</html>\n"
    )));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    response
}
