//! Warnings about permissions that have another effect in Crossbar.io.

use std::time::Duration;

use crate::crossbar::warned;
use crate::fixtures::{json, permissions, router};

/// The warnings about permissions with another effect in Crossbar.io, each as line and message.
fn differences(permissions_text: &str) -> Vec<String> {
    let loaded = json(&permissions(permissions_text));
    let about = |w: &&cloverleaf_config::Warning| w.message.starts_with("differs from Crossbar.io");
    let about = loaded.warnings.iter().filter(about);
    about.map(|w| format!("{}: {}", w.location.line, w.message)).collect()
}

#[test]
fn permissions_with_another_effect_in_crossbar_get_a_warning_with_a_uri() {
    let start = "differs from Crossbar.io for URIs such as";
    assert_eq!(
        differences(
            "{\"uri\": \"com.*\", \"allow\": {\"call\": true}},\n\
             {\"uri\": \"com.secret\", \"allow\": {}}"
        ),
        [format!(
            "1: {start} 'com.secretx': here this permission counts, which allows call; there the \
             one of line 2 hides it, and everything is denied"
        )]
    );
    assert_eq!(
        differences(
            "{\"uri\": \"com.a\", \"allow\": {\"call\": true, \"publish\": true}},\n\
             {\"uri\": \"com.a\", \"match\": \"prefix\", \"allow\": {\"call\": true}}"
        ),
        [format!(
            "1: {start} 'com.a': here this permission counts, which allows call, publish; there \
             the one of line 2 counts, which allows call"
        )]
    );
    assert_eq!(
        differences(
            r#"{"uri": ".secret", "match": "wildcard", "allow": {}},
               {"uri": "*", "allow": {"call": true}}"#
        ),
        [format!(
            "1: {start} 'x.secret': here this permission counts, which allows nothing; there the \
             one of line 2 counts, which allows call"
        )]
    );
    assert_eq!(
        differences(r#"{"uri": "com..Add", "match": "wildcard", "allow": {"call": true}}"#),
        [format!(
            "1: {start} 'com.x.Add': here this permission counts, which allows call; there it does \
             not match, and everything is denied"
        )]
    );
}

#[test]
fn permissions_with_the_same_effect_get_no_warning() {
    for text in [
        r#"{"uri": "*", "allow": {"call": true}}"#,
        r#"{"uri": "com.*", "allow": {"call": true}}, {"uri": "com.a.*", "allow": {}}"#,
        r#"{"uri": "com.*", "allow": {}}, {"uri": "com.a", "allow": {"call": true}}"#,
        r#"{"uri": "com.*.get", "allow": {"call": true}}, {"uri": "com.*", "allow": {}}"#,
        r#"{"uri": "com.*", "allow": {"call": true}}, {"uri": "com.a", "allow": {"call": true},
            "match": "prefix"}"#,
    ] {
        assert_eq!(differences(text), [""; 0], "{text}");
    }
    let wamp = r#"{"name": "realm1", "options": {"compatibility": "wamp"}, "roles":
        [{"name": "anonymous", "permissions": [{"uri": "com.*", "allow": {"call": true}},
        {"uri": "com.secret", "allow": {}}]}]}"#;
    assert_eq!(warned(&json(&router(&format!(r#""realms": [{wamp}]"#)))), [""; 0]);
}

#[test]
fn many_permissions_are_compared_in_bounded_time() {
    let permission = |number| {
        format!(r#"{{"uri": "com..a{number}.b", "match": "wildcard", "allow": {{"call": true}}}}"#)
    };
    let all: Vec<String> = (0..2_000).map(permission).collect();
    let started = std::time::Instant::now();
    json(&permissions(&all.join(", ")));
    // Comparing every pair would take minutes.
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}
