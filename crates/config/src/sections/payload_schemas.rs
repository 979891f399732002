//! The JSON Schemas of a permission, inline or in files.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value as Json;

use super::actions::AllowedActions;
use crate::document::Value;
use crate::fault::sanitized;
use crate::field::Field;
use crate::options::keys;
use crate::section::{Section, SectionKeys};
use crate::unsupported;

pub(crate) static VALIDATE: SectionKeys =
    SectionKeys::closed("a permission's 'validate'", ValidateKeys::ALL);

keys! {
    /// The keys of `validate`.
    const KEYS: ValidateKeys = {
        call,
        call_progress,
        call_result,
        call_result_progress,
        call_error,
        event,
        event_confirmation,
        extra,
    };
}

/// The schemas of a permission (`validate`). The keys and their meaning are those of Crossbar.io;
/// the values are JSON Schemas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PayloadSchemas {
    /// Calls, and the last parts of progressive calls.
    pub call: Option<CompiledSchema>,
    /// The other parts of progressive calls.
    pub call_progress: Option<CompiledSchema>,
    /// Results, and the last parts of progressive results.
    pub call_result: Option<CompiledSchema>,
    /// The other parts of progressive results.
    pub call_result_progress: Option<CompiledSchema>,
    /// Errors of callees.
    pub call_error: Option<CompiledSchema>,
    /// Publications.
    pub event: Option<CompiledSchema>,
}

/// A compiled JSON Schema for payloads of the form `{"args": […], "kwargs": {…}}`.
///
/// Regular expressions are matched in time linear in the text, since the text comes from a peer.
#[derive(Clone)]
pub struct CompiledSchema(Arc<SchemaValidator>);

struct SchemaValidator {
    source: Json,
    validator: Validator,
}

/// An invalid JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSchema {
    /// The position of the fault, as a JSON pointer (RFC 6901).
    pub at: String,
    /// The reason.
    pub reason: String,
}

impl CompiledSchema {
    /// Compiles a schema. Without `$schema`, it is of draft 2020-12.
    ///
    /// # Errors
    /// The schema is invalid, or refers to another schema that is not inside of it.
    pub fn new(source: Json) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(NoRetriever)
            .build(&source)
            .map_err(|error| InvalidSchema::from(&error))?;
        Ok(Self(Arc::new(SchemaValidator { source, validator })))
    }

    /// Validates a payload, given as a map of `args` and `kwargs`.
    ///
    /// # Errors
    /// A sentence with the position in the payload, and without its values.
    pub fn check(&self, payload: &Json) -> Result<(), String> {
        self.0.validator.validate(payload).map_err(|error| {
            let what = error.masked();
            let sentence = match error.instance_path().as_str() {
                "" => format!("as a whole, {what}"),
                path => format!("at {path}, {what}"),
            };
            sanitized(&sentence)
        })
    }
}

impl PartialEq for CompiledSchema {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for CompiledSchema {}

impl fmt::Debug for CompiledSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source.fmt(f)
    }
}

impl From<&ValidationError<'_>> for InvalidSchema {
    fn from(error: &ValidationError<'_>) -> Self {
        let what = error.masked();
        let reason = match error.kind() {
            ValidationErrorKind::Referencing(_) => {
                format!("{what} (a '$ref' can only name what is in the same schema)")
            }
            _ => what.to_string(),
        };
        Self { at: error.instance_path().as_str().to_owned(), reason }
    }
}

/// Refuses to fetch other schemas: validation must not depend on the answer of some server.
struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(&self, _: &Uri<String>) -> Result<Json, Box<dyn Error + Send + Sync>> {
        Err("nothing is fetched".into())
    }
}

/// The longest file with a schema, in bytes. Each permission that names the file reads and compiles
/// it at the start.
const MAX_SCHEMA_BYTES: u64 = 1024 * 1024;

const EXPECTED: &str = "a JSON Schema: a map, or the path of a JSON file with one";

/// Reads `validate` of a permission that allows these actions.
pub(crate) fn read(mut section: Section<'_>, allow: AllowedActions) -> PayloadSchemas {
    let mut schema_of = |key, is_allowed: bool, action: &str| {
        let field = section.optional(key)?;
        if !is_allowed {
            field.warn(format!("no effect: this permission does not allow to {action}"));
        }
        schema(&field)
    };
    let schemas = PayloadSchemas {
        call: schema_of(KEYS.call, allow.call, "call"),
        call_progress: schema_of(KEYS.call_progress, allow.call, "call"),
        call_result: schema_of(KEYS.call_result, allow.register, "register"),
        call_result_progress: schema_of(KEYS.call_result_progress, allow.register, "register"),
        call_error: schema_of(KEYS.call_error, allow.register, "register"),
        event: schema_of(KEYS.event, allow.publish, "publish"),
    };
    section.has_no_effect(KEYS.event_confirmation, true);
    section.has_no_effect(KEYS.extra, true);
    section.finish();
    schemas
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
    let compiled = CompiledSchema::new(field.json());
    compiled
        .map_err(|InvalidSchema { at, reason }| {
            field.at(&at).fault(format!("this is no JSON Schema: {reason}"));
        })
        .ok()
}

