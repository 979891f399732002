//! What has arrived for the procedures of a session and waits for its driver.
//!
//! Bounded: an invocation over the limit is answered `wamp.error.unavailable` at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::{self, ClientMessage, Options as _};
use cloverleaf_wamp::payload::Payload;

use crate::error::Failure;
use crate::exchange::{Ended, Exchanges, Key};
use crate::procedure::SharedProcedure;
use crate::register::RegistrationEntry;

/// The most invocations that wait or run in one session. An invocation holds its arguments; a
/// procedure that can't keep up should say so before memory does.
pub(crate) const MAX_INVOCATIONS: usize = 65_536;

/// The most bytes of details and arguments that wait or run in one session: few large invocations
/// cost as much as many small ones, and so do parts of calls. The one that reaches it is still
/// taken.
pub(crate) const MAX_INVOCATION_BYTES: usize = 64 * 1024 * 1024;

/// One step for the driver, in the order of arrival.
#[derive(Debug)]
pub(crate) enum Work {
    /// Run a procedure.
    Invoke(SharedProcedure, Box<Begun>),
    /// Send a message that answers what has arrived.
    Send(Box<ClientMessage>),
    /// Give a running one up.
    GiveUp(InvocationId, Reason),
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

/// An invocation that has arrived.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) invocation: message::Invocation,
    /// Where more will be said during it.
    pub(crate) exchange: Option<Key>,
    /// Bytes of its details and arguments.
    pub(crate) size: usize,
}

impl Begun {
    pub(crate) fn new(invocation: message::Invocation, exchange: Option<Key>) -> Self {
        let size = invocation.details.size() + invocation.payload.size();
        Self { invocation, exchange, size }
    }
}

/// Why a running procedure is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its caller or the clock has given the call up.
    Interrupted,
    /// It has not taken the parts of its call, and some are missing.
    Overflowed,
    /// A part of its result can't be sent; the router has been told.
    Unsendable,
}

impl Reason {
    /// What the router is still to be told.
    pub(crate) fn answer(self) -> Option<Failure> {
        match self {
            Self::Interrupted => Some(Failure::new(error_uri::CANCELED)),
            Self::Overflowed => {
                let text = "the parts of the call came faster than they were taken";
                Some(Failure::unavailable(text))
            }
            Self::Unsendable => None,
        }
    }
}

impl Work {
    /// Bytes of the invocation that waits with it.
    fn size(&self) -> usize {
        if let Self::Invoke(_, begun) = self { begun.size } else { 0 }
    }
}

/// Invocations that the driver has taken and not finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) invocations: usize,
    /// Of their details and arguments.
    pub(crate) bytes: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    work: VecDeque<Work>,
    /// Of the details and arguments of what waits.
    bytes: usize,
    waker: Option<Waker>,
    running: Load,
    /// Invocations during which more is said.
    pub(crate) exchanges: Exchanges,
}

impl Inbox {
    /// Adds work and returns the driver's waker; refuses an invocation when there are too many.
    pub(crate) fn push(&mut self, work: Work) -> Result<Option<Waker>, Work> {
        if matches!(work, Work::Invoke(..)) && self.is_full() {
            return Err(work);
        }
        self.bytes += work.size();
        self.work.push_back(work);
        Ok(self.waker.take())
    }

    fn is_full(&self) -> bool {
        self.work.len() + self.running.invocations >= MAX_INVOCATIONS || self.is_full_of_bytes()
    }

    const fn is_full_of_bytes(&self) -> bool {
        self.bytes + self.running.bytes + self.exchanges.bytes() >= MAX_INVOCATION_BYTES
    }

