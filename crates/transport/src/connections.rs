//! The accepted connections of a process: counted by thread, listener and address until they end.
//!
//! A [`ConnectionGuard`] travels with its connection through protocol detection and through the
//! upgrade to a WebSocket. So the counts are those of open sockets, whatever they speak.
//!
//! Threads are filled one after the other and not in turn: a caller and its callee on one thread
//! need no other thread to be woken for each of their calls. No thread gets far ahead of the
//! others, since connections that are idle now may all be busy later
//! (`docs/decisions/runtime.md`).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::listener::PeerAddress;

/// How many more connections than the least loaded thread a thread may have. A few clients stay
/// together, and hundreds are spread.
pub const MAX_IMBALANCE: usize = 64;

/// Names a connection as long as the process runs; ids are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a listener of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u32);

/// See the [module](self).
#[derive(Debug)]
pub struct Connections {
    next_id: AtomicU64,
    by_thread: Box<[AtomicUsize]>,
    counts: Mutex<Counts>,
}

/// Entries exist while their counts are positive.
#[derive(Debug, Default)]
struct Counts {
    by_listener: HashMap<ListenerId, usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub struct ConnectionGuard {
    connections: Arc<Connections>,
    id: ConnectionId,
    thread: usize,
    listener: ListenerId,
    ip: Option<IpAddr>,
}

impl Connections {
    /// No connections yet, for `threads` threads (at least one).
    pub fn new(threads: usize) -> Arc<Self> {
        Arc::new(Self {
            next_id: AtomicU64::new(1),
            by_thread: (0..threads.max(1)).map(|_| AtomicUsize::new(0)).collect(),
            counts: Mutex::default(),
        })
    }

    /// Counts a connection that `listener` has accepted, on the first thread that is not too far
    /// ahead of the others. Accepting is done by one thread, so the choice is exact.
    pub fn accept(self: &Arc<Self>, listener: ListenerId, peer: &PeerAddress) -> ConnectionGuard {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let loads = || self.by_thread.iter().map(|count| count.load(Ordering::Relaxed));
        let least = loads().min().unwrap_or(0);
        let thread = loads().position(|count| count < least + MAX_IMBALANCE).unwrap_or(0);
        self.by_thread[thread].fetch_add(1, Ordering::Relaxed);
        let ip = peer.ip_addr();
        let mut counts = self.counts.lock();
        *counts.by_listener.entry(listener).or_default() += 1;
        increment(&mut counts.by_address, ip);
        drop(counts);
        ConnectionGuard { connections: Arc::clone(self), id, thread, listener, ip }
    }

    /// Open connections of each thread.
    pub fn of_threads(&self) -> Vec<usize> {
        self.by_thread.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// Open connections that a listener has accepted.
    pub fn of_listener(&self, listener: ListenerId) -> usize {
        self.counts.lock().by_listener.get(&listener).copied().unwrap_or(0)
    }

    /// Open connections from an address. Peers of Unix sockets have none.
    pub fn of_address(&self, ip: IpAddr) -> usize {
        self.counts.lock().by_address.get(&ip).copied().unwrap_or(0)
    }
}

impl ConnectionGuard {
    /// The id of the connection.
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// The index of the thread that owns the connection.
    pub const fn thread(&self) -> usize {
        self.thread
    }

    /// The listener that has accepted the connection.
    pub const fn listener(&self) -> ListenerId {
        self.listener
    }

    /// Counts the connection for another address: that of the client behind a proxy.
    pub fn set_address(&mut self, peer: &PeerAddress) {
        let ip = peer.ip_addr();
        let mut counts = self.connections.counts.lock();
        decrement(&mut counts.by_address, self.ip);
        increment(&mut counts.by_address, ip);
        drop(counts);
        self.ip = ip;
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.connections.by_thread[self.thread].fetch_sub(1, Ordering::Relaxed);
        let mut counts = self.connections.counts.lock();
        decrement(&mut counts.by_listener, Some(self.listener));
        decrement(&mut counts.by_address, self.ip);
    }
}

fn increment<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: Option<K>) {
    if let Some(key) = key {
        *counts.entry(key).or_default() += 1;
    }
}

fn decrement<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: Option<K>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ConnectionGuard, Connections, ListenerId, MAX_IMBALANCE};
    use crate::listener::PeerAddress;

    const LISTENER: ListenerId = ListenerId(1);

    fn accept(connections: &Arc<Connections>) -> ConnectionGuard {
        connections.accept(LISTENER, &PeerAddress::Unix)
    }

    #[test]
    fn few_connections_share_a_thread_and_many_are_spread() {
        let connections = Connections::new(3);
        let guards: Vec<_> = (0..3 * MAX_IMBALANCE).map(|_| accept(&connections)).collect();
        let mut expected = [0, 1].map(|thread| [thread; MAX_IMBALANCE]).concat();
        // The third thread has one more each time, and so may the others.
        expected.extend([2, 0, 1].iter().cycle().take(MAX_IMBALANCE));
        let threads: Vec<usize> = guards.iter().map(ConnectionGuard::thread).collect();
        assert_eq!(threads, expected);
    }

    #[test]
    fn connection_that_ends_makes_room_on_its_thread() {
        let connections = Connections::new(2);
        let mut guards: Vec<_> = (0..MAX_IMBALANCE).map(|_| accept(&connections)).collect();
        assert_eq!(accept(&connections).thread(), 1);
        guards.pop();
        assert_eq!(accept(&connections).thread(), 0);
    }

    #[test]
    fn single_thread_gets_every_connection() {
        let connections = Connections::new(1);
        let guards: Vec<_> = (0..3 * MAX_IMBALANCE).map(|_| accept(&connections)).collect();
        assert_eq!(connections.of_threads(), [guards.len()]);
    }

    #[test]
    fn connections_are_counted_by_listener_and_address_until_they_end() {
        let connections = Connections::new(1);
        let [proxy, client] = ["192.0.2.1:1", "192.0.2.2:1"].map(|text| text.parse().unwrap());
        let mut guard = connections.accept(LISTENER, &PeerAddress::Ip(proxy));
        let other = connections.accept(ListenerId(2), &PeerAddress::Ip(proxy));
        assert_ne!(guard.id(), other.id());
        assert_eq!(connections.of_listener(LISTENER), 1);
        assert_eq!(connections.of_address(proxy.ip()), 2);
        guard.set_address(&PeerAddress::Ip(client));
        assert_eq!(connections.of_address(proxy.ip()), 1);
        assert_eq!(connections.of_address(client.ip()), 1);
        drop((guard, other));
        assert_eq!(connections.of_listener(LISTENER), 0);
        assert_eq!(connections.of_address(client.ip()), 0);
        assert_eq!(connections.of_threads(), [0]);
        let counts = connections.counts.lock();
        assert!(counts.by_listener.is_empty() && counts.by_address.is_empty());
    }
}
