//! Re-routing: a call that one callee could not take goes to another one.
//!
//! Spec: advanced profile "Call Re-Routing".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::heap_size::HeapSize as _;

use super::answer::CallEnding;
use super::choice::Choice;
use super::endpoint::{Endpoint, EndpointId};
use super::pending_invocation::PendingInvocation;
use super::{ActiveInvocation, Assignment, CallKey, Dealer};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// The outcome of sending a call to a callee.
pub(super) enum PlaceOutcome {
    /// A callee has it.
    Sent,
    /// Every callee that may be chosen has as many calls as it takes.
    Busy,
    /// No callee is left; with the failure of the last one, if the router knows it.
    NoCallee(Option<RequestFailure>),
}

/// Whether the callee has announced call re-routing.
pub(super) fn reroutes<O>(sessions: &Sessions<O>, callee: SessionKey) -> bool {
    sessions.at(callee).is_some_and(|callee| callee.roles.callee_has(Feature::CallReroute))
}

impl Dealer {
    /// Keeps the invocation for another callee, if there is room for it. Without it the call goes
    /// to no other callee.
    pub(super) fn keep_pending<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        pending: Box<PendingInvocation>,
    ) {
        if self.hold(sessions, key, PendingInvocation::total_size(&pending))
            && let Some(call) = self.calls.get_mut(key.0)
        {
            call.pending = Some(pending);
        }
    }

    /// Notes that an endpoint could not take a call. Returns whether there is room for that;
    /// without room the call must be ended.
    fn exclude<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        endpoint: EndpointId,
    ) -> bool {
        let pending = self.calls.get_mut(key.0).and_then(|call| call.pending.as_mut());
        let Some(pending) = pending else { return false };
        let before = PendingInvocation::total_size(pending);
        pending.exclude(endpoint);
        let grown = PendingInvocation::total_size(pending) - before;
        self.hold(sessions, key, grown)
    }

    /// Sends a call to another callee because this one is unavailable.
    ///
    /// A progressive call, or one whose progressive results have begun, stays with its callee.
    pub(super) fn reroute<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        random: impl FnMut() -> u64,
    ) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let (id, is_bound) = (call.registration, call.progressive.is_some() || call.canceling);
        let (Assignment::One(invoked), Some(_), Some(registration), false) =
            (&call.assignment, &call.pending, self.registrations.get(id), is_bound)
        else {
            return self.end(sessions, key, CallEnding::NoneAvailable);
        };
        let invoked = *invoked;
        let is_its = |endpoint: &&Endpoint| endpoint.callee == invoked.callee;
        let endpoint = registration.callees.iter().find(is_its).map(|found| found.id);
        if endpoint.is_some_and(|endpoint| !self.exclude(sessions, key, endpoint)) {
            return self.end(sessions, key, CallEnding::NoneAvailable);
        }
        if let Some(call) = self.calls.get_mut(key.0) {
            call.assignment = Assignment::Unassigned;
        }
        self.forget_invocation(sessions, id, invoked);
        match self.place(sessions, key, random) {
            PlaceOutcome::Sent => {}
            PlaceOutcome::Busy if self.may_wait(id, self.bytes_of(key)) => self.enqueue(id, key),
            PlaceOutcome::Busy => {
                self.end(sessions, key, CallEnding::Refused(RequestFailure::MaxConcurrencyReached));
            }
            PlaceOutcome::NoCallee(_) => self.end(sessions, key, CallEnding::NoneAvailable),
        }
        self.released(id);
    }

    /// Sends a call whose invocation is kept to the callee that the policy chooses. A callee that
    /// can't take it is skipped from then on.
    pub(super) fn place<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        mut random: impl FnMut() -> u64,
    ) -> PlaceOutcome {
        let mut failed = None;
        loop {
            let Some(call) = self.calls.get(key.0) else { return PlaceOutcome::NoCallee(failed) };
            let id = call.registration;
            let (Some(pending), Some(registration)) =
                (call.pending.as_deref(), self.registrations.get_mut(id))
            else {
                return PlaceOutcome::NoCallee(failed);
            };
            let place =
                match registration.choose(sessions, pending, &mut random, &mut self.uncounted) {
                    Choice::At(place) => place,
                    Choice::Busy => return PlaceOutcome::Busy,
                    Choice::NoCallee => {
                        let failed = failed.or_else(|| registration.refusal(sessions, pending));
                        return PlaceOutcome::NoCallee(failed);
                    }
                };
            let endpoint = &registration.callees[place];
            let (endpoint, watches_time) = (endpoint.id, endpoint.forward_timeout.is_some());
            match registration.send(sessions, id, place, &mut pending.clone()) {
                Ok(invoked) => {
                    self.assign(sessions, key, invoked, watches_time);
                    return PlaceOutcome::Sent;
                }
                Err(failure) => failed = Some(failure),
            }
            if !self.exclude(sessions, key, endpoint) {
                return PlaceOutcome::NoCallee(failed);
            }
        }
    }

    /// Assigns a call in flight to a callee.
    fn assign<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        invoked: ActiveInvocation,
        watches_time: bool,
    ) {
        if let Some(callee) = sessions.at_mut(invoked.callee) {
            callee.dealer.invocations.insert(invoked.invocation, key);
        }
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let (id, bytes) = (call.registration, call.held_bytes());
        if let Assignment::Queued(place) =
            std::mem::replace(&mut call.assignment, Assignment::One(invoked))
        {
            self.stop_waiting(id, place, bytes);
        }
        let Some(call) = self.calls.get_mut(key.0) else { return };
        // The callee before this one may have watched the timeout itself.
        if call.time_limit.is_none()
            && !watches_time
            && let Some(limit) = call.pending.as_ref().and_then(|pending| pending.time_limit())
        {
            call.time_limit = Some(limit);
            self.deadlines.insert(limit.deadline, key);
        }
        if !reroutes(sessions, invoked.callee) {
            self.drop_pending(sessions, key);
        }
    }
}
