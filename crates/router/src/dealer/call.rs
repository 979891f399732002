//! CALL to INVOCATION, and the ways a caller or the clock gives a call up.
//!
//! Hot: [`Dealer::call`]. One index look-up, one insert in three tables, no copy of the payload.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId, RequestId};
use cloverleaf_wamp::message::{Call, CancelMode, Invocation, InvocationDetails, RouterMessage};
use cloverleaf_wamp::uri::{MatchPolicy, UncheckedUri, is_reserved};

use super::ending::Ending;
use super::{CallInFlight, CallKey, Dealer, interrupt};
use crate::deadline::Moment;
use crate::limits::MAX_CALLS_IN_FLIGHT_PER_SESSION;
use crate::outbox::{Delivery, Outbox};
use crate::realm::RequestFailure;
use crate::session::{SessionKey, Sessions};

impl Dealer {
    /// Routes one CALL to one callee and remembers it until it ends.
    ///
    /// Ordering: invocations reach a callee in the order in which its caller sent the calls.
    /// Spec: basic profile "Calling and Invocations".
    pub(crate) fn call<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        call: Call,
        disclosed: bool,
        now: Moment,
        random: impl FnOnce() -> u64,
    ) -> Result<(), RequestFailure> {
        let Some(session) = sessions.at(caller) else { return Ok(()) };
        if session.dealer.calls.len() >= MAX_CALLS_IN_FLIGHT_PER_SESSION {
            return Err(RequestFailure::LimitReached("calls in flight"));
        }
        let route = self.route(&call.procedure, random)?;
        let request = call.reference();
        let timeout = call.options.timeout.filter(|millis| *millis > 0);
        let deadline = timeout.map(|millis| now.plus_millis(millis));
        let invocation = invoke(sessions, &route, caller, call, disclosed)?;

        let callee = route.callee;
        let call = CallInFlight { caller, request, callee, invocation, deadline, canceling: false };
        let key = CallKey(self.calls.insert(call));
        if let Some(session) = sessions.at_mut(callee) {
            session.dealer.invocations.insert(invocation, key);
        }
        if let Some(session) = sessions.at_mut(caller) {
            session.dealer.calls.insert(request.id(), key);
        }
        if let Some(at) = deadline {
            self.deadlines.insert(at, key);
        }
        Ok(())
    }

    /// The registration that a call goes to, and the callee whose turn it is.
    fn route(
        &mut self,
        procedure: &UncheckedUri,
        random: impl FnOnce() -> u64,
    ) -> Result<Route, RequestFailure> {
        let find = || {
            let id = *self.index.best_match(procedure.as_str())?;
            let registration = self.registrations.get_mut(&id)?;
            let is_pattern = registration.pattern.policy() != MatchPolicy::Exact;
            // A prefix such as "" or "wam" is no registration in the router's own namespace.
            if is_pattern
                && is_reserved(procedure.as_str())
                && !is_reserved(registration.pattern.as_str())
            {
                return None;
            }
            Some(Route { registration: id, callee: registration.choose(random)?, is_pattern })
        };
        find().ok_or_else(|| RequestFailure::NoSuchProcedure(procedure.clone()))
    }

    /// The caller gives a call up. A call that is not in flight (any more) is passed over: CANCEL
    /// may cross RESULT.
    ///
    /// Spec: advanced profile "Call Canceling". `skip`: the caller hears at once, the callee
    /// nothing. `kill`: the callee is interrupted and answers. `killnowait`: both. A callee that
    /// did not announce canceling is skipped.
    pub(crate) fn cancel<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        request: RequestId,
        mode: CancelMode,
    ) {
        let Some(key) =
            sessions.at(caller).and_then(|session| session.dealer.calls.get(&request)).copied()
        else {
            return;
        };
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let callee = sessions
            .at(call.callee)
            .filter(|callee| callee.roles.callee_has(Feature::CallCanceling));
        match (mode, callee) {
            (CancelMode::Kill, Some(callee)) => {
                if !std::mem::replace(&mut call.canceling, true) {
                    interrupt(callee, call.invocation, mode, error_uri::CANCELED);
                }
            }
            (CancelMode::KillNoWait, Some(callee)) => {
                interrupt(callee, call.invocation, mode, error_uri::CANCELED);
                self.end(sessions, key, Ending::Canceled);
            }
            _ => self.end(sessions, key, Ending::Canceled),
        }
    }

    /// Ends the calls whose deadline has come.
    ///
    /// Spec: advanced profile "Call Timeouts".
    pub(crate) fn handle_timeout<O: Outbox>(&mut self, sessions: &mut Sessions<O>, now: Moment) {
        while let Some(key) = self.deadlines.pop_due(now) {
            if let Some(call) = self.calls.get(key.0)
                && let Some(callee) = sessions.at(call.callee)
            {
                let reason = error_uri::TIMEOUT;
                interrupt(callee, call.invocation, CancelMode::KillNoWait, reason);
            }
            self.end(sessions, key, Ending::TimedOut);
        }
    }
}

/// Where a call goes.
struct Route {
    registration: RegistrationId,
    callee: SessionKey,
    /// The callee has to be told which procedure was called.
    is_pattern: bool,
}

/// Sends INVOCATION to the callee, with its next number.
fn invoke<O: Outbox>(
    sessions: &mut Sessions<O>,
    route: &Route,
    caller: SessionKey,
    call: Call,
    disclosed: bool,
) -> Result<InvocationId, RequestFailure> {
    let disclosed = if disclosed { sessions.at(caller) } else { None };
    let details = InvocationDetails {
        procedure: route.is_pattern.then(|| call.procedure.as_str().into()),
        caller: disclosed.map(|caller| caller.key.id()),
        caller_authid: disclosed.map(|caller| caller.principal.authid.clone()),
        caller_authrole: disclosed.map(|caller| caller.principal.authrole.clone()),
        forward_for: call.options.forward_for,
        transaction_hash: call.options.transaction_hash,
        enc_algo: call.options.enc_algo,
        enc_key: call.options.enc_key,
        enc_serializer: call.options.enc_serializer,
        ..InvocationDetails::default()
    };
    let Some(callee) = sessions.at_mut(route.callee).filter(|callee| !callee.leaving) else {
        return Err(RequestFailure::CalleeGone);
    };
    let mut ids = callee.dealer.invocation_ids.clone();
    let request = ids.next_invocation();
    let registration = route.registration;
    let invocation = Invocation { request, registration, details, payload: call.payload };
    match callee.outbox.send(RouterMessage::Invocation(invocation)) {
        // A number counts once the callee will see it.
        Delivery::Queued => callee.dealer.invocation_ids = ids,
        Delivery::Congested => return Err(RequestFailure::CalleeCongested),
        Delivery::Gone => return Err(RequestFailure::CalleeGone),
    }
    Ok(request)
}
