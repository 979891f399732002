//! Handles a message that the link has accepted and could not send.

use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    Cancel, CancelMode, CancelOptions, ClientMessage, InvocationError, RequestKind,
};

use super::Session;
use crate::error::Failure;
use crate::inbox::{DriverWork, StopReason};

impl Session {
    /// Reports that the link has accepted `message` and cannot send it, for example because it is
    /// too long for the router. Called by the owner of the link.
    ///
    /// A request fails with `why`; an answer to an invocation is replaced by ERROR. Returns the
    /// message to send instead, if any.
    pub fn handle_undeliverable(
        &self,
        message: &ClientMessage,
        why: Failure,
    ) -> Option<ClientMessage> {
        match effect_of(message) {
            Undelivered::Request(kind, request) => {
                let is_progressive = self.shared().state.lock().pending.is_progressive(request);
                self.fail(kind, request, why);
                // The router may have received other parts of the call.
                is_progressive.then(|| cancel(request))
            }
            Undelivered::Answer(request) => {
                // After a progressive result the procedure is still running.
                self.queue_work(DriverWork::StopProcedure(request, StopReason::Unsendable));
                let error = InvocationError::new(request, why.uri, why.payload);
                Some(ClientMessage::Error(error))
            }
            Undelivered::Other => None,
        }
    }
}

fn cancel(request: RequestId) -> ClientMessage {
    let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
    ClientMessage::Cancel(Cancel { request, options })
}

/// The exchange that an undeliverable message belongs to.
enum Undelivered {
    Request(RequestKind, RequestId),
    /// YIELD or ERROR for an invocation.
    Answer(InvocationId),
    Other,
}

fn effect_of(message: &ClientMessage) -> Undelivered {
    match message {
        ClientMessage::Call(call) => Undelivered::Request(RequestKind::Call, call.request),
        ClientMessage::Publish(publish) => {
            Undelivered::Request(RequestKind::Publish, publish.request)
        }
        ClientMessage::Register(register) => {
            Undelivered::Request(RequestKind::Register, register.request)
        }
        ClientMessage::Subscribe(subscribe) => {
            Undelivered::Request(RequestKind::Subscribe, subscribe.request)
        }
        ClientMessage::Yield(answer) => Undelivered::Answer(answer.request),
        ClientMessage::Error(error) => Undelivered::Answer(error.request),
        ClientMessage::Hello(_)
        | ClientMessage::Abort(_)
        | ClientMessage::Authenticate(_)
        | ClientMessage::Goodbye(_)
        | ClientMessage::Unsubscribe(_)
        | ClientMessage::Cancel(_)
        | ClientMessage::Unregister(_)
        | ClientMessage::EventReceived(_) => Undelivered::Other,
    }
}
