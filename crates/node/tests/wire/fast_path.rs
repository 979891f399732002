//! The fast path for usual HTTP requests gives the same answers as hyper.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::router::{CLOVERLEAF, cancelable_callee, router};
use crate::support::{
    CallPair, ClientStream, HttpClient, NodeProcess, RawPeer as _, TIMEOUT, post_request,
    upgrade_request,
};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "publish": true}}]}]}],
  "transports": [
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "paths": PATHS}]}]}"#;

/// A change of the configuration after which hyper serves all requests.
const LOGGED: (&str, &str) = (r#""paths""#, r#""options": {"access_log": true}, "paths""#);

/// The web transport at a Unix socket.
const UNIX: &str = r#"{"type": "web", "endpoint": {"type": "unix", "path": "router.sock"},
     "paths": PATHS}, "#;

const PATHS: &str = r#"{
  "call": {"type": "caller", "realm": "realm1", "role": "anonymous"},
  "small": {"type": "caller", "realm": "realm1", "role": "anonymous",
            "options": {"post_body_limit": 64}},
  "listed": {"type": "caller", "realm": "realm1", "role": "anonymous",
             "options": {"allowed_origins": ["https://page.example"]}},
  "publish": {"type": "publisher", "realm": "realm1", "role": "anonymous"},
  "info": {"type": "json", "value": 1}}"#;

/// The procedure does not exist, so that the router answers at once.
const CALL: &str = r#"{"procedure": "com.example.nothing", "args": [1]}"#;

/// Number of connections at which the router uses io_uring, if the system supports it.
const MANY: usize = 40;

