//! The options of WebSocket transports, mostly at an echo endpoint.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::router::CLOVERLEAF;
use crate::support::{
    ClientStream, HELLO, HttpClient, HttpResponse, NodeProcess, RawPeer as _, TIMEOUT,
    WebSocketPeer, upgrade_request, wait_for,
};

/// First octets of frames: the final bit and an opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CONTINUATION: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A node with one transport with these options.
struct Testee(NodeProcess);

impl Testee {
    fn with(options: &str) -> Self {
        Self::of("websocket.testee", options)
    }

    fn of(kind: &str, options: &str) -> Self {
        Self(NodeProcess::start(
            CLOVERLEAF,
            &format!(
                r#"{{"version": 2, "workers": [{{"type": "router",
                "realms": [{{"name": "realm1", "roles": [{{"name": "anonymous"}}]}}],
                "transports": [{{"type": "{kind}", "options": {{{options}}},
                "endpoint": {{"type": "tcp", "interface": "127.0.0.1", "port": 0}}}}]}}]}}"#
            ),
        ))
    }

    fn stream(&self) -> ClientStream {
        let addresses = ["websocket", "websocket.testee"].map(|kind| self.0.addresses(kind));
        let [address] = addresses.concat()[..] else { panic!("{:?}", self.0) };
        ClientStream::tcp(address)
    }

    fn open(&self) -> WebSocketPeer {
        WebSocketPeer::open_with(self.stream(), "/", "", &[]).0
    }

    fn request(&self, headers: &[(&str, &str)]) -> HttpResponse {
        HttpClient::over(self.stream()).request(&upgrade_request("/", headers))
    }
}

