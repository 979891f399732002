//! Controllers, workers, realms and websocket options.

use std::collections::BTreeMap;
use std::time::Duration;

use cloverleaf_config::Warning;
use cloverleaf_config::settings::{
    CompatibilityPreset, ContainerOptions, ContainerRestart, ContainerShutdownMode, Controller,
    ControllerOptions, DiscloseHttpHeaders, EnvInherit, ListeningEndpoint, ListeningTcp,
    ListeningTransport, NativeOptions, NodeShutdown, RawSocketTransport, RealmOptions,
    RetainedOptions, SlowConsumerPolicy, StreamTesteeTransport, TesteeTransport, TesteeWorker,
    WebSocketSettings, Worker, WorkerEnv,
};
use cloverleaf_wamp::message::CallTimeoutUnit;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriRule;
use cloverleaf_wamp::websocket::deflate::{DeflateOptions, MemoryLevel, WindowBits};
use serde_json::json as value;

use crate::fixtures::{
    json, paths, router, sentences, the_realm, the_router, the_transport, the_websocket_options,
    transport, warnings, websocket_options, workers,
};

fn controller(controller: &str) -> String {
    format!(r#"{{"version": 2, "controller": {{{controller}}}}}"#)
}

#[test]
fn all_keys_of_a_controller_are_read() {
    let loaded = json(&controller(
        r#""id": "node1", "options": {"title": "node", "enable_parallel_worker_start": true,
        "shutdown": ["shutdown_on_shutdown_requested", "shutdown_on_last_worker_exit"]}"#,
    ));
    let options = ControllerOptions {
        title: Some("node".to_owned()),
        shutdown: vec![NodeShutdown::OnShutdownRequested, NodeShutdown::OnLastWorkerExit],
        enable_parallel_worker_start: true,
    };
    let expected = Controller { id: Some("node1".to_owned()), options };
    assert_eq!(loaded.settings.controller, expected);
    let word =
        json(&controller(r#""options": {"shutdown": "shutdown_on_worker_exit_with_error"}"#));
    let expected = [NodeShutdown::OnWorkerExitWithError];
    assert_eq!(word.settings.controller.options.shutdown, expected);
    assert_eq!(json(&controller("")).settings.controller, Controller::default());
}

#[test]
fn ids_are_3_to_64_lowercase_letters_digits_and_underscores() {
    let good = ["abc", "a_1", &"a".repeat(64)];
    for id in good {
        let loaded = json(&controller(&format!(r#""id": "{id}""#)));
        assert_eq!(loaded.settings.controller.id.as_deref(), Some(id));
    }
    for id in ["", "ab", "Abc", "1ab", "a-b", "aüb", &"a".repeat(65)] {
        let faults = sentences(&controller(&format!(r#""id": "{id}""#)));
        assert_eq!(faults.len(), 1, "{id}: {faults:?}");
        assert!(faults[0].contains("is no id; expected 3 to 64 of a-z, 0-9 and '_'"), "{faults:?}");
    }
}

#[test]
fn absent_ids_are_generated_and_given_ones_must_be_unique() {
    let text = workers(
        r#"{"type": "router"}, {"type": "router", "id": "worker002"}, {"type": "router"},
        {"type": "container", "id": "mine"}"#,
    );
    let settings = json(&text).settings;
    let ids: Vec<&str> = settings.workers.iter().map(Worker::id).collect();
    assert_eq!(ids, ["worker001", "worker002", "worker003", "mine"]);
    let text = workers(r#"{"type": "router", "id": "one"}, {"type": "container", "id": "one"}"#);
    assert_eq!(
        sentences(&text),
        ["workers[1].id: the id 'one' is already that of the item in line 1"]
    );
}

#[test]
fn all_keys_of_a_worker_are_read() {
    let loaded = json(&router(
        r#""options": {"title": "t", "python": "/usr/bin/python3", "pythonpath": ["..", "/lib"],
        "cpu_affinity": [0, 1], "env": {"inherit": ["HOME"], "vars": {"A": "${TEXT}"}},
        "expose_controller": true, "expose_shared": true, "extra": {"x": ["${TEXT}", 1, null]},
        "disabled": false}"#,
    ));
    let expected = NativeOptions {
        title: Some("t".to_owned()),
        python: Some("/usr/bin/python3".into()),
        pythonpath: vec!["/node/..".into(), "/lib".into()],
        cpu_affinity: vec![0, 1],
        env: WorkerEnv {
            inherit: EnvInherit::Named(vec!["HOME".to_owned()]),
            vars: BTreeMap::from([("A".to_owned(), "text".to_owned())]),
        },
        expose_controller: true,
        expose_shared: true,
        extra: value!({"x": ["text", 1, null]}),
    };
    assert_eq!(the_router(&loaded.settings).options, expected);
}

#[test]
fn invalid_options_of_workers_are_refused() {
    let below = "workers[0].options";
    let faults = sentences(&router(
        r#""options": {"pythonpath": "..", "cpu_affinity": [0, "1", -1], "title": 1,
        "env": {"inherit": "all", "vars": {"A": 1}, "extra": 1}}"#,
    ));
    let expected = [
        format!("{below}.pythonpath: found the string '..'; expected a list"),
        format!(
            "{below}.cpu_affinity[1]: found the string '1'; expected a whole number from 0 to 4294967295"
        ),
        format!(
            "{below}.cpu_affinity[2]: found the number -1; expected a whole number from 0 to 4294967295"
        ),
        format!("{below}.title: found the number 1; expected a string"),
        format!("{below}.env.inherit: found the string 'all'; expected true or false"),
        format!("{below}.env.vars.A: found the number 1; expected a string"),
        format!(
            "{below}.env.extra: unknown key 'extra' in a process environment; expected one of inherit, vars"
        ),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn disabled_workers_are_checked_and_dropped() {
    let disabled = |disabled: &str| {
        let text = workers(&format!(
            r#"{{"type": "router", "options": {{"disabled": {disabled}}}}}, {{"type": "router"}}"#
        ));
        json(&text).settings.workers.iter().map(|worker| worker.id().to_owned()).collect::<Vec<_>>()
    };
    for word in ["true", r#""${TEXT}""#, r#""$TEXT""#] {
        assert_eq!(disabled(word), ["worker002"], "{word}");
    }
    for word in ["false", r#""${UNSET}""#, r#""${EMPTY}""#, r#""$UNSET""#] {
        assert_eq!(disabled(word), ["worker001", "worker002"], "{word}");
    }
    let faulty = router(r#""options": {"disabled": true}, "realms": [{"name": "x"}]"#);
    assert_eq!(sentences(&faulty).len(), 1);
}

fn container(options: &str) -> String {
    workers(&format!(r#"{{"type": "container", "options": {{{options}}}}}"#))
}

#[test]
fn shutdown_and_restart_of_a_container_are_read() {
    let options = |text: &str| match &json(&container(text)).settings.workers[..] {
        [Worker::Container(container)] => container.options.clone(),
        other => panic!("no container: {other:?}"),
    };
    assert_eq!(options(""), ContainerOptions::default());
    let expected = ContainerOptions {
        native: NativeOptions { title: Some("t".to_owned()), ..NativeOptions::default() },
        shutdown: ContainerShutdownMode::OnLastComponentStopped,
        restart: ContainerRestart::OnFailed,
    };
    let text = r#""title": "t", "shutdown": "shutdown-on-last-component-stopped",
        "restart": "restart-on-failed""#;
    assert_eq!(options(text), expected);
}

#[test]
fn restart_and_shutdown_of_a_container_must_not_contradict() {
    let faults = |shutdown: &str, restart: &str| {
        sentences(&container(&format!(r#""shutdown": "{shutdown}", "restart": "{restart}""#)))
    };
    let expected = ["workers[0].options.restart: a component cannot be started again and end the \
                     container with 'shutdown'"];
    for shutdown in [
        "shutdown-on-last-component-stopped",
        "shutdown-on-any-component-failed",
        "shutdown-on-any-component-stopped",
    ] {
        assert_eq!(faults(shutdown, "restart-always"), expected);
    }
    assert_eq!(faults("shutdown-on-any-component-failed", "restart-on-failed"), expected);
    assert_eq!(
        faults("shutdown-manual", "restart-failed"),
        ["workers[0].options.restart: unknown restart mode 'restart-failed'; expected \
          'restart-never', 'restart-on-failed' or 'restart-always'; did you mean \
          'restart-on-failed'?"]
    );
}

#[test]
fn a_stream_testee_has_only_an_endpoint() {
    let testee = |more: &str| {
        transport(&format!(
            r#"{{"type": "stream.testee", "endpoint": {{"type": "tcp", "port": 9002}}{more}}}"#
        ))
    };
    let expected = ListeningTransport::StreamTestee(StreamTesteeTransport {
        id: "transport001".to_owned(),
        endpoint: ListeningEndpoint::Tcp(ListeningTcp::on(9_002)),
    });
    assert_eq!(the_transport(&json(&testee(r#", "debug": false"#)).settings), &expected);
    let unknown = "workers[0].transports[0].options: unknown key 'options' in a stream.testee \
                   transport; expected one of type, id, debug, endpoint";
    assert_eq!(sentences(&testee(r#", "options": {}"#)), [unknown]);
}

#[test]
fn a_testee_has_websocket_options() {
    let text = workers(
        r#"{"type": "websocket-testee", "options": {"title": "t"}, "transport": {
        "type": "websocket.testee", "endpoint": {"type": "tcp", "port": 9001},
        "url": "ws://localhost:9001", "options": {"fail_by_drop": true}}}"#,
    );
    let expected = Worker::WebSocketTestee(TesteeWorker {
        id: "worker001".to_owned(),
        options: NativeOptions { title: Some("t".to_owned()), ..NativeOptions::default() },
        transport: TesteeTransport {
            id: "transport001".to_owned(),
            endpoint: ListeningEndpoint::Tcp(ListeningTcp::on(9_001)),
            url: Some("ws://localhost:9001".to_owned()),
            options: WebSocketSettings { fail_by_drop: true, ..WebSocketSettings::default() },
        },
    });
    assert_eq!(json(&text).settings.workers, [expected]);
    assert_eq!(
        sentences(&workers(r#"{"type": "websocket-testee"}"#)),
        ["workers[0]: missing key 'transport' in a websocket-testee"]
    );
}

#[test]
fn realm_options_have_defaults() {
    let options = |options: &str| {
        let text =
            router(&format!(r#""realms": [{{"name": "realm1", "options": {{{options}}}}}]"#));
        the_realm(&json(&text).settings).options.clone()
    };
    let default = RealmOptions {
        uri_check: UriRule::Loose,
        compatibility: CompatibilityPreset::Crossbar,
        call_timeout_unit: None,
        strict_request_ids: false,
        call_timeout: None,
        max_call_timeout: None,
        retained: RetainedOptions { max_events: 100_000, max_bytes: 64 * 1024 * 1024, ttl: None },
        enable_meta_api: true,
        disclose_http_headers: DiscloseHttpHeaders::WithoutCredentials,
        shutdown_goodbye: false,
        bridge_meta_api: false,
        event_dispatching_chunk_size: 100,
    };
    assert_eq!(options(""), default);
    let expected = RealmOptions {
        uri_check: UriRule::Strict,
        compatibility: CompatibilityPreset::Wamp,
        call_timeout_unit: Some(CallTimeoutUnit::Seconds),
        strict_request_ids: true,
        call_timeout: Some(Duration::from_secs(5)),
        max_call_timeout: Some(Duration::from_secs(60)),
        retained: RetainedOptions {
            max_events: 10,
            max_bytes: 1000,
            ttl: Some(Duration::from_secs(3)),
        },
        enable_meta_api: false,
        disclose_http_headers: DiscloseHttpHeaders::All,
        shutdown_goodbye: true,
        bridge_meta_api: true,
        event_dispatching_chunk_size: 1,
    };
    let text = r#""uri_check": "strict", "enable_meta_api": false, "bridge_meta_api": true,
        "event_dispatching_chunk_size": 1, "compatibility": "wamp", "call_timeout_unit": "s",
        "disclose_http_headers": "all", "shutdown_goodbye": true,
        "strict_request_ids": true, "call_timeout": 5000, "max_call_timeout": 60000,
        "retained": {"max_events": 10, "max_bytes": 1000, "ttl": 3000}"#;
    assert_eq!(options(text), expected);
    let none = options(r#""disclose_http_headers": "none""#);
    assert_eq!(none.disclose_http_headers, DiscloseHttpHeaders::None);
    let faulty =
        router(r#""realms": [{"name": "realm1", "options": {"disclose_http_headers": true}}]"#);
    assert_eq!(sentences(&faulty).len(), 1);
    let unit = options(r#""call_timeout_unit": "ms""#).call_timeout_unit;
    assert_eq!(unit, Some(CallTimeoutUnit::Milliseconds));
    let faulty =
        router(r#""realms": [{"name": "realm1", "options": {"call_timeout_unit": "seconds"}}]"#);
    assert_eq!(
        sentences(&faulty),
        ["workers[0].realms[0].options.call_timeout_unit: unknown unit of call timeouts \
          'seconds'; expected 's' or 'ms'"]
    );
    let faulty =
        router(r#""realms": [{"name": "realm1", "options": {"event_dispatching_chunk_size": 0}}]"#);
    assert_eq!(
        sentences(&faulty),
        ["workers[0].realms[0].options.event_dispatching_chunk_size: found the number 0; \
          expected a whole number from 1 to 4294967295"]
    );
}

#[test]
fn realm_names_must_follow_their_rule() {
    let text = |name: &str| router(&format!(r#""realms": [{{"name": "{name}"}}]"#));
    let address = format!("0x{}", "aB".repeat(20));
    let long = "r".repeat(255);
    for name in ["realm1", "com.example-A_1@x", "wamp-proto.eth", &address, &long] {
        assert_eq!(the_realm(&json(&text(name)).settings).name, name);
    }
    let long = "r".repeat(256);
    for name in ["", "ab", "1realm", "realm 1", "realm#", "réalm", "0x12", "_realm", &long] {
        let faults = sentences(&text(name));
        assert_eq!(faults.len(), 1, "{name}");
        assert!(faults[0].contains("is no name of a realm; expected 3 to 255 of"), "{faults:?}");
    }
}

#[test]
fn a_realm_without_roles_gets_a_warning() {
    let loaded = json(&router(r#""realms": [{"name": "realm1"}]"#));
    assert_eq!(
        warnings(&loaded),
        ["1:58: workers[0].realms[0]: this realm has no roles, so that no client can join it"]
    );
}

#[test]
fn a_length_that_rawsocket_cannot_announce_gets_a_warning() {
    let warned = |size: u32| {
        warnings(&json(&transport(&format!(
            r#"{{"type": "rawsocket", "endpoint": {{"type": "tcp", "port": 1}},
            "options": {{"max_message_size": {size}}}}}"#
        ))))
    };
    let warning = |takes: u32| {
        [format!(
            "4:45: workers[0].transports[0].options.max_message_size: RawSocket can't announce \
             this length; the transport takes {takes}"
        )]
    };
    assert_eq!(warned(1_048_576), [""; 0]);
    assert_eq!(warned(1_000_000), warning(524_288));
    assert_eq!(warned(1), warning(512));
    assert_eq!(warned(67_108_864), warning(16_777_216));
}

#[test]
fn all_keys_of_a_rawsocket_transport_are_read() {
    let loaded = json(&transport(
        r#"{"type": "rawsocket", "id": "raw", "endpoint": {"type": "tcp", "port": 1},
        "serializers": ["cbor", "json"], "options": {"max_message_size": 67108864},
        "auth": {"anonymous": {"type": "static", "realm": "realm1", "role": "anonymous",
        "authid": "me"}}, "debug": true}"#,
    ));
    let anonymous = cloverleaf_config::settings::AnonymousAuth {
        realm: Some("realm1".to_owned()),
        role: "anonymous".to_owned(),
        authid: Some("me".to_owned()),
    };
    let expected = ListeningTransport::RawSocket(RawSocketTransport {
        id: "raw".to_owned(),
        endpoint: ListeningEndpoint::Tcp(ListeningTcp::on(1)),
        limits: Default::default(),
        serializers: vec![Serializer::Cbor, Serializer::Json],
        max_message_size: Some(64 * 1024 * 1024),
        slow_consumer: SlowConsumerPolicy::DropEvents,
        auth: cloverleaf_config::settings::Auth { anonymous },
    });
    assert_eq!(the_transport(&loaded.settings), &expected);
}

#[test]
fn invalid_serializers_and_sizes_are_refused() {
    let faults = sentences(&transport(
        r#"{"type": "rawsocket", "endpoint": {"type": "tcp", "port": 1},
        "serializers": ["json", "yson", 1], "options": {"max_message_size": 0}}"#,
    ));
    let below = "workers[0].transports[0]";
    let expected = [
        format!(
            "{below}.serializers[1]: unknown serializer 'yson'; expected 'json', 'msgpack', 'cbor', 'ubjson' or 'bjdata'; did you mean 'json'?"
        ),
        format!("{below}.serializers[2]: found the number 1; expected a string"),
        format!(
            "{below}.options.max_message_size: found the number 0; expected a whole number from 1 to 67108864"
        ),
    ];
    assert_eq!(faults, expected);
}

/// Clients ask for both by the name "ubjson".
#[test]
fn a_transport_cannot_have_both_ubjson_and_bjdata() {
    let with = |serializers: &str| {
        let endpoint = r#""endpoint": {"type": "tcp", "port": 1}"#;
        transport(&format!(r#"{{"type": "rawsocket", {endpoint}, "serializers": {serializers}}}"#))
    };
    let spoken = |serializers: &str| match the_transport(&json(&with(serializers)).settings) {
        ListeningTransport::RawSocket(transport) => transport.serializers.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(spoken(r#"["json", "ubjson"]"#), [Serializer::Json, Serializer::UbJson]);
    assert_eq!(spoken(r#"["bjdata"]"#), [Serializer::BjData]);
    assert_eq!(
        sentences(&with(r#"["ubjson", "bjdata"]"#)),
        ["workers[0].transports[0].serializers[1]: 'bjdata' and 'ubjson' are one serializer to a \
          peer that asks for it; choose one of them"]
    );
}

#[test]
fn all_websocket_options_are_read() {
    let loaded = json(&websocket_options(
        r#""allowed_origins": ["http://*.example.com"], "allow_null_origin": false,
        "external_port": 443, "enable_hybi10": false, "enable_rfc6455": false,
        "open_handshake_timeout": 1000, "close_handshake_timeout": 2000,
        "enable_webstatus": false, "validate_utf8": false, "mask_server_frames": true,
        "require_masked_client_frames": false, "apply_mask": false, "max_frame_size": 1,
        "max_message_size": 67108864, "auto_fragment_size": 65536, "fail_by_drop": true,
        "echo_close_codereason": true, "tcp_nodelay": false, "auto_ping_interval": 10000,
        "auto_ping_timeout": 5000, "auto_ping_size": 125,
        "auto_ping_restart_on_any_traffic": false, "enable_flash_policy": false,
        "require_websocket_subprotocol": false, "show_server_version": true"#,
    ));
    let expected = WebSocketSettings {
        allowed_origins: vec!["http://*.example.com".to_owned()],
        allow_null_origin: false,
        external_port: Some(443),
        enable_rfc6455: false,
        open_handshake_timeout: Some(Duration::from_secs(1)),
        close_handshake_timeout: Some(Duration::from_secs(2)),
        enable_webstatus: false,
        validate_utf8: false,
        mask_server_frames: true,
        require_masked_client_frames: false,
        apply_mask: false,
        max_frame_size: Some(1),
        max_message_size: Some(67_108_864),
        auto_fragment_size: Some(65_536),
        fail_by_drop: true,
        echo_close_codereason: true,
        tcp_nodelay: false,
        auto_ping_interval: Some(Duration::from_secs(10)),
        auto_ping_timeout: Some(Duration::from_secs(5)),
        auto_ping_size: 125,
        auto_ping_restart_on_any_traffic: false,
        require_websocket_subprotocol: false,
        show_server_version: Some(true),
        compression: None,
    };
    assert_eq!(the_websocket_options(&loaded.settings), &expected);
    assert_eq!(warnings(&loaded), Vec::<String>::new());
    let nothing = json(&websocket_options(
        r#""external_port": null, "open_handshake_timeout": 0, "auto_ping_interval": 0,
        "max_message_size": 0"#,
    ));
    assert_eq!(the_websocket_options(&nothing.settings), &WebSocketSettings::default());
}

/// The warnings without their line and column.
fn warned(text: &str) -> Vec<String> {
    let location = |warning: &Warning| warning.location.path.rsplit('.').next().map(str::to_owned);
    let shown = |warning: &Warning| {
        format!("{}: {}", location(warning).unwrap_or_default(), warning.message)
    };
    json(text).warnings.iter().map(shown).collect()
}

#[test]
fn obsolete_websocket_options_get_a_warning() {
    let hybi10 = "enable_hybi10: the drafts before RFC 6455 are obsolete and not spoken";
    let flash = "enable_flash_policy: there is no Flash any more, and no policy for it is served";
    let options = |set| {
        format!(r#""enable_hybi10": {set}, "enable_flash_policy": {set}, "flash_policy": "x""#)
    };
    assert_eq!(warned(&websocket_options(&options(true))), [hybi10, flash]);
    assert_eq!(warned(&websocket_options(&options(false))), Vec::<String>::new());
}

#[test]
fn open_handshake_timeout_of_a_service_gets_a_warning() {
    let service = |timeout| {
        let options = format!(r#"{{"open_handshake_timeout": {timeout}}}"#);
        paths(&format!(r#""ws": {{"type": "websocket", "options": {options}}}"#))
    };
    let sentence = "open_handshake_timeout: a service's handshake begins with its request, \
                    which 'client_timeout' of the web transport bounds";
    assert_eq!(warned(&service(2000)), [sentence]);
    assert_eq!(warned(&service(0)), Vec::<String>::new());
}

#[test]
fn a_connecting_transport_acts_only_on_max_message_size() {
    let connecting = |options: &str| {
        workers(&format!(
            r#"{{"type": "container", "components": [{{"type": "class", "classname": "x",
            "realm": "realm1", "transport": {{"type": "websocket", "url": "ws://localhost:80/ws",
            "endpoint": {{"type": "tcp", "host": "localhost", "port": 80}},
            "options": {{{options}}}}}}}]}}"#
        ))
    };
    let expected = [
        "compression: this option has no effect in this version",
        "auto_ping_interval: this option has no effect in this version",
    ];
    let options = r#""compression": {"deflate": {}}, "auto_ping_interval": 10000,
        "max_message_size": 1000"#;
    assert_eq!(warned(&connecting(options)), expected);
}

#[test]
fn websocket_options_out_of_range_are_refused() {
    let below = "workers[0].transports[0].options";
    let faults = sentences(&websocket_options(
        r#""auto_ping_interval": 10, "open_handshake_timeout": -1, "auto_ping_size": 126,
        "max_message_size": 67108865, "external_port": 65536, "allowed_origins": "*""#,
    ));
    let whole = "expected a whole number from";
    let expected = [
        format!(
            "{below}.auto_ping_interval: found the number 10; expected 0 or at least 1000: the time is in milliseconds"
        ),
        format!("{below}.open_handshake_timeout: found the number -1; {whole} 0 to 4294967295"),
        format!("{below}.auto_ping_size: found the number 126; {whole} 12 to 125"),
        format!("{below}.max_message_size: found the number 67108865; {whole} 0 to 67108864"),
        format!("{below}.external_port: found the number 65536; {whole} 0 to 65535"),
        format!("{below}.allowed_origins: found the string '*'; expected a list"),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn all_keys_of_a_compression_are_read() {
    let bits = WindowBits::new;
    let with = |wishes| {
        let loaded = json(&websocket_options(&format!(r#""compression": {{{wishes}}}"#)));
        assert_eq!(warnings(&loaded), Vec::<String>::new());
        the_websocket_options(&loaded.settings).compression
    };
    let everything = with(
        r#""deflate": {"request_no_context_takeover": true, "request_max_window_bits": 8,
        "no_context_takeover": true, "max_window_bits": 15, "memory_level": 9}"#,
    );
    let expected = DeflateOptions {
        request_no_context_takeover: true,
        request_max_window_bits: bits(8),
        no_context_takeover: true,
        max_window_bits: bits(15),
        memory_level: MemoryLevel::new(9).expect("1 to 9"),
        every_message: false,
    };
    assert_eq!(everything, Some(expected));
    for nothing in [
        r#""deflate": {}"#,
        r#""deflate": {"request_no_context_takeover": false, "request_max_window_bits": 0,
        "no_context_takeover": null, "max_window_bits": null, "memory_level": null}"#,
    ] {
        assert_eq!(with(nothing), Some(DeflateOptions::default()));
    }
    assert_eq!(with(""), None);
}

#[test]
fn compression_options_out_of_range_are_refused() {
    let below = "workers[0].transports[0].options.compression";
    let faults = sentences(&websocket_options(
        r#""compression": {"deflate": {"max_window_bits": 7, "memory_level": 10}}"#,
    ));
    let expected = [
        format!(
            "{below}.deflate.max_window_bits: found the number 7; expected 0 or a whole number from 8 to 15"
        ),
        format!(
            "{below}.deflate.memory_level: found the number 10; expected a whole number from 1 to 9"
        ),
    ];
    assert_eq!(faults, expected);
}
