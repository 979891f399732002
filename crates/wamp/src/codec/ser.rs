//! Encodes serde values, generic over the format.
//!
//! Enums are tagged externally, as in serde_json. All formats are human readable for serde: a peer
//! may decode a value after transcoding, so a type must look the same in binary formats.

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
/// The value has no encoding (an integer outside 64 bits, a map key that is not text), or its
/// `Serialize` fails.
pub fn to_vec<T: Serialize + ?Sized>(
    serializer: Serializer,
    value: &T,
) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    to_writer(serializer, value, &mut out)?;
    Ok(out)
}

/// Encodes a value to the end of `out`. See [`to_vec`] for errors, which leave `out` unchanged.
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
