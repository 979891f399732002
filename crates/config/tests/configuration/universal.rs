//! Universal transports: several protocols on one port.

use std::time::Duration;

use cloverleaf_config::settings::{
    Auth, ListeningEndpoint, ListeningTcp, ListeningTransport, RawSocketService,
    SlowConsumerPolicy, UniversalTransport, UniversalWeb, WebOptions, WebPath, WebService,
    WebSocketService,
};
use cloverleaf_wamp::serializer::Serializer;

use crate::fixtures::{json, sentences, the_transport, transport};

const ENDPOINT: &str = r#""endpoint": {"type": "tcp", "port": 8080}"#;

fn text(keys: &str) -> String {
    transport(&format!(r#"{{"type": "universal", {ENDPOINT}{keys}}}"#))
}

fn universal(keys: &str) -> UniversalTransport {
    match the_transport(&json(&text(keys)).settings) {
        ListeningTransport::Universal(universal) => universal.clone(),
        other => panic!("no universal transport: {other:?}"),
    }
}

/// The faults of a universal transport.
fn refuses(keys: &str, expected: &[&str]) {
    let below = "workers[0].transports[0]";
    let expected: Vec<String> = expected.iter().map(|rest| format!("{below}{rest}")).collect();
    assert_eq!(sentences(&text(keys)), expected, "{keys}");
}

fn path(id: &str, path: &str, service: WebService) -> WebPath {
    WebPath { id: id.to_owned(), path: path.to_owned(), service }
}

#[test]
fn all_keys_of_a_universal_transport_are_read() {
    let expected = UniversalTransport {
        id: "mine".to_owned(),
        endpoint: ListeningEndpoint::Tcp(ListeningTcp::on(8080)),
        limits: Default::default(),
        rawsocket: Some(RawSocketService {
            serializers: vec![Serializer::Cbor, Serializer::MsgPack],
            max_message_size: Some(1_024),
            slow_consumer: SlowConsumerPolicy::DropEvents,
            auth: Auth::default(),
        }),
        web: Some(UniversalWeb {
            options: WebOptions {
                client_timeout: Some(Duration::from_secs(60)),
                ..WebOptions::default()
            },
            paths: vec![
                path(
                    "webservice001",
                    "ws",
                    WebService::WebSocket(WebSocketService {
                        serializers: vec![Serializer::Json],
                        ..WebSocketService::default()
                    }),
                ),
                path("webservice002", "other", WebService::WebSocket(WebSocketService::default())),
                path("webservice003", "/", WebService::Redirect("/ws".to_owned())),
            ],
        }),
    };
    let keys = r#", "id": "mine",
        "rawsocket": {"serializers": ["cbor", "msgpack"], "options": {"max_message_size": 1024},
                      "auth": {"anonymous": {"type": "static"}}, "debug": true},
        "websocket": {"ws": {"type": "websocket", "serializers": ["json"]}, "other": {}},
        "web": {"type": "web", "paths": {"/": {"type": "redirect", "url": "/ws"}},
                "options": {"client_timeout": 60}}"#;
    assert_eq!(universal(keys), expected);
}

#[test]
fn a_universal_transport_may_have_one_protocol() {
    let UniversalTransport { rawsocket, web, .. } = universal(r#", "rawsocket": {}"#);
    let everything = RawSocketService {
        serializers: Serializer::DEFAULT.to_vec(),
        max_message_size: None,
        slow_consumer: SlowConsumerPolicy::DropEvents,
        auth: Auth::default(),
    };
    assert_eq!((rawsocket, web), (Some(everything), None));
    let UniversalTransport { rawsocket, web, .. } = universal(r#", "websocket": {"ws": {}}"#);
    assert_eq!((rawsocket, web.map(|web| web.paths.len())), (None, Some(1)));
    let UniversalTransport { rawsocket, web, .. } = universal(r#", "web": {"paths": {}}"#);
    assert_eq!((rawsocket, web.map(|web| web.paths.len())), (None, Some(0)));
}

#[test]
fn a_universal_transport_without_a_protocol_is_refused() {
    refuses(
        "",
        &[": nothing is spoken at this transport; expected 'rawsocket', 'websocket' or 'web', or \
           more than one of them"],
    );
    refuses(
        r#", "rawsocket": {}, "mqtt": {"options": {"realm": "realm1"}}"#,
        &[
            ".mqtt: 'mqtt' in a universal transport is not supported by this version: MQTT is planned \
           for a later version; until then run an MQTT broker beside this node",
        ],
    );
}

#[test]
fn all_faults_of_a_universal_transport_are_reported_with_their_locations() {
    refuses(
        r#", "rawsockets": 1, "rawsocket": {"type": "websocket", "endpoint": {}},
        "websocket": {"a/b": {}, "ws": {"url": 1, "cookie": 1}},
        "web": {"options": {"client_timeout": 0}, "auth": {},
                "paths": {"ws": {"type": "redirect", "url": "/"}, "x": {"type": "static"}}}"#,
        &[
            ".rawsockets: unknown key 'rawsockets' in a universal transport; expected one of type, \
             id, endpoint, limits, rawsocket, websocket, web",
            ".rawsocket.type: unknown type of this part 'websocket'; expected 'rawsocket'; did you \
             mean 'rawsocket'?",
            ".websocket[\"a/b\"]: 'a/b' is no path; expected '/' or one segment of A-Z, a-z, 0-9, \
             '_' and '-' (deeper ones by type 'path')",
            ".websocket.ws.url: found the number 1; expected a string",
            ".web.options.client_timeout: found the number 0; expected a whole number from 1 to \
             86400",
            ".web.auth: 'auth' does not belong here: give it to the services of type 'websocket'",
            ".web.paths.ws: the path 'ws' is a websocket's already",
            ".web.paths.x: missing key 'directory' in a static service",
        ],
    );
    refuses(
        r#", "rawsocket": 7, "websocket": [], "web": {}"#,
        &[
            ".rawsocket: found the number 7; expected a map: the rawsocket of a universal transport",
            ".websocket: found a list; expected a map",
            ".web: missing key 'paths' in the web of a universal transport",
        ],
    );
    let without_endpoint = transport(r#"{"type": "universal", "rawsocket": {}}"#);
    assert_eq!(
        sentences(&without_endpoint),
        ["workers[0].transports[0]: missing key 'endpoint' in a universal transport"]
    );
}
