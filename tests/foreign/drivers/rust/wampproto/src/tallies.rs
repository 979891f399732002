//! Arriving items by id; a waiter can ask for a number of them.
//!
//! Not for answers: each of them belongs to one request.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The events of each subscription, or the interruptions of each registration.
pub(crate) struct Tallies<T>(RefCell<HashMap<i64, Tally<T>>>);

struct Tally<T> {
    sender: UnboundedSender<T>,
    receiver: Rc<Mutex<UnboundedReceiver<T>>>,
}

impl<T> Default for Tallies<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Default for Tally<T> {
    fn default() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { sender, receiver: Rc::new(Mutex::new(receiver)) }
    }
}

impl<T> Tallies<T> {
    pub(crate) fn add(&self, number: i64, thing: T) {
        // The receiver is kept beside the sender.
        let _ = self.0.borrow_mut().entry(number).or_default().sender.send(thing);
    }

    /// Takes the next `count` items.
    pub(crate) async fn take(&self, number: i64, count: usize) -> Vec<T> {
        let receiver = Rc::clone(&self.0.borrow_mut().entry(number).or_default().receiver);
        let mut taken = Vec::with_capacity(count);
        let mut receiver = receiver.lock().await;
        while taken.len() < count {
            taken.extend(receiver.recv().await);
        }
        taken
    }
}
