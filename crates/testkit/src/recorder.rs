//! The outbox of a test peer: records messages, or refuses them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cloverleaf_router::{CloseCause, Delivery, Outbox};
use cloverleaf_wamp::message::RouterMessage;

/// How a recorder answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutboxState {
    /// Records everything.
    #[default]
    Reading,
    /// Drops EVENT and INVOCATION, as the queue of a slow reader does.
    Dropping,
    /// Records everything, and reports that it is above its high-water mark.
    AboveHighWater,
    /// Refuses everything: the connection is closed.
    Closed,
}

/// A recorded outbox; its clones share the record.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    messages: Rc<RefCell<Vec<RouterMessage>>>,
    state: Rc<Cell<OutboxState>>,
    closed: Rc<RefCell<Option<String>>>,
    resumed: Rc<Cell<usize>>,
    /// Room for messages that can be delayed; `None` is unlimited.
    room: Rc<Cell<Option<usize>>>,
    /// The outbox was asked for room and had none.
    wants_room: Rc<Cell<bool>>,
}

impl Recorder {
    /// Takes the messages that were sent since the last call.
    pub fn take(&self) -> Vec<RouterMessage> {
        self.messages.take()
    }

    /// Changes the behaviour.
    pub fn set_state(&self, state: OutboxState) {
        self.state.set(state);
    }
}

impl Recorder {
    /// Number of resumptions since the last call.
    pub fn take_resumed(&self) -> usize {
        self.resumed.take()
    }

    /// Gives the outbox room for so many more messages that can be delayed. Returns whether a
    /// session waits for it.
    pub fn set_room(&self, room: usize) -> bool {
        self.room.set(Some(room));
        room > 0 && self.wants_room.take()
    }

    /// The reason for which its connection was closed, if it was.
    pub fn closed(&self) -> Option<String> {
        self.closed.borrow().clone()
    }
}

impl Outbox for Recorder {
    fn send(&self, message: RouterMessage) -> Delivery {
        let refusable = matches!(message, RouterMessage::Event(_) | RouterMessage::Invocation(_));
        match self.state.get() {
            OutboxState::Closed => return Delivery::Closed,
            OutboxState::Dropping if refusable => return Delivery::Dropped,
            OutboxState::Reading | OutboxState::Dropping | OutboxState::AboveHighWater => {}
        }
        let is_event = matches!(message, RouterMessage::Event(_));
        self.messages.borrow_mut().push(message);
        if is_event && self.state.get() == OutboxState::AboveHighWater {
            return Delivery::AboveHighWater;
        }
        Delivery::Queued
    }

    fn has_room(&self) -> bool {
        let Some(room) = self.room.get() else { return true };
        self.room.set(Some(room.saturating_sub(1)));
        self.wants_room.set(room == 0);
        room > 0
    }

    fn resume(&self) {
        self.resumed.set(self.resumed.get() + 1);
    }

    fn close(&self, _: CloseCause, reason: &str) {
        *self.closed.borrow_mut() = Some(reason.to_owned());
    }
}
