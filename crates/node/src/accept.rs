//! From an accepted socket to the protocol that it speaks, step by step.
//!
//! ```text
//!  limits ─▶ PROXY header ─▶ TLS ─▶ detection ─▶ protocol
//! ```
//!
//! Each step is one function. The limits are checked by the accepting thread; the other steps run
//! on the thread that owns the connection. A step that fails ends the connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloverleaf_realms::WampService;
use cloverleaf_transport::detect::{DetectedProtocol, detect};
use cloverleaf_transport::echo::send_back;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_transport::{
    ConnectionGuard, Connections, ListenerId, PeerInfo, Stream, TransportError, log_limited,
    proxy_protocol, rawsocket,
};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_web::HttpServer;

/// The protocol of the connections of a listener.
#[derive(Debug, Clone)]
pub(crate) enum Protocol {
    /// WAMP over RawSocket.
    RawSocket(Arc<WampService>),
    /// HTTP.
    Http(Arc<HttpServer>),
    /// Either of them: the first octet of the client decides.
    Detected { rawsocket: Option<Arc<WampService>>, http: Option<Arc<HttpServer>> },
    /// The octets of the client are sent back.
    Echo,
}

impl Protocol {
    /// The value of the field `transport` in the log.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::RawSocket(_) => "rawsocket",
            Self::Http(_) => "web",
            Self::Detected { .. } => "universal",
            Self::Echo => "echo",
        }
    }

    /// The HTTP server behind this protocol, if any.
    pub(crate) const fn http(&self) -> Option<&Arc<HttpServer>> {
        match self {
            Self::RawSocket(_) | Self::Echo => None,
            Self::Http(server) => Some(server),
            Self::Detected { http, .. } => http.as_ref(),
        }
    }
}

/// How the connections of a listener begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preamble {
    /// The header of the PROXY protocol comes first.
    pub(crate) proxy_protocol: bool,
    /// How the connections are encrypted.
    pub(crate) encryption: Encryption,
}

/// How the connections of a listener are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Not at all.
    None,
}

/// The limits of a listener for the steps before its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AcceptLimits {
    /// Open connections of the listener, checked before a connection costs anything.
    pub(crate) max_connections: Option<usize>,
    /// How long the PROXY header and the first octet may take, each.
    pub(crate) opening_timeout: Duration,
}

/// A connection between two steps.
#[derive(Debug)]
struct Incoming {
    stream: Stream,
    peer: PeerAddress,
    guard: ConnectionGuard,
}

/// Why a connection ends in one of the steps.
#[derive(Debug)]
enum Rejected {
    /// The client breaks the rules of a step.
    Refused(String),
    /// The client is gone, or was silent for too long. That is no event: a client may connect only
    /// to see whether that can be done.
    ClosedEarly(TransportError),
}

impl Rejected {
    fn refused(reason: impl fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }

    fn log(&self, peer: &PeerAddress, transport: &'static str) {
        match self {
            Self::Refused(reason) => {
                log_limited!(info, "connection refused", %peer, transport, reason = %reason);
            }
            Self::ClosedEarly(error) => {
                tracing::debug!(%peer, transport, reason = %error, "connection closed early");
            }
        }
    }
}

/// Counts a connection if the limits of its listener allow one more.
pub(crate) fn check_limits(
    connections: &Arc<Connections>,
    limits: AcceptLimits,
    listener: ListenerId,
    peer: &PeerAddress,
) -> Option<ConnectionGuard> {
    if limits.max_connections.is_some_and(|max| connections.of_listener(listener) >= max) {
        log_limited!(info, "connection refused", %peer, reason = "max_connections is reached");
        return None;
    }
    Some(connections.accept(listener, peer))
}

