//! Universal transports: what a peer of a shared port speaks, its first octet tells.

use std::time::Duration;

use crate::lab::{
    Http, JSON, LongPoll, Node, Peer, RawSocket, Stream, WebSocket, opening, posting,
};
use crate::router::CLOVERLEAF;

/// What is spoken at the transports of most tests.
const EVERYTHING: &str = r#"
  "rawsocket": {"options": {"max_message_size": 1048576}},
  "websocket": {"ws": {"serializers": ["json"]}},
  "web": {"paths": {"/": {"type": "json", "value": "the rest"},
                    "lp": {"type": "longpoll"},
                    "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}"#;

/// A node with two universal transports that speak the same, over TCP and over a Unix socket.
fn node(parts: &str) -> Node {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
        "roles": [{"name": "anonymous", "permissions": [
          {"uri": "*", "allow": {"call": true, "register": true}}]}]}],
      "transports": [
        {"type": "universal",
         "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, PARTS},
        {"type": "universal", "endpoint": {"type": "unix", "path": "router.sock"}, PARTS}]}]}"#;
    Node::start(CLOVERLEAF, &config.replace("PARTS", parts))
}

/// A connection to each of the transports.
fn streams(node: &Node) -> [Stream; 2] {
    let addresses = [node.addresses("HTTP"), node.addresses("RawSocket")].concat();
    [Stream::tcp(addresses[0]), node.unix()]
}

/// Sends octet by octet, each of which is read before the next one comes.
fn send_slowly(stream: &mut Stream, octets: &[u8]) {
    for octet in octets {
        stream.send(&[*octet]);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn every_protocol_is_spoken_on_one_port() {
    let node = node(EVERYTHING);
    for which in 0..2 {
        let stream = || streams(&node).into_iter().nth(which).expect("a stream");
        let mut callee = RawSocket::open(stream(), JSON);
        callee.join();
        let registered = callee.obtain(r#"[64,1,{},"com.example.echo"]"#);
        let mut websocket = WebSocket::open(stream(), "/ws", "wamp.2.json");
        let mut longpoll = LongPoll::open(stream(), "/lp", "wamp.2.json");
        let callers: [&mut dyn Peer; 2] = [&mut websocket, &mut longpoll];
        for (number, caller) in (1..).zip(callers) {
            caller.join();
            caller.send(r#"[48,1,{},"com.example.echo",["hi"]]"#);
            assert_eq!(callee.receive(), format!(r#"[68,{number},{registered},{{}},["hi"]]"#));
            callee.send(&format!(r#"[70,{number},{{}},["ho"]]"#));
            assert_eq!(caller.receive(), r#"[50,1,{},["ho"]]"#);
        }
        let mut http = Http::over(stream());
        http.send(&posting("/call", r#"{"procedure":"com.example.echo"}"#));
        assert_eq!(callee.receive(), format!("[68,3,{registered},{{}}]"));
        callee.send("[70,3,{},[3]]");
        assert_eq!(http.receive().text(), r#"{"args":[3]}"#);
        assert_eq!(http.get("/anything").text(), r#""the rest""#);
        let goodbye = callee.ask(r#"[6,{},"wamp.close.close_realm"]"#);
        assert_eq!(goodbye, r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    }
}

#[test]
fn a_peer_that_speaks_octet_by_octet_is_understood() {
    let node = node(EVERYTHING);
    for mut stream in streams(&node) {
        send_slowly(&mut stream, &[0x7f, 0xf1, 0, 0]);
        assert_eq!(stream.receive(4), [0x7f, 0xb1, 0, 0]);
        RawSocket::over(stream).join();
    }
    for mut stream in streams(&node) {
        let wanted = opening("/ws", &[("Sec-WebSocket-Protocol", "wamp.2.json")]);
        send_slowly(&mut stream, wanted.as_bytes());
        assert_eq!(Http::over(stream).receive().status, 101);
    }
    for mut stream in streams(&node) {
        send_slowly(&mut stream, posting("/call", r#"{"procedure":"com.nobody"}"#).as_bytes());
        let answer = Http::over(stream).receive().text();
        assert!(answer.starts_with(r#"{"error": "wamp.error.no_such_procedure""#), "{answer}");
    }
}

#[test]
fn the_first_segment_of_the_path_selects_a_websocket_and_the_rest_is_the_webs() {
    let node = node(EVERYTHING);
    let status = |path: &str| {
        let mut http = Http::over(streams(&node).into_iter().next().expect("a stream"));
        http.ask(&opening(path, &[("Sec-WebSocket-Protocol", "wamp.2.json")])).status
    };
    let paths = ["/ws", "/ws/", "/ws/deeper", "/ws?x=1", "/wsx", "/", "/WS"];
    assert_eq!(paths.map(status), [101, 101, 101, 101, 200, 200, 200]);
}

#[test]
fn what_is_not_spoken_here_is_closed_without_a_word() {
    let everything = node(EVERYTHING);
    let connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test";
    for mut stream in streams(&everything) {
        stream.send(connect);
        stream.receive_end();
    }
    everything.wait_for_line("reason=no MQTT is served here");
    everything.wait_for_events("connection refused", 2);
    let rawsocket_only = node(r#""rawsocket": {}"#);
    for mut stream in streams(&rawsocket_only) {
        stream.send(b"GET / HTTP/1.1\r\n\r\n");
        stream.receive_end();
    }
    rawsocket_only.wait_for_line("reason=no HTTP is served here");
    rawsocket_only.wait_for_events("connection refused", 2);
    let websocket_only = node(r#""websocket": {"ws": {}}"#);
    for mut stream in streams(&websocket_only) {
        stream.send(&[0x7f, 0xf1, 0, 0]);
        stream.receive_end();
    }
    websocket_only.wait_for_line("reason=no RawSocket is served here");
    websocket_only.wait_for_events("connection refused", 2);
    for stream in streams(&websocket_only) {
        assert_eq!(Http::over(stream).get("/elsewhere").status, 404);
    }
}

#[test]
fn what_is_no_protocol_at_all_gets_what_http_says_to_it() {
    let node = node(EVERYTHING);
    for mut stream in streams(&node) {
        // The beginning of TLS.
        stream.send(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03");
        let answer = stream.receive_to_end();
        assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"), "{}", answer.escape_ascii());
    }
    for (octets, answer) in [
        (&[0x7f, 0xf5, 0, 0][..], &[0x7f, 0x10, 0, 0][..]),
        (&[0x7f, 0xf1, 0, 1], &[0x7f, 0x30, 0, 0]),
    ] {
        for mut stream in streams(&node) {
            stream.send(octets);
            assert_eq!(stream.receive_to_end(), answer);
        }
    }
}

#[test]
fn peers_that_say_nothing_or_little_disturb_nobody_and_do_not_keep_the_node() {
    let mut node = node(EVERYTHING);
    let mut waiting = Vec::new();
    for beginning in [&b""[..], b"\x7f", b"\x7f\xf1\x00", b"P", b"POST /call HT"] {
        for mut stream in streams(&node) {
            stream.send(beginning);
            waiting.push(stream);
        }
    }
    for stream in streams(&node) {
        RawSocket::open(stream, JSON).join();
    }
    assert_eq!(node.end("TERM"), Some(0), "{node:?}");
    node.assert_waited_for_nothing();
    drop(waiting);
}
