//! The outbox of a session, as the node makes it for a connection.

use cloverleaf_router::{CloseCause, Delivery, Outbox};
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::websocket::CloseCode;

pub(crate) use crate::outbound::SlowConsumer;
use crate::outbound::{OutboundSender, Overflow, Pushed, Queued};

/// A router's message in a queue.
#[derive(Debug)]
pub struct Waiting(pub RouterMessage);

impl Queued for Waiting {
    fn size(&self) -> usize {
        1
    }

    fn overflow(&self) -> Overflow {
        match self.0 {
            RouterMessage::Event(_) => Overflow::SlowConsumer,
            RouterMessage::Invocation(_) => Overflow::Reject,
            _ => Overflow::Disconnect,
        }
    }
}

/// The queue of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Port(pub(crate) Queue);

/// The queue type of a connection.
pub(crate) type Queue = OutboundSender<Waiting>;

impl Port {
    pub(crate) const fn outbound(&self) -> Option<&Queue> {
        Some(&self.0)
    }
}

impl Outbox for Port {
    fn send(&self, message: RouterMessage) -> Delivery {
        match self.0.push(Waiting(message)) {
            Pushed::Queued => Delivery::Queued,
            Pushed::AboveHighWater => Delivery::AboveHighWater,
            Pushed::Dropped => Delivery::Dropped,
            Pushed::Closed => Delivery::Closed,
        }
    }

    fn close(&self, _: CloseCause, reason: &str) {
        self.0.close(CloseCode::NORMAL, reason);
    }
}
