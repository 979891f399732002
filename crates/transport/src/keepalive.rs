//! Pings of our own: a peer that does not answer them is dropped.
//!
//! One timer a connection, which is not moved by what arrives: when it has run down, it is looked
//! whether something has arrived meanwhile. A silent peer is therefore asked after once to twice
//! the interval.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// When a peer is asked, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// The time between an answer and the next ping.
    pub interval: Duration,
    /// How long an answer may take; none: it is not waited for.
    pub timeout: Option<Duration>,
    /// The size of a ping's payload, in bytes; at most 125 are sent.
    pub size: u8,
    /// Whether whatever arrives is an answer, and makes a ping unnecessary.
    pub any_traffic: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
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
    /// Whether something has arrived since that was last looked at.
    has_heard: bool,
}

impl Pinger {
    pub(crate) fn new(settings: KeepAlive) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + settings.interval));
        Self { settings, timer, asked: None, has_heard: false }
    }

    /// Bytes have arrived.
    pub(crate) const fn hear(&mut self) {
        self.has_heard = true;
    }

    /// A pong has arrived.
    #[cold]
    pub(crate) fn hear_pong(&mut self, payload: &[u8]) {
        if self.asked.as_deref() == Some(payload) {
            self.asked = None;
            self.wait(self.settings.interval);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.timer.as_mut().reset(Instant::now() + time);
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Due> {
        let KeepAlive { interval, timeout, size, any_traffic } = self.settings;
        loop {
            ready!(self.timer.as_mut().poll(context));
            let has_heard = std::mem::take(&mut self.has_heard);
            if has_heard && any_traffic {
                self.asked = None;
                self.wait(interval);
                continue;
            }
            if self.asked.is_some() && timeout.is_some() {
                return Poll::Ready(Due::Drop);
            }
            let payload: Vec<u8> = (0..size).map(|_| rand::random()).collect();
            self.asked = Some(payload.clone());
            self.wait(timeout.unwrap_or(interval));
            return Poll::Ready(Due::Ping(payload));
        }
    }
}
