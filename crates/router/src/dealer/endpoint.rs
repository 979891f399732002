//! The callees of a registration, and the number of their calls.

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

/// Identifies one endpoint for ever: a callee that registers again is another endpoint, so that
/// calls in flight of its earlier endpoint are not counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndpointId(NonZeroU64);

impl EndpointId {
    /// The id of the first endpoint of a dealer.
    pub(super) const FIRST: Self = Self(NonZeroU64::MIN);

    /// The id of the next endpoint. There are never so many that a number repeats.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One callee of one registration.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) id: EndpointId,
    pub(super) callee: SessionKey,
    /// The largest number of concurrent calls.
    concurrency: Option<u64>,
    /// The number of its calls; counted only where it matters.
    pub(super) in_flight: u64,
    pub(super) disclose_caller: bool,
    pub(super) disclose_callee: bool,
    pub(super) schemas: Option<SchemasId>,
    /// The unit of the forwarded timeout, if the callee watches the timeout itself.
    pub(super) forward_timeout: Option<CallTimeoutUnit>,
}

impl Endpoint {
    /// A callee without calls that registers on these terms.
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

    /// The weight of a key at this endpoint.
    pub(super) const fn nearness(&self, key: RendezvousKey) -> u64 {
        key.nearness(RendezvousKey::of_session(self.callee.id()))
    }
}

/// A pattern and the callees for calls that match it. It exists while it has callees.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) pattern: UriPattern,
    pub(super) policy: InvokePolicy,
    pub(super) created: Timestamp,
    /// In the order in which they registered; never empty.
    pub(super) callees: Vec<Endpoint>,
    /// The place of the callee whose turn is next.
    pub(super) turn: usize,
    /// The number of callees with a limit of concurrent calls.
    limited: usize,
    /// Calls that wait for a free callee.
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
    /// A registration without callees.
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

    /// Whether the calls of each callee are counted.
    pub(super) const fn is_counted(&self) -> bool {
        self.limited > 0 || matches!(self.policy, InvokePolicy::Load)
    }

    /// Notes a call of the callee at `place`. Returns the endpoint, if its calls are counted.
    pub(super) fn occupy(&mut self, place: usize) -> Option<EndpointId> {
        if !self.is_counted() {
            return None;
        }
        let endpoint = self.callees.get_mut(place)?;
        endpoint.in_flight += 1;
        Some(endpoint.id)
    }

    /// Notes the end of a call of an endpoint. One that was removed is ignored.
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

    /// Removes a callee. The turn stays with the callee whose turn it was.
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
