//! Messages that a client sends.
//!
//! # Panics
//! Every function panics if a number is not an id.

use cloverleaf_wamp::ids::{
    InvocationId, PublicationId, RegistrationId, RequestId, SubscriptionId,
};
use cloverleaf_wamp::message::{
    Call, CallOptions, Cancel, CancelMode, CancelOptions, ClientMessage, Goodbye, Hello,
    HelloDetails, InvocationError, InvokePolicy, Publish, PublishOptions, Register,
    RegisterOptions, Subscribe, SubscribeOptions, Unregister, Unsubscribe, Yield, YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::MatchPolicy;

use crate::lab::REALM;

fn request(number: u64) -> RequestId {
    RequestId::new(number).expect("a request id")
}

fn invocation(number: u64) -> InvocationId {
    InvocationId::new(number).expect("an invocation id")
}

/// HELLO inside a session
pub fn hello() -> ClientMessage {
    ClientMessage::Hello(Hello { realm: REALM.into(), details: HelloDetails::default() })
}

/// GOODBYE
pub fn goodbye(reason: &str) -> ClientMessage {
    ClientMessage::Goodbye(Goodbye::new(reason))
}

/// CALL without options
pub fn call(number: u64, procedure: &str, payload: Payload) -> ClientMessage {
    call_with(number, CallOptions::default(), procedure, payload)
}

/// CALL
pub fn call_with(
    number: u64,
    options: CallOptions,
    procedure: &str,
    payload: Payload,
) -> ClientMessage {
    ClientMessage::Call(Call {
        request: request(number),
        options,
        procedure: procedure.into(),
        payload,
    })
}

/// CANCEL; without a mode if `mode` is `None`
pub fn cancel(number: u64, mode: Option<CancelMode>) -> ClientMessage {
    let options = CancelOptions { mode: mode.map(Into::into) };
    ClientMessage::Cancel(Cancel { request: request(number), options })
}

/// REGISTER without options
pub fn register(number: u64, procedure: &str) -> ClientMessage {
    register_with(number, RegisterOptions::default(), procedure)
}

/// REGISTER by a pattern
pub fn register_pattern(number: u64, policy: MatchPolicy, procedure: &str) -> ClientMessage {
    let options = RegisterOptions { match_policy: Some(policy), ..RegisterOptions::default() };
    register_with(number, options, procedure)
}

/// REGISTER of a procedure that several callees may share
pub fn register_shared(number: u64, invoke: InvokePolicy, procedure: &str) -> ClientMessage {
    let options = RegisterOptions { invoke: Some(invoke.into()), ..RegisterOptions::default() };
    register_with(number, options, procedure)
}

/// REGISTER
pub fn register_with(number: u64, options: RegisterOptions, procedure: &str) -> ClientMessage {
    ClientMessage::Register(Register {
        request: request(number),
        options,
        procedure: procedure.into(),
    })
}

/// UNREGISTER
pub fn unregister(number: u64, registration: u64) -> ClientMessage {
    let registration = RegistrationId::new(registration).expect("a registration id");
    ClientMessage::Unregister(Unregister { request: request(number), registration })
}

/// YIELD without options
pub fn yielded(number: u64, payload: Payload) -> ClientMessage {
    yield_with(number, YieldOptions::default(), payload)
}

/// YIELD
pub fn yield_with(number: u64, options: YieldOptions, payload: Payload) -> ClientMessage {
    ClientMessage::Yield(Yield { request: invocation(number), options, payload })
}

/// ERROR that answers an INVOCATION
pub fn failure(number: u64, error: &str, payload: Payload) -> ClientMessage {
    ClientMessage::Error(InvocationError::new(invocation(number), error, payload))
}

/// SUBSCRIBE without options
pub fn subscribe(number: u64, topic: &str) -> ClientMessage {
    subscribe_with(number, SubscribeOptions::default(), topic)
}

/// SUBSCRIBE by a pattern
pub fn subscribe_pattern(number: u64, policy: MatchPolicy, topic: &str) -> ClientMessage {
    let options = SubscribeOptions { match_policy: Some(policy), ..SubscribeOptions::default() };
    subscribe_with(number, options, topic)
}

/// SUBSCRIBE
pub fn subscribe_with(number: u64, options: SubscribeOptions, topic: &str) -> ClientMessage {
    ClientMessage::Subscribe(Subscribe { request: request(number), options, topic: topic.into() })
}

/// UNSUBSCRIBE
pub fn unsubscribe(number: u64, subscription: u64) -> ClientMessage {
    let subscription = SubscriptionId::new(subscription).expect("a subscription id");
    ClientMessage::Unsubscribe(Unsubscribe { request: request(number), subscription })
}

/// PUBLISH without options
pub fn publish(number: u64, topic: &str, payload: Payload) -> ClientMessage {
    publish_with(number, PublishOptions::default(), topic, payload)
}

/// PUBLISH
pub fn publish_with(
    number: u64,
    options: PublishOptions,
    topic: &str,
    payload: Payload,
) -> ClientMessage {
    ClientMessage::Publish(Publish {
        request: request(number),
        options: Box::new(options),
        topic: topic.into(),
        payload,
    })
}

/// EVENT_RECEIVED
pub const fn event_received(publication: PublicationId) -> ClientMessage {
    ClientMessage::EventReceived(publication)
}

/// Options of a PUBLISH that is acknowledged
pub fn acknowledged() -> PublishOptions {
    PublishOptions { acknowledge: Some(true), ..PublishOptions::default() }
}
