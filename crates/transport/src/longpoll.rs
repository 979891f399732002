//! A session whose peer has no connection and comes for its messages: long-polling without HTTP.
//!
//! What a [`Connection`](crate::Connection) does for a peer with a socket is done here for one
//! whose requests arrive one by one, on whichever threads. Everything stands under one short lock,
//! and no message sets a clock: one future a session looks at it now and then, see
//! [`LongPollSession::live`].
//!
//! ```text
//! Open ──(its handler or its queue ends it in peace)──▶ Closing ──(closed or unpolled)──▶ Ended
//!   ├─────(a full queue; its handler has ended)─────▶ Draining ──(told why, or unpolled)─▶ Ended
//!   └────────────(closed, unpolled, not opened in time)─────────────────────────────────▶ Ended
//! ```
//!
//! Spec: advanced profile "HTTP Longpoll Transport".

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cloverleaf_wakes::DeferredWakes;
use parking_lot::{Mutex, MutexGuard};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::{Flow, Handler};
use crate::error::CloseReason;
use crate::outbound::OutboundReceiver;

mod state;

use state::LongPollState;

/// How long a session waits for its peer, and its peer for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongPollTimeouts {
    /// How long a receive waits for a message.
    pub receive: Duration,
    /// How long a session is kept when nobody receives.
    pub session: Duration,
}

/// What a receive brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The next message.
    Message(Vec<u8>),
    /// None came, or another receive has taken this one's place.
    Nothing,
    /// The session is over, and everything has been received.
    Ended,
}

/// See the [module](self).
pub struct LongPollSession<H: Handler>(Mutex<LongPollState<H>>);

/// The session while it is entered. Whoever is woken for what happened finds its lock free.
struct Entered<'a, H: Handler> {
    state: MutexGuard<'a, LongPollState<H>>,
    _wakes: DeferredWakes,
}

impl<H: Handler> LongPollSession<H> {
    /// A session whose peer has said nothing yet.
    pub fn new(
        handler: H,
        receiver: OutboundReceiver<H::Item>,
        timeouts: LongPollTimeouts,
    ) -> Self {
        Self(Mutex::new(LongPollState::new(handler, receiver, timeouts, Instant::now())))
    }

    fn enter(&self) -> Entered<'_, H> {
        Entered { state: self.0.lock(), _wakes: DeferredWakes::begin() }
    }

    /// Takes a message of the peer and says what the handler says to it; none: the session is over.
    pub fn send(&self, message: &[u8]) -> Option<Flow> {
        self.enter().state.send(message)
    }

    /// Waits until the handler takes another message, after [`Flow::Wait`]. A session that is over
    /// keeps nobody waiting.
    pub async fn ready(&self) {
        poll_fn(|context| self.enter().state.poll_ready(context)).await;
    }

    /// Waits for the next message. The newest receive has it; one that waits already is ended.
    pub const fn receive(&self) -> Receive<'_, H> {
        Receive { session: self, number: None }
    }

    /// The peer closes the session.
    pub fn close(&self) {
        self.enter().state.end(&CloseReason::ByPeer);
    }

    /// Watches over the session until it has ended. Somebody must await this, once.
    pub async fn live(&self) {
        let mut clock = pin!(sleep_until(Instant::now()));
        poll_fn(|context| self.poll_life(clock.as_mut(), context)).await;
    }

    fn poll_life(&self, mut clock: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = self.enter().state.look(Instant::now(), context);
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

/// The future of [`LongPollSession::receive`]. A message is taken at its very end: dropping it loses none.
#[must_use = "nothing is received unless it is polled"]
pub struct Receive<'a, H: Handler> {
    session: &'a LongPollSession<H>,
    /// Which receive of the session this is, from when it waits on.
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
            self.session.enter().state.give_up(number);
        }
    }
}

impl<H: Handler> std::fmt::Debug for Receive<'_, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receive").field("number", &self.number).finish_non_exhaustive()
    }
}
