//! What Crossbar.io knows and this version does not support is refused, never ignored.

use crate::given::{REALM, json, paths, role, router, sentences, transport, workers};

const SENTENCE: &str = "is known but not supported by this version";

/// Exactly one fault, at this path, that says so.
fn refuses(text: &str, path: &str) {
    let faults = sentences(text);
    assert_eq!(faults.len(), 1, "{faults:?} in {text}");
    assert!(faults[0].starts_with(&format!("{path}: ")), "{faults:?}");
    assert!(faults[0].contains(SENTENCE), "{faults:?}");
}

#[test]
fn types_that_are_not_supported_name_those_that_are() {
    assert_eq!(
        sentences(&workers(r#"{"type": "guest", "executable": "node"}"#)),
        [format!(
            "workers[0].type: the worker type 'guest' {SENTENCE}; expected 'router', \
             'container' or 'websocket-testee'"
        )]
    );
    refuses(&workers(r#"{"type": "proxy", "transports": []}"#), "workers[0].type");
    for kind in ["mqtt", "flashpolicy"] {
        let text = transport(&format!(r#"{{"type": "{kind}", "options": {{}}}}"#));
        refuses(&text, "workers[0].transports[0].type");
    }
    for kind in ["twisted", "onion"] {
        let endpoint = format!(r#"{{"type": "rawsocket", "endpoint": {{"type": "{kind}"}}}}"#);
        refuses(&transport(&endpoint), "workers[0].transports[0].endpoint.type");
    }
    for kind in [
        "webhook",
        "upload",
        "cgi",
        "wsgi",
        "resource",
        "nodeinfo",
        "reverseproxy",
        "websocket-reverseproxy",
        "archive",
        "wap",
        "catalog",
    ] {
        let text = paths(&format!(r#""x": {{"type": "{kind}", "anything": 1}}"#));
        refuses(&text, "workers[0].transports[0].paths.x.type");
    }
    for kind in ["function", "wamplet"] {
        let text = router(&format!(r#""components": [{{"type": "{kind}", "role": "x"}}]"#));
        refuses(&text, "workers[0].components[0].type");
    }
}

#[test]
fn tls_is_never_ignored() {
    let tls = r#""tls": {"key": "key.pem", "certificate": "cert.pem"}"#;
    let text = transport(&format!(
        r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 1, {tls}}}}}"#
    ));
    refuses(&text, "workers[0].transports[0].endpoint.tls");
    let connecting = |keys: &str, url: &str| {
        workers(&format!(
            r#"{{"type": "container", "components": [{{"type": "class", "classname": "a.B",
            "realm": "realm1", "transport": {{"type": "websocket", "url": "{url}",
            "endpoint": {{"type": "tcp", "host": "h", "port": 1{keys}}}}}}}]}}"#
        ))
    };
    let below = "workers[0].components[0].transport";
    json(&connecting("", "ws://h:1/ws"));
    refuses(&connecting(r#", "tls": {}"#, "ws://h:1/ws"), &format!("{below}.endpoint.tls"));
    refuses(&connecting("", "wss://h:1/ws"), &format!("{below}.url"));
    assert_eq!(
        sentences(&connecting("", "http://h:1/ws")),
        [format!(
            "{below}.url: found the string 'http://h:1/ws'; expected a URL such as \
             'ws://127.0.0.1:8080/ws'"
        )]
    );
}

#[test]
fn methods_of_authentication_other_than_anonymous_are_never_ignored() {
    let auth = |auth: &str| {
        transport(&format!(
            r#"{{"type": "websocket", "endpoint": {{"type": "tcp", "port": 1}}, "auth": {auth}}}"#
        ))
    };
    let below = "workers[0].transports[0].auth";
    for method in ["ticket", "wampcra", "scram", "cryptosign", "tls", "cookie"] {
        let text = auth(&format!(r#"{{"{method}": {{"type": "static"}}, "anonymous": {{}}}}"#));
        refuses(&text, &format!("{below}.{method}"));
    }
    refuses(
        &auth(r#"{"anonymous": {"type": "dynamic", "authenticator": "com.auth"}}"#),
        &format!("{below}.anonymous.type"),
    );
    assert_eq!(
        sentences(&auth(r#"{"tickets": {}}"#)),
        [format!("{below}.tickets: unknown key 'tickets' in an auth; did you mean 'ticket'?")]
    );
    assert_eq!(sentences(&auth("null")), [format!("{below}: found null; expected a map: an auth")]);
}

#[test]
fn an_auth_without_methods_lets_everybody_in_with_a_warning() {
    let loaded = json(&transport(
        r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 1}, "auth": {}}"#,
    ));
    let sentences: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(sentences, ["no method is named, so that everybody may join as anonymous"]);
}

#[test]
fn keys_that_are_not_supported_are_never_ignored() {
    refuses(
        &role(r#"{"name": "one", "authorizer": "com.auth", "permissions": [{"uri": "*"}]}"#),
        "workers[0].realms[0].roles[0].authorizer",
    );
    for key in ["inventory", "rlinks"] {
        let realm = REALM.replacen('{', &format!(r#"{{"{key}": {{}}, "#), 1);
        let text = router(&format!(r#""realms": [{realm}]"#));
        refuses(&text, &format!("workers[0].realms[0].{key}"));
    }
    for key in ["manhole", "connections"] {
        refuses(&router(&format!(r#""{key}": {{}}"#)), &format!("workers[0].{key}"));
    }
    for key in ["manhole", "connections", "keyring"] {
        let text = format!(r#"{{"version": 2, "controller": {{"{key}": {{}}}}}}"#);
        refuses(&text, &format!("controller.{key}"));
    }
    refuses(
        &paths(r#""x": {"type": "websocket", "cookie": {}}"#),
        "workers[0].transports[0].paths.x.cookie",
    );
    let package = sentences(&paths(r#""x": {"type": "static", "package": "a", "resource": "b"}"#));
    assert_eq!(package.len(), 2, "{package:?}");
}
