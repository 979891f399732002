//! Encoding and decoding of messages, generic over the format.
//!
//! Decoding reads type, ids, options and URI. It only validates the payload, which stays a slice of
//! the frame. Hot: [`decode_client`], [`encode_router`].

use bytes::Bytes;

use super::{ClientMessage, RouterMessage};
use crate::error::DecodeError;
use crate::payload::EncodeError;
use crate::serializer::Serializer;
use crate::{with_token_reader, with_token_writer};

mod decode;
mod encode;

/// Decodes a message of a client. The payload shares `frame`.
pub fn decode_client(serializer: Serializer, frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    with_token_reader!(serializer, R => decode::client::<R<'_>>(serializer, frame))
}

/// Decodes a message of a router. The payload shares `frame`.
pub fn decode_router(serializer: Serializer, frame: &Bytes) -> Result<RouterMessage, DecodeError> {
    with_token_reader!(serializer, R => decode::router::<R<'_>>(serializer, frame))
}

/// Appends a message of a client. Fails only if this format cannot represent its payload.
pub fn encode_client(
    message: &ClientMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    with_token_writer!(serializer, W => encode::client(message, serializer, &mut W::new(out)))
}

/// Appends a message of a router. Fails only if this format cannot represent its payload.
pub fn encode_router(
    message: &RouterMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    // An event is already encoded, unless this is its first subscriber.
    if let RouterMessage::Event(event) = message {
        out.extend_from_slice(event.encoded(serializer)?);
        return Ok(());
    }
    with_token_writer!(serializer, W => encode::router(message, serializer, &mut W::new(out)))
}

/// A message of one direction, as a connection reads or writes it.
pub trait WireMessage: Sized + Send + 'static {
    /// Decodes one message. Its payload shares `frame`.
    fn decode(serializer: Serializer, frame: &Bytes) -> Result<Self, DecodeError>;

    /// Appends the message. Fails only if this format cannot represent its payload.
    fn encode(&self, serializer: Serializer, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

impl WireMessage for ClientMessage {
    fn decode(serializer: Serializer, frame: &Bytes) -> Result<Self, DecodeError> {
        decode_client(serializer, frame)
    }

    fn encode(&self, serializer: Serializer, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode_client(self, serializer, out)
    }
}

impl WireMessage for RouterMessage {
    fn decode(serializer: Serializer, frame: &Bytes) -> Result<Self, DecodeError> {
        decode_router(serializer, frame)
    }

    #[inline]
    fn encode(&self, serializer: Serializer, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        encode_router(self, serializer, out)
    }
}
