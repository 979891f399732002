//! A session's outbox as the node makes it for a connection.

use cloverleaf_router::{Delivery, Outbox};
use cloverleaf_wamp::message::RouterMessage;

use crate::outbound::{Outbound, Pushed, Queued};

/// A router's message in a queue.
#[derive(Debug)]
pub struct Waiting(pub RouterMessage);

impl Queued for Waiting {
    fn size(&self) -> usize {
        1
    }

    fn may_be_refused(&self) -> bool {
        matches!(self.0, RouterMessage::Event(_) | RouterMessage::Invocation(_))
    }
}

/// The queue of a connection.
#[derive(Debug)]
pub(crate) struct Port(pub(crate) Outbound<Waiting>);

impl Outbox for Port {
    fn send(&self, message: RouterMessage) -> Delivery {
        match self.0.push(Waiting(message)) {
            Pushed::Queued => Delivery::Queued,
            Pushed::Congested => Delivery::Congested,
            Pushed::Gone => Delivery::Gone,
        }
    }
}
