//! What has arrived for the procedures of a session and waits for its driver.
//!
//! Bounded: an invocation over the limit is answered `wamp.error.unavailable` at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use cloverleaf_wamp::ids::{InvocationId, RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::ClientMessage;

use crate::procedure::{Invocation, SharedProcedure};
use crate::register::RegistrationEntry;

/// The most invocations that wait or run in one session. An invocation holds its arguments; a
/// procedure that can't keep up should say so before memory does.
pub(crate) const MAX_INVOCATIONS: usize = 65_536;

/// One step for the driver, in the order of arrival.
#[derive(Debug)]
pub(crate) enum Work {
    /// Run a procedure.
    Invoke(SharedProcedure, Box<Invocation>),
    /// Send a message that answers what has arrived.
    Send(Box<ClientMessage>),
    /// Give a running one up.
    Interrupt(InvocationId),
    /// End a registration that nobody waits for any more, and drop it.
    Unregister(RegistrationId, Arc<RegistrationEntry>),
    /// End a subscription that nobody waits for any more.
    Unsubscribe(SubscriptionId),
    /// Drop what is the application's: its code runs in the driver and nowhere else.
    Release(Vec<Arc<RegistrationEntry>>),
    /// The connection is lost: give all running ones up.
    Reset,
    /// The session has ended: give all of them up.
    Stop,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    work: VecDeque<Work>,
    waker: Option<Waker>,
    /// How many invocations the driver has taken and not finished.
    running: usize,
}

impl Inbox {
    /// Adds work and returns the driver's waker; refuses an invocation when there are too many.
    pub(crate) fn push(&mut self, work: Work) -> Result<Option<Waker>, Work> {
        if matches!(work, Work::Invoke(..)) && self.work.len() + self.running >= MAX_INVOCATIONS {
            return Err(work);
        }
        self.work.push_back(work);
        Ok(self.waker.take())
    }

    /// Nothing of what waits can be answered any more. Returns the driver's waker, and what was
    /// waiting, to be dropped outside of any lock.
    pub(crate) fn reset(&mut self) -> (Option<Waker>, VecDeque<Work>) {
        let outdated = self.take();
        self.work.push_back(Work::Reset);
        (self.waker.take(), outdated)
    }

    /// Takes everything that waits.
    pub(crate) fn take(&mut self) -> VecDeque<Work> {
        std::mem::take(&mut self.work)
    }

    /// Takes the next step, or remembers whom to wake for one.
    pub(crate) fn pop(&mut self, waker: &Waker) -> Option<Work> {
        let work = self.work.pop_front();
        if work.is_none() {
            match &mut self.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
        work
    }

    /// Says how many invocations the driver runs.
    pub(crate) fn set_running(&mut self, running: usize) {
        self.running = running;
    }
}
