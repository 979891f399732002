//! Sends the session's messages through the queue of the current connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use cloverleaf_transport::{OutboundSender, Pushed};
use cloverleaf_wamp::message::ClientMessage;
use parking_lot::Mutex;

use crate::link::{Link, SendError};

/// The link of a session over sockets.
#[derive(Debug, Clone, Default)]
pub(super) struct SocketLink(Arc<Route>);

#[derive(Debug, Default)]
struct Route {
    /// The queue of the connection that has joined last.
    outbound: Mutex<Option<OutboundSender<ClientMessage>>>,
    goodbye_sent: AtomicBool,
}

impl SocketLink {
    /// Sends further messages through this queue.
    pub(super) fn attach(&self, outbound: OutboundSender<ClientMessage>) {
        *self.0.outbound.lock() = Some(outbound);
    }

    /// Whether the session has sent GOODBYE.
    pub(super) fn goodbye_sent(&self) -> bool {
        self.0.goodbye_sent.load(Ordering::Relaxed)
    }
}

impl Link for SocketLink {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        if matches!(message, ClientMessage::Goodbye(_)) {
            self.0.goodbye_sent.store(true, Ordering::Relaxed);
        }
        let pushed = match &*self.0.outbound.lock() {
            Some(outbound) => outbound.push(message),
            None => Pushed::Closed,
        };
        match pushed {
            Pushed::Queued | Pushed::AboveHighWater => Ok(()),
            Pushed::Dropped => Err(SendError::Congested),
            Pushed::Closed => Err(SendError::Closed),
        }
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        match &*self.0.outbound.lock() {
            Some(outbound) => outbound.poll_room(context),
            None => Poll::Ready(()),
        }
    }
}
