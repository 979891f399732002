//! Keep-alive: pings to the peer, and the end of a peer that does not answer them.
//!
//! One timer per connection. Arriving bytes do not move the timer; only their time is stored. An
//! expired timer is set again for the rest of the interval since then. So a silent peer is pinged
//! one interval after its last bytes, and dropped after interval and timeout.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When a peer is pinged, and when it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// The time between a pong and the next ping. With `any_traffic`, the time between the last
    /// bytes of the peer and the next ping.
    pub interval: Duration,
    /// How long a pong may take. None: a missing pong has no consequence.
    pub timeout: Option<Duration>,
    /// The size of a ping's payload in bytes. At most 125 are sent.
    pub size: u8,
    /// Whether any bytes of the peer count as a pong and defer the next ping.
    pub any_traffic: bool,
}

/// What the connection does when the timer expires.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PingAction {
    /// Send a ping with this payload.
    Ping(Vec<u8>),
    /// Drop the connection: the peer has not answered in time.
    Drop,
}

/// The keep-alive state of one connection.
#[derive(Debug)]
pub(crate) struct Pinger {
    settings: KeepAlive,
    timer: Pin<Box<Sleep>>,
    /// The payload of the last ping, while it is not answered.
    outstanding: Option<Vec<u8>>,
    /// The time of the last bytes since the timer was set. Only stored with `any_traffic`.
    last_traffic: Option<Instant>,
}

impl Pinger {
    pub(crate) fn new(settings: KeepAlive) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + settings.interval));
        Self { settings, timer, outstanding: None, last_traffic: None }
    }

    /// Bytes have arrived.
    #[inline]
    pub(crate) fn record_traffic(&mut self) {
        if self.settings.any_traffic {
            match self.outstanding {
                None => self.last_traffic = Some(Instant::now()),
                Some(_) => self.answered(),
            }
        }
    }

    /// A pong has arrived.
    #[cold]
    pub(crate) fn record_pong(&mut self, payload: &[u8]) {
        if self.outstanding.as_deref() == Some(payload) {
            self.answered();
        }
    }

    /// The last ping was answered.
    #[cold]
    fn answered(&mut self) {
        self.outstanding = None;
        self.timer.as_mut().reset(Instant::now() + self.settings.interval);
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<PingAction> {
        let KeepAlive { interval, timeout, size, .. } = self.settings;
        loop {
            ready!(self.timer.as_mut().poll(context));
            if let Some(last_traffic) = self.last_traffic.take() {
                self.timer.as_mut().reset(last_traffic + interval);
                continue;
            }
            if self.outstanding.is_some() && timeout.is_some() {
                return Poll::Ready(PingAction::Drop);
            }
            let payload: Vec<u8> = (0..size).map(|_| rand::random()).collect();
            self.outstanding = Some(payload.clone());
            self.timer.as_mut().reset(Instant::now() + timeout.unwrap_or(interval));
            return Poll::Ready(PingAction::Ping(payload));
        }
    }
}
