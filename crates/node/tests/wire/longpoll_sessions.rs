//! Long-poll sessions: how long they wait, what they hold, and how they end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::{Honest, Http, JSON, LongPoll, Node, Peer as _, posting};
use crate::longpoll::{EMPTY, JSON_TYPE, answer, node};
use crate::router::{router, router_with};

/// A connection on which the peer's session is asked for its next message.
fn receiving(node: &Node, peer: &LongPoll) -> Http {
    let mut http = node.http();
    http.send(&posting(&format!("{}/receive", peer.at()), ""));
    http
}

/// The node has seen what was done before: it answers whoever comes later.
fn settle(node: &Node) {
    assert_eq!(node.http().post("/lp/nobody/send", "").status, 404);
}

#[test]
fn a_receive_waits_for_a_message_and_ends_empty_when_none_comes() {
    let node = node(r#""request_timeout": 1"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(peer.post("receive", b"").to_string(), EMPTY);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(990), "it waited for {waited:?}");
    }
    peer.obtain(r#"[32,1,{},"com.example.topic"]"#);
    let mut waiting = receiving(&node, &peer);
    let mut publisher = node.rawsocket(JSON);
    publisher.join();
    publisher.send(r#"[16,1,{},"com.example.topic",["news"]]"#);
    assert!(waiting.receive().text().ends_with(r#",{},["news"]]"#));
}

#[test]
fn the_newest_receive_has_the_message() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    // Whichever of them comes first.
    let [mut one, mut other] = [(); 2].map(|()| receiving(&node, &peer));
    peer.send(r#"[32,1,{},"com.example.topic"]"#);
    let mut received = [one.receive().to_string(), other.receive().to_string()];
    received.sort();
    let expected = [answer(200, JSON_TYPE, "[33,1,1]"), EMPTY.to_owned()];
    assert_eq!(received, expected);
}

#[test]
fn a_client_that_hangs_up_while_it_waits_loses_nothing() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for request in 1..=10 {
        let waiting = receiving(&node, &peer);
        settle(&node);
        drop(waiting);
        settle(&node);
        let subscribed = peer.ask(&format!(r#"[32,{request},{{}},"com.example.{request}"]"#));
        assert_eq!(subscribed, format!("[33,{request},{request}]"));
    }
}

#[test]
fn a_session_that_nobody_polls_ends_and_its_callers_hear() {
    let node = node(r#""request_timeout": 1, "session_timeout": 2"#, &[]);
    let mut callee = node.longpoll("wamp.2.json");
    callee.join();
    callee.obtain(r#"[64,1,{},"com.example.slow"]"#);
    let mut caller = node.rawsocket(JSON);
    caller.join();
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    // What is sent does not stand for what is asked for.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        callee.send(r#"[16,2,{},"com.example.topic"]"#);
        sleep(Duration::from_millis(50));
    }
    let canceled =
        r#"[8,48,1,{},"wamp.error.canceled",["callee disconnected from in-flight request"]]"#;
    assert_eq!(caller.receive(), canceled);
    let nobody = r#"[8,48,2,{},"wamp.error.no_such_procedure",["no callee registered for procedure <com.example.slow>"]]"#;
    assert_eq!(caller.ask(r#"[48,2,{},"com.example.slow"]"#), nobody);
    callee.receive_end();
}

#[test]
fn who_polls_in_time_stays() {
    let node = node(r#""request_timeout": 1, "session_timeout": 2"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for _ in 0..3 {
        assert_eq!(peer.post("receive", b"").to_string(), EMPTY);
    }
    assert!(peer.ask(r#"[32,1,{},"com.example.topic"]"#).starts_with("[33,1,"));
}

#[test]
fn closing_ends_the_session_and_the_receive_that_waits() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    peer.obtain(r#"[64,1,{},"com.example.mine"]"#);
    let mut waiting = receiving(&node, &peer);
    settle(&node);
    assert_eq!(peer.post("close", b"").to_string(), EMPTY);
    assert_eq!(waiting.receive().to_string(), EMPTY);
    let mut caller = node.rawsocket(JSON);
    caller.join();
    let answer = caller.ask(r#"[48,1,{},"com.example.mine"]"#);
    assert!(answer.contains("wamp.error.no_such_procedure"), "{answer}");
}

#[test]
fn a_full_queue_loses_events_and_owes_answers() {
    let node = node(r#""queue_limit_messages": 3"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    peer.obtain(r#"[32,1,{},"com.example.topic"]"#);
    let mut publisher = node.rawsocket(JSON);
    publisher.join();
    let mut publish = |number: usize| {
        let options = r#"{"acknowledge":true}"#;
        let answer =
            publisher.ask(&format!(r#"[16,{number},{options},"com.example.topic",[{number}]]"#));
        assert!(answer.starts_with(&format!("[17,{number},")), "{answer}");
    };
    (1..=5).for_each(&mut publish);
    peer.send(r#"[48,2,{},"com.example.nobody"]"#);
    for number in 1..=3 {
        let event = peer.receive();
        assert!(event.ends_with(&format!(",{{}},[{number}]]")), "{event}");
    }
    assert!(peer.receive().starts_with("[8,48,2,"));
    publish(6);
    assert!(peer.receive().ends_with(",{},[6]]"));
    peer.post("close", b"");
    node.wait_for_line("long-poll session of a slow reader ended after messages were refused");
}

#[test]
fn the_requests_of_a_session_may_come_over_any_connection_and_thread() {
    let node = node("", &["--threads", "2"]);
    // The first thread takes 64 connections more than the second.
    let _others: Vec<Http> = (0..64).map(|_| node.http()).collect();
    let mut callee = node.longpoll("wamp.2.json");
    callee.join();
    callee.obtain(r#"[64,1,{},"com.example.echo"]"#);
    let mut connections: Vec<Http> = (0..4).map(|_| node.http()).collect();
    let mut caller = node.rawsocket(JSON);
    caller.join();
    for call in 1..=200_usize {
        let [one, other] = [call, call + 1].map(|number| number % connections.len());
        let waits = call % 3 == 0;
        let receive = posting(&format!("{}/receive", callee.at()), "");
        if waits {
            connections[one].send(&receive);
        }
        caller.send(&format!(r#"[48,{call},{{}},"com.example.echo",[{call}]]"#));
        if !waits {
            connections[one].send(&receive);
        }
        let invocation = connections[one].receive().text();
        assert_eq!(invocation, format!("[68,{call},1,{{}},[{call}]]"));
        let yielded = format!("[70,{call},{{}},[{call}]]");
        let sent = connections[other].post(&format!("{}/send", callee.at()), &yielded);
        assert_eq!(sent.to_string(), EMPTY);
        assert_eq!(caller.receive(), format!("[50,{call},{{}},[{call}]]"));
    }
}

#[test]
fn sessions_of_one_service_do_not_hear_each_other() {
    let node = router();
    let [mut one, mut other] = [(); 2].map(|()| node.longpoll("wamp.2.json"));
    assert_ne!(one.join(), other.join());
    one.obtain(r#"[32,1,{},"com.example.one"]"#);
    other.obtain(r#"[32,1,{},"com.example.other"]"#);
    one.send(r#"[16,2,{},"com.example.other",["for the other"]]"#);
    other.send(r#"[16,2,{},"com.example.one",["for the one"]]"#);
    assert!(one.receive().ends_with(r#",{},["for the one"]]"#));
    assert!(other.receive().ends_with(r#",{},["for the other"]]"#));
}

#[test]
fn a_receive_that_waits_ends_with_the_node_and_keeps_nobody() {
    let polite = r#""compatibility": "wamp", "shutdown_goodbye": true"#;
    for (mut node, last) in
        [(router(), ""), (router_with(polite), r#"[6,{},"wamp.close.system_shutdown"]"#)]
    {
        let mut peer = node.longpoll("wamp.2.json");
        peer.join();
        let mut waiting = receiving(&node, &peer);
        settle(&node);
        node.signal("TERM");
        assert_eq!(waiting.receive().text(), last);
        waiting.receive_end();
        assert_eq!(node.exit_code(), Some(0), "{node:?}");
        node.assert_waited_for_nothing();
    }
}

/// What a session has held is given back, whichever way it ends.
#[test]
fn a_rawsocket_peer_is_not_disturbed_by_sessions_that_come_and_go() {
    let node = router();
    let mut honest = Honest::at(&node);
    for round in 0..50 {
        let mut peer = LongPoll::open(node.http().into_stream(), "/lp", "wamp.2.json");
        peer.join();
        peer.obtain(r#"[64,1,{},"com.example.again"]"#);
        match round % 3 {
            0 => assert_eq!(peer.post("close", b"").status, 204),
            1 => peer.send(r#"[3,{},"wamp.close.normal"]"#),
            _ => {
                let goodbye = peer.ask(r#"[6,{},"wamp.close.close_realm"]"#);
                assert_eq!(goodbye, r#"[6,{},"wamp.close.goodbye_and_out"]"#);
            }
        }
        honest.call();
    }
}
