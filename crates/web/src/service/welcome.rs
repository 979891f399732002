//! The page of the node without configuration: what it is, how to reach it, and a WAMP session in
//! the browser.
//!
//! Everything that the page needs comes from here, so that it works without a network.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response};

use crate::response::{self, Body, full};

const PAGE: &str = include_str!("welcome/page.html");
const STYLE: &str = include_str!("welcome/page.css");
const SCRIPT: &str = include_str!("welcome/page.js");

/// The address in the page as it is written, which is replaced by the one that the client used.
const PLACEHOLDER: &str = "127.0.0.1:8080";

/// The longest host name (RFC 1035 section 2.3.4) with a port.
const MAX_HOST: usize = 255 + ":65535".len();

/// Scripts, styles and connections of this node alone, and no page of another one around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'";

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    // The next node at this address may have another page.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Answers a request for `path`, which begins with a slash.
pub(crate) fn respond<B>(request: &Request<B>, path: &str) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response::method_not_allowed();
    }
    let host = host(request.headers());
    let (media_type, body) = match path {
        "" | "/" => ("text/html; charset=utf-8", PAGE.replace(PLACEHOLDER, host)),
        "/welcome.css" => ("text/css; charset=utf-8", STYLE.to_owned()),
        "/welcome.js" => ("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        _ => return response::not_found(),
    };
    let mut response = Response::new(full(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.extend(HEADERS);
    // Older browsers don't take 'self' for WebSockets.
    if let Ok(policy) = HeaderValue::from_str(&format!("{POLICY} ws://{host} wss://{host}")) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The host and port that the client used. A value with other characters than those of host names
/// and addresses is not repeated.
fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if !host.is_empty() && host.len() <= MAX_HOST && host.bytes().all(is_plain) {
        host
    } else {
        PLACEHOLDER
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HOST, HeaderMap, HeaderValue};

    use super::{MAX_HOST, PAGE, PLACEHOLDER, SCRIPT, STYLE, host};

    #[test]
    fn the_host_is_repeated_only_if_it_is_plain() {
        let host_of = |value: &str| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            host(&HeaderMap::from_iter([(HOST, value)])).to_owned()
        };
        for plain in ["localhost:1", "[::1]:8080", "a-b.example", "10.0.0.1"] {
            assert_eq!(host_of(plain), plain);
        }
        let long = "a".repeat(MAX_HOST + 1);
        for other in ["", "a b", "<script>", "a\"b", "a;b", "a'b", "a/b", "\u{fc}", &long] {
            assert_eq!(host_of(other), PLACEHOLDER, "{other}");
        }
        assert_eq!(host(&HeaderMap::new()), PLACEHOLDER);
    }

    #[test]
    fn the_page_needs_nothing_of_another_server() {
        for (name, text) in [("page", PAGE), ("style", STYLE), ("script", SCRIPT)] {
            for reference in
                ["src=\"http", "<link rel=\"stylesheet\" href=\"http", "url(", "import "]
            {
                // Python's imports are in a snippet.
                let text = text.replace("from autobahn.asyncio.component import ", "");
                assert!(!text.contains(reference), "{name} has {reference}");
            }
        }
        assert!(PAGE.contains(PLACEHOLDER));
    }
}
