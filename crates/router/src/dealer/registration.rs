//! REGISTER and UNREGISTER, and the choice among the callees of one registration.
//!
//! Spec: basic profile "Registering and Unregistering"; advanced profile "Shared Registration".

use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{InvokePolicy, Registered, RouterMessage, Unregistered};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use super::{Dealer, Holdings};
use crate::limits::{MAX_PATTERN_REGISTRATIONS_PER_SESSION, MAX_REGISTRATIONS_PER_SESSION};
use crate::outbox::Outbox;
use crate::realm::RequestFailure;
use crate::session::{Session, SessionKey};

/// A pattern and who answers calls that match it; it exists as long as anybody does.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) pattern: UriPattern,
    policy: InvokePolicy,
    /// In the order in which they registered; never empty.
    callees: Vec<SessionKey>,
    /// Whose turn it is with `roundrobin`.
    turn: usize,
}

impl Registration {
    /// The callee for the next call, as the policy says. `random` is used by `random` only.
    pub(super) fn choose(&mut self, random: impl FnOnce() -> u64) -> Option<SessionKey> {
        let place = match self.policy {
            InvokePolicy::Single | InvokePolicy::First => 0,
            InvokePolicy::Last => self.callees.len().checked_sub(1)?,
            InvokePolicy::Random => (random() % self.callees.len().max(1) as u64) as usize,
            InvokePolicy::RoundRobin => {
                let place = self.turn % self.callees.len().max(1);
                self.turn = place + 1;
                place
            }
        };
        self.callees.get(place).copied()
    }

    /// Takes a callee away; the turn stays with the one whose turn it was.
    fn remove(&mut self, callee: SessionKey) {
        if let Some(place) = self.callees.iter().position(|key| *key == callee) {
            self.callees.remove(place);
            if place < self.turn {
                self.turn -= 1;
            }
        }
    }
}

impl Dealer {
    /// Adds a callee. A policy other than `single` lets several in, all under the same
    /// registration; the same callee again changes nothing.
    pub(crate) fn register<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        pattern: UriPattern,
        policy: InvokePolicy,
    ) -> Result<(), RequestFailure> {
        if session.dealer.registrations.len() >= MAX_REGISTRATIONS_PER_SESSION {
            return Err(RequestFailure::LimitReached("registrations"));
        }
        let is_pattern = pattern.policy() != MatchPolicy::Exact;
        if is_pattern
            && session.dealer.pattern_registrations >= MAX_PATTERN_REGISTRATIONS_PER_SESSION
        {
            return Err(RequestFailure::LimitReached("pattern registrations"));
        }
        let id = match self.index.at(&pattern).copied() {
            Some(id) => self.join(id, session.key, policy)?,
            None => self.create(pattern, policy, session.key),
        };
        if session.dealer.registrations.insert(id) && is_pattern {
            session.dealer.pattern_registrations += 1;
        }
        let answer = Registered { request, registration: id };
        let _ = session.outbox.send(RouterMessage::Registered(answer));
        Ok(())
    }

    fn join(
        &mut self,
        id: RegistrationId,
        callee: SessionKey,
        policy: InvokePolicy,
    ) -> Result<RegistrationId, RequestFailure> {
        match self.registrations.get_mut(&id) {
            Some(registration)
                if policy != InvokePolicy::Single && registration.policy == policy =>
            {
                if !registration.callees.contains(&callee) {
                    registration.callees.push(callee);
                }
                Ok(id)
            }
            Some(registration) => Err(RequestFailure::ProcedureAlreadyExists {
                procedure: registration.pattern.as_str().into(),
                policy: registration.policy,
            }),
            None => Err(RequestFailure::NoSuchRegistration(id)),
        }
    }

    fn create(
        &mut self,
        pattern: UriPattern,
        policy: InvokePolicy,
        callee: SessionKey,
    ) -> RegistrationId {
        let mut id = self.ids.next_registration();
        while self.registrations.contains_key(&id) {
            id = self.ids.next_registration();
        }
        self.index.insert(&pattern, id);
        let callees = vec![callee];
        self.registrations.insert(id, Registration { pattern, policy, callees, turn: 0 });
        id
    }

    /// Takes a callee away. Its invocations in flight are still to be answered.
    pub(crate) fn unregister<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        id: RegistrationId,
    ) -> Result<(), RequestFailure> {
        if !session.dealer.registrations.remove(&id) {
            return Err(RequestFailure::NoSuchRegistration(id));
        }
        let pattern = self.registrations.get(&id).map(|held| held.pattern.policy());
        if pattern.is_some_and(|policy| policy != MatchPolicy::Exact) {
            session.dealer.pattern_registrations -= 1;
        }
        self.forget(session.key, id);
        let _ = session.outbox.send(RouterMessage::Unregistered(Unregistered::Answer(request)));
        Ok(())
    }

    fn forget(&mut self, callee: SessionKey, id: RegistrationId) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        registration.remove(callee);
        if registration.callees.is_empty()
            && let Some(registration) = self.registrations.remove(&id)
        {
            self.index.remove(&registration.pattern);
        }
    }

    /// Takes all registrations of a leaving session away.
    pub(super) fn forget_all(&mut self, callee: SessionKey, holdings: &Holdings) {
        for id in &holdings.registrations {
            self.forget(callee, *id);
        }
    }
}
