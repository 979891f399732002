//! The HTTP server of one listener: serves a connection to its end.
//!
//! Calls and publications have a fast path (`fast_path`); hyper reads and writes all other
//! requests. A request that becomes a WebSocket leaves HTTP here. The routes can be replaced while
//! connections are open: each connection uses the new ones from its next request on.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloverleaf_realms::Memory;
use cloverleaf_transport::shutdown::ShutdownSignal;
use cloverleaf_transport::{ConnectionGuard, ConnectionPeer, Stream};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, STRICT_TRANSPORT_SECURITY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::RwLock;

use crate::access_log;
use crate::connections::{
    HttpConnection, HttpConnections, InFlight, Shutdown, Timeouts, run_until_shutdown,
};
use crate::fast_path::{FastPath, FastPathEnd};
use crate::prefixed_stream::PrefixedStream;
use crate::read_ahead::ReadAhead;
use crate::request_body;
use crate::response::{Body, has_one_host, not_found, wrong_host};
use crate::routes::{self, Routes, Service};

/// The longest head of a request with its request line, in bytes. A longer one, or one with more
/// than hyper's 100 header fields, is answered with 431. It is four times the limit of common
/// servers. hyper buffers this much of a connection in each direction, so it is also how much of a
/// body is read at once: long bodies are no slower than with hyper's own 400 KiB.
const MAX_HEAD: usize = 64 << 10;

/// How an HTTP server behaves.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Whether each request is logged.
    pub access_log: bool,
    /// Whether common calls and publications use the fast path.
    pub fast_path: bool,
    /// `Strict-Transport-Security`, if it is sent.
    pub hsts: Option<HeaderValue>,
    /// How long connections may be silent.
    pub timeouts: Timeouts,
}

/// The routes of a server and its options.
#[derive(Debug)]
struct Site {
    routes: Routes,
    options: HttpOptions,
}

/// See the [module](self).
#[derive(Debug)]
pub struct HttpServer {
    site: RwLock<Arc<Site>>,
    connections: HttpConnections,
    /// Requests in flight of the node.
    in_flight: Arc<AtomicUsize>,
}

