//! Compressed messages of WebSocket sessions (permessage-deflate, RFC 7692).

use cloverleaf_wamp::websocket::deflate::{Deflater, Inflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::{
    WebSocketLimits, WebSocketMessage, WebSocketReceiver, WebSocketRole,
};

use crate::router::CLOVERLEAF;
use crate::support::{CallPair, HELLO, NodeProcess, WebSocketPeer, upgrade_request};

const JSON: &str = "wamp.2.json";
const OFFER: &str = "Sec-WebSocket-Extensions";
const ANSWER: &str = "sec-websocket-extensions";

/// The message limit in bytes.
const LIMIT: usize = 20_000;

/// The first octets of compressed and uncompressed text messages.
const COMPRESSED: u8 = 0xc1;
const PLAIN: u8 = 0x81;

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}
  ]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, "paths": {
      "plain": {"type": "websocket"},
      "ws": {"type": "websocket", "options": {"max_message_size": 20000,
        "compression": {"deflate": {}}}},
      "sparing": {"type": "websocket", "options": {"compression": {"deflate": {
        "request_no_context_takeover": true, "request_max_window_bits": 9,
        "no_context_takeover": true, "max_window_bits": 10, "memory_level": 1}}}}
    }}]}]}"#;

/// A connection with compression, and the response to its offer.
struct DeflatePeer {
    socket: WebSocketPeer,
    answer: Option<String>,
    deflater: Deflater,
    receiver: WebSocketReceiver,
}

impl DeflatePeer {
    fn open(node: &NodeProcess, path: &str, offer: &str, keeps_context: bool) -> Self {
        let stream = node.http().into_stream();
        let (socket, response) = WebSocketPeer::open_with(stream, path, JSON, &[(OFFER, offer)]);
        let limits = WebSocketLimits { max_message: LIMIT, max_frame: LIMIT };
        let inflater = Inflater::new(keeps_context);
        Self {
            socket,
            answer: response.header(ANSWER).map(str::to_owned),
            deflater: Deflater::new(WindowBits::MIN, keeps_context, MemoryLevel::default()),
            receiver: WebSocketReceiver::new(WebSocketRole::Client, limits).with_inflater(inflater),
        }
    }

    fn join(node: &NodeProcess, path: &str, offer: &str, keeps_context: bool) -> Self {
        let mut session = Self::open(node, path, offer, keeps_context);
        session.send(HELLO);
        assert!(session.receive().1.starts_with("[2,"));
        session
    }

    /// Sends a compressed message.
    fn send(&mut self, message: &str) {
        let compressed = self.deflater.deflate(message.as_bytes()).expect("long enough");
        self.socket.send_frame(COMPRESSED, &compressed);
    }

    /// Receives a message and returns the first octet of its frame and its text.
    fn receive(&mut self) -> (u8, String) {
        let (first, payload) = self.socket.receive_frame();
        let mut frame = vec![first, 126];
        frame.extend((payload.len() as u16).to_be_bytes());
        if payload.len() < 126 {
            frame = vec![first, payload.len() as u8];
        }
        frame.extend(payload);
        match self.receiver.receive(&mut &mut frame[..]) {
            Ok(Some(WebSocketMessage::Text(text))) => (first, text.to_owned()),
            other => panic!("no text came, but {other:?}"),
        }
    }
}

fn node() -> NodeProcess {
    NodeProcess::start(CLOVERLEAF, CONFIG)
}

#[test]
fn messages_are_compressed_when_configured_and_offered_by_the_client() {
    let node = node();
    for (path, offer, answer, keeps_context) in [
        ("/ws", "permessage-deflate", "permessage-deflate", true),
        (
            "/ws",
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=8",
            true,
        ),
        (
            "/sparing",
            "permessage-deflate; server_max_window_bits=7, permessage-deflate, \
             permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=9",
            false,
        ),
    ] {
        let mut session = DeflatePeer::join(&node, path, offer, keeps_context);
        assert_eq!(session.answer.as_deref(), Some(answer), "to {offer}");
        // An event passes the router in both directions.
        let words = "many words ".repeat(500);
        session.send(&format!(r#"[32,1,{{}},"com.example.topic"{}]"#, " ".repeat(40)));
        let (first, subscribed) = session.receive();
        assert_eq!(first, PLAIN, "{subscribed} is too short to be compressed");
        for _ in 0..2 {
            let options = r#"{"exclude_me":false}"#;
            session.send(&format!(r#"[16,2,{options},"com.example.topic",["{words}"]]"#));
            let (first, event) = session.receive();
            assert_eq!(first, COMPRESSED);
            assert!(event.ends_with(&format!(r#",{{}},["{words}"]]"#)), "{event}");
        }
    }
}

#[test]
fn messages_are_not_compressed_without_an_acceptable_offer() {
    let node = node();
    for (path, offer) in [
        ("/plain", "permessage-deflate"),
        ("/ws", ""),
        ("/ws", "x-webkit-deflate-frame"),
        ("/ws", "permessage-deflate; server_max_window_bits=16"),
        ("/sparing", "permessage-deflate"),
    ] {
        let mut session = DeflatePeer::open(&node, path, offer, true);
        assert_eq!(session.answer, None, "to {offer} at {path}");
        session.socket.send_frame(PLAIN, HELLO.as_bytes());
        assert_eq!(session.receive().0, PLAIN);
        session.send(HELLO);
        assert_eq!(session.socket.receive_close(), Some(1002), "a reserved bit");
    }
}

#[test]
fn malformed_extensions_header_is_refused() {
    let node = node();
    let headers = [("Sec-WebSocket-Protocol", JSON), (OFFER, "permessage-deflate; =")];
    let answer = node.http().request(&upgrade_request("/ws", &headers));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "Sec-WebSocket-Extensions must be a list of extensions.\n");
    assert_eq!(
        node.http().request(&upgrade_request("/plain", &headers)).status,
        101,
        "the header is ignored"
    );
}

#[test]
fn message_that_inflates_beyond_the_limit_is_answered_by_1009_and_affects_no_other() {
    let node = node();
    let mut bystanders = CallPair::connect(&node);
    let mut session = DeflatePeer::join(&node, "/ws", "permessage-deflate", true);
    let just = "[".to_owned() + &" ".repeat(LIMIT - 2) + "]";
    session.send(&just);
    assert!(session.receive().1.starts_with("[3,"), "spaces are no message");

    for length in [LIMIT + 1, 100 * LIMIT] {
        let mut session = DeflatePeer::join(&node, "/ws", "permessage-deflate", true);
        session.send(&" ".repeat(length));
        assert_eq!(session.socket.receive_close(), Some(1009));
        bystanders.call();
    }
}

#[test]
fn invalid_compressed_frame_is_answered_by_its_close_code() {
    let node = node();
    let mut bystanders = CallPair::connect(&node);
    let rows: [(&str, u8, &[u8], u16); 5] = [
        ("an invalid block", COMPRESSED, b"\x07", 1007),
        ("a reference before the beginning", COMPRESSED, b"\xf2\x00\x11\x00\x00", 1007),
        ("text that is not UTF-8", COMPRESSED, b"\x00\x01\x00\xfe\xff\xff\x00", 1007),
        ("a compressed ping", 0xc9, b"", 1002),
        ("a compressed continuation", 0xc0, b"", 1002),
    ];
    for (what, first, payload, code) in rows {
        let mut session = DeflatePeer::open(&node, "/ws", "permessage-deflate", true);
        session.socket.send_frame(first, payload);
        assert_eq!(session.socket.receive_close(), Some(code), "{what}");
        bystanders.call();
    }
}
