//! Validation of payloads against the JSON Schemas of a configuration.
//!
//! A schema sees a payload as a client with the serializer JSON does, whichever serializer it was
//! written in: byte strings appear in WAMP's convention, a zero character and base64.

use std::any::Any;
use std::sync::Arc;

use cloverleaf_config::settings as config;
use cloverleaf_realms::settings::{PayloadSchema, Schema, Schemas};
use cloverleaf_wamp::payload::{Encoded, Payload};
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

/// The schemas of a permission, if it has any; `whose` is how the log names them.
pub(super) fn of(validate: &config::PayloadSchemas, whose: &str) -> Option<Schemas> {
    if *validate == config::PayloadSchemas::default() {
        return None;
    }
    let schema = |key: &str, schema: &Option<config::CompiledSchema>| -> Schema {
        let schema = schema.clone()?;
        Some(Arc::new(JsonSchema { schema, name: format!("{whose}: {key}") }))
    };
    Some(Schemas {
        call: schema("call", &validate.call),
        call_progress: schema("call_progress", &validate.call_progress),
        call_result: schema("call_result", &validate.call_result),
        call_result_progress: schema("call_result_progress", &validate.call_result_progress),
        call_error: schema("call_error", &validate.call_error),
        event: schema("event", &validate.event),
    })
}

#[derive(Debug, PartialEq)]
struct JsonSchema {
    name: String,
    schema: config::CompiledSchema,
}

impl PayloadSchema for JsonSchema {
    fn check(&self, payload: &Payload) -> Result<(), String> {
        let outcome = as_json(payload).and_then(|payload| self.schema.check(&payload));
        if let Err(reason) = &outcome {
            tracing::debug!(schema = self.name, reason, "payload rejected");
        }
        outcome
    }

    fn is_equal(&self, other: &dyn PayloadSchema) -> bool {
        (other as &dyn Any).downcast_ref() == Some(self)
    }
}

/// The JSON value of a payload that a schema validates.
fn as_json(payload: &Payload) -> Result<Value, String> {
    let (args, kwargs) = (read(payload.args(), json!([]))?, read(payload.kwargs(), json!({}))?);
    Ok(json!({"args": args, "kwargs": kwargs}))
}

fn read(part: Option<&Encoded>, absent: Value) -> Result<Value, String> {
    let Some(part) = part else { return Ok(absent) };
    let unlike = |error: &dyn std::fmt::Display| format!("it can't be read as JSON: {error}");
    let text = part.to_format(Serializer::Json).map_err(|error| unlike(&error))?;
    serde_json::from_slice(text.bytes()).map_err(|error| unlike(&error))
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::serializer::Serializer;
    use serde_json::json;

    use super::as_json;

    #[test]
    fn a_payload_looks_the_same_in_every_format() {
        let (args, kwargs) = (json!([1, -2, 0.5, "ü", null, true, [[]]]), json!({"a": {"b": []}}));
        for serializer in Serializer::ALL {
            let payload = Payload::from_args_and_kwargs(serializer, &args, &kwargs).unwrap();
            assert_eq!(as_json(&payload), Ok(json!({"args": args, "kwargs": kwargs})));
        }
    }

    #[test]
    fn what_is_absent_is_empty() {
        assert_eq!(as_json(&Payload::EMPTY), Ok(json!({"args": [], "kwargs": {}})));
        let payload = Payload::from_args(Serializer::Cbor, &[1]).unwrap();
        assert_eq!(as_json(&payload), Ok(json!({"args": [1], "kwargs": {}})));
    }

    #[test]
    fn bytes_are_the_text_that_stands_for_them_in_json() {
        struct Octets;
        impl serde::Serialize for Octets {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(b"\x00\x01\x02\xff")
            }
        }
        for serializer in Serializer::ALL {
            let payload = Payload::from_args(serializer, &(Octets,)).unwrap();
            let expected = json!({"args": ["\u{0}AAEC/w=="], "kwargs": {}});
            assert_eq!(as_json(&payload), Ok(expected), "{serializer}");
        }
    }

    #[test]
    fn a_number_that_is_none_in_json_is_null() {
        let payload = Payload::from_args(Serializer::MsgPack, &[f64::NAN]).unwrap();
        assert_eq!(as_json(&payload), Ok(json!({"args": [null], "kwargs": {}})));
    }
}