impl HttpServer {
    /// A server without connections. `in_flight` counts the requests in flight of the node.
    pub fn new(
        routes: Routes,
        options: HttpOptions,
        memory: Memory,
        in_flight: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            site: RwLock::new(Arc::new(Site { routes, options })),
            connections: HttpConnections::new(memory),
            in_flight,
        }
    }

    /// Replaces the routes and options. Requests in flight are answered by the service that has
    /// them; each connection uses the new routes from its next request on.
    pub fn replace(&self, routes: Routes, options: HttpOptions) {
        let site = Arc::new(Site { routes, options });
        let previous = std::mem::replace(&mut *self.site.write(), site);
        self.connections.reroute();
        drop(previous);
    }

    /// The service that is configured for `path`, if it is served now.
    pub fn service(&self, path: &[&str]) -> Option<Arc<Service>> {
        self.site().routes.service(path)
    }

    /// Watches the connections of the listener. After the signal they are asked to end after their
    /// requests. Returns when they have ended.
    pub async fn watch(&self, signal: ShutdownSignal) {
        self.connections.watch(|| self.site().options.timeouts, signal).await;
    }

    /// Serves one connection to its end; `read` was read of it before.
    pub async fn serve(
        self: Arc<Self>,
        mut stream: Stream,
        read: &[u8],
        peer: ConnectionPeer,
        guard: ConnectionGuard,
    ) {
        let (connection, _entry) = self.connections.add(peer, guard);
        let mut read_ahead = ReadAhead::default();
        read_ahead.push(read);
        loop {
            // Before the routes are read: a change after that is seen again.
            connection.has_rerouted();
            let site = self.site();
            if !site.has_fast_path() {
                break;
            }
            let fast = self.serve_fast(&site.routes, stream, read_ahead, &connection);
            match run_until_shutdown(&connection, fast).await {
                Some(Ok(FastPathEnd::Closed)) | None => return,
                Some(Ok(FastPathEnd::Rerouted(socket, unread))) => {
                    (stream, read_ahead) = (socket, unread);
                }
                Some(Ok(FastPathEnd::NeedsHyper(socket, unread))) => {
                    (stream, read_ahead) = (socket, unread);
                    break;
                }
                Some(Err(error)) => return log_end(&connection, &error),
            }
        }
        // In a box, so that connections on the fast path don't carry its memory.
        Box::pin(self.serve_by_hyper(PrefixedStream::new(read_ahead, stream), &connection)).await;
    }

    fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read())
    }

    /// Serves requests on the fast path, and takes the connection out of the ring for hyper.
    async fn serve_fast(
        &self,
        routes: &Routes,
        stream: Stream,
        read_ahead: ReadAhead,
        connection: &Arc<HttpConnection>,
    ) -> io::Result<FastPathEnd> {
        let path = FastPath::new(routes, &self.in_flight, connection, stream, read_ahead);
        Ok(match path.serve().await? {
            FastPathEnd::NeedsHyper(stream, mut read_ahead) => {
                let (stream, unread) = stream.out_of_ring().await?;
                read_ahead.push(&unread);
                FastPathEnd::NeedsHyper(stream, read_ahead)
            }
            end => end,
        })
    }

    async fn serve_by_hyper(
        self: &Arc<Self>,
        stream: PrefixedStream,
        connection: &Arc<HttpConnection>,
    ) {
        let service = service_fn(|request| {
            let (server, connection) = (Arc::clone(self), Arc::clone(connection));
            async move { Ok::<_, Infallible>(server.respond(request, &connection).await) }
        });
        // Without a timer of hyper's: `connections` watches the time.
        let http = http1::Builder::new()
            .writev(false)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut http = pin!(http);
        let mut is_finishing = false;
        let outcome = poll_fn(|context| {
            let polled = http.as_mut().poll(context);
            if polled.is_pending() && connection.shutdown() == Shutdown::Graceful && !is_finishing {
                // After a poll, so that hyper knows of a request that has begun.
                is_finishing = true;
                http.as_mut().graceful_shutdown();
                return http.as_mut().poll(context);
            }
            polled
        });
        if let Some(Err(error)) = run_until_shutdown(connection, outcome).await {
            log_end(connection, &error);
        }
    }

    /// Responds to one request. The future of anything but calls and publications is boxed, so that
    /// those don't carry its memory.
    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        let site = self.site();
        let found = site.routes.find(request.uri().path());
        let _in_flight = match found {
            Some((Service::LongPoll(_), _)) => InFlight::waiting(connection),
            _ => InFlight::new(&self.in_flight, connection),
        };
        if let Some((Service::Bridge(bridge), _)) = found
            && !site.options.decorates_responses()
        {
            return routes::call_or_publish(bridge, request, connection).await;
        }
        Box::pin(site.respond(request, connection)).await
    }
}

impl HttpOptions {
    /// Whether responses of the services are logged or get more header fields.
    const fn decorates_responses(&self) -> bool {
        self.access_log || self.hsts.is_some()
    }
}

impl Site {
    /// Whether connections begin on the fast path.
    fn has_fast_path(&self) -> bool {
        self.options.fast_path && !self.options.decorates_responses() && self.routes.have_bridge()
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: &Arc<HttpConnection>,
    ) -> Response<Body> {
        let found = self.routes.find(request.uri().path());
        let line = self.options.access_log.then(|| {
            let secret = routes::secret_in_path(found, request.uri().path());
            access_log::request_line(request.method(), request.uri(), secret)
        });
        let mut response = match found {
            Some((service, at)) => service.respond(request, at, connection).await,
            None => {
                let request = request_body::discard_body(request, connection).await;
                if has_one_host(&request) { not_found() } else { wrong_host() }
            }
        };
        if let Some(hsts) = &self.options.hsts {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if let Some(line) = line {
            let status = response.status().as_u16();
            let request = format_args!("\"{line}\"");
            tracing::info!(peer = %connection.peer, %request, status, "served");
        }
        response
    }
}

fn log_end(connection: &HttpConnection, error: &dyn std::error::Error) {
    tracing::debug!(peer = %connection.peer, reason = %error, "HTTP connection ended");
}
