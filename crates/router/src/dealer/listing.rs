//! Finding registrations, for calls and for the meta API.
//!
//! Spec: advanced profile "Registration Meta API".

use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, is_reserved};

use super::{Dealer, Holdings, Registration};
use crate::deadline::Moment;
use crate::session::SessionKey;

/// One registration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistrationDetails<'a> {
    pub(crate) id: RegistrationId,
    pub(crate) created: Moment,
    pub(crate) pattern: &'a UriPattern,
    pub(crate) policy: InvokePolicy,
}

impl Dealer {
    /// Every registration, in the order of their ids.
    pub(crate) fn list(&self) -> Vec<RegistrationDetails<'_>> {
        let mut all: Vec<_> = self.registrations.keys().copied().collect();
        all.sort_unstable();
        all.into_iter().filter_map(|id| self.details(id)).collect()
    }

    /// The registrations of one session, in the order of their ids.
    pub(crate) fn list_of(&self, holdings: &Holdings) -> Vec<RegistrationDetails<'_>> {
        holdings.registrations.iter().filter_map(|id| self.details(*id)).collect()
    }

    /// One registration.
    pub(crate) fn details(&self, id: RegistrationId) -> Option<RegistrationDetails<'_>> {
        self.registrations.get(&id).map(|registration| RegistrationDetails {
            id,
            created: registration.created,
            pattern: &registration.pattern,
            policy: registration.policy,
        })
    }

    /// The registration of exactly this pattern.
    pub(crate) fn lookup(&self, pattern: &UriPattern) -> Option<RegistrationId> {
        self.index.at(pattern).copied()
    }

    /// The id of the registration that a call goes to.
    pub(crate) fn best_match(&self, procedure: &str) -> Option<RegistrationId> {
        self.matching(procedure).map(|(id, _)| id)
    }

    /// The registration that a call goes to. A prefix such as "" or "wam" is none in the router's
    /// own namespace.
    #[inline]
    pub(super) fn matching(&self, procedure: &str) -> Option<(RegistrationId, &Registration)> {
        let id = *self.index.best_match(procedure)?;
        let registration = self.registrations.get(&id)?;
        let pattern = &registration.pattern;
        let answers = pattern.policy() == MatchPolicy::Exact
            || !is_reserved(procedure)
            || is_reserved(pattern.as_str());
        answers.then_some((id, registration))
    }

    /// The callees of a registration, in the order in which they came.
    pub(crate) fn callees(&self, id: RegistrationId) -> Option<Vec<SessionKey>> {
        let registration = self.registrations.get(&id)?;
        Some(registration.callees.iter().map(|endpoint| endpoint.callee).collect())
    }
}
