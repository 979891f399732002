//! The validation of a call's payload against the JSON Schema of a permission.

use cloverleaf_config::settings::CompiledSchema;
use serde_json::{Value, json};

use super::{Cases, measure};

pub(super) fn add(cases: &mut Cases) {
    cases.insert("validate/call".to_owned(), Box::new(run));
}

/// Two arguments, one with a pattern and one with a range, and a keyword with an enumeration.
fn schema() -> CompiledSchema {
    let source = json!({
        "properties": {
            "args": {
                "type": "array",
                "prefixItems": [
                    {"type": "string", "pattern": "^[a-z]+[0-9]*$", "maxLength": 32},
                    {"type": "integer", "minimum": 1, "maximum": 1000},
                ],
                "minItems": 2,
                "maxItems": 2,
            },
            "kwargs": {
                "type": "object",
                "properties": {"unit": {"enum": ["piece", "kilogram", "litre"]}},
                "additionalProperties": false,
            },
        },
    });
    CompiledSchema::new(source).expect("a valid schema")
}

fn payload(amount: u64) -> Value {
    json!({"args": ["clover7", amount], "kwargs": {"unit": "litre"}})
}

fn run(rounds: usize) {
    let (schema, valid) = (schema(), payload(12));
    let mut accepted = 0;
    measure(vec![&valid; rounds], |payload| accepted += usize::from(schema.check(payload).is_ok()));
    assert_eq!(accepted, rounds);
    assert!(schema.check(&payload(1001)).is_err());
}
