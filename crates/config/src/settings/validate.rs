//! What payloads are held against: JSON Schemas, and which of a permission's messages has which.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use serde_json::Value;

use crate::fault::sanitized;

/// The schemas of a permission (`validate`). Keys and their meaning are Crossbar.io's; what stands
/// there are JSON Schemas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PayloadSchemas {
    /// Of calls that are whole, and of the last parts of others.
    pub call: Option<CompiledSchema>,
    /// Of the other parts of calls.
    pub call_progress: Option<CompiledSchema>,
    /// Of results that are whole, and of the last parts of others.
    pub call_result: Option<CompiledSchema>,
    /// Of the other parts of results.
    pub call_result_progress: Option<CompiledSchema>,
    /// Of the errors of callees.
    pub call_error: Option<CompiledSchema>,
    /// Of publications.
    pub event: Option<CompiledSchema>,
}

/// A JSON Schema for `{"args": […], "kwargs": {…}}`, ready to hold payloads against.
///
/// Regular expressions in it are of the kind that takes time linear in the text, since the text is
/// a peer's.
#[derive(Clone)]
pub struct CompiledSchema(Arc<Compiled>);

struct Compiled {
    source: Value,
    validator: Validator,
}

/// A value that is no JSON Schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSchema {
    /// Where in it something is wrong, as a JSON pointer (RFC 6901).
    pub at: String,
    /// What is.
    pub reason: String,
}

impl CompiledSchema {
    /// Takes a schema. Without `$schema` it is one of draft 2020-12.
    ///
    /// # Errors
    /// When it is none, or refers to what is not in it.
    pub fn new(source: Value) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .with_retriever(Nowhere)
            .build(&source)
            .map_err(|error| InvalidSchema::from(&error))?;
        Ok(Self(Arc::new(Compiled { source, validator })))
    }

    /// Whether a payload, as a map of `args` and `kwargs`, is as the schema asks.
    ///
    /// # Errors
    /// A sentence with the place in the payload, and without its values.
    pub fn check(&self, payload: &Value) -> Result<(), String> {
        self.0.validator.validate(payload).map_err(|error| {
            let what = error.masked();
            let sentence = match error.instance_path().as_str() {
                "" => format!("as a whole, {what}"),
                location => format!("at {location}, {what}"),
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

/// Where schemas that others refer to are not fetched from: what a node accepts must not depend on
/// what some server says at the moment.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Err("nothing is fetched".into())
    }
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
    fn what_is_wrong_is_said_with_its_place_and_without_its_value() {
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
    fn names_of_a_payload_are_repeated_only_so_far() {
        let schema = json!({"additionalProperties": false, "properties": {}});
        let long = "x".repeat(1000);
        let sentence = check(schema, &json!({ long: 1 })).expect_err("a name too many");
        assert_eq!(sentence.chars().count(), 501, "{sentence}");
    }

    #[test]
    fn what_is_no_schema_is_said_with_its_place() {
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
    fn nothing_is_fetched() {
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
    fn a_schema_of_itself_ends() {
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
    fn a_pattern_takes_no_more_time_than_its_text_is_long() {
        let text = "a".repeat(100_000) + "!";
        let sentence = check(json!({"pattern": "^(a+)+$"}), &json!(text)).expect_err("a mark");
        assert_eq!(sentence, r#"as a whole, value does not match "^(a+)+$""#);
    }
}
