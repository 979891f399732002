//! Meta procedures and meta events over the wire.

use cloverleaf_transport::limits::MAX_HTTP_HEADER_BYTES;
use serde_json::{Value, json};

use crate::router::{CLOVERLEAF, router};
use crate::support::{HELLO, JSON, NodeProcess, RawPeer, RawSocketPeer, WebSocketPeer};

/// Calls a procedure and returns the arguments of the result.
fn call(peer: &mut dyn RawPeer, request: u64, procedure: &str, args: &Value) -> Value {
    let answer = peer.request_json(&json!([48, request, {}, procedure, args]).to_string());
    assert_eq!((&answer[0], &answer[1]), (&json!(50), &json!(request)), "{answer}");
    answer[3].clone()
}

#[test]
fn on_join_describes_the_transport_of_the_session() {
    let node = router();
    let mut watcher = node.join();
    watcher.obtain_id(r#"[32,1,{},"wamp.session.on_join"]"#);
    let mut peer = RawSocketPeer::open(node.tcp(), JSON);
    peer.join();
    let event = watcher.receive_json();
    let joined = &event[4][0];
    assert_eq!(joined["transport"]["type"], "rawsocket");
    assert_eq!(joined["transport"]["protocol"], "wamp.2.json");
    let from = joined["transport"]["peer"].as_str().expect("an address");
    assert!(from.starts_with("tcp4:127.0.0.1:"), "{from}");
    assert_eq!(joined["transport"]["channel_framing"], "rawsocket");
    assert_eq!(joined["transport"]["http_headers_received"], Value::Null);
    assert_eq!((&joined["realm"], &joined["serializer"]), (&json!("realm1"), &json!("json")));
    let id = joined["session"].clone();
    assert_eq!(call(&mut watcher, 2, "wamp.session.get", &json!([id]))[0], *joined);
    let mut other = node.websocket("wamp.2.json");
    other.join();
    let event = watcher.receive_json();
    assert_eq!(event[4][0]["transport"]["type"], "websocket");
    let _unix = node.join();
    let event = watcher.receive_json();
    assert_eq!(event[4][0]["transport"]["peer"], "unix");
}

/// Header fields of a WebSocket handshake: two have credentials, and one is too long.
fn request_headers(long: &str) -> [(&'static str, &str); 5] {
    [
        ("User-Agent", "Wire/1.0"),
        ("Cookie", "cbtid=abc"),
        ("Authorization", "Bearer abc"),
        ("X-Long", long),
        ("X-After", "1"),
    ]
}

/// Joins over a WebSocket with these header fields and returns the session details.
fn details_of_websocket(node: &NodeProcess, headers: &[(&str, &str)]) -> Value {
    let stream = node.http().into_stream();
    let mut peer = WebSocketPeer::open_with(stream, "/ws", "wamp.2.json", headers).0;
    let id = peer.join();
    call(&mut peer, 1, "wamp.session.get", &json!([id]))[0].clone()
}

#[test]
fn websocket_headers_are_disclosed_without_credentials_and_up_to_a_limit() {
    let node = router();
    let long = "x".repeat(MAX_HTTP_HEADER_BYTES);
    let details = details_of_websocket(&node, &request_headers(&long));
    let transport = &details["transport"];
    let headers = &transport["http_headers_received"];
    assert_eq!(headers["user-agent"], "Wire/1.0");
    assert_eq!((&headers["x-after"], &headers["host"]), (&json!("1"), &json!("localhost")));
    for left_out in ["cookie", "authorization", "x-long"] {
        assert_eq!(headers[left_out], Value::Null, "{headers}");
    }
    assert_eq!(transport["channel_framing"], "websocket");
    assert_eq!(transport["websocket_protocol"], "wamp.2.json");
    assert_eq!(transport["websocket_extensions_in_use"], json!([]));
    let from = transport["peer"].as_str().expect("an address");
    assert!(from.starts_with("tcp4:127.0.0.1:"), "{from}");
}

#[test]
fn longpoll_session_is_described_by_its_open_request() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    let id = peer.join();
    let details = call(&mut peer, 1, "wamp.session.get", &json!([id]));
    let transport = &details[0]["transport"];
    assert_eq!(transport["type"], "longpoll");
    assert!(transport["http_headers_received"]["content-length"].is_string(), "{transport}");
}

#[test]
fn disclose_http_headers_discloses_all_headers_or_none() {
    for (option, cookie) in [("all", json!("cbtid=abc")), ("none", Value::Null)] {
        let config = format!(
            r#"{{"version": 2, "workers": [{{"type": "router",
              "realms": [{{"name": "realm1", "options": {{"disclose_http_headers": "{option}"}},
                "roles": [{{"name": "anonymous", "permissions": [
                  {{"uri": "*", "allow": {{"call": true}}}}]}}]}}],
              "transports": [
                {{"type": "web", "endpoint": {{"type": "tcp", "interface": "127.0.0.1", "port": 0}},
                  "paths": {{"ws": {{"type": "websocket", "options":
                    {{"compression": {{"deflate": {{}}}}}}}}}}}},
                {{"type": "rawsocket", "endpoint": {{"type": "unix", "path": "router.sock"}}}}]
            }}]}}"#
        );
        let node = NodeProcess::start(CLOVERLEAF, &config);
        let details = details_of_websocket(&node, &request_headers("x"));
        assert_eq!(details["transport"]["http_headers_received"]["cookie"], cookie);
    }
}

