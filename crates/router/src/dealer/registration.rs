//! REGISTER, UNREGISTER and revocation.
//!
//! Spec: basic profile "Registering and Unregistering"; advanced profile "Shared Registration",
//! "Registration Revocation".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{RegistrationId, RequestId};
use cloverleaf_wamp::message::{
    CallTimeoutUnit, InvokePolicy, Registered, RouterMessage, Unregistered, UnregisteredDetails,
};
use cloverleaf_wamp::uri::UriPattern;

use super::Dealer;
use super::endpoint::{Endpoint, EndpointId, Registration};
use crate::directory::HoldingLimits;
use crate::failure::RequestFailure;
use crate::limits::SessionLimits;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::validation::SchemasId;
use crate::wall_clock::Timestamp;

/// The terms of a registration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistrationTerms {
    pub(crate) policy: InvokePolicy,
    pub(crate) concurrency: Option<u64>,
    /// Takes the procedure from its callees.
    pub(crate) force: bool,
    /// Callers are disclosed to the callee.
    pub(crate) disclose_caller: bool,
    /// The callee is disclosed to callers.
    pub(crate) disclose_callee: bool,
    /// The schemas that its answers are validated against.
    pub(crate) schemas: Option<SchemasId>,
    /// The callee watches timeouts itself, in this unit.
    pub(crate) forward_timeout: Option<CallTimeoutUnit>,
}

/// A change of a registration.
pub(crate) type RegistrationChange = crate::change::EntryChange<RegistrationId>;

/// The limits of the registrations of one session, with their names in ERROR.
const fn holding_limits(limits: &SessionLimits) -> HoldingLimits {
    HoldingLimits {
        entries: (limits.max_registrations, "registrations"),
        patterns: (limits.max_pattern_registrations, "pattern registrations"),
        uri_bytes: (limits.max_uri_bytes, "bytes of registered URIs"),
    }
}

