//! Graceful shutdown: requests in flight complete, connections close so that clients reconnect, and
//! no socket file is left.

use crate::router::{call_in_flight, http_call_in_flight, router, router_with};
use crate::support::{
    HELLO, JSON, NodeProcess, RawPeer, RawSocketPeer, TestTransport, post_request,
};

const GOODBYE: &str = r#"[6,{},"wamp.close.system_shutdown"]"#;
const GOODBYE_AND_OUT: &str = r#"[6,{},"wamp.close.goodbye_and_out"]"#;

/// A node that sends GOODBYE at shutdown.
fn goodbye_router() -> NodeProcess {
    router_with(r#""compatibility": "wamp", "shutdown_goodbye": true"#)
}

/// The ERROR for a call that is unfinished at the timeout.
const CANCELED: &str = r#"[8,48,1,{},"wamp.error.canceled",["the router is shutting down"]]"#;

/// Autobahn|JS and wampy.js don't reconnect after a GOODBYE.
#[test]
fn shutdown_closes_sessions_without_goodbye_and_websockets_with_1001() {
    for signal in ["INT", "TERM"] {
        let mut node = router();
        let mut raw = [node.rawsocket(JSON), RawSocketPeer::open(node.tcp(), JSON)];
        raw.iter_mut().for_each(|peer| _ = peer.join());
        let mut websocket = node.websocket("wamp.2.json");
        websocket.join();
        node.signal(signal);
        raw.iter_mut().for_each(|peer| peer.stream.receive_end());
        assert_eq!(websocket.receive_close(), Some(1001), "after SIG{signal}");
        drop((raw, websocket));
        assert_eq!(node.exit_code(), Some(0), "after SIG{signal}: {node:?}");
        node.assert_no_shutdown_timeout();
    }
}

#[test]
fn shutdown_closes_websockets_without_a_session_with_1001() {
    for signal in ["INT", "TERM"] {
        let mut node = router();
        let mut unjoined = node.websocket("wamp.2.json");
        let mut left = node.websocket("wamp.2.json");
        left.join();
        assert_eq!(left.request(r#"[6,{},"wamp.close.close_realm"]"#), GOODBYE_AND_OUT);
        let mut raw = node.rawsocket(JSON);
        node.signal(signal);
        assert_eq!(unjoined.receive_close(), Some(1001), "after SIG{signal}");
        assert_eq!(left.receive_close(), Some(1001), "after SIG{signal}");
        raw.stream.receive_end();
        drop((unjoined, left, raw));
        assert_eq!(node.exit_code(), Some(0), "after SIG{signal}: {node:?}");
        node.assert_no_shutdown_timeout();
    }
}

#[test]
fn shutdown_goodbye_sends_goodbye_to_every_session_and_the_node_exits_with_0() {
    for signal in ["INT", "TERM"] {
        let mut node = goodbye_router();
        let mut peers = TestTransport::CONNECTED.map(|transport| transport.join(&node));
        let sockets = ["router.sock", "small.sock"].map(|name| node.directory().path().join(name));
        assert!(sockets.iter().all(|socket| socket.exists()));
        node.signal(signal);
        for peer in &mut peers {
            assert_eq!(peer.receive(), GOODBYE, "after SIG{signal}");
            peer.send(GOODBYE_AND_OUT);
        }
        assert_eq!(node.exit_code(), Some(0), "after SIG{signal}: {node:?}");
        assert!(!sockets.iter().any(|socket| socket.exists()), "after SIG{signal}");
        node.wait_for_line(&format!(r#"shutting down signal="SIG{signal}""#));
    }
}

#[test]
fn call_in_flight_completes_before_its_connection_closes() {
    for says_goodbye in [false, true] {
        let mut node = if says_goodbye { goodbye_router() } else { router() };
        let (mut callee, mut caller) = call_in_flight(&node, node.tcp());
        node.signal("TERM");
        node.wait_for_line("shutting down");
        callee.send(r#"[70,1,{},["in time"]]"#);
        assert_eq!(caller.receive(), r#"[50,1,{},["in time"]]"#);
        for peer in [&mut caller, &mut callee] {
            if says_goodbye {
                assert_eq!(peer.receive(), GOODBYE);
                peer.send(GOODBYE_AND_OUT);
            }
            peer.stream.receive_end();
        }
        drop((caller, callee));
        assert_eq!(node.exit_code(), Some(0), "{node:?}");
    }
}

#[test]
fn http_request_in_flight_completes_and_its_connection_closes() {
    let mut node = router();
    let (mut callee, mut http) = http_call_in_flight(&node);
    node.signal("TERM");
    node.wait_for_line("shutting down");
    callee.send("[70,1,{},[true]]");
    let answer = http.receive();
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"args":[true]}"#));
    http.receive_end();
    drop(callee);
    assert_eq!(node.exit_code(), Some(0), "{node:?}");
}

/// A call in flight keeps the node running meanwhile.
#[test]
fn partially_received_http_request_completes_and_its_connection_closes() {
    let node = router();
    let (_callee, _caller) = call_in_flight(&node, node.tcp());
    let request = post_request("/call", "{}");
    let head = request.len() - 2;
    let mut clients = Vec::new();
    for before in [0, 1] {
        for cut in [10, head, head + 1] {
            let mut http = node.http();
            for _ in 0..before {
                assert_eq!(http.request(&request).status, 400);
            }
            http.send(&request[..cut]);
            clients.push((http, cut, before));
        }
    }
    // The node has read the earlier requests when it answers a later one.
    assert_eq!(node.http().request(&request).status, 400);
    node.signal("TERM");
    node.wait_for_line("shutting down");
    for (http, cut, before) in &mut clients {
        http.send(&request[*cut..]);
        let answer = http.receive();
        let found = (answer.status, answer.header("connection"));
        assert_eq!(found, (400, Some("close")), "{cut} bytes after {before} requests");
        http.receive_end();
    }
}

#[test]
fn unanswered_call_delays_shutdown_for_a_few_seconds_only() {
    for says_goodbye in [false, true] {
        let mut node = if says_goodbye { goodbye_router() } else { router() };
        let (mut callee, mut caller) = call_in_flight(&node, node.tcp());
        node.signal("TERM");
        assert_eq!(node.exit_code(), Some(0), "{node:?}");
        node.wait_for_line("calls and requests canceled calls=1");
        assert_eq!(caller.receive(), CANCELED);
        for peer in [&mut caller, &mut callee] {
            if says_goodbye {
                assert_eq!(peer.receive(), GOODBYE);
            }
            peer.stream.receive_end();
        }
    }
}

#[test]
fn connections_without_a_session_do_not_delay_shutdown() {
    let mut node = router();
    let silent = (node.tcp(), node.unix(), node.rawsocket(JSON), node.websocket("wamp.2.json"));
    let mut http = node.http();
    http.send("POST /call HTTP/1.1\r\nHost:");
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
    node.assert_no_shutdown_timeout();
    drop((silent, http));
}

#[test]
fn listeners_close_when_shutdown_begins() {
    let mut node = router();
    let (mut callee, caller) = call_in_flight(&node, node.tcp());
    let socket = node.socket();
    let address = node.addresses("rawsocket")[0];
    node.signal("INT");
    node.wait_for_line("shutting down");
    crate::support::wait_for("the end of the socket file", || (!socket.exists()).then_some(()));
    // Listeners close one after the other.
    crate::support::wait_for("the end of the TCP listener", || {
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
    callee.send("[70,1,{}]");
    drop((callee, caller));
    assert_eq!(node.exit_code(), Some(0), "{node:?}");
}

#[test]
fn requests_after_goodbye_are_not_answered() {
    let mut node = goodbye_router();
    let mut peer = node.join();
    node.signal("TERM");
    assert_eq!(peer.receive(), GOODBYE);
    peer.send(r#"[48,1,{},"com.example.nobody"]"#);
    peer.send(HELLO);
    peer.send(GOODBYE_AND_OUT);
    peer.stream.receive_end();
    assert_eq!(node.exit_code(), Some(0), "{node:?}");
}
