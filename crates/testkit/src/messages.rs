//! Constructors of messages: [`client`] for those that a client sends, [`router`] for those that it
//! receives.
//!
//! Ids are the numbers on the wire. Functions that end in `_with` take options as a whole value.

use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;

pub mod client;
pub mod router;

/// Neither `Arguments` nor `ArgumentsKw`.
pub const NOTHING: Payload = Payload::EMPTY;

/// Positional arguments in JSON: a tuple, an array or a list.
///
/// # Panics
/// If the value is not encoded as a list.
pub fn args(values: impl Serialize) -> Payload {
    Payload::from_args(Serializer::Json, &values).expect("arguments are a list")
}

/// Positional and keyword arguments in JSON: a list and a map.
///
/// # Panics
/// If the first is not encoded as a list, or the second not as a map.
pub fn args_and_kwargs(values: impl Serialize, entries: impl Serialize) -> Payload {
    Payload::from_args_and_kwargs(Serializer::Json, &values, &entries)
        .expect("arguments are a list and a map")
}

/// A text as the only argument, as in the router's errors.
pub fn text(text: &str) -> Payload {
    Payload::from_text(text)
}