impl Dealer {
    /// Adds a callee. With a policy other than `single` several callees share the registration.
    /// Registering again changes nothing.
    pub(crate) fn register<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        request: RequestId,
        pattern: UriPattern,
        terms: RegistrationTerms,
        created: Timestamp,
    ) -> Result<Vec<RegistrationChange>, RequestFailure> {
        let Some(session) = sessions.at(callee) else { return Ok(Vec::new()) };
        let state = &session.dealer;
        let limits = holding_limits(sessions.limits(session.role));
        state.held.check_entry(&limits, state.registrations.len(), &pattern, 0)?;
        let mut changes = Vec::new();
        let mut held = self.registrations.at(&pattern);
        if let Some(id) = held.filter(|id| terms.force || self.is_abandoned(sessions, *id)) {
            self.revoke(sessions, id, &mut changes);
            held = None;
        }
        let endpoint = self.endpoint(callee, terms);
        let (id, has_joined) = match held {
            Some(id) => (id, self.join(id, endpoint, terms.policy)?),
            None => {
                let id = self.create(pattern, terms.policy, endpoint, created);
                changes.push(RegistrationChange::Created(id));
                (id, true)
            }
        };
        if has_joined {
            changes.push(RegistrationChange::Joined(id));
        }
        let Some(session) = sessions.at_mut(callee) else { return Ok(changes) };
        if session.dealer.registrations.insert(id)
            && let Some(registration) = self.registrations.get(id)
        {
            session.dealer.held.add(&registration.pattern);
        }
        let answer = Registered { request, registration: id };
        let _ = session.outbox.send(RouterMessage::Registered(answer));
        self.released(id);
        Ok(changes)
    }

    /// Whether the sessions of all callees have ended and are being removed from all tables.
    pub(super) fn is_abandoned<O>(&self, sessions: &Sessions<O>, id: RegistrationId) -> bool {
        let is_gone = |endpoint: &Endpoint| sessions.at(endpoint.callee).is_none();
        self.registrations.get(id).is_some_and(|held| held.callees.iter().all(is_gone))
    }

    fn endpoint(&mut self, callee: SessionKey, terms: RegistrationTerms) -> Endpoint {
        let id = self.last_endpoint.map_or(EndpointId::FIRST, EndpointId::next);
        self.last_endpoint = Some(id);
        Endpoint::new(id, callee, terms)
    }

    /// Adds a callee to a registration. Returns whether it is new.
    fn join(
        &mut self,
        id: RegistrationId,
        endpoint: Endpoint,
        policy: InvokePolicy,
    ) -> Result<bool, RequestFailure> {
        match self.registrations.get_mut(id) {
            Some(registration)
                if policy != InvokePolicy::Single && registration.policy == policy =>
            {
                let is_new = registration.callees.iter().all(|held| held.callee != endpoint.callee);
                if is_new {
                    if registration.callees.len() >= self.limits.max_callees_per_registration {
                        return Err(RequestFailure::LimitReached("callees of a registration"));
                    }
                    registration.add(endpoint);
                }
                Ok(is_new)
            }
            Some(registration) => Err(RequestFailure::ProcedureAlreadyExists {
                procedure: registration.pattern.as_str().into(),
                policy: registration.policy,
                uri: match registration.policy {
                    InvokePolicy::Single => error_uri::PROCEDURE_ALREADY_EXISTS,
                    _ => self.compatibility.other_policy_error(),
                },
            }),
            None => Err(RequestFailure::NoSuchRegistration(id)),
        }
    }

    fn create(
        &mut self,
        pattern: UriPattern,
        policy: InvokePolicy,
        endpoint: Endpoint,
        created: Timestamp,
    ) -> RegistrationId {
        let queue_limit = self.queues.best_rule_covering(&pattern).copied().unwrap_or_default();
        let mut registration = Registration::new(pattern, policy, created, queue_limit);
        registration.add(endpoint);
        self.registrations.insert(registration)
    }

    /// Removes a callee at its own request. Its invocations in flight are still to be answered.
    pub(crate) fn unregister<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        request: RequestId,
        id: RegistrationId,
    ) -> Result<Vec<RegistrationChange>, RequestFailure> {
        let Some(session) = sessions.at_mut(callee) else { return Ok(Vec::new()) };
        if !self.release_registration(session, id) {
            return Err(RequestFailure::NoSuchRegistration(id));
        }
        let _ = session.outbox.send(RouterMessage::Unregistered(Unregistered::Answer(request)));
        let mut changes = Vec::new();
        self.forget(callee, id, &mut changes);
        Ok(changes)
    }

    /// Removes the registration from the state of the session. Returns whether the session had it.
    fn release_registration<O>(&self, session: &mut Session<O>, id: RegistrationId) -> bool {
        let was_held = session.dealer.registrations.remove(&id);
        if was_held && let Some(registration) = self.registrations.get(id) {
            session.dealer.held.remove(&registration.pattern);
        }
        was_held
    }

    /// Revokes a registration of a callee, and notifies the callee if it has announced registration
    /// revocation. Returns whether it was a callee.
    pub(crate) fn remove_callee<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        id: RegistrationId,
        reason: &str,
        changes: &mut Vec<RegistrationChange>,
    ) -> bool {
        let Some(session) = sessions.at_mut(callee) else { return false };
        if !self.release_registration(session, id) {
            return false;
        }
        if session.roles.callee_has(Feature::RegistrationRevocation) && !session.is_closing {
            let details =
                UnregisteredDetails { registration: Some(id), reason: Some(reason.into()) };
            let revocation = Unregistered::Revocation(details);
            let _ = session.outbox.send(RouterMessage::Unregistered(revocation));
        }
        self.forget(callee, id, changes);
        true
    }

    /// Revokes a registration of all its callees.
    fn revoke<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        changes: &mut Vec<RegistrationChange>,
    ) {
        // With the last callee the registration is removed.
        while let Some(callee) = self.callee(id, 0) {
            let reason = error_uri::UNREGISTERED;
            if !self.remove_callee(sessions, callee, id, reason, changes) {
                // Its session has ended and is being removed from all tables.
                self.forget(callee, id, changes);
            }
        }
    }

    /// Removes a callee from a registration, which ends with its last one.
    pub(super) fn forget(
        &mut self,
        callee: SessionKey,
        id: RegistrationId,
        changes: &mut Vec<RegistrationChange>,
    ) {
        let Some(registration) = self.registrations.get_mut(id) else { return };
        registration.remove(callee);
        changes.push(RegistrationChange::Left(id, callee));
        if registration.callees.is_empty() {
            self.end_waiting(id);
            self.registrations.remove(id);
            changes.push(RegistrationChange::Deleted(id, callee));
        } else {
            // Calls that waited for this callee may go to others.
            self.released(id);
        }
    }
}
