//! The details of one session: `wamp.session.get`, `wamp.session.on_join`, `wamp.session.on_stats`.
//!
//! Spec: advanced profile "Session Meta API". The other keys are those of Crossbar.io.

use std::time::Duration;

use cloverleaf_router::{
    Admitted, Compatibility, DisclosedHeaders, Metered, RealmSettings, SessionStats, StatsCycle,
    Traffic, TransportDetails,
};
use cloverleaf_testkit::messages::client;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::http_headers::HttpHeaders;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::transport_kind::TransportKind;
use cloverleaf_wamp::websocket::deflate::negotiation::{DeflateOptions, negotiate};
use serde_json::{Value, json};

/// The header fields of a browser behind a proxy that authenticates users.
const FIELDS: [(&str, &[u8]); 7] = [
    ("host", b"localhost:8080"),
    ("user-agent", b"Test/1.0"),
    ("cookie", b"cbtid=abc"),
    ("authorization", b"Bearer abc"),
    ("proxy-authorization", b"Basic abc"),
    ("x-forwarded-access-token", b"abc"),
    ("sec-websocket-protocol", b"wamp.2.json"),
];

fn websocket() -> TransportDetails {
    TransportDetails {
        kind: TransportKind::WebSocket,
        format: MessageFormat { serializer: Serializer::Json, is_batched: false },
        peer: "tcp4:127.0.0.1:40312".into(),
        compression: None,
        http_headers: Some(HttpHeaders::collect(FIELDS, 1_000)),
    }
}

fn rawsocket(peer: &str, serializer: Serializer) -> TransportDetails {
    TransportDetails {
        kind: TransportKind::RawSocket,
        format: MessageFormat { serializer, is_batched: false },
        peer: peer.into(),
        compression: None,
        http_headers: None,
    }
}

/// `ann` joins over a transport. Returns her details in the event and in the result, which must be
/// equal.
fn said_of(transport: Option<TransportDetails>, settings: RealmSettings) -> (u64, Value) {
    let mut lab = Lab::with(settings);
    let watcher = lab.join("watcher");
    lab.send(watcher, client::subscribe(1, "wamp.session.on_join"));
    lab.received(watcher);
    let transport = transport.map(Box::new);
    let ann = lab.attach(Admitted { transport, ..Admitted::from(Client::named("ann")) }).unwrap();
    let id = lab.id(ann).number();
    let said = lab.heard(watcher);
    let answer = lab.ask(watcher, "wamp.session.get", json!([id])).unwrap();
    assert_eq!(said, [(1, answer.clone())]);
    assert_eq!(answer.as_array().map(Vec::len), Some(1));
    (id, answer[0].clone())
}

/// The details of [`said_of`] without `serializer` and `transport`.
fn details(id: u64, serializer: &Value, transport: &Value) -> Value {
    json!({
        "realm": "realm1", "session": id, "authid": "ann", "authrole": "anyone",
        "authmethod": "anonymous", "authprovider": "static", "authextra": {},
        "serializer": serializer, "transport": transport,
        "resumed": false, "resumable": false, "resume_token": null,
    })
}

#[test]
fn a_websocket_session_is_described_with_the_keys_of_crossbar() {
    for compatibility in [Compatibility::Crossbar, Compatibility::Wamp] {
        let settings = RealmSettings { compatibility, ..settings() };
        let (id, said) = said_of(Some(websocket()), settings);
        let transport = json!({
            "type": "websocket", "protocol": "wamp.2.json", "channel_type": "tcp",
            "channel_framing": "websocket", "channel_serializer": "json",
            "peer": "tcp4:127.0.0.1:40312", "is_server": true, "is_secure": false,
            "peer_cert": null, "websocket_protocol": "wamp.2.json",
            "websocket_extensions_in_use": [],
            "http_headers_received": {
                "host": "localhost:8080", "user-agent": "Test/1.0",
                "sec-websocket-protocol": "wamp.2.json",
            },
            "http_cbtid": null,
        });
        assert_eq!(said, details(id, &json!("json"), &transport));
    }
}

#[test]
fn a_rawsocket_session_has_no_headers_and_no_extensions() {
    for (peer, serializer, name) in [
        ("tcp6:::1:40312", Serializer::Cbor, "cbor"),
        ("unix", Serializer::MsgPack, "msgpack"),
        ("unix", Serializer::BjData, "ubjson"),
    ] {
        let (id, said) = said_of(Some(rawsocket(peer, serializer)), settings());
        let transport = json!({
            "type": "rawsocket", "protocol": format!("wamp.2.{name}"), "channel_type": "tcp",
            "channel_framing": "rawsocket", "channel_serializer": name, "peer": peer,
            "is_server": true, "is_secure": false, "peer_cert": null,
            "websocket_protocol": format!("wamp.2.{name}"), "websocket_extensions_in_use": null,
            "http_headers_received": null, "http_cbtid": null,
        });
        assert_eq!(said, details(id, &json!(name), &transport));
    }
}

