//! The session's connection to the router.

use std::task::{Context, Poll};

use cloverleaf_wamp::message::ClientMessage;
use thiserror::Error;

/// The reason why a link refuses a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The connection to the router is closed.
    #[error("the connection to the router is closed")]
    Closed,
    /// Backpressure: the router reads too slowly. A later message may be accepted.
    #[error("the router does not read what it is sent fast enough")]
    Congested,
}

/// The outcome of a message that the router has sent to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DeliveryOutcome {
    /// The session has accepted it.
    Accepted,
    /// The session has accepted it above its high-water mark: the publisher should wait for room.
    AboveHighWater,
    /// The session is full. Only EVENT and INVOCATION are dropped.
    Dropped,
    /// The session has ended.
    Closed,
}

/// Sends messages to the router: through a socket's queue, or as a function call inside the router.
///
/// [`Link::send`] may call [`Session::handle_message`](crate::Session::handle_message) before it
/// returns.
pub trait Link: Send + Sync + 'static {
    /// Sends one message; messages keep the order of the calls. Never blocks.
    ///
    /// # Errors
    /// [`SendError::Congested`] is allowed for CALL, PUBLISH and progressive YIELD only.
    fn send(&self, message: ClientMessage) -> Result<(), SendError>;

    /// Ready when a message that was refused as [`SendError::Congested`] can be tried again, or
    /// when the connection is closed. A link that never reports congestion keeps this default.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let _ = context;
        Poll::Ready(())
    }

    /// The session accepts events again after [`Session::has_room`](crate::Session::has_room) was
    /// false. Called without any lock of the session.
    fn room_returned(&self) {}

    /// The session has dropped an event that it had accepted, or has refused one. Called once, by
    /// the driver.
    fn events_lost(&self) {}
}
