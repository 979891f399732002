//! Calls to all callees at once: everybody is asked, the answers are collected.
//!
//! This router's own: the specification names such calls ("Sharded Registration") and does not say
//! what they do. The result has one argument, a list with one entry for each callee that was asked,
//! in the order in which they registered: `{"args": […], "kwargs": {…}}`, or the same with
//! `"error": uri` for one that failed.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
use cloverleaf_wamp::message::RequestRef;
use cloverleaf_wamp::payload::{Collected, Payload};
use cloverleaf_wamp::serializer::Serializer;
use compact_str::CompactString;

use super::answer::Ending;
use super::errand::Errand;
use super::{CallInFlight, CallKey, Dealer, Invoked, Target};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::MAX_GATHERED_BYTES;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// The answers to one call to all callees.
#[derive(Debug)]
pub(super) struct Gathering {
    pending: Vec<Invoked>,
    answers: Vec<Answer>,
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
    /// The callees that have not answered.
    pub(super) fn pending(&self) -> &[Invoked] {
        &self.pending
    }

    /// Keeps an answer. An answer for which there is no more room counts as a failure.
    fn keep(&mut self, invoked: Invoked, outcome: Collected) {
        self.pending.retain(|other| {
            (other.callee, other.invocation) != (invoked.callee, invoked.invocation)
        });
        let room = MAX_GATHERED_BYTES.saturating_sub(self.bytes);
        let outcome = if outcome.payload.size() > room {
            Collected {
                error: Some(error_uri::PAYLOAD_SIZE_EXCEEDED.into()),
                payload: Payload::EMPTY,
            }
        } else {
            outcome
        };
        self.bytes += outcome.payload.size();
        let is_its = |answer: &&mut Answer| {
            (answer.invoked.callee, answer.invoked.invocation)
                == (invoked.callee, invoked.invocation)
        };
        if let Some(answer) = self.answers.iter_mut().find(is_its) {
            answer.outcome = Some(outcome);
        }
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
        now: Moment,
    ) -> Result<(), RequestFailure> {
        if errand.is_open() {
            return Err(RequestFailure::FeatureNotSupported(
                "a call in parts can't go to all callees at once",
            ));
        }
        let count = self.registrations.get(&id).map_or(0, |held| held.callees.len());
        let mut gathering = Gathering {
            pending: Vec::with_capacity(count),
            answers: Vec::with_capacity(count),
            bytes: 0,
            serializer: errand.payload.serializer(),
        };
        let mut failed = None;
        for place in 0..count {
            let Some(registration) = self.registrations.get_mut(&id) else { break };
            if !registration.callees[place].is_free() {
                failed = Some(RequestFailure::MaxConcurrencyReached);
                continue;
            }
            match registration.send(sessions, id, place, &mut errand.clone()) {
                Ok(invoked) => {
                    gathering.pending.push(invoked);
                    gathering.answers.push(Answer { invoked, outcome: None });
                }
                Err(failure) => failed = Some(failure),
            }
        }
        if gathering.pending.is_empty() {
            return Err(failed.unwrap_or(RequestFailure::CalleeGone));
        }
        let target = Target::All(Box::new(gathering));
        let call = CallInFlight { target, ..CallInFlight::of(errand, request, id) };
        self.remember(sessions, call, now);
        Ok(())
    }

    /// One of several callees has answered, failed or gone. The call ends with the last of them.
    pub(super) fn gather<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        invocation: InvocationId,
        outcome: Collected,
    ) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let id = call.registration;
        let Target::All(gathering) = &mut call.target else { return };
        let is_its =
            |invoked: &&Invoked| (invoked.callee, invoked.invocation) == (callee, invocation);
        let Some(invoked) = gathering.pending.iter().find(is_its).copied() else { return };
        gathering.keep(invoked, outcome);
        let is_complete = gathering.pending.is_empty();
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
