//! The endings of a call (answer, failure, cancel, timeout, a side that leaves, a router that can't
//! send it), all through one function.

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{
    CallResult, CalleeIdentity, InvocationError, RequestError, RequestRef, ResultDetails,
    RouterMessage, Yield,
};
use cloverleaf_wamp::payload::{Collected, Payload};
use cloverleaf_wamp::uri::UriRule;

use super::choice::Choice;
use super::registration::Change;
use super::{CallInFlight, CallKey, Dealer, Invoked, Target, gathering};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};

/// How a call ends.
pub(super) enum Ending {
    /// The callee answered.
    Result(Yield),
    /// All callees have answered.
    Gathered(Payload),
    /// The callee failed.
    Failed(InvocationError),
    /// The caller gave it up.
    Canceled,
    /// The clock gave it up.
    TimedOut,
    /// The callee left.
    CalleeLeft,
    /// The caller left; nobody is to be told.
    CallerLeft,
    /// Every callee has said that it is unavailable.
    NobodyAvailable,
    /// The router could not send it on.
    Refused(RequestFailure),
}

impl Dealer {
    /// Ends a call and tells its caller. A callee that is free now gets the next call that waits.
    pub(super) fn end<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        ending: Ending,
    ) {
        if let Some(id) = self.finish(sessions, key, ending) {
            self.released(sessions, id);
        }
    }

    /// Ends a call and tells its caller. The registration whose callee is free now.
    pub(super) fn finish<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        ending: Ending,
    ) -> Option<cloverleaf_wamp::ids::RegistrationId> {
        let call = self.take(sessions, key)?;
        let is_counted = call.invoked().iter().any(|invoked| invoked.counted.is_some());
        let registration = is_counted.then_some(call.registration);
        let Some(caller) = sessions.at(call.caller).filter(|caller| !caller.leaving) else {
            return registration;
        };
        if let Some(answer) = answer(sessions, &call, ending) {
            let _ = caller.outbox.send(answer);
        }
        registration
    }

    /// YIELD: the callee answers.
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
        if answer.options.progress == Some(true) {
            return self.yielded_part(sessions, callee, key, answer, now);
        }
        if let Some(carried) = &answer.options.carried
            && carried.uses_passthru()
            && !self.caller_opens_passthru(sessions, key)
        {
            let failure = RequestFailure::FeatureNotSupported(
                "the caller could not open the payload of the result: it has not announced \
                 payload_passthru_mode",
            );
            self.interrupt_all(sessions, key, error_uri::FEATURE_NOT_SUPPORTED);
            self.end(sessions, key, Ending::Refused(failure));
        } else if self.is_gathering(key) {
            let outcome = Collected { error: None, payload: answer.payload };
            self.gather(sessions, key, callee, answer.request, outcome);
        } else {
            self.end(sessions, key, Ending::Result(answer));
        }
        Ok(())
    }

    fn caller_opens_passthru<O>(&self, sessions: &Sessions<O>, key: CallKey) -> bool {
        self.calls
            .get(key.0)
            .and_then(|call| sessions.at(call.caller))
            .is_none_or(|caller| caller.roles.caller_has(Feature::PayloadPassthruMode))
    }

    /// ERROR: the callee fails.
    pub(crate) fn failed<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        mut error: InvocationError,
    ) -> Result<(), ProtocolViolation> {
        let Some(key) = answered(sessions, callee, error.request, "ERROR")? else {
            return Ok(());
        };
        // A caller is never told a URI that is none.
        if error.error.check(UriRule::Loose).is_err() {
            error.error = error_uri::INVALID_URI.into();
        }
        if self.is_gathering(key) {
            let outcome = gathering::failure(error.error.as_str(), error.payload);
            self.gather(sessions, key, callee, error.request, outcome);
        } else if error.error.as_str() == error_uri::UNAVAILABLE && reroutes(sessions, callee) {
            self.reroute(sessions, key);
        } else {
            self.end(sessions, key, Ending::Failed(error));
        }
        Ok(())
    }

    /// The callee is unavailable: another one is asked, as if this one did not exist.
    ///
    /// Spec: advanced profile "Call Re-Routing". A call whose result has begun to come, or that
    /// comes in parts, belongs to its callee.
    fn reroute<O: Outbox>(&mut self, sessions: &mut Sessions<O>, key: CallKey) {
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let (id, is_bound) = (call.registration, call.progressive.is_some() || call.canceling);
        let Target::One(invoked) = std::mem::replace(&mut call.target, Target::Waiting) else {
            return;
        };
        let Some(errand) = call.errand.as_deref_mut().filter(|_| !is_bound) else {
            call.target = Target::One(invoked);
            return self.end(sessions, key, Ending::NobodyAvailable);
        };
        let (caller, wanted) = (errand.caller.id(), errand.wanted);
        self.forget_invocation(sessions, id, invoked);
        let ending = loop {
            let Some(registration) = self.registrations.get_mut(&id) else {
                break Ending::NobodyAvailable;
            };
            let Some(call) = self.calls.get_mut(key.0) else { return };
            let Some(errand) = call.errand.as_deref_mut() else { return };
            errand.pass_over(registration, invoked.callee);
            match registration.choose(caller, wanted, errand.passed_over(), || 0) {
                Choice::At(place) => {
                    let callee = registration.callees[place].callee;
                    match self.send_again(sessions, key, place) {
                        Ok(()) => return self.released(sessions, id),
                        Err(_) => self.pass_over(key, id, callee),
                    }
                }
                Choice::Busy if self.may_wait(id) => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.waiting.push_back(key);
                    }
                    return self.released(sessions, id);
                }
                Choice::Busy => break Ending::Refused(RequestFailure::MaxConcurrencyReached),
                Choice::Nobody => break Ending::NobodyAvailable,
            }
        };
        self.end(sessions, key, ending);
        self.released(sessions, id);
    }

    fn pass_over(
        &mut self,
        key: CallKey,
        id: cloverleaf_wamp::ids::RegistrationId,
        callee: SessionKey,
    ) {
        if let Some(registration) = self.registrations.get(&id)
            && let Some(errand) = self.calls.get_mut(key.0).and_then(|call| call.errand.as_mut())
        {
            errand.pass_over(registration, callee);
        }
    }

    /// Ends everything that a leaving session had to do with calls.
    pub(crate) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        gone: &Session<O>,
    ) -> Vec<Change> {
        let changes = self.forget_all(sessions, gone.key, &gone.dealer);
        let mut answers: Vec<_> = gone.dealer.invocations.iter().collect();
        answers.sort_unstable();
        for (invocation, key) in answers {
            if self.is_gathering(*key) {
                let outcome = gathering::failure(error_uri::CANCELED, callee_left());
                self.gather(sessions, *key, gone.key, *invocation, outcome);
            } else {
                self.end(sessions, *key, Ending::CalleeLeft);
            }
        }
        let mut calls: Vec<_> = gone.dealer.calls.iter().collect();
        calls.sort_unstable();
        for (_, key) in calls {
            self.interrupt_all(sessions, *key, error_uri::CANCELED);
            self.end(sessions, *key, Ending::CallerLeft);
        }
        changes
    }
}

