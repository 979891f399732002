//! Calls to all callees at once: everybody is asked, the answers are collected.
//!
//! This router's own: the specification names such calls ("Sharded Registration") and does not say
//! what they do. The result has one argument, a list with one entry for each callee that was asked,
//! in the order in which they registered: `{"args": […], "kwargs": {…}}`, or the same with
//! `"error": uri` for one that failed.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::RegistrationId;
use cloverleaf_wamp::message::RequestRef;
use cloverleaf_wamp::payload::{Collected, Payload};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;
use foldhash::HashMap;

use super::answer::Ending;
use super::endpoint::Registration;
use super::errand::Errand;
use super::{CallInFlight, CallKey, Dealer, Invoked, Target};
use crate::failure::RequestFailure;
use crate::limits::MAX_GATHERED_BYTES;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// The answers to one call to all callees.
#[derive(Debug)]
pub(super) struct Gathering {
    /// In the order in which the callees registered.
    answers: Vec<Answer>,
    /// Where the answer of each callee stands.
    places: HashMap<SessionKey, usize>,
    /// How many have not answered.
    missing: usize,
    /// How many bytes the answers hold.
    bytes: usize,
    /// The format of the caller's own arguments, in which the answers will be.
    serializer: Option<Serializer>,
}

#[derive(Debug)]
struct Answer {
    invoked: Invoked,
    outcome: Option<Collected>,
}

impl Gathering {
    /// Asks those who can be asked. When nobody can, why the last one could not.
    fn ask<O: Outbox>(
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        registration: &mut Registration,
        errand: &Errand,
    ) -> Result<Self, RequestFailure> {
        let mut gathering = Self {
            answers: Vec::with_capacity(registration.callees.len()),
            places: HashMap::default(),
            missing: 0,
            bytes: 0,
            serializer: errand.payload.serializer(),
        };
        let mut failed = RequestFailure::CalleeGone;
        for place in 0..registration.callees.len() {
            if !registration.callees[place].is_free() {
                failed = RequestFailure::MaxConcurrencyReached;
                continue;
            }
            match registration.send(sessions, id, place, &mut errand.clone()) {
                Ok(invoked) => gathering.expect(invoked),
                Err(failure) => failed = failure,
            }
        }
        if gathering.answers.is_empty() { Err(failed) } else { Ok(gathering) }
    }

    /// A callee has been asked.
    fn expect(&mut self, invoked: Invoked) {
        self.places.insert(invoked.callee, self.answers.len());
        self.answers.push(Answer { invoked, outcome: None });
        self.missing += 1;
    }

    /// The callees that have not answered.
    pub(super) fn pending(&self) -> impl Iterator<Item = Invoked> {
        let is_missing = |answer: &&Answer| answer.outcome.is_none();
        self.answers.iter().filter(is_missing).map(|answer| answer.invoked)
    }

    /// What a callee has been asked.
    pub(super) fn of(&self, callee: SessionKey) -> Option<Invoked> {
        self.places.get(&callee).map(|place| self.answers[*place].invoked)
    }

    /// Keeps the answer of a callee; what it had been asked, if it has not answered before. An
    /// answer for which there is no more room counts as a failure.
    fn keep(&mut self, callee: SessionKey, outcome: Collected) -> Option<Invoked> {
        let answer = self.answers.get_mut(*self.places.get(&callee)?)?;
        if answer.outcome.is_some() {
            return None;
        }
        let room = MAX_GATHERED_BYTES.saturating_sub(self.bytes);
        let outcome = if outcome.payload.size() > room {
            failure(error_uri::PAYLOAD_SIZE_EXCEEDED, Payload::EMPTY)
        } else {
            outcome
        };
        self.bytes += outcome.payload.size();
        self.missing -= 1;
        answer.outcome = Some(outcome);
        Some(answer.invoked)
    }

    /// All answers as the arguments of one result.
    fn collect(self) -> Payload {
        let outcomes: Vec<_> =
            self.answers.into_iter().filter_map(|answer| answer.outcome).collect();
        Payload::collect(self.serializer, &outcomes)
    }
}

impl Dealer {
    /// Asks every callee of a registration.
    pub(super) fn call_all<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
        request: RequestRef,
        errand: &Errand,
    ) -> Result<(), RequestFailure> {
        if errand.is_open() {
            return Err(RequestFailure::FeatureNotSupported(
                "a call in parts can't go to all callees at once",
            ));
        }
        let Some(registration) = self.registrations.get_mut(&id) else {
            return Err(RequestFailure::CalleeGone);
        };
        let gathering = Gathering::ask(sessions, id, registration, errand)?;
        let mut call = CallInFlight::of(errand, request, id);
        call.target = Target::All(Box::new(gathering));
        self.remember(sessions, call);
        Ok(())
    }

    /// One of several callees has answered, failed or gone. The call ends with the last of them.
    pub(super) fn gather<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        outcome: Collected,
    ) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let id = call.registration;
        let Target::All(gathering) = &mut call.target else { return };
        let Some(invoked) = gathering.keep(callee, outcome) else { return };
        let is_complete = gathering.missing == 0;
        self.forget_invocation(sessions, id, invoked);
        if is_complete {
            let Some(call) = self.calls.get_mut(key.0) else { return };
            let gathered = match std::mem::replace(&mut call.target, Target::Waiting) {
                Target::All(gathering) => gathering.collect(),
                Target::One(_) | Target::Waiting => Payload::EMPTY,
            };
            self.end(sessions, key, Ending::Gathered(gathered));
        }
        self.released(sessions, id);
    }

    /// Whether the answer of one callee does not end the call.
    pub(super) fn is_gathering(&self, key: CallKey) -> bool {
        self.calls.get(key.0).is_some_and(|call| matches!(call.target, Target::All(_)))
    }
}

/// The failure of one of several callees.
pub(super) fn failure(error: impl Into<CompactString>, payload: Payload) -> Collected {
    Collected { error: Some(error.into()), payload }
}

/// The answer that one of several callees does not give, for a reason of the router's.
pub(super) fn refused(why: &RequestFailure) -> Collected {
    failure(why.uri(), Payload::from_text(&why.to_string()))
}
