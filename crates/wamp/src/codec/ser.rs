//! serde values to bytes, written once for all formats.
//!
//! Enums are tagged externally, as serde_json does it. Every format counts as human readable:
//! what a peer encodes in one format, another may decode after transcoding from a second, so that
//! a type must not look different in binary formats.

use serde::Serialize;

use super::TokenWriter;
use super::cbor::CborWriter;
use super::json::JsonWriter;
use super::msgpack::MsgPackWriter;
use super::ubjson::{BjDataWriter, UbJsonWriter};
use crate::error::DecodeError;
use crate::serializer::Serializer;

mod compound;
mod key;
mod value;

use value::ValueSerializer;

/// A serde value and its encoding don't fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes are not valid in their format.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The value is of another shape than the type, or has no encoding.
    #[error("{0}")]
    Shape(String),
}

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Shape(message.to_string())
    }
}

/// Encodes a value.
///
/// # Errors
/// When the value has no encoding (integers outside 64 bits, map keys that are no text) or its own
/// `Serialize` fails.
pub fn to_vec<T: Serialize + ?Sized>(
    serializer: Serializer,
    value: &T,
) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    to_writer(serializer, value, &mut out)?;
    Ok(out)
}

/// Encodes a value to the end of `out`; as [`to_vec`] otherwise. After an error, `out` is as it
/// was.
pub fn to_writer<T: Serialize + ?Sized>(
    serializer: Serializer,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    let start = out.len();
    let written = match serializer {
        Serializer::Json => write::<Json, T>(value, out),
        Serializer::MsgPack => write::<MsgPack, T>(value, out),
        Serializer::Cbor => write::<Cbor, T>(value, out),
        Serializer::UbJson => write::<UbJson, T>(value, out),
        Serializer::BjData => write::<BjData, T>(value, out),
    };
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write<F: Format, T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), ValueError> {
    value.serialize(ValueSerializer::<F>(&mut F::writer(out)))
}

/// A format as a type: how to open writers of it for entries that must wait for their number.
trait Format {
    /// Whether lists and maps begin with the number of their entries.
    const COUNTED: bool;

    /// What writes the format.
    type Writer<'b>: TokenWriter;

    /// Writes to the end of `out`.
    fn writer(out: &mut Vec<u8>) -> Self::Writer<'_>;
}

struct Json;

impl Format for Json {
    const COUNTED: bool = false;
    type Writer<'b> = JsonWriter<'b>;

    #[inline]
    fn writer(out: &mut Vec<u8>) -> JsonWriter<'_> {
        JsonWriter::new(out)
    }
}

struct MsgPack;

impl Format for MsgPack {
    const COUNTED: bool = true;
    type Writer<'b> = MsgPackWriter<'b>;

    #[inline]
    fn writer(out: &mut Vec<u8>) -> MsgPackWriter<'_> {
        MsgPackWriter::new(out)
    }
}

struct Cbor;

impl Format for Cbor {
    const COUNTED: bool = true;
    type Writer<'b> = CborWriter<'b>;

    #[inline]
    fn writer(out: &mut Vec<u8>) -> CborWriter<'_> {
        CborWriter::new(out)
    }
}

struct UbJson;

impl Format for UbJson {
    const COUNTED: bool = false;
    type Writer<'b> = UbJsonWriter<'b>;

    #[inline]
    fn writer(out: &mut Vec<u8>) -> UbJsonWriter<'_> {
        UbJsonWriter::new(out)
    }
}

struct BjData;

impl Format for BjData {
    const COUNTED: bool = false;
    type Writer<'b> = BjDataWriter<'b>;

    #[inline]
    fn writer(out: &mut Vec<u8>) -> BjDataWriter<'_> {
        BjDataWriter::new(out)
    }
}
