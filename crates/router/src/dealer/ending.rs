//! The endings of a call: answer, failure, cancellation, timeout, a side that leaves, a failed
//! delivery. All go through [`Dealer::end`].

use std::collections::BTreeSet;
use std::fmt;

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{InvocationId, RegistrationId};
use cloverleaf_wamp::message::{CancelMode, InvocationError, PassthruDetails, Yield};
use cloverleaf_wamp::payload::{CallOutcome, Payload};
use cloverleaf_wamp::uri::UriRule;
use foldhash::HashMap;

use super::answer::{CallEnding, answer};
use super::registration::RegistrationChange;
use super::rerouting::reroutes;
use super::{Assignment, CallInFlight, CallKey, Dealer, DealerState, call_all, interrupt};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::validation::PayloadKind;
use crate::work::{self, Work};

impl Dealer {
    /// Ends a call and answers its caller. A callee that is free now gets the next call in the
    /// queue.
    pub(super) fn end<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        ending: CallEnding,
    ) {
        let Some(call) = self.take(sessions, key) else { return };
        if call.invoked().any(|invoked| invoked.counted.is_some()) {
            self.released(call.registration);
        }
        let Some(caller) = sessions.at(call.caller).filter(|caller| !caller.is_closing) else {
            return;
        };
        answer(sessions, caller, &call, ending);
    }

    /// Handles YIELD.
    pub(crate) fn yielded<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        answer: Yield,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(key) = answered(sessions, callee, answer.request, "YIELD")? else {
            return Ok(());
        };
        let is_part = answer.options.progress == Some(true);
        if is_part && !self.receives_progress(key) {
            // A progressive result that was not requested. The result is still to come.
            return Ok(());
        }
        if answer.options.passthru.as_deref().is_some_and(PassthruDetails::uses_passthru)
            && !self.caller_opens_passthru(sessions, key)
        {
            let failure = RequestFailure::FeatureNotSupported(
                "the caller could not open the payload of the result: it has not announced \
                 payload_passthru_mode",
            );
            self.refuse_answer(sessions, key, callee, answer.request, failure);
        } else if let Err(failure) = self.check_result(key, callee, &answer) {
            self.refuse_answer(sessions, key, callee, answer.request, failure);
        } else if is_part {
            self.yielded_part(sessions, callee, key, answer, now);
        } else if self.is_call_all(key) {
            let outcome = CallOutcome { error: None, payload: answer.payload };
            self.collect_answer(sessions, key, callee, outcome);
        } else {
            self.end(sessions, key, CallEnding::Result(answer));
        }
        Ok(())
    }

    fn caller_opens_passthru<O>(&self, sessions: &Sessions<O>, key: CallKey) -> bool {
        self.calls
            .get(key.0)
            .and_then(|call| sessions.at(call.caller))
            .is_none_or(|caller| caller.roles.caller_has(Feature::PayloadPassthruMode))
    }

    /// Validates a result, or a part of one, against its schema.
    fn check_result(
        &self,
        key: CallKey,
        callee: SessionKey,
        answer: &Yield,
    ) -> Result<(), RequestFailure> {
        let kind = PayloadKind::result(answer.options.progress);
        self.check_answer(key, callee, kind, &answer.payload, answer.options.passthru.as_deref())
    }

    /// Validates an answer against the permission with which its callee has registered.
    fn check_answer(
        &self,
        key: CallKey,
        callee: SessionKey,
        kind: PayloadKind,
        payload: &Payload,
        passthru: Option<&PassthruDetails>,
    ) -> Result<(), RequestFailure> {
        // Most realms have no schemas and need not look up the callee's permission.
        if self.validation.is_empty() {
            return Ok(());
        }
        let invoked = self.calls.get(key.0).and_then(|call| call.invoked_of(callee));
        let schemas = invoked.and_then(|invoked| invoked.schemas);
        self.validation.check(schemas, kind, payload, passthru)
    }

    /// Rejects an answer that the caller can't decode ("Payload Passthru Mode") or that fails
    /// validation: the callee gets INTERRUPT, the caller ERROR.
    pub(super) fn refuse_answer<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        invocation: InvocationId,
        failure: RequestFailure,
    ) {
        if let Some(callee) = sessions.at(callee) {
            interrupt(callee, invocation, CancelMode::KillNoWait, failure.uri());
        }
        self.lose(sessions, key, callee, failure);
    }

    /// Notes that a callee will not answer. A call to one callee ends.
    fn lose<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        failure: RequestFailure,
    ) {
        if self.is_call_all(key) {
            self.collect_answer(sessions, key, callee, call_all::refused(&failure));
        } else {
            self.end(sessions, key, CallEnding::Refused(failure));
        }
    }

    /// Handles ERROR of a callee.
    pub(crate) fn failed<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        error: InvocationError,
        random: impl FnMut() -> u64,
    ) -> Result<(), ProtocolViolation> {
        let Some(key) = answered(sessions, callee, error.request, "ERROR")? else {
            return Ok(());
        };
        let passthru = error.details.passthru.as_deref();
        if self.passes_on(sessions, key, callee, &error) {
            self.reroute(sessions, key, random);
        } else if let Err(failure) =
            self.check_answer(key, callee, PayloadKind::Error, &error.payload, passthru)
        {
            self.refuse_answer(sessions, key, callee, error.request, failure);
        } else {
            self.fail(sessions, key, callee, error);
        }
        Ok(())
    }

    /// Whether the callee answers that it is unavailable, so that another one is tried.
    fn passes_on<O>(
        &self,
        sessions: &Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        error: &InvocationError,
    ) -> bool {
        error.error.as_str() == error_uri::UNAVAILABLE
            && reroutes(sessions, callee)
            && !self.is_call_all(key)
    }

    /// Fails the call, or the share of one of several callees.
    fn fail<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        callee: SessionKey,
        mut error: InvocationError,
    ) {
        // A caller is never sent an invalid URI.
        if error.error.check(UriRule::Loose).is_err() {
            error.error = error_uri::INVALID_URI.into();
        }
        if self.is_call_all(key) {
            let outcome = call_all::failure(error.error.as_str(), error.payload);
            self.collect_answer(sessions, key, callee, outcome);
        } else {
            self.end(sessions, key, CallEnding::Failed(error));
        }
    }

    /// Fails an invocation that the host could not send to its callee. If it was a part of a
    /// progressive call, the callee has other parts and waits for more, so that it is interrupted.
    pub(crate) fn undeliverable<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        error: InvocationError,
    ) {
        let Ok(Some(key)) = answered(sessions, callee, error.request, "ERROR") else { return };
        let may_be_part = |call: &CallInFlight| {
            call.progressive.is_some() && matches!(call.assignment, Assignment::One(_))
        };
        if self.calls.get(key.0).is_some_and(may_be_part) {
            self.interrupt_all(sessions, key, error_uri::CANCELED);
        }
        // The text is the host's: it has no schema, and no other callee is tried.
        self.fail(sessions, key, callee, error);
    }

    /// Ends the calls and invocations of a session that has ended, as far as the work allows. Its
    /// own calls come first, so that none of them is sent when a callee becomes free. Returns
    /// whether all have ended.
    pub(crate) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        gone: SessionKey,
        leftovers: &mut DetachedCalls,
        changes: &mut Vec<RegistrationChange>,
        work: &mut Work,
    ) -> bool {
        while !work.is_spent() {
            work.spend(work::MESSAGE + self.take_work());
            if let Some(key) = leftovers.calls.next() {
                self.interrupt_all(sessions, key, error_uri::CANCELED);
                self.end(sessions, key, CallEnding::CallerLeft);
            } else if let Some(id) = leftovers.registrations.pop_first() {
                self.forget(gone, id, changes);
            } else if let Some(key) = leftovers.invocations.next() {
                self.lose(sessions, key, gone, RequestFailure::CalleeGone);
            } else {
                return true;
            }
        }
        false
    }
}