#[test]
fn killed_session_gets_goodbye_and_its_connection_closes_without_a_reply() {
    let node = router();
    let mut killer = node.join();
    killer.obtain_id(r#"[32,1,{},"wamp.session.on_leave"]"#);
    let mut victim = RawSocketPeer::open(node.tcp(), JSON);
    let id = victim.join();
    let kill = json!([48, 2, {}, "wamp.session.kill", [id], {"reason": "com.example.enough"}]);
    killer.send(&kill.to_string());
    assert_eq!(victim.receive(), r#"[6,{},"com.example.enough"]"#);
    // Its registrations and subscriptions are removed at once, even before it answers.
    let messages = [killer.receive(), killer.receive()];
    assert!(messages.iter().any(|message| message.contains(&id.to_string())), "{messages:?}");
    assert!(messages.contains(&"[50,2,{}]".to_owned()), "{messages:?}");
    victim.send(r#"[48,1,{},"com.example.p"]"#);
    victim.receive_end();
}

#[test]
fn killed_session_that_replies_goodbye_may_join_again_on_its_connection() {
    let node = router();
    let mut killer = node.join();
    let mut victim = RawSocketPeer::open(node.tcp(), JSON);
    let id = victim.join();
    let kill = json!([48, 1, {}, "wamp.session.kill", [id]]);
    assert_eq!(killer.request(&kill.to_string()), "[50,1,{}]");
    assert_eq!(victim.receive(), r#"[6,{},"wamp.close.killed"]"#);
    victim.send(r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    assert_ne!(victim.join(), id);
}

/// A node whose realm publishes traffic statistics and follows this preset.
fn counting(compatibility: &str, stats: &str) -> NodeProcess {
    let config = format!(
        r#"{{"version": 2, "workers": [{{"type": "router",
          "realms": [{{"name": "realm1", "stats": {stats},
            "options": {{"compatibility": "{compatibility}"}},
            "roles": [{{"name": "anonymous", "permissions": [{{"uri": "*", "allow":
              {{"call": true, "register": true, "publish": true, "subscribe": true}}}}]}}]}}],
          "transports": [
            {{"type": "rawsocket", "endpoint": {{"type": "unix", "path": "router.sock"}}}}]
        }}]}}"#
    );
    NodeProcess::start(CLOVERLEAF, &config)
}

