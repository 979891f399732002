//! Long answers of the meta API: they are collected in steps.
//!
//! An answer contains what exists from its beginning to its end; what comes or goes meanwhile may
//! be missing.

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::message::{CallResult, RequestRef, ResultDetails, RouterMessage};
use cloverleaf_wamp::payload::Payload;

use super::{MetaCall, value};
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::jobs::listing::{Listing, ListingKind, take_result};
use crate::jobs::session_filter::SessionFilter;
use crate::limits::{LISTING_WORK_AT_ONCE, MAX_LISTINGS_OF_INTERNAL_SESSION};
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Session, SessionKey, Sessions};
use crate::work::{self, Work};

impl<O: Outbox> Realm<O> {
    /// Answers a call with a listing, now if it is short, and later otherwise.
    pub(super) fn list(
        &mut self,
        meta: MetaCall<'_>,
        kind: ListingKind,
    ) -> Result<Option<Payload>, RequestFailure> {
        self.check_listings(meta.from)?;
        self.count_listing(meta.from);
        let mut listing =
            Box::new(Listing { caller: meta.from, request: meta.call.reference(), kind });
        // An internal session may make many calls in a turn, each with a step of its own.
        let mut work = Work::of(LISTING_WORK_AT_ONCE.min(self.work.left()));
        let outcome = self.advance(&mut listing.kind, &mut work);
        self.work.spend(work.spent());
        let outcome = outcome.or_else(|| {
            self.jobs.check_room_for_call(Listing::total_size(&listing)).err().map(Err)
        });
        match outcome {
            Some(outcome) => self.finish_listing(listing.caller, listing.request, outcome),
            None => {
                if self.jobs.makes_calls_wait() {
                    // Only listings that take turns hold what they have collected.
                    listing.kind.restart();
                }
                self.jobs.push(Job::Listing(listing));
            }
        }
        self.wait_if_busy(meta.from);
        Ok(None)
    }

    /// Checks that a session may have another call that is answered in steps. A session that can
    /// pause is paused at its limit instead.
    pub(super) fn check_listings(&self, caller: SessionKey) -> Result<(), RequestFailure> {
        let is_full = |session: &Session<O>| {
            session.is_internal && session.listings >= MAX_LISTINGS_OF_INTERNAL_SESSION
        };
        if self.sessions.at(caller).is_some_and(is_full) {
            return Err(RequestFailure::CallerBusy);
        }
        Ok(())
    }

    /// Counts a call that is answered in steps.
    pub(super) fn count_listing(&mut self, caller: SessionKey) {
        if let Some(session) = self.sessions.at_mut(caller) {
            session.listings += 1;
        }
    }

    /// Continues a listing. Returns it, unless it is done.
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

    /// Collects more. Returns the outcome when everything is collected.
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

/// Calls `found` with the ids of further sessions. Returns whether there are no more.
fn list_sessions<O>(
    sessions: &Sessions<O>,
    filter: &SessionFilter,
    next: &mut usize,
    work: &mut Work,
    mut found: impl FnMut(u64),
) -> bool {
    while !work.is_spent() {
        let Some((session, behind)) = sessions.next_from(*next) else { return true };
        // Free places of the table cost a visit, too.
        work.spend_entries(behind - *next);
        *next = behind;
        if filter.selects(&session.principal) {
            found(session.key.id().number());
        }
    }
    false
}
