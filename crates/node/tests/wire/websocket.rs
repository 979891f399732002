//! WebSocket below the messages: handshakes, frames, pings, limits and closing.
//!
//! Spec: basic profile "WebSocket Transport".

use crate::router::{SMALL, router};
use crate::support::{
    CallPair, ClientStream, HELLO, RawPeer as _, WebSocketPeer, abort, upgrade_request,
};

const JSON: (&str, &str) = ("Sec-WebSocket-Protocol", "wamp.2.json");

/// First octets of frames: the final bit and an opcode.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A refusal with a text, without its date.
fn refused(status: u16, header: &str, text: &str) -> String {
    let length = text.len() + 1;
    format!(
        "{status}\ncontent-type: text/plain; charset=utf-8\n{header}content-length: {length}\n\n{text}\n"
    )
}

#[test]
fn handshake_response_matches_the_example_of_the_rfc() {
    let node = router();
    let answer = node.http().request(&upgrade_request("/ws", &[JSON]));
    let expected = "101\nupgrade: websocket\nconnection: Upgrade\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\
                    sec-websocket-protocol: wamp.2.json\n\n";
    assert_eq!(answer.to_string(), expected);
}

#[test]
fn invalid_handshake_is_refused_with_its_reason() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let (upgrade, version) = ("upgrade: websocket\n", "sec-websocket-version: 13\n");
    let no_upgrade =
        "this is a WebSocket endpoint: the request must have the header 'Upgrade: websocket'.";
    let version_13 = "this server speaks version 13 of the WebSocket protocol alone.";
    let connection = "a WebSocket handshake takes the header 'Connection: Upgrade'.";
    let key = "Sec-WebSocket-Key must stand once, with 16 bytes in base64.";
    let spoken = "Sec-WebSocket-Protocol must name one of wamp.2.json, wamp.2.msgpack, wamp.2.cbor, \
                  wamp.2.ubjson, wamp.2.json.batched, wamp.2.msgpack.batched, \
                  wamp.2.cbor.batched, wamp.2.ubjson.batched.";
    let json_alone = "Sec-WebSocket-Protocol must name one of wamp.2.json, wamp.2.json.batched.";
    let tokens = "Sec-WebSocket-Protocol must be a list of tokens.";
    let origin = "This origin may not connect.";
    let asking = |protocols| ("Sec-WebSocket-Protocol", protocols);
    let rows = [
        (upgrade_request("/strict", &[JSON, ("Upgrade", "")]), 426, upgrade, no_upgrade),
        (upgrade_request("/ws", &[JSON, ("Connection", "")]), 400, "", connection),
        (upgrade_request("/ws", &[JSON, ("Sec-WebSocket-Version", "7")]), 426, version, version_13),
        (upgrade_request("/ws", &[JSON, ("Sec-WebSocket-Version", "")]), 426, version, version_13),
        (upgrade_request("/ws", &[JSON, ("Sec-WebSocket-Key", "")]), 400, "", key),
        (upgrade_request("/ws", &[JSON, ("Sec-WebSocket-Key", "short")]), 400, "", key),
        (
            upgrade_request("/ws", &[JSON, ("Host", "")]),
            400,
            "",
            "a request takes one Host header.",
        ),
        (upgrade_request("/ws", &[]), 400, "", spoken),
        (upgrade_request("/ws", &[asking("chat, wamp.2.smile")]), 400, "", spoken),
        (upgrade_request("/ws", &[asking("wamp 2 json")]), 400, "", tokens),
        (upgrade_request("/strict", &[asking("wamp.2.cbor")]), 400, "", json_alone),
        (upgrade_request("/strict", &[JSON, ("Origin", "https://example.org")]), 403, "", origin),
        (upgrade_request("/strict", &[JSON, ("Origin", "null")]), 403, "", origin),
        (
            upgrade_request("/ws", &[JSON]).replace("GET", "POST"),
            405,
            "allow: GET\n",
            "a WebSocket handshake is a GET request.",
        ),
        (
            upgrade_request("/ws", &[JSON]).replace("HTTP/1.1", "HTTP/1.0"),
            505,
            "",
            "a WebSocket handshake takes HTTP/1.1.",
        ),
    ];
    for (request, status, header, text) in rows {
        let answer = node.http().request(&request);
        assert_eq!(answer.to_string(), refused(status, header, text), "to {request}");
        bystanders.call();
    }
}

