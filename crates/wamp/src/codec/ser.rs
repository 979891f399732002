//! serde values to bytes, written once for all formats.
//!
//! Enums are tagged externally, as serde_json does it. Every format counts as human readable:
//! what a peer encodes in one format, another may decode after transcoding from a second, so that
//! a type must not look different in binary formats.

use serde::Serialize;

pub use super::value_error::ValueError;
use crate::serializer::Serializer;
use crate::with_token_writer;

mod format;
mod key;
mod value;

use format::ValueFormat;
use value::ValueSerializer;

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
    let written = with_token_writer!(serializer, W => write::<W<'static>, T>(value, out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write<F: ValueFormat, T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), ValueError> {
    value.serialize(ValueSerializer::<F>(&mut F::writer(out)))
}
