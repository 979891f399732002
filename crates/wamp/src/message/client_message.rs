//! Messages from a client to a router.

use super::code::{self, name_of};
use super::pubsub::{Publish, Subscribe, Unsubscribe};
use super::rpc::{Call, Cancel, InvocationError, Register, Unregister, Yield};
use super::session::{Abort, Authenticate, Goodbye, Hello};
use crate::heap_size::HeapSize;
use crate::ids::PublicationId;
/// A message from a client to a router.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// Opens a session.
    Hello(Hello),
    /// Aborts the opening of a session.
    Abort(Abort),
    /// Answers CHALLENGE.
    Authenticate(Authenticate),
    /// Ends the session.
    Goodbye(Goodbye),
    /// Publishes an event.
    Publish(Publish),
    /// Subscribes to a topic.
    Subscribe(Subscribe),
    /// Ends a subscription.
    Unsubscribe(Unsubscribe),
    /// Calls a procedure.
    Call(Call),
    /// Cancels a call.
    Cancel(Cancel),
    /// Registers a procedure.
    Register(Register),
    /// Ends a registration.
    Unregister(Unregister),
    /// Answers INVOCATION.
    Yield(Yield),
    /// Answers INVOCATION with an error.
    Error(InvocationError),
    /// Acknowledges EVENT.
    EventReceived(PublicationId),
}

impl ClientMessage {
    /// The name in the specification's capitals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => name_of(code::HELLO),
            Self::Abort(_) => name_of(code::ABORT),
            Self::Authenticate(_) => name_of(code::AUTHENTICATE),
            Self::Goodbye(_) => name_of(code::GOODBYE),
            Self::Publish(_) => name_of(code::PUBLISH),
            Self::Subscribe(_) => name_of(code::SUBSCRIBE),
            Self::Unsubscribe(_) => name_of(code::UNSUBSCRIBE),
            Self::Call(_) => name_of(code::CALL),
            Self::Cancel(_) => name_of(code::CANCEL),
            Self::Register(_) => name_of(code::REGISTER),
            Self::Unregister(_) => name_of(code::UNREGISTER),
            Self::Yield(_) => name_of(code::YIELD),
            Self::Error(_) => name_of(code::ERROR),
            Self::EventReceived(_) => name_of(code::EVENT_RECEIVED),
        }
    }

    /// Bytes that the message takes while it waits in a queue, approximately.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.heap_size()
    }
}

impl HeapSize for ClientMessage {
    fn heap_size(&self) -> usize {
        match self {
            Self::Call(call) => {
                call.options.heap_size() + call.procedure.heap_size() + call.payload.heap_size()
            }
            Self::Yield(result) => result.options.heap_size() + result.payload.heap_size(),
            Self::Publish(publish) => {
                publish.options.heap_size()
                    + publish.topic.heap_size()
                    + publish.payload.heap_size()
            }
            Self::Error(error) => {
                error.details.heap_size() + error.error.heap_size() + error.payload.heap_size()
            }
            Self::Hello(hello) => hello.realm.heap_size() + hello.details.heap_size(),
            Self::Abort(abort) => abort.heap_size(),
            Self::Authenticate(answer) => answer.signature.len() + answer.extra.heap_size(),
            Self::Goodbye(goodbye) => goodbye.heap_size(),
            Self::Subscribe(subscribe) => {
                subscribe.options.heap_size() + subscribe.topic.heap_size()
            }
            Self::Register(register) => {
                register.options.heap_size() + register.procedure.heap_size()
            }
            Self::Cancel(cancel) => cancel.options.heap_size(),
            Self::Unsubscribe(_) | Self::Unregister(_) | Self::EventReceived(_) => 0,
        }
    }
}
