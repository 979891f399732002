//! The five endings of a call (answer, failure, cancel, timeout, a side that leaves), all through
//! one function.

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{
    CallResult, CancelMode, InvocationError, RequestError, ResultDetails, RouterMessage, Yield,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::UriRule;

use super::{CallKey, Dealer, interrupt};
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};

/// How a call ends.
pub(super) enum Ending {
    /// The callee answered.
    Result(Yield),
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
}

impl Dealer {
    /// Ends a call and tells its caller.
    pub(super) fn end<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: CallKey,
        ending: Ending,
    ) {
        let Some(call) = self.take(sessions, key) else { return };
        let Some(caller) = sessions.at(call.caller).filter(|caller| !caller.leaving) else {
            return;
        };
        let failure = |error: &str, payload| {
            RouterMessage::Error(RequestError::new(call.request, error, payload))
        };
        let answer = match ending {
            Ending::Result(answer) => RouterMessage::Result(CallResult {
                request: call.request.id(),
                details: ResultDetails {
                    progress: None,
                    enc_algo: answer.options.enc_algo,
                    enc_key: answer.options.enc_key,
                    enc_serializer: answer.options.enc_serializer,
                },
                payload: answer.payload,
            }),
            Ending::Failed(InvocationError { details, error, payload, .. }) => {
                let error = error.as_str().into();
                RouterMessage::Error(RequestError {
                    request: call.request,
                    details,
                    error,
                    payload,
                })
            }
            Ending::Canceled => {
                failure(error_uri::CANCELED, Payload::from_text("the call was canceled"))
            }
            Ending::TimedOut => {
                failure(error_uri::TIMEOUT, Payload::from_text("the call timed out"))
            }
            Ending::CalleeLeft => failure(
                error_uri::CANCELED,
                Payload::from_text("callee disconnected from in-flight request"),
            ),
            Ending::CallerLeft => return,
        };
        let _ = caller.outbox.send(answer);
    }

    /// YIELD: the callee answers.
    pub(crate) fn yielded<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        answer: Yield,
    ) -> Result<(), ProtocolViolation> {
        if answer.options.progress == Some(true) {
            return Err(ProtocolViolation::Feature(
                "YIELD with progress: the caller did not ask for progressive results",
            ));
        }
        if let Some(key) = answered(sessions, callee, answer.request, "YIELD")? {
            self.end(sessions, key, Ending::Result(answer));
        }
        Ok(())
    }

    /// ERROR: the callee fails.
    pub(crate) fn failed<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        callee: SessionKey,
        mut error: InvocationError,
    ) -> Result<(), ProtocolViolation> {
        if let Some(key) = answered(sessions, callee, error.request, "ERROR")? {
            // A caller is never told a URI that is none.
            if error.error.check(UriRule::Loose).is_err() {
                error.error = error_uri::INVALID_URI.into();
            }
            self.end(sessions, key, Ending::Failed(error));
        }
        Ok(())
    }

    /// Ends everything that a leaving session had to do with calls.
    pub(crate) fn detach<O: Outbox>(&mut self, sessions: &mut Sessions<O>, gone: &Session<O>) {
        self.forget_all(gone.key, &gone.dealer);
        let mut answers: Vec<_> = gone.dealer.invocations.iter().collect();
        answers.sort_unstable();
        for (_, key) in answers {
            self.end(sessions, *key, Ending::CalleeLeft);
        }
        let mut calls: Vec<_> = gone.dealer.calls.iter().collect();
        calls.sort_unstable();
        for (_, key) in calls {
            if let Some(call) = self.calls.get(key.0)
                && let Some(callee) = sessions.at(call.callee)
            {
                let reason = error_uri::CANCELED;
                interrupt(callee, call.invocation, CancelMode::KillNoWait, reason);
            }
            self.end(sessions, *key, Ending::CallerLeft);
        }
    }
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
