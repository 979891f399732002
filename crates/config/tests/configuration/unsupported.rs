//! Features of Crossbar.io that this version does not support are refused, never ignored.

use cloverleaf_config::FileFormat;

use crate::fixtures::{REALM, json, paths, read_all, role, router, sentences, transport, workers};

const SENTENCE: &str = "is not supported by this version: ";

/// The name of the feature in the only fault, which is at this path and has advice.
fn refuses(text: &str, path: &str) -> &'static str {
    let faults = read_all(text, FileFormat::Json).expect_err(text).faults;
    let [fault] = &faults[..] else { panic!("not one fault: {faults:?} in {text}") };
    assert_eq!(fault.location.path, path, "{fault}");
    let advice = fault.message.split_once(SENTENCE).map(|(_, advice)| advice);
    assert!(advice.is_some_and(|advice| advice.len() > 10), "{fault}");
    fault.unsupported_feature.expect("the name of a feature")
}

#[test]
fn unsupported_types_are_refused_with_advice() {
    assert_eq!(
        sentences(&workers(r#"{"type": "guest", "executable": "node"}"#)),
        [format!(
            "workers[0].type: the worker type 'guest' {SENTENCE}guests are planned for a later \
             version; until then start the program by itself, for example as a service of the \
             operating system, and let it connect to a transport of this node"
        )]
    );
    refuses(&workers(r#"{"type": "proxy", "transports": []}"#), "workers[0].type");
    let mqtt =
        refuses(&transport(r#"{"type": "mqtt", "options": {}}"#), "workers[0].transports[0].type");
    assert_eq!(mqtt, "mqtt");
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
        let missing = refuses(&text, "workers[0].transports[0].paths.x.type");
        assert_eq!(missing, format!("web:{kind}"));
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
fn authentication_methods_other_than_anonymous_are_never_ignored() {
    let auth = |auth: &str| {
        transport(&format!(
            r#"{{"type": "websocket", "endpoint": {{"type": "tcp", "port": 1}}, "auth": {auth}}}"#
        ))
    };
    let below = "workers[0].transports[0].auth";
    for method in ["ticket", "wampcra", "scram", "cryptosign", "tls", "cookie"] {
        let text = auth(&format!(r#"{{"{method}": {{"type": "static"}}, "anonymous": {{}}}}"#));
        assert_eq!(refuses(&text, &format!("{below}.{method}")), format!("auth:{method}"));
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
fn an_auth_without_methods_allows_anonymous_with_a_warning() {
    let loaded = json(&transport(
        r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 1}, "auth": {}}"#,
    ));
    let sentences: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(sentences, ["no method is named, so that every client may join as anonymous"]);
}

#[test]
fn an_auth_with_an_unsupported_method_does_not_allow_anonymous() {
    for method in ["ticket", "wampcra", "scram", "cryptosign", "tls", "cookie", "tickets"] {
        let text = transport(&format!(
            r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 1}},
            "auth": {{"{method}": {{}}}}}}"#
        ));
        let faults = read_all(&text, FileFormat::Json).expect_err(&text);
        assert_eq!((faults.faults.len(), faults.warnings), (1, vec![]), "{method}");
    }
}

#[test]
fn unsupported_keys_are_never_ignored() {
    refuses(
        &role(r#"{"name": "one", "authorizer": "com.auth", "permissions": [{"uri": "*"}]}"#),
        "workers[0].realms[0].roles[0].authorizer",
    );
    let realm = REALM.replacen('{', r#"{"rlinks": {}, "#, 1);
    refuses(&router(&format!(r#""realms": [{realm}]"#)), "workers[0].realms[0].rlinks");
    let package = sentences(&paths(r#""x": {"type": "static", "package": "a", "resource": "b"}"#));
    assert_eq!(package.len(), 2, "{package:?}");
}
