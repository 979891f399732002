//! CALL to INVOCATION, and the ways a caller or the clock gives a call up.
//!
//! Hot: [`Dealer::call`]. One index look-up, one insert in three tables, no copy of the payload.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{Call, CancelMode, Invocation, InvocationDetails, RouterMessage};
use cloverleaf_wamp::uri::MatchPolicy;

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
        let request = call.reference();
        let procedure = &call.procedure;
        let registration = self.index.best_match(procedure.as_str()).copied();
        let Some((id, registration)) =
            registration.and_then(|id| Some((id, self.registrations.get_mut(&id)?)))
        else {
            return Err(RequestFailure::NoSuchProcedure(procedure.clone()));
        };
        let Some(callee) = registration.choose(random) else {
            return Err(RequestFailure::NoSuchProcedure(procedure.clone()));
        };
        let is_pattern = registration.pattern.policy() != MatchPolicy::Exact;
        let deadline = call.options.timeout.filter(|millis| *millis > 0);
        let deadline = deadline.map(|millis| now.plus_millis(millis));

        let Some(session) = sessions.at(caller) else { return Ok(()) };
        if session.dealer.calls.len() >= MAX_CALLS_IN_FLIGHT_PER_SESSION {
            return Err(RequestFailure::LimitReached("calls in flight"));
        }
        let details = InvocationDetails {
            procedure: is_pattern.then(|| procedure.as_str().into()),
            caller: disclosed.then(|| caller.id()),
            caller_authid: disclosed.then(|| session.principal.authid.clone()),
            caller_authrole: disclosed.then(|| session.principal.authrole.clone()),
            forward_for: call.options.forward_for,
            transaction_hash: call.options.transaction_hash,
            enc_algo: call.options.enc_algo,
            enc_key: call.options.enc_key,
            enc_serializer: call.options.enc_serializer,
            ..InvocationDetails::default()
        };

        let Some(session) = sessions.at_mut(callee).filter(|callee| !callee.leaving) else {
            return Err(RequestFailure::CalleeGone);
        };
        let mut ids = session.dealer.invocation_ids.clone();
        let invocation = ids.next_invocation();
        let message =
            Invocation { request: invocation, registration: id, details, payload: call.payload };
        match session.outbox.send(RouterMessage::Invocation(message)) {
            // A number counts once the callee will see it.
            Delivery::Queued => session.dealer.invocation_ids = ids,
            Delivery::Congested => return Err(RequestFailure::CalleeCongested),
            Delivery::Gone => return Err(RequestFailure::CalleeGone),
        }
        let canceling = false;
        let key = CallKey(self.calls.insert(CallInFlight {
            caller,
            request,
            callee,
            invocation,
            deadline,
            canceling,
        }));
        session.dealer.invocations.insert(invocation, key);
        if let Some(session) = sessions.at_mut(caller) {
            session.dealer.calls.insert(request.id(), key);
        }
        if let Some(at) = deadline {
            self.deadlines.insert(at, key);
        }
        Ok(())
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
