//! HTTP connections on the fast path, alone and beside many others: upgrades, pipelining, flow
//! control and half-closes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::router::{CLOVERLEAF, cancelable_callee, router};
use crate::support::{
    CallPair, ClientStream, HttpClient, NodeProcess, RawPeer as _, TIMEOUT, post_request,
    upgrade_request,
};

/// A node with one web transport at the paths `PATHS`.
pub(crate) const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "publish": true}}]}]}],
  "transports": [
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "paths": PATHS}]}]}"#;

/// The paths of the web transport.
pub(crate) const PATHS: &str = r#"{
  "call": {"type": "caller", "realm": "realm1", "role": "anonymous"},
  "small": {"type": "caller", "realm": "realm1", "role": "anonymous",
            "options": {"post_body_limit": 64}},
  "listed": {"type": "caller", "realm": "realm1", "role": "anonymous",
             "options": {"allowed_origins": ["https://page.example"]}},
  "publish": {"type": "publisher", "realm": "realm1", "role": "anonymous"},
  "info": {"type": "json", "value": 1}}"#;

/// The web transport at a Unix socket.
const UNIX: &str = r#"{"type": "web", "endpoint": {"type": "unix", "path": "router.sock"},
     "paths": PATHS}, "#;

/// The body of a call whose procedure does not exist, so that the router answers at once.
pub(crate) const CALL: &str = r#"{"procedure": "com.example.nothing", "args": [1]}"#;

/// Number of connections at which the router uses io_uring, if the system supports it.
pub(crate) const MANY: usize = 40;

/// Silence after which all answers have arrived.
pub(crate) const SILENCE: Duration = Duration::from_millis(200);

/// Open connections, each of which has made one request.
pub(crate) struct OpenConnections(
    #[expect(dead_code, reason = "they are only kept open")] Vec<ClientStream>,
);

impl OpenConnections {
    /// Opens `size` connections and makes a request over each.
    pub(crate) fn open(address: SocketAddr, size: usize) -> Self {
        let connect = |_| {
            let mut stream = ClientStream::tcp(address);
            stream.send(post_request("/call", CALL).as_bytes());
            assert_eq!(stream.receive(12), b"HTTP/1.1 200");
            stream
        };
        Self((0..size).map(connect).collect())
    }

    /// Runs a test beside no other connection and beside many.
    fn for_each_size(node: impl Fn() -> NodeProcess, test: impl Fn(NodeProcess)) {
        for size in [0, MANY] {
            let node = node();
            let _connections = Self::open(http_address(&node), size);
            test(node);
        }
    }
}

/// The address of the first web transport.
pub(crate) fn http_address(node: &NodeProcess) -> SocketAddr {
    *node.addresses("web").first().expect("a web transport")
}

#[test]
fn connection_can_upgrade_to_websocket_after_calls() {
    OpenConnections::for_each_size(router, |node| {
        let mut http = node.http();
        let missing = http.post("/call", "{}");
        assert_eq!(missing.status, 400);
        http.send(&upgrade_request("/ws", &[("Sec-WebSocket-Protocol", "wamp.2.json")]));
        assert_eq!(http.receive().status, 101);
        let mut stream = http.into_stream();
        let hello = br#"[1,"realm1",{"roles":{"caller":{}}}]"#;
        stream.send(&[&[0x81, 0x80 | hello.len() as u8, 0, 0, 0, 0], &hello[..]].concat());
        let head = stream.receive(5);
        assert_eq!(&head[head.len() - 1..], b"[", "WELCOME");
    });
}

/// The existing connections include one in the middle of a request, and one with requests that were
/// read and not answered.
#[test]
fn existing_connections_continue_when_many_others_connect() {
    let node = router();
    let mut early = [node.http(), node.http(), node.http()];
    let request = post_request("/call", CALL);
    let (begin, end) = request.split_at(request.len() / 2);
    early[0].send(begin);
    early[1].send(&[&request, begin].concat());
    assert_eq!(early[1].receive().status, 200);
    let _connections = OpenConnections::open(http_address(&node), MANY);
    early[0].send(&[end, &request].concat());
    early[1].send(end);
    for (http, answers) in early.iter_mut().zip([2, 1, 0]) {
        for _ in 0..answers {
            assert_eq!(http.receive().status, 200);
        }
        assert_eq!(http.post("/call", CALL).status, 200);
        assert_eq!(http.post("/call", "{}").status, 400);
    }
}

