//! A pending invocation: made from a CALL, sent as INVOCATION, and kept if it may have to be sent
//! again.
//!
//! Spec: basic profile "Calling and Invocations"; advanced profile "Caller Identification", "Call
//! Timeouts", "Call Trust Levels", "Payload Passthru Mode".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
use cloverleaf_wamp::message::{
    Call, CallerIdentity, Invocation, InvocationDetails, RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri};

use super::TimeLimit;
use super::call::CallPermission;
use super::choice::CallTarget;
use super::endpoint::{Endpoint, EndpointId, Registration};
use crate::authorization::Disclosed;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::{Delivery, Outbox};
use crate::session::{SessionKey, Sessions};
use crate::validation::SchemasId;

/// The timeouts of calls of a realm, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallTimes {
    /// For calls without a timeout.
    pub default: Option<u64>,
    /// The largest timeout. Calls without an end get it.
    pub max: Option<u64>,
}

impl CallTimes {
    /// The timeout of a call with this option (advanced profile, "Call Timeouts": 0 is none).
    pub(super) fn of(self, asked: Option<u64>) -> Option<u64> {
        let timeout = asked.or(self.default).filter(|millis| *millis > 0);
        match (timeout, self.max) {
            (Some(timeout), Some(max)) => Some(timeout.min(max)),
            (timeout, max) => timeout.or(max),
        }
    }
}

/// An invocation that has no callee yet, or may need another one.
#[derive(Debug, Clone)]
pub(super) struct PendingInvocation {
    pub(super) caller: SessionKey,
    pub(super) procedure: UncheckedUri,
    pub(super) target: CallTarget,
    disclosed: Disclosed,
    pub(super) receive_progress: bool,
    timeout: Option<u64>,
    /// When the call arrived.
    asked_at: Moment,
    /// The details for all callees.
    details: InvocationDetails,
    pub(super) payload: Payload,
    /// The schemas that every part is validated against.
    pub(super) schemas: Option<SchemasId>,
    /// The endpoints that could not take it, sorted.
    excluded: Vec<EndpointId>,
}

impl HeapSize for PendingInvocation {
    fn heap_size(&self) -> usize {
        self.excluded.capacity() * size_of::<EndpointId>()
            + self.procedure.heap_size()
            + self.details.heap_size()
            + self.payload.heap_size()
    }
}

impl PendingInvocation {
    pub(super) fn new(
        caller: SessionKey,
        call: Call,
        target: CallTarget,
        permission: CallPermission,
        times: CallTimes,
        now: Moment,
    ) -> Self {
        let Call { options, procedure, payload, .. } = call;
        let details = InvocationDetails {
            progress: options.progress.filter(|progress| *progress),
            trustlevel: permission.trustlevel,
            passthru: options.passthru,
            ..InvocationDetails::default()
        };
        Self {
            caller,
            procedure,
            target,
            disclosed: permission.disclosed,
            receive_progress: options.receive_progress == Some(true),
            timeout: times.of(options.timeout),
            asked_at: now,
            details,
            payload,
            schemas: permission.schemas,
            excluded: Vec::new(),
        }
    }

    /// The timeout of the call, from its arrival.
    pub(super) fn time_limit(&self) -> Option<TimeLimit> {
        self.timeout.map(|millis| TimeLimit::begun(millis, self.asked_at))
    }

    /// Notes that an endpoint could not take the call.
    pub(super) fn exclude(&mut self, endpoint: EndpointId) {
        if let Err(place) = self.excluded.binary_search(&endpoint) {
            self.excluded.insert(place, endpoint);
        }
    }

    /// Whether an endpoint could not take the call.
    pub(super) fn is_excluded(&self, endpoint: EndpointId) -> bool {
        self.excluded.binary_search(&endpoint).is_ok()
    }

    /// The number of endpoints that could not take the call.
    pub(super) const fn tries(&self) -> usize {
        self.excluded.len()
    }

    /// Whether further parts of the call follow.
    pub(super) const fn is_open(&self) -> bool {
        self.details.progress.is_some()
    }

