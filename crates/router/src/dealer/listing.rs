//! Look-up of registrations, for calls and for the meta API.
//!
//! Spec: advanced profile "Registration Meta API".

use std::ops::Bound;

use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::InvokePolicy;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, is_reserved};

use super::{Dealer, DealerState, Registration};
use crate::session::SessionKey;
use crate::wall_clock::Timestamp;

/// One registration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistrationInfo<'a> {
    pub(crate) id: RegistrationId,
    pub(crate) created: Timestamp,
    pub(crate) pattern: &'a UriPattern,
    pub(crate) policy: InvokePolicy,
}

impl Dealer {
    /// The registrations with ids above `after`, in the order of the ids.
    pub(crate) fn registrations_after(
        &self,
        after: Option<RegistrationId>,
    ) -> impl Iterator<Item = (RegistrationId, MatchPolicy)> {
        self.registrations.ids_after(after)
    }

    /// The registrations of a session with ids above `after`, in the order of the ids.
    pub(crate) fn registrations_of_after(
        &self,
        holdings: &DealerState,
        after: Option<RegistrationId>,
    ) -> impl Iterator<Item = (RegistrationId, MatchPolicy)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = holdings.registrations.range((from, Bound::Unbounded));
        self.registrations.with_policies(range.copied())
    }

    /// One registration.
    pub(crate) fn details(&self, id: RegistrationId) -> Option<RegistrationInfo<'_>> {
        self.registrations.get(id).map(|registration| RegistrationInfo {
            id,
            created: registration.created,
            pattern: &registration.pattern,
            policy: registration.policy,
        })
    }

    /// The registration of exactly this pattern.
    pub(crate) fn lookup(&self, pattern: &UriPattern) -> Option<RegistrationId> {
        self.registrations.at(pattern)
    }

    /// The id of the registration that a call goes to.
    pub(crate) fn best_match(&self, procedure: &str) -> Option<RegistrationId> {
        self.matching(procedure).map(|(id, _)| id)
    }

    /// The registration that a call goes to. A prefix such as "" or "wam" matches nothing in the
    /// reserved namespace.
    #[inline]
    pub(super) fn matching(&self, procedure: &str) -> Option<(RegistrationId, &Registration)> {
        let id = *self.registrations.index().best_match(procedure)?;
        let registration = self.registrations.get(id)?;
        let pattern = &registration.pattern;
        let answers = pattern.policy() == MatchPolicy::Exact
            || !is_reserved(procedure)
            || is_reserved(pattern.as_str());
        answers.then_some((id, registration))
    }

    /// The number of callees of a registration.
    pub(crate) fn callee_count(&self, id: RegistrationId) -> Option<usize> {
        self.registrations.get(id).map(|registration| registration.callees.len())
    }

    /// A callee of a registration, by its place in the order in which they registered.
    pub(crate) fn callee(&self, id: RegistrationId, place: usize) -> Option<SessionKey> {
        let registration = self.registrations.get(id)?;
        registration.callees.get(place).map(|endpoint| endpoint.callee)
    }
}
