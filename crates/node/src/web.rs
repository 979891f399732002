//! HTTP on one listener: which path is whose, and one connection served to its end.
//!
//! Calls and publications have a short way of their own (`direct`), and hyper reads and writes all
//! other HTTP; what an answer says is said by the service of the path. A request that becomes a
//! WebSocket leaves HTTP here.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use bytes::Bytes;
use cloverleaf_transport::Stream;
use cloverleaf_transport::limits::MAX_HTTP_HEADER_BYTES;
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_wamp::http_headers::HttpHeaders;
use http_body_util::{Either, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::header::STRICT_TRANSPORT_SECURITY;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;

mod access_log;
mod answers;
mod body;
mod direct;
mod files;
mod held;
mod longpoll;
mod rewound;
mod routes;
mod upgrade;
mod visits;
mod welcome;

use direct::Direct;
pub(crate) use files::{FileOptions, Files};
use held::Held;
pub(crate) use longpoll::LongPoll;
use rewound::Rewound;
pub(crate) use routes::{JsonValue, Routes, Segment, Service};
pub(crate) use upgrade::{Endpoint, FrameOptions, WebSocketEndpoint};
use visits::{Asked, Visit};
pub(crate) use visits::{Timeouts, Visits};

/// The longest head of a request with its request line, in bytes; a longer one, or one with more
/// than hyper's 100 header fields, is answered with 431. Four times what common servers take. It
/// is also what hyper buffers of a connection in each direction, and so how much of a body is read
/// at once: long bodies are no slower than with hyper's own 400 KiB.
const MAX_HEAD: usize = 64 << 10;

/// The body of an answer: bytes in one piece, or a file's as they are read.
pub(crate) type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// A body in one piece.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// The header fields of a request, as the session that it becomes keeps them.
fn kept_headers(headers: &HeaderMap) -> HttpHeaders {
    let fields = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    HttpHeaders::collect(fields, MAX_HTTP_HEADER_BYTES)
}

/// What one listener serves.
#[derive(Debug)]
pub(crate) struct WebSite {
    pub(crate) routes: Routes,
    pub(crate) access_log: bool,
    /// Whether usual calls and publications have a short way.
    pub(crate) short_way: bool,
    /// `Strict-Transport-Security`, where the configuration wants it.
    pub(crate) hsts: Option<hyper::header::HeaderValue>,
    pub(crate) timeouts: Timeouts,
    pub(crate) visits: Visits,
    pub(crate) in_flight: Arc<AtomicUsize>,
}

/// Counts a request while it is in flight, also when its future is dropped.
struct InFlight<'a>(Option<&'a WebSite>, &'a Visit);

impl<'a> InFlight<'a> {
    fn new(site: &'a WebSite, visit: &'a Visit) -> Self {
        site.in_flight.fetch_add(1, Ordering::Relaxed);
        Self::of(Some(site), visit)
    }

    /// A request that waits for whatever comes: the end of the node is not put off for it.
    fn waiting(visit: &'a Visit) -> Self {
        Self::of(None, visit)
    }

    fn of(site: Option<&'a WebSite>, visit: &'a Visit) -> Self {
        visit.open.fetch_add(1, Ordering::Relaxed);
        visit.requests.fetch_add(1, Ordering::Relaxed);
        Self(site, visit)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(site) = self.0 {
            site.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        self.1.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection until it ends or is asked to end now. Whoever serves looks for himself
/// whether he is asked to finish.
async fn attended<T>(visit: &Visit, serving: impl Future<Output = T>) -> Option<T> {
    let mut serving = pin!(serving);
    poll_fn(|context| {
        visit.is_served_by(context.waker());
        if visit.asked() == Asked::End {
            return Poll::Ready(None);
        }
        serving.as_mut().poll(context).map(Some)
    })
    .await
}

fn ended(visit: &Visit, error: &dyn std::error::Error) {
    tracing::debug!("an HTTP connection from {} ended: {error}", visit.from);
}

impl WebSite {
    /// Serves one connection to its end; `read` is what was read of it already. When the node ends,
    /// the request in flight is finished and no other is taken.
    pub(crate) async fn serve(self: Arc<Self>, mut stream: Stream, read: &[u8], from: PeerAddress) {
        let (visit, _place) = self.visits.begin(from);
        let mut early = Held::default();
        early.push(read);
        if self.short_way && !self.is_decorated() && self.routes.lead_to_a_bridge() {
            match attended(&visit, self.serve_directly(stream, early, &visit)).await {
                Some(Ok(Some(unusual))) => (stream, early) = unusual,
                Some(Ok(None)) | None => return,
                Some(Err(error)) => return ended(&visit, &error),
            }
        }
        // In a box, so that the connections that stay on the short way don't carry its room.
        Box::pin(self.serve_by_hyper(Rewound::new(early, stream), &visit)).await;
    }

    /// Serves usual requests. Returns the connection at the first unusual one, with what was read
    /// and not answered.
    async fn serve_directly(
        &self,
        stream: Stream,
        early: Held,
        visit: &Arc<Visit>,
    ) -> io::Result<Option<(Stream, Held)>> {
        let Some((stream, mut held)) = Direct::new(self, visit, stream, early).serve().await?
        else {
            return Ok(None);
        };
        let (stream, unread) = stream.out_of_ring().await?;
        held.push(&unread);
        Ok(Some((stream, held)))
    }

    async fn serve_by_hyper(self: &Arc<Self>, stream: Rewound, visit: &Arc<Visit>) {
        let service = service_fn(|request| {
            let (site, visit) = (Arc::clone(self), Arc::clone(visit));
            async move { Ok::<_, Infallible>(site.answer(request, &visit).await) }
        });
        // Without a timer of hyper's: `visits` watches the time.
        let connection = http1::Builder::new()
            .writev(false)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut finishing = false;
        let outcome = poll_fn(|context| {
            let polled = connection.as_mut().poll(context);
            if polled.is_pending() && visit.asked() == Asked::Finish && !finishing {
                // Not before it was polled: then it knows the request that has begun.
                finishing = true;
                connection.as_mut().graceful_shutdown();
                return connection.as_mut().poll(context);
            }
            polled
        });
        if let Some(Err(error)) = attended(visit, outcome).await {
            ended(visit, &error);
        }
    }

    /// Answers one request. The way of calls and publications is kept short: the future of anything
    /// else is boxed, so that those don't carry the room for it.
    async fn answer(&self, request: Request<Incoming>, visit: &Arc<Visit>) -> Response<Body> {
        let found = self.routes.find(request.uri().path());
        let _in_flight = match found {
            Some((Service::LongPoll(_), _)) => InFlight::waiting(visit),
            _ => InFlight::new(self, visit),
        };
        if let Some((Service::Bridge(bridge), _)) = found
            && !self.is_decorated()
        {
            return routes::call_or_publish(bridge, request, visit).await;
        }
        Box::pin(self.answer_in_full(request, visit)).await
    }

    /// Whether anything has to be added to the answers of the services.
    const fn is_decorated(&self) -> bool {
        self.access_log || self.hsts.is_some()
    }

    async fn answer_in_full(
        &self,
        request: Request<Incoming>,
        visit: &Arc<Visit>,
    ) -> Response<Body> {
        let found = self.routes.find(request.uri().path());
        let line = self.access_log.then(|| {
            let secret = routes::secret_in_path(found, request.uri().path());
            access_log::request_line(request.method(), request.uri(), secret)
        });
        let mut response = match found {
            Some((service, at)) => service.answer(request, at, visit).await,
            None => {
                let request = body::pass_over(request, visit).await;
                routes::unrouted(&request)
            }
        };
        if let Some(hsts) = &self.hsts {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(line) = line {
            tracing::info!("{} \"{line}\" {}", visit.from, response.status().as_u16());
        }
        response
    }
}