/// Takes a connection through the steps behind the limits, and serves it to its end.
pub(crate) async fn serve(
    protocol: Protocol,
    preamble: Preamble,
    limits: AcceptLimits,
    stream: Stream,
    peer: PeerAddress,
    guard: ConnectionGuard,
) {
    let mut incoming = Incoming { stream, peer, guard };
    let transport = protocol.name();
    let timeout = limits.opening_timeout;
    if preamble.proxy_protocol
        && let Err(rejected) = read_proxy_header(&mut incoming, timeout).await
    {
        return rejected.log(&incoming.peer, transport);
    }
    let incoming = encrypt(incoming, preamble.encryption);
    match protocol {
        Protocol::RawSocket(service) => serve_rawsocket(&service, incoming, None).await,
        Protocol::Http(server) => serve_http(server, incoming, &[]).await,
        Protocol::Detected { rawsocket, http } => {
            serve_detected(rawsocket, http, incoming, timeout).await;
        }
        // In a box, so that other connections don't carry its memory.
        Protocol::Echo => Box::pin(send_back(incoming.stream)).await,
    }
}

/// Step "PROXY header": the proxy says where its client is.
async fn read_proxy_header(incoming: &mut Incoming, timeout: Duration) -> Result<(), Rejected> {
    let peer =
        proxy_protocol::peer_address(&mut incoming.stream, incoming.peer.clone(), timeout).await;
    incoming.peer = peer.map_err(|error| match error {
        TransportError::ProxyProtocol(_) => Rejected::refused(error),
        error => Rejected::ClosedEarly(error),
    })?;
    incoming.guard.set_address(&incoming.peer);
    Ok(())
}

/// Step "TLS". Connections are not encrypted by the router yet.
fn encrypt(incoming: Incoming, encryption: Encryption) -> Incoming {
    match encryption {
        Encryption::None => incoming,
    }
}

/// Step "detection": the protocol by the first octet, which is returned with it.
async fn detect_protocol(
    incoming: &mut Incoming,
    timeout: Duration,
) -> Result<(DetectedProtocol, u8), Rejected> {
    detect(&mut incoming.stream, timeout).await.map_err(Rejected::ClosedEarly)
}

async fn serve_detected(
    rawsocket: Option<Arc<WampService>>,
    http: Option<Arc<HttpServer>>,
    mut incoming: Incoming,
    timeout: Duration,
) {
    let (detected, first) = match detect_protocol(&mut incoming, timeout).await {
        Ok(detected) => detected,
        Err(rejected) => return rejected.log(&incoming.peer, "universal"),
    };
    match (detected, rawsocket, http) {
        (DetectedProtocol::RawSocket, Some(service), _) => {
            serve_rawsocket(&service, incoming, Some(first)).await;
        }
        (DetectedProtocol::Http, _, Some(server)) => serve_http(server, incoming, &[first]).await,
        // MQTT is not served yet; its clients are closed like those of any protocol that the
        // listener does not serve.
        (DetectedProtocol::RawSocket | DetectedProtocol::Mqtt | DetectedProtocol::Http, ..) => {
            let reason = format_args!("no {detected} is served here");
            Rejected::refused(reason).log(&incoming.peer, "universal");
        }
    }
}

/// Step "protocol", for HTTP; `read` are octets that detection has read.
async fn serve_http(server: Arc<HttpServer>, incoming: Incoming, read: &[u8]) {
    let Incoming { stream, peer, guard } = incoming;
    server.serve(stream, read, peer, guard).await;
}

/// Step "protocol", for RawSocket; `first` is the octet that detection has read.
async fn serve_rawsocket(service: &WampService, incoming: Incoming, first: Option<u8>) {
    let Incoming { mut stream, peer, guard: _guard } = incoming;
    let WampService { serializers, max_message, limits, .. } = service;
    let timeout = limits.opening_timeout;
    match rawsocket::accept(&mut stream, first, serializers, *max_message, timeout).await {
        Ok(agreed) => {
            let peer = PeerInfo::rawsocket(peer);
            let format = MessageFormat { serializer: agreed.serializer, is_batched: false };
            service.serve(stream, format, agreed.framing, &mut [], peer).await;
        }
        Err(error) => Rejected::refused(error).log(&peer, "rawsocket"),
    }
}
