//! Allowed origins: one rule for WebSocket, long-polling and the HTTP bridge.

use crate::router::CLOVERLEAF;
use crate::support::{NodeProcess, RawPeer as _, TempDirectory, upgrade_request};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, "paths": {
      "ws": {"type": "websocket", "options": {
        "allowed_origins": ["https://*.example.com:443", "http://localhost:*"],
        "allow_null_origin": false}},
      "lp": {"type": "longpoll", "options": {
        "allowed_origins": ["https://*.example.com:443", "http://localhost:*"],
        "allow_null_origin": false}},
      "open": {"type": "websocket", "options": {"allow_null_origin": false}},
      "call": {"type": "caller", "realm": "realm1", "role": "anonymous", "options": {
        "allowed_origins": ["https://*.example.com:443", "http://localhost:*"]}},
      "publish": {"type": "publisher", "realm": "realm1", "role": "anonymous", "options": {
        "allowed_origins": ["https://*.example.com:443", "http://localhost:*"]}}}}]}]}"#;

const ALLOWED: [&str; 5] = [
    "https://a.example.com",
    "https://a.example.com:443",
    "HTTPS://A.Example.COM",
    "http://localhost",
    "http://localhost:8080",
];

const REFUSED: [&str; 7] = [
    "https://example.com",
    "http://a.example.com",
    "https://a.example.com:8443",
    "https://localhost",
    "null",
    "file://",
    "nonsense",
];

fn node(args: &[&str]) -> NodeProcess {
    let directory = TempDirectory::new();
    directory.write("config.json", CONFIG);
    NodeProcess::launch(CLOVERLEAF, directory, &[&["start"], args].concat()).ready()
}

fn websocket_status(node: &NodeProcess, path: &str, origin: &str) -> u16 {
    let fields = [("Sec-WebSocket-Protocol", "wamp.2.json"), ("Origin", origin)];
    node.http().request(&upgrade_request(path, &fields)).status
}

fn post(path: &str, origin: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn websocket_and_longpoll_apply_the_same_origin_rule() {
    let node = node(&[]);
    let opening_body = r#"{"protocols": ["wamp.2.json"]}"#;
    for (origins, websocket, longpoll) in [(&ALLOWED[..], 101, 200), (&REFUSED[..], 403, 403)] {
        for origin in origins {
            assert_eq!(websocket_status(&node, "/ws", origin), websocket, "'{origin}'");
            let answer = node.http().request(&post("/lp/open", origin, opening_body));
            assert_eq!(answer.status, longpoll, "'{origin}'");
        }
    }
}

#[test]
fn file_origins_are_refused_where_null_is_refused() {
    let node = node(&[]);
    for origin in ["null", "file://", "file:///home/page.html"] {
        assert_eq!(websocket_status(&node, "/open", origin), 403, "'{origin}'");
    }
    assert_eq!(websocket_status(&node, "/open", "https://anything.example"), 101);
}

#[test]
fn longpoll_request_with_two_origins_is_refused() {
    let node = node(&[]);
    let request = post("/lp/open", "http://localhost", r#"{"protocols": ["wamp.2.json"]}"#)
        .replace("Origin:", "Origin: http://localhost\r\nOrigin: https://evil.example\r\nX:");
    assert_eq!(node.http().request(&request).status, 403);
}

#[test]
fn pages_of_refused_origins_can_neither_call_nor_publish() {
    for args in [&[][..], &["--no-fast-path"]] {
        let node = node(args);
        let mut peer = node.join();
        peer.obtain_id(r#"[64,1,{},"com.example.echo"]"#);
        peer.obtain_id(r#"[32,2,{},"com.example.topic"]"#);
        let call = r#"{"procedure":"com.example.echo","args":[1]}"#;
        let publication = r#"{"topic":"com.example.topic","args":[1]}"#;
        let mut http = node.http();
        for origin in REFUSED {
            for (path, body) in [("/call", call), ("/publish", publication)] {
                let denial =
                    r#"{"error": "Request denied based on its origin.", "args": [], "kwargs": {}}"#;
                for method in ["POST", "OPTIONS"] {
                    let request = post(path, origin, body).replace("POST", method);
                    let answer = http.request(&request);
                    assert_eq!((answer.status, answer.text().as_str()), (403, denial), "{origin}");
                    assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
                }
            }
        }
        // The first invocation and the first event come from an allowed page.
        http.send(&post("/call", ALLOWED[0], call));
        assert_eq!(peer.receive(), "[68,1,1,{},[1]]");
        peer.send("[70,1,{},[1]]");
        let answer = http.receive();
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"args":[1]}"#));
        assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED[0]));
        assert_eq!(http.request(&post("/publish", ALLOWED[4], publication)).status, 200);
        assert!(peer.receive().starts_with("[36,"));
        assert_eq!(http.post("/publish", publication).status, 200, "without an origin");
    }
}