/// The entries of a session that has ended in the dealer's tables.
#[derive(Debug)]
pub(crate) struct DetachedCalls {
    calls: Calls,
    registrations: BTreeSet<RegistrationId>,
    invocations: Calls,
}

impl DetachedCalls {
    pub(crate) fn of(holdings: DealerState) -> Self {
        let DealerState { registrations, calls, invocations, .. } = holdings;
        Self { calls: Calls::of(calls), registrations, invocations: Calls::of(invocations) }
    }
}

/// Calls that are taken one by one: in order, unless they are so many that sorting would take long.
struct Calls(Box<dyn Iterator<Item = CallKey> + Send>);

impl Calls {
    /// Sorting so many takes a tenth of a millisecond.
    const SORTED: usize = 2_000;

    fn of<Id: Ord + Send + 'static>(calls: HashMap<Id, CallKey>) -> Self {
        if calls.len() > Self::SORTED {
            return Self(Box::new(calls.into_values()));
        }
        let mut sorted: Vec<_> = calls.into_iter().collect();
        sorted.sort_unstable();
        Self(Box::new(sorted.into_iter().map(|(_, key)| key)))
    }

    fn next(&mut self) -> Option<CallKey> {
        self.0.next()
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls")
    }
}

/// The call that an answer belongs to. `None` if it has already ended; a violation if the
/// invocation was never sent to this callee.
fn answered<O>(
    sessions: &Sessions<O>,
    callee: SessionKey,
    invocation: InvocationId,
    message: &'static str,
) -> Result<Option<CallKey>, ProtocolViolation> {
    let Some(session) = sessions.at(callee) else { return Ok(None) };
    match session.dealer.invocations.get(&invocation) {
        Some(key) => Ok(Some(*key)),
        None if invocation.number() <= session.dealer.invocation_ids.last() => Ok(None),
        None => {
            Err(ProtocolViolation::UnknownInvocation { message, invocation: invocation.number() })
        }
    }
}
