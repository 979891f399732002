//! Messages to bytes and back, written once over the token traits.
//!
//! Decoding reads type, ids, options and URI and then stops: the payload is passed over for
//! validation and kept as a slice of the frame. Hot: [`decode_client`], [`encode_router`].
//! What a message means is said elsewhere.

use bytes::Bytes;

use super::EncodeError;
use super::cbor::{CborReader, CborWriter};
use super::json::{JsonReader, JsonWriter};
use super::msgpack::{MsgPackReader, MsgPackWriter};
use super::ubjson::{BjDataReader, BjDataWriter, UbJsonReader, UbJsonWriter};
use crate::error::DecodeError;
use crate::message::{ClientMessage, Event, RouterMessage};
use crate::serializer::Serializer;

mod reading;
mod writing;

/// Decodes what a client sent. The payload keeps a slice of `frame`.
pub fn decode_client(serializer: Serializer, frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    match serializer {
        Serializer::Json => reading::client::<JsonReader<'_>>(serializer, frame),
        Serializer::MsgPack => reading::client::<MsgPackReader<'_>>(serializer, frame),
        Serializer::Cbor => reading::client::<CborReader<'_>>(serializer, frame),
        Serializer::UbJson => reading::client::<UbJsonReader<'_>>(serializer, frame),
        Serializer::BjData => reading::client::<BjDataReader<'_>>(serializer, frame),
    }
}

/// Decodes what a router sent. The payload keeps a slice of `frame`.
pub fn decode_router(serializer: Serializer, frame: &Bytes) -> Result<RouterMessage, DecodeError> {
    match serializer {
        Serializer::Json => reading::router::<JsonReader<'_>>(serializer, frame),
        Serializer::MsgPack => reading::router::<MsgPackReader<'_>>(serializer, frame),
        Serializer::Cbor => reading::router::<CborReader<'_>>(serializer, frame),
        Serializer::UbJson => reading::router::<UbJsonReader<'_>>(serializer, frame),
        Serializer::BjData => reading::router::<BjDataReader<'_>>(serializer, frame),
    }
}

/// Appends a client's message. Fails only when a payload in another format has no form in this one.
pub fn encode_client(
    message: &ClientMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match serializer {
        Serializer::Json => writing::client(message, serializer, &mut JsonWriter::new(out)),
        Serializer::MsgPack => writing::client(message, serializer, &mut MsgPackWriter::new(out)),
        Serializer::Cbor => writing::client(message, serializer, &mut CborWriter::new(out)),
        Serializer::UbJson => writing::client(message, serializer, &mut UbJsonWriter::new(out)),
        Serializer::BjData => writing::client(message, serializer, &mut BjDataWriter::new(out)),
    }
}

/// Appends a router's message. Fails only when a payload in another format has no form in this one.
pub fn encode_router(
    message: &RouterMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    // It is encoded already, unless this is its first subscriber.
    if let RouterMessage::Event(event) = message {
        out.extend_from_slice(event.encoded(serializer)?);
        return Ok(());
    }
    match serializer {
        Serializer::Json => writing::router(message, serializer, &mut JsonWriter::new(out)),
        Serializer::MsgPack => writing::router(message, serializer, &mut MsgPackWriter::new(out)),
        Serializer::Cbor => writing::router(message, serializer, &mut CborWriter::new(out)),
        Serializer::UbJson => writing::router(message, serializer, &mut UbJsonWriter::new(out)),
        Serializer::BjData => writing::router(message, serializer, &mut BjDataWriter::new(out)),
    }
}

/// Appends an EVENT; what [`crate::message::SharedEvent`] keeps.
pub(crate) fn encode_event(
    event: &Event,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match serializer {
        Serializer::Json => writing::event(event, serializer, &mut JsonWriter::new(out)),
        Serializer::MsgPack => writing::event(event, serializer, &mut MsgPackWriter::new(out)),
        Serializer::Cbor => writing::event(event, serializer, &mut CborWriter::new(out)),
        Serializer::UbJson => {
            apart(|| writing::event(event, serializer, &mut UbJsonWriter::new(out)))
        }
        Serializer::BjData => {
            apart(|| writing::event(event, serializer, &mut BjDataWriter::new(out)))
        }
    }
}

/// Does the work of a rare format where it does not slow down that of the others, which the
/// compiler keeps in one piece with what is around it.
#[cold]
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}
