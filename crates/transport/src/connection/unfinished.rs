//! The watch over messages that have begun: the memory that they hold and the time that they take.
//!
//! A timer is set only when a message does not end in the turn in which it begins. The end of the
//! message does not stop the timer; progress is checked when the timer expires. So messages that
//! arrive in several reads cost no timer each.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::input_memory::{GivenUp, InputMemory, Reservation};
use crate::limits::{
    ConnectionLimits, MESSAGE_TIMEOUT, UNFINISHED_BYTES_PER_WINDOW, UNFINISHED_UNRESERVED,
    UNFINISHED_WINDOW,
};

/// The unfinished message of a connection, if any.
pub(super) struct Unfinished {
    memory: Arc<InputMemory>,
    watch: Option<Box<MessageWatch>>,
}

struct MessageWatch {
    /// The memory of a message above [`UNFINISHED_UNRESERVED`].
    reservation: Option<Reservation>,
    /// When the message began, moved by the time in which this side did not read.
    began: Instant,
    window_began: Instant,
    timer: Pin<Box<Sleep>>,
    /// Bytes that were read in this window.
    read: usize,
    /// Whether this side paused reading in this window.
    was_paused: bool,
    /// Whether the message is complete. The watch is kept for the next one.
    is_over: bool,
}

impl MessageWatch {
    /// Whether this window does not count as time of the message.
    const fn is_suspended(&self) -> bool {
        self.was_paused || self.is_over
    }
}

impl Unfinished {
    pub(super) const fn new(memory: Arc<InputMemory>) -> Self {
        Self { memory, watch: None }
    }

    /// Whether an unfinished message is being watched.
    pub(super) fn is_watching(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.is_over)
    }

    /// Starts the watch, unless it runs. `limits` are the default ones if none.
    pub(super) fn begin(&mut self, limits: Option<&ConnectionLimits>) {
        let window = window(limits);
        let Some(watch) = &mut self.watch else {
            let now = Instant::now();
            self.watch = Some(Box::new(MessageWatch {
                reservation: None,
                began: now,
                window_began: now,
                timer: Box::pin(sleep_until(now + window)),
                read: 0,
                was_paused: false,
                is_over: false,
            }));
            return;
        };
        if watch.is_over {
            let now = Instant::now();
            (watch.began, watch.window_began, watch.read) = (now, now, 0);
            (watch.was_paused, watch.is_over) = (false, false);
            if window < UNFINISHED_WINDOW {
                watch.timer.as_mut().reset(now + window);
            }
        }
    }

    /// The message is complete. `kept` bytes of it stay in memory.
    #[inline]
    pub(super) fn finish(&mut self, kept: usize) {
        if kept > 0 {
            return self.keep(kept);
        }
        if let Some(watch) = &mut self.watch {
            watch.is_over = true;
            watch.reservation = None;
        }
    }

    /// Counts the bytes of a complete message until [`Self::finish`] is called again.
    #[cold]
    fn keep(&mut self, bytes: usize) {
        self.begin(None);
        let Some(watch) = &mut self.watch else { return };
        watch.is_over = true;
        if watch.reservation.is_some() || bytes > UNFINISHED_UNRESERVED {
            let reservation = watch.reservation.get_or_insert_with(|| self.memory.reservation());
            reservation.hold_over(bytes);
        }
    }

    /// `read` bytes have arrived.
    #[inline]
    pub(super) fn count(&mut self, read: usize) {
        if let Some(watch) = &mut self.watch {
            watch.read += read;
            if let Some(reservation) = &mut watch.reservation {
                reservation.note_read(read);
            }
        }
    }

    /// The message is complete and waits for a permit. Its bytes count until [`Self::finish`].
    pub(super) fn park(&mut self, bytes: usize) {
        self.keep(bytes);
        self.set_parked(true);
    }

    /// The message starts or stops waiting for a permit of its thread.
    pub(super) fn set_parked(&self, is_parked: bool) {
        if let Some(reservation) = self.watch.as_ref().and_then(|watch| watch.reservation.as_ref())
        {
            reservation.set_parked(is_parked);
        }
    }

    /// Ready when the message may hold this many bytes.
    ///
    /// # Errors
    /// The message was given up for others. The connection has to end.
    pub(super) fn poll_hold(
        &mut self,
        bytes: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), GivenUp>> {
        let Some(watch) = &mut self.watch else { return Poll::Ready(Ok(())) };
        if watch.reservation.is_none() && bytes <= UNFINISHED_UNRESERVED {
            return Poll::Ready(Ok(()));
        }
        let reservation = watch.reservation.get_or_insert_with(|| self.memory.reservation());
        let held = reservation.poll_hold(bytes, context);
        watch.was_paused |= held.is_pending();
        held
    }

    /// Ready when the message takes too long, or other messages need its memory. `is_paused` is
    /// whether this side pauses reading now. `limits` are the default ones if none.
    pub(super) fn poll(
        &mut self,
        is_paused: bool,
        limits: Option<&ConnectionLimits>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(watch) = &mut self.watch else { return Poll::Pending };
        if let Some(reservation) = &watch.reservation
            && reservation.check(context).is_err()
        {
            return Poll::Ready(());
        }
        watch.was_paused |= is_paused;
        loop {
            ready!(watch.timer.as_mut().poll(context));
            if watch.is_over && watch.reservation.is_none() {
                self.watch = None;
                return Poll::Pending;
            }
            let now = Instant::now();
            let message_timeout = limits.map_or(MESSAGE_TIMEOUT, |limits| limits.message_timeout);
            if !watch.is_suspended() && now >= watch.began + message_timeout {
                return Poll::Ready(());
            }
            if now >= watch.window_began + window(limits) {
                if watch.is_suspended() {
                    watch.began += now - watch.window_began;
                } else if watch.read < UNFINISHED_BYTES_PER_WINDOW {
                    return Poll::Ready(());
                }
                (watch.window_began, watch.read, watch.was_paused) = (now, 0, is_paused);
            }
            let mut next = watch.window_began + window(limits);
            if !watch.is_suspended() {
                next = next.min(watch.began + message_timeout);
            }
            watch.timer.as_mut().reset(next);
        }
    }
}

/// The time between two checks of the progress of a message.
fn window(limits: Option<&ConnectionLimits>) -> Duration {
    limits.map_or(UNFINISHED_WINDOW, |limits| limits.message_timeout.min(UNFINISHED_WINDOW))
}
