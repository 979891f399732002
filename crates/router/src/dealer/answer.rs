//! The answer to a caller at the end of its call.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallResult, CalleeIdentity, InvocationError, RequestError, RequestRef, ResultDetails,
    RouterMessage, Yield,
};
use cloverleaf_wamp::payload::Payload;

use super::{ActiveInvocation, Assignment, CallInFlight};
use crate::compatibility::Compatibility;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{Session, Sessions};

/// How a call ends.
pub(super) enum CallEnding {
    /// RESULT: the callee answered.
    Result(Yield),
    /// RESULT with the answers of all callees.
    CallOutcome(Payload),
    /// ERROR of the callee.
    Failed(InvocationError),
    /// ERROR: the caller canceled the call.
    Canceled,
    /// No answer: the caller canceled the call and expects none.
    Abandoned,
    /// ERROR: the call timed out. The preset decides on its form.
    TimedOut(Compatibility),
    /// No answer: the caller has left.
    CallerLeft,
    /// ERROR: every callee has answered that it is unavailable.
    NoneAvailable,
    /// ERROR: the router could not deliver the call or its answer.
    Refused(RequestFailure),
}

/// Sends the caller of a call its RESULT or ERROR, unless it expects none.
pub(super) fn answer<O: Outbox>(
    sessions: &Sessions<O>,
    caller: &Session<O>,
    call: &CallInFlight,
    ending: CallEnding,
) {
    let failure = |error: &str, text: &str| {
        RouterMessage::Error(RequestError::new(call.request, error, Payload::from_text(text)))
    };
    let message = match ending {
        CallEnding::Result(answer) => {
            let callee = match call.assignment {
                Assignment::One(invoked) => identity(sessions, invoked),
                Assignment::Unassigned | Assignment::Queued(_) | Assignment::All(_) => None,
            };
            let passthru = answer.options.passthru;
            let details = ResultDetails { progress: None, callee, passthru };
            result(call.request, details, answer.payload)
        }
        CallEnding::CallOutcome(payload) => result(call.request, ResultDetails::default(), payload),
        CallEnding::Failed(InvocationError { details, error, payload, .. }) => {
            let error = error.as_str().into();
            RouterMessage::Error(RequestError { request: call.request, details, error, payload })
        }
        CallEnding::Canceled => failure(error_uri::CANCELED, "the call was canceled"),
        CallEnding::TimedOut(compatibility) => {
            let told = if caller.is_internal { Compatibility::Wamp } else { compatibility };
            let (uri, text) = told.call_timeout_error();
            failure(uri, text)
        }
        CallEnding::CallerLeft | CallEnding::Abandoned => return,
        CallEnding::NoneAvailable => {
            failure(error_uri::NO_AVAILABLE_CALLEE, "no callee is available at this moment")
        }
        CallEnding::Refused(failure) => failure.answer(call.request),
    };
    let _ = caller.outbox.send(message);
}

fn result(request: RequestRef, details: ResultDetails, payload: Payload) -> RouterMessage {
    RouterMessage::Result(CallResult { request: request.id(), details, payload })
}

/// The identity of the callee, if it is disclosed.
#[inline]
pub(super) fn identity<O>(
    sessions: &Sessions<O>,
    invoked: ActiveInvocation,
) -> Option<Box<CalleeIdentity>> {
    if !invoked.disclosed {
        return None;
    }
    let callee = sessions.at(invoked.callee)?;
    Some(Box::new(CalleeIdentity {
        callee: Some(callee.key.id()),
        callee_authid: Some(callee.principal.authid.clone()),
        callee_authrole: Some(callee.principal.authrole.clone()),
    }))
}
