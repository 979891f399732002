//! What the router tells of itself, over the wire.

use serde_json::{Value, json};

use crate::lab::{HELLO, JSON, Node, Peer, RawSocket};
use crate::router::{CLOVERLEAF, router};

/// The arguments of the answer to a call.
fn called(peer: &mut dyn Peer, request: u64, procedure: &str, args: &Value) -> Value {
    let answer = peer.ask(&json!([48, request, {}, procedure, args]).to_string());
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((&answer[0], &answer[1]), (&json!(50), &json!(request)), "{answer}");
    answer[3].clone()
}

#[test]
fn a_session_is_told_with_how_it_is_connected() {
    let node = router();
    let mut watcher = node.rawsocket(JSON);
    watcher.join();
    watcher.obtain(r#"[32,1,{},"wamp.session.on_join"]"#);
    let mut peer = RawSocket::open(node.tcp(), JSON);
    peer.join();
    let event: Value = serde_json::from_str(&watcher.receive()).expect("JSON");
    let joined = &event[4][0];
    assert_eq!(joined["transport"]["type"], "rawsocket");
    assert_eq!(joined["transport"]["protocol"], "wamp.2.json");
    let from = joined["transport"]["peer"].as_str().expect("an address");
    assert!(from.contains("127.0.0.1:"), "{from}");
    let id = joined["session"].clone();
    assert_eq!(called(&mut watcher, 2, "wamp.session.get", &json!([id]))[0], *joined);
    let mut other = node.websocket("wamp.2.json");
    other.join();
    let event: Value = serde_json::from_str(&watcher.receive()).expect("JSON");
    assert_eq!(event[4][0]["transport"]["type"], "websocket");
}

#[test]
fn a_killed_session_is_said_goodbye_to_and_its_connection_ends_if_it_keeps_silent() {
    let node = router();
    let mut killer = node.rawsocket(JSON);
    killer.join();
    killer.obtain(r#"[32,1,{},"wamp.session.on_leave"]"#);
    let mut victim = RawSocket::open(node.tcp(), JSON);
    let id = victim.join();
    let kill = json!([48, 2, {}, "wamp.session.kill", [id], {"reason": "com.example.enough"}]);
    killer.send(&kill.to_string());
    assert_eq!(victim.receive(), r#"[6,{},"com.example.enough"]"#);
    // What it held is gone at once, whatever it says.
    let told = [killer.receive(), killer.receive()];
    assert!(told.iter().any(|message| message.contains(&id.to_string())), "{told:?}");
    assert!(told.contains(&"[50,2,{}]".to_owned()), "{told:?}");
    victim.send(r#"[48,1,{},"com.example.p"]"#);
    victim.receive_end();
}

#[test]
fn a_killed_session_that_says_goodbye_may_open_another_one_over_its_connection() {
    let node = router();
    let mut killer = node.rawsocket(JSON);
    killer.join();
    let mut victim = RawSocket::open(node.tcp(), JSON);
    let id = victim.join();
    let kill = json!([48, 1, {}, "wamp.session.kill", [id]]);
    assert_eq!(killer.ask(&kill.to_string()), "[50,1,{}]");
    assert_eq!(victim.receive(), r#"[6,{},"wamp.close.killed"]"#);
    victim.send(r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    assert_ne!(victim.join(), id);
}

#[test]
fn a_realm_tells_what_its_sessions_receive_and_send_where_it_is_configured_so() {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "stats": {"trigger_after_rated_messages": 4},
        "roles": [{"name": "anonymous", "permissions": [{"uri": "*", "allow":
          {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
      "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]
    }]}"#;
    let node = Node::start(CLOVERLEAF, config);
    let mut watcher = node.rawsocket(JSON);
    watcher.join();
    let subscribe = r#"[32,1,{},"wamp.session.on_stats"]"#;
    watcher.obtain(subscribe);
    let mut peer = node.rawsocket(JSON);
    let id = peer.join();
    let messages = [r#"[32,1,{},"com.example.a"]"#, r#"[32,2,{},"com.example.b"]"#];
    let answers = messages.map(|message| peer.ask(message));
    peer.send(r#"[6,{},"wamp.close.normal"]"#);
    // After four messages, and at its end. The watcher is told of itself, too.
    let mut told = Vec::new();
    while told.len() < 2 {
        let event: Value = serde_json::from_str(&watcher.receive()).expect("JSON");
        if event[4][0]["session"] == id {
            told.push(event[4][1].clone());
        }
    }
    let last = &told[1];
    let goodbye = r#"[6,{},"wamp.close.normal"]"#;
    let received: usize = messages.iter().chain([&goodbye]).map(|message| message.len()).sum();
    assert_eq!(last["received"], json!({"messages": 3, "bytes": received, "rated_messages": 3}));
    let sent = &last["sent"];
    assert!(sent["messages"].as_u64() >= Some(2), "{last}");
    assert!(sent["bytes"].as_u64() > Some(answers.concat().len() as u64), "{last}");
    assert_eq!(last["bytes"].as_u64(), sent["bytes"].as_u64().map(|bytes| bytes + received as u64));
    assert!(last["duration"].as_u64() > Some(0));
}

#[test]
fn the_traffic_of_a_session_is_told_however_it_ends() {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "stats": {},
        "roles": [{"name": "anonymous", "permissions": [{"uri": "*", "allow":
          {"call": true, "subscribe": true}}]}]}],
      "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]
    }]}"#;
    let node = Node::start(CLOVERLEAF, config);
    let [mut watcher, mut victim, mut silent, mut wrong] = [(); 4].map(|()| node.rawsocket(JSON));
    watcher.join();
    watcher.obtain(r#"[32,1,{},"wamp.session.on_stats"]"#);
    let ids = [victim.join(), silent.join(), wrong.join()];
    let mut told = |id: u64| {
        let event: Value = serde_json::from_str(&watcher.receive()).expect("JSON");
        assert_eq!(event[4][0]["session"], id, "{event}");
        assert_eq!(event[4][0]["transport"]["type"], "rawsocket", "{event}");
        assert!(event[4][1]["messages"].as_u64() > Some(0), "{event}");
    };
    let mut killer = node.rawsocket(JSON);
    killer.join();
    called(&mut killer, 1, "wamp.session.kill", &json!([ids[0]]));
    assert_eq!(victim.receive(), r#"[6,{},"wamp.close.killed"]"#);
    victim.send(r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    told(ids[0]);
    called(&mut killer, 2, "wamp.session.kill", &json!([ids[1]]));
    told(ids[1]);
    let abort = wrong.ask(HELLO);
    assert!(abort.contains("wamp.error.protocol_violation"), "{abort}");
    told(ids[2]);
}
