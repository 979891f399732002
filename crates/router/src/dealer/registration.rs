//! REGISTER, UNREGISTER and revocation.
//!
//! Spec: basic profile "Registering and Unregistering"; advanced profile "Shared Registration",
//! "Registration Revocation".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    InvokePolicy, Registered, RouterMessage, Unregistered, UnregisteredDetails,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use super::endpoint::{Endpoint, EndpointId, Registration};
use super::{Dealer, Holdings};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::{MAX_PATTERN_REGISTRATIONS_PER_SESSION, MAX_REGISTRATIONS_PER_SESSION};
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::validation::SchemasId;

/// How a callee registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) policy: InvokePolicy,
    pub(crate) concurrency: Option<u64>,
    /// Takes the procedure from whoever has it.
    pub(crate) force: bool,
    /// Callers are disclosed to it.
    pub(crate) disclose_caller: bool,
    /// It is disclosed to callers.
    pub(crate) disclose_callee: bool,
    /// What its answers are held against.
    pub(crate) schemas: Option<SchemasId>,
    /// It watches the time of calls itself.
    pub(crate) forward_timeout: bool,
}

/// What has changed in a registration.
pub(crate) type Change = crate::change::Change<RegistrationId>;

impl Holdings {
    /// Whether the session may have another registration.
    fn check_room(&self, is_pattern: bool) -> Result<(), RequestFailure> {
        if self.registrations.len() >= MAX_REGISTRATIONS_PER_SESSION {
            return Err(RequestFailure::LimitReached("registrations"));
        }
        if is_pattern && self.pattern_registrations >= MAX_PATTERN_REGISTRATIONS_PER_SESSION {
            return Err(RequestFailure::LimitReached("pattern registrations"));
        }
        Ok(())
    }
}

impl Dealer {
    /// Adds a callee. A policy other than `single` lets several in, all under the same
    /// registration; the same callee again changes nothing.
    pub(crate) fn register<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        request: RequestId,
        pattern: UriPattern,
        terms: Terms,
        now: Moment,
    ) -> Result<Vec<Change>, RequestFailure> {
        let Some(session) = sessions.at(callee) else { return Ok(Vec::new()) };
        let is_pattern = pattern.policy() != MatchPolicy::Exact;
        session.dealer.check_room(is_pattern)?;
        let mut changes = Vec::new();
        let mut held = self.index.at(&pattern).copied();
        if let Some(id) = held.filter(|_| terms.force) {
            self.revoke(sessions, id, &mut changes);
            held = None;
        }
        let endpoint = self.endpoint(callee, terms);
        let (id, has_joined) = match held {
            Some(id) => (id, self.join(id, endpoint, terms.policy)?),
            None => {
                let id = self.create(pattern, terms.policy, endpoint, now);
                changes.push(Change::Created(id));
                (id, true)
            }
        };
        if has_joined {
            changes.push(Change::Joined(id));
        }
        let Some(session) = sessions.at_mut(callee) else { return Ok(changes) };
        if session.dealer.registrations.insert(id) && is_pattern {
            session.dealer.pattern_registrations += 1;
        }
        let answer = Registered { request, registration: id };
        let _ = session.outbox.send(RouterMessage::Registered(answer));
        self.send_waiting(sessions, id);
        Ok(changes)
    }

    fn endpoint(&mut self, callee: SessionKey, terms: Terms) -> Endpoint {
        let id = self.last_endpoint.map_or(EndpointId::FIRST, EndpointId::next);
        self.last_endpoint = Some(id);
        Endpoint::new(id, callee, terms)
    }

    /// Whether the callee is a new one.
    fn join(
        &mut self,
        id: RegistrationId,
        endpoint: Endpoint,
        policy: InvokePolicy,
    ) -> Result<bool, RequestFailure> {
        match self.registrations.get_mut(&id) {
            Some(registration)
                if policy != InvokePolicy::Single && registration.policy == policy =>
            {
                let is_new = registration.callees.iter().all(|held| held.callee != endpoint.callee);
                if is_new {
                    registration.add(endpoint);
                }
                Ok(is_new)
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
        endpoint: Endpoint,
        now: Moment,
    ) -> RegistrationId {
        let mut id = self.ids.next_registration();
        while self.registrations.contains_key(&id) {
            id = self.ids.next_registration();
        }
        self.index.insert(&pattern, id);
        let queue_limit = self.queues.best_rule_covering(&pattern).copied().unwrap_or_default();
        let mut registration = Registration::new(pattern, policy, now, queue_limit);
        registration.add(endpoint);
        self.registrations.insert(id, registration);
        id
    }

    /// Takes a callee away. Its invocations in flight are still to be answered.
    pub(crate) fn unregister<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        request: RequestId,
        id: RegistrationId,
    ) -> Result<Vec<Change>, RequestFailure> {
        let Some(session) = sessions.at_mut(callee) else { return Ok(Vec::new()) };
        if !self.release_registration(session, id) {
            return Err(RequestFailure::NoSuchRegistration(id));
        }
        let _ = session.outbox.send(RouterMessage::Unregistered(Unregistered::Answer(request)));
        let mut changes = Vec::new();
        self.forget(sessions, callee, id, &mut changes);
        Ok(changes)
    }

    /// Whether the session has had the registration, which it now has no longer.
    fn release_registration<O>(&self, session: &mut Session<O>, id: RegistrationId) -> bool {
        let was_held = session.dealer.registrations.remove(&id);
        let policy = self.registrations.get(&id).map(|held| held.pattern.policy());
        if was_held && policy.is_some_and(|policy| policy != MatchPolicy::Exact) {
            session.dealer.pattern_registrations -= 1;
        }
        was_held
    }

    /// Takes a registration away from a callee that has not asked for it, and tells it if it can be
    /// told. Whether the callee had it.
    pub(crate) fn remove_callee<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        id: RegistrationId,
        reason: &str,
        changes: &mut Vec<Change>,
    ) -> bool {
        let Some(session) = sessions.at_mut(callee) else { return false };
        if !self.release_registration(session, id) {
            return false;
        }
        if session.roles.callee_has(Feature::RegistrationRevocation) && !session.leaving {
            let details =
                UnregisteredDetails { registration: Some(id), reason: Some(reason.into()) };
            let revocation = Unregistered::Revocation(details);
            let _ = session.outbox.send(RouterMessage::Unregistered(revocation));
        }
        self.forget(sessions, callee, id, changes);
        true
    }

    /// Takes a registration away from all its callees.
    fn revoke<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        changes: &mut Vec<Change>,
    ) {
        for callee in self.callees(id).unwrap_or_default() {
            let reason = cloverleaf_wamp::error_uri::UNREGISTERED;
            self.remove_callee(sessions, callee, id, reason, changes);
        }
    }

    fn forget<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        id: RegistrationId,
        changes: &mut Vec<Change>,
    ) {
        let Some(registration) = self.registrations.get_mut(&id) else { return };
        registration.remove(callee);
        changes.push(Change::Left(id, callee));
        if registration.callees.is_empty() {
            self.end_waiting(sessions, id);
            if let Some(registration) = self.registrations.remove(&id) {
                self.index.remove(&registration.pattern);
            }
            changes.push(Change::Deleted(id, callee));
        } else {
            // What waited for this one falls to others.
            self.released(sessions, id);
        }
    }

    /// Takes all registrations of a leaving session away.
    pub(super) fn forget_all<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        holdings: &Holdings,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in &holdings.registrations {
            self.forget(sessions, callee, *id, &mut changes);
        }
        changes
    }
}
