//! Handles INVOCATION: starts a procedure, or continues a progressive call.

use std::task::{Context, Poll};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{
    CallTimeoutUnit, ClientMessage, Invocation, InvocationDetails, InvocationError, Yield,
    YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

use super::sending::was_accepted;
use super::{Session, SessionInner, SessionState};
use crate::answer::Answer;
use crate::error::Error;
use crate::inbox::DriverWork;
use crate::link::DeliveryOutcome;
use crate::progressive_invocation::{InvocationHost, InvocationKey, InvocationOver};
use crate::queued_invocation::QueuedInvocation;

impl Session {
    /// Handles INVOCATION. A session that `is_local` drops an invocation above the limits without a
    /// trace, since the router will use its request id again. Any other session answers it.
    pub(super) fn invoke(&self, invocation: Invocation, is_local: bool) -> DeliveryOutcome {
        let mut state = self.shared.state.lock();
        if state.closed.is_some() {
            return DeliveryOutcome::Closed;
        }
        if state.inbox.progressive.has_begun(invocation.request) {
            drop(state);
            self.continue_invocation(invocation);
            return DeliveryOutcome::Accepted;
        }
        if is_local && state.inbox.is_full() {
            return DeliveryOutcome::Dropped;
        }
        let request = invocation.request;
        let progressive = state.begin_progressive(request, &invocation.details);
        let pushed = match state.procedures.get(&invocation.registration) {
            Some(entry) => {
                let code = entry.code.clone();
                let queued = QueuedInvocation::new(invocation, progressive);
                state.inbox.push(DriverWork::Invoke(code, Box::new(queued))).map_err(|_| {
                    let text = "the callee has too many invocations at once";
                    refusal(request, error_uri::UNAVAILABLE, text)
                })
            }
            // The router sent INVOCATION before it received UNREGISTER.
            None => {
                let text = "the procedure is not registered any more";
                Err(refusal(request, error_uri::NO_SUCH_PROCEDURE, text))
            }
        };
        let (waker, ended) = match pushed {
            Ok(waker) => (waker, None),
            Err(refusal) => {
                let ended = progressive.map(|key| state.inbox.progressive.end(key.request()));
                (state.inbox.push(refusal).ok().flatten(), ended)
            }
        };
        drop(state);
        drop(ended);
        if let Some(waker) = waker {
            wake(waker);
        }
        DeliveryOutcome::Accepted
    }

    /// Adds the next part of a progressive call (advanced profile, "Progressive Call Invocations").
    #[cold]
    fn continue_invocation(&self, invocation: Invocation) {
        let Invocation { request, details, payload, .. } = invocation;
        let is_last = details.progress != Some(true);
        let (waker, ended) = self.shared.state.lock().inbox.push_args(request, payload, is_last);
        if let Some(ended) = ended {
            ended.wake();
        }
        if let Some(waker) = waker {
            wake(waker);
        }
    }
}

impl SessionState {
    /// Begins to track an invocation with progressive arguments or results. None for any other.
    fn begin_progressive(
        &mut self,
        request: InvocationId,
        details: &InvocationDetails,
    ) -> Option<InvocationKey> {
        let is_progressive_call = details.progress == Some(true);
        let is_progressive = is_progressive_call || details.receive_progress == Some(true);
        is_progressive.then(|| self.inbox.progressive.begin(request, is_progressive_call))
    }
}

impl InvocationHost for SessionInner {
    fn serializer(&self) -> Serializer {
        self.serializer
    }

    fn call_timeout_unit(&self) -> CallTimeoutUnit {
        self.state.lock().call_timeout_unit()
    }

    fn begin(&self, request: InvocationId) -> InvocationKey {
        self.state.lock().inbox.progressive.begin(request, false)
    }

    fn is_running(&self, key: InvocationKey) -> bool {
        self.state.lock().inbox.progressive.is_running(key)
    }

    fn end(&self, key: InvocationKey) {
        let ended = {
            let progressive = &mut self.state.lock().inbox.progressive;
            progressive.is_running(key).then(|| progressive.end(key.request()))
        };
        if let Some(ended) = ended {
            ended.wake();
        }
    }

    fn poll_args(
        &self,
        key: InvocationKey,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Payload>, InvocationOver>> {
        self.state.lock().inbox.progressive.poll_args(key, context)
    }

    fn send_progress(&self, key: InvocationKey, result: Answer) -> Option<Result<bool, Error>> {
        let Answer { payload, passthru } = result;
        let options = YieldOptions { progress: Some(true), passthru };
        let message = Yield { request: key.request(), options, payload };
        // As in `Session::cancel`: the connection is not replaced while the request ids are locked.
        let ids = self.ids.lock();
        if !self.state.lock().inbox.progressive.is_running(key) {
            return None;
        }
        let sent = self.link.send(ClientMessage::Yield(message));
        drop(ids);
        Some(was_accepted(sent))
    }

    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        self.link.poll_room(context)
    }
}

fn refusal(request: InvocationId, uri: &str, text: &str) -> DriverWork {
    let payload = Payload::from_text(text);
    let error = InvocationError::new(request, uri, payload);
    DriverWork::Send(Box::new(ClientMessage::Error(error)))
}
