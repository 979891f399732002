//! The HTTP connections of a listener: which are idle for too long, and how all of them end.
//!
//! One task looks at all of them now and then. That costs a connection nothing while it is busy,
//! where timers of its own would cost two updates a request.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use cloverleaf_http_bridge::RequestPeer;
use cloverleaf_transport::limits::{ANSWER_BYTES_PER_STALL, OPENING_TIMEOUT, STALL_TIMEOUT};
use cloverleaf_transport::listener::PeerAddress;
use cloverleaf_wakes::wake;
use parking_lot::Mutex;
use slab::Slab;
use tokio::time::{Instant, sleep};

use crate::memory::Memory;
use crate::shutdown::Ending;

/// How long a connection may be without a whole request when it has had one; longer than the
/// keep-alive of the usual reverse proxies (60 s), so that it is they who close. A client that
/// sends a request byte by byte, its body included, has no longer either.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How often connections are looked at.
const STEP: Duration = Duration::from_secs(5);

/// How long the connections of a listener may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Before their first request.
    pub(crate) opening: Duration,
    /// After a request.
    pub(crate) idle: Duration,
}

impl Timeouts {
    /// Those of a listener for which nothing else is configured.
    pub(crate) const USUAL: Self = Self { opening: OPENING_TIMEOUT, idle: IDLE_TIMEOUT };

    /// Clients may be silent for so long, before a request or after it.
    pub(crate) fn of_clients(idle: Duration) -> Self {
        Self { opening: OPENING_TIMEOUT.min(idle), idle }
    }
}

/// What a connection is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Go on.
    Nothing,
    /// Answer what is in flight, then end.
    Finish,
    /// End now.
    End,
}

/// What is known of a connection while it is served.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) facts: RequestPeer,
    pub(super) from: PeerAddress,
    /// Requests that are not answered yet.
    pub(super) open: AtomicUsize,
    /// Those of them whose bodies are being read.
    pub(super) reading: AtomicUsize,
    /// Requests so far.
    pub(super) requests: AtomicUsize,
    /// Bytes of long answers that the client has taken so far.
    pub(super) taken: AtomicUsize,
    /// How many large answers have begun and ended so far: odd while one is being sent.
    pub(super) large_answers: AtomicUsize,
    asked: AtomicU8,
    /// The task of the connection.
    waker: OnceLock<Waker>,
    /// The budgets for bodies that have begun and for large answers.
    pub(super) memory: Memory,
}

impl Visit {
    pub(super) fn asked(&self) -> Asked {
        match self.asked.load(Ordering::Relaxed) {
            0 => Asked::Nothing,
            1 => Asked::Finish,
            _ => Asked::End,
        }
    }

    /// Whether a request has been read whole and is being answered.
    fn is_answering(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.reading.load(Ordering::Relaxed)
    }

    /// Remembers the task that serves the connection; it stays the same.
    pub(super) fn is_served_by(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    pub(super) fn ask(&self, asked: Asked) {
        self.asked.store(asked as u8, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            // Possibly while this thread holds the lock of a realm.
            wake(waker.clone());
        }
    }
}

/// A connection as the watching task last saw it.
#[derive(Debug)]
struct Seen {
    visit: Arc<Visit>,
    /// Its requests and the bytes that it has taken.
    signs: usize,
    since: Instant,
    /// The large answer that is being sent.
    window: Option<Window>,
}

/// A time of [`STALL_TIMEOUT`] in which a client takes some of a large answer.
#[derive(Debug)]
struct Window {
    /// The value of [`Visit::large_answers`] while this answer is sent.
    answer: usize,
    /// The bytes that the client had taken when the window began.
    taken: usize,
    since: Instant,
}

impl Seen {
    /// Whether the client has taken too little of a large answer in the last window.
    fn is_too_slow(&mut self) -> bool {
        let answer = self.visit.large_answers.load(Ordering::Relaxed);
        if answer.is_multiple_of(2) {
            self.window = None;
            return false;
        }
        let taken = self.visit.taken.load(Ordering::Relaxed);
        let same = self.window.as_ref().filter(|window| window.answer == answer);
        if let Some(window) = same {
            if window.since.elapsed() < STALL_TIMEOUT {
                return false;
            }
            if taken - window.taken < ANSWER_BYTES_PER_STALL {
                return true;
            }
        }
        self.window = Some(Window { answer, taken, since: Instant::now() });
        false
    }
}

/// All connections of a listener.
#[derive(Debug)]
pub(crate) struct Visits {
    seen: Mutex<Slab<Seen>>,
    memory: Memory,
}

/// A connection's place among the others; leaving it is leaving the table.
#[derive(Debug)]
pub(super) struct Place<'a> {
    visits: &'a Visits,
    key: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.visits.seen.lock().try_remove(self.key);
    }
}

impl Visits {
    /// No connections yet. Their requests and large answers count in `memory`.
    pub(crate) fn new(memory: Memory) -> Self {
        Self { seen: Mutex::default(), memory }
    }

    /// A connection begins.
    pub(super) fn begin(&self, from: PeerAddress) -> (Arc<Visit>, Place<'_>) {
        let peer_ip = match &from {
            PeerAddress::Ip(address) => Some(address.ip()),
            PeerAddress::Unix => None,
        };
        let visit = Arc::new(Visit {
            facts: RequestPeer { ip: peer_ip, is_tls: false },
            from,
            open: AtomicUsize::new(0),
            reading: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            large_answers: AtomicUsize::new(0),
            asked: AtomicU8::new(0),
            waker: OnceLock::new(),
            memory: self.memory.clone(),
        });
        let since = Instant::now();
        let seen = Seen { visit: Arc::clone(&visit), signs: 0, since, window: None };
        let key = self.seen.lock().insert(seen);
        (visit, Place { visits: self, key })
    }

    /// Ends idle connections and those that read a large answer too slowly, and asks all of them to
    /// finish when the node ends.
    pub(crate) async fn watch(&self, timeouts: Timeouts, mut ending: Ending) {
        let step = STEP.min(timeouts.opening).min(timeouts.idle);
        loop {
            tokio::select! {
                () = sleep(step) => self.end_idle(timeouts),
                () = ending.wait() => break,
            }
        }
        for (_, seen) in self.seen.lock().iter() {
            seen.visit.ask(Asked::Finish);
        }
    }

    fn end_idle(&self, timeouts: Timeouts) {
        for (_, seen) in self.seen.lock().iter_mut() {
            let requests = seen.visit.requests.load(Ordering::Relaxed);
            let signs = requests + seen.visit.taken.load(Ordering::Relaxed);
            if signs != seen.signs || seen.visit.is_answering() {
                (seen.signs, seen.since) = (signs, Instant::now());
            }
            if seen.visit.is_answering() {
                // Whoever has read enough before the answer sees only so that its client is gone.
                seen.visit.wake();
            }
            let timeout = if requests == 0 { timeouts.opening } else { timeouts.idle };
            if seen.since.elapsed() >= timeout || seen.is_too_slow() {
                seen.visit.ask(Asked::End);
            }
        }
    }
}
