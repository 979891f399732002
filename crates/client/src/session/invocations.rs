//! What becomes of an INVOCATION: a procedure is run, or a call that has begun goes on.

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{ClientMessage, Invocation, InvocationDetails, InvocationError};
use cloverleaf_wamp::payload::Payload;

use super::{Session, SessionState};
use crate::inbox::{DriverWork, QueuedInvocation};
use crate::progressive_invocation::InvocationKey;

impl Session {
    pub(super) fn invoke(&self, invocation: Invocation) {
        let mut state = self.shared.state.lock();
        if state.inbox.progressive.has_begun(invocation.request) {
            drop(state);
            return self.continue_invocation(invocation);
        }
        let request = invocation.request;
        let exchange = state.begin_exchange(request, &invocation.details);
        let pushed = match state.procedures.get(&invocation.registration) {
            Some(entry) => {
                let code = entry.code.clone();
                let work =
                    DriverWork::Invoke(code, Box::new(QueuedInvocation::new(invocation, exchange)));
                state.inbox.push(work).map_err(|_| {
                    let text = "the callee has too many invocations at once";
                    refusal(request, error_uri::UNAVAILABLE, text)
                })
            }
            // An invocation that crossed UNREGISTER.
            None => {
                let text = "the procedure is not registered any more";
                Err(refusal(request, error_uri::NO_SUCH_PROCEDURE, text))
            }
        };
        let (waker, ended) = match pushed {
            Ok(waker) => (waker, None),
            Err(refusal) => {
                let ended = exchange.map(|key| state.inbox.progressive.end(key.request()));
                (state.inbox.push(refusal).ok().flatten(), ended)
            }
        };
        drop(state);
        drop(ended);
        if let Some(waker) = waker {
            wake(waker);
        }
    }

    /// Another part of a call has arrived (advanced profile, "Progressive Call Invocations").
    #[cold]
    fn continue_invocation(&self, invocation: Invocation) {
        let Invocation { request, details, payload, .. } = invocation;
        let is_last = details.progress != Some(true);
        let (waker, ended) = self.shared.state.lock().inbox.push_part(request, payload, is_last);
        if let Some(ended) = ended {
            ended.wake();
        }
        if let Some(waker) = waker {
            wake(waker);
        }
    }
}

impl SessionState {
    /// Takes note of an invocation during which more will be said.
    fn begin_exchange(
        &mut self,
        request: InvocationId,
        details: &InvocationDetails,
    ) -> Option<InvocationKey> {
        let is_in_parts = details.progress == Some(true);
        let is_exchange = is_in_parts || details.receive_progress == Some(true);
        is_exchange.then(|| self.inbox.progressive.begin(request, is_in_parts))
    }
}

fn refusal(request: InvocationId, uri: &str, text: &str) -> DriverWork {
    let payload = Payload::from_text(text);
    let error = InvocationError::new(request, uri, payload);
    DriverWork::Send(Box::new(ClientMessage::Error(error)))
}
