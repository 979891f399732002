//! Messages from a router to a client.

use super::code::{self, name_of};
use super::event::SharedEvent;
use super::pubsub::{Published, Subscribed, Unsubscribed};
use super::rpc::{CallResult, Interrupt, Invocation, Registered, RequestError, Unregistered};
use super::session::{Abort, Challenge, Goodbye, Welcome};
use crate::heap_size::HeapSize;
/// A message from a router to a client.
#[derive(Debug, Clone, PartialEq)]
pub enum RouterMessage {
    /// Opens the session.
    Welcome(Welcome),
    /// Refuses to open the session, or ends it because of a protocol violation.
    Abort(Abort),
    /// Requests proof of identity.
    Challenge(Challenge),
    /// Ends the session.
    Goodbye(Goodbye),
    /// Acknowledges PUBLISH.
    Published(Published),
    /// Acknowledges SUBSCRIBE.
    Subscribed(Subscribed),
    /// Acknowledges UNSUBSCRIBE, or revokes a subscription.
    Unsubscribed(Unsubscribed),
    /// Delivers an event. All subscribers of a subscription share it.
    Event(SharedEvent),
    /// Answers CALL.
    Result(CallResult),
    /// Acknowledges REGISTER.
    Registered(Registered),
    /// Acknowledges UNREGISTER, or revokes a registration.
    Unregistered(Unregistered),
    /// Calls a callee.
    Invocation(Invocation),
    /// Interrupts an invocation.
    Interrupt(Interrupt),
    /// Answers a request with an error.
    Error(RequestError),
}

impl RouterMessage {
    /// The name in the specification's capitals.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => name_of(code::WELCOME),
            Self::Abort(_) => name_of(code::ABORT),
            Self::Challenge(_) => name_of(code::CHALLENGE),
            Self::Goodbye(_) => name_of(code::GOODBYE),
            Self::Published(_) => name_of(code::PUBLISHED),
            Self::Subscribed(_) => name_of(code::SUBSCRIBED),
            Self::Unsubscribed(_) => name_of(code::UNSUBSCRIBED),
            Self::Event(_) => name_of(code::EVENT),
            Self::Result(_) => name_of(code::RESULT),
            Self::Registered(_) => name_of(code::REGISTERED),
            Self::Unregistered(_) => name_of(code::UNREGISTERED),
            Self::Invocation(_) => name_of(code::INVOCATION),
            Self::Interrupt(_) => name_of(code::INTERRUPT),
            Self::Error(_) => name_of(code::ERROR),
        }
    }

    /// Bytes that the message takes while it waits in a queue, approximately.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.heap_size()
    }
}

impl HeapSize for RouterMessage {
    fn heap_size(&self) -> usize {
        match self {
            Self::Event(event) => event.size(),
            Self::Result(result) => result.details.heap_size() + result.payload.heap_size(),
            Self::Invocation(invocation) => {
                invocation.details.heap_size() + invocation.payload.heap_size()
            }
            Self::Error(error) => {
                error.error.len() + error.details.heap_size() + error.payload.heap_size()
            }
            Self::Welcome(welcome) => welcome.details.heap_size(),
            Self::Abort(abort) => abort.heap_size(),
            Self::Challenge(challenge) => challenge.authmethod.len() + challenge.extra.heap_size(),
            Self::Goodbye(goodbye) => goodbye.heap_size(),
            Self::Unsubscribed(Unsubscribed::Revocation(details)) => details.heap_size(),
            Self::Unregistered(Unregistered::Revocation(details)) => details.heap_size(),
            Self::Interrupt(interrupt) => interrupt.options.heap_size(),
            Self::Published(_)
            | Self::Subscribed(_)
            | Self::Registered(_)
            | Self::Unsubscribed(Unsubscribed::Answer(_))
            | Self::Unregistered(Unregistered::Answer(_)) => 0,
        }
    }
}
