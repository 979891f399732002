//! The HTTP connections of a listener: their timeouts and their shutdown.
//!
//! One task per listener looks at all of them every few seconds. A busy connection pays nothing for
//! that, where timers of its own would cost two updates a request.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use cloverleaf_http_bridge::RequestPeer;
use cloverleaf_realms::Memory;
use cloverleaf_transport::limits::{ANSWER_BYTES_PER_SECOND, OPENING_TIMEOUT, STALL_TIMEOUT};
use cloverleaf_transport::shutdown::ShutdownSignal;
use cloverleaf_transport::{ConnectionGuard, ConnectionPeer};
use cloverleaf_wakes::wake;
use parking_lot::Mutex;
use slab::Slab;
use tokio::time::{Instant, sleep};

/// How long a connection may stay without a complete request after its first one. Longer than the
/// keep-alive of common reverse proxies (60 s), so that the proxy closes first. A request that
/// arrives byte by byte has this long, too, its body included.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// The longest interval between two looks at the connections.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long the connections of a listener may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Before the first request.
    pub opening: Duration,
    /// After a request.
    pub idle: Duration,
    /// The period in which the client has to take part of a large response: on average
    /// [`ANSWER_BYTES_PER_SECOND`].
    pub stall: Duration,
}

impl Timeouts {
    /// The defaults.
    pub const DEFAULT: Self =
        Self { opening: OPENING_TIMEOUT, idle: IDLE_TIMEOUT, stall: STALL_TIMEOUT };

    /// The same timeouts with the option `client_timeout`.
    pub fn with_client_timeout(self, idle: Duration) -> Self {
        Self { opening: self.opening.min(idle), idle, ..self }
    }

    /// The interval between two looks at the connections.
    fn interval(self) -> Duration {
        INTERVAL.min(self.opening).min(self.idle).min(self.stall)
    }
}

/// Whether a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// No.
    None,
    /// No, but it has to use the new routes of its server from the next request on.
    Reroute,
    /// After the response to the request in flight.
    Graceful,
    /// At once.
    Now,
}

/// The state of a connection that its task and the task of the listener share.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    /// The peer.
    pub(crate) peer: ConnectionPeer,
    /// The peer, for the HTTP bridge.
    pub(crate) request_peer: RequestPeer,
    /// Counts the connection; a WebSocket that it becomes shares the guard.
    pub(crate) guard: Arc<ConnectionGuard>,
    /// Requests without a response.
    pub(crate) open: AtomicUsize,
    /// Open requests whose bodies are being read.
    pub(crate) reading: AtomicUsize,
    /// Requests so far.
    pub(crate) requests: AtomicUsize,
    /// Bytes of long responses that the client has taken so far.
    pub(crate) taken: AtomicUsize,
    /// Starts and ends of large responses so far: odd while one is being sent.
    pub(crate) large_responses: AtomicUsize,
    shutdown: AtomicU8,
    /// The task of the connection.
    waker: OnceLock<Waker>,
    /// The budgets for unfinished bodies and for large responses.
    pub(crate) memory: Memory,
}

impl HttpConnection {
    /// Whether the connection has to end.
    pub(crate) fn shutdown(&self) -> Shutdown {
        match self.shutdown.load(Ordering::Relaxed) {
            0 => Shutdown::None,
            1 => Shutdown::Reroute,
            2 => Shutdown::Graceful,
            _ => Shutdown::Now,
        }
    }

    /// Whether the connection has to end, now or later.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.shutdown(), Shutdown::Graceful | Shutdown::Now)
    }

    /// Asks the connection to end, and wakes its task. A shutdown is never taken back.
    pub(crate) fn shut_down(&self, shutdown: Shutdown) {
        // Release: a connection that sees `Reroute` sees the new routes.
        self.shutdown.fetch_max(shutdown as u8, Ordering::Release);
        self.wake();
    }

    /// The connection uses the new routes.
    pub(crate) fn has_rerouted(&self) {
        let (asked, done) = (Shutdown::Reroute as u8, Shutdown::None as u8);
        let _ = self.shutdown.compare_exchange(asked, done, Ordering::Acquire, Ordering::Relaxed);
    }

    /// Whether a complete request waits for its response.
    fn is_responding(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.reading.load(Ordering::Relaxed)
    }

    /// Remembers the task of the connection, which stays the same.
    fn set_task(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            // This thread may hold the lock of a realm, so the waking may be deferred.
            wake(waker.clone());
        }
    }
}

