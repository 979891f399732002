//! The client timeout of HTTP connections: which connections it closes, and which not.

use std::fs::File;

use crate::router::{CLOVERLEAF, cancelable_callee, http_call_in_flight};
use crate::support::{
    ClientStream, NodeProcess, RawPeer as _, TempDirectory, post_request, wait_for,
};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "register": true}}]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "options": {"client_timeout": SECONDS},
     "paths": {"/": {"type": "static", "directory": "web"},
               "info": {"type": "json", "value": 1},
               "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}]}]}"#;

/// Length in bytes of a file that exceeds the socket buffers.
const LONG_FILE: u64 = 64 * 1024 * 1024;

/// A node with this client timeout in seconds.
fn node(seconds: &str) -> NodeProcess {
    let directory = TempDirectory::new();
    let file = File::create(directory.write("web/long", "")).expect("a file");
    file.set_len(LONG_FILE).expect("room for a file");
    NodeProcess::start_in(CLOVERLEAF, directory, &CONFIG.replace("SECONDS", seconds))
}

/// A connection to the web transport.
fn connect(node: &NodeProcess) -> ClientStream {
    node.http().into_stream()
}

#[test]
fn silent_connection_is_closed() {
    let node = node("1");
    let head = "POST /call HTTP/1.1\r\nHost: localhost\r\n";
    let beginnings = [
        "",
        "GET /in",
        head,
        &format!("{head}Content-Length: 20\r\n\r\n{{"),
        "GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    let mut streams = beginnings.map(|beginning| {
        let mut stream = connect(&node);
        stream.send(beginning.as_bytes());
        stream
    });
    for (stream, beginning) in streams.iter_mut().zip(beginnings) {
        let answered = stream.receive_to_end();
        assert_eq!(answered.is_empty(), !beginning.ends_with("\r\n\r\n"), "{beginning}");
    }
}

#[test]
fn request_sent_octet_by_octet_is_closed_at_the_timeout() {
    let node = node("1");
    let body = "POST /call HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n";
    let mut streams = ["GET /info HTTP/1.1\r\nX: ", body].map(|beginning| {
        let mut stream = connect(&node);
        stream.send(beginning.as_bytes());
        (stream, false)
    });
    wait_for("the end of slow connections", || {
        for (stream, has_ended) in &mut streams {
            stream.send(b"y");
            *has_ended = *has_ended || stream.has_ended();
        }
        streams.iter().all(|(_, has_ended)| *has_ended).then_some(())
    });
}

/// The router has not read all these requests before it answers the first.
#[test]
fn call_is_canceled_when_a_client_with_many_pipelined_requests_disconnects() {
    const REQUESTS: usize = 1_500;
    let node = node("1");
    let mut callee = cancelable_callee(&node, "com.example.slow");
    let mut http = node.http();
    let request = post_request("/call", r#"{"procedure":"com.example.slow"}"#);
    http.send(&request.repeat(REQUESTS));
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    drop(http);
    assert_eq!(callee.receive(), r#"[69,1,{"mode":"killnowait","reason":"wamp.error.canceled"}]"#);
}

#[test]
fn call_may_take_longer_than_the_client_timeout() {
    let node = node("1");
    let (mut callee, mut http) = http_call_in_flight(&node);
    for _ in 0..2 {
        connect(&node).receive_end();
    }
    callee.send("[70,1,{},[true]]");
    assert_eq!(http.receive().text(), r#"{"args":[true]}"#);
}

#[test]
fn long_response_may_take_longer_than_the_client_timeout() {
    let node = node("2");
    let mut stream = connect(&node);
    stream.send(b"GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut received = 0;
    for _ in 0..2 {
        let mut other = connect(&node);
        while !other.has_ended() {
            received += stream.receive(64 * 1024).len() as u64;
        }
    }
    received += stream.receive_to_end().len() as u64;
    assert!(received > LONG_FILE, "the answer was cut after {received} octets");
}

#[test]
fn client_that_does_not_read_its_response_is_disconnected() {
    let node = node("1");
    let mut stream = connect(&node);
    stream.send(b"GET /long HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    for _ in 0..3 {
        connect(&node).receive_end();
    }
    let received = stream.receive_to_end().len() as u64;
    assert!(received < LONG_FILE, "the router buffered the whole file");
}
