//! A received message with its fields by wampproto's names.
//!
//! Its effects are in `session`.

use std::collections::BTreeMap;

use serde_json::json;
use wampproto::messages::schema::{WireValue, schema};
use wampproto::messages::types::{Error, Value};
use wampproto::serializers::serializer::Serializer;

use crate::command::Dict;

pub(crate) struct Received {
    /// The message's type, a value in wampproto.
    pub(crate) kind: Value,
    fields: BTreeMap<String, Value>,
}

impl Received {
    /// Decodes a message and checks it against wampproto's schema.
    pub(crate) fn read(serializer: &dyn Serializer, message: Vec<u8>) -> Result<Self, Error> {
        let message = serializer.deserialize(message)?;
        let kind = message.message_type();
        let schema = kind.integer().and_then(schema).ok_or_else(|| Error::new("no schema"))?;
        let fields = schema.parse(&Value::List(message.marshal()));
        fields.map(|fields| Self { kind, fields }).map_err(|faults| Error::new(faults.join("; ")))
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.fields.get(name).and_then(WireValue::integer).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.fields.get(name) {
            Some(Value::Str(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn dict(&self, name: &str) -> Dict {
        match self.fields.get(name) {
            Some(Value::Dict(dict)) => dict.clone(),
            _ => Dict::new(),
        }
    }

    pub(crate) fn args(&self) -> Vec<Value> {
        match self.fields.get("args") {
            Some(Value::List(args)) => args.clone(),
            _ => Vec::new(),
        }
    }

    /// Whether this is a progressive result.
    pub(crate) fn is_part(&self) -> bool {
        self.dict("details").get("progress") == Some(&Value::Bool(true))
    }

    /// The arguments and the details as JSON.
    pub(crate) fn event(&self) -> serde_json::Value {
        json!({
            "args": self.args(), "kwargs": self.dict("kwargs"), "details": self.dict("details"),
        })
    }
}