/// What the caller is told.
fn answer<O>(sessions: &Sessions<O>, call: &CallInFlight, ending: Ending) -> Option<RouterMessage> {
    let failure = |error: &str, text: &str| {
        Some(RouterMessage::Error(RequestError::new(call.request, error, Payload::from_text(text))))
    };
    match ending {
        Ending::Result(answer) => {
            let details = ResultDetails {
                progress: None,
                callee: call.invoked().first().and_then(|invoked| identity(sessions, *invoked)),
                carried: answer.options.carried,
            };
            Some(result(call.request, details, answer.payload))
        }
        Ending::Gathered(payload) => Some(result(call.request, ResultDetails::default(), payload)),
        Ending::Failed(InvocationError { details, error, payload, .. }) => {
            let error = error.as_str().into();
            Some(RouterMessage::Error(RequestError {
                request: call.request,
                details,
                error,
                payload,
            }))
        }
        Ending::Canceled => failure(error_uri::CANCELED, "the call was canceled"),
        Ending::TimedOut => failure(error_uri::TIMEOUT, "the call timed out"),
        Ending::CalleeLeft => Some(RouterMessage::Error(RequestError::new(
            call.request,
            error_uri::CANCELED,
            callee_left(),
        ))),
        Ending::CallerLeft => None,
        Ending::NobodyAvailable => {
            failure(error_uri::NO_AVAILABLE_CALLEE, "no callee is available at this moment")
        }
        Ending::Refused(failure) => Some(failure.answer(call.request)),
    }
}

fn result(request: RequestRef, details: ResultDetails, payload: Payload) -> RouterMessage {
    RouterMessage::Result(CallResult { request: request.id(), details, payload })
}

fn callee_left() -> Payload {
    Payload::from_text("callee disconnected from in-flight request")
}

/// Who has answered, where that is disclosed.
pub(super) fn identity<O>(sessions: &Sessions<O>, invoked: Invoked) -> Option<Box<CalleeIdentity>> {
    let callee = sessions.at(invoked.callee).filter(|_| invoked.disclosed)?;
    Some(Box::new(CalleeIdentity {
        callee: Some(callee.key.id()),
        callee_authid: Some(callee.principal.authid.clone()),
        callee_authrole: Some(callee.principal.authrole.clone()),
    }))
}

/// Whether the callee has announced that what it can't take may go to another one.
pub(super) fn reroutes<O>(sessions: &Sessions<O>, callee: SessionKey) -> bool {
    sessions.at(callee).is_some_and(|callee| callee.roles.callee_has(Feature::CallReroute))
}

/// The call that an answer belongs to. None when it has already ended; a violation when the
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
