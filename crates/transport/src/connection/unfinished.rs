//! Messages that have begun: what they hold, and how long they take.
//!
//! A timer is set only when others have their turn before the end of a message. It is not stopped
//! by that end but looks back when it has run down, so that messages which come in several pieces
//! cost no timer each.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::input_memory::{GivenUp, InputMemory, Reservation};
use crate::limits::{
    MESSAGE_TIMEOUT, UNFINISHED_BYTES_PER_WINDOW, UNFINISHED_UNRESERVED, UNFINISHED_WINDOW,
};

/// See the [module](self).
pub(super) struct Unfinished {
    memory: Arc<InputMemory>,
    watch: Option<Box<Watch>>,
}

struct Watch {
    /// The memory of a longer message.
    reservation: Option<Reservation>,
    /// When the message has begun, without the time in which this side did not read.
    began: Instant,
    window_began: Instant,
    timer: Pin<Box<Sleep>>,
    /// Bytes that were read in this window.
    read: usize,
    /// This side did not read in this window.
    was_paused: bool,
    is_over: bool,
}

impl Unfinished {
    pub(super) const fn new(memory: Arc<InputMemory>) -> Self {
        Self { memory, watch: None }
    }

    /// Whether a message has begun that is watched over.
    pub(super) fn is_watching(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| !watch.is_over)
    }

    /// A message has begun, now or before.
    pub(super) fn begin(&mut self) {
        let Some(watch) = &mut self.watch else {
            let now = Instant::now();
            self.watch = Some(Box::new(Watch {
                reservation: None,
                began: now,
                window_began: now,
                timer: Box::pin(sleep_until(now + UNFINISHED_WINDOW)),
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
        }
    }

    /// The message has come to its end, and so many bytes of it are `kept`.
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

    /// Counts bytes of a message that has come to its end, until [`Self::finish`] is called again.
    #[cold]
    fn keep(&mut self, bytes: usize) {
        self.begin();
        let Some(watch) = &mut self.watch else { return };
        watch.is_over = true;
        if watch.reservation.is_some() || bytes > UNFINISHED_UNRESERVED {
            let reservation = watch.reservation.get_or_insert_with(|| self.memory.reservation());
            reservation.hold_over(bytes);
        }
    }

    /// Bytes were read.
    #[inline]
    pub(super) fn count(&mut self, read: usize) {
        if let Some(watch) = &mut self.watch {
            watch.read += read;
            if let Some(reservation) = &mut watch.reservation {
                reservation.note_read(read);
            }
        }
    }

    /// The message is complete and waits for its thread: its bytes count until [`Self::finish`].
    pub(super) fn park(&mut self, bytes: usize) {
        self.keep(bytes);
        self.set_waits_in_turn(true);
    }

    /// The message waits for its thread, or goes on after that.
    pub(super) fn set_waits_in_turn(&self, waits: bool) {
        if let Some(reservation) = self.watch.as_ref().and_then(|watch| watch.reservation.as_ref())
        {
            reservation.set_waits_in_turn(waits);
        }
    }

    /// Ready when the message may hold so many bytes.
    ///
    /// # Errors
    /// Others needed its memory; the connection has to end.
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

    /// Ready when the message takes too long, or others need its memory. `is_paused` is whether
    /// this side does not read now.
    pub(super) fn poll(&mut self, is_paused: bool, context: &mut Context<'_>) -> Poll<()> {
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
            if now >= watch.window_began + UNFINISHED_WINDOW {
                if watch.was_paused || watch.is_over {
                    watch.began += now - watch.window_began;
                } else if watch.read < UNFINISHED_BYTES_PER_WINDOW
                    || now >= watch.began + MESSAGE_TIMEOUT
                {
                    return Poll::Ready(());
                }
                (watch.window_began, watch.read, watch.was_paused) = (now, 0, is_paused);
            }
            watch.timer.as_mut().reset(watch.window_began + UNFINISHED_WINDOW);
        }
    }
}
