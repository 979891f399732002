//! The session's way into the queue of its connection, whichever that is at the moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use cloverleaf_transport::{Outbound, Pushed};
use cloverleaf_wamp::message::ClientMessage;
use parking_lot::Mutex;

use crate::link::{Link, SendError};

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct SocketLink(Arc<Route>);

#[derive(Debug, Default)]
struct Route {
    /// The queue of the connection that has joined last.
    outbound: Mutex<Option<Outbound<ClientMessage>>>,
    said_goodbye: AtomicBool,
}

impl SocketLink {
    /// From now on messages go there.
    pub(super) fn attach(&self, outbound: Outbound<ClientMessage>) {
        *self.0.outbound.lock() = Some(outbound);
    }

    /// Whether the session has said GOODBYE.
    pub(super) fn said_goodbye(&self) -> bool {
        self.0.said_goodbye.load(Ordering::Relaxed)
    }
}

impl Link for SocketLink {
    fn send(&self, message: ClientMessage) -> Result<(), SendError> {
        if matches!(message, ClientMessage::Goodbye(_)) {
            self.0.said_goodbye.store(true, Ordering::Relaxed);
        }
        let pushed = match &*self.0.outbound.lock() {
            Some(outbound) => outbound.push(message),
            None => Pushed::Gone,
        };
        match pushed {
            Pushed::Queued | Pushed::Crowded => Ok(()),
            Pushed::Congested => Err(SendError::Congested),
            Pushed::Gone => Err(SendError::Closed),
        }
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        match &*self.0.outbound.lock() {
            Some(outbound) => outbound.poll_room(context),
            None => Poll::Ready(()),
        }
    }
}
