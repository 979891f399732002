//! Arguments as the sender encoded them: valid bytes and their serializer.
//!
//! The router does not decode payloads. It copies a payload out of the frame once and shares it. It
//! splices the bytes into outgoing messages of the same serializer and transcodes them once for
//! others. Applications read and write payloads as serde values. Spec: basic profile "Structure".

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codec::de::from_slice;
use crate::codec::json::JsonReader;
use crate::codec::ser::{ValueError, to_vec};
use crate::codec::transcode::transcode_into;
use crate::codec::{TokenReader, TokenWriter};
use crate::error::DecodeError;
use crate::heap_size::HeapSize;
use crate::serializer::Serializer;
use crate::with_token_reader;

mod compose;
mod inspect;
mod numbers;

pub use compose::CallOutcome;
pub use numbers::NumberList;

/// Frames of at most this many bytes are always shared: a copy would cost more than it saves. About
/// the size of a message in memory, so a table that counts bytes holds at most twice as many as it
/// counts.
const SMALL_FRAME: usize = 256;

/// The longest frame that [`copy_frame`] stores beside its reference count.
const INLINE_FRAME: usize = 120;

/// A short frame, stored in one allocation with its reference count.
struct InlineFrame {
    length: usize,
    bytes: [u8; INLINE_FRAME],
}

impl AsRef<[u8]> for InlineFrame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Copies the bytes of a message, to be decoded with a payload that shares them. A usual message
/// takes one allocation; `Bytes::copy_from_slice` and later sharing take two.
pub fn copy_frame(message: &[u8]) -> Bytes {
    if message.len() > INLINE_FRAME {
        return Bytes::copy_from_slice(message);
    }
    let mut bytes = [0; INLINE_FRAME];
    bytes[..message.len()].copy_from_slice(message);
    Bytes::from_owner(InlineFrame { length: message.len(), bytes })
}

/// The bytes of `frame` at `span`. Shares the frame if it is small, or if at least half of its
/// bytes are in `span`. Copies otherwise, so that a small value does not keep a large frame alive.
///
/// # Panics
/// When `span` is out of the bounds of `frame`.
pub fn slice_frame(frame: &Bytes, span: Range<usize>) -> Bytes {
    let shares = frame.len() <= SMALL_FRAME || span.len() >= frame.len() / 2;
    if shares { frame.slice(span) } else { Bytes::copy_from_slice(&frame[span]) }
}

/// One valid encoded value with its serializer.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    serializer: Serializer,
    bytes: Bytes,
}

impl Encoded {
    /// An empty dictionary.
    pub const EMPTY_DICTIONARY: Self =
        Self { serializer: Serializer::Json, bytes: Bytes::from_static(b"{}") };

    /// An empty list in this format.
    pub(crate) fn empty_list(serializer: Serializer) -> Self {
        let bytes = with_token_reader!(serializer, R => R::EMPTY_LIST);
        Self { serializer, bytes: Bytes::from_static(bytes) }
    }

    /// Takes a skipped value out of its frame with [`slice_frame`]: queues and tables count the
    /// length of values, not of the frames that they share.
    pub(crate) fn from_frame(serializer: Serializer, frame: &Bytes, span: Range<usize>) -> Self {
        Self { serializer, bytes: slice_frame(frame, span) }
    }

    /// Takes the next value of a reader over `frame`: its bytes, or those of
    /// [`TokenReader::rewritten`].
    #[inline]
    pub(crate) fn take<'f, R: TokenReader<'f>>(
        reader: &mut R,
        serializer: Serializer,
        frame: &Bytes,
    ) -> Result<Self, DecodeError> {
        let span = reader.skip()?;
        match reader.rewritten(&span) {
            None => Ok(Self::from_frame(serializer, frame, span)),
            Some(bytes) => Ok(Self::rewritten(serializer, bytes)),
        }
    }

    /// A value without spare capacity.
    #[cold]
    fn rewritten(serializer: Serializer, bytes: Vec<u8>) -> Self {
        Self { serializer, bytes: bytes.into_boxed_slice().into() }
    }

