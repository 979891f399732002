//! From an HTTP request to a WebSocket: the handshake's checks, the answer, and the hand-over.
//!
//! Spec: basic profile "WebSocket Transport".

mod page;

use std::sync::Arc;

use cloverleaf_transport::echo::Echo;
use cloverleaf_transport::{
    Connection, ConnectionGuard, Framing, HttpInfo, PeerInfo, Stream, WebSocketServerOptions,
    log_limited,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::origin::OriginRule;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::WebSocketLimits;
use cloverleaf_wamp::websocket::deflate::negotiation::{
    DeflateAgreement, DeflateOptions, negotiate,
};
use cloverleaf_wamp::websocket::handshake::server::{
    self, AcceptedUpgrade, HandshakeFault, UpgradeHead as _,
};
use hyper::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_PROTOCOL, SERVER, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;

use page::page;

use crate::connections::HttpConnection;
use crate::prefixed_stream::PrefixedStream;
use crate::response::{self, Body, full, session_headers};
use cloverleaf_realms::Memory;
use cloverleaf_realms::WampService;

/// The purpose of a WebSocket at a path.
#[derive(Debug, Clone)]
pub enum WebSocketPurpose {
    /// WAMP sessions.
    Wamp(Arc<WampService>),
    /// Echo, for conformance tests.
    Echo(Memory),
}

impl WebSocketPurpose {
    /// A sentence for people.
    fn purpose(&self) -> String {
        match self {
            Self::Wamp(service) => {
                let spoken = service.spoken();
                format!("Connect to it with a WAMP client. Its subprotocols are {spoken}.")
            }
            Self::Echo(_) => "It sends back what it gets.".to_owned(),
        }
    }
}

/// A WebSocket at a path.
#[derive(Debug)]
pub struct WebSocketEndpoint {
    /// The purpose of its connections.
    pub endpoint: WebSocketPurpose,
    /// Whether clients may connect (`enable_rfc6455`).
    pub is_enabled: bool,
    /// The origins that may connect.
    pub origins: OriginRule,
    /// The port that the header `Host` must name, if it is checked.
    pub external_port: Option<u16>,
    /// Whether a client without a common subprotocol is refused; otherwise `wamp.2.json` is used.
    pub require_subprotocol: bool,
    /// Whether a GET without an upgrade gets a page.
    pub webstatus: bool,
    /// The value of the header `Server`, if it is sent.
    pub server: Option<HeaderValue>,
    /// The options of its frames.
    pub frame_options: FrameOptions,
}

/// The options of the frames of a connection.
#[derive(Debug, Clone)]
pub struct FrameOptions {
    /// The limits of messages and frames.
    pub limits: WebSocketLimits,
    /// The deviations from RFC 6455.
    pub server_options: WebSocketServerOptions,
    /// The options of compression, if clients may use it.
    pub compression: Option<DeflateOptions>,
    /// Whether small segments are sent at once (TCP_NODELAY).
    pub nodelay: bool,
}

/// The head of a request, as the handshake asks for it.
struct Head<'a>(&'a Request<()>);

impl server::UpgradeHead for Head<'_> {
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
    /// Responds to the handshake. The WebSocket is served when hyper has released the connection.
    pub(crate) fn respond(
        &self,
        request: Request<()>,
        connection: &HttpConnection,
    ) -> Response<Body> {
        let mut response =
            self.open(request, connection).unwrap_or_else(|not_opened| match *not_opened {
                NotOpened::Page(page) => page,
                NotOpened::Refused { response, reason } => {
                    log_limited!(
                        info,
                        "connection refused",
                        peer = %connection.peer,
                        transport = "websocket",
                        reason
                    );
                    response
                }
            });
        if let Some(server) = &self.server {
            response.headers_mut().insert(SERVER, server.clone());
        }
        response
    }

    fn open(
        &self,
        mut request: Request<()>,
        connection: &HttpConnection,
    ) -> Result<Response<Body>, Box<NotOpened>> {
        let head = Head(&request);
        let accepted = server::accept(&head).map_err(|fault| self.refusal(fault))?;
        self.check(&head, &accepted)?;
        let agreed = self.agree(&accepted).ok_or_else(|| self.no_common_subprotocol())?;
        let compression = self.negotiate(&head).map_err(|fault| self.refusal(fault))?;
        let response = switching(&accepted, agreed.named, compression.as_ref());
        let FrameOptions { limits, server_options, nodelay, .. } = self.frame_options;
        let framing = Framing::serving(limits, server_options, compression.as_ref());
        let http = HttpInfo { headers: session_headers(request.headers()), compression };
        let peer = PeerInfo::over_http(connection.peer.clone(), TransportKind::WebSocket, http);
        let endpoint = self.endpoint.clone();
        let guard = Arc::clone(&connection.guard);
        let opened =
            Opened { endpoint, format: agreed.format, framing, nodelay, peer, _guard: guard };
        tokio::spawn(opened.serve(hyper::upgrade::on(&mut request)));
        Ok(response)
    }

    /// Whether this client may connect here.
    fn check(&self, head: &Head<'_>, accepted: &AcceptedUpgrade<'_>) -> Result<(), Box<NotOpened>> {
        let forbidden =
            |text: &str| Err(NotOpened::refused(StatusCode::FORBIDDEN, text.to_owned()));
        if !self.is_enabled {
            return forbidden("This endpoint takes no WebSocket connections.");
        }
        if !self.origins.allows(accepted.origin) {
            return forbidden("This origin may not connect.");
        }
        match (self.external_port, head.header("host").next()) {
            (Some(port), Some(host)) if !names_port(host, port) => {
                let text = format!("Host must name the port {port}.");
                Err(NotOpened::refused(StatusCode::BAD_REQUEST, text))
            }
            _ => Ok(()),
        }
    }

    /// Agrees on one of the client's compressions, where there may be one.
    fn negotiate(&self, head: &Head<'_>) -> Result<Option<DeflateAgreement>, HandshakeFault> {
        let Some(wishes) = &self.frame_options.compression else { return Ok(None) };
        negotiate(head.header("sec-websocket-extensions"), wishes)
    }

    /// The first of the client's subprotocols that is spoken here.
    fn agree<'a>(&self, accepted: &AcceptedUpgrade<'a>) -> Option<Agreed<'a>> {
        let unnamed = Agreed { format: UNNAMED, named: None };
        let WebSocketPurpose::Wamp(service) = &self.endpoint else { return Some(unnamed) };
        let spoken = |name: &&'a str| {
            let format = MessageFormat::from_subprotocol(name, &service.serializers)?;
            Some(Agreed { format, named: Some(name) })
        };
        match accepted.subprotocols.iter().find_map(spoken) {
            None if !self.require_subprotocol => Some(unnamed),
            agreed => agreed,
        }
    }

    fn no_common_subprotocol(&self) -> Box<NotOpened> {
        let spoken = match &self.endpoint {
            WebSocketPurpose::Wamp(service) => service.spoken(),
            WebSocketPurpose::Echo(_) => String::new(),
        };
        let text = format!("Sec-WebSocket-Protocol must name one of {spoken}.");
        NotOpened::refused(StatusCode::BAD_REQUEST, text)
    }

    fn refusal(&self, fault: HandshakeFault) -> Box<NotOpened> {
        if matches!(fault, HandshakeFault::Upgrade) && self.webstatus {
            return Box::new(NotOpened::Page(page(&self.endpoint.purpose())));
        }
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut not_opened = NotOpened::refused(status, format!("{fault}."));
        if let NotOpened::Refused { response, .. } = &mut *not_opened
            && let Some((name, value)) = fault.header()
            && let Ok(name) = HeaderName::from_bytes(name.as_bytes())
        {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        not_opened
    }
}