/// Each request is longer than one read, and the client sends all of them before the first answer.
#[test]
fn thousand_pipelined_requests_are_answered_beside_other_connections() {
    OpenConnections::for_each_size(router, |node| {
        let mut bystanders = CallPair::connect(&node);
        let mut http = node.http();
        let requests: String = (0..1_000)
            .map(|number| {
                let padding = " ".repeat(500);
                post_request(
                    &format!("/call?seq={number}"),
                    &format!(r#"{{"procedure":{number}{padding}}}"#),
                )
                .replace("POST", if number % 2 == 0 { "POST" } else { "PUT" })
            })
            .collect();
        http.send(&requests);
        bystanders.call();
        for number in 0..1_000 {
            let answer = http.receive();
            assert_eq!(answer.status, 400, "request {number}");
        }
        bystanders.call();
    });
}

/// The requests stay in the socket buffer when the router holds enough of them.
#[test]
fn router_stops_reading_from_a_client_that_never_reads() {
    const FAR_TOO_MUCH: usize = 256 * 1024 * 1024;
    OpenConnections::for_each_size(router, |node| {
        let mut bystanders = CallPair::connect(&node);
        let address = http_address(&node);
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("an option");
        let requests = post_request("/call", CALL).repeat(1_000);
        let mut sent = 0;
        while sent < FAR_TOO_MUCH {
            match stream.write(requests.as_bytes()) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        assert!(sent < FAR_TOO_MUCH, "{sent} bytes are taken from a client that does not read");
        bystanders.call();
    });
}

/// The client half-closes the connection while the response is in transit. The response exceeds the
/// buffer of a Unix socket.
#[test]
fn half_closed_client_gets_all_of_a_long_response() {
    const ANSWER: usize = 250_000;
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
        {"uri": "*", "allow": {"call": true, "register": true}}]}]}],
      "transports": [
        {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
        {"type": "web", "endpoint": {"type": "unix", "path": "web.sock"}, "paths": {
          "call": {"type": "caller", "realm": "realm1", "role": "anonymous"}}}]}]}"#;
    let node = NodeProcess::start(CLOVERLEAF, config);
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.long"]"#);
    let path = node.socket().with_file_name("web.sock");
    let mut stream = ClientStream::Unix(UnixStream::connect(path).expect("a connection"));
    stream.send(post_request("/call", r#"{"procedure":"com.example.long"}"#).as_bytes());
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    callee.send(&format!(r#"[70,1,{{}},["{}"]]"#, "x".repeat(ANSWER)));
    assert_eq!(stream.receive(15), b"HTTP/1.1 200 OK");
    stream.shutdown_write();
    // The router sees the half-close before it can write the whole response.
    std::thread::sleep(SILENCE);
    let received = stream.receive(2 * ANSWER).len();
    assert!(received > ANSWER, "the answer was cut after {received} bytes");
}

#[test]
fn call_is_canceled_when_its_client_sends_more_requests_and_disconnects() {
    OpenConnections::for_each_size(router, |node| {
        let mut callee = cancelable_callee(&node, "com.example.slow");
        let mut http: HttpClient = node.http();
        let request = post_request("/call", r#"{"procedure":"com.example.slow"}"#);
        http.send(&request);
        assert_eq!(callee.receive(), "[68,1,1,{}]");
        http.send(&request.repeat(3));
        drop(http);
        assert_eq!(
            callee.receive(),
            r#"[69,1,{"mode":"killnowait","reason":"wamp.error.canceled"}]"#
        );
    });
}

/// The socket buffer of a Unix socket never fills up while its peer reads.
#[test]
fn client_that_floods_the_router_does_not_starve_others() {
    const CALLS: usize = 40;
    let both = ["\"transports\": [", UNIX].concat();
    let config = CONFIG.replace("\"transports\": [", &both).replace("PATHS", PATHS);
    let node = NodeProcess::start(CLOVERLEAF, &config);
    let mut flood = UnixStream::connect(node.socket()).expect("a connection");
    let mut drain = flood.try_clone().expect("another handle");
    std::thread::spawn(move || {
        let requests = b"OPTIONS /call HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
        while flood.write_all(&requests).is_ok() {}
    });
    std::thread::spawn(move || {
        let mut octets = vec![0; 1 << 20];
        while drain.read(&mut octets).is_ok_and(|count| count > 0) {}
    });
    let mut http = node.http();
    let begin = Instant::now();
    for _ in 0..CALLS {
        assert_eq!(http.post("/call", "{}").status, 400);
    }
    // The flood never ends, so a call that had to wait for its end would never be answered.
    let took = begin.elapsed();
    assert!(took < TIMEOUT, "{CALLS} calls beside a flood took {took:?}");
}
