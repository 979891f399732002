//! Long-poll sessions: timeouts, queues, and the ends of sessions.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::longpoll::{EMPTY, JSON_TYPE, answer, node};
use crate::router::{router, router_with};
use crate::support::{CallPair, HttpClient, LongPollPeer, NodeProcess, RawPeer as _, post_request};

/// A connection with a pending `/receive` of this session.
fn pending_receive(node: &NodeProcess, peer: &LongPollPeer) -> HttpClient {
    let mut http = node.http();
    http.send(&post_request(&format!("{}/receive", peer.path()), ""));
    http
}

/// Waits until the node has handled earlier requests: it answers a later one.
fn wait_until_handled(node: &NodeProcess) {
    assert_eq!(node.http().post("/lp/nobody/send", "").status, 404);
}

#[test]
fn receive_waits_for_a_message_and_ends_with_204_at_its_timeout() {
    let node = node(r#""request_timeout": 1"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(peer.post("receive", b"").to_string(), EMPTY);
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(990), "it waited for {waited:?}");
    }
    peer.obtain_id(r#"[32,1,{},"com.example.topic"]"#);
    let mut waiting = pending_receive(&node, &peer);
    let mut publisher = node.join();
    publisher.send(r#"[16,1,{},"com.example.topic",["news"]]"#);
    assert!(waiting.receive().text().ends_with(r#",{},["news"]]"#));
}

#[test]
fn newest_receive_gets_the_message() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    // The requests may arrive in any order.
    let [mut one, mut other] = [(); 2].map(|()| pending_receive(&node, &peer));
    peer.send(r#"[32,1,{},"com.example.topic"]"#);
    let mut received = [one.receive().to_string(), other.receive().to_string()];
    received.sort();
    let expected = [answer(200, JSON_TYPE, "[33,1,1]"), EMPTY.to_owned()];
    assert_eq!(received, expected);
}

#[test]
fn client_that_disconnects_during_receive_loses_no_message() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for request in 1..=10 {
        let waiting = pending_receive(&node, &peer);
        wait_until_handled(&node);
        drop(waiting);
        wait_until_handled(&node);
        let subscribed = peer.request(&format!(r#"[32,{request},{{}},"com.example.{request}"]"#));
        assert_eq!(subscribed, format!("[33,{request},{request}]"));
    }
}

#[test]
fn unpolled_session_ends_and_its_callers_get_errors() {
    let node = node(r#""request_timeout": 1, "session_timeout": 2"#, &[]);
    let mut callee = node.longpoll("wamp.2.json");
    callee.join();
    callee.obtain_id(r#"[64,1,{},"com.example.slow"]"#);
    let mut caller = node.join();
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    // Requests to `/send` do not count as polling.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        callee.send(r#"[16,2,{},"com.example.topic"]"#);
        sleep(Duration::from_millis(50));
    }
    let canceled =
        r#"[8,48,1,{},"wamp.error.canceled",["callee disconnected from in-flight request"]]"#;
    assert_eq!(caller.receive(), canceled);
    let unregistered = r#"[8,48,2,{},"wamp.error.no_such_procedure",["no callee registered for procedure <com.example.slow>"]]"#;
    assert_eq!(caller.request(r#"[48,2,{},"com.example.slow"]"#), unregistered);
    callee.receive_end();
}

#[test]
fn session_that_is_polled_in_time_stays_open() {
    let node = node(r#""request_timeout": 1, "session_timeout": 2"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    for _ in 0..3 {
        assert_eq!(peer.post("receive", b"").to_string(), EMPTY);
    }
    assert!(peer.request(r#"[32,1,{},"com.example.topic"]"#).starts_with("[33,1,"));
}

#[test]
fn close_ends_the_session_and_its_pending_receive() {
    let node = router();
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    peer.obtain_id(r#"[64,1,{},"com.example.mine"]"#);
    let mut waiting = pending_receive(&node, &peer);
    wait_until_handled(&node);
    assert_eq!(peer.post("close", b"").to_string(), EMPTY);
    assert_eq!(waiting.receive().to_string(), EMPTY);
    let mut caller = node.join();
    let answer = caller.request(r#"[48,1,{},"com.example.mine"]"#);
    assert!(answer.contains("wamp.error.no_such_procedure"), "{answer}");
}

#[test]
fn full_queue_drops_events_and_keeps_answers() {
    let node = node(r#""queue_limit_messages": 3"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    peer.obtain_id(r#"[32,1,{},"com.example.topic"]"#);
    let mut publisher = node.join();
    let mut publish = |number: usize| {
        let options = r#"{"acknowledge":true}"#;
        let answer = publisher
            .request(&format!(r#"[16,{number},{options},"com.example.topic",[{number}]]"#));
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
fn requests_of_a_session_may_use_any_connection_and_thread() {
    let node = node("", &["--threads", "2"]);
    // The first thread takes 64 connections more than the second.
    let _others: Vec<HttpClient> = (0..64).map(|_| node.http()).collect();
    let mut callee = node.longpoll("wamp.2.json");
    callee.join();
    callee.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
    let mut connections: Vec<HttpClient> = (0..4).map(|_| node.http()).collect();
    let mut caller = node.join();
    for call in 1..=200_usize {
        let [one, other] = [call, call + 1].map(|number| number % connections.len());
        let waits = call % 3 == 0;
        let receive = post_request(&format!("{}/receive", callee.path()), "");
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
        let sent = connections[other].post(&format!("{}/send", callee.path()), &yielded);
        assert_eq!(sent.to_string(), EMPTY);
        assert_eq!(caller.receive(), format!("[50,{call},{{}},[{call}]]"));
    }
}

#[test]
fn sessions_of_one_service_get_only_their_own_events() {
    let node = router();
    let [mut one, mut other] = [(); 2].map(|()| node.longpoll("wamp.2.json"));
    assert_ne!(one.join(), other.join());
    one.obtain_id(r#"[32,1,{},"com.example.one"]"#);
    other.obtain_id(r#"[32,1,{},"com.example.other"]"#);
    one.send(r#"[16,2,{},"com.example.other",["for the other"]]"#);
    other.send(r#"[16,2,{},"com.example.one",["for the one"]]"#);
    assert!(one.receive().ends_with(r#",{},["for the one"]]"#));
    assert!(other.receive().ends_with(r#",{},["for the other"]]"#));
}

#[test]
fn pending_receive_ends_at_shutdown_without_delaying_it() {
    let options = r#""compatibility": "wamp", "shutdown_goodbye": true"#;
    for (mut node, last) in
        [(router(), ""), (router_with(options), r#"[6,{},"wamp.close.system_shutdown"]"#)]
    {
        let mut peer = node.longpoll("wamp.2.json");
        peer.join();
        let mut waiting = pending_receive(&node, &peer);
        wait_until_handled(&node);
        node.signal("TERM");
        assert_eq!(waiting.receive().text(), last);
        waiting.receive_end();
        assert_eq!(node.exit_code(), Some(0), "{node:?}");
        node.assert_no_shutdown_timeout();
    }
}

/// Resources of a session are freed, however it ends.
#[test]
fn rawsocket_calls_succeed_while_longpoll_sessions_come_and_go() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for round in 0..50 {
        let mut peer = LongPollPeer::open(node.http().into_stream(), "/lp", "wamp.2.json");
        peer.join();
        peer.obtain_id(r#"[64,1,{},"com.example.again"]"#);
        match round % 3 {
            0 => assert_eq!(peer.post("close", b"").status, 204),
            1 => peer.send(r#"[3,{},"wamp.close.normal"]"#),
            _ => {
                let goodbye = peer.request(r#"[6,{},"wamp.close.close_realm"]"#);
                assert_eq!(goodbye, r#"[6,{},"wamp.close.goodbye_and_out"]"#);
            }
        }
        bystanders.call();
    }
}
