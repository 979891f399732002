//! Decodes serde values, generic over the format.
//!
//! The counterpart of [`super::ser`]: enums are tagged externally and every format is human
//! readable. The reader limits the nesting.

use serde::Deserialize;

use super::TokenReader;
pub use super::value_error::ValueError;
use crate::serializer::Serializer;
use crate::with_token_reader;

mod key;
mod value;

use value::ValueDeserializer;

/// Decodes the value in `bytes`. The result may borrow text and bytes.
///
/// # Errors
/// The bytes are invalid, or the value has another shape than `T`.
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
