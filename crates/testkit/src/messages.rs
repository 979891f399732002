//! Short constructors: [`client`] for messages that a client sends, [`router`] for those it
//! receives.
//!
//! Numbers are those of the wire format. Functions that end in `_with` take all options as a value.

use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;

pub mod client;
pub mod router;

/// Neither `Arguments` nor `ArgumentsKw`.
pub const NOTHING: Payload = Payload::EMPTY;

/// Positional arguments in JSON: a tuple, an array or a list.
///
/// The value is not serialized as a list.
/// When the value is written as anything but a list.
pub fn args(values: impl Serialize) -> Payload {
    Payload::from_args(Serializer::Json, &values).expect("arguments are a list")
}

/// Positional and keyword arguments in JSON: a list and a map.
///
/// The first value is not serialized as a list, or the second not as a map.
/// When the first is written as anything but a list, or the second as anything but a map.
pub fn args_and_kwargs(values: impl Serialize, entries: impl Serialize) -> Payload {
    Payload::from_args_and_kwargs(Serializer::Json, &values, &entries)
        .expect("arguments are a list and a map")
}

/// One text as the only argument, as in errors of the router.
pub fn text(text: &str) -> Payload {
    Payload::from_text(text)
}
