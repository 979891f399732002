//! The callees of a registration, and how many calls each of them has.

use std::num::NonZeroU64;

use cloverleaf_wamp::ids::{IdSequence, RegistrationId};
use cloverleaf_wamp::message::{CallTimeoutUnit, InvokePolicy};
use cloverleaf_wamp::uri::UriPattern;

use super::RegistrationTerms;
use super::call_queue::WaitingCalls;
use crate::directory::DirectoryEntry;
use crate::rendezvous::RendezvousKey;
use crate::session::SessionKey;
use crate::validation::SchemasId;
use crate::wall_clock::Timestamp;

/// Names one endpoint for ever: a callee that registers again is another endpoint, so that what its
/// earlier one had in flight is not counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndpointId(NonZeroU64);

impl EndpointId {
    /// Of the first endpoint of a dealer.
    pub(super) const FIRST: Self = Self(NonZeroU64::MIN);

    /// Of the endpoint that comes next. There are never so many that a number comes again.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One callee of one registration.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: EndpointId,
    pub(super) callee: SessionKey,
    /// How many calls it takes at the same time.
    concurrency: Option<u64>,
    /// How many it has; counted only where that matters.
    pub(super) in_flight: u64,
    pub(super) disclose_caller: bool,
    pub(super) disclose_callee: bool,
    pub(super) schemas: Option<SchemasId>,
    /// The unit in which it gets the timeout, if it watches the time itself.
    pub(super) forward_timeout: Option<CallTimeoutUnit>,
}

impl Endpoint {
    /// A callee that has registered on these terms, and has no call yet.
    pub(super) const fn new(id: EndpointId, callee: SessionKey, terms: RegistrationTerms) -> Self {
        Self {
            id,
            callee,
            concurrency: terms.concurrency,
            in_flight: 0,
            disclose_caller: terms.disclose_caller,
            disclose_callee: terms.disclose_callee,
            schemas: terms.schemas,
            forward_timeout: terms.forward_timeout,
        }
    }

    /// Whether it takes another call.
    pub(super) fn is_free(&self) -> bool {
        self.concurrency.is_none_or(|most| self.in_flight < most)
    }

    /// How near it is to a key.
    pub(super) const fn nearness(&self, key: RendezvousKey) -> u64 {
        key.nearness(RendezvousKey::of_session(self.callee.id()))
    }
}

/// A pattern and who answers calls that match it; it exists as long as anybody does.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) pattern: UriPattern,
    pub(super) policy: InvokePolicy,
    pub(super) created: Timestamp,
    /// In the order in which they registered; never empty.
    pub(super) callees: Vec<Endpoint>,
    /// Whose turn it is.
    pub(super) turn: usize,
    /// How many callees have a limit of concurrent calls.
    limited: usize,
    /// Calls that wait for a callee to be free.
    pub(super) waiting: WaitingCalls,
}

impl DirectoryEntry for Registration {
    type Id = RegistrationId;

    fn next_id(ids: &mut IdSequence) -> RegistrationId {
        ids.next_registration()
    }

    fn pattern(&self) -> &UriPattern {
        &self.pattern
    }
}

impl Registration {
    /// A registration that has no callee yet.
    pub(super) fn new(
        pattern: UriPattern,
        policy: InvokePolicy,
        created: Timestamp,
        queue_limit: usize,
    ) -> Self {
        Self {
            pattern,
            policy,
            created,
            callees: Vec::with_capacity(1),
            turn: 0,
            limited: 0,
            waiting: WaitingCalls::new(queue_limit),
        }
    }

    /// Whether it matters how many calls each callee has.
    pub(super) const fn is_counted(&self) -> bool {
        self.limited > 0 || matches!(self.policy, InvokePolicy::Load)
    }

    /// A call has gone to the callee at this place. The endpoint, if its calls are counted.
    pub(super) fn occupy(&mut self, place: usize) -> Option<EndpointId> {
        if !self.is_counted() {
            return None;
        }
        let endpoint = self.callees.get_mut(place)?;
        endpoint.in_flight += 1;
        Some(endpoint.id)
    }

    /// A call of an endpoint has ended. One that is gone is passed over.
    pub(super) fn release(&mut self, endpoint: EndpointId) {
        if let Some(endpoint) = self.callees.iter_mut().find(|held| held.id == endpoint) {
            endpoint.in_flight -= 1;
        }
    }

    /// Adds a callee behind the others.
    pub(super) fn add(&mut self, endpoint: Endpoint) {
        self.limited += usize::from(endpoint.concurrency.is_some());
        self.callees.push(endpoint);
    }

    /// Takes a callee away; the turn stays with the one whose turn it was.
    pub(super) fn remove(&mut self, callee: SessionKey) {
        if let Some(place) = self.callees.iter().position(|endpoint| endpoint.callee == callee) {
            let endpoint = self.callees.remove(place);
            self.limited -= usize::from(endpoint.concurrency.is_some());
            if place < self.turn {
                self.turn -= 1;
            }
        }
    }
}
