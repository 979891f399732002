//! Answers of the meta API that may be long: they are collected in steps.
//!
//! What is there when a listing begins and ends is in it; what comes or goes meanwhile may be.

use cloverleaf_wamp::codec::TokenWriter;
use cloverleaf_wamp::ids::{RegistrationId, SubscriptionId};
use cloverleaf_wamp::message::{CallResult, RequestRef, ResultDetails, RouterMessage};
use cloverleaf_wamp::payload::{Encoded, NumberList, Payload};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;

use super::filter::SessionFilter;
use super::{MetaCall, value};
use crate::broker::{MemoryHistoryQuery, SubscriberListCursor};
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::limits::{LISTING_WORK_AT_ONCE, MAX_LISTINGS_OF_INTERNAL_SESSION};
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Session, SessionKey, Sessions};
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

    /// Takes over what comes of a list while there is work left, and notes the last. Whether there
    /// is no other.
    fn take<Id: Copy + Into<u64>>(
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

    fn take_result(&mut self) -> Payload {
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

/// A list of ids as the only result; it is taken out.
pub(super) fn take_result(ids: &mut NumberList) -> Payload {
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

/// What is listed.
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
    /// The sessions of a subscription.
    Subscribers { id: SubscriptionId, cursor: SubscriberListCursor, ids: NumberList },
    /// The sessions of a registration.
    Callees { id: RegistrationId, next: usize, ids: NumberList },
    /// The stored events of a subscription.
    Events(MemoryHistoryQuery),
}

/// A call that is answered in steps.
#[derive(Debug)]
pub(crate) struct Listing {
    caller: SessionKey,
    request: RequestRef,
    kind: ListingKind,
}

impl ListingKind {
    /// Forgets what was collected.
    fn restart(&mut self) {
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

impl Listing {
    /// Bytes that it holds without what it collects.
    pub(crate) fn size(&self) -> usize {
        let arguments = match &self.kind {
            ListingKind::Sessions { filter, .. } | ListingKind::SessionCount { filter, .. } => {
                filter.size()
            }
            ListingKind::Matching { topic, .. } => topic.len(),
            ListingKind::Events(history) => history.size(),
            ListingKind::Registrations { .. }
            | ListingKind::Subscriptions { .. }
            | ListingKind::Subscribers { .. }
            | ListingKind::Callees { .. } => 0,
        };
        size_of::<Self>() + arguments
    }
}

impl<O: Outbox> Realm<O> {
    /// Answers a call with a listing, now where it is short, and later otherwise.
    pub(super) fn list(
        &mut self,
        meta: MetaCall<'_>,
        kind: ListingKind,
    ) -> Result<Option<Payload>, RequestFailure> {
        self.check_listings(meta.from)?;
        self.count_listing(meta.from);
        let mut listing =
            Box::new(Listing { caller: meta.from, request: meta.call.reference(), kind });
        // A caller inside the router may make many calls in a turn, each with a step of its own.
        let mut work = Work::of(LISTING_WORK_AT_ONCE.min(self.work.left()));
        let outcome = self.advance(&mut listing.kind, &mut work);
        self.work.spend(work.spent());
        let outcome =
            outcome.or_else(|| self.jobs.check_room_for_call(listing.size()).err().map(Err));
        match outcome {
            Some(outcome) => self.finish_listing(listing.caller, listing.request, outcome),
            None => {
                if self.jobs.makes_calls_wait() {
                    // Only those that take turns hold what they have collected.
                    listing.kind.restart();
                }
                self.jobs.push(Job::Listing(listing));
            }
        }
        self.wait_if_busy(meta.from);
        Ok(None)
    }

    /// Whether a session may have another call that is answered in steps. One that can wait is told
    /// to when it has as many as it may.
    pub(super) fn check_listings(&self, caller: SessionKey) -> Result<(), RequestFailure> {
        let is_full = |session: &Session<O>| {
            session.is_internal && session.listings >= MAX_LISTINGS_OF_INTERNAL_SESSION
        };
        if self.sessions.at(caller).is_some_and(is_full) {
            return Err(RequestFailure::CallerBusy);
        }
        Ok(())
    }

    /// Notes that a session has another call that is answered in steps.
    pub(super) fn count_listing(&mut self, caller: SessionKey) {
        if let Some(session) = self.sessions.at_mut(caller) {
            session.listings += 1;
        }
    }

    /// Goes on with a listing. The listing, unless it is done.
    pub(crate) fn continue_listing(&mut self, mut listing: Box<Listing>) -> Option<Box<Listing>> {
        self.sessions.at(listing.caller)?;
        let mut work = self.work;
        let outcome = self.advance(&mut listing.kind, &mut work);
        self.work = work;
        let Some(outcome) = outcome else { return Some(listing) };
        self.finish_listing(listing.caller, listing.request, outcome);
        None
    }

    /// Answers a call whose listing is done.
    pub(crate) fn finish_listing(
        &mut self,
        caller: SessionKey,
        request: RequestRef,
        outcome: Result<Payload, RequestFailure>,
    ) {
        let Some(session) = self.sessions.at_mut(caller) else { return };
        session.listings -= 1;
        if !session.is_closing {
            let _ = session.outbox.send(match outcome {
                Ok(payload) => {
                    let (request, details) = (request.id(), ResultDetails::default());
                    RouterMessage::Result(CallResult { request, details, payload })
                }
                Err(failure) => failure.answer(request),
            });
        }
        self.resume(caller);
    }

    /// Collects more. The outcome, when everything is collected.
    fn advance(
        &self,
        kind: &mut ListingKind,
        work: &mut Work,
    ) -> Option<Result<Payload, RequestFailure>> {
        match kind {
            ListingKind::Sessions { filter, next, ids } => {
                let push = |id| ids.push(id);
                list_sessions(&self.sessions, filter, next, work, push)
                    .then(|| Ok(take_result(ids)))
            }
            ListingKind::SessionCount { filter, next, count } => {
                list_sessions(&self.sessions, filter, next, work, |_| *count += 1)
                    .then(|| Ok(value(*count)))
            }
            ListingKind::Registrations { of, after, lists } => {
                let is_done = match of {
                    None => lists.take(self.dealer.registrations_after(*after), after, work),
                    Some(key) => self.sessions.at(*key).is_none_or(|session| {
                        let its = self.dealer.registrations_of_after(&session.dealer, *after);
                        lists.take(its, after, work)
                    }),
                };
                is_done.then(|| Ok(lists.take_result()))
            }
            ListingKind::Subscriptions { of, after, lists } => {
                let is_done = match of {
                    None => lists.take(self.broker.subscriptions_after(*after), after, work),
                    Some(key) => self.sessions.at(*key).is_none_or(|session| {
                        let its = self.broker.subscriptions_of_after(&session.broker, *after);
                        lists.take(its, after, work)
                    }),
                };
                is_done.then(|| Ok(lists.take_result()))
            }
            ListingKind::Matching { topic, cursor, ids } => {
                let push = |id: SubscriptionId| ids.push(id.number());
                self.broker
                    .next_matching(topic, cursor, work, push)
                    .then(|| Ok(if ids.is_empty() { value(()) } else { take_result(ids) }))
            }
            ListingKind::Subscribers { id, cursor, ids } => {
                let push = |key: SessionKey| ids.push(key.id().number());
                self.broker.next_subscribers(*id, cursor, work, push).then(|| Ok(take_result(ids)))
            }
            ListingKind::Callees { id, next, ids } => {
                while !work.is_spent() {
                    work.spend(work::ENTRY);
                    let Some(callee) = self.dealer.callee(*id, *next) else {
                        return Some(Ok(take_result(ids)));
                    };
                    *next += 1;
                    ids.push(callee.id().number());
                }
                None
            }
            ListingKind::Events(reading) => self.broker.continue_reading(reading, work),
        }
    }
}

/// Calls `found` with the ids of further sessions. Whether there is no other.
fn list_sessions<O>(
    sessions: &Sessions<O>,
    filter: &SessionFilter,
    next: &mut usize,
    work: &mut Work,
    mut found: impl FnMut(u64),
) -> bool {
    while !work.is_spent() {
        let Some((session, behind)) = sessions.next_from(*next) else { return true };
        // Places that are free cost a look, too.
        work.spend_entries(behind - *next);
        *next = behind;
        if filter.selects(&session.principal) {
            found(session.key.id().number());
        }
    }
    false
}