    /// Encodes a serde value.
    pub fn from_value<T: Serialize + ?Sized>(
        serializer: Serializer,
        value: &T,
    ) -> Result<Self, ValueError> {
        Ok(Self { serializer, bytes: to_vec(serializer, value)?.into() })
    }

    /// Decodes into a serde value.
    pub fn to_value<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ValueError> {
        from_slice(self.serializer, &self.bytes)
    }

    /// Takes the next value of a JSON reader over `source`. Replaces numbers that are not finite by
    /// null. Shares `source` as [`slice_frame`] does.
    pub fn read_json<'f>(
        reader: &mut JsonReader<'f>,
        source: &'f Bytes,
    ) -> Result<Self, DecodeError> {
        let span = reader.skip()?;
        match reader.rewritten(&span) {
            None => Ok(Self::from_frame(Serializer::Json, source, span)),
            Some(bytes) => Ok(Self::rewritten(Serializer::Json, bytes)),
        }
    }

    /// The serializer.
    pub const fn serializer(&self) -> Serializer {
        self.serializer
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl HeapSize for Encoded {
    fn heap_size(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.serializer, ShownBytes(&self.bytes))
    }
}

/// The payload cannot be represented in the format of its receiver.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the payload has no form in {to}: {reason}")]
pub struct EncodeError {
    to: Serializer,
    reason: DecodeError,
}

/// Writes an encoded value. Transcodes it if its format is another one.
pub(crate) fn write_encoded<W: TokenWriter>(
    value: &Encoded,
    serializer: Serializer,
    writer: &mut W,
) -> Result<(), EncodeError> {
    if value.serializer() == serializer {
        writer.encoded(value.bytes());
        return Ok(());
    }
    transcode_into(value.serializer(), value.bytes(), writer)
        .map_err(|reason| EncodeError { to: serializer, reason })
}

/// A value is not valid as arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidArguments {
    /// Positional arguments are no list.
    #[error("args must be a list")]
    Args,
    /// Keyword arguments are no map.
    #[error("kwargs must be an object")]
    Kwargs,
}

/// `Arguments` and `ArgumentsKw` of a message, still encoded.
///
/// ```text
/// absent          neither element was sent
/// args            Arguments is a list
/// args, kwargs    Arguments is a list and ArgumentsKw is a map
/// transparent     Arguments is one binary (legacy passthru)
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload {
    args: Option<Encoded>,
    kwargs: Option<Encoded>,
}

impl Payload {
    /// No arguments: neither element is written (basic profile, "Empty Arguments and Keyword
    /// Arguments").
    pub const EMPTY: Self = Self { args: None, kwargs: None };

    /// Wraps validated elements of a message.
    pub(crate) const fn validated(args: Option<Encoded>, kwargs: Option<Encoded>) -> Self {
        Self { args, kwargs }
    }

    /// Encodes positional arguments. `args` must serialize as a list.
    pub fn from_args<T: Serialize + ?Sized>(
        serializer: Serializer,
        args: &T,
    ) -> Result<Self, ValueError> {
        Ok(Self { args: Some(list(serializer, args)?), kwargs: None })
    }

    /// Encodes positional and keyword arguments. `args` must serialize as a list, `kwargs` as a
    /// map.
    pub fn from_args_and_kwargs<A, K>(
        serializer: Serializer,
        args: &A,
        kwargs: &K,
    ) -> Result<Self, ValueError>
    where
        A: Serialize + ?Sized,
        K: Serialize + ?Sized,
    {
        let args = list(serializer, args)?;
        let kwargs = Encoded::from_value(serializer, kwargs)?;
        if !is_map(&kwargs) {
            return Err(serde::ser::Error::custom("keyword arguments must be a map or a struct"));
        }
        Ok(Self { args: Some(args), kwargs: Some(kwargs) })
    }

    /// A payload with one text as its only argument. The router uses it for error messages.
    pub fn from_text(text: &str) -> Self {
        Self::from_args(Serializer::Json, &[text]).unwrap_or_default()
    }

