//! A running listener: its socket, its protocol, and the task that accepts connections.

use std::net::SocketAddr;
use std::sync::Arc;

use cloverleaf_config::settings::{ListenerLimits, ListeningTransport};
use cloverleaf_transport::listener::Listener;
use cloverleaf_transport::shutdown::{self, ShutdownTrigger};
use cloverleaf_transport::{Connections, ListenerId};
use cloverleaf_web::HttpServer;
use parking_lot::RwLock;
use tokio::task::{JoinHandle, spawn};

use crate::accept::{self, AcceptLimits, Encryption, Preamble, Protocol};
use crate::threads::Threads;

/// See the [module](self). Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct RunningListener {
    transport: ListeningTransport,
    address: Option<SocketAddr>,
    /// The protocol and limits of new connections. Shared with the task that accepts.
    service: Arc<RwLock<ListenerService>>,
    /// None while the socket is closed to be bound anew.
    accepting: Option<Accepting>,
    http: Option<WatchedServer>,
    id: ListenerId,
}

/// What a listener serves, and the limits.
#[derive(Debug, Clone)]
struct ListenerService {
    protocol: Protocol,
    limits: AcceptLimits,
}

impl ListenerService {
    fn new(protocol: Protocol, transport: &ListeningTransport) -> Self {
        let ListenerLimits { max_connections, opening_timeout, .. } = transport.limits();
        Self { protocol, limits: AcceptLimits { max_connections, opening_timeout } }
    }
}

/// The task that accepts connections.
#[derive(Debug)]
struct Accepting {
    stop: ShutdownTrigger,
    task: AbortOnDrop,
}

/// An HTTP server whose connections are watched until the trigger is dropped.
#[derive(Debug)]
struct WatchedServer {
    server: Arc<HttpServer>,
    _stop: ShutdownTrigger,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(pub(crate) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a listener hands its connections.
#[derive(Debug, Clone)]
pub(crate) struct Acceptor {
    pub(crate) threads: Arc<Threads>,
    pub(crate) connections: Arc<Connections>,
}

impl RunningListener {
    /// Accepts connections from now on.
    pub(crate) fn start(
        id: ListenerId,
        listener: Listener,
        transport: ListeningTransport,
        protocol: Protocol,
        acceptor: Acceptor,
    ) -> Self {
        let address = listener.local_address();
        let http = protocol.http().map(watch);
        let service = Arc::new(RwLock::new(ListenerService::new(protocol, &transport)));
        let accepting = accept(id, listener, &transport, Arc::clone(&service), acceptor);
        Self { transport, address, service, accepting: Some(accepting), http, id }
    }

    /// Closes the socket. Connections and the HTTP server stay.
    pub(crate) async fn close_socket(&mut self) {
        if let Some(Accepting { stop, task }) = self.accepting.take() {
            stop.shut_down();
            ended(task).await;
        }
    }

    /// Accepts connections of another socket.
    pub(crate) fn reopen(&mut self, listener: Listener, acceptor: Acceptor) {
        self.address = listener.local_address();
        let service = Arc::clone(&self.service);
        self.accepting = Some(accept(self.id, listener, &self.transport, service, acceptor));
    }

    /// The transport that it runs.
    pub(crate) const fn transport(&self) -> &ListeningTransport {
        &self.transport
    }

    /// The address that it is bound to; none for a Unix socket.
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The protocol of new connections.
    pub(crate) fn protocol(&self) -> Protocol {
        self.service.read().protocol.clone()
    }

    /// Serves something else from the next connection on.
    pub(crate) fn change(&mut self, transport: ListeningTransport, protocol: Protocol) {
        let is_same = |watched: &WatchedServer| {
            protocol.http().is_some_and(|server| Arc::ptr_eq(server, &watched.server))
        };
        if !self.http.as_ref().is_some_and(is_same) {
            self.http = protocol.http().map(watch);
        }
        *self.service.write() = ListenerService::new(protocol, &transport);
        self.transport = transport;
    }

    /// Closes the socket, and asks HTTP connections to end after their requests. Returns when the
    /// socket is closed and its file removed.
    pub(crate) async fn stop(mut self) {
        drop(self.http.take());
        self.close_socket().await;
    }

    /// Closes the socket at once.
    pub(crate) async fn abort(self) {
        if let Some(Accepting { task, .. }) = self.accepting {
            task.0.abort();
            ended(task).await;
        }
    }
}

/// Waits until the task has ended.
pub(crate) async fn ended(mut task: AbortOnDrop) {
    // An error means that the task was aborted, or a panic, which is logged.
    let _ = (&mut task.0).await;
}

fn watch(server: &Arc<HttpServer>) -> WatchedServer {
    let (stop, signal) = shutdown::channel();
    let watched = Arc::clone(server);
    spawn(async move { watched.watch(signal).await });
    WatchedServer { server: Arc::clone(server), _stop: stop }
}

fn accept(
    id: ListenerId,
    listener: Listener,
    transport: &ListeningTransport,
    service: Arc<RwLock<ListenerService>>,
    acceptor: Acceptor,
) -> Accepting {
    let (stop, mut stopped) = shutdown::channel();
    let preamble = Preamble {
        proxy_protocol: transport.endpoint().proxy_protocol(),
        encryption: Encryption::None,
    };
    let task = spawn(async move {
        tokio::select! {
            () = accept_all(id, listener, preamble, &service, &acceptor) => {}
            () = stopped.wait() => {}
        }
    });
    Accepting { stop, task: AbortOnDrop(task) }
}

async fn accept_all(
    id: ListenerId,
    mut listener: Listener,
    preamble: Preamble,
    service: &RwLock<ListenerService>,
    acceptor: &Acceptor,
) {
    loop {
        let (socket, peer) = listener.accept().await;
        let ListenerService { protocol, limits } = service.read().clone();
        let connections = &acceptor.connections;
        let Some(guard) = accept::check_limits(connections, limits, id, &peer) else { continue };
        acceptor.threads.spawn_on(guard.thread(), socket, move |stream| {
            accept::serve(protocol, preamble, limits, stream, peer, guard)
        });
    }
}