/// Polls `serving` until it is ready, or until the connection has to end at once: then None. A
/// graceful shutdown is left to `serving`.
pub(crate) async fn run_until_shutdown<T>(
    connection: &HttpConnection,
    serving: impl Future<Output = T>,
) -> Option<T> {
    let mut serving = pin!(serving);
    poll_fn(|context| {
        connection.set_task(context.waker());
        if connection.shutdown() == Shutdown::Now {
            return Poll::Ready(None);
        }
        serving.as_mut().poll(context).map(Some)
    })
    .await
}

/// Counts a request until its response is complete or its future is dropped.
pub(crate) struct InFlight<'a> {
    /// The requests in flight of the node. None for a request that waits for an event: the shutdown
    /// of the node does not wait for those.
    of_node: Option<&'a AtomicUsize>,
    connection: &'a HttpConnection,
}

impl<'a> InFlight<'a> {
    /// A request that the shutdown of the node waits for.
    pub(crate) fn new(of_node: &'a AtomicUsize, connection: &'a HttpConnection) -> Self {
        of_node.fetch_add(1, Ordering::Relaxed);
        Self::counted(Some(of_node), connection)
    }

    /// A request that waits for an event, such as a long-poll.
    pub(crate) fn waiting(connection: &'a HttpConnection) -> Self {
        Self::counted(None, connection)
    }

    fn counted(of_node: Option<&'a AtomicUsize>, connection: &'a HttpConnection) -> Self {
        connection.open.fetch_add(1, Ordering::Relaxed);
        connection.requests.fetch_add(1, Ordering::Relaxed);
        Self { of_node, connection }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(of_node) = self.of_node {
            of_node.fetch_sub(1, Ordering::Relaxed);
        }
        self.connection.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection as the task of the listener has last seen it.
#[derive(Debug)]
struct Observed {
    connection: Arc<HttpConnection>,
    /// Requests plus taken bytes: it changes while the client is active.
    activity: usize,
    since: Instant,
    /// The large response that is being sent.
    window: Option<Window>,
}

/// A period of [`Timeouts::stall`] in which the client has to take part of a large response.
#[derive(Debug)]
struct Window {
    /// [`HttpConnection::large_responses`] while this response is sent.
    response: usize,
    /// The bytes that the client had taken when the period began.
    taken: usize,
    since: Instant,
}

impl Observed {
    /// Whether the client has taken too little of a large response in the last period.
    fn is_too_slow(&mut self, period: Duration) -> bool {
        let response = self.connection.large_responses.load(Ordering::Relaxed);
        if response.is_multiple_of(2) {
            self.window = None;
            return false;
        }
        let taken = self.connection.taken.load(Ordering::Relaxed);
        let same = self.window.as_ref().filter(|window| window.response == response);
        if let Some(window) = same {
            if window.since.elapsed() < period {
                return false;
            }
            if ((taken - window.taken) as u128)
                < ANSWER_BYTES_PER_SECOND * period.as_millis() / 1_000
            {
                return true;
            }
        }
        self.window = Some(Window { response, taken, since: Instant::now() });
        false
    }
}

/// The connections of a listener.
#[derive(Debug)]
pub(crate) struct HttpConnections {
    observed: Mutex<ConnectionTable>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct ConnectionTable {
    entries: Slab<Observed>,
    /// The listener has ended: connections end after the request that they begin with.
    is_ending: bool,
}

/// The entry of a connection; dropping it removes the entry.
#[derive(Debug)]
pub(crate) struct TableEntry<'a> {
    connections: &'a HttpConnections,
    key: usize,
}

impl Drop for TableEntry<'_> {
    fn drop(&mut self) {
        self.connections.observed.lock().entries.try_remove(self.key);
    }
}

impl HttpConnections {
    /// No connections yet. Their requests and large responses count in `memory`.
    pub(crate) fn new(memory: Memory) -> Self {
        Self { observed: Mutex::default(), memory }
    }

    /// Adds a connection.
    pub(crate) fn add(
        &self,
        peer: ConnectionPeer,
        guard: ConnectionGuard,
    ) -> (Arc<HttpConnection>, TableEntry<'_>) {
        let request_peer = RequestPeer { ip: peer.address.ip_addr(), is_tls: peer.tls.is_some() };
        let connection = Arc::new(HttpConnection {
            peer,
            request_peer,
            guard: Arc::new(guard),
            open: AtomicUsize::new(0),
            reading: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            large_responses: AtomicUsize::new(0),
            shutdown: AtomicU8::new(0),
            waker: OnceLock::new(),
            memory: self.memory.clone(),
        });
        let since = Instant::now();
        let observed =
            Observed { connection: Arc::clone(&connection), activity: 0, since, window: None };
        let mut table = self.observed.lock();
        if table.is_ending {
            connection.shut_down(Shutdown::Graceful);
        }
        let key = table.entries.insert(observed);
        drop(table);
        (connection, TableEntry { connections: self, key })
    }

