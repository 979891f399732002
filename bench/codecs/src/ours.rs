//! The codecs of `cloverleaf-wamp`.

use bytes::Bytes;
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::ids::{
    InvocationId, PublicationId, RegistrationId, RequestId, SubscriptionId,
};
use cloverleaf_wamp::message::wire::{decode_client, encode_router};
use cloverleaf_wamp::message::{
    CallResult, ClientMessage, Event, EventDetails, Invocation, InvocationDetails, ResultDetails,
    RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

use crate::sample::{PUBLICATION, REGISTRATION, REQUEST};

pub(crate) fn decode(serializer: Serializer, frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    decode_client(serializer, frame)
}

/// The payload of a decoded CALL.
pub(crate) fn payload(serializer: Serializer, call: &Bytes) -> Payload {
    match decode(serializer, call) {
        Ok(ClientMessage::Call(call)) => call.payload,
        other => panic!("no CALL: {other:?}"),
    }
}

pub(crate) fn invocation(payload: Payload) -> RouterMessage {
    RouterMessage::Invocation(Invocation {
        request: InvocationId::new(REQUEST).expect("an id"),
        registration: RegistrationId::new(REGISTRATION).expect("an id"),
        details: InvocationDetails::default(),
        payload,
    })
}

pub(crate) fn result(payload: Payload) -> RouterMessage {
    RouterMessage::Result(CallResult {
        request: RequestId::new(REQUEST).expect("an id"),
        details: ResultDetails::default(),
        payload,
    })
}

/// A new event: the shared one keeps its encoding.
pub(crate) fn event(payload: Payload) -> RouterMessage {
    let event = Event {
        subscription: SubscriptionId::new(REGISTRATION).expect("an id"),
        publication: PublicationId::new(PUBLICATION).expect("an id"),
        details: Box::new(EventDetails::default()),
        payload,
    };
    RouterMessage::Event(event.into())
}

pub(crate) fn encode(message: &RouterMessage, serializer: Serializer, out: &mut Vec<u8>) {
    encode_router(message, serializer, out).expect("a message");
}
