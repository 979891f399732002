//! The outbox of a peer on the bench: keeps what it is sent, or refuses it as told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cloverleaf_router::{Delivery, Outbox};
use cloverleaf_wamp::message::RouterMessage;

/// What a recorder answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Takes everything.
    #[default]
    Reading,
    /// Refuses EVENT and INVOCATION, as the queue of a slow reader does.
    Congested,
    /// It takes everything, but has no room for more events.
    Crowded,
    /// Takes nothing any more.
    Gone,
}

/// One end of a recorded outbox; its clones share the record.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    messages: Rc<RefCell<Vec<RouterMessage>>>,
    state: Rc<Cell<State>>,
    closed: Rc<RefCell<Option<String>>>,
}

impl Recorder {
    /// Takes out what has been sent since the last look.
    pub fn take(&self) -> Vec<RouterMessage> {
        self.messages.take()
    }

    /// From now on the outbox answers like this.
    pub fn set_state(&self, state: State) {
        self.state.set(state);
    }
}

impl Recorder {
    /// Why its connection was closed, if it was.
    pub fn closed(&self) -> Option<String> {
        self.closed.borrow().clone()
    }
}

impl Outbox for Recorder {
    fn send(&self, message: RouterMessage) -> Delivery {
        let refusable = matches!(message, RouterMessage::Event(_) | RouterMessage::Invocation(_));
        match self.state.get() {
            State::Gone => return Delivery::Gone,
            State::Congested if refusable => return Delivery::Congested,
            State::Reading | State::Congested | State::Crowded => {}
        }
        let is_event = matches!(message, RouterMessage::Event(_));
        self.messages.borrow_mut().push(message);
        if is_event && self.state.get() == State::Crowded {
            return Delivery::Crowded;
        }
        Delivery::Queued
    }

    fn close(&self, reason: &str) {
        *self.closed.borrow_mut() = Some(reason.to_owned());
    }
}
