//! CALL to INVOCATION.
//!
//! Hot: [`Dealer::call`]. One index look-up, one insert in three tables, no copy of the payload.
//! Spec: basic profile "Calling and Invocations".

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::{Call, RequestRef};

use super::choice::{CallTarget, Choice};
use super::endpoint::Registration;
use super::pending_invocation::PendingInvocation;
use super::progress::ProgressiveState;
use super::rerouting::reroutes;
use super::{ActiveInvocation, Assignment, CallInFlight, CallKey, Dealer, held_room};
use crate::authorization::Disclosed;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::validation::SchemasId;

/// The permission of a call, as far as the dealer needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallPermission {
    /// Whether the caller is disclosed to the callee.
    pub(crate) disclosed: Disclosed,
    /// The trust level of the call.
    pub(crate) trustlevel: Option<u64>,
    /// The schemas that every part of the call is validated against.
    pub(crate) schemas: Option<SchemasId>,
}

impl Dealer {
    /// Routes a CALL to one callee, or to all, and keeps it until it ends.
    ///
    /// Ordering: invocations reach a callee in the order in which its caller sent the calls.
    pub(crate) fn call<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        call: Call,
        permission: CallPermission,
        now: Moment,
        random: impl FnMut() -> u64,
    ) -> Result<(), RequestFailure> {
        let Some(session) = sessions.at_mut(caller) else { return Ok(()) };
        session.dealer.note_request_id(call.request);
        let (role, in_flight) = (session.role, session.dealer.calls.len());
        if in_flight >= sessions.limits(role).max_calls_in_flight {
            return Err(RequestFailure::LimitReached("calls in flight"));
        }
        let Some((id, registration)) = self.matching(call.procedure.as_str()) else {
            return Err(RequestFailure::NoSuchProcedure(call.procedure));
        };
        let request = call.reference();
        let target = CallTarget::of(&call)?;
        let asks_all = registration.asks_all(target);
        let mut pending = PendingInvocation::new(caller, call, target, permission, self.times, now);
        let sent = if asks_all {
            self.call_all(sessions, id, request, &pending)
        } else {
            self.call_one(sessions, id, request, &mut pending, random)
        };
        match sent {
            Err(RequestFailure::CalleeGone) if self.is_abandoned(sessions, id) => {
                Err(RequestFailure::NoSuchProcedure(pending.procedure))
            }
            sent => sent,
        }
    }

    /// Sends a call to the callee that the policy chooses; a callee that can't take it now is
    /// skipped while there are others.
    fn call_one<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        pending: &mut PendingInvocation,
        mut random: impl FnMut() -> u64,
    ) -> Result<(), RequestFailure> {
        let mut failed = None;
        loop {
            let Some(registration) = self.registrations.get_mut(id) else {
                return Err(RequestFailure::NoSuchProcedure(pending.procedure.clone()));
            };
            let place =
                match registration.choose(sessions, pending, &mut random, &mut self.uncounted) {
                    Choice::At(place) => place,
                    Choice::Busy => return self.wait(sessions, id, request, pending),
                    Choice::NoCallee => {
                        let failed = failed.or_else(|| registration.refusal(sessions, pending));
                        let no_callee =
                            || RequestFailure::NoSuchProcedure(pending.procedure.clone());
                        return Err(failed.unwrap_or_else(no_callee));
                    }
                };
            let endpoint = &registration.callees[place];
            let (endpoint_id, watches_time) = (endpoint.id, endpoint.forward_timeout.is_some());
            // Another callee may have to get the same invocation.
            let spare = (registration.callees.len() > 1).then(|| Box::new(pending.clone()));
            let progressive = ProgressiveState::begun(pending, registration, endpoint, sessions);
            let kept = progressive.as_ref().map_or(0, |progressive| progressive.bytes_for_parts());
            if kept > 0 && kept > held_room(&self.limits, self.held_bytes, sessions, pending.caller)
            {
                return Err(RequestFailure::LimitReached("bytes of calls in flight"));
            }
            match registration.send(sessions, id, place, pending) {
                Ok(invoked) => {
                    let mut call = CallInFlight::of(pending, request, id);
                    call.assignment = Assignment::One(invoked);
                    // A callee that watches the timeout itself is trusted to.
                    call.time_limit = call.time_limit.filter(|_| !watches_time);
                    // A progressive call goes to no other callee.
                    let is_bound = progressive.is_some();
                    let pending = spare.filter(|_| !is_bound && reroutes(sessions, invoked.callee));
                    call.progressive = progressive;
                    let key = self.remember(sessions, call);
                    if kept > 0 {
                        self.hold(sessions, key, kept);
                    }
                    if let Some(pending) = pending {
                        self.keep_pending(sessions, key, pending);
                    }
                    return Ok(());
                }
                Err(failure) => {
                    let Some(spare) = spare else { return Err(failure) };
                    *pending = *spare;
                    pending.exclude(endpoint_id);
                    failed = Some(failure);
                }
            }
        }
    }

    /// Queues a call for which no callee is free. A progressive call can't wait: no callee could
    /// take its next part.
    fn wait<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        pending: &PendingInvocation,
    ) -> Result<(), RequestFailure> {
        let bytes = pending.total_size();
        let room = held_room(&self.limits, self.held_bytes, sessions, pending.caller);
        if pending.is_open() || bytes > room || !self.may_wait(id, bytes) {
            return Err(RequestFailure::MaxConcurrencyReached);
        }
        let mut call = CallInFlight::of(pending, request, id);
        call.pending = Some(Box::new(pending.clone()));
        let key = self.remember(sessions, call);
        self.hold(sessions, key, bytes);
        self.enqueue(id, key);
        Ok(())
    }

    /// Enters a call in all tables.
    pub(super) fn remember<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        call: CallInFlight,
    ) -> CallKey {
        let entry = self.calls.vacant_entry();
        let key = CallKey(entry.key());
        call.invoked().for_each(|invoked| {
            if let Some(callee) = sessions.at_mut(invoked.callee) {
                callee.dealer.invocations.insert(invoked.invocation, key);
            }
        });
        if let Some(session) = sessions.at_mut(call.caller) {
            session.dealer.calls.insert(call.request.id(), key);
        }
        if let Some(limit) = call.time_limit {
            self.deadlines.insert(limit.deadline, key);
        }
        entry.insert(call);
        key
    }
}

impl Registration {
    /// Sends an invocation to the callee at `place`. Its payload and details are taken out.
    pub(super) fn send<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        place: usize,
        pending: &mut PendingInvocation,
    ) -> Result<ActiveInvocation, RequestFailure> {
        let endpoint = &self.callees[place];
        let (callee, disclosed) = (endpoint.callee, endpoint.disclose_callee);
        let schemas = endpoint.schemas;
        pending.check(sessions, callee)?;
        let invocation = pending.send(sessions, id, self, endpoint)?;
        Ok(ActiveInvocation { callee, invocation, counted: self.occupy(place), disclosed, schemas })
    }
}

impl CallInFlight {
    /// A call without a callee.
    pub(super) fn of(pending: &PendingInvocation, request: RequestRef, id: RegistrationId) -> Self {
        Self {
            caller: pending.caller,
            request,
            registration: id,
            assignment: Assignment::Unassigned,
            time_limit: pending.time_limit(),
            receive_progress: pending.receive_progress,
            canceling: false,
            pending: None,
            held_bytes: 0,
            progressive: None,
        }
    }
}