#[test]
fn a_session_of_this_process_is_described_as_one_without_a_connection() {
    let (id, said) = said_of(None, settings());
    let transport = json!({
        "type": "local", "protocol": null, "channel_type": "function",
        "channel_framing": "native", "channel_serializer": "null", "peer": null,
        "is_server": null, "is_secure": null, "peer_cert": null, "websocket_protocol": null,
        "websocket_extensions_in_use": null, "http_headers_received": null, "http_cbtid": null,
    });
    assert_eq!(said, details(id, &Value::Null, &transport));
}

#[test]
fn details_name_batched_formats_and_long_polling() {
    let format = MessageFormat { serializer: Serializer::Cbor, is_batched: true };
    let (_, said) = said_of(Some(TransportDetails { format, ..websocket() }), settings());
    assert_eq!(said["serializer"], "cbor.batched");
    assert_eq!(said["transport"]["channel_serializer"], "cbor");
    assert_eq!(said["transport"]["websocket_protocol"], "wamp.2.cbor.batched");
    let longpoll = TransportDetails { kind: TransportKind::LongPoll, ..websocket() };
    let (_, said) = said_of(Some(longpoll), settings());
    assert_eq!(said["transport"]["type"], "longpoll");
    assert_eq!(said["transport"]["channel_framing"], Value::Null);
    assert_eq!(said["transport"]["websocket_extensions_in_use"], Value::Null);
    assert_eq!(said["transport"]["http_headers_received"]["user-agent"], "Test/1.0");
}

#[test]
fn a_compression_is_described_as_autobahn_does() {
    let offer = b"permessage-deflate; server_no_context_takeover; server_max_window_bits=12";
    let compression = negotiate([&offer[..]].into_iter(), &DeflateOptions::default()).unwrap();
    assert!(compression.is_some());
    let (_, said) = said_of(Some(TransportDetails { compression, ..websocket() }), settings());
    let expected = json!([{
        "extension": "permessage-deflate", "is_server": true,
        "server_no_context_takeover": true, "client_no_context_takeover": false,
        "server_max_window_bits": 12, "client_max_window_bits": 15, "mem_level": 8,
    }]);
    assert_eq!(said["transport"]["websocket_extensions_in_use"], expected);
}

#[test]
fn credentials_are_disclosed_only_where_the_realm_says_so() {
    let headers = |disclosed_headers| {
        let settings = RealmSettings { disclosed_headers, ..settings() };
        said_of(Some(websocket()), settings).1["transport"]["http_headers_received"].clone()
    };
    let names = |headers: &Value| headers.as_object().map(|map| map.keys().cloned().collect());
    let harmless: Vec<String> =
        ["host", "sec-websocket-protocol", "user-agent"].map(Into::into).into();
    assert_eq!(names(&headers(DisclosedHeaders::WithoutCredentials)), Some(harmless));
    let all = headers(DisclosedHeaders::All);
    assert_eq!(names(&all).map(|names: Vec<String>| names.len()), Some(FIELDS.len()));
    assert_eq!(all["cookie"], "cbtid=abc");
    assert_eq!(headers(DisclosedHeaders::None), Value::Null);
}

#[test]
fn secrets_in_other_headers_are_disclosed_only_where_the_realm_says_so() {
    const SECRET_FIELDS: [&str; 8] = [
        "x-signature",
        "x-hub-signature-256",
        "x-ticket",
        "x-credential",
        "x-passwd",
        "x-auth",
        "x-auth-user",
        "x-apikey",
    ];
    let url = "https://h/p?a=1&signature=X&token=X";
    let nested = "/to?url=%2Fp%3Fcode%3DX";
    let secret = SECRET_FIELDS.map(|name| (name, &b"X"[..]));
    let urls = [("referer", url), ("x-original-url", url), ("x-forwarded-uri", nested)];
    let fields = urls.map(|(name, value)| (name, value.as_bytes())).into_iter().chain(secret);
    let headers = HttpHeaders::collect(fields, 1_000);
    let said = |disclosed_headers| {
        let transport = TransportDetails { http_headers: Some(headers.clone()), ..websocket() };
        let settings = RealmSettings { disclosed_headers, ..settings() };
        said_of(Some(transport), settings).1["transport"]["http_headers_received"].clone()
    };
    let redacted = "https://h/p?a=1&signature=***&token=***";
    assert_eq!(
        said(DisclosedHeaders::WithoutCredentials),
        json!({"referer": redacted, "x-original-url": redacted, "x-forwarded-uri": "/to?url=***"})
    );
    let all = said(DisclosedHeaders::All);
    assert_eq!((&all["referer"], &all["x-auth"]), (&json!(url), &json!("X")));
    assert_eq!(all.as_object().map(|map| map.len()), Some(urls.len() + SECRET_FIELDS.len()));
}

