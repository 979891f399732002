//! Warnings about options that are read and have no effect.

use crate::fixtures::{json, workers};

/// The paths of the options that are reported to have no effect.
fn without_effect(text: &str) -> Vec<String> {
    let warnings = json(text).warnings.into_iter();
    let about = warnings.filter(|warning| warning.message.contains("this version"));
    let mut paths: Vec<String> = about.map(|warning| warning.location.path).collect();
    paths.sort();
    paths
}

#[test]
fn options_without_effect_get_a_warning() {
    let text = r#"{"version": 2,
      "controller": {"options": {"title": "n", "shutdown": "shutdown_on_worker_exit"}},
      "workers": [
        {"type": "router", "options": {"title": "w", "expose_controller": true,
         "expose_shared": true, "extra": {}, "env": {"inherit": false}, "cpu_affinity": [0]},
         "realms": [{"name": "realm1", "options": {"bridge_meta_api": true,
           "event_dispatching_chunk_size": 10}, "roles":
           [{"name": "anonymous", "permissions": [{"uri": "*", "allow": {"call": true}}]}]}],
         "transports": [{"type": "web", "endpoint": {"type": "tcp", "port": 8080},
           "options": {"display_tracebacks": true},
           "paths": {"/": {"type": "websocket", "url": "ws://a/", "debug": true}}},
           {"type": "rawsocket", "endpoint": {"type": "tcp", "port": 8081}, "debug": true},
           {"type": "websocket", "endpoint": {"type": "tcp", "port": 8082}, "url": "ws://a/"}]},
        {"type": "container", "options": {"restart": "restart-always",
         "env": {"inherit": false}}, "components": []}]}"#;
    assert_eq!(
        without_effect(text),
        [
            "controller.options.shutdown",
            "controller.options.title",
            "workers[0].options.cpu_affinity[0]",
            "workers[0].options.env",
            "workers[0].options.expose_controller",
            "workers[0].options.expose_shared",
            "workers[0].options.extra",
            "workers[0].options.title",
            "workers[0].realms[0].options.bridge_meta_api",
            "workers[0].realms[0].options.event_dispatching_chunk_size",
            "workers[0].transports[0].options.display_tracebacks",
            "workers[0].transports[0].paths[\"/\"].debug",
            "workers[0].transports[0].paths[\"/\"].url",
            "workers[0].transports[1].debug",
            "workers[0].transports[2].url",
            "workers[1].options.restart",
        ]
    );
}

#[test]
fn options_without_effect_for_connecting_transports_get_a_warning() {
    let component = |transport: &str| {
        let text = workers(&format!(
            r#"{{"type": "container", "components": [{{"type": "class", "classname": "a.B",
            "realm": "realm1", "transport": {transport}}}]}}"#
        ));
        let below = "workers[0].components[0].transport.";
        let paths = without_effect(&text).into_iter();
        paths.map(|path| path.trim_start_matches(below).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        component(
            r#"{"type": "rawsocket", "serializer": "json", "debug": true, "url": "rs://a",
            "endpoint": {"type": "unix", "path": "a", "timeout": 3}}"#
        ),
        ["debug", "endpoint.timeout", "url"]
    );
    assert_eq!(
        component(
            r#"{"type": "websocket", "url": "ws://a/", "options": {"allowed_origins": ["*"],
            "allow_null_origin": false, "enable_webstatus": false, "max_frame_size": 1000,
            "max_message_size": 1000, "require_websocket_subprotocol": false},
            "endpoint": {"type": "tcp", "host": "a", "port": 1, "version": 6, "timeout": 3}}"#
        ),
        [
            "endpoint.timeout",
            "endpoint.version",
            "options.allow_null_origin",
            "options.allowed_origins",
            "options.enable_webstatus",
            "options.max_frame_size",
            "options.require_websocket_subprotocol",
        ]
    );
}