/// Open connections, each of which has made one request.
struct OpenConnections(#[expect(dead_code, reason = "they are only kept open")] Vec<ClientStream>);

impl OpenConnections {
    fn open(address: SocketAddr, size: usize) -> Self {
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

fn http_address(node: &NodeProcess) -> SocketAddr {
    *node.addresses("HTTP").first().expect("a web transport")
}

/// Nodes that must give equal answers: the fast path among many connections (through io_uring, if
/// the system supports it), the fast path alone, hyper by the command line, and hyper by the
/// configuration.
struct EquivalentNodes {
    _connections: OpenConnections,
    _nodes: [NodeProcess; 4],
    addresses: [SocketAddr; 4],
}

impl EquivalentNodes {
    fn start() -> Self {
        let plain = CONFIG.replace("PATHS", PATHS);
        let logged = plain.replace(LOGGED.0, LOGGED.1);
        let nodes = [
            NodeProcess::start(CLOVERLEAF, &plain),
            NodeProcess::start(CLOVERLEAF, &plain),
            NodeProcess::start_with(CLOVERLEAF, &plain, &["--no-short-way"]),
            NodeProcess::start(CLOVERLEAF, &logged),
        ];
        let addresses = nodes.each_ref().map(http_address);
        Self { _connections: OpenConnections::open(addresses[0], MANY), _nodes: nodes, addresses }
    }

    fn answers(&self, pieces: &[&[u8]], silence: Duration) -> [String; 4] {
        std::thread::scope(|scope| {
            let ask = |address| scope.spawn(move || all_answers(address, pieces, silence));
            self.addresses.map(ask).map(|answer| answer.join().expect("an answer"))
        })
    }

    /// Asserts that all nodes give the same answer to these pieces, and returns it.
    fn answer(&self, pieces: &[&[u8]]) -> String {
        let mut answers = self.answers(pieces, SILENCE);
        if answers.iter().any(|answer| *answer != answers[0]) {
            answers = self.answers(pieces, LONG_SILENCE);
        }
        let [first, others @ ..] = answers;
        let sent = pieces.concat();
        for other in others {
            assert_eq!(first, other, "to {}", String::from_utf8_lossy(&sent));
        }
        first
    }
}

/// Silence after which all answers have arrived.
const SILENCE: Duration = Duration::from_millis(200);

/// The last request, after which the server closes the connection.
const LAST: &[u8] = b"GET /info HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Silence after which all answers have arrived on a busy machine.
const LONG_SILENCE: Duration = Duration::from_secs(5);

/// All answers to these pieces and to the last request, without their dates.
fn all_answers(address: SocketAddr, pieces: &[&[u8]], silence: Duration) -> String {
    let mut stream = ClientStream::tcp(address);
    for piece in pieces {
        stream.send(piece);
        if pieces.len() > 1 {
            // Most of the time the router reads the pieces one by one.
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    stream.send(LAST);
    let answered = String::from_utf8_lossy(&stream.receive_all(silence)).into_owned();
    answered.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

/// Requests with usual, unusual and wrong parts.
fn request() -> impl Strategy<Value = String> {
    let method = prop_oneof![
        6 => Just("POST"), 1 => Just("PUT"), 1 => Just("OPTIONS"), 1 => Just("GET"),
        1 => Just("BREW"), 1 => Just("post"),
    ];
    let target = prop_oneof![
        6 => Just("/call"), 1 => Just("/call?seq=1&nonce=2"), 1 => Just("/call?timestamp=x"),
        1 => Just("/small"), 2 => Just("/listed"), 1 => Just("/info"), 1 => Just("/nothing"), 1 => Just("/call/more"),
        1 => Just("http://localhost/call"), 1 => Just("/call#x"), 1 => Just("*"),
        1 => Just("/call?\"<>"),
    ];
    let version = prop_oneof![12 => Just("HTTP/1.1"), 1 => Just("HTTP/1.0"), 1 => Just("HTTP/2.0")];
    let host =
        prop_oneof![12 => Just("Host: a\r\n"), 1 => Just(""), 1 => Just("Host: a\r\nHost: b\r\n")];
    let field = prop_oneof![
        Just("Content-Type: application/json\r\n"),
        Just("content-type: application/json; charset=utf-8\r\n"),
        Just("Content-Type: text/plain\r\n"),
        Just("Accept: */*\r\n"),
        Just("Origin: https://page.example\r\n"),
        Just("Origin: null\r\n"),
        Just("Origin: https://other.example\r\n"),
        Just("Access-Control-Request-Headers: x-a, x-b\r\n"),
        Just("Connection: keep-alive\r\n"),
        Just("Connection: close\r\n"),
        Just("Connection: upgrade\r\nUpgrade: websocket\r\n"),
        Just("X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
        Just("X-Folded: a\r\n b\r\n"),
        Just("X-Bare: a\n"),
        Just("X Space: a\r\n"),
        Just("TE: trailers\r\n"),
        Just("Transfer-Encoding: chunked\r\n"),
        Just("Content-Length: 3\r\n"),
    ];
    let body = prop_oneof![
        6 => Just(CALL), 1 => Just("{}"), 1 => Just(""), 1 => Just("[1]"), 1 => Just("{\"a\": "),
        1 => Just("\u{1}"), 1 => Just("{\"topic\": \"com.example.a\"}"),
    ];
    let length = prop_oneof![24 => Just(0_isize), 1 => Just(1), 1 => Just(-1)];
    let fields = prop::collection::vec(field, 0..4);
    (method, target, version, host, fields, body, length).prop_map(
        |(method, target, version, host, fields, body, more)| {
            let length = body.len().saturating_add_signed(more);
            let fields = fields.concat();
            let head = format!("{method} {target} {version}\r\n{host}{fields}");
            format!("{head}Content-Length: {length}\r\n\r\n{body}")
        },
    )
}

#[test]
fn fast_path_and_hyper_give_equal_answers() {
    const CASES: u32 = 200;
    let nodes = EquivalentNodes::start();
    let config =
        ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let requests = prop::collection::vec(request(), 1..4);
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let outcome = TestRunner::new(config).run(&(requests, cuts), |(requests, cuts)| {
        let bytes = requests.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        nodes.answer(&pieces);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn usual_request_may_arrive_octet_by_octet() {
    let request = post_request("/call", CALL);
    let octets: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
    assert!(EquivalentNodes::start().answer(&octets).starts_with("HTTP/1.1 200 OK\r\n"));
}

#[test]
fn bodies_around_the_limit_get_equal_answers() {
    let nodes = EquivalentNodes::start();
    for path in ["/call", "/small"] {
        for length in [63, 64, 65, 65_536, 65_537, 200_000] {
            let body = [CALL, &" ".repeat(length - CALL.len())].concat();
            let answered = nodes.answer(&[post_request(path, &body).as_bytes()]);
            assert!(!answered.is_empty(), "{length} at {path}");
        }
    }
}

/// Heads that two servers in a row may interpret differently: one takes the rest for a body, the
/// other for the next request (RFC 9112 section 11.2). No form is answered as a call, and the
/// request behind it is not answered.
#[test]
fn request_smuggling_gets_no_second_request_through() {
    const FORMS: [&str; 16] = [
        "Content-Length: 0\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\x0bchunked\r\n",
        "X: a\r\n Transfer-Encoding: chunked\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x0\r\n",
        "Content-Length: 0, 5\r\n",
        "Content-Length: 0 5\r\n",
        "Content-Length : 0\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "X: a\rContent-Length: 0\r\n",
    ];
    let nodes = EquivalentNodes::start();
    for form in FORMS {
        let head = format!("POST /call HTTP/1.1\r\nHost: a\r\n{form}\r\n");
        let smuggled = "GET /info HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = nodes.answer(&[head.as_bytes(), smuggled.as_bytes()]);
        assert!(!answer.contains("HTTP/1.1 200"), "{form:?} was answered by {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{form:?} was answered by {answer}");
    }
}

/// hyper drops a second `Content-Length` with an equal value (RFC 9112 section 6.3 allows it), so
/// the bridge never sees it.
#[test]
fn repeated_header_fields_get_equal_answers() {
    let nodes = EquivalentNodes::start();
    let length = CALL.len();
    let lengths = format!("Content-Length: {length}\r\n");
    let other_length = format!("Content-Length: {}\r\n", length + 1);
    let list = format!("Content-Length: {length}, {length}\r\n");
    let (host, json) = ("Host: a\r\n", "Content-Type: application/json\r\n");
    let origin = "Origin: https://page.example\r\n";
    for (what, fields, status) in [
        ("equal lengths", [host, &lengths, &lengths], 200),
        ("equal lengths apart", [&lengths, host, &lengths], 200),
        ("different lengths", [host, &lengths, &other_length], 400),
        ("a list of equal lengths", [host, json, &list], 400),
        ("two media types", [host, &lengths, &json.repeat(2)], 400),
        ("two hosts", [host, &lengths, host], 400),
        ("other hosts", [host, &lengths, "HOST: b\r\n"], 400),
        ("two origins", [host, &lengths, &origin.repeat(2)], 200),
    ] {
        let request = format!("POST /call HTTP/1.1\r\n{}\r\n{CALL}", fields.concat());
        let answer = nodes.answer(&[request.as_bytes()]);
        let found = answer.split(' ').nth(1);
        assert_eq!(found, Some(status.to_string().as_str()), "{what}: {answer}");
    }
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
