//! The watch over a peer that has not taken everything it was sent.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::STALL_RATE_WHEN_WAITED_FOR;

/// Counts what the peer takes in a window of
/// [`stall_timeout`](crate::limits::ConnectionLimits::stall_timeout). Progress does not stop the
/// timer; it is checked when the timer expires. So writing costs no timer.
#[derive(Debug)]
pub(super) struct Stall {
    timer: Pin<Box<Sleep>>,
    /// Bytes that the peer has taken in this window.
    taken: usize,
    /// Whether a publisher waited for the peer when the window began.
    was_waited_for: bool,
}

impl Stall {
    pub(super) fn new(window: Duration, is_waited_for: bool) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + window));
        Self { timer, taken: 0, was_waited_for: is_waited_for }
    }

    /// The peer has taken `bytes`.
    pub(super) const fn count(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Ready at the end of the window.
    pub(super) fn poll_window(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(context)
    }

    /// Begins the next window. Returns whether the peer has taken enough in the last one. The
    /// minimum rate applies if a publisher waited when that window began and waits at its end.
    pub(super) fn next_window(&mut self, window: Duration, is_waited_for: bool) -> bool {
        let needed = if self.was_waited_for && is_waited_for {
            window.as_millis() as usize * STALL_RATE_WHEN_WAITED_FOR / 1000
        } else {
            1
        };
        let is_enough = self.taken >= needed;
        self.timer.as_mut().reset(Instant::now() + window);
        (self.taken, self.was_waited_for) = (0, is_waited_for);
        is_enough
    }
}
