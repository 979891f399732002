//! Pings of our own: a peer that does not answer them is dropped.
//!
//! One timer a connection, which is not moved by what arrives: only the time of the last arrival
//! is kept. A timer that expires is set again for the rest of the interval since then. So a silent
//! peer is pinged one interval after its last bytes, and dropped after interval and timeout.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When a peer is asked, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// The time between a pong and the next ping, and with `any_traffic` between the last bytes of
    /// the peer and the next ping.
    pub interval: Duration,
    /// How long a pong may take; none: it is not waited for.
    pub timeout: Option<Duration>,
    /// The size of a ping's payload, in bytes; at most 125 are sent.
    pub size: u8,
    /// Whether any bytes of the peer count as a pong and put off the next ping.
    pub any_traffic: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PingAction {
    /// Send a ping with this payload.
    Ping(Vec<u8>),
    /// Give up: there was no answer in time.
    Drop,
}

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Pinger {
    settings: KeepAlive,
    timer: Pin<Box<Sleep>>,
    /// What the last ping has asked, while it is not answered.
    asked: Option<Vec<u8>>,
    /// When bytes arrived last, since the timer was set. Only kept with `any_traffic`.
    heard: Option<Instant>,
}

impl Pinger {
    pub(crate) fn new(settings: KeepAlive) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + settings.interval));
        Self { settings, timer, asked: None, heard: None }
    }

    /// Bytes have arrived.
    #[inline]
    pub(crate) fn hear(&mut self) {
        if self.settings.any_traffic {
            match self.asked {
                None => self.heard = Some(Instant::now()),
                Some(_) => self.answered(),
            }
        }
    }

    /// A pong has arrived.
    #[cold]
    pub(crate) fn hear_pong(&mut self, payload: &[u8]) {
        if self.asked.as_deref() == Some(payload) {
            self.answered();
        }
    }

    /// The last ping has its answer.
    #[cold]
    fn answered(&mut self) {
        self.asked = None;
        self.timer.as_mut().reset(Instant::now() + self.settings.interval);
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<PingAction> {
        let KeepAlive { interval, timeout, size, .. } = self.settings;
        loop {
            ready!(self.timer.as_mut().poll(context));
            if let Some(heard) = self.heard.take() {
                self.timer.as_mut().reset(heard + interval);
                continue;
            }
            if self.asked.is_some() && timeout.is_some() {
                return Poll::Ready(PingAction::Drop);
            }
            let payload: Vec<u8> = (0..size).map(|_| rand::random()).collect();
            self.asked = Some(payload.clone());
            self.timer.as_mut().reset(Instant::now() + timeout.unwrap_or(interval));
            return Poll::Ready(PingAction::Ping(payload));
        }
    }
}
