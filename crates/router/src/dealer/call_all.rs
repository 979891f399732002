//! Calls to all callees at once: every callee is invoked, and the answers are collected.
//!
//! An extension of this router: the specification names such calls ("Sharded Registration") and
//! does not define them. The result has one argument, a list with one entry for each callee that
//! was invoked, in the order in which they registered: `{"args": […], "kwargs": {…}}`, with
//! `"error": uri` for a callee that failed.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::RequestRef;
use cloverleaf_wamp::payload::{CallOutcome, Payload};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use foldhash::HashMap;

use super::answer::CallEnding;
use super::endpoint::Registration;
use super::pending_invocation::PendingInvocation;
use super::{ActiveInvocation, Assignment, CallInFlight, CallKey, Dealer, held_room};
use crate::failure::RequestFailure;
use crate::limits::MAX_COLLECTED_BYTES;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::work::{self, Work};

/// The answers to one call to all callees.
#[derive(Debug)]
pub(super) struct CallAll {
    /// In the order in which the callees registered.
    answers: Vec<CallAllAnswer>,
    /// The index of each callee's answer.
    places: HashMap<SessionKey, usize>,
    /// The number of missing answers.
    missing: usize,
    /// Bytes of the answers.
    bytes: usize,
    /// The format of the caller's arguments, in which the answers will be encoded.
    serializer: Option<Serializer>,
}

/// Bytes for a callee until it has answered: its entry, its place in a hash table that may be half
/// empty, and the URI of the failure if there is no room for its answer.
const BYTES_PER_CALLEE: usize =
    size_of::<CallAllAnswer>() + 2 * size_of::<(SessionKey, usize)>() + 64;

#[derive(Debug)]
struct CallAllAnswer {
    invoked: ActiveInvocation,
    outcome: Option<CallOutcome>,
}

impl CallAll {
    /// Invokes the callees that can be invoked. If there are none, returns the failure of the last
    /// one.
    fn ask<O: Outbox>(
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        registration: &mut Registration,
        pending: &PendingInvocation,
    ) -> Result<Self, RequestFailure> {
        let mut call_all = Self {
            answers: Vec::with_capacity(registration.callees.len()),
            places: HashMap::default(),
            missing: 0,
            bytes: 0,
            serializer: pending.payload.serializer(),
        };
        let mut failed = RequestFailure::CalleeGone;
        for place in 0..registration.callees.len() {
            if !registration.callees[place].is_free() {
                failed = RequestFailure::MaxConcurrencyReached;
                continue;
            }
            match registration.send(sessions, id, place, &mut pending.clone()) {
                Ok(invoked) => call_all.expect(invoked),
                Err(failure) => failed = failure,
            }
        }
        if call_all.answers.is_empty() { Err(failed) } else { Ok(call_all) }
    }

    /// Adds a callee that was invoked.
    fn expect(&mut self, invoked: ActiveInvocation) {
        self.places.insert(invoked.callee, self.answers.len());
        self.answers.push(CallAllAnswer { invoked, outcome: None });
        self.missing += 1;
    }

    /// The callees that have not answered.
    pub(super) fn pending(&self) -> impl Iterator<Item = ActiveInvocation> {
        let is_missing = |answer: &&CallAllAnswer| answer.outcome.is_none();
        self.answers.iter().filter(is_missing).map(|answer| answer.invoked)
    }

    /// The invocation of a callee.
    pub(super) fn of(&self, callee: SessionKey) -> Option<ActiveInvocation> {
        self.places.get(&callee).map(|place| self.answers[*place].invoked)
    }

    /// Keeps the answer of a callee. Returns its invocation and the bytes of the answer, unless it
    /// has answered before. An answer for which there is no room counts as a failure.
    fn keep(
        &mut self,
        callee: SessionKey,
        outcome: CallOutcome,
        room: usize,
    ) -> Option<(ActiveInvocation, usize)> {
        let answer = self.answers.get_mut(*self.places.get(&callee)?)?;
        if answer.outcome.is_some() {
            return None;
        }
        let room = room.min(MAX_COLLECTED_BYTES.saturating_sub(self.bytes));
        let bytes = outcome.payload.size() + outcome.error.as_ref().map_or(0, |error| error.len());
        let (outcome, bytes) = if bytes > room {
            (failure(error_uri::PAYLOAD_SIZE_EXCEEDED, Payload::EMPTY), 0)
        } else {
            (outcome, bytes)
        };
        self.bytes += bytes;
        self.missing -= 1;
        answer.outcome = Some(outcome);
        Some((answer.invoked, bytes))
    }

