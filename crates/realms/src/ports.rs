//! Where a realm's messages go: to a connection's queue, or to a session in this process.

use cloverleaf_client::Session;
use cloverleaf_router::{CloseCause, Delivery, Outbox};
pub use cloverleaf_transport::SlowConsumer;
use cloverleaf_transport::{OutboundSender, Pushed, WaitingMessage};
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::websocket::CloseCode;

/// What waits for a connection.
pub type Queue = OutboundSender<WaitingMessage>;

/// The outbox of one session.
#[derive(Debug)]
pub enum Port {
    /// A connection.
    Wire(Queue),
    /// A session in this process: a component or the HTTP bridge.
    Local(Session),
}

impl Port {
    /// The queue of its connection, if it has one.
    pub const fn outbound(&self) -> Option<&Queue> {
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
                Pushed::AboveHighWater => Delivery::AboveHighWater,
                Pushed::Dropped => Delivery::Dropped,
                Pushed::Closed => Delivery::Closed,
            },
            Self::Local(session) => {
                session.handle_message(message);
                Delivery::Queued
            }
        }
    }

    fn has_room(&self) -> bool {
        match self {
            Self::Wire(outbound) => outbound.has_room(),
            Self::Local(_) => true,
        }
    }

    fn resume(&self) {
        match self {
            Self::Wire(outbound) => outbound.resume(),
            // Sessions in this process never wait.
            Self::Local(_) => {}
        }
    }

    fn close(&self, cause: CloseCause, reason: &str) {
        let code = match cause {
            CloseCause::SessionOver => CloseCode::NORMAL,
            CloseCause::Shutdown => CloseCode::GOING_AWAY,
        };
        match self {
            Self::Wire(outbound) => outbound.close(code, reason),
            // A session in this process ends with GOODBYE, and has no connection.
            Self::Local(_) => {}
        }
    }
}
