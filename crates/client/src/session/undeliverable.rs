//! What fails with a message that can't be sent, and what is sent in its place.

use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    Cancel, CancelMode, CancelOptions, ClientMessage, InvocationError, RequestKind,
};

use super::Session;
use crate::error::Failure;
use crate::inbox::{DriverWork, StopReason};

impl Session {
    /// For whoever owns the link: it has taken a message, and finds later that it can't be sent.
    /// Returns what is to be sent in its place.
    pub fn handle_undeliverable(
        &self,
        message: &ClientMessage,
        why: Failure,
    ) -> Option<ClientMessage> {
        match failed(message) {
            Failed::Request(kind, request) => {
                let is_in_parts = self.shared().state.lock().pending.is_in_parts(request);
                self.fail(kind, request, why);
                // The router may know other parts of the call.
                is_in_parts.then(|| cancel(request))
            }
            Failed::Answer(request) => {
                // Were it a part of the result, the procedure would go on.
                self.wake(DriverWork::GiveUp(request, StopReason::Unsendable));
                let error = InvocationError::new(request, why.uri, why.payload);
                Some(ClientMessage::Error(error))
            }
            Failed::Other => None,
        }
    }
}

fn cancel(request: RequestId) -> ClientMessage {
    let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
    ClientMessage::Cancel(Cancel { request, options })
}

enum Failed {
    Request(RequestKind, RequestId),
    Answer(InvocationId),
    Other,
}

fn failed(message: &ClientMessage) -> Failed {
    match message {
        ClientMessage::Call(call) => Failed::Request(RequestKind::Call, call.request),
        ClientMessage::Publish(publish) => Failed::Request(RequestKind::Publish, publish.request),
        ClientMessage::Register(register) => {
            Failed::Request(RequestKind::Register, register.request)
        }
        ClientMessage::Subscribe(subscribe) => {
            Failed::Request(RequestKind::Subscribe, subscribe.request)
        }
        ClientMessage::Yield(answer) => Failed::Answer(answer.request),
        ClientMessage::Error(error) => Failed::Answer(error.request),
        ClientMessage::Hello(_)
        | ClientMessage::Abort(_)
        | ClientMessage::Authenticate(_)
        | ClientMessage::Goodbye(_)
        | ClientMessage::Unsubscribe(_)
        | ClientMessage::Cancel(_)
        | ClientMessage::Unregister(_)
        | ClientMessage::EventReceived(_) => Failed::Other,
    }
}
