//! Universal transports: the first octet of a connection selects the protocol.

use std::time::Duration;

use crate::router::CLOVERLEAF;
use crate::support::{
    ClientStream, HttpClient, JSON, LongPollPeer, NodeProcess, RawPeer, RawSocketPeer,
    WebSocketPeer, post_request, upgrade_request,
};

/// The protocols of the transports in most tests.
const ALL_PROTOCOLS: &str = r#"
  "rawsocket": {"options": {"max_message_size": 1048576}},
  "websocket": {"ws": {"serializers": ["json"]}},
  "web": {"paths": {"/": {"type": "json", "value": "the rest"},
                    "lp": {"type": "longpoll"},
                    "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}"#;

/// A node with two universal transports of the same protocols, over TCP and over a Unix socket.
fn node(parts: &str) -> NodeProcess {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
        "roles": [{"name": "anonymous", "permissions": [
          {"uri": "*", "allow": {"call": true, "register": true}}]}]}],
      "transports": [
        {"type": "universal",
         "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, PARTS},
        {"type": "universal", "endpoint": {"type": "unix", "path": "router.sock"}, PARTS}]}]}"#;
    NodeProcess::start(CLOVERLEAF, &config.replace("PARTS", parts))
}

/// One connection to each transport.
fn streams(node: &NodeProcess) -> [ClientStream; 2] {
    let addresses =
        ["universal", "web", "rawsocket"].map(|transport| node.addresses(transport)).concat();
    [ClientStream::tcp(addresses[0]), node.unix()]
}

/// Sends octet by octet. The pause lets the router read each octet by itself.
fn send_slowly(stream: &mut ClientStream, octets: &[u8]) {
    for octet in octets {
        stream.send(&[*octet]);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn universal_transport_serves_every_protocol_on_one_port() {
    let node = node(ALL_PROTOCOLS);
    for which in 0..2 {
        let stream = || streams(&node).into_iter().nth(which).expect("a stream");
        let mut callee = RawSocketPeer::open(stream(), JSON);
        callee.join();
        let registered = callee.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
        let mut websocket = WebSocketPeer::open(stream(), "/ws", "wamp.2.json");
        let mut longpoll = LongPollPeer::open(stream(), "/lp", "wamp.2.json");
        let callers: [&mut dyn RawPeer; 2] = [&mut websocket, &mut longpoll];
        for (number, caller) in (1..).zip(callers) {
            caller.join();
            caller.send(r#"[48,1,{},"com.example.echo",["hi"]]"#);
            assert_eq!(callee.receive(), format!(r#"[68,{number},{registered},{{}},["hi"]]"#));
            callee.send(&format!(r#"[70,{number},{{}},["ho"]]"#));
            assert_eq!(caller.receive(), r#"[50,1,{},["ho"]]"#);
        }
        let mut http = HttpClient::over(stream());
        http.send(&post_request("/call", r#"{"procedure":"com.example.echo"}"#));
        assert_eq!(callee.receive(), format!("[68,3,{registered},{{}}]"));
        callee.send("[70,3,{},[3]]");
        assert_eq!(http.receive().text(), r#"{"args":[3]}"#);
        assert_eq!(http.get("/anything").text(), r#""the rest""#);
        let goodbye = callee.request(r#"[6,{},"wamp.close.close_realm"]"#);
        assert_eq!(goodbye, r#"[6,{},"wamp.close.goodbye_and_out"]"#);
    }
}

#[test]
fn protocol_is_detected_when_octets_arrive_one_by_one() {
    let node = node(ALL_PROTOCOLS);
    for mut stream in streams(&node) {
        send_slowly(&mut stream, &[0x7f, 0xf1, 0, 0]);
        assert_eq!(stream.receive(4), [0x7f, 0xb1, 0, 0]);
        RawSocketPeer::over(stream).join();
    }
    for mut stream in streams(&node) {
        let request = upgrade_request("/ws", &[("Sec-WebSocket-Protocol", "wamp.2.json")]);
        send_slowly(&mut stream, request.as_bytes());
        assert_eq!(HttpClient::over(stream).receive().status, 101);
    }
    for mut stream in streams(&node) {
        send_slowly(&mut stream, post_request("/call", r#"{"procedure":"com.nobody"}"#).as_bytes());
        let answer = HttpClient::over(stream).receive().text();
        assert!(answer.starts_with(r#"{"error": "wamp.error.no_such_procedure""#), "{answer}");
    }
}

#[test]
fn first_path_segment_selects_the_websocket_and_other_paths_go_to_the_web_service() {
    let node = node(ALL_PROTOCOLS);
    let status = |path: &str| {
        let mut http = HttpClient::over(streams(&node).into_iter().next().expect("a stream"));
        http.request(&upgrade_request(path, &[("Sec-WebSocket-Protocol", "wamp.2.json")])).status
    };
    let paths = ["/ws", "/ws/", "/ws/deeper", "/ws?x=1", "/wsx", "/", "/WS"];
    assert_eq!(paths.map(status), [101, 101, 101, 101, 200, 200, 200]);
}

#[test]
fn connections_of_unserved_protocols_are_closed_without_an_answer() {
    let all = node(ALL_PROTOCOLS);
    let connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04test";
    for mut stream in streams(&all) {
        stream.send(connect);
        stream.receive_end();
    }
    all.wait_for_line("reason=no MQTT is served here");
    all.wait_for_events("connection refused", 2);
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
        assert_eq!(HttpClient::over(stream).get("/elsewhere").status, 404);
    }
}

#[test]
fn unknown_protocol_gets_http_400_and_wrong_rawsocket_handshake_gets_its_error() {
    let node = node(ALL_PROTOCOLS);
    for mut stream in streams(&node) {
        // The start of a TLS handshake.
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
fn silent_connections_neither_affect_others_nor_delay_shutdown() {
    let mut node = node(ALL_PROTOCOLS);
    let mut waiting = Vec::new();
    for beginning in [&b""[..], b"\x7f", b"\x7f\xf1\x00", b"P", b"POST /call HT"] {
        for mut stream in streams(&node) {
            stream.send(beginning);
            waiting.push(stream);
        }
    }
    for stream in streams(&node) {
        RawSocketPeer::open(stream, JSON).join();
    }
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
    node.assert_no_shutdown_timeout();
    drop(waiting);
}
