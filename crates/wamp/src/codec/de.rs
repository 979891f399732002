//! Bytes to serde values, written once for all formats.
//!
//! The counterpart of [`super::ser`]: enums are tagged externally, every format counts as human
//! readable. How deep values nest is bounded by the reader.

use serde::Deserialize;

use super::TokenReader;
pub use super::value_error::ValueError;
use crate::serializer::Serializer;
use crate::with_token_reader;

mod key;
mod value;

use value::ValueDeserializer;

/// Decodes the one value in `bytes`, which may lend the result text and bytes.
///
/// # Errors
/// When the bytes are not valid, or the value is of another shape than `T`.
pub fn from_slice<'de, T: Deserialize<'de>>(
    serializer: Serializer,
    bytes: &'de [u8],
) -> Result<T, ValueError> {
    with_token_reader!(serializer, R => read::<R<'de>, T>(bytes))
}

fn read<'de, R: TokenReader<'de>, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, ValueError> {
    let mut deserializer = ValueDeserializer::new(R::new(bytes));
    let value = T::deserialize(&mut deserializer)?;
    deserializer.finish()?;
    Ok(value)
}
