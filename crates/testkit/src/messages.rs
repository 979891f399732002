//! Short ways to write messages: [`client`] is what a client sends, [`router`] what it receives.
//!
//! Numbers are written as they stand on the wire. Options are given as whole values by the
//! functions that end in `_with`.

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
/// When the value is written as anything but a list.
pub fn args(values: impl Serialize) -> Payload {
    Payload::from_args(Serializer::Json, &values).expect("arguments are a list")
}

/// Positional and keyword arguments in JSON: a list and a map.
///
/// # Panics
/// When the first is written as anything but a list, or the second as anything but a map.
pub fn args_and_kwargs(values: impl Serialize, entries: impl Serialize) -> Payload {
    Payload::from_args_and_kwargs(Serializer::Json, &values, &entries)
        .expect("arguments are a list and a map")
}

/// One text as the only argument; how the router explains an error.
pub fn text(text: &str) -> Payload {
    Payload::from_text(text)
}