#[test]
fn enable_rfc6455_false_refuses_every_connection() {
    let answer = Testee::with(r#""enable_rfc6455": false"#).request(&[]);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.text(), "This endpoint takes no WebSocket connections.\n");
}

#[test]
fn host_header_must_name_the_external_port() {
    for (port, host, status) in [
        (8443, "example.com:8443", 101),
        (8443, "[::1]:8443", 101),
        (8443, "example.com:8080", 400),
        (8443, "example.com", 400),
        (8443, "[::1]", 400),
        (443, "example.com", 101),
        (443, "[::1]", 101),
        (443, "example.com:8443", 400),
    ] {
        let testee = Testee::with(&format!(r#""external_port": {port}"#));
        let answer = testee.request(&[("Host", host)]);
        assert_eq!(answer.status, status, "{host} for port {port}");
        if status == 400 {
            assert_eq!(answer.text(), format!("Host must name the port {port}.\n"));
        }
    }
    assert_eq!(Testee::with("").request(&[("Host", "example.com:1")]).status, 101);
}

#[test]
fn show_server_version_adds_the_server_header() {
    let testee = Testee::with(r#""show_server_version": true"#);
    let version = Some(concat!("Cloverleaf/", env!("CARGO_PKG_VERSION")));
    assert_eq!(testee.request(&[]).header("server"), version);
    assert_eq!(testee.request(&[("Upgrade", "")]).header("server"), version);
    assert_eq!(Testee::with("").request(&[]).header("server"), None);
}

/// By default only joined peers learn the name.
#[test]
fn welcome_names_the_agent_unless_show_server_version_is_false() {
    let agent_name = Value::from(concat!("Cloverleaf-", env!("CARGO_PKG_VERSION")));
    for (options, agent) in [
        ("", Some(&agent_name)),
        (r#""show_server_version": true"#, Some(&agent_name)),
        (r#""show_server_version": false"#, None),
    ] {
        let testee = Testee::of("websocket", options);
        let mut peer = WebSocketPeer::open(testee.stream(), "/", "wamp.2.json");
        let welcome = peer.request_json(HELLO);
        assert_eq!(welcome[2].get("agent"), agent, "{options}");
    }
}

#[test]
fn status_page_is_served_unless_enable_webstatus_is_false() {
    let page = Testee::with("").request(&[("Upgrade", ""), ("Connection", "")]);
    assert_eq!(page.status, 200);
    assert!(page.text().contains("It sends back what it gets."));
    let none = Testee::with(r#""enable_webstatus": false"#).request(&[("Upgrade", "")]);
    assert_eq!((none.status, none.header("upgrade")), (426, Some("websocket")));
}

#[test]
fn client_without_subprotocol_gets_json_where_none_is_required() {
    let testee = Testee::of("websocket", r#""require_websocket_subprotocol": false"#);
    let (mut peer, answer) = WebSocketPeer::open_with(testee.stream(), "/", "", &[]);
    assert_eq!(answer.header("sec-websocket-protocol"), None);
    peer.send_frame(TEXT, HELLO.as_bytes());
    let (first, welcome) = peer.receive_frame();
    assert!(first == TEXT && welcome.starts_with(b"[2,"));
    // A client that offers unsupported subprotocols gets JSON, too, and no subprotocol in the
    // response.
    let selected = |testee: &Testee, subprotocols: &str| {
        let answer = testee.request(&[("Sec-WebSocket-Protocol", subprotocols)]);
        (answer.status, answer.header("sec-websocket-protocol").map(str::to_owned))
    };
    assert_eq!(selected(&testee, "chat"), (101, None));
    assert_eq!(selected(&testee, "chat, wamp.2.cbor"), (101, Some("wamp.2.cbor".to_owned())));
    assert_eq!(selected(&Testee::of("websocket", ""), "chat"), (400, None));
}

#[test]
fn open_handshake_timeout_closes_unfinished_handshakes() {
    let testee = Testee::with(r#""open_handshake_timeout": 1000"#);
    let start = Instant::now();
    let (mut late, mut open) = (testee.stream(), testee.open());
    late.send(b"GET / HTTP/1.1\r\n");
    late.receive_end();
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(900), "closed after {waited:?}");
    open.send_frame(TEXT, b"still there");
    assert_eq!(open.receive_frame(), (TEXT, b"still there".to_vec()));
}

#[test]
fn close_handshake_timeout_bounds_how_long_a_closing_connection_stays_open() {
    let closing = |options: &str| {
        let testee = Testee::with(options);
        let mut peer = testee.open();
        peer.send_frame(0x83, b"");
        assert_eq!(peer.receive_frame(), (CLOSE, b"\x03\xea".to_vec()));
        let mut stream = peer.into_stream();
        stream.receive_end();
        (testee, stream)
    };
    let (_testee, mut default) = closing("");
    let (_testee, mut long) = closing(r#""close_handshake_timeout": 600000"#);
    // A closed router socket answers an octet with a reset, after which a later write fails.
    wait_for("the end after one second", || (!default.is_open_for_writing()).then_some(()));
    // For longer than the default timeout of one second.
    for _ in 0..3 {
        sleep(Duration::from_millis(500));
        assert!(long.is_open_for_writing());
    }
}

#[test]
fn validate_utf8_false_accepts_any_text() {
    let testee = Testee::with(r#""validate_utf8": false"#);
    let mut peer = testee.open();
    peer.send_frame(TEXT, b"\xff\xfe");
    assert_eq!(peer.receive_frame(), (TEXT, b"\xff\xfe".to_vec()));
}

#[test]
fn mask_server_frames_masks_frames_of_the_server() {
    let testee = Testee::with(r#""mask_server_frames": true"#);
    let mut peer = testee.open();
    peer.send_frame(TEXT, b"hi");
    let [TEXT, 0x82, mask @ .., h, i] = &peer.receive_raw(8)[..] else { panic!("no masked frame") };
    assert_eq!([h ^ mask[0], i ^ mask[1]], *b"hi");
    assert_ne!(mask, [0; 4]);
}

#[test]
fn require_masked_client_frames_false_accepts_unmasked_frames() {
    let testee = Testee::with(r#""require_masked_client_frames": false"#);
    let mut peer = testee.open();
    peer.send_raw(b"\x81\x02hi");
    assert_eq!(peer.receive_frame(), (TEXT, b"hi".to_vec()));
}

#[test]
fn apply_mask_false_leaves_payloads_unmasked() {
    let testee = Testee::with(r#""apply_mask": false, "mask_server_frames": true"#);
    let mut peer = testee.open();
    peer.send_raw(b"\x81\x82\x01\x02\x03\x04hi");
    assert_eq!(peer.receive_raw(8), b"\x81\x82\0\0\0\0hi");
}

#[test]
fn max_frame_size_and_max_message_size_apply_separately() {
    let testee = Testee::with(r#""max_frame_size": 4, "max_message_size": 8"#);
    let mut peer = testee.open();
    peer.send_frame(0x01, b"1234");
    peer.send_frame(CONTINUATION, b"5678");
    assert_eq!(peer.receive_frame(), (TEXT, b"12345678".to_vec()));
    peer.send_frame(TEXT, b"12345");
    assert_eq!(peer.receive_close(), Some(1009));
    let mut peer = testee.open();
    peer.send_frame(0x01, b"1234");
    peer.send_frame(0x00, b"5678");
    peer.send_frame(CONTINUATION, b"9");
    assert_eq!(peer.receive_close(), Some(1009));
}

#[test]
fn auto_fragment_size_fragments_messages_of_the_server() {
    let testee = Testee::with(r#""auto_fragment_size": 4"#);
    let mut peer = testee.open();
    peer.send_frame(BINARY, b"0123456789");
    for frame in [(0x02, &b"0123"[..]), (0x00, b"4567"), (CONTINUATION, b"89")] {
        assert_eq!(peer.receive_frame(), (frame.0, frame.1.to_vec()));
    }
    peer.send_frame(TEXT, b"0123");
    assert_eq!(peer.receive_frame(), (TEXT, b"0123".to_vec()));
}

#[test]
fn fail_by_drop_closes_without_a_close_frame() {
    let testee = Testee::with(r#""fail_by_drop": true"#);
    let mut peer = testee.open();
    peer.send_frame(0x83, b"");
    peer.into_stream().receive_end();
    let mut peer = testee.open();
    peer.send_frame(CLOSE, b"\x03\xe8");
    assert_eq!(peer.receive_close(), Some(1000), "a close frame is no error");
}

#[test]
fn echo_close_codereason_returns_the_reason_of_the_client() {
    for (options, answer) in
        [(r#""echo_close_codereason": true"#, &b"\x0f\xa0because"[..]), ("", b"\x0f\xa0")]
    {
        let testee = Testee::with(options);
        let mut peer = testee.open();
        peer.send_frame(CLOSE, b"\x0f\xa0because");
        assert_eq!(peer.receive_frame(), (CLOSE, answer.to_vec()));
    }
}

#[test]
fn client_that_does_not_answer_pings_is_dropped() {
    let testee = Testee::with(
        r#""auto_ping_interval": 1000, "auto_ping_timeout": 1000, "auto_ping_size": 20"#,
    );
    let mut peer = testee.open();
    for _ in 0..2 {
        let (first, payload) = peer.receive_frame();
        assert_eq!((first, payload.len()), (PING, 20));
        peer.send_frame(PONG, &payload);
    }
    let (first, _) = peer.receive_frame();
    assert_eq!(first, PING);
    peer.into_stream().receive_end();
}

#[test]
fn idle_client_is_pinged_every_interval() {
    const INTERVAL: Duration = Duration::from_secs(2);
    let testee = Testee::with(r#""auto_ping_interval": 2000, "auto_ping_timeout": 60000"#);
    let mut peer = testee.open();
    let mut shortest = Duration::MAX;
    let mut last_pong = None;
    // The shortest of several intervals, since the machine may be busy.
    for _ in 0..5 {
        let (first, payload) = peer.receive_frame();
        assert_eq!(first, PING);
        shortest = last_pong.map_or(shortest, |sent: Instant| shortest.min(sent.elapsed()));
        if shortest < INTERVAL * 3 / 2 {
            break;
        }
        peer.send_frame(PONG, &payload);
        last_pong = Some(Instant::now());
    }
    let around = INTERVAL / 2..INTERVAL * 3 / 2;
    assert!(around.contains(&shortest), "{shortest:?} between a pong and the next ping");
}

#[test]
fn auto_ping_restart_on_any_traffic_counts_traffic_as_a_pong() {
    let options = |restart, interval| {
        format!(
            r#""auto_ping_interval": {interval}, "auto_ping_timeout": 1000,
            "auto_ping_restart_on_any_traffic": {restart}"#
        )
    };
    // An interval so long that a busy machine does not make this peer idle.
    let testee = Testee::with(&options(true, 4_000));
    let mut busy = testee.open();
    for _ in 0..15 {
        busy.send_frame(TEXT, b"busy");
        assert_eq!(busy.receive_frame(), (TEXT, b"busy".to_vec()), "no ping");
        sleep(Duration::from_millis(300));
    }
    let testee = Testee::with(&options(false, 1_000));
    let mut busy = testee.open();
    let start = Instant::now();
    let mut pings = 0;
    loop {
        busy.send_frame(TEXT, b"busy");
        let head = busy.receive_raw(2);
        match head[..] {
            [] => break,
            [PING, 12] => pings += 1,
            [TEXT, 4] => {}
            _ => panic!("{head:02x?}"),
        }
        let length = head[1].into();
        busy.receive_raw(length);
        sleep(Duration::from_millis(50));
        assert!(start.elapsed() < TIMEOUT, "the connection is not dropped");
    }
    assert_eq!(pings, 1);
}