/// The answer to a request that does not become a WebSocket.
#[derive(Debug)]
enum NotOpened {
    /// A page for a browser that asked for no WebSocket.
    Page(Response<Body>),
    /// A refusal, and its reason for the log.
    Refused { response: Response<Body>, reason: String },
}

impl NotOpened {
    fn refused(status: StatusCode, reason: String) -> Box<Self> {
        let response = response::text(status, format!("{reason}\n"));
        Box::new(Self::Refused { response, reason })
    }
}

/// Whether the value of a header `Host` names this port. Without a port it names 80 or 443.
fn names_port(host: &[u8], port: u16) -> bool {
    match host.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(colon) if host[colon] == b':' => host[colon + 1..] == *port.to_string().as_bytes(),
        // The default port of both schemes, since a proxy may offer either.
        _ => matches!(port, 80 | 443),
    }
}

/// The format for a client without a subprotocol.
const UNNAMED: MessageFormat = MessageFormat { serializer: Serializer::Json, is_batched: false };

/// The agreed format, and its subprotocol if the client has named one.
struct Agreed<'a> {
    format: MessageFormat,
    named: Option<&'a str>,
}

fn switching(
    accepted: &AcceptedUpgrade<'_>,
    subprotocol: Option<&str>,
    compression: Option<&DeflateAgreement>,
) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(key) = HeaderValue::from_str(&accepted.accept_key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    let extension = compression.map(DeflateAgreement::to_string);
    for (name, value) in
        [(SEC_WEBSOCKET_PROTOCOL, subprotocol), (SEC_WEBSOCKET_EXTENSIONS, extension.as_deref())]
    {
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    response
}

/// A connection whose handshake has been answered.
struct Opened {
    endpoint: WebSocketPurpose,
    format: MessageFormat,
    framing: Framing,
    nodelay: bool,
    peer: PeerInfo,
    /// Counts the connection until the WebSocket has ended.
    _guard: Arc<ConnectionGuard>,
}

impl Opened {
    async fn serve(self, on_upgrade: OnUpgrade) {
        // A client that hangs up before the answer leaves nothing to serve.
        let Ok(upgraded) = on_upgrade.await else { return };
        let Some((stream, mut early)) = into_stream(upgraded) else { return };
        if !self.nodelay {
            // Where it can't be set, segments go as they would.
            let _ = stream.set_nodelay(false);
        }
        match self.endpoint {
            WebSocketPurpose::Wamp(service) => {
                let Self { format, framing, peer, .. } = self;
                service.serve(stream, format, framing, &mut early, peer).await;
            }
            WebSocketPurpose::Echo(memory) => {
                let (echo, receiver) = Echo::new(memory.queues());
                let connection = Connection::new(stream, self.framing, echo, receiver, &mut early);
                connection.with_input_memory(memory.input()).await;
            }
        }
    }
}

/// The socket, and the bytes that were read behind the request.
fn into_stream(upgraded: Upgraded) -> Option<(Stream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<PrefixedStream>>().ok()?;
    let (stream, unread) = parts.io.into_inner().into_parts();
    Some((stream, [&*parts.read_buf, unread.unread()].concat()))
}
