//! The schemas that payloads are validated against.

use cloverleaf_config::settings::{CompiledSchema, PayloadSchemas};
use serde_json::{Value, json};

use crate::fixtures::{json, permissions, sentences, the_realm, warnings, yaml};

const BELOW: &str = "workers[0].realms[0].roles[0].permissions[0].validate";

/// A configuration whose only permission allows everything and has these schemas.
fn validating(schemas: &str) -> String {
    permissions(&format!(
        r#"{{"uri": "com.sum", "allow": {{"call": true, "register": true, "publish": true}},
        "validate": {schemas}}}"#
    ))
}

fn reads(schemas: &str) -> PayloadSchemas {
    the_realm(&json(&validating(schemas)).settings).roles[0].permissions[0].validate.clone()
}

fn schema(source: Value) -> Option<CompiledSchema> {
    Some(CompiledSchema::new(source).expect("a schema"))
}

#[test]
fn each_kind_of_payload_may_have_a_schema() {
    let expected = PayloadSchemas {
        call: schema(json!({"type": "object"})),
        call_progress: schema(json!({"required": ["args"]})),
        call_result: schema(json!({"properties": {"args": {"items": {"type": "number"}}}})),
        call_result_progress: schema(json!({"$comment": "1"})),
        call_error: schema(json!({"$comment": "2"})),
        event: schema(json!({"$comment": "from the file"})),
    };
    let schemas = r#"{"call": {"type": "object"}, "call_progress": {"required": ["args"]},
        "call_result": "numbers.json", "call_result_progress": {"$comment": "1"},
        "call_error": {"$comment": "2"}, "event": {"$comment": "${file:key.txt}"}}"#;
    assert_eq!(reads(schemas), expected);
    assert_eq!(reads("{}"), PayloadSchemas::default());
}

#[test]
fn a_schema_file_is_found_beside_the_configuration() {
    let text = "version: 2\nworkers:\n- type: router\n  realms:\n  - name: realm1\n    roles:\n    \
                - name: anonymous\n      permissions:\n      - {uri: a, allow: {call: true}, \
                validate: {call: /node/numbers.json}}\n";
    let loaded = yaml(text);
    let validate = &the_realm(&loaded.settings).roles[0].permissions[0].validate;
    let schema = validate.call.as_ref().expect("a schema");
    assert_eq!(schema.check(&json!({"args": [1]})), Ok(()));
    let sentence = "at /args/1, value is not of type \"number\"".to_owned();
    assert_eq!(schema.check(&json!({"args": [1, "a"]})), Err(sentence));
}

#[test]
fn an_invalid_schema_is_a_fault_at_its_location() {
    let expected = "a JSON Schema: a map, or the path of a JSON file with one";
    let no_file = format!(
        "there is no file '/node/wamp.Sum'; expected {expected}; a type of a WAMP inventory can't \
         be named here, write what it says as a JSON Schema"
    );
    for (schemas, location, fault) in [
        (r#"{"call": true}"#, ".call", format!("found true; expected {expected}")),
        (
            r#"{"call": {"properties": {"args": {"prefixItems": [{}, {"type": "numbr"}]}}}}"#,
            ".call.properties.args.prefixItems[1].type",
            "this is no JSON Schema: value is not valid under any of the schemas listed in the \
             'anyOf' keyword"
                .to_owned(),
        ),
        (
            r#"{"event": {"patternProperties": {"a/b(": {}}}}"#,
            ".event.patternProperties[\"a/b(\"]",
            "this is no JSON Schema: value is not a \"regex\"".to_owned(),
        ),
        (r#"{"event": "wamp.Sum"}"#, ".event", no_file),
        (
            r#"{"event": "key.txt"}"#,
            ".event",
            "the file '/node/key.txt' is no JSON: expected ident at line 1 column 2".to_owned(),
        ),
        (
            r#"{"event": "list.json"}"#,
            ".event",
            "the file '/node/list.json' has no JSON Schema in it; expected a map".to_owned(),
        ),
        (
            r#"{"event": "wrong.json"}"#,
            ".event",
            "the file '/node/wrong.json' is no JSON Schema: '/type': value is not valid under any \
             of the schemas listed in the 'anyOf' keyword"
                .to_owned(),
        ),
        (
            r#"{"cal": {}}"#,
            ".cal",
            "unknown key 'cal' in a permission's 'validate'; did you mean 'call'?".to_owned(),
        ),
        (r#"[]"#, "", "found a list; expected a map: a permission's 'validate'".to_owned()),
    ] {
        assert_eq!(sentences(&validating(schemas)), [format!("{BELOW}{location}: {fault}")]);
    }
}

#[test]
fn a_reference_to_another_document_is_refused() {
    let faults = sentences(&validating(r#"{"call": {"$ref": "http://localhost/schema"}}"#));
    let [fault] = &faults[..] else { panic!("one fault, not {faults:?}") };
    let expected = format!("{BELOW}.call: this is no JSON Schema: ");
    assert!(fault.starts_with(&expected), "{fault}");
    assert!(fault.ends_with("(a '$ref' can only name what is in the same schema)"), "{fault}");
}

#[test]
fn schemas_without_effect_get_a_warning() {
    let loaded = json(&permissions(
        r#"{"uri": "a", "allow": {"call": true}, "validate": {"call": {}, "call_result": {},
        "event": {}, "event_confirmation": "x", "extra": {}}}"#,
    ));
    let sentences: Vec<String> = warnings(&loaded)
        .iter()
        .map(|warning| warning.splitn(3, ':').nth(2).expect("a location").trim().to_owned())
        .collect();
    let nothing = "this option has no effect in this version";
    assert_eq!(
        sentences,
        [
            format!("{BELOW}.call_result: no effect: this permission does not allow to register"),
            format!("{BELOW}.event: no effect: this permission does not allow to publish"),
            format!("{BELOW}.event_confirmation: {nothing}"),
            format!("{BELOW}.extra: {nothing}"),
        ]
    );
}

#[test]
fn a_schema_overridden_by_another_pattern_gets_a_warning() {
    let loaded = json(&permissions(
        r#"{"uri": "com.example.a", "match": "prefix", "allow": {"call": true},
            "validate": {"call": {}}},
        {"uri": "com..add", "match": "wildcard", "allow": {"call": true}}"#,
    ));
    let [warning] = &loaded.warnings[..] else { panic!("one warning, not {:?}", loaded.warnings) };
    assert!(warning.message.contains("is longer than 'com..add'"), "{warning}");
}
