//! The output of a realm: one outbox for each session.
//!
//! The implementation behind it (the queue of a socket, the inbox of a component, a test's list) is
//! the host's.

use cloverleaf_wamp::message::RouterMessage;

/// The outcome of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Delivery {
    /// It will be delivered, in the order of sending.
    Queued,
    /// It will be delivered, but the queue of the peer is above its high-water mark: publishers
    /// should wait before they send more.
    AboveHighWater,
    /// The peer reads too slowly: the message was dropped. Only EVENT and INVOCATION are dropped;
    /// for any other message the connection of the peer is closed instead.
    Dropped,
    /// The connection of the peer is closed or closing; the host will detach its session.
    Closed,
}

impl Delivery {
    /// Whether the message will be delivered.
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Queued | Self::AboveHighWater)
    }
}

/// The output of one session.
pub trait Outbox {
    /// Sends a message to the session's peer. Never blocks, and never calls the realm.
    fn send(&self, message: RouterMessage) -> Delivery;

    /// Whether the peer takes more retained events now. If not, the host calls
    /// [`Realm::handle_room`](crate::Realm::handle_room) when it does.
    fn has_room(&self) -> bool {
        true
    }

    /// Ends the pause that [`SessionFlow::Wait`](crate::SessionFlow::Wait) began: the peer may send
    /// more.
    fn resume(&self) {}

    /// Closes the peer's connection after everything that was sent.
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
    /// The session has ended, and its client does not close the connection.
    SessionOver,
    /// The router shuts down. Clients should connect again.
    Shutdown,
}