/// The two `on_stats` events of a session: one after four messages, each of which counts once, and
/// one at its end. Also the bytes that the router received, and a lower bound of the bytes that it
/// sent.
fn stats_of_a_session(compatibility: &str) -> ([Value; 2], usize, usize) {
    let stats = r#"{"trigger_after_rated_messages": 4, "rated_message_size": 65536}"#;
    let node = counting(compatibility, stats);
    let mut watcher = node.join();
    watcher.obtain_id(r#"[32,1,{},"wamp.session.on_stats"]"#);
    let mut peer = node.rawsocket(JSON);
    let id = peer.join();
    let messages = [r#"[32,1,{},"com.example.a"]"#, r#"[32,2,{},"com.example.b"]"#];
    let answers = messages.map(|message| peer.request(message));
    let goodbye = r#"[6,{},"wamp.close.normal"]"#;
    peer.send(goodbye);
    // The session of the watcher has events, too.
    let mut next_stats = || loop {
        let event = watcher.receive_json();
        if event[4][0]["session"] == id {
            return event[4].clone();
        }
    };
    let events = [next_stats(), next_stats()];
    let received: usize = messages.iter().chain([&goodbye]).map(|message| message.len()).sum();
    (events, received, answers.concat().len())
}

#[test]
fn on_stats_reports_the_received_and_sent_traffic_of_a_session() {
    let ([_, last], received, answers) = stats_of_a_session("wamp");
    let last = &last[1];
    assert_eq!(last["received"], json!({"messages": 3, "bytes": received, "rated_messages": 3}));
    let sent = &last["sent"];
    assert!(sent["messages"].as_u64() >= Some(2), "{last}");
    assert!(sent["bytes"].as_u64() > Some(answers as u64), "{last}");
    assert_eq!(last["bytes"].as_u64(), sent["bytes"].as_u64().map(|bytes| bytes + received as u64));
    assert!(last["duration"].as_u64() > Some(0));
}

#[test]
fn on_stats_counts_from_event_to_event_in_the_crossbar_preset() {
    let (events, received, answers) = stats_of_a_session("crossbar");
    for (event, number) in events.iter().zip(1..) {
        let keys: Vec<_> = event[0].as_object().expect("ids").keys().cloned().collect();
        assert_eq!(keys, ["authid", "authrole", "realm", "session"]);
        let stats = &event[1];
        assert_eq!((&stats["cycle"], &stats["serializer"]), (&json!(number), &json!("json")));
        let flags = [&stats["first"], &stats["last"]];
        assert_eq!(flags, [&json!(number == 1), &json!(number == 2)], "{events:?}");
    }
    let number = |event: usize, key: &str| events[event][1][key].as_u64().expect("a number");
    assert_eq!((number(0, "rated_messages"), number(1, "rated_messages")), (4, 2));
    assert_eq!((number(0, "messages"), number(1, "messages")), (4, 2));
    let bytes = number(0, "bytes") + number(1, "bytes");
    assert!(bytes > (received + answers) as u64, "{events:?}");
    // The second cycle begins at the end of the first.
    let end = number(0, "timestamp") + number(0, "duration");
    assert!(number(1, "timestamp").abs_diff(end) < 1_000_000_000, "{events:?}");
    assert!(end > 1_767_225_600_000_000_000, "nanoseconds since 1970");
}

#[test]
fn on_stats_is_published_however_the_session_ends() {
    let node = counting("wamp", "{}");
    let [mut watcher, mut victim, mut silent, mut wrong] = [(); 4].map(|()| node.rawsocket(JSON));
    watcher.join();
    watcher.obtain_id(r#"[32,1,{},"wamp.session.on_stats"]"#);
    let ids = [victim.join(), silent.join(), wrong.join()];
    let mut assert_stats_of = |id: u64| {
        let event = watcher.receive_json();
        assert_eq!(event[4][0]["session"], id, "{event}");
        assert_eq!(event[4][0]["transport"]["type"], "rawsocket", "{event}");
        assert!(event[4][1]["messages"].as_u64() > Some(0), "{event}");
    };
    let mut killer = node.join();
    call(&mut killer, 1, "wamp.session.kill", &json!([ids[0]]));
    assert_eq!(victim.receive(), r#"[6,{},"wamp.close.killed"]"#);
    victim.send(r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    assert_stats_of(ids[0]);
    call(&mut killer, 2, "wamp.session.kill", &json!([ids[1]]));
    assert_stats_of(ids[1]);
    let abort = wrong.request(HELLO);
    assert!(abort.contains("wamp.error.protocol_violation"), "{abort}");
    assert_stats_of(ids[2]);
}
