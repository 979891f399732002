//! The watch over a peer that has not taken everything it was sent.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Connection;
use crate::error::CloseReason;
use crate::handler::Handler;
use crate::limits::STALL_RATE_WHEN_WAITED_FOR;

/// Counts what the peer takes in a window of
/// [`stall_timeout`](crate::limits::ConnectionLimits::stall_timeout).
#[derive(Debug)]
pub(super) struct Stall {
    timer: Pin<Box<Sleep>>,
    /// Bytes that the peer has taken in this window.
    pub(super) taken: usize,
    /// Whether a publisher waited for the peer when the window began.
    was_waited_for: bool,
}

impl<H: Handler> Connection<H> {
    /// Starts the watch, unless it runs.
    pub(super) fn watch_stall(&mut self) {
        if self.stall.is_none() {
            let window_end = Instant::now() + self.limits().stall_timeout;
            self.stall = Some(Box::new(Stall {
                timer: Box::pin(sleep_until(window_end)),
                taken: 0,
                was_waited_for: self.receiver.is_waited_for(),
            }));
        }
    }

    /// Ready when the peer has taken too little for too long. Progress does not stop the timer; it
    /// is checked when the timer expires. So writing costs no timer.
    pub(super) fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        while let Some(stall) = &mut self.stall {
            ready!(stall.timer.as_mut().poll(context));
            if self.unsent_len() == 0 {
                self.stall = None;
                return Poll::Pending;
            }
            let window = self.limits().stall_timeout;
            let is_waited_for = self.receiver.is_waited_for();
            let Some(stall) = &mut self.stall else { break };
            // The rate applies if a publisher waited when the window began and waits at its end.
            let needed = if stall.was_waited_for && is_waited_for {
                window.as_millis() as usize * STALL_RATE_WHEN_WAITED_FOR / 1000
            } else {
                1
            };
            if stall.taken < needed {
                return Poll::Ready(CloseReason::SlowConsumer);
            }
            stall.timer.as_mut().reset(Instant::now() + window);
            (stall.taken, stall.was_waited_for) = (0, is_waited_for);
        }
        Poll::Pending
    }
}
