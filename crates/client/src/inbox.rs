//! The queue between a session, which receives messages, and its driver, which runs procedures.
//!
//! Bounded: an invocation above the limit is refused. Over a socket it is answered with
//! `wamp.error.unavailable` at once; inside the router the dealer learns it from
//! [`Session::deliver`](crate::Session::deliver).

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use cloverleaf_wakes::WakerSlot;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::ClientMessage;
use cloverleaf_wamp::payload::Payload;

use crate::error::Failure;
use crate::procedure::SharedProcedure;
use crate::progressive_invocation::{EndedInvocations, ProgressiveInvocations};
use crate::queued_invocation::QueuedInvocation;
use crate::registration_entry::RegistrationEntry;

/// Maximum number of queued and running invocations of one session. Each holds its arguments, so a
/// callee that cannot keep up refuses calls before it runs out of memory.
pub(crate) const MAX_INVOCATIONS: usize = 65_536;

/// Maximum bytes of details and arguments of queued and running invocations of one session,
/// progressive arguments included: a few large invocations cost as much as many small ones. The
/// invocation that exceeds the limit is still accepted.
pub(crate) const MAX_INVOCATION_BYTES: usize = 64 * 1024 * 1024;

/// One step of the driver; steps keep the order of arrival.
#[derive(Debug)]
pub(crate) enum DriverWork {
    /// Start a procedure.
    Invoke(SharedProcedure, Box<QueuedInvocation>),
    /// Send an answer to a message of the router.
    Send(Box<ClientMessage>),
    /// Stop a running procedure.
    StopProcedure(InvocationId, StopReason),
    /// Send UNREGISTER for a registration without a handle, and drop its procedure.
    Unregister(RegistrationId, Arc<RegistrationEntry>),
    /// Send UNSUBSCRIBE for a subscription without a handle.
    Unsubscribe(SubscriptionId),
    /// Report to the link that an event was dropped.
    ReportLoss,
    /// Drop procedures. They are the application's code, which runs in the driver alone.
    Release(Vec<Arc<RegistrationEntry>>),
    /// The connection is lost: stop all procedures.
    Reset,
    /// The session has ended: stop all procedures and the driver.
    End,
}

/// The reason why a running procedure is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// INTERRUPT: the call was canceled or has timed out.
    Interrupted,
    /// The procedure did not take the progressive arguments in time, and some are missing.
    Overflowed,
    /// A progressive result could not be sent. The router has received ERROR for the invocation.
    Unsendable,
}

impl StopReason {
    /// The failure to send to the router, if any.
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

impl DriverWork {
    /// Bytes of details and arguments of a queued invocation.
    fn invocation_bytes(&self) -> usize {
        if let Self::Invoke(_, queued) = self { queued.size } else { 0 }
    }
}

/// The invocations that the driver has started and not finished.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DriverLoad {
    pub(crate) invocations: usize,
    /// Bytes of their details and arguments.
    pub(crate) bytes: usize,
}

/// The work of one session's driver.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    work: VecDeque<DriverWork>,
    /// Bytes of details and arguments of queued invocations.
    bytes: usize,
    waker: WakerSlot,
    running: DriverLoad,
    pub(crate) progressive: ProgressiveInvocations,
}

impl Inbox {
    /// Queues work and returns the driver's waker. Returns the work as an error if it is an
    /// invocation above the limits.
    pub(crate) fn push(&mut self, work: DriverWork) -> Result<Option<Waker>, DriverWork> {
        if matches!(work, DriverWork::Invoke(..)) && self.is_full() {
            return Err(work);
        }
        self.bytes += work.invocation_bytes();
        self.work.push_back(work);
        Ok(self.waker.take())
    }

    /// Whether an invocation would be refused.
    pub(crate) fn is_full(&self) -> bool {
        self.work.len() + self.running.invocations >= MAX_INVOCATIONS || self.is_full_of_bytes()
    }

