//! Several messages in one WebSocket message (advanced profile, "Message Batching").
//!
//! In text formats a separator follows each message. In binary formats the length precedes it. A
//! batch contains at least one message.

use crate::error::DecodeError;
use crate::serializer::Serializer;

/// The record separator of the specification.
const SEPARATOR: u8 = 0x1e;

/// The separator that Autobahn writes: it reads the octal `\30` of the specification as a decimal.
/// JSON contains neither byte, so a peer gets the separator that it uses.
const AUTOBAHNS_SEPARATOR: u8 = 0x18;

/// Bytes of the length before a binary message: 32 bits, big-endian.
const LENGTH: usize = 4;

/// The prefix of all subprotocols of WAMP, version 2.
const PREFIX: &str = "wamp.2.";

/// The suffix of the subprotocols with batches.
const SUFFIX: &str = ".batched";

/// The encoding of the messages on a WebSocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageFormat {
    /// The encoding of a single message.
    pub serializer: Serializer,
    /// Whether a WebSocket message contains a batch.
    pub is_batched: bool,
}

impl MessageFormat {
    /// The WebSocket subprotocol, such as `wamp.2.json.batched`.
    pub const fn subprotocol(self) -> &'static str {
        match (self.is_batched, self.serializer) {
            (false, serializer) => serializer.subprotocol(),
            (true, Serializer::Json) => "wamp.2.json.batched",
            (true, Serializer::MsgPack) => "wamp.2.msgpack.batched",
            (true, Serializer::Cbor) => "wamp.2.cbor.batched",
            (true, Serializer::UbJson | Serializer::BjData) => "wamp.2.ubjson.batched",
        }
    }

    /// The name of the format in the session meta API, such as `cbor.batched`: the subprotocol
    /// without `wamp.2.`.
    pub fn name(self) -> &'static str {
        let subprotocol = self.subprotocol();
        subprotocol.strip_prefix(PREFIX).unwrap_or(subprotocol)
    }

    /// The format of a WebSocket subprotocol, if its serializer is one of `offered`.
    pub fn from_subprotocol(name: &str, offered: &[Serializer]) -> Option<Self> {
        let (name, is_batched) = match name.strip_suffix(SUFFIX) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let serializer = Serializer::from_subprotocol(name, offered)?;
        Some(Self { serializer, is_batched })
    }
}

/// The framing of the batches on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batching {
    /// This byte follows each message.
    Separated(u8),
    /// The length of each message precedes it.
    Prefixed,
}

impl Batching {
    /// The framing for this serializer.
    pub const fn of(serializer: Serializer) -> Self {
        if serializer.is_text() { Self::Separated(SEPARATOR) } else { Self::Prefixed }
    }

    /// The messages of a batch. Batches that are written later use the separator of this one.
    ///
    /// # Errors
    ///
    /// The batch is empty or does not end with a separator.
    pub fn messages<'b>(&mut self, batch: &'b [u8]) -> Result<BatchMessages<'b>, DecodeError> {
        let Some((last, offset)) = batch.last().zip(batch.len().checked_sub(1)) else {
            return Err(malformed(0, "a batch has at least one message"));
        };
        if let Self::Separated(separator) = self {
            if ![SEPARATOR, AUTOBAHNS_SEPARATOR].contains(last) {
                return Err(malformed(offset, "a batch ends with a separator"));
            }
            *separator = *last;
        }
        Ok(BatchMessages { batching: *self, batch, at: 0 })
    }

    /// Appends the message that `encode` appends to a batch. Appends nothing when it fails.
    ///
    /// # Errors
    ///
    /// Those of `encode`.
    pub fn write<E>(
        self,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = out.len();
        if self == Self::Prefixed {
            out.extend_from_slice(&[0; LENGTH]);
        }
        let message = out.len();
        if let Err(error) = encode(out) {
            out.truncate(start);
            return Err(error);
        }
        match self {
            Self::Separated(separator) => out.push(separator),
            Self::Prefixed => {
                // Messages are limited far below 4 GiB.
                let length = u32::try_from(out.len() - message).unwrap_or(u32::MAX);
                out[start..message].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(())
    }
}

/// The messages of one batch, in order. An error ends the iteration.
#[derive(Debug, Clone)]
pub struct BatchMessages<'b> {
    batching: Batching,
    batch: &'b [u8],
    at: usize,
}

impl<'b> BatchMessages<'b> {
    /// The remaining messages: a valid batch, or nothing.
    pub fn rest(&self) -> &'b [u8] {
        &self.batch[self.at..]
    }
}

impl<'b> Iterator for BatchMessages<'b> {
    type Item = Result<&'b [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let (message, taken) = match self.batching {
            Batching::Separated(separator) => {
                // `Batching::messages` has checked that a separator ends the batch.
                let length = rest.iter().position(|byte| *byte == separator)?;
                (&rest[..length], length + 1)
            }
            Batching::Prefixed => match prefixed(rest) {
                Some(message) => (message, LENGTH + message.len()),
                None => {
                    let what = "a batch ends within a message or its length";
                    let error = malformed(self.at, what);
                    self.at = self.batch.len();
                    return Some(Err(error));
                }
            },
        };
        self.at += taken;
        Some(Ok(message))
    }
}