#[test]
fn plain_get_request_gets_the_status_page() {
    let answer = router().http().get("/ws");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("server"), None);
    let text = answer.text();
    assert!(text.contains("Its subprotocols are wamp.2.json, wamp.2.msgpack"), "{text}");
}

#[test]
fn allowed_origin_may_connect() {
    let node = router();
    for origin in ["https://app.example.com", ""] {
        let answer = node.http().request(&upgrade_request("/strict", &[JSON, ("Origin", origin)]));
        assert_eq!(answer.status, 101, "for '{origin}'");
    }
}

#[test]
fn first_supported_subprotocol_of_the_client_is_selected() {
    let node = router();
    let offer = ("Sec-WebSocket-Protocol", "chat, wamp.2.cbor, wamp.2.json");
    for (path, chosen) in [("/ws", "wamp.2.cbor"), ("/strict", "wamp.2.json")] {
        let answer = node.http().request(&upgrade_request(path, &[offer]));
        assert_eq!(answer.header("sec-websocket-protocol"), Some(chosen));
    }
}

#[test]
fn websocket_transport_accepts_connections_at_every_path() {
    let node = router();
    let [address] = node.addresses("websocket")[..] else { panic!("{node:?}") };
    for path in ["/", "/anything/at?all"] {
        WebSocketPeer::open(ClientStream::tcp(address), path, "wamp.2.json").join();
    }
}

#[test]
fn invalid_frame_is_answered_by_its_close_code() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let rows: [(&str, u8, &[u8], u16); 14] = [
        ("a reserved bit", TEXT | 0x40, b"[]", 1002),
        ("another one", TEXT | 0x10, b"[]", 1002),
        ("an opcode without meaning", 0x83, b"[]", 1002),
        ("a control opcode without meaning", 0x8b, b"", 1002),
        ("a continuation of nothing", 0x80, b"[]", 1002),
        ("a ping in fragments", 0x09, b"", 1002),
        ("a ping that is too long", PING, &[b'x'; 126], 1002),
        ("half a close code", CLOSE, b"\x03", 1002),
        ("a close code that may not be sent", CLOSE, b"\x03\xed", 1002),
        ("an invalid close code", CLOSE, b"\x00\x01", 1002),
        ("a close reason that is no text", CLOSE, b"\x03\xe8\xff", 1007),
        ("text that is not UTF-8", TEXT, b"[\"\xff\"]", 1007),
        ("text that ends within a character", TEXT, b"[\"\xe2\x82", 1007),
        ("text with half a surrogate pair", TEXT, b"[\"\xed\xa0\x80\"]", 1007),
    ];
    for (what, first, payload, code) in rows {
        let mut peer = node.websocket("wamp.2.json");
        peer.join();
        peer.send_frame(first, payload);
        assert_eq!(peer.receive_close(), Some(code), "{what}");
        bystanders.call();
    }
}

#[test]
fn unmasked_frames_and_wrong_length_encodings_are_answered_by_1002() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let rows: [(&str, &[u8]); 4] = [
        ("without a mask", b"\x81\x02[]"),
        ("a length of 16 bits that 7 would hold", b"\x81\xfe\x00\x02\0\0\0\0[]"),
        ("a length of 64 bits that 16 would hold", b"\x81\xff\0\0\0\0\0\0\x00\x02\0\0\0\0[]"),
        ("a length with the highest bit", b"\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
    ];
    for (what, octets) in rows {
        let mut peer = node.websocket("wamp.2.json");
        peer.join();
        peer.send_raw(octets);
        assert_eq!(peer.receive_close(), Some(1002), "{what}");
        bystanders.call();
    }
}

