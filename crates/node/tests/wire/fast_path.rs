//! The fast path for usual HTTP requests gives the same answers as hyper.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::fast_path_connections::{
    CALL, CONFIG, MANY, OpenConnections, PATHS, SILENCE, http_address,
};
use crate::router::CLOVERLEAF;
use crate::support::{ClientStream, NodeProcess, post_request};

/// A change of the configuration after which hyper serves all requests.
const LOGGED: (&str, &str) = (r#""paths""#, r#""options": {"access_log": true}, "paths""#);

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
            NodeProcess::start_with(CLOVERLEAF, &plain, &["--no-fast-path"]),
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
