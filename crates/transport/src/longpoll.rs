//! Long-polling without HTTP: a session without a connection, whose peer polls for its messages.
//!
//! A [`LongPollSession`] does what a [`Connection`](crate::Connection) does for a peer with a
//! socket. Its requests arrive one by one, on any thread. One short lock guards all state. Messages
//! set no timer: one future per session, [`LongPollSession::live`], checks all deadlines.
//!
//! ```text
//! Open ──(the handler or the queue closes gracefully)──▶ Closing ──(closed, not polled)──▶ Ended
//!   ├────(the queue is full)──▶ Draining ──(closing message received, or not polled)─────▶ Ended
//!   └────(closed, not polled, not opened in time)────────────────────────────────────────▶ Ended
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | `state` | the state of a session and its transitions |
//!
//! Spec: advanced profile "HTTP Longpoll Transport".

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use cloverleaf_wakes::DeferredWakes;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::CloseReason;
use crate::handler::{Flow, Handler};
use crate::outbound::OutboundReceiver;

mod state;

use state::LongPollState;
pub use state::{LongPollTimeouts, Received};

/// A long-poll session.
pub struct LongPollSession<H: Handler>(Mutex<LongPollState<H>>);

/// The session under its lock. Tasks are woken after the lock is released.
struct EnteredSession<'a, H: Handler> {
    state: MutexGuard<'a, LongPollState<H>>,
    _wakes: DeferredWakes,
}

impl<H: Handler> LongPollSession<H> {
    /// A session whose peer has sent nothing yet.
    pub fn new(
        handler: H,
        receiver: OutboundReceiver<H::Item>,
        timeouts: LongPollTimeouts,
    ) -> Self {
        Self(Mutex::new(LongPollState::new(handler, receiver, timeouts, Instant::now())))
    }

    fn enter(&self) -> EnteredSession<'_, H> {
        EnteredSession { state: self.0.lock(), _wakes: DeferredWakes::begin() }
    }

    /// Handles a message of the peer. Returns the handler's answer, or none if the session has
    /// ended.
    pub fn send(&self, message: &[u8]) -> Option<Flow> {
        self.enter().state.send(message)
    }

    /// Waits until the session takes another message, after [`Flow::Wait`]. Returns at once if the
    /// session has ended.
    pub async fn ready(&self) {
        poll_fn(|context| self.enter().state.poll_ready(context)).await;
    }

    /// Waits for the next message. The newest receive gets it; one that waits already ends empty.
    pub const fn receive(&self) -> Receive<'_, H> {
        Receive { session: self, number: None }
    }

    /// The peer closes the session.
    pub fn close(&self) {
        self.enter().state.end(&CloseReason::ByPeer);
    }

    /// Checks the deadlines of the session until it has ended. Must be awaited once.
    pub async fn live(&self) {
        let mut clock = pin!(sleep_until(Instant::now()));
        poll_fn(|context| self.poll_deadlines(clock.as_mut(), context)).await;
    }

    fn poll_deadlines(&self, mut clock: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = self.enter().state.check_deadlines(Instant::now(), context);
            let Some(next) = next else { return Poll::Ready(()) };
            clock.as_mut().reset(next);
            ready!(clock.as_mut().poll(context));
        }
    }
}

impl<H: Handler> Drop for LongPollSession<H> {
    fn drop(&mut self) {
        self.0.get_mut().end(&CloseReason::ByUs("the router ends".to_owned()));
    }
}

impl<H: Handler> std::fmt::Debug for LongPollSession<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LongPollSession").finish_non_exhaustive()
    }
}

/// The future of [`LongPollSession::receive`]. It takes a message only when it is ready, so
/// dropping it loses none.
#[must_use = "nothing is received unless it is polled"]
pub struct Receive<'a, H: Handler> {
    session: &'a LongPollSession<H>,
    /// The number of this receive in its session, once it waits.
    number: Option<u64>,
}

impl<H: Handler> Future for Receive<'_, H> {
    type Output = Received;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Received> {
        let mut entered = self.session.enter();
        let polled = entered.state.poll_receive(&mut self.number, context);
        drop(entered);
        polled
    }
}

impl<H: Handler> Drop for Receive<'_, H> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.session.enter().state.cancel_receive(number);
        }
    }
}

impl<H: Handler> std::fmt::Debug for Receive<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receive").field("number", &self.number).finish_non_exhaustive()
    }
}
