//! Messages to bytes and back, written once over the token traits.
//!
//! Decoding reads type, ids, options and URI and then stops: the payload is passed over for
//! validation and kept as a slice of the frame. Hot: [`decode_client`], [`encode_router`].
//! What a message means is said elsewhere.

use bytes::Bytes;

use super::{ClientMessage, RouterMessage};
use crate::error::DecodeError;
use crate::payload::EncodeError;
use crate::serializer::Serializer;
use crate::{with_token_reader, with_token_writer};

mod decode;
mod encode;

/// Decodes what a client sent. The payload keeps a slice of `frame`.
pub fn decode_client(serializer: Serializer, frame: &Bytes) -> Result<ClientMessage, DecodeError> {
    with_token_reader!(serializer, R => decode::client::<R<'_>>(serializer, frame))
}

/// Decodes what a router sent. The payload keeps a slice of `frame`.
pub fn decode_router(serializer: Serializer, frame: &Bytes) -> Result<RouterMessage, DecodeError> {
    with_token_reader!(serializer, R => decode::router::<R<'_>>(serializer, frame))
}

/// Appends a client's message. Fails only when a payload in another format has no form in this one.
pub fn encode_client(
    message: &ClientMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    with_token_writer!(serializer, W => encode::client(message, serializer, &mut W::new(out)))
}

/// Appends a router's message. Fails only when a payload in another format has no form in this one.
pub fn encode_router(
    message: &RouterMessage,
    serializer: Serializer,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    // An event is encoded already, unless this is its first subscriber.
    if let RouterMessage::Event(event) = message {
        out.extend_from_slice(event.encoded(serializer)?);
        return Ok(());
    }
    with_token_writer!(serializer, W => encode::router(message, serializer, &mut W::new(out)))
}

/// A message of one direction: what a connection reads or writes.
pub trait WireMessage: Sized + Send + 'static {
    /// Decodes one message; its payload keeps a slice of `frame`.
    fn decode(serializer: Serializer, frame: &Bytes) -> Result<Self, DecodeError>;

    /// Appends the message. Fails only when its payload has no form in this format.
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
