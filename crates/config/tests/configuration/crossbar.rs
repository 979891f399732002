//! Keys and values that Crossbar.io accepts are accepted, with a warning if they have less effect.

use std::time::Duration;

use cloverleaf_config::settings::{
    AllowedActions, DisclosureOptions, DisclosurePolicy, ListeningEndpoint, ListeningTransport,
    Ports, WebService, WebSocketService, Worker,
};
use cloverleaf_config::{FileFormat, Loaded};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy;
use serde_json::json as value;

use crate::fixtures::{
    REALM, json, paths, permissions, read_all, role, router, sentences, the_path, the_realm,
    the_router, the_transport, the_websocket_options, transport, websocket_options, workers, yaml,
};

/// The warnings, each as path and message.
pub(crate) fn warned(loaded: &Loaded) -> Vec<String> {
    let shown = loaded.warnings.iter().map(|w| format!("{}: {}", w.location.path, w.message));
    shown.collect()
}

/// Asserts that a configuration is valid and has one warning, at this path and with this text.
fn warns(text: &str, path: &str, part: &str) -> Loaded {
    let loaded = json(text);
    let found = warned(&loaded);
    let [warning] = &found[..] else { panic!("not one warning: {found:#?} in {text}") };
    assert!(warning.starts_with(&format!("{path}: ")) && warning.contains(part), "{warning}");
    loaded
}

