//! Payloads of meta results and meta events.

use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;

/// One result.
pub(super) fn value<T: Serialize>(value: T) -> Payload {
    values(&(value,))
}

/// Several results, or the arguments of an event: a tuple.
pub(super) fn values<T: Serialize>(values: &T) -> Payload {
    Payload::from_args(Serializer::Json, values).unwrap_or_default()
}
