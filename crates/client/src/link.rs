//! The way to the router, as the session sees it.

use std::task::{Context, Poll};

use cloverleaf_wamp::message::ClientMessage;
use thiserror::Error;

/// Why a link does not take a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The way to the router is gone.
    #[error("the connection to the router is closed")]
    Closed,
    /// The router does not read fast enough. A later message may be taken.
    #[error("the router does not read what it is sent fast enough")]
    Congested,
}

/// Takes messages to the router: a socket's queue, or a function call inside the router.
///
/// A link may call back into [`crate::Session::handle_message`] before it returns.
pub trait Link: Send + Sync + 'static {
    /// Takes one message, in the order of the calls. Never blocks. Only CALL, PUBLISH and YIELD
    /// with progress may be refused as [`SendError::Congested`].
    fn send(&self, message: ClientMessage) -> Result<(), SendError>;

    /// Ready when something that was refused can be tried again, or the way is gone. To be written
    /// for a link that refuses anything.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let _ = context;
        Poll::Ready(())
    }
}
