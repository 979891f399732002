//! Web transports and the services at their paths.

use std::collections::BTreeMap;
use std::time::Duration;

use cloverleaf_config::settings::{
    BridgeKey, BridgeOptions, BridgeService, JsonOptions, JsonService, Secret, SlowConsumerPolicy,
    StaticOptions, StaticService, WebOptions, WebPath, WebService, WebSocketService,
    WebSocketSettings,
};
use cloverleaf_wamp::serializer::Serializer;
use serde_json::json as value;

use crate::fixtures::{json, paths, sentences, the_path, the_web, transport, warnings};

fn service(text: &str) -> WebService {
    the_path(&json(&paths(&format!(r#""x": {{{text}}}"#))).settings).service.clone()
}

/// The faults of a service at the path `x`.
fn refuses(text: &str, expected: &[&str]) {
    let below = "workers[0].transports[0].paths.x";
    let expected: Vec<String> = expected.iter().map(|rest| format!("{below}{rest}")).collect();
    assert_eq!(sentences(&paths(&format!(r#""x": {{{text}}}"#))), expected, "{text}");
}

#[test]
fn all_keys_of_a_web_transport_are_read() {
    let options = |options: &str| {
        let text = format!(
            r#"{{"type": "web", "endpoint": {{"type": "tcp", "port": 1}}, "paths": {{}},
            "options": {{{options}}}}}"#
        );
        the_web(&json(&transport(&text)).settings).options.clone()
    };
    assert_eq!(options(""), WebOptions::default());
    assert_eq!(options(r#""client_timeout": null"#), WebOptions::default());
    let expected = WebOptions {
        access_log: true,
        display_tracebacks: true,
        hsts: true,
        hsts_max_age: Duration::from_secs(60),
        client_timeout: Some(Duration::from_secs(86_400)),
    };
    let text = r#""access_log": true, "display_tracebacks": true, "hsts": true,
        "hsts_max_age": 60, "client_timeout": 86400"#;
    assert_eq!(options(text), expected);
}

#[test]
fn a_web_transport_needs_an_endpoint_and_paths() {
    assert_eq!(
        sentences(&transport(r#"{"type": "web", "options": {"client_timeout": 0}}"#)),
        [
            "workers[0].transports[0]: missing key 'endpoint' in a web transport",
            "workers[0].transports[0]: missing key 'paths' in a web transport",
            "workers[0].transports[0].options.client_timeout: found the number 0; expected a \
             whole number from 1 to 86400",
        ]
    );
}

#[test]
fn a_path_is_the_root_or_one_segment() {
    for path in ["/", "ws", "A-b_9"] {
        let loaded = json(&paths(&format!(r#""{path}": {{"type": "websocket"}}"#)));
        assert_eq!(the_path(&loaded.settings).path, path);
    }
    for path in ["", "a/b", "/ws", "a b", "ü", "a.b"] {
        let faults = sentences(&paths(&format!(r#""{path}": {{"type": "websocket"}}"#)));
        assert_eq!(faults.len(), 1, "{path}");
        assert!(faults[0].contains("is no path; expected '/' or one segment"), "{faults:?}");
    }
}

#[test]
fn nested_paths_are_services_of_type_path() {
    let text = r#""a": {"type": "path", "paths": {"b": {"type": "redirect", "url": "/c"},
        "/": {"type": "path", "id": "mine", "paths": {}}}}, "z": {"type": "websocket"}"#;
    let path = |id: &str, path: &str, service| WebPath {
        id: id.to_owned(),
        path: path.to_owned(),
        service,
    };
    let inner = vec![
        path("webservice002", "b", WebService::Redirect("/c".to_owned())),
        path("mine", "/", WebService::Path(Vec::new())),
    ];
    let expected = [
        path("webservice001", "a", WebService::Path(inner)),
        path("webservice003", "z", WebService::WebSocket(WebSocketService::default())),
    ];
    assert_eq!(the_web(&json(&paths(text)).settings).paths, expected);
    refuses(
        r#""type": "path", "paths": {"y": {"type": "static"}}"#,
        &[".paths.y: missing key 'directory' in a static service"],
    );
}

#[test]
fn all_keys_of_a_static_service_are_read() {
    let plain = StaticService { directory: "/node/web".into(), options: StaticOptions::default() };
    let text = r#""type": "static", "directory": "web""#;
    assert_eq!(service(text), WebService::Static(plain));
    let options = StaticOptions {
        enable_directory_listing: true,
        mime_types: BTreeMap::from([(".md".to_owned(), "text/markdown".to_owned())]),
        cache_timeout: None,
        default_file: Some("home.html".to_owned()),
        allow_cross_origin: false,
        follow_symlinks: true,
        dotfiles: true,
    };
    let full = StaticService { directory: "/node/web".into(), options };
    let text = r#""type": "static", "directory": "/node/web", "options": {
        "enable_directory_listing": true, "mime_types": {".md": "text/markdown"},
        "cache_timeout": null, "default_file": "home.html", "allow_cross_origin": false,
        "follow_symlinks": true, "dotfiles": true}"#;
    assert_eq!(service(text), WebService::Static(full));
}

#[test]
fn an_absent_static_directory_gets_only_a_warning() {
    let there = json(&paths(r#""x": {"type": "static", "directory": "web"}"#));
    assert_eq!(there.warnings, []);
    let missing = json(&paths(r#""x": {"type": "static", "directory": "../none"}"#));
    let warning = &warnings(&missing)[0];
    assert!(
        warning.ends_with(".paths.x.directory: the directory '/node/../none' is not there"),
        "{warning}"
    );
}

#[test]
fn all_keys_of_a_websocket_service_are_read() {
    let text = r#""type": "websocket", "url": "ws://example.com/x", "serializers": ["msgpack"],
        "options": {"fail_by_drop": true}, "auth": {"anonymous": {"type": "static",
        "role": "anonymous"}}, "debug": false"#;
    let expected = WebSocketService {
        url: Some("ws://example.com/x".to_owned()),
        serializers: vec![Serializer::MsgPack],
        options: WebSocketSettings { fail_by_drop: true, ..WebSocketSettings::default() },
        slow_consumer: SlowConsumerPolicy::DropEvents,
        auth: cloverleaf_config::settings::Auth::default(),
    };
    assert_eq!(service(text), WebService::WebSocket(expected));
}

#[test]
fn json_and_redirect_services_are_read() {
    let json_service = JsonService {
        value: value!({"a": [1, "text"]}),
        options: JsonOptions {
            prettify: true,
            allow_cross_origin: false,
            discourage_caching: true,
        },
    };
    let text = r#""type": "json", "value": {"a": [1, "${TEXT}"]}, "options": {"prettify": true,
        "allow_cross_origin": false, "discourage_caching": true}"#;
    assert_eq!(service(text), WebService::Json(json_service));
    for text in [r#""type": "json", "value": 1"#, r#""type": "json", "value": 1, "options": {}"#] {
        let options = JsonOptions::default();
        assert!(options.allow_cross_origin, "pages of all origins may read it, as at Crossbar.io");
        assert_eq!(service(text), WebService::Json(JsonService { value: value!(1), options }));
    }
    let text = r#""type": "redirect", "url": "https://example.com/""#;
    assert_eq!(service(text), WebService::Redirect("https://example.com/".to_owned()));
    refuses(
        r#""type": "redirect", "url": "/a\r\nb: c""#,
        &[".url: found the string '/a\u{fffd}\u{fffd}b: c'; expected a URL of printable ASCII \
           characters without spaces"],
    );
}

#[test]
fn all_keys_of_callers_and_publishers_are_read() {
    let text = |kind: &str| {
        format!(
            r#""type": "{kind}", "realm": "realm1", "role": "anonymous", "options": {{
            "debug": true, "key": "bazapp", "secret": "${{file:key.txt}}",
            "post_body_limit": 1048576, "timestamp_delta_limit": 86400,
            "refuse_replays": true, "max_nonces": 10000000,
            "require_ip": ["1.2.3.4", "10.0.0.0/8", "192.168.0.0/255.255.255.0", "::1"],
            "require_tls": true, "error_status": true,
            "allowed_origins": ["https://example.com"]}}"#
        )
    };
    let networks = ["1.2.3.4/32", "10.0.0.0/8", "192.168.0.0/24", "::1/128"];
    let options = BridgeOptions {
        debug: true,
        signed_with: Some(BridgeKey {
            key: "bazapp".to_owned(),
            secret: Secret::new("from the file"),
        }),
        post_body_limit: Some(1 << 20),
        timestamp_delta_limit: Some(Duration::from_secs(86_400)),
        refuse_replays: true,
        max_nonces: 10_000_000,
        require_ip: networks.map(|network| network.parse().expect(network)).to_vec(),
        require_tls: true,
        error_status: true,
        allowed_origins: vec!["https://example.com".to_owned()],
    };
    let bridge =
        BridgeService { realm: "realm1".to_owned(), role: "anonymous".to_owned(), options };
    assert_eq!(service(&text("caller")), WebService::Caller(bridge.clone()));
    assert_eq!(service(&text("publisher")), WebService::Publisher(bridge));
}

#[test]
fn bridge_options_have_defaults_and_zero_means_none() {
    let options = |options: &str| {
        let text = format!(
            r#""type": "caller", "realm": "realm1", "role": "anonymous", "options": {{{options}}}"#
        );
        match service(&text) {
            WebService::Caller(caller) => caller.options,
            other => panic!("no caller: {other:?}"),
        }
    };
    let default = BridgeOptions {
        debug: false,
        signed_with: None,
        post_body_limit: None,
        timestamp_delta_limit: Some(Duration::from_secs(300)),
        refuse_replays: false,
        max_nonces: 1_000_000,
        require_ip: Vec::new(),
        require_tls: false,
        error_status: false,
        allowed_origins: vec!["*".to_owned()],
    };
    assert_eq!(options(""), default);
    let zero = BridgeOptions { timestamp_delta_limit: None, ..default };
    assert_eq!(options(r#""post_body_limit": 0, "timestamp_delta_limit": 0"#), zero);
}

#[test]
fn invalid_options_of_a_bridge_are_refused() {
    let bridge = |options: &str| {
        format!(
            r#""type": "caller", "realm": "realm1", "role": "anonymous", "options": {{{options}}}"#
        )
    };
    refuses(
        &bridge(
            r#""post_body_limit": 1048577, "timestamp_delta_limit": 86401, "require_ip": [
            "10.0.0.1/8", "localhost"], "max_nonces": 0, "require_tsl": true"#,
        ),
        &[
            ".options.post_body_limit: found the number 1048577; expected a whole number from 0 \
             to 1048576",
            ".options.timestamp_delta_limit: found the number 86401; expected a whole number \
             from 0 to 86400",
            ".options.require_ip[0]: '10.0.0.1/8' is no network of IP addresses; expected one \
             such as '1.2.3.4', '10.0.0.0/8' or '192.168.0.0/255.255.255.0'; did you mean \
             '10.0.0.0/8'?",
            ".options.require_ip[1]: 'localhost' is no network of IP addresses; expected one \
             such as '1.2.3.4', '10.0.0.0/8' or '192.168.0.0/255.255.255.0'",
            ".options.max_nonces: found the number 0; expected a whole number from 1 to 10000000",
            ".options.require_tsl: unknown key 'require_tsl' in bridge options; did you mean \
             'require_tls'?",
        ],
    );
    refuses(
        &bridge(r#""secret": "foobar""#),
        &[".options.secret: 'secret' without 'key'; expected both of them or none"],
    );
    refuses(
        &bridge(r#""key": "bazapp""#),
        &[".options.key: 'key' without 'secret'; expected both of them or none"],
    );
}

#[test]
fn refuse_replays_needs_a_key_and_a_limit_of_timestamps() {
    let bridge = |options: &str| {
        format!(
            r#""type": "caller", "realm": "realm1", "role": "anonymous", "options": {{{options}}}"#
        )
    };
    let unsigned = ".options.refuse_replays: 'refuse_replays' without 'key' and 'secret'; \
                    expected both of them, since only signed requests have a nonce to rely on";
    let unlimited = ".options.refuse_replays: 'refuse_replays' with a 'timestamp_delta_limit' of \
                     0, which is no limit; expected a limit from 1 to 86400 seconds";
    let key = r#""key": "bazapp", "secret": "foobar""#;
    refuses(&bridge(r#""refuse_replays": true"#), &[unsigned]);
    let zero = r#""timestamp_delta_limit": 0, "refuse_replays": true"#;
    refuses(&bridge(&format!("{key}, {zero}")), &[unlimited]);
    refuses(&bridge(zero), &[unsigned, unlimited]);
    let off = r#""timestamp_delta_limit": 0, "refuse_replays": false"#;
    assert!(matches!(service(&bridge(off)), WebService::Caller(_)));
}

#[test]
fn the_debug_form_of_settings_hides_secrets() {
    let text = r#""type": "caller", "realm": "realm1", "role": "anonymous",
        "options": {"key": "bazapp", "secret": "foobar"}"#;
    let shown = format!("{:?}", service(text));
    assert!(shown.contains("secret: ***") && !shown.contains("foobar"), "{shown}");
}

#[test]
fn version_1_has_the_service_type_pusher() {
    let text = r#"{"workers": [{"type": "router", "realms": [{"name": "realm1", "roles": [
        {"name": "anonymous", "permissions": [{"uri": "*"}]}]}], "transports": [{"type": "web",
        "endpoint": {"type": "tcp", "port": 1}, "paths": {
        "push": {"type": "pusher", "realm": "realm1", "role": "anonymous"}}}]}]}"#;
    let loaded = json(text);
    let expected = BridgeService {
        realm: "realm1".to_owned(),
        role: "anonymous".to_owned(),
        options: BridgeOptions::default(),
    };
    assert_eq!(the_path(&loaded.settings).service, WebService::Publisher(expected));
    assert_eq!(
        warnings(&loaded)[1],
        "4:26: workers[0].transports[0].paths.push.type: the type 'pusher' of the older form is \
         called 'publisher' today"
    );
    let current = text.replacen('{', r#"{"version": 2, "#, 1);
    assert!(sentences(&current)[0].contains("unknown web service type 'pusher'"));
}
