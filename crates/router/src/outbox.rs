//! The only way out of a realm: one outbox for each session.
//!
//! What stands behind it (a socket's queue, a component's inbox, a test's list) is not known here.

use cloverleaf_wamp::message::RouterMessage;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// It will be delivered, in the order of sending.
    Queued,
    /// It will be delivered, but the peer reads too slowly: whoever publishes to it should wait.
    AboveHighWater,
    /// The peer reads too slowly: the message was refused, nothing else has changed. Only EVENT and
    /// INVOCATION are refused; for anything else the connection of such a peer ends instead.
    Dropped,
    /// The peer is gone or going; the host will detach its session.
    Closed,
}

impl Delivery {
    /// Whether the message will be delivered.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Queued | Self::AboveHighWater)
    }
}

/// One session's way out.
pub trait Outbox {
    /// Takes a message for the session's peer. Never blocks, and never calls back into the realm.
    fn send(&self, message: RouterMessage) -> Delivery;

    /// Whether the peer takes more of what can be sent later. Where not, the host calls
    /// [`Realm::handle_room`](crate::Realm::handle_room) when it does.
    fn has_room(&self) -> bool {
        true
    }

    /// Ends the pause that [`SessionFlow::Wait`](crate::SessionFlow::Wait) began: the peer may send
    /// more.
    fn resume(&self) {}

    /// Closes the peer's connection behind what was sent.
    fn close(&self, cause: CloseCause, reason: &str);
}

/// The conditions under which a session that was told to
/// [wait](crate::SessionFlow::Wait) goes on.
#[derive(Debug)]
pub struct WaitConditions<'a, O> {
    /// Outboxes of subscribers: each must have room for what the session publishes.
    pub congested: Vec<&'a O>,
    /// Its own outbox must be [resumed](Outbox::resume).
    pub until_resumed: bool,
}

/// Why a realm closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCause {
    /// The session is over, and its client does not close the connection.
    SessionOver,
    /// The router ends. Clients should connect again.
    Shutdown,
}