    /// Asks all connections to use the new routes.
    pub(crate) fn reroute(&self) {
        for (_, observed) in &self.observed.lock().entries {
            observed.connection.shut_down(Shutdown::Reroute);
        }
    }

    /// Ends connections that are idle for too long or read a large response too slowly. After the
    /// shutdown signal all connections are asked to end gracefully. Returns when they have ended.
    pub(crate) async fn watch(&self, timeouts: impl Fn() -> Timeouts, mut signal: ShutdownSignal) {
        loop {
            let timeouts = timeouts();
            tokio::select! {
                () = sleep(timeouts.interval()) => self.end_idle(timeouts),
                () = signal.wait() => break,
            }
        }
        self.begin_ending();
        while !self.is_empty() {
            let timeouts = timeouts();
            sleep(timeouts.interval()).await;
            self.end_idle(timeouts);
        }
    }

    fn begin_ending(&self) {
        let mut table = self.observed.lock();
        table.is_ending = true;
        for (_, observed) in &table.entries {
            observed.connection.shut_down(Shutdown::Graceful);
        }
    }

    fn is_empty(&self) -> bool {
        self.observed.lock().entries.is_empty()
    }

    fn end_idle(&self, timeouts: Timeouts) {
        for (_, observed) in &mut self.observed.lock().entries {
            let requests = observed.connection.requests.load(Ordering::Relaxed);
            let activity = requests + observed.connection.taken.load(Ordering::Relaxed);
            if activity != observed.activity || observed.connection.is_responding() {
                (observed.activity, observed.since) = (activity, Instant::now());
            }
            if observed.connection.is_responding() {
                // A connection that has read enough before its response does not read. It asks the
                // socket whether its client is gone when it is woken.
                observed.connection.wake();
            }
            let timeout = if requests == 0 { timeouts.opening } else { timeouts.idle };
            if observed.since.elapsed() >= timeout || observed.is_too_slow(timeouts.stall) {
                observed.connection.shut_down(Shutdown::Now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use cloverleaf_realms::Memory;
    use cloverleaf_transport::listener::PeerAddress;
    use cloverleaf_transport::{ConnectionPeer, Connections, ListenerId, shutdown};
    use tokio::time::sleep;

    use super::{HttpConnection, HttpConnections, Shutdown, TableEntry, Timeouts};

    fn add(connections: &HttpConnections) -> (Arc<HttpConnection>, TableEntry<'_>) {
        let guard = Connections::new(1).accept(ListenerId(1), &PeerAddress::Unix);
        connections.add(ConnectionPeer::plain(PeerAddress::Unix), guard)
    }

    #[tokio::test(start_paused = true)]
    async fn connections_of_an_ended_listener_are_watched_until_they_have_ended() {
        let connections = Arc::new(HttpConnections::new(Memory::of_machine()));
        let (before, entry) = add(&connections);
        let (trigger, signal) = shutdown::channel();
        let watched = Arc::clone(&connections);
        let watch = tokio::spawn(async move { watched.watch(|| Timeouts::DEFAULT, signal).await });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(before.shutdown(), Shutdown::None);
        trigger.shut_down();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(before.shutdown(), Shutdown::Graceful);
        // A connection that was on its way to its thread.
        let (late, late_entry) = add(&connections);
        assert_eq!(late.shutdown(), Shutdown::Graceful);
        assert!(!watch.is_finished());
        // Silent clients are closed still.
        sleep(Timeouts::DEFAULT.idle).await;
        assert_eq!((before.shutdown(), late.shutdown()), (Shutdown::Now, Shutdown::Now));
        drop((entry, late_entry));
        watch.await.expect("the watching ends with the last connection");
    }

    #[test]
    fn connection_is_asked_to_use_each_new_routes_once() {
        let connections = HttpConnections::new(Memory::of_machine());
        let (connection, _entry) = add(&connections);
        connections.reroute();
        assert_eq!(connection.shutdown(), Shutdown::Reroute);
        connection.has_rerouted();
        assert_eq!(connection.shutdown(), Shutdown::None);
        connection.shut_down(Shutdown::Graceful);
        connections.reroute();
        connection.has_rerouted();
        assert_eq!(connection.shutdown(), Shutdown::Graceful, "new routes take no end back");
    }
}
