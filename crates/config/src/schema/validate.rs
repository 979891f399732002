//! The schemas of a permission: inside of the configuration, or in files of their own.

use std::io::ErrorKind;

use crate::document::Value;
use crate::field::Field;
use crate::section::Section;
use crate::settings::{AllowedActions, CompiledSchema, InvalidSchema, PayloadSchemas};
use crate::unsupported;

/// The longest file with a schema, in bytes. It is read and understood when the node starts, once
/// for each permission that names it.
const MAX_SCHEMA_BYTES: u64 = 1024 * 1024;

const EXPECTED: &str = "a JSON Schema: a map, or the path of a JSON file with one";

/// Reads `validate`, beside what the permission allows.
pub(super) fn validate(mut section: Section<'_>, allow: AllowedActions) -> PayloadSchemas {
    let mut schema_of = |key, is_allowed: bool, action: &str| {
        let field = section.optional(key)?;
        if !is_allowed {
            field.warn(format!("no effect: this permission does not allow to {action}"));
        }
        schema(&field)
    };
    let validate = PayloadSchemas {
        call: schema_of("call", allow.call, "call"),
        call_progress: schema_of("call_progress", allow.call, "call"),
        call_result: schema_of("call_result", allow.register, "register"),
        call_result_progress: schema_of("call_result_progress", allow.register, "register"),
        call_error: schema_of("call_error", allow.register, "register"),
        event: schema_of("event", allow.publish, "publish"),
    };
    section.has_no_effect("event_confirmation", true);
    section.has_no_effect("extra", true);
    section.finish();
    validate
}

fn schema(field: &Field<'_>) -> Option<CompiledSchema> {
    match &field.node.value {
        Value::Map(_) => inline(field),
        Value::String(_) => in_file(field),
        _ => field.expected(EXPECTED),
    }
}

/// Whether a text looks like a type of a WAMP inventory, such as `trading.Period`.
fn is_type_name(text: &str) -> bool {
    !text.contains('/') && !text.ends_with(".json")
}

fn inline(field: &Field<'_>) -> Option<CompiledSchema> {
    let taken = CompiledSchema::new(field.json());
    taken
        .map_err(|InvalidSchema { at, reason }| {
            field.at(&at).fault(format!("this is no JSON Schema: {reason}"));
        })
        .ok()
}

fn in_file(field: &Field<'_>) -> Option<CompiledSchema> {
    let context = field.context;
    let path = context.resolve(&field.full_text()?);
    let file = path.display();
    let text = match context.environment().read_file(&path, MAX_SCHEMA_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let expected = format!(
                "{EXPECTED}; a type of a WAMP inventory can't be named here, write what it says as \
                 a JSON Schema"
            );
            let message = format!("there is no file '{file}'; expected {expected}");
            return match is_type_name(&field.full_text()?) {
                true => field.report_without(unsupported::INVENTORY, message, None),
                false => field.report(message, None, None),
            };
        }
        Err(error) => {
            return field.report(format!("the file '{file}' cannot be read: {error}"), None, None);
        }
    };
    let schema: serde_json::Value = match serde_json::from_str(&text) {
        Ok(schema) => schema,
        Err(error) => {
            return field.report(format!("the file '{file}' is no JSON: {error}"), None, None);
        }
    };
    if !schema.is_object() {
        let message = format!("the file '{file}' has no JSON Schema in it");
        return field.report(message, Some("a map".to_owned()), None);
    }
    let taken = CompiledSchema::new(schema);
    taken
        .map_err(|InvalidSchema { at, reason }| {
            field.fault(format!("the file '{file}' is no JSON Schema: '{at}': {reason}"));
        })
        .ok()
}