// === wamp.session.on_stats ===

/// A realm with a subscriber of `on_stats`, and `ann`, whose traffic is counted.
fn counted(compatibility: Compatibility) -> (Lab, Peer, Metered) {
    let mut lab = Lab::with_compatibility(compatibility);
    let watcher = lab.join("watcher");
    lab.send(watcher, client::subscribe(1, "wamp.session.on_stats"));
    lab.received(watcher);
    let transport = Some(Box::new(websocket()));
    let admitted = Admitted { transport, ..Admitted::from(Client::named("ann")) };
    let principal = admitted.principal.clone();
    let transport = admitted.transport.clone();
    let ann = lab.attach(admitted).unwrap();
    let session = lab.key(ann);
    (lab, watcher, Metered { session, principal, transport })
}

const fn traffic(messages: u64) -> Traffic {
    Traffic { messages, bytes: 100 * messages, rated_messages: 2 * messages }
}

/// The second event of a session, and its third and last.
const STATS: [SessionStats; 2] = [
    SessionStats {
        duration: Duration::from_secs(60),
        received: traffic(3),
        sent: traffic(4),
        cycle: StatsCycle {
            number: 1,
            duration: Duration::from_secs(60),
            traffic: traffic(7),
            is_last: false,
        },
    },
    SessionStats {
        duration: Duration::from_secs(90),
        received: traffic(4),
        sent: traffic(5),
        cycle: StatsCycle {
            number: 2,
            duration: Duration::from_secs(30),
            traffic: traffic(2),
            is_last: true,
        },
    },
];

/// 2026-01-01T00:00:00Z, the first moment of a lab.
const BEGIN_NANOS: u64 = 1_767_225_600_000_000_000;

#[test]
fn stats_count_from_event_to_event_in_the_preset_of_crossbar() {
    let (mut lab, watcher, metered) = counted(Compatibility::Crossbar);
    let ids = json!({
        "session": metered.session.id().number(), "realm": "realm1", "authid": "ann",
        "authrole": "anyone",
    });
    lab.pass(Duration::from_secs(60));
    lab.publish_stats(&metered, &STATS[0]);
    lab.pass(Duration::from_secs(30));
    lab.publish_stats(&metered, &STATS[1]);
    let first = json!({
        "cycle": 1, "serializer": "json", "timestamp": BEGIN_NANOS,
        "duration": 60_000_000_000_u64, "bytes": 700, "messages": 7, "rated_messages": 14,
        "first": true, "last": false,
    });
    let last = json!({
        "cycle": 2, "serializer": "json", "timestamp": BEGIN_NANOS + 60_000_000_000,
        "duration": 30_000_000_000_u64, "bytes": 200, "messages": 2, "rated_messages": 4,
        "first": false, "last": true,
    });
    assert_eq!(lab.heard(watcher), [(1, json!([ids, first])), (1, json!([ids, last]))]);
}

#[test]
fn stats_count_since_the_session_joined_in_the_preset_of_the_specification() {
    let (mut lab, watcher, metered) = counted(Compatibility::Wamp);
    lab.publish_stats(&metered, &STATS[1]);
    let heard = lab.heard(watcher);
    let [(1, event)] = heard.as_slice() else { panic!("one event, not {heard:?}") };
    assert_eq!(event[0]["session"], metered.session.id().number());
    assert_eq!(event[0]["transport"]["peer"], "tcp4:127.0.0.1:40312");
    assert_eq!(event[0]["transport"]["http_headers_received"], Value::Null);
    let totals = json!({
        "timestamp": "2026-01-01T00:00:00.000Z", "duration": 90_000_000_000_u64,
        "bytes": 900, "messages": 9, "rated_messages": 18,
        "received": {"messages": 4, "bytes": 400, "rated_messages": 8},
        "sent": {"messages": 5, "bytes": 500, "rated_messages": 10},
    });
    assert_eq!(event[1], totals);
}