fn in_file(field: &Field<'_>) -> Option<CompiledSchema> {
    let context = field.context;
    let path = context.resolve(&field.non_empty_text()?);
    let file = path.display();
    let text = match context.environment().read_file(&path, MAX_SCHEMA_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let expected = format!(
                "{EXPECTED}; a type of a WAMP inventory can't be named here, write what it says as \
                 a JSON Schema"
            );
            let message = format!("there is no file '{file}'; expected {expected}");
            return match is_type_name(&field.non_empty_text()?) {
                true => field.report_unsupported_as(unsupported::INVENTORY, message, None),
                false => field.report(message, None, None),
            };
        }
        Err(error) => {
            return field.report(format!("the file '{file}' cannot be read: {error}"), None, None);
        }
    };
    let schema: Json = match serde_json::from_str(&text) {
        Ok(schema) => schema,
        Err(error) => {
            return field.report(format!("the file '{file}' is no JSON: {error}"), None, None);
        }
    };
    if !schema.is_object() {
        let message = format!("the file '{file}' has no JSON Schema in it");
        return field.report(message, Some("a map".to_owned()), None);
    }
    let compiled = CompiledSchema::new(schema);
    compiled
        .map_err(|InvalidSchema { at, reason }| {
            field.fault(format!("the file '{file}' is no JSON Schema: '{at}': {reason}"));
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{CompiledSchema, InvalidSchema};

    fn check(schema: Value, payload: &Value) -> Result<(), String> {
        CompiledSchema::new(schema).expect("a schema").check(payload)
    }

    fn fault(schema: Value) -> (String, String) {
        let InvalidSchema { at, reason } = CompiledSchema::new(schema).expect_err("no schema");
        (at, reason)
    }

    #[test]
    fn a_validation_error_names_the_position_and_not_the_value() {
        let schema = json!({
            "properties": {
                "args": {"prefixItems": [{"type": "integer"}], "items": false},
                "kwargs": {"additionalProperties": {"maxLength": 3}},
            },
            "required": ["args"],
        });
        for (payload, expected) in [
            (json!({"args": [1], "kwargs": {"a": "abc"}}), Ok(())),
            (json!({"args": ["secret"]}), Err(r#"at /args/0, value is not of type "integer""#)),
            (json!({"args": [1, 2]}), Err("at /args/1, False schema does not allow value")),
            (
                json!({"args": [], "kwargs": {"a/b": "secret"}}),
                Err("at /kwargs/a~1b, value is longer than 3 characters"),
            ),
            (json!({}), Err(r#"as a whole, "args" is a required property"#)),
        ] {
            assert_eq!(check(schema.clone(), &payload), expected.map_err(str::to_owned));
        }
    }

    #[test]
    fn long_keys_of_a_payload_are_cut_in_the_error() {
        let schema = json!({"additionalProperties": false, "properties": {}});
        let long = "x".repeat(1000);
        let sentence = check(schema, &json!({ long: 1 })).expect_err("a name too many");
        assert_eq!(sentence.chars().count(), 501, "{sentence}");
    }

    #[test]
    fn an_invalid_schema_is_refused_with_its_position() {
        let (at, reason) = fault(json!({"properties": {"args": {"minItems": "one"}}}));
        assert_eq!(
            (&at[..], &reason[..]),
            ("/properties/args/minItems", r#"value is not of type "integer""#)
        );
        assert_eq!(fault(json!({"pattern": "("})).0, "/pattern");
        assert_eq!(
            fault(json!({"pattern": "(?=a)b"})).0,
            "/pattern",
            "takes more than linear time"
        );
    }

    #[test]
    fn references_outside_of_the_schema_are_refused() {
        for reference in ["http://localhost/x", "file:///etc/passwd", "other.json", "#/$defs/none"]
        {
            let (_, reason) = fault(json!({"$ref": reference}));
            assert!(reason.ends_with("can only name what is in the same schema)"), "{reason}");
        }
        let metaschema = "https://json-schema.org/draft/2020-12/schema";
        CompiledSchema::new(json!({"$ref": metaschema})).expect("it is known");
        let (_, reason) = fault(json!({"$schema": "http://localhost/x"}));
        assert!(reason.starts_with("Unknown meta-schema"), "{reason}");
    }

    #[test]
    fn schemas_that_refer_to_themselves_are_valid() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"},
                "b": {"$ref": "#/$defs/a"}}}),
        ] {
            assert_eq!(check(schema, &json!({"args": []})), Ok(()));
        }
    }

    #[test]
    fn patterns_are_matched_in_linear_time() {
        let text = "a".repeat(100_000) + "!";
        let sentence = check(json!({"pattern": "^(a+)+$"}), &json!(text)).expect_err("a mark");
        assert_eq!(sentence, r#"as a whole, value does not match "^(a+)+$""#);
    }
}