    const fn is_full_of_bytes(&self) -> bool {
        self.bytes + self.running.bytes + self.progressive.bytes() >= MAX_INVOCATION_BYTES
    }

    /// Adds progressive arguments. Returns the waker to call, and the invocation that has ended
    /// because there was no room.
    pub(crate) fn push_args(
        &mut self,
        request: InvocationId,
        args: Payload,
        is_last: bool,
    ) -> (Option<Waker>, Option<EndedInvocations>) {
        let has_room = !self.is_full_of_bytes();
        match self.progressive.add_args(request, args, is_last, has_room) {
            Ok(waker) => (waker, None),
            Err(ended) => {
                let work = DriverWork::StopProcedure(request, StopReason::Overflowed);
                (self.push(work).ok().flatten(), Some(ended))
            }
        }
    }

    /// Replaces the queued work by [`DriverWork::Reset`] when the connection is lost. Returns the
    /// driver's waker, and the old work, to be dropped outside of any lock.
    pub(crate) fn reset(&mut self) -> (Option<Waker>, VecDeque<DriverWork>, EndedInvocations) {
        let outdated = self.take();
        self.work.push_back(DriverWork::Reset);
        (self.waker.take(), outdated, self.progressive.end_all())
    }

    /// Takes all queued work.
    pub(crate) fn take(&mut self) -> VecDeque<DriverWork> {
        self.bytes = 0;
        std::mem::take(&mut self.work)
    }

    /// Takes the next step, or registers the driver's waker.
    pub(crate) fn pop(&mut self, context: &Context<'_>) -> Option<DriverWork> {
        let work = self.work.pop_front();
        match &work {
            Some(work) => self.bytes -= work.invocation_bytes(),
            None => self.waker.register(context),
        }
        work
    }

    /// Updates the load of the driver.
    pub(crate) const fn set_running(&mut self, running: DriverLoad) {
        self.running = running;
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
    use cloverleaf_wamp::message::{self, InvocationDetails, PassthruDetails};
    use cloverleaf_wamp::payload::Payload;

    use super::{DriverLoad, DriverWork, Inbox, MAX_INVOCATION_BYTES};
    use crate::error::Failure;
    use crate::procedure::SharedProcedure;
    use crate::queued_invocation::QueuedInvocation;

    /// An invocation with at least this many bytes of arguments.
    fn invocation(bytes: usize) -> DriverWork {
        invoke(Default::default(), Payload::from_text(&"x".repeat(bytes)))
    }

    fn invoke(details: InvocationDetails, payload: Payload) -> DriverWork {
        let invocation = message::Invocation {
            request: InvocationId::new(1).expect("a number"),
            registration: RegistrationId::new(1).expect("a number"),
            details,
            payload,
        };
        let code = SharedProcedure::new(|| async { Ok::<_, Failure>(1) });
        DriverWork::Invoke(code, Box::new(QueuedInvocation::new(invocation, None)))
    }

    #[test]
    fn the_byte_limit_counts_details_and_arguments() {
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
        assert!(inbox.pop(&Context::from_waker(Waker::noop())).is_some());
        assert!(inbox.push(invocation(1)).is_ok());
    }

    #[test]
    fn invocations_are_refused_while_queued_ones_exceed_the_byte_limit() {
        let mut inbox = Inbox::default();
        assert!(inbox.push(invocation(MAX_INVOCATION_BYTES)).is_ok());
        assert!(inbox.push(invocation(1)).is_err());
        assert!(inbox.pop(&Context::from_waker(Waker::noop())).is_some());
        assert!(inbox.push(invocation(1)).is_ok());
    }

    #[test]
    fn invocations_are_refused_while_running_ones_exceed_the_byte_limit() {
        let mut inbox = Inbox::default();
        inbox.set_running(DriverLoad { invocations: 1, bytes: MAX_INVOCATION_BYTES });
        assert!(inbox.push(invocation(1)).is_err());
        inbox.set_running(DriverLoad::default());
        assert!(inbox.push(invocation(1)).is_ok());
    }
}
