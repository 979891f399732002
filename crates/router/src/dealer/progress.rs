//! Progressive calls and progressive results.
//!
//! Spec: advanced profile "Progressive Call Results", "Progressive Call Invocations".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::message::{
    Call, CallResult, Invocation, InvocationDetails, PassthruDetails, ResultDetails, RouterMessage,
    Yield,
};
use cloverleaf_wamp::uri::UncheckedUri;

use super::answer::{CallEnding, identity};
use super::endpoint::{Endpoint, Registration};
use super::pending_invocation::PendingInvocation;
use super::{Assignment, CallKey, Dealer, TimeLimit};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::{Delivery, Outbox};
use crate::session::{SessionKey, Sessions};
use crate::validation::{PayloadKind, SchemasId};

/// The state of a call that is progressive or has progressive results.
#[derive(Debug)]
pub(super) struct ProgressiveState {
    procedure: UncheckedUri,
    /// The details of further parts, as those of the first one, while the caller may send more.
    next: Option<InvocationDetails>,
    /// The schemas that every part is validated against.
    schemas: Option<SchemasId>,
}

impl ProgressiveState {
    /// The state of a call that is sent to an endpoint, if further parts follow.
    pub(super) fn begun<O>(
        pending: &PendingInvocation,
        registration: &Registration,
        endpoint: &Endpoint,
        sessions: &Sessions<O>,
    ) -> Option<Box<Self>> {
        pending.is_open().then(|| {
            let next = Some(pending.details(registration, endpoint, sessions));
            Box::new(Self { procedure: pending.procedure.clone(), next, schemas: pending.schemas })
        })
    }

    /// Bytes that are kept for further parts; 0 if none follows.
    pub(super) fn bytes_for_parts(&self) -> usize {
        let procedure = self.procedure.heap_size();
        self.next.as_ref().map_or(0, |details| size_of::<Self>() + procedure + details.heap_size())
    }

    /// The state of a call whose progressive results have begun.
    fn results() -> Self {
        Self { procedure: UncheckedUri::default(), next: None, schemas: None }
    }
}

impl Dealer {
    /// Handles a CALL with the request id of a call in flight: its next part, or a violation.
    pub(crate) fn continue_call<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        part: Call,
    ) -> Result<(), ProtocolViolation> {
        let in_use = ProtocolViolation::RequestIdInUse(part.request.number());
        let Some(call) = self.calls.get_mut(key.0) else { return Ok(()) };
        let Some(progressive) = call.progressive.as_deref_mut() else { return Err(in_use) };
        if progressive.procedure != part.procedure {
            return Err(in_use);
        }
        let Some(details) = progressive.next.as_ref() else { return Err(in_use) };
        let mut details = details.clone();
        // The callee gets the details of the first part, which must fit the payload.
        if part.payload.is_transparent()
            && !details.passthru.as_deref().is_some_and(PassthruDetails::is_transparent)
        {
            return Err(ProtocolViolation::Feature(
                "CALL with a binary in the place of the arguments: the first part of the call has \
                 no enc_algo",
            ));
        }
        let (kind, passthru) =
            (PayloadKind::call(part.options.progress), details.passthru.as_deref());
        let schemas = progressive.schemas;
        if let Err(failure) = self.validation.check(schemas, kind, &part.payload, passthru) {
            self.give_up_parts(sessions, key, failure);
            return Ok(());
        }
        // A callee that could not take a part must not take the next one for it.
        let (Assignment::One(invoked), id) = (&call.assignment, call.registration) else {
            return Ok(());
        };
        let invoked = *invoked;
        let is_last = part.options.progress != Some(true);
        if is_last {
            details.progress = None;
            let bytes = progressive.bytes_for_parts();
            *progressive = ProgressiveState::results();
            self.release(sessions, key, bytes);
        }
        let invocation = Invocation {
            request: invoked.invocation,
            registration: id,
            details,
            payload: part.payload,
        };
        let Some(callee) = sessions.at(invoked.callee).filter(|callee| !callee.is_closing) else {
            return Ok(());
        };
        let failure = match callee.outbox.send(RouterMessage::Invocation(invocation)) {
            Delivery::Queued | Delivery::AboveHighWater => return Ok(()),
            Delivery::Dropped => RequestFailure::CalleeCongested,
            Delivery::Closed => RequestFailure::CalleeGone,
        };
        self.give_up_parts(sessions, key, failure);
        Ok(())
    }

    /// Ends a call of which a part does not reach its callee. The callee has other parts and waits
    /// for more, so that it is interrupted.
    pub(crate) fn give_up_parts<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        failure: RequestFailure,
    ) {
        self.interrupt_all(sessions, key, error_uri::CANCELED);
        self.end(sessions, key, CallEnding::Refused(failure));
    }

    /// Whether the caller accepts progressive results.
    pub(super) fn receives_progress(&self, key: CallKey) -> bool {
        self.calls.get(key.0).is_some_and(|call| call.receive_progress)
    }

    /// Forwards a progressive result to a caller that accepts them.
    pub(super) fn yielded_part<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        callee: SessionKey,
        key: CallKey,
        part: Yield,
        now: Moment,
    ) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        call.progressive.get_or_insert_with(|| Box::new(ProgressiveState::results()));
        // The timeout bounds the time to the next part, not that of the whole call.
        if let Some(limit) = &mut call.time_limit {
            self.deadlines.remove(limit.deadline, key);
            *limit = TimeLimit::begun(limit.millis, now);
            self.deadlines.insert(limit.deadline, key);
        }
        let invoked = call.invoked_of(callee);
        let details = ResultDetails {
            progress: Some(true),
            callee: invoked.and_then(|invoked| identity(sessions, invoked)),
            passthru: part.options.passthru,
        };
        let request = call.request.id();
        if let Some(caller) = sessions.at(call.caller).filter(|caller| !caller.is_closing) {
            let result = CallResult { request, details, payload: part.payload };
            let _ = caller.outbox.send(RouterMessage::Result(result));
        }
    }
}