#[test]
fn a_known_key_is_not_a_misspelling_of_an_absent_one() {
    let caller = |options: &str| {
        let service = r#""type": "caller", "realm": "realm1", "role": "anonymous""#;
        paths(&format!(r#""call": {{{service}, "options": {{{options}}}}}"#))
    };
    let loaded = json(&caller(r#""require_tls": true"#));
    let WebService::Caller(service) = &the_path(&loaded.settings).service else {
        panic!("no caller: {loaded:?}")
    };
    assert!(service.options.require_tls && service.options.require_ip.is_empty());
    assert_eq!(
        sentences(&caller(r#""require_ips": ["10.0.0.0/8"]"#)),
        ["workers[0].transports[0].paths.call.options.require_ips: unknown key 'require_ips' in \
          bridge options; did you mean 'require_ip'?"]
    );
}

#[test]
fn a_container_without_components_gets_a_warning() {
    let sentence = "this container has no components: no process is started for it";
    for keys in ["", r#", "components": []"#] {
        let text = workers(&format!(r#"{{"type": "container"{keys}}}"#));
        warns(&text, "workers[0]", sentence);
    }
    let wrong = r#"{"type": "container", "components": {}}"#;
    let faults = read_all(&workers(wrong), FileFormat::Json).expect_err(wrong);
    assert!(!faults.warnings.iter().any(|warning| warning.message == sentence), "{faults:?}");
    let options = r#""options": {"disabled": true}"#;
    assert_eq!(warned(&json(&workers(&format!(r#"{{"type": "container", {options}}}"#)))), [""; 0]);
}

#[test]
fn booleans_of_yaml_1_1_are_accepted_where_a_boolean_is_expected() {
    let text = "version: 2
workers:
- type: router
  realms:
  - name: realm1
    roles:
    - name: anonymous
      permissions:
      - {uri: '*', allow: {call: on}, disclose: {caller: off, publisher: yes, callee: no}}
";
    let loaded = yaml(text);
    let permission = &the_realm(&loaded.settings).roles[0].permissions[0];
    let expected = DisclosureOptions {
        caller: Some(DisclosurePolicy::Never),
        publisher: Some(DisclosurePolicy::Always),
        callee: false,
    };
    assert_eq!((permission.allow.call, permission.disclose), (true, expected));
    assert_eq!(warned(&loaded).len(), 4, "{loaded:?}");
}

#[test]
fn an_empty_uri_without_match_matches_nothing_and_the_warning_suggests_prefix() {
    let loaded = warns(
        &permissions(r#"{"uri": "", "allow": {"call": true}}"#),
        "workers[0].realms[0].roles[0].permissions[0].uri",
        "this permission has no effect, since '' matches no URI; for every URI write \"match\": \
         \"prefix\"",
    );
    assert_eq!(the_realm(&loaded.settings).roles[0].permissions, []);
}

#[test]
fn patterns_that_match_no_uri_have_no_effect() {
    for (uri, policy, advice) in [
        ("com.", "exact", "for every URI that begins so write \"match\": \"prefix\""),
        (".com", "exact", "a wildcard needs \"match\": \"wildcard\""),
        (".com", "prefix", "a wildcard needs \"match\": \"wildcard\""),
    ] {
        let text = permissions(&format!(r#"{{"uri": "{uri}", "match": "{policy}"}}"#));
        let loaded = warns(&text, "workers[0].realms[0].roles[0].permissions[0].uri", advice);
        assert_eq!(the_realm(&loaded.settings).roles[0].permissions, [], "{uri} {policy}");
    }
}

#[test]
fn inner_empty_components_are_wildcards_with_every_match_policy() {
    for policy in ["exact", "prefix"] {
        let text = permissions(&format!(
            r#"{{"uri": "com..add", "match": "{policy}", "allow": {{"call": true}}}}"#
        ));
        let loaded = json(&text);
        let pattern = &the_realm(&loaded.settings).roles[0].permissions[0].pattern;
        assert_eq!((pattern.as_str(), pattern.policy()), ("com..add", MatchPolicy::Wildcard));
        let part = "an empty component stands for any one, as Crossbar.io takes it";
        assert!(warned(&loaded)[0].contains(part), "{loaded:?}");
    }
}

#[test]
fn a_star_beside_other_characters_is_dropped() {
    let loaded = warns(
        &permissions(r#"{"uri": "com.a*b.*"}"#),
        "workers[0].realms[0].roles[0].permissions[0].uri",
        "this is the wildcard 'com.ab.'",
    );
    let pattern = &the_realm(&loaded.settings).roles[0].permissions[0].pattern;
    assert_eq!((pattern.as_str(), pattern.policy()), ("com.ab.", MatchPolicy::Wildcard));
}

#[test]
fn unknown_keys_of_sections_that_crossbar_does_not_check_are_ignored() {
    let realm = r#"{"name": "realm1", "trace": true, "roles": [{"name": "anonymous",
        "type": "static", "permision": [{"uri": "*"}], "permissions": [{"uri": "com.*"}]}],
        "stats": {"trigger": 1}, "store": {"type": "memory", "buffer-flush": 100,
        "event-history": [{"uri": "com.a", "ttl": 1}]}}"#;
    let loaded = json(&router(&format!(r#""realms": [{realm}]"#)));
    let below = "workers[0].realms[0]";
    assert_eq!(
        warned(&loaded),
        [
            format!("{below}.trace: unknown key 'trace' in a realm: it is ignored"),
            format!("{below}.roles[0].type: unknown key 'type' in a role: it is ignored"),
            format!("{below}.roles[0].permision: unknown key 'permision' in a role: it is ignored"),
            format!(
                "{below}.stats.trigger: unknown key 'trigger' in a realm's statistics: it is \
                 ignored"
            ),
            format!(
                "{below}.store.buffer-flush: unknown key 'buffer-flush' in a realm's store: it is \
                 ignored"
            ),
            format!(
                "{below}.store.event-history[0].ttl: unknown key 'ttl' in a rule of event-history: it is \
                 ignored"
            ),
        ]
    );
    let misspelt = json(&role(r#"{"name": "anonymous", "permision": [{"uri": "*"}]}"#));
    let sentence = "it is ignored; did you mean 'permissions'?";
    assert!(warned(&misspelt).iter().any(|text| text.ends_with(sentence)), "{misspelt:?}");
    assert_eq!(the_realm(&misspelt.settings).roles[0].permissions, [], "as with Crossbar.io");
    let loaded = warns(
        &websocket_options(r#""compression": {"bzip2": {}, "deflate": {}}"#),
        "workers[0].transports[0].options.compression.bzip2",
        "is ignored",
    );
    assert!(the_websocket_options(&loaded.settings).compression.is_some());
}

#[test]
fn allow_by_default_allows_everything_to_a_role_without_permissions() {
    let loaded = warns(
        &role(r#"{"name": "anonymous", "allow-by-default": true}"#),
        "workers[0].realms[0].roles[0].allow-by-default",
        "allows everything to this role",
    );
    let permission = &the_realm(&loaded.settings).roles[0].permissions[0];
    assert_eq!((permission.pattern.as_str(), permission.allow), ("", AllowedActions::ALL));
    assert_eq!(permission.pattern.policy(), MatchPolicy::Prefix);
    let permissions = r#"{"name": "anonymous", "allow-by-default": true, "permissions": []}"#;
    let loaded = json(&role(permissions));
    assert_eq!(the_realm(&loaded.settings).roles[0].permissions, []);
    let sentence = "'allow-by-default' has no effect beside 'permissions' or 'authorizer'";
    assert!(warned(&loaded).iter().any(|text| text.ends_with(sentence)), "{loaded:?}");
}

#[test]
fn role_names_that_are_no_uris_get_a_warning() {
    for name in ["web user", "a..b", "a#", "."] {
        let loaded = warns(
            &role(&format!(r#"{{"name": "{name}", "permissions": [{{"uri": "*"}}]}}"#)),
            "workers[0].realms[0].roles[0].name",
            &format!("'{name}' is taken as the name of a role, although it is no URI"),
        );
        assert_eq!(the_realm(&loaded.settings).roles[0].name, name);
    }
}

#[test]
fn booleans_and_numbers_of_yaml_1_1_are_accepted_where_expected() {
    let loaded = yaml(
        "version: 2
workers:
- type: router
  options:
    extra: {live: yes, size: 10_000, title: 'no'}
  realms:
  - name: realm1
    options:
      enable_meta_api: no
      call_timeout: 10_000
    roles:
    - name: anonymous
      permissions:
      - uri: '*'
        allow: {call: on, publish: Off}
  transports:
  - type: rawsocket
    endpoint: {type: tcp, port: 017777}
",
    );
    let router = the_router(&loaded.settings);
    assert_eq!(router.options.extra, value!({"live": true, "size": 10_000, "title": "no"}));
    let realm = the_realm(&loaded.settings);
    assert!(!realm.options.enable_meta_api);
    assert_eq!(realm.options.call_timeout, Some(Duration::from_secs(10)));
    let allow = realm.roles[0].permissions[0].allow;
    assert_eq!(allow, AllowedActions { call: true, ..AllowedActions::default() });
    let ListeningEndpoint::Tcp(tcp) = the_transport(&loaded.settings).endpoint() else {
        panic!("no tcp: {router:?}")
    };
    assert_eq!(tcp.ports, Ports::One(8_191), "017777 is octal");
    let read = |path: &str, value: &str| {
        format!("{path}: this is read as {value}, as Crossbar.io reads it (YAML 1.1); write it so")
    };
    let below = "workers[0].realms[0]";
    let warned = warned(&loaded);
    for expected in [
        read("workers[0].options.extra.live", "true"),
        read("workers[0].options.extra.size", "the number 10000"),
        read(&format!("{below}.options.enable_meta_api"), "false"),
        read(&format!("{below}.options.call_timeout"), "the number 10000"),
        read(&format!("{below}.roles[0].permissions[0].allow.call"), "true"),
        read(&format!("{below}.roles[0].permissions[0].allow.publish"), "false"),
        read("workers[0].transports[0].endpoint.port", "the number 8191"),
    ] {
        assert!(warned.contains(&expected), "{expected} in {warned:#?}");
    }
    assert_eq!(warned.len(), 8, "and that 'extra' has no effect: {warned:#?}");
}

#[test]
fn booleans_and_numbers_of_yaml_1_1_stay_texts_where_a_text_is_expected() {
    let loaded = yaml("version: 2\nworkers:\n- type: router\n  options: {title: yes}\n");
    assert_eq!(the_router(&loaded.settings).options.title.as_deref(), Some("yes"));
}

#[test]
fn booleans_are_numbers_as_in_python() {
    let loaded = json(&websocket_options(r#""auto_ping_interval": false, "max_frame_size": true"#));
    let options = the_websocket_options(&loaded.settings);
    assert_eq!((options.auto_ping_interval, options.max_frame_size), (None, Some(1)));
    let below = "workers[0].transports[0].options";
    assert_eq!(
        warned(&loaded),
        [
            format!("{below}.auto_ping_interval: false is read as 0, as Crossbar.io reads it"),
            format!("{below}.max_frame_size: true is read as 1, as Crossbar.io reads it"),
        ]
    );
    assert_eq!(
        sentences(&transport(
            r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 1, "backlog": false}}"#
        )),
        ["workers[0].transports[0].endpoint.backlog: found false; expected a whole number from 1 \
          to 65535"]
    );
}

#[test]
fn numbers_above_our_limits_are_replaced_by_the_limit_if_crossbar_has_none() {
    let loaded = warns(
        &websocket_options(r#""max_frame_size": 1073741824"#),
        "workers[0].transports[0].options.max_frame_size",
        "1073741824 is above the most that this version takes: 67108864 is used",
    );
    let options = the_websocket_options(&loaded.settings);
    assert_eq!(options.max_frame_size, Some(67_108_864));
    warns(
        &websocket_options(r#""auto_fragment_size": 1073741824"#),
        "workers[0].transports[0].options.auto_fragment_size",
        "67108864 is used",
    );
    let store = |keys: &str| {
        let realm = REALM.replacen('{', &format!("{{{keys}, "), 1);
        router(&format!(r#""realms": [{realm}]"#))
    };
    let loaded = warns(
        &store(r#""store": {"type": "memory", "call-queue": [{"uri": "a", "limit": 9999999}]}"#),
        "workers[0].realms[0].store.call-queue[0].limit",
        "1000000 is used",
    );
    let queue = the_realm(&loaded.settings).store.clone().expect("a store").call_queue;
    assert_eq!(queue[0].limit, 1_000_000);
    let loaded = warns(
        &store(r#""store": {"type": "memory", "event-history": [{"uri": "a", "limit": 0}]}"#),
        "workers[0].realms[0].store.event-history[0]",
        "this rule has no effect: its 'limit' is 0",
    );
    assert_eq!(the_realm(&loaded.settings).store.clone().expect("a store").event_history, []);
    let loaded = warns(
        &store(r#""stats": {"rated_message_size": 64}"#),
        "workers[0].realms[0].stats.rated_message_size",
        "64 is below the least that this version takes: 128 is used",
    );
    assert_eq!(the_realm(&loaded.settings).stats.expect("statistics").rated_message_size, 128);
}

#[test]
fn ping_sizes_below_12_bytes_are_replaced_by_12() {
    let loaded = warns(
        &websocket_options(r#""auto_ping_size": 4"#),
        "workers[0].transports[0].options.auto_ping_size",
        "pings have at least 12 bytes: 12 is used",
    );
    assert_eq!(the_websocket_options(&loaded.settings).auto_ping_size, 12);
}

#[test]
fn external_port_0_means_none() {
    let loaded = json(&websocket_options(r#""external_port": 0"#));
    assert_eq!(the_websocket_options(&loaded.settings).external_port, None);
}

#[test]
fn harmless_keys_are_ignored_with_a_reason() {
    for key in ["fabric", "fabric-center", "blockchain", "ipfs", "enable_docker"] {
        let text = format!(r#"{{"version": 2, "controller": {{"{key}": {{}}}}}}"#);
        warns(&text, &format!("controller.{key}"), "CrossbarFX");
    }
    for key in ["manhole", "connections", "keyring"] {
        let text = format!(r#"{{"version": 2, "controller": {{"{key}": {{}}}}}}"#);
        warns(&text, &format!("controller.{key}"), "is ignored: ");
    }
    for key in ["manhole", "connections"] {
        warns(&router(&format!(r#""{key}": {{}}"#)), &format!("workers[0].{key}"), "is ignored: ");
        let container = workers(&format!(
            r#"{{"type": "container", "{key}": {{}}, "components": [{{"type": "class",
            "classname": "a.B", "realm": "realm1", "transport": {{"type": "rawsocket",
            "serializer": "json", "endpoint": {{"type": "unix", "path": "x"}}}}}}]}}"#
        ));
        warns(&container, &format!("workers[0].{key}"), "is ignored: ");
    }
    warns(
        &router(r#""options": {"reactor": {"linux": "epoll"}}"#),
        "workers[0].options.reactor",
        "is ignored: ",
    );
    let realm = REALM.replacen('{', r#"{"inventory": {"type": "wamp.eth", "catalogs": []}, "#, 1);
    warns(
        &router(&format!(r#""realms": [{realm}]"#)),
        "workers[0].realms[0].inventory",
        "JSON Schemas",
    );
    let component = r#"{"type": "class", "classname": "a.B", "realm": "realm1",
        "references": ["connection:db"]}"#;
    warns(
        &router(&format!(r#""realms": [{REALM}], "components": [{component}]"#)),
        "workers[0].components[0].references",
        "databases",
    );
    warns(
        &paths(r#""ws": {"type": "websocket", "cookie": {"store": {"type": "memory"}}}"#),
        "workers[0].transports[0].paths.ws.cookie",
        "this version sets no cookies",
    );
}

#[test]
fn options_of_python_are_accepted() {
    let loaded = json(&router(r#""options": {"python": "/usr/bin/pypy3", "pythonpath": [".."]}"#));
    assert_eq!(warned(&loaded), [""; 0]);
}

#[test]
fn invalid_ids_that_crossbar_does_not_check_are_replaced() {
    let text = workers(&format!(
        r#"{{"type": "router", "realms": [{}]}}, {{"type": "container", "id": "B",
        "components": [{{"type": "class", "id": "my comp", "classname": "a.B", "realm": "realm1",
        "transport": {{"type": "rawsocket", "serializer": "json",
        "endpoint": {{"type": "unix", "path": "x"}}}}}}]}}"#,
        REALM.replacen('{', r#"{"id": "Realm-1", "#, 1)
    ));
    let loaded = json(&text);
    assert_eq!(the_realm(&loaded.settings).id, "realm001");
    let [_, Worker::Container(container)] = &loaded.settings.workers[..] else {
        panic!("no container: {loaded:?}")
    };
    assert_eq!((&*container.id, &*container.components[0].id), ("worker002", "component001"));
    let sentence = |id: &str| {
        format!("'{id}' is used instead: an id is 3 to 64 of a-z, 0-9 and '_', a letter first")
    };
    assert_eq!(
        warned(&loaded),
        [
            format!("workers[0].realms[0].id: {}", sentence("realm001")),
            format!("workers[1].id: {}", sentence("worker002")),
            format!("workers[1].components[0].id: {}", sentence("component001")),
        ]
    );
    let checked = router(r#""id": "Router-1""#);
    assert!(sentences(&checked)[0].contains("is no id"), "as with Crossbar.io");
}

#[test]
fn portrange_overrides_port() {
    let loaded = warns(
        &transport(
            r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 80,
            "portrange": [8080, 8090]}}"#,
        ),
        "workers[0].transports[0].endpoint.port",
        "'port' has no effect beside 'portrange'",
    );
    let ListeningEndpoint::Tcp(tcp) = the_transport(&loaded.settings).endpoint() else {
        panic!("no tcp: {loaded:?}")
    };
    assert_eq!(tcp.ports, Ports::FirstFreeOf(8_080..=8_090));
}

#[test]
fn repeated_and_unsupported_serializers_are_dropped_if_one_is_left() {
    let text = |serializers: &str| {
        transport(&format!(
            r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 1}},
            "serializers": {serializers}}}"#
        ))
    };
    let loaded = json(&text(r#"["flatbuffers", "json", "json"]"#));
    let ListeningTransport::RawSocket(rawsocket) = the_transport(&loaded.settings) else {
        panic!("no rawsocket: {loaded:?}")
    };
    assert_eq!(rawsocket.serializers, [Serializer::Json]);
    let below = "workers[0].transports[0].serializers";
    let mut found = warned(&loaded);
    found.sort();
    assert_eq!(
        found,
        [
            format!(
                "{below}[0]: this serializer is not supported by this version: the others are \
                 offered to clients"
            ),
            format!("{below}[2]: the serializer 'json' is there twice"),
        ]
    );
    let alone = sentences(&text(r#"["flatbuffers"]"#));
    assert!(alone.len() == 1 && alone[0].contains("is not supported by this version"), "{alone:?}");
}

#[test]
fn the_transport_of_a_testee_may_have_type_websocket_or_none() {
    let endpoint = r#""endpoint": {"type": "tcp", "port": 9001}"#;
    for kind in [r#""type": "websocket", "#, r#""type": "websocket.testee", "#, ""] {
        let text = workers(&format!(
            r#"{{"type": "websocket-testee", "transport": {{{kind}{endpoint}}}}}"#
        ));
        let loaded = json(&text);
        assert!(matches!(&loaded.settings.workers[..], [Worker::WebSocketTestee(_)]), "{kind}");
        assert_eq!(warned(&loaded), [""; 0]);
    }
    let other = workers(&format!(
        r#"{{"type": "websocket-testee", "transport": {{"type": "web", {endpoint}}}}}"#
    ));
    assert_eq!(sentences(&other).len(), 1);
}

#[test]
fn the_components_of_a_container_are_optional() {
    for components in ["", r#", "components": []"#] {
        let loaded = json(&workers(&format!(r#"{{"type": "container"{components}}}"#)));
        let [Worker::Container(container)] = &loaded.settings.workers[..] else {
            panic!("no container: {loaded:?}")
        };
        assert_eq!(container.components, []);
    }
}

#[test]
fn a_flashpolicy_transport_is_ignored() {
    let flash = r#"{"type": "flashpolicy", "allowed_domain": "*", "allowed_ports": [8080],
        "endpoint": {"type": "tcp", "port": 843}}"#;
    let loaded = warns(&transport(flash), "workers[0].transports[0]", "this transport is ignored");
    assert_eq!(the_router(&loaded.settings).transports, []);
}

#[test]
fn a_service_of_type_none_is_an_empty_path_service() {
    let loaded = json(&paths(r#""x": {"type": "none"}"#));
    assert_eq!(the_path(&loaded.settings).service, WebService::Path(Vec::new()));
    assert_eq!(warned(&loaded), [""; 0]);
}

#[test]
fn a_text_as_disabled_disables_a_worker() {
    for text in [r#""no""#, r#""false""#, r#""1""#] {
        let worker = format!(r#"{{"type": "router", "options": {{"disabled": {text}}}}}"#);
        let loaded =
            warns(&workers(&worker), "workers[0].options.disabled", "any text disables the worker");
        assert_eq!(loaded.settings.workers, [], "{text}");
    }
    let loaded = json(&workers(r#"{"type": "router", "options": {"disabled": ""}}"#));
    assert_eq!(loaded.settings.workers.len(), 1, "the empty text does not");
    let yaml = "version: 2\nworkers:\n- type: router\n  options: {disabled: no}\n";
    assert_eq!(crate::fixtures::yaml(yaml).settings.workers.len(), 1, "'no' is false in YAML 1.1");
}

#[test]
fn unsupported_features_of_a_disabled_worker_are_no_faults() {
    let proxy = r#"{"type": "proxy", "options": {"disabled": true}, "transports": []}"#;
    let tls = r#"{"type": "router", "options": {"disabled": true}, "transports": [{"type": "web",
        "endpoint": {"type": "tcp", "port": 443, "tls": {"key": "k", "certificate": "c"}},
        "paths": {"/": {"type": "nodeinfo"}}}]}"#;
    for worker in [proxy, tls] {
        assert_eq!(json(&workers(worker)).settings.workers, [], "{worker}");
    }
}

#[test]
fn ignored_keys_do_not_change_the_defaults_of_a_service() {
    let loaded = json(&paths(r#""ws": {"type": "websocket", "cookie": {}}"#));
    let expected = WebService::WebSocket(WebSocketService::default());
    assert_eq!(the_path(&loaded.settings).service, expected);
}
