//! The way to the router, as the session sees it.

use cloverleaf_wamp::message::ClientMessage;
use thiserror::Error;

/// The way to the router is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection to the router is closed")]
pub struct LinkClosed;

/// Takes messages to the router: a socket's queue, or a function call inside the router.
///
/// A link may call back into [`crate::Session::handle_message`] before it returns.
pub trait Link: Send + Sync + 'static {
    /// Takes one message, in the order of the calls. Never blocks.
    fn send(&self, message: ClientMessage) -> Result<(), LinkClosed>;
}
