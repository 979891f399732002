//! From an HTTP request to a WebSocket: the handshake's checks, the answer, and the hand-over.
//!
//! Spec: basic profile "WebSocket Transport".

use std::sync::Arc;

use cloverleaf_transport::echo::Echo;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::{Connection, Framing, Stream};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::deflate::negotiation::{Agreement, Wishes, negotiate};
use cloverleaf_wamp::websocket::handshake::server::{
    self, Accepted, HandshakeFault, RequestHead as _,
};
use cloverleaf_wamp::websocket::{Limits, Role};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;

use super::rewound::Rewound;
use super::{Body, full, routes};
use crate::listen::WampService;

/// Which pages may connect (the header `Origin`, RFC 6454).
#[derive(Debug)]
pub(crate) struct OriginRule {
    /// Origins in which `*` stands for anything.
    pub(crate) allowed: Vec<String>,
    /// Whether the origin `null` may, which pages from files and sandboxes have.
    pub(crate) allow_null: bool,
}

impl OriginRule {
    pub(super) fn allows(&self, origin: Option<&str>) -> bool {
        match origin {
            // Not a browser.
            None => true,
            Some("null") => self.allow_null,
            Some(origin) => self.allowed.iter().any(|pattern| matches(pattern, origin)),
        }
    }
}

/// Whether text is the pattern with each `*` replaced by something.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// What a WebSocket at a path is for.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    /// WAMP sessions.
    Wamp(Arc<WampService>),
    /// Everything comes back; for conformance tests.
    Echo,
}

/// A WebSocket at a path.
#[derive(Debug)]
pub(crate) struct WebSocketEndpoint {
    pub(crate) endpoint: Endpoint,
    pub(crate) origins: OriginRule,
    pub(crate) limits: Limits,
    /// Whether a client that names no subprotocol is refused; otherwise it speaks `wamp.2.json`.
    pub(crate) require_subprotocol: bool,
    /// Whether a plain GET is told what this is.
    pub(crate) webstatus: bool,
    /// What is wanted of a compression, where clients may have one.
    pub(crate) compression: Option<Wishes>,
}

/// The head of a request, as the handshake asks for it.
struct Head<'a>(&'a Request<Incoming>);

impl server::RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn is_http_1_1(&self) -> bool {
        self.0.version() == Version::HTTP_11
    }

    fn header(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.headers().get_all(name).into_iter().map(HeaderValue::as_bytes)
    }
}

impl WebSocketEndpoint {
    /// Answers the request; the connection that it asks for is served when hyper has let go of it.
    pub(super) fn answer(
        &self,
        mut request: Request<Incoming>,
        from: &PeerAddress,
    ) -> Response<Body> {
        let head = Head(&request);
        let accepted = match server::accept(&head) {
            Ok(accepted) => accepted,
            Err(fault) => return self.refusal(fault),
        };
        if !self.origins.allows(accepted.origin) {
            return routes::text(StatusCode::FORBIDDEN, "This origin may not connect.\n");
        }
        let Some(agreed) = self.agree(&accepted) else {
            return self.no_common_subprotocol();
        };
        let compression = match self.negotiate(&head) {
            Ok(compression) => compression,
            Err(fault) => return self.refusal(fault),
        };
        let response = switching(&accepted, agreed.named, compression.as_ref());
        let framing = match &compression {
            Some(agreement) => Framing::compressed(self.limits, agreement),
            None => Framing::websocket(Role::Server, self.limits),
        };
        let on_upgrade = hyper::upgrade::on(&mut request);
        let (endpoint, from) = (self.endpoint.clone(), from.to_string());
        tokio::spawn(serve(endpoint, on_upgrade, framing, agreed.serializer, from));
        response
    }

    /// Agrees on one of the client's compressions, where there may be one.
    fn negotiate(&self, head: &Head<'_>) -> Result<Option<Agreement>, HandshakeFault> {
        let Some(wishes) = &self.compression else { return Ok(None) };
        negotiate(head.header("sec-websocket-extensions"), wishes)
    }

