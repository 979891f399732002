//! Where a realm's messages go: to a connection's queue, or to a session in this process.

use cloverleaf_client::Session;
use cloverleaf_router::{Delivery, Outbox};
pub(crate) use cloverleaf_transport::SlowConsumer;
use cloverleaf_transport::{Outbound, Pushed, WaitingMessage};
use cloverleaf_wamp::message::RouterMessage;

/// What waits for a connection.
pub(crate) type Queue = Outbound<WaitingMessage>;

/// The outbox of one session.
#[derive(Debug)]
pub(crate) enum Port {
    /// A connection.
    Wire(Queue),
    /// A session in this process: a component or the HTTP bridge.
    Local(Session),
}

impl Port {
    /// The queue of its connection, if it has one.
    pub(crate) const fn outbound(&self) -> Option<&Queue> {
        match self {
            Self::Wire(outbound) => Some(outbound),
            Self::Local(_) => None,
        }
    }
}

impl Outbox for Port {
    fn send(&self, message: RouterMessage) -> Delivery {
        match self {
            Self::Wire(outbound) => match outbound.push(message.into()) {
                Pushed::Queued => Delivery::Queued,
                Pushed::Crowded => Delivery::Crowded,
                Pushed::Congested => Delivery::Congested,
                Pushed::Gone => Delivery::Gone,
            },
            Self::Local(session) => {
                session.handle_message(message);
                Delivery::Queued
            }
        }
    }

    fn close(&self, reason: &str) {
        match self {
            Self::Wire(outbound) => outbound.close(reason),
            // A session in this process ends with GOODBYE, and has no connection.
            Self::Local(_) => {}
        }
    }
}