    /// All answers as the arguments of one result.
    fn collect(self) -> Payload {
        let outcomes: Vec<_> =
            self.answers.into_iter().filter_map(|answer| answer.outcome).collect();
        Payload::collect(self.serializer, &outcomes)
    }
}

impl Dealer {
    /// Invokes every callee of a registration.
    pub(super) fn call_all<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        pending: &PendingInvocation,
    ) -> Result<(), RequestFailure> {
        if pending.is_open() {
            return Err(RequestFailure::FeatureNotSupported(
                "a call in parts can't go to all callees at once",
            ));
        }
        let Some(registration) = self.registrations.get_mut(id) else {
            return Err(RequestFailure::CalleeGone);
        };
        let bytes = registration.callees.len() * BYTES_PER_CALLEE;
        if bytes > held_room(&self.limits, self.held_bytes, sessions, pending.caller) {
            return Err(RequestFailure::LimitReached("bytes of calls in flight"));
        }
        let asked = u32::try_from(registration.callees.len()).unwrap_or(u32::MAX);
        self.uncounted = self.uncounted.saturating_add(asked.saturating_mul(work::EVENT));
        let call_all = CallAll::ask(sessions, id, registration, pending)?;
        let mut call = CallInFlight::of(pending, request, id);
        call.assignment = Assignment::All(Box::new(call_all));
        let key = self.remember(sessions, call);
        self.hold(sessions, key, bytes);
        Ok(())
    }

    /// Keeps the answer or the failure of one callee. The call ends with the last one.
    pub(super) fn collect_answer<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        outcome: CallOutcome,
    ) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let id = call.registration;
        let Assignment::All(call_all) = &mut call.assignment else { return };
        let room = held_room(&self.limits, self.held_bytes, sessions, call.caller);
        let Some((invoked, bytes)) = call_all.keep(callee, outcome, room) else { return };
        let is_complete = call_all.missing == 0;
        self.hold(sessions, key, bytes);
        self.forget_invocation(sessions, id, invoked);
        if is_complete {
            let Some(call) = self.calls.get_mut(key.0) else { return };
            let collected = match std::mem::replace(&mut call.assignment, Assignment::Unassigned) {
                Assignment::All(call_all) => {
                    let mut work = Work::unbounded();
                    work.spend_entries(call_all.answers.len());
                    work.spend_bytes(call_all.bytes);
                    self.uncounted = self.uncounted.saturating_add(work.spent());
                    call_all.collect()
                }
                Assignment::One(_) | Assignment::Unassigned | Assignment::Queued(_) => {
                    Payload::EMPTY
                }
            };
            self.end(sessions, key, CallEnding::CallOutcome(collected));
        }
        self.released(id);
    }

    /// Whether the call goes to all callees.
    pub(super) fn is_call_all(&self, key: CallKey) -> bool {
        self.calls.get(key.0).is_some_and(|call| matches!(call.assignment, Assignment::All(_)))
    }
}

/// The failure of one of several callees.
pub(super) fn failure(error: impl Into<CompactString>, payload: Payload) -> CallOutcome {
    CallOutcome { error: Some(error.into()), payload }
}

/// The failure of one callee, with a reason of the router.
pub(super) fn refused(why: &RequestFailure) -> CallOutcome {
    failure(why.uri(), Payload::from_text(&why.to_string()))
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::ids::{InvocationId, SessionId};

    use super::*;

    #[test]
    fn the_uri_of_a_failure_counts_as_bytes_of_the_answer() {
        let callee = SessionKey::of_tests(SessionId::new(1).unwrap());
        let invocation = InvocationId::new(1).unwrap();
        let (counted, disclosed, schemas) = (None, false, None);
        let mut call_all = CallAll {
            answers: Vec::new(),
            places: HashMap::default(),
            missing: 0,
            bytes: 0,
            serializer: None,
        };
        call_all.expect(ActiveInvocation { callee, invocation, counted, disclosed, schemas });
        let outcome = failure("a".repeat(2_000), Payload::EMPTY);
        let (_, bytes) = call_all.keep(callee, outcome, 1_000).unwrap();
        let kept = call_all.answers[0].outcome.clone();
        let too_large = failure(error_uri::PAYLOAD_SIZE_EXCEEDED, Payload::EMPTY);
        assert_eq!((bytes, kept), (0, Some(too_large)));
    }
}
