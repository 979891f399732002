//! Limits of listeners, services, realms and roles that are read from the configuration.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::router::CLOVERLEAF;
use crate::support::{
    ClientStream, HELLO, JSON, NodeProcess, RawPeer as _, RawSocketPeer, wait_for,
};

/// A node whose listeners have these limits. Its long-poll service has one session at the most, its
/// realm as many as `REALM` says, and its role as many subscriptions as `ROLE` says.
const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "limits": {REALM}, "roles": [
    {"name": "anonymous", "limits": {ROLE}, "permissions": [{"uri": "*", "allow":
      {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "limited.sock"},
     "limits": {LISTENER}},
    {"type": "rawsocket", "limits": {LISTENER}, "endpoint":
      {"type": "tcp", "interface": "127.0.0.1", "port": 0, "proxy_protocol": true}},
    {"type": "universal", "endpoint": {"type": "unix", "path": "universal.sock"},
     "limits": {LISTENER}, "rawsocket": {}, "web": {"paths": {"/": {"type": "json", "value": 1}}}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "limits": {LISTENER}, "paths": {"ws": {"type": "websocket"},
       "lp": {"type": "longpoll", "options": {"max_sessions": 1}}}}]}]}"#;

/// A limit that must have ended a connection by then. The defaults are above it.
const SOON: Duration = Duration::from_secs(15);

fn with_limits(listener: &str, realm: &str, role: &str) -> NodeProcess {
    let config = CONFIG.replace("LISTENER", listener).replace("REALM", realm);
    NodeProcess::start(CLOVERLEAF, &config.replace("ROLE", role))
}

fn with_listener_limits(limits: &str) -> NodeProcess {
    with_limits(limits, "", "")
}

/// A connection to a Unix socket of the node.
fn connect(node: &NodeProcess, socket: &str) -> ClientStream {
    ClientStream::unix(&node.directory().path().join(socket))
}

/// A session over the limited socket.
fn join(node: &NodeProcess) -> RawSocketPeer {
    let mut peer = RawSocketPeer::open(connect(node, "limited.sock"), JSON);
    peer.join();
    peer
}

#[test]
fn connections_beyond_max_connections_are_closed() {
    let node = with_listener_limits(r#""max_connections": 1"#);
    let first = join(&node);
    connect(&node, "limited.sock").receive_end();
    node.wait_for_line("max_connections is reached");
    node.join();
    drop(first);
    wait_for("room for a connection", || {
        let mut stream = connect(&node, "limited.sock");
        stream.send(&[0x7f, 0xf1, 0, 0]);
        Some(stream.receive(4)).filter(|reply| !reply.is_empty())
    });
}

#[test]
fn opening_timeout_ends_connections_without_a_session() {
    let node = with_listener_limits(r#""opening_timeout": 1000"#);
    let start = Instant::now();
    let mut idle = join(&node);
    let mut silent = [
        connect(&node, "limited.sock"),
        connect(&node, "universal.sock"),
        // The PROXY header is missing.
        node.tcp(),
        node.http().into_stream(),
        RawSocketPeer::open(connect(&node, "limited.sock"), JSON).stream,
    ];
    let mut websocket = node.websocket("wamp.2.json");
    let mut longpoll = node.longpoll("wamp.2.json");
    assert_eq!(websocket.receive_close(), Some(1008));
    silent.iter_mut().for_each(ClientStream::receive_end);
    wait_for("the end of the long-poll session", || {
        (longpoll.post("receive", b"").status == 404).then_some(())
    });
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(idle.request(r#"[32,1,{},"com.a"]"#).starts_with("[33,1,"), "it has a session");
}

#[test]
fn closing_timeout_bounds_how_long_a_closing_connection_stays_open() {
    let closing = |limits: &str| {
        let node = with_listener_limits(limits);
        let mut peer = join(&node);
        assert!(peer.request("[]").starts_with("[3,"), "ABORT");
        peer.receive_end();
        (node, peer.stream)
    };
    let (_node, mut default) = closing("");
    let (_node, mut long) = closing(r#""closing_timeout": 60000"#);
    // A closed socket refuses the second write.
    wait_for("the end after one second", || (!default.is_open_for_writing()).then_some(()));
    // For longer than the default of one second.
    for _ in 0..3 {
        sleep(Duration::from_millis(500));
        assert!(long.is_open_for_writing());
    }
}

/// A subscriber over the limited socket that does not read, after 4 MB of events for it.
fn stalled_subscriber(node: &NodeProcess) -> RawSocketPeer {
    let (mut subscriber, mut publisher) = (join(node), node.join());
    subscriber.obtain_id(r#"[32,1,{},"com.flood"]"#);
    let event = format!(r#"[16,1,{{"acknowledge":true}},"com.flood",["{}"]]"#, "x".repeat(4_000));
    for _ in 0..1_000 {
        assert!(publisher.request(&event).starts_with("[17,"), "PUBLISHED");
    }
    subscriber
}

#[test]
fn stall_timeout_ends_connections_that_do_not_read() {
    let node = with_listener_limits(r#""stall_timeout": 1000"#);
    let start = Instant::now();
    let mut subscriber = stalled_subscriber(&node);
    wait_for("the end of the connection", || {
        (!subscriber.stream.is_open_for_writing()).then_some(())
    });
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn message_timeout_ends_connections_with_an_incomplete_message() {
    let node = with_listener_limits(r#""message_timeout": 1000"#);
    let start = Instant::now();
    let mut peer = join(&node);
    peer.stream.send(b"\0\0\0\x05[32");
    peer.receive_end();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn events_beyond_the_limits_of_the_queue_are_dropped() {
    let received = |limits: &str| {
        let node = with_listener_limits(limits);
        let mut subscriber = stalled_subscriber(&node);
        let octets = subscriber.stream.receive_all(Duration::from_millis(500));
        octets.windows(7).filter(|octets| octets == b"\"xxxxxx").count()
    };
    assert_eq!(received(""), 1_000);
    for limits in [r#""max_queue_bytes": 65536"#, r#""max_queue_messages": 16"#] {
        let received = received(limits);
        assert!(received > 10 && received < 500, "{limits}: {received} events");
    }
}

#[test]
fn sessions_of_a_longpoll_service_are_limited() {
    let node = with_listener_limits("");
    let _first = node.longpoll("wamp.2.json");
    let answer = node.http().post("/lp/open", r#"{"protocols":["wamp.2.json"]}"#);
    assert_eq!(answer.status, 503);
}

#[test]
fn limits_of_realms_and_roles_are_obeyed() {
    let node = with_limits("", r#""max_sessions": 2"#, r#""max_subscriptions": 1"#);
    let mut peer = node.join();
    assert!(peer.request(r#"[32,1,{},"com.a"]"#).starts_with("[33,1,"), "SUBSCRIBED");
    let refused = peer.request(r#"[32,2,{},"com.b"]"#);
    assert!(refused.contains(r#""cloverleaf.error.limit_reached""#), "{refused}");
    let _second = node.join();
    let mut third = node.rawsocket(JSON);
    let refused = third.request(HELLO);
    assert!(refused.contains(r#""cloverleaf.error.limit_reached""#), "{refused}");
}
