//! Delivery from a router in the same process. Returns the outcome of each message.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::message::RouterMessage;

use super::Session;
use crate::link::DeliveryOutcome;
use crate::waiting_events::WaitingEvents;

impl Session {
    /// Handles one message of a router in the same process, as
    /// [`handle_message`](Self::handle_message) does.
    ///
    /// EVENT is dropped above the [`InboundLimits`](crate::InboundLimits), INVOCATION above the
    /// limits of the driver's queue. Any other message is accepted; an ended session ignores it.
    pub fn deliver(&self, message: RouterMessage) -> DeliveryOutcome {
        self.receive(message, true)
    }

    /// Whether the events that wait for the application are below the session's high-water mark.
    /// If not, [`Link::room_returned`](crate::Link::room_returned) is called when there is room.
    pub fn has_room(&self) -> bool {
        self.shared().waiting_events.as_ref().is_none_or(|waiting| waiting.has_room())
    }

    /// Ready when the session is below its high-water mark or has ended.
    pub fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        match &self.shared().waiting_events {
            Some(waiting) => waiting.poll_room(context),
            None => Poll::Ready(()),
        }
    }

    /// Removes a task that waits in [`poll_room`](Self::poll_room).
    pub fn stop_waiting(&self, waker: &Waker) {
        if let Some(waiting) = &self.shared().waiting_events {
            waiting.stop_waiting(waker);
        }
    }

    /// The counter of waiting events, for a new subscription.
    pub(crate) fn waiting_events(&self) -> Option<Arc<WaitingEvents>> {
        self.shared().waiting_events.clone()
    }

    /// Wakes the tasks that wait for room, after events were taken. Called without any lock.
    pub(crate) fn announce_room(&self) {
        if let Some(waiting) = &self.shared().waiting_events {
            waiting.announce_room(&*self.shared().link);
        }
    }
}