/// The message after the length at the start of `rest`.
fn prefixed(rest: &[u8]) -> Option<&[u8]> {
    let (length, rest) = rest.split_first_chunk()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

const fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn split(serializer: Serializer, batch: &[u8]) -> Result<Vec<&[u8]>, DecodeError> {
        Batching::of(serializer).messages(batch)?.collect()
    }

    fn batch(batching: Batching, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for message in messages {
            let written = batching.write(&mut out, |out| {
                out.extend_from_slice(message);
                Ok::<_, ()>(())
            });
            assert_eq!(written, Ok(()));
        }
        out
    }

    #[test]
    fn each_serializer_has_a_subprotocol_for_batches() {
        for serializer in Serializer::ALL {
            for is_batched in [false, true] {
                let format = MessageFormat { serializer, is_batched };
                let name = format.subprotocol();
                assert_eq!(name.ends_with(".batched"), is_batched);
                assert_eq!(MessageFormat::from_subprotocol(name, &[serializer]), Some(format));
            }
        }
        let batched = MessageFormat { serializer: Serializer::Json, is_batched: true };
        assert_eq!(batched.subprotocol(), "wamp.2.json.batched");
        for name in ["wamp.2.json.batched.batched", ".batched", "wamp.2.smile.batched", "batched"] {
            assert_eq!(MessageFormat::from_subprotocol(name, &Serializer::ALL), None);
        }
    }

    #[test]
    fn text_is_separated_and_binary_has_lengths() {
        let messages = [b"[1]".to_vec(), b"[2,3]".to_vec()];
        let json = batch(Batching::of(Serializer::Json), &messages);
        assert_eq!(json, b"[1]\x1e[2,3]\x1e");
        for serializer in [Serializer::MsgPack, Serializer::Cbor] {
            let binary = batch(Batching::of(serializer), &messages);
            assert_eq!(binary, b"\0\0\0\x03[1]\0\0\0\x05[2,3]");
        }
    }

    #[test]
    fn batches_use_the_separator_of_the_peer() {
        let mut batching = Batching::of(Serializer::Json);
        for separator in [0x18, 0x1e, 0x18] {
            let received = [b"[1]", &[separator][..]].concat();
            let messages: Result<Vec<_>, _> = batching.messages(&received).expect("one").collect();
            assert_eq!(messages, Ok(vec![&b"[1]"[..]]));
            assert_eq!(batch(batching, &[b"[1]".to_vec()]), received);
        }
        // The other separator is part of the message in this batch.
        assert_eq!(split(Serializer::Json, b"[1]\x18[2]\x1e"), Ok(vec![&b"[1]\x18[2]"[..]]));
    }

    #[test]
    fn a_malformed_batch_yields_its_valid_messages_then_an_error() {
        let (json, cbor) = (Serializer::Json, Serializer::Cbor);
        let empty = "a batch has at least one message";
        let separator = "a batch ends with a separator";
        let within = "a batch ends within a message or its length";
        for (serializer, batch, offset, what) in [
            (json, &b""[..], 0, empty),
            (cbor, b"", 0, empty),
            (json, b"[1]", 2, separator),
            (json, b"[1]\x1e[2]", 6, separator),
            (cbor, b"\0", 0, within),
            (cbor, b"\0\0\0", 0, within),
            (cbor, b"\0\0\0\x02x", 0, within),
            (cbor, b"\0\0\0\x01x\0\0\0\x01", 5, within),
            (cbor, b"\xff\xff\xff\xffx", 0, within),
        ] {
            let error = DecodeError::Malformed { offset, what };
            assert_eq!(split(serializer, batch), Err(error), "{batch:?}");
        }
        let mut messages = Batching::Prefixed.messages(b"\0\0\0\x01x\0").expect("not empty");
        assert_eq!(messages.next(), Some(Ok(&b"x"[..])));
        assert!(messages.next().is_some_and(|error| error.is_err()));
        assert_eq!(messages.next(), None);
    }

    #[test]
    fn a_failed_message_appends_nothing() {
        for batching in [Batching::Prefixed, Batching::Separated(0x1e)] {
            let mut out = b"before".to_vec();
            let written = batching.write(&mut out, |out| {
                out.extend_from_slice(b"half");
                Err("no form")
            });
            assert_eq!((written, &out[..]), (Err("no form"), &b"before"[..]));
        }
    }

    proptest! {
        #[test]
        fn batched_messages_are_read_unchanged(
            messages in vec(vec(any::<u8>(), 0..300), 1..20),
        ) {
            let out = batch(Batching::Prefixed, &messages);
            let found: Result<Vec<_>, _> =
                Batching::Prefixed.messages(&out).expect("not empty").collect();
            prop_assert_eq!(found, Ok(messages.iter().map(Vec::as_slice).collect()));
        }

        #[test]
        fn splitting_any_bytes_does_not_panic(bytes in vec(any::<u8>(), 0..50)) {
            for serializer in Serializer::ALL {
                if let Ok(messages) = split(serializer, &bytes) {
                    let length: usize = messages.iter().map(|message| message.len()).sum();
                    prop_assert!(length < bytes.len());
                }
            }
        }
    }
}
