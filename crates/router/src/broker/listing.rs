//! Subscriptions for the meta API, in pieces where there may be many.
//!
//! Spec: advanced profile "Subscriptions Meta API".

use std::ops::{Bound, Range};

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use super::history::History;
use super::history_query::HistoryQuery;
use super::subscribers::SubscribersCursor;
use super::{Broker, BrokerState};
use crate::failure::RequestFailure;
use crate::session::SessionKey;
use crate::wall_clock::Timestamp;
use crate::work::Work;

/// One subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubscriptionInfo<'a> {
    pub(crate) id: SubscriptionId,
    pub(crate) created: Timestamp,
    pub(crate) pattern: &'a UriPattern,
}

/// How far a listing of subscribers has come.
#[derive(Debug, Default)]
pub(crate) struct SubscriberListCursor(SubscribersCursor);

/// A query of a history in memory.
#[derive(Debug)]
pub(crate) struct MemoryHistoryQuery {
    reading: Box<HistoryQuery>,
    subscription: SubscriptionId,
    /// The places that the query has to visit.
    all: Option<Range<u64>>,
    /// The places that are left; `None` when all were visited.
    places: Option<Range<u64>>,
}

/// Without the events.
impl HeapSize for MemoryHistoryQuery {
    fn heap_size(&self) -> usize {
        self.reading.heap_size()
    }
}

impl MemoryHistoryQuery {
    /// Drops the visited events, so that all are visited again. The history may drop them
    /// meanwhile.
    pub(crate) fn restart(&mut self) {
        self.places = self.all.clone();
        self.reading.restart();
    }
}

impl Broker {
    /// The subscriptions with ids above `after`, in the order of the ids.
    pub(crate) fn subscriptions_after(
        &self,
        after: Option<SubscriptionId>,
    ) -> impl Iterator<Item = (SubscriptionId, MatchPolicy)> {
        self.subscriptions.ids_after(after)
    }

    /// The subscriptions of a session with ids above `after`, in the order of the ids.
    pub(crate) fn subscriptions_of_after(
        &self,
        holdings: &BrokerState,
        after: Option<SubscriptionId>,
    ) -> impl Iterator<Item = (SubscriptionId, MatchPolicy)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = holdings.subscriptions.range((from, Bound::Unbounded));
        self.subscriptions.with_policies(range.map(|(id, _)| *id))
    }

    /// One subscription.
    pub(crate) fn details(&self, id: SubscriptionId) -> Option<SubscriptionInfo<'_>> {
        self.subscriptions.get(id).map(|subscription| SubscriptionInfo {
            id,
            created: subscription.created,
            pattern: &subscription.pattern,
        })
    }

    /// The subscription of exactly this pattern.
    pub(crate) fn lookup(&self, pattern: &UriPattern) -> Option<SubscriptionId> {
        self.subscriptions.at(pattern)
    }

    /// Calls `found` with further subscriptions that match a topic. Returns whether there are no
    /// more.
    pub(crate) fn next_matching(
        &self,
        topic: &str,
        cursor: &mut crate::uri_index::MatchCursor,
        work: &mut Work,
        mut found: impl FnMut(SubscriptionId),
    ) -> bool {
        let visited =
            self.subscriptions.index().next_matches(topic, cursor, work.left(), |id| found(*id));
        work.spend(visited);
        cursor.is_at_end()
    }

    /// The number of subscribers of a subscription.
    pub(crate) fn subscriber_count(&self, id: SubscriptionId) -> Option<usize> {
        self.subscriptions.get(id).map(|subscription| subscription.members.len())
    }

    /// Calls `found` with further subscribers of a subscription. Returns whether there are no more.
    pub(crate) fn next_subscribers(
        &self,
        id: SubscriptionId,
        cursor: &mut SubscriberListCursor,
        work: &mut Work,
        found: impl FnMut(SessionKey),
    ) -> bool {
        let Some(subscription) = self.subscriptions.get(id) else { return true };
        subscription.members.next_members(&mut cursor.0, work, found)
    }

    /// Begins a query for the events of a subscription. A history in memory is read with
    /// [`Broker::continue_reading`]; the event store answers for its own.
    ///
    /// # Errors
    /// The subscription has no history.
    pub(crate) fn begin_reading(
        &mut self,
        id: SubscriptionId,
        reading: HistoryQuery,
    ) -> Result<Option<MemoryHistoryQuery>, RequestFailure> {
        let history = self.subscriptions.get(id).and_then(|held| held.history.as_ref());
        let history = history.ok_or(RequestFailure::HistoryUnavailable(id))?;
        if let Some(stored) = history.in_store() {
            return self.read_store(stored, reading).map(|()| None);
        }
        let places = match history {
            History::InMemory(events) => Some(events.places(&reading.selection)),
            History::InStore(_) => None,
        };
        let (reading, all) = (Box::new(reading), places.clone());
        Ok(Some(MemoryHistoryQuery { reading, subscription: id, all, places }))
    }

    /// Continues a query. Returns the answer when there is one.
    pub(crate) fn continue_reading(
        &self,
        history: &mut MemoryHistoryQuery,
        work: &mut Work,
    ) -> Option<Result<Payload, RequestFailure>> {
        let MemoryHistoryQuery { reading, subscription, places, .. } = history;
        let held = self.subscriptions.get(*subscription).and_then(|held| held.history.as_ref());
        if let (Some(left), Some(History::InMemory(events))) = (places.as_mut(), held)
            && !events.select(&mut reading.selection, left, work)
        {
            return None;
        }
        *places = None;
        match reading.write(work) {
            Ok(false) => None,
            Ok(true) => Some(reading.take_results()),
            Err(failure) => Some(Err(failure)),
        }
    }
}