    /// Wraps encoded values. `args` must be a list and `kwargs` a map.
    pub fn from_encoded(
        args: Option<Encoded>,
        kwargs: Option<Encoded>,
    ) -> Result<Self, InvalidArguments> {
        if args.as_ref().is_some_and(|args| !is_list(args)) {
            return Err(InvalidArguments::Args);
        }
        if kwargs.as_ref().is_some_and(|kwargs| !is_map(kwargs)) {
            return Err(InvalidArguments::Kwargs);
        }
        Ok(Self { args, kwargs })
    }

    /// `Arguments`, if sent.
    pub const fn args(&self) -> Option<&Encoded> {
        self.args.as_ref()
    }

    /// `ArgumentsKw`, if sent.
    pub const fn kwargs(&self) -> Option<&Encoded> {
        self.kwargs.as_ref()
    }

    /// Decodes the positional arguments. Absent ones read as an empty list.
    pub fn decode_args<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        match &self.args {
            Some(args) => args.to_value(),
            None => from_slice(Serializer::Json, b"[]"),
        }
    }

    /// Decodes the keyword arguments. Absent ones read as an empty map.
    pub fn decode_kwargs<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        match &self.kwargs {
            Some(kwargs) => kwargs.to_value(),
            None => from_slice(Serializer::Json, b"{}"),
        }
    }

    /// Whether both elements are absent or empty.
    pub fn is_empty(&self) -> bool {
        let has_none = |part: &Option<Encoded>| part.as_ref().is_none_or(Encoded::has_no_entries);
        has_none(&self.args) && has_none(&self.kwargs)
    }

    /// Whether Arguments is one binary (legacy passthru).
    pub fn is_transparent(&self) -> bool {
        self.args.as_ref().is_some_and(|args| !is_list(args))
    }

    /// Bytes of both elements.
    pub fn size(&self) -> usize {
        self.args.heap_size() + self.kwargs.heap_size()
    }
}

impl HeapSize for Payload {
    fn heap_size(&self) -> usize {
        self.size()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.args.iter().chain(&self.kwargs)).finish()
    }
}

fn list<T: Serialize + ?Sized>(serializer: Serializer, args: &T) -> Result<Encoded, ValueError> {
    let args = Encoded::from_value(serializer, args)?;
    if is_list(&args) {
        Ok(args)
    } else {
        Err(serde::ser::Error::custom(
            "positional arguments must be a list: a tuple, an array or a Vec",
        ))
    }
}

fn is_list(value: &Encoded) -> bool {
    with_token_reader!(value.serializer, R => R::starts_list(&value.bytes))
}

fn is_map(value: &Encoded) -> bool {
    with_token_reader!(value.serializer, R => R::starts_map(&value.bytes))
}

/// Shows bytes as text if they are text, as hex digits otherwise; at most 200 bytes.
struct ShownBytes<'a>(&'a [u8]);