    /// The first of the client's subprotocols that is offered here.
    fn agree(&self, accepted: &Accepted<'_>) -> Option<Agreed> {
        let Endpoint::Wamp(service) = &self.endpoint else {
            return Some(Agreed { serializer: Serializer::Json, named: None });
        };
        let chosen = accepted
            .subprotocols
            .iter()
            .filter_map(|name| Serializer::from_subprotocol(name))
            .find(|serializer| service.serializers.contains(serializer));
        match chosen {
            Some(serializer) => Some(Agreed { serializer, named: Some(serializer.subprotocol()) }),
            None if accepted.subprotocols.is_empty() && !self.require_subprotocol => {
                Some(Agreed { serializer: Serializer::Json, named: None })
            }
            None => None,
        }
    }

    fn no_common_subprotocol(&self) -> Response<Body> {
        let spoken: Vec<&str> = match &self.endpoint {
            Endpoint::Wamp(service) => {
                service.serializers.iter().map(|serializer| serializer.subprotocol()).collect()
            }
            Endpoint::Echo => Vec::new(),
        };
        let text = format!("Sec-WebSocket-Protocol must name one of {}.\n", spoken.join(", "));
        routes::text(StatusCode::BAD_REQUEST, text)
    }

    fn refusal(&self, fault: HandshakeFault) -> Response<Body> {
        if matches!(fault, HandshakeFault::Upgrade) && self.webstatus {
            let text = "This is a WebSocket endpoint; connect to it with a WAMP client.\n";
            let mut response = routes::text(StatusCode::UPGRADE_REQUIRED, text);
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            return response;
        }
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = routes::text(status, format!("{fault}.\n"));
        if let Some((name, value)) = fault.header()
            && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
        {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// What client and router speak, and whether the client has named it.
struct Agreed {
    serializer: Serializer,
    named: Option<&'static str>,
}

fn switching(
    accepted: &Accepted<'_>,
    subprotocol: Option<&'static str>,
    compression: Option<&Agreement>,
) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(key) = HeaderValue::from_str(&accepted.accept_key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    let extension = compression.map(|agreement| HeaderValue::from_str(&agreement.to_string()));
    if let Some(Ok(extension)) = extension {
        headers.insert(SEC_WEBSOCKET_EXTENSIONS, extension);
    }
    response
}

async fn serve(
    endpoint: Endpoint,
    on_upgrade: OnUpgrade,
    framing: Framing,
    serializer: Serializer,
    from: String,
) {
    // A client that hangs up before the answer leaves nothing to serve.
    let Ok(upgraded) = on_upgrade.await else { return };
    let Some((stream, mut early)) = into_stream(upgraded) else { return };
    match endpoint {
        Endpoint::Wamp(service) => {
            service.serve(stream, serializer, framing, &mut early, from).await;
        }
        Endpoint::Echo => {
            let (echo, outlet) = Echo::new();
            Connection::new(stream, framing, echo, outlet, &mut early).await;
        }
    }
}

/// The socket itself, and what has been read behind the request.
fn into_stream(upgraded: Upgraded) -> Option<(Stream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Rewound>>().ok()?;
    let (stream, unread) = parts.io.into_inner().into_parts();
    Some((stream, [&*parts.read_buf, unread.rest()].concat()))
}

#[cfg(test)]
mod tests {
    use super::{OriginRule, matches};

    #[test]
    fn a_star_in_an_origin_stands_for_anything() {
        assert!(matches("*", "https://example.com"));
        assert!(matches("https://*.example.com", "https://a.example.com"));
        assert!(matches("http://localhost:*", "http://localhost:8080"));
        assert!(matches("*://*.example.com:*", "https://a.b.example.com:443"));
        assert!(!matches("https://*.example.com", "https://example.com"));
        assert!(!matches("https://example.com", "https://example.com.evil"));
    }

    #[test]
    fn null_and_absent_origins_have_rules_of_their_own() {
        let rule = OriginRule { allowed: vec!["https://a".to_owned()], allow_null: false };
        assert!(rule.allows(None));
        assert!(!rule.allows(Some("null")));
        assert!(rule.allows(Some("https://a")));
        assert!(!rule.allows(Some("https://b")));
    }
}