#[test]
fn message_over_the_limit_is_answered_by_1009_before_its_payload_arrives() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    let open = || {
        let mut peer = WebSocketPeer::open(node.http().into_stream(), "/small", "wamp.2.json");
        peer.join();
        peer
    };
    let mut peer = open();
    peer.send_frame(TEXT, &[b' '; SMALL]);
    assert!(peer.receive().starts_with("[3,"), "spaces are no message");
    peer.receive_end();

    // First a head without a payload. Then a message of two frames, each of which is short enough.
    let head = b"\x81\xfe\x04\x01\0\0\0\0";
    let mut peer = open();
    peer.send_raw(head);
    assert_eq!(peer.receive_close(), Some(1009));
    let mut peer = open();
    peer.send_frame(0x01, &[b' '; SMALL]);
    peer.send_frame(0x80, b" ");
    assert_eq!(peer.receive_close(), Some(1009));

    // A length that exceeds every memory.
    let mut peer = node.websocket("wamp.2.json");
    peer.join();
    peer.send_raw(b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0");
    assert_eq!(peer.receive_close(), Some(1009));
    bystanders.call();
}

#[test]
fn pings_may_arrive_between_fragments_of_a_message() {
    let node = router();
    let mut peer = node.websocket("wamp.2.json");
    let (begin, end) = HELLO.split_at(10);
    let (middle, end) = end.split_at(10);
    peer.send_frame(0x01, begin.as_bytes());
    peer.send_frame(PING, b"between");
    peer.send_frame(0x00, middle.as_bytes());
    peer.send_frame(0x00, b"");
    peer.send_frame(0x80, end.as_bytes());
    assert_eq!(peer.receive_frame(), (PONG, b"between".to_vec()));
    let welcome = peer.receive();
    assert!(welcome.starts_with("[2,"), "{welcome}");
}

#[test]
fn new_message_before_the_final_fragment_is_answered_by_1002() {
    let node = router();
    let mut peer = node.websocket("wamp.2.json");
    peer.join();
    peer.send_frame(0x01, b"[48,");
    peer.send_frame(TEXT, b"[]");
    assert_eq!(peer.receive_close(), Some(1002));
}

#[test]
fn pong_repeats_the_payload_of_the_ping() {
    let node = router();
    let mut peer = node.websocket("wamp.2.json");
    for payload in [b"".as_slice(), b"\x00\xffping", &[7; 125]] {
        peer.send_frame(PING, payload);
        assert_eq!(peer.receive_frame(), (PONG, payload.to_vec()));
    }
    peer.send_frame(PONG, b"unsolicited");
    peer.join();
}

#[test]
fn json_uses_text_messages_and_other_serializers_use_binary_messages() {
    let node = router();
    let text = "the message is not well-formed at byte 0: JSON goes in text messages, everything else in binary ones";
    let mut peer = node.websocket("wamp.2.json");
    peer.send_frame(BINARY, HELLO.as_bytes());
    assert_eq!(peer.receive(), abort("wamp.error.protocol_violation", text));
    peer.receive_end();

    let mut peer = node.websocket("wamp.2.cbor");
    peer.send_frame(TEXT, b"\x83");
    peer.receive_close();
    let mut peer = node.websocket("wamp.2.cbor");
    peer.send_frame(TEXT, b"\x03");
    assert!(peer.receive_octets().ends_with(b"wamp.error.protocol_violation"));
    peer.receive_end();
}

#[test]
fn client_abort_is_answered_by_close_code_1000_alone() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for has_joined in [false, true] {
        let mut peer = node.websocket("wamp.2.json");
        if has_joined {
            peer.join();
        }
        peer.send(r#"[3,{},"wamp.close.normal"]"#);
        assert_eq!(peer.receive_close(), Some(1000), "joined: {has_joined}");
        bystanders.call();
    }
}

#[test]
fn close_frame_is_answered_by_its_own_code_or_1000() {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for (payload, code) in
        [(b"".as_slice(), 1000), (b"\x03\xe8", 1000), (b"\x03\xe9going", 1001), (b"\x0f\xa0", 4000)]
    {
        let mut peer = node.websocket("wamp.2.json");
        peer.join();
        peer.send_frame(CLOSE, payload);
        let (first, answer) = peer.receive_frame();
        let answered = answer.first_chunk().map(|code| u16::from_be_bytes(*code));
        assert_eq!((first, answered), (CLOSE, Some(code)));
        bystanders.call();
    }
}