impl fmt::Display for ShownBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_SHOWN: usize = 200;
        let shown = &self.0[..self.0.len().min(MAX_SHOWN)];
        match std::str::from_utf8(shown) {
            Ok(text) if !text.contains(char::is_control) => f.write_str(text)?,
            _ => shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?,
        }
        if self.0.len() > MAX_SHOWN { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::message::ClientMessage;
    use crate::message::wire::{decode_client, decode_router};
    use crate::serializer::Serializer;

    fn publish(options: &str, args: &str) -> (Bytes, ClientMessage) {
        let frame = Bytes::from(format!(r#"[16,1,{{{options}}},"a.b",{args}]"#));
        let message = decode_client(Serializer::Json, &frame).unwrap();
        (frame, message)
    }

    #[test]
    fn a_small_value_does_not_keep_a_large_frame_alive() {
        let unknown = format!(r#""x":"{}""#, "x".repeat(1 << 20));
        let (frame, message) = publish(&format!(r#"{unknown},"forward_for":[]"#), "[1]");
        assert!(frame.is_unique());
        assert!(message.size() < 2048, "{}", message.size());
    }

    #[test]
    fn a_frame_holds_at_most_about_twice_the_size_of_its_message() {
        let uri = "a.".repeat(400);
        for length in 0..20 {
            let unknown = format!(r#""x":"{}""#, "x".repeat(length * 50));
            let (frame, message) = publish(&unknown, "[1]");
            let holds = if frame.is_unique() { 0 } else { frame.len() };
            assert!(holds <= 2 * message.size(), "{holds} {}", message.size());
        }
        let frame = Bytes::from(format!(r#"[48,1,{{}},"{uri}b",[1]]"#));
        let call = decode_client(Serializer::Json, &frame).unwrap();
        assert!(frame.is_unique());
        assert!(call.size() > uri.len());
    }

    #[test]
    fn unescaped_text_has_no_spare_capacity() {
        let escaped = r"\u0061".repeat(1 << 16);
        let (_, message) = publish(&format!(r#""exclude_authid":["{escaped}"]"#), "[1]");
        let size = message.size();
        assert!((1 << 16..(1 << 16) + 2048).contains(&size), "{size}");
    }

    #[test]
    fn a_value_of_at_least_half_its_frame_shares_it() {
        let (frame, message) = publish("", &format!("[\"{}\"]", "x".repeat(1 << 20)));
        assert!(!frame.is_unique());
        assert!(message.size() > 1 << 20);
    }

    #[test]
    fn the_size_of_a_message_includes_its_options() {
        let long = "x".repeat(1 << 16);
        for options in [
            format!(r#""forward_for":["{long}"]"#),
            format!(r#""enc_key":"{long}""#),
            format!(r#""transaction_hash":"{long}""#),
            format!(r#""exclude_authid":["{long}"]"#),
        ] {
            assert!(publish(&options, "[1]").1.size() > 1 << 16, "{}", &options[..20]);
        }
    }

    /// Every router message with a text that a peer may choose.
    #[test]
    fn the_size_of_a_router_message_includes_every_text() {
        let long = "x".repeat(1 << 12);
        for message in [
            format!(r#"[2,1,{{"authid":"{long}"}}]"#),
            format!(r#"[3,{{"message":"{long}"}},"a"]"#),
            format!(r#"[3,{{}},"{long}"]"#),
            format!(r#"[4,"a",{{"challenge":"{long}"}}]"#),
            format!(r#"[6,{{"message":"{long}"}},"a"]"#),
            format!(r#"[6,{{}},"{long}"]"#),
            format!(r#"[8,48,1,{{}},"{long}"]"#),
            format!(r#"[35,0,{{"subscription":1,"reason":"{long}"}}]"#),
            format!(r#"[36,1,2,{{"topic":"{long}"}}]"#),
            format!(r#"[50,1,{{"callee_authid":"{long}"}}]"#),
            format!(r#"[67,0,{{"registration":1,"reason":"{long}"}}]"#),
            format!(r#"[68,1,1,{{"procedure":"{long}"}}]"#),
            format!(r#"[69,1,{{"reason":"{long}"}}]"#),
        ] {
            let decoded = decode_router(Serializer::Json, &Bytes::from(message)).unwrap();
            assert!(decoded.size() > 1 << 12, "{}", decoded.name());
        }
    }

    /// Every client message with a text.
    #[test]
    fn the_size_of_a_client_message_includes_every_text() {
        let long = "x".repeat(1 << 12);
        for message in [
            format!(r#"[1,"{long}",{{}}]"#),
            format!(r#"[1,"a",{{"authid":"{long}"}}]"#),
            format!(r#"[3,{{}},"{long}"]"#),
            format!(r#"[5,"{long}",{{}}]"#),
            format!(r#"[5,"a",{{"x":"{long}"}}]"#),
            format!(r#"[6,{{}},"{long}"]"#),
            format!(r#"[8,68,1,{{}},"{long}"]"#),
            format!(r#"[16,1,{{}},"{long}"]"#),
            format!(r#"[32,1,{{}},"{long}"]"#),
            format!(r#"[48,1,{{}},"{long}"]"#),
            format!(r#"[49,1,{{"mode":"{long}"}}]"#),
            format!(r#"[64,1,{{}},"{long}"]"#),
            format!(r#"[64,1,{{"invoke":"{long}"}},"a"]"#),
            format!(r#"[70,1,{{"_long":"{long}"}}]"#),
        ] {
            let decoded = decode_client(Serializer::Json, &Bytes::from(message)).unwrap();
            assert!(decoded.size() > 1 << 12, "{}", decoded.name());
        }
    }
}
