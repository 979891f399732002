//! Outboxes of sessions: the queue of a connection, or a session in this process.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_client::{DeliveryOutcome, Session};
use cloverleaf_router::{CloseCause, Delivery, Outbox};
pub use cloverleaf_transport::SlowConsumer;
use cloverleaf_transport::{OutboundSender, Pushed, WaitingMessage};
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::websocket::CloseCode;

use crate::resume_signal::ResumeSignal;

/// The queue of messages to a connection.
pub type ConnectionQueue = OutboundSender<WaitingMessage>;

/// The outbox of one session.
#[derive(Debug, Clone)]
pub enum Port {
    /// A connection.
    Wire(ConnectionQueue),
    /// A session in this process: a component or the HTTP bridge.
    Local(Arc<LocalPort>),
}

/// A session in this process, as its realm sends to it.
#[derive(Debug)]
pub struct LocalPort {
    /// The session.
    pub(crate) session: Session,
    /// Ends a pause of the session. None for an internal session, which is never paused.
    pub(crate) resumed: Option<Arc<ResumeSignal>>,
}

impl Port {
    /// Ready when the peer accepts events again, or its session has ended.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        match self {
            Self::Wire(outbound) => outbound.poll_room(context),
            Self::Local(port) => port.session.poll_room(context),
        }
    }

    /// Removes a task that waits in [`poll_room`](Self::poll_room).
    pub fn stop_waiting(&self, waker: &Waker) {
        match self {
            Self::Wire(outbound) => outbound.stop_waiting(waker),
            Self::Local(port) => port.session.stop_waiting(waker),
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
            Self::Local(port) => match port.session.deliver(message) {
                DeliveryOutcome::Accepted => Delivery::Queued,
                DeliveryOutcome::AboveHighWater => Delivery::AboveHighWater,
                DeliveryOutcome::Dropped => Delivery::Dropped,
                DeliveryOutcome::Closed => Delivery::Closed,
            },
        }
    }

    fn has_room(&self) -> bool {
        match self {
            Self::Wire(outbound) => outbound.has_room(),
            Self::Local(port) => port.session.has_room(),
        }
    }

    fn resume(&self) {
        match self {
            Self::Wire(outbound) => outbound.resume(),
            Self::Local(port) => {
                if let Some(resumed) = &port.resumed {
                    resumed.resume();
                }
            }
        }
    }

    fn close(&self, cause: CloseCause, reason: &str) {
        let code = match cause {
            CloseCause::SessionOver => CloseCode::NORMAL,
            CloseCause::Shutdown => CloseCode::GOING_AWAY,
        };
        match self {
            Self::Wire(outbound) => outbound.close(code, reason),
            Self::Local(port) => port.session.close(reason),
        }
    }
}