    /// Adds another part of a call. Returns whom to wake, and what has ended for want of room.
    pub(crate) fn push_part(
        &mut self,
        request: InvocationId,
        part: Payload,
        is_last: bool,
    ) -> (Option<Waker>, Option<Ended>) {
        let has_room = !self.is_full_of_bytes();
        match self.exchanges.add_part(request, part, is_last, has_room) {
            Ok(waker) => (waker, None),
            Err(ended) => {
                let work = Work::GiveUp(request, Reason::Overflowed);
                (self.push(work).ok().flatten(), Some(ended))
            }
        }
    }

    /// Nothing of what waits can be answered any more. Returns the driver's waker, and what was
    /// waiting, to be dropped outside of any lock.
    pub(crate) fn reset(&mut self) -> (Option<Waker>, VecDeque<Work>, Ended) {
        let outdated = self.take();
        self.work.push_back(Work::Reset);
        (self.waker.take(), outdated, self.exchanges.end_all())
    }

    /// Takes everything that waits.
    pub(crate) fn take(&mut self) -> VecDeque<Work> {
        self.bytes = 0;
        std::mem::take(&mut self.work)
    }

    /// Takes the next step, or remembers whom to wake for one.
    pub(crate) fn pop(&mut self, waker: &Waker) -> Option<Work> {
        let work = self.work.pop_front();
        match (&work, &mut self.waker) {
            (Some(work), _) => self.bytes -= work.size(),
            (None, Some(known)) => known.clone_from(waker),
            (None, none) => *none = Some(waker.clone()),
        }
        work
    }

    /// Says what the driver runs.
    pub(crate) const fn set_running(&mut self, running: Load) {
        self.running = running;
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
    use cloverleaf_wamp::message::{self, InvocationDetails, PassthruDetails};
    use cloverleaf_wamp::payload::Payload;

    use super::{Begun, Inbox, Load, MAX_INVOCATION_BYTES, Work};
    use crate::error::Failure;
    use crate::procedure::SharedProcedure;

    /// An invocation with so many bytes of arguments, or some more.
    fn invocation(bytes: usize) -> Work {
        invoke(Default::default(), Payload::from_text(&"x".repeat(bytes)))
    }

    fn invoke(details: InvocationDetails, payload: Payload) -> Work {
        let invocation = message::Invocation {
            request: InvocationId::new(1).expect("a number"),
            registration: RegistrationId::new(1).expect("a number"),
            details,
            payload,
        };
        let code = SharedProcedure::new(|| async { Ok::<_, Failure>(1) });
        Work::Invoke(code, Box::new(Begun::new(invocation, None)))
    }

    #[test]
    fn bytes_of_details_count_as_those_of_arguments() {
        let passthru = PassthruDetails {
            ppt_keyid: Some("x".repeat(MAX_INVOCATION_BYTES).into()),
            ..PassthruDetails::default()
        };
        let details = InvocationDetails {
            passthru: Some(Box::new(passthru)),
            ..InvocationDetails::default()
        };
        let mut inbox = Inbox::default();
        assert!(inbox.push(invoke(details, Payload::EMPTY)).is_ok());
        assert!(inbox.push(invocation(1)).is_err());
        assert!(inbox.pop(Waker::noop()).is_some());
        assert!(inbox.push(invocation(1)).is_ok());
    }

    #[test]
    fn invocations_are_refused_while_those_that_wait_hold_too_many_bytes() {
        let mut inbox = Inbox::default();
        assert!(inbox.push(invocation(MAX_INVOCATION_BYTES)).is_ok());
        assert!(inbox.push(invocation(1)).is_err());
        assert!(inbox.pop(Waker::noop()).is_some());
        assert!(inbox.push(invocation(1)).is_ok());
    }

    #[test]
    fn invocations_are_refused_while_those_that_run_hold_too_many_bytes() {
        let mut inbox = Inbox::default();
        inbox.set_running(Load { invocations: 1, bytes: MAX_INVOCATION_BYTES });
        assert!(inbox.push(invocation(1)).is_err());
        inbox.set_running(Load::default());
        assert!(inbox.push(invocation(1)).is_ok());
    }
}
