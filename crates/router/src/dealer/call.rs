//! CALL to INVOCATION.
//!
//! Hot: [`Dealer::call`]. One index look-up, one insert in three tables, no copy of the payload.
//! Spec: basic profile "Calling and Invocations".

use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::{Call, RequestRef};
use smallvec::SmallVec;

use super::choice::Choice;
use super::errand::Errand;
use super::progress::Progressive;
use super::registration::EndpointId;
use super::rerouting::reroutes;
use super::{CallInFlight, CallKey, Dealer, Invoked, Target};
use crate::authorization::Disclosed;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::MAX_CALLS_IN_FLIGHT_PER_SESSION;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// What the rules say about a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    /// Whether the callee learns who calls.
    pub(crate) disclosed: Disclosed,
    /// How far the call is trusted.
    pub(crate) trustlevel: Option<u64>,
}

impl Dealer {
    /// Routes one CALL to one callee, or to all, and remembers it until it ends.
    ///
    /// Ordering: invocations reach a callee in the order in which its caller sent the calls.
    pub(crate) fn call<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        call: Call,
        grant: Grant,
        now: Moment,
        random: impl FnMut() -> u64,
    ) -> Result<(), RequestFailure> {
        let Some(session) = sessions.at(caller) else { return Ok(()) };
        if session.dealer.calls.len() >= MAX_CALLS_IN_FLIGHT_PER_SESSION {
            return Err(RequestFailure::LimitReached("calls in flight"));
        }
        let Some(id) = self.best_match(call.procedure.as_str()) else {
            return Err(RequestFailure::NoSuchProcedure(call.procedure));
        };
        let request = call.reference();
        let errand = Errand::new(caller, call, grant, self.times, now)?;
        let asks_all = |held: &super::Registration| held.asks_all(errand.wanted);
        if self.registrations.get(&id).is_some_and(asks_all) {
            return self.call_all(sessions, id, request, &errand, now);
        }
        self.call_one(sessions, id, request, errand, now, random)
    }

    /// Sends a call to the callee whose turn it is; one that can't take it now is passed over while
    /// there are others.
    fn call_one<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        mut errand: Errand,
        now: Moment,
        mut random: impl FnMut() -> u64,
    ) -> Result<(), RequestFailure> {
        let mut passed_over: SmallVec<[EndpointId; 4]> = SmallVec::new();
        let mut failed = None;
        loop {
            let Some(registration) = self.registrations.get_mut(&id) else {
                return Err(RequestFailure::NoSuchProcedure(errand.procedure));
            };
            let caller = errand.caller.id();
            let place = match registration.choose(caller, errand.wanted, &passed_over, &mut random)
            {
                Choice::At(place) => place,
                Choice::Busy => return self.wait(sessions, id, request, errand, now),
                Choice::Nobody => {
                    let nobody = RequestFailure::NoSuchProcedure(errand.procedure);
                    return Err(failed.unwrap_or(nobody));
                }
            };
            let endpoint = &registration.callees[place];
            let (callee, endpoint_id) = (endpoint.callee, endpoint.id);
            // Another callee may have to be sent the same.
            let spare = (registration.callees.len() > 1).then(|| errand.clone());
            let call = CallInFlight::of(&errand, request, id, registration, place, sessions);
            match self.send_to(sessions, id, place, errand) {
                Ok(invoked) => {
                    let errand = spare.filter(|_| reroutes(sessions, callee)).map(Box::new);
                    let call = CallInFlight { target: Target::One(invoked), errand, ..call };
                    self.remember(sessions, call, now);
                    return Ok(());
                }
                Err(failure) => {
                    let Some(spare) = spare else { return Err(failure) };
                    errand = spare;
                    passed_over.push(endpoint_id);
                    failed = Some(failure);
                }
            }
        }
    }

    /// Keeps a call for which no callee is free. One that comes in parts can't wait: nobody would
    /// take the next part.
    fn wait<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        errand: Errand,
        now: Moment,
    ) -> Result<(), RequestFailure> {
        if errand.is_open() || !self.may_wait(id) {
            return Err(RequestFailure::MaxConcurrencyReached);
        }
        let call = CallInFlight::waiting(errand, request, id);
        let key = self.remember(sessions, call, now);
        self.enqueue(id, key);
        Ok(())
    }

    /// Enters a call in all tables.
    pub(super) fn remember<O>(
        &mut self,
        sessions: &mut Sessions<O>,
        mut call: CallInFlight,
        now: Moment,
    ) -> CallKey {
        call.deadline = call.timeout.map(|millis| now.plus_millis(millis));
        let entry = self.calls.vacant_entry();
        let key = CallKey(entry.key());
        for invoked in call.invoked() {
            if let Some(callee) = sessions.at_mut(invoked.callee) {
                callee.dealer.invocations.insert(invoked.invocation, key);
            }
        }
        if let Some(session) = sessions.at_mut(call.caller) {
            session.dealer.calls.insert(call.request.id(), key);
        }
        if let Some(at) = call.deadline {
            self.deadlines.insert(at, key);
        }
        entry.insert(call);
        key
    }

    /// Sends an errand to the callee at this place of the list.
    pub(super) fn send_to<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        place: usize,
        errand: Errand,
    ) -> Result<Invoked, RequestFailure> {
        let Some(registration) = self.registrations.get_mut(&id) else {
            return Err(RequestFailure::CalleeGone);
        };
        let endpoint = &registration.callees[place];
        let (callee, disclosed) = (endpoint.callee, endpoint.disclose_callee);
        errand.check(sessions, callee)?;
        let invocation = errand.send(sessions, id, registration, endpoint)?;
        let counted = registration.occupy(place);
        Ok(Invoked { callee, invocation, counted, disclosed })
    }
}

impl CallInFlight {
    /// A call that is about to be sent to the endpoint at a place of the list.
    fn of<O>(
        errand: &Errand,
        request: RequestRef,
        id: RegistrationId,
        registration: &super::Registration,
        place: usize,
        sessions: &Sessions<O>,
    ) -> Self {
        let endpoint = &registration.callees[place];
        let progressive = errand.is_open().then(|| {
            let details = errand.details(registration, endpoint, sessions);
            Box::new(Progressive::call(errand.procedure.clone(), details))
        });
        Self {
            caller: errand.caller,
            request,
            registration: id,
            target: Target::Waiting,
            // A callee that watches the time itself is trusted to.
            timeout: errand.timeout.filter(|_| !endpoint.forward_timeout),
            deadline: None,
            receive_progress: errand.receive_progress,
            canceling: false,
            errand: None,
            progressive,
        }
    }

    /// A call that waits for a callee to be free.
    fn waiting(errand: Errand, request: RequestRef, id: RegistrationId) -> Self {
        Self {
            caller: errand.caller,
            request,
            registration: id,
            target: Target::Waiting,
            timeout: errand.timeout,
            deadline: None,
            receive_progress: errand.receive_progress,
            canceling: false,
            errand: Some(Box::new(errand)),
            progressive: None,
        }
    }

    /// A call to all callees.
    pub(super) fn to_all(
        errand: &Errand,
        request: RequestRef,
        id: RegistrationId,
        gathering: super::Gathering,
    ) -> Self {
        Self {
            caller: errand.caller,
            request,
            registration: id,
            target: Target::All(Box::new(gathering)),
            timeout: errand.timeout,
            deadline: None,
            receive_progress: errand.receive_progress,
            canceling: false,
            errand: None,
            progressive: None,
        }
    }
}