    /// The details for an endpoint.
    pub(super) fn details<O>(
        &self,
        registration: &Registration,
        endpoint: &Endpoint,
        sessions: &Sessions<O>,
    ) -> InvocationDetails {
        let mut details = self.details.clone();
        self.add_details(&mut details, registration, endpoint, sessions);
        details
    }

    fn add_details<O>(
        &self,
        details: &mut InvocationDetails,
        registration: &Registration,
        endpoint: &Endpoint,
        sessions: &Sessions<O>,
    ) {
        if registration.pattern.policy() != MatchPolicy::Exact {
            details.procedure = Some(self.procedure.as_str().into());
        }
        let is_disclosed = match self.disclosed {
            Disclosed::Yes => true,
            Disclosed::NotRequested => endpoint.disclose_caller,
            Disclosed::Never => false,
        };
        if is_disclosed {
            details.caller = sessions.at(self.caller).map(|caller| {
                Box::new(CallerIdentity {
                    caller: Some(caller.key.id()),
                    caller_authid: Some(caller.principal.authid.clone()),
                    caller_authrole: Some(caller.principal.authrole.clone()),
                })
            });
        }
        // Callees that have not announced progressive_call_results may send them, too: Autobahn's
        // procedures look at this detail only.
        details.receive_progress = self.receive_progress.then_some(true);
        if let Some(unit) = endpoint.forward_timeout {
            details.timeout = self.timeout.map(|millis| unit.from_millis(millis));
        }
    }

    /// Sends INVOCATION to an endpoint, with the next id of its callee. The payload and details are
    /// taken out.
    pub(super) fn send<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        registration: &Registration,
        endpoint: &Endpoint,
    ) -> Result<InvocationId, RequestFailure> {
        let mut details = std::mem::take(&mut self.details);
        self.add_details(&mut details, registration, endpoint, sessions);
        let payload = std::mem::take(&mut self.payload);
        send(sessions, endpoint.callee, id, details, payload)
    }

    /// Whether only callees with some feature can take the call.
    pub(super) const fn needs_features(&self) -> bool {
        self.details.progress.is_some() || self.details.passthru.is_some()
    }

    /// Whether a callee can take the call as it is (advanced profile, "Progressive Call
    /// Invocations", "Payload Passthru Mode").
    pub(super) fn check<O>(
        &self,
        sessions: &Sessions<O>,
        callee: SessionKey,
    ) -> Result<(), RequestFailure> {
        if !self.needs_features() {
            return Ok(());
        }
        let Some(callee) = sessions.at(callee) else { return Ok(()) };
        if self.is_open() && !callee.roles.callee_takes_progressive_calls() {
            return Err(RequestFailure::FeatureNotSupported(
                "the callee takes no calls in parts: it has not announced \
                 progressive_call_invocations and call_canceling",
            ));
        }
        let uses_passthru =
            self.details.passthru.as_ref().is_some_and(|passthru| passthru.uses_passthru());
        if uses_passthru && !callee.roles.callee_has(Feature::PayloadPassthruMode) {
            return Err(RequestFailure::FeatureNotSupported(
                "the callee could not open the payload: it has not announced \
                 payload_passthru_mode",
            ));
        }
        Ok(())
    }
}

/// Sends INVOCATION to a callee, with its next id.
fn send<O: Outbox>(
    sessions: &mut Sessions<O>,
    callee: SessionKey,
    registration: RegistrationId,
    details: InvocationDetails,
    payload: Payload,
) -> Result<InvocationId, RequestFailure> {
    let Some(callee) = sessions.at_mut(callee).filter(|callee| !callee.is_closing) else {
        return Err(RequestFailure::CalleeGone);
    };
    let mut ids = callee.dealer.invocation_ids.clone();
    let request = ids.next_invocation();
    let invocation = Invocation { request, registration, details, payload };
    match callee.outbox.send(RouterMessage::Invocation(invocation)) {
        // An id is used up when the callee will see it.
        Delivery::Queued | Delivery::AboveHighWater => callee.dealer.invocation_ids = ids,
        Delivery::Dropped => return Err(RequestFailure::CalleeCongested),
        Delivery::Closed => return Err(RequestFailure::CalleeGone),
    }
    Ok(request)
}
