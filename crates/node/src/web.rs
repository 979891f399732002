//! HTTP on one listener: which path is whose, and one connection served to its end.
//!
//! hyper reads and writes HTTP; what an answer says is said by the service of the path. A request
//! that becomes a WebSocket leaves HTTP here.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cloverleaf_http_bridge as http_bridge;
use cloverleaf_transport::Stream;
use cloverleaf_transport::limits::OPENING_TIMEOUT;
use cloverleaf_transport::listener::PeerAddress;
use http_body_util::{Either, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep};

mod body;
mod files;
mod routes;
mod upgrade;

pub(crate) use files::Files;
pub(crate) use routes::{JsonValue, Routes, Segment, Service};
pub(crate) use upgrade::{Endpoint, OriginRule, WebSocketEndpoint};

use crate::shutdown::Ending;

/// How long a connection may lie idle between two requests; longer than the keep-alive of the usual
/// reverse proxies (60 s), so that it is they who close.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long the head of a request may take from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// How often idle connections are looked for.
const IDLE_STEP: Duration = Duration::from_secs(5);

/// The body of an answer: bytes in one piece, or a file's as they are read.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, std::io::Error>>;

/// A body in one piece.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// What one listener serves.
#[derive(Debug)]
pub(crate) struct WebSite {
    pub(crate) routes: Routes,
    pub(crate) access_log: bool,
    /// `Strict-Transport-Security`, where the configuration wants it.
    pub(crate) hsts: Option<hyper::header::HeaderValue>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) in_flight: Arc<AtomicUsize>,
}

/// What is known of a connection while it is served.
#[derive(Debug)]
struct Visit {
    facts: http_bridge::Connection,
    from: PeerAddress,
    /// Requests that are not answered yet.
    open: AtomicUsize,
    /// Requests so far.
    requests: AtomicUsize,
}

/// Counts a request while it is in flight, also when its future is dropped.
struct InFlight<'a>(&'a WebSite, &'a Visit);

impl<'a> InFlight<'a> {
    fn new(site: &'a WebSite, visit: &'a Visit) -> Self {
        site.in_flight.fetch_add(1, Ordering::Relaxed);
        visit.open.fetch_add(1, Ordering::Relaxed);
        visit.requests.fetch_add(1, Ordering::Relaxed);
        Self(site, visit)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.1.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WebSite {
    /// Serves one connection to its end. When the node ends, the request in flight is finished and
    /// no other is taken.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: Stream,
        from: PeerAddress,
        mut ending: Ending,
    ) {
        let peer_ip = match &from {
            PeerAddress::Ip(address) => Some(address.ip()),
            PeerAddress::Unix => None,
        };
        let visit = Arc::new(Visit {
            facts: http_bridge::Connection { peer_ip, is_tls: false },
            from,
            open: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let service = service_fn(|request| {
            let (site, visit) = (Arc::clone(&self), Arc::clone(&visit));
            async move { Ok::<_, Infallible>(site.answer(request, &visit).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = ending.wait() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = self.idle(&visit) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("an HTTP connection from {} ended: {error}", visit.from);
        }
    }

    /// Returns when the connection has had no request for too long.
    async fn idle(&self, visit: &Visit) {
        let mut seen = 0;
        let mut since = Instant::now();
        loop {
            sleep(IDLE_STEP).await;
            let requests = visit.requests.load(Ordering::Relaxed);
            if requests != seen || visit.open.load(Ordering::Relaxed) > 0 {
                (seen, since) = (requests, Instant::now());
            }
            let timeout = match requests {
                0 => OPENING_TIMEOUT,
                _ => self.idle_timeout.unwrap_or(IDLE_TIMEOUT),
            };
            if since.elapsed() >= timeout {
                return;
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>, visit: &Visit) -> Response<Body> {
        let _in_flight = InFlight::new(self, visit);
        let line = self.access_log.then(|| format!("{} {}", request.method(), request.uri()));
        let mut response = match self.routes.find(request.uri().path()) {
            Some((service, at)) => service.answer(request, at, visit.facts, &visit.from).await,
            None => routes::not_found(),
        };
        if let Some(hsts) = &self.hsts {
            response.headers_mut().insert(hyper::header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(line) = line {
            tracing::info!("{} \"{line}\" {}", visit.from, response.status().as_u16());
        }
        response
    }
}
