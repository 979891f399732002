//! Long answers of the meta API, and what they have collected.

use cloverleaf_wamp::codec::TokenWriter;
use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::{RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::RequestRef;
use cloverleaf_wamp::payload::{Encoded, NumberList, Payload};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;

use super::session_filter::SessionFilter;
use crate::broker::{MemoryHistoryQuery, SubscriberListCursor};
use crate::session::SessionKey;
use crate::uri_index::MatchCursor;
use crate::work::{self, Work};

/// Ids by match policy.
#[derive(Debug, Default)]
pub(crate) struct IdLists {
    exact: NumberList,
    prefix: NumberList,
    wildcard: NumberList,
}

impl IdLists {
    fn push(&mut self, policy: MatchPolicy, id: u64) {
        match policy {
            MatchPolicy::Exact => self.exact.push(id),
            MatchPolicy::Prefix => self.prefix.push(id),
            MatchPolicy::Wildcard => self.wildcard.push(id),
        }
    }

    /// Adds further ids while there is work left, and notes the last. Returns whether there are no
    /// more.
    pub(crate) fn take<Id: Copy + Into<u64>>(
        &mut self,
        mut ids: impl Iterator<Item = (Id, MatchPolicy)>,
        last: &mut Option<Id>,
        work: &mut Work,
    ) -> bool {
        while !work.is_spent() {
            let Some((id, policy)) = ids.next() else { return true };
            work.spend(work::ENTRY);
            self.push(policy, id.into());
            *last = Some(id);
        }
        false
    }

    pub(crate) fn take_result(&mut self) -> Payload {
        let Self { exact, prefix, wildcard } = std::mem::take(self);
        result(|writer| {
            writer.map_start(3);
            for (policy, ids) in [("exact", exact), ("prefix", prefix), ("wildcard", wildcard)] {
                writer.key(policy);
                writer.encoded(Encoded::from(ids).bytes());
            }
            writer.map_end();
        })
    }
}

/// Takes the ids out as a list, the only result.
pub(crate) fn take_result(ids: &mut NumberList) -> Payload {
    let ids = Encoded::from(std::mem::take(ids));
    result(|writer| writer.encoded(ids.bytes()))
}

/// One result in JSON.
fn result(write: impl FnOnce(&mut dyn TokenWriter)) -> Payload {
    let written = Payload::compose(Serializer::Json, |writer| {
        write(writer);
        Ok(())
    });
    written.unwrap_or_default()
}

/// The kind of a listing, and what it has collected.
#[derive(Debug)]
pub(crate) enum ListingKind {
    /// Ids of sessions, from a place in their table on.
    Sessions { filter: SessionFilter, next: usize, ids: NumberList },
    /// The number of sessions.
    SessionCount { filter: SessionFilter, next: usize, count: usize },
    /// Ids of registrations, of all sessions or of one.
    Registrations { of: Option<SessionKey>, after: Option<RegistrationId>, lists: IdLists },
    /// Ids of subscriptions, of all sessions or of one.
    Subscriptions { of: Option<SessionKey>, after: Option<SubscriptionId>, lists: IdLists },
    /// Ids of the subscriptions that match a topic; null where there are none.
    Matching { topic: String, cursor: MatchCursor, ids: NumberList },
    /// Ids of the subscribers of a subscription.
    Subscribers { id: SubscriptionId, cursor: SubscriberListCursor, ids: NumberList },
    /// Ids of the callees of a registration.
    Callees { id: RegistrationId, next: usize, ids: NumberList },
    /// The stored events of a subscription.
    Events(MemoryHistoryQuery),
}

/// A call that is answered in steps.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) caller: SessionKey,
    pub(crate) request: RequestRef,
    pub(crate) kind: ListingKind,
}

impl ListingKind {
    /// Drops what was collected.
    pub(crate) fn restart(&mut self) {
        match self {
            Self::Sessions { next, ids, .. } | Self::Callees { next, ids, .. } => {
                (*next, *ids) = (0, NumberList::default());
            }
            Self::SessionCount { next, count, .. } => (*next, *count) = (0, 0),
            Self::Registrations { after, lists, .. } => {
                (*after, *lists) = (None, IdLists::default())
            }
            Self::Subscriptions { after, lists, .. } => {
                (*after, *lists) = (None, IdLists::default())
            }
            Self::Matching { cursor, ids, .. } => {
                (*cursor, *ids) = (MatchCursor::default(), NumberList::default());
            }
            Self::Subscribers { cursor, ids, .. } => {
                (*cursor, *ids) = (SubscriberListCursor::default(), NumberList::default());
            }
            Self::Events(history) => history.restart(),
        }
    }
}

/// Without what it has collected.
impl HeapSize for Listing {
    fn heap_size(&self) -> usize {
        match &self.kind {
            ListingKind::Sessions { filter, .. } | ListingKind::SessionCount { filter, .. } => {
                filter.heap_size()
            }
            ListingKind::Matching { topic, .. } => topic.len(),
            ListingKind::Events(history) => history.heap_size(),
            ListingKind::Registrations { .. }
            | ListingKind::Subscriptions { .. }
            | ListingKind::Subscribers { .. }
            | ListingKind::Callees { .. } => 0,
        }
    }
}
