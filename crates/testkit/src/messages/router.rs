//! Messages that a client receives.
//!
//! # Panics
//! Every function panics if a number is not an id.

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{
    InvocationId, PublicationId, RegistrationId, RequestId, SubscriptionId,
};
use cloverleaf_wamp::message::{
    Abort, Call, CallOptions, CallResult, Cancel, CancelMode, Event, EventDetails, Goodbye,
    GoodbyeDetails, Interrupt, InterruptOptions, Invocation, InvocationDetails, Publish, Published,
    Register, Registered, RequestError, RequestKind, RequestRef, ResultDetails, RouterMessage,
    Subscribe, Subscribed, Unregister, Unregistered, Unsubscribe, Unsubscribed,
    UnsubscribedDetails,
};
use cloverleaf_wamp::payload::Payload;

use super::text;

fn request(number: u64) -> RequestId {
    RequestId::new(number).expect("a request id")
}

fn registration(number: u64) -> RegistrationId {
    RegistrationId::new(number).expect("a registration id")
}

fn subscription(number: u64) -> SubscriptionId {
    SubscriptionId::new(number).expect("a subscription id")
}

fn invocation_id(number: u64) -> InvocationId {
    InvocationId::new(number).expect("an invocation id")
}

/// ABORT of a session that violated the protocol
pub fn violation(message: &str) -> RouterMessage {
    RouterMessage::Abort(Abort::new(error_uri::PROTOCOL_VIOLATION, message))
}

/// GOODBYE
pub fn goodbye(reason: &str) -> RouterMessage {
    RouterMessage::Goodbye(Goodbye::new(reason))
}

/// GOODBYE with a text for people
pub fn goodbye_saying(reason: &str, message: &str) -> RouterMessage {
    let details = GoodbyeDetails { message: Some(message.into()) };
    RouterMessage::Goodbye(Goodbye { details, reason: reason.into() })
}

/// RESULT
pub fn result(number: u64, payload: Payload) -> RouterMessage {
    let details = ResultDetails::default();
    RouterMessage::Result(CallResult { request: request(number), details, payload })
}

/// ERROR
pub fn failed(kind: RequestKind, number: u64, error: &str, payload: Payload) -> RouterMessage {
    let request = reference(kind, number);
    RouterMessage::Error(RequestError::new(request, error, payload))
}

/// ERROR with a text, as the router sends it
pub fn refused(kind: RequestKind, number: u64, error: &str, explanation: &str) -> RouterMessage {
    failed(kind, number, error, text(explanation))
}

/// ERROR that answers a CALL because the call was canceled
pub fn canceled(number: u64) -> RouterMessage {
    refused(RequestKind::Call, number, error_uri::CANCELED, "the call was canceled")
}

/// ERROR that answers a CALL because it timed out
pub fn timed_out(number: u64) -> RouterMessage {
    refused(RequestKind::Call, number, error_uri::TIMEOUT, "the call timed out")
}

/// ERROR that answers a CALL because its callee has left
pub fn callee_gone(number: u64) -> RouterMessage {
    let explanation = "callee disconnected from in-flight request";
    refused(RequestKind::Call, number, error_uri::CANCELED, explanation)
}

/// REGISTERED
pub fn registered(number: u64, id: u64) -> RouterMessage {
    let (request, registration) = (request(number), registration(id));
    RouterMessage::Registered(Registered { request, registration })
}

/// UNREGISTERED
pub fn unregistered(number: u64) -> RouterMessage {
    RouterMessage::Unregistered(Unregistered::Answer(request(number)))
}

/// INVOCATION without details
pub fn invocation(number: u64, id: u64, payload: Payload) -> RouterMessage {
    invocation_with(number, id, InvocationDetails::default(), payload)
}

/// INVOCATION
pub fn invocation_with(
    number: u64,
    id: u64,
    details: InvocationDetails,
    payload: Payload,
) -> RouterMessage {
    RouterMessage::Invocation(Invocation {
        request: invocation_id(number),
        registration: registration(id),
        details,
        payload,
    })
}

/// INTERRUPT
pub fn interrupt(number: u64, mode: CancelMode, reason: &str) -> RouterMessage {
    let options = InterruptOptions { mode: Some(mode), reason: Some(reason.into()) };
    RouterMessage::Interrupt(Interrupt { request: invocation_id(number), options })
}

/// PUBLISHED
pub fn published(number: u64, publication: PublicationId) -> RouterMessage {
    RouterMessage::Published(Published { request: request(number), publication })
}

/// SUBSCRIBED
pub fn subscribed(number: u64, id: u64) -> RouterMessage {
    let (request, subscription) = (request(number), subscription(id));
    RouterMessage::Subscribed(Subscribed { request, subscription })
}

/// UNSUBSCRIBED
pub fn unsubscribed(number: u64) -> RouterMessage {
    RouterMessage::Unsubscribed(Unsubscribed::Answer(request(number)))
}

/// UNSUBSCRIBED that revokes a subscription
pub fn revoked(id: u64, reason: &str) -> RouterMessage {
    let details =
        UnsubscribedDetails { subscription: Some(subscription(id)), reason: Some(reason.into()) };
    RouterMessage::Unsubscribed(Unsubscribed::Revocation(details))
}

/// EVENT without details
pub fn event(id: u64, publication: PublicationId, payload: Payload) -> RouterMessage {
    event_with(id, publication, EventDetails::default(), payload)
}

/// EVENT
pub fn event_with(
    id: u64,
    publication: PublicationId,
    details: EventDetails,
    payload: Payload,
) -> RouterMessage {
    let event =
        Event { subscription: subscription(id), publication, details: Box::new(details), payload };
    RouterMessage::Event(event.into())
}

/// Refers to a request.
fn reference(kind: RequestKind, number: u64) -> RequestRef {
    let request = request(number);
    match kind {
        RequestKind::Publish => {
            let (options, topic) = (Box::default(), "a".into());
            Publish { request, options, topic, payload: Payload::EMPTY }.reference()
        }
        RequestKind::Subscribe => {
            let (options, topic) = (Default::default(), "a".into());
            Subscribe { request, options, topic }.reference()
        }
        RequestKind::Unsubscribe => {
            Unsubscribe { request, subscription: subscription(1) }.reference()
        }
        RequestKind::Call => {
            let (options, procedure) = (CallOptions::default(), "a".into());
            Call { request, options, procedure, payload: Payload::EMPTY }.reference()
        }
        RequestKind::Register => {
            let (options, procedure) = (Default::default(), "a".into());
            Register { request, options, procedure }.reference()
        }
        RequestKind::Cancel => Cancel { request, options: Default::default() }.reference(),
        RequestKind::Unregister => {
            Unregister { request, registration: registration(1) }.reference()
        }
    }
}
