//! Malformed JSON, MessagePack, CBOR and UBJSON: truncated values, reserved octets, false lengths,
//! and deep nesting. Each gets ABORT in its own format at once.

use crate::router::router;
use crate::support::{
    CBOR, CallPair, HELLO, JSON, MSGPACK, NodeProcess, RawPeer, RawSocketPeer, UBJSON,
};

const VIOLATION: &str = "wamp.error.protocol_violation";

/// A nesting depth that would overflow the stack of a recursive parser.
const DEPTH: usize = 100_000;

/// `[3, {"message": text}, reason]`.
fn abort(serializer: u8, text: &str) -> Vec<u8> {
    let head: &[u8] = match serializer {
        JSON => return crate::support::abort(VIOLATION, text).into_bytes(),
        MSGPACK => b"\x93\x03\x81",
        UBJSON => return ubjson_abort(text),
        _ => b"\x83\x03\xa1",
    };
    let mut octets = head.to_vec();
    for text in ["message", text, VIOLATION] {
        let length = text.len() as u8;
        match (serializer, length) {
            (MSGPACK, ..32) => octets.push(0xa0 | length),
            (MSGPACK, _) => octets.extend([0xd9, length]),
            (_, ..24) => octets.push(0x60 | length),
            (_, _) => octets.extend([0x78, length]),
        }
        octets.extend_from_slice(text.as_bytes());
    }
    octets
}

fn ubjson_abort(text: &str) -> Vec<u8> {
    let sized = |text: &str| [&[b'U', text.len() as u8], text.as_bytes()].concat();
    let (key, text, reason) = (sized("message"), sized(text), sized(VIOLATION));
    [b"[U\x03{", &key[..], b"S", &text[..], b"}S", &reason[..], b"]"].concat()
}

/// HELLO to `realm1` with the role caller.
fn hello(serializer: u8) -> &'static [u8] {
    match serializer {
        JSON => HELLO.as_bytes(),
        MSGPACK => b"\x93\x01\xa6realm1\x81\xa5roles\x81\xa6caller\x80",
        UBJSON => b"[U\x01SU\x06realm1{U\x05roles{U\x06caller{}}}]",
        _ => b"\x83\x01\x66realm1\xa1\x65roles\xa1\x66caller\xa0",
    }
}

fn nested(before: &[u8], open: &[u8], after: &[u8]) -> Vec<u8> {
    [before, &open.repeat(DEPTH), after].concat()
}

fn ends_after(bytes: usize) -> String {
    format!("the message ends inside a value, after {bytes} bytes")
}

fn malformed(offset: usize, what: &str) -> String {
    format!("the message is not well-formed at byte {offset}: {what}")
}

fn not_utf8(offset: usize) -> String {
    format!("text at byte {offset} is not UTF-8")
}

fn trailing(offset: usize) -> String {
    format!("bytes follow the end of the message at byte {offset}")
}

fn too_deep() -> String {
    "values are nested deeper than 128 levels".to_owned()
}

/// A serializer, the octets of a message, and the text of the expected ABORT.
type AbortCase = (u8, Vec<u8>, String);

fn json() -> Vec<AbortCase> {
    let value = "a value must come here";
    let deep_object = "a message must be a list that begins with an integer, its type";
    [
        (b"".to_vec(), ends_after(0)),
        (b"[48,1,{},\"com.example".to_vec(), ends_after(21)),
        (b"\x00\x01\x02".to_vec(), malformed(0, value)),
        (b"[48,1,{},\"com.example.p\"] []".to_vec(), trailing(26)),
        (b"[48,1,{},\"com.example.p\",[1,]]".to_vec(), malformed(28, value)),
        (b"[48,1,{},\"com.example.\xff\"]".to_vec(), not_utf8(10)),
        (b"[48,1,{},\"com.example.p\",[\"\xff\"]]".to_vec(), not_utf8(27)),
        (
            b"[48,1,{},\"com.example.\\ud800\"]".to_vec(),
            "CALL: 'Procedure' must be a string without unpaired surrogates".to_owned(),
        ),
        (nested(b"[48,1,{},\"com.example.p\",", b"[", b"]"), too_deep()),
        (nested(b"[48,1,{\"x\":", b"[", b"]"), too_deep()),
        (nested(b"", b"{\"a\":", b""), deep_object.to_owned()),
    ]
    .map(|(octets, text)| (JSON, octets, text))
    .to_vec()
}

fn msgpack() -> Vec<AbortCase> {
    let never = "the byte 0xc1 is never used";
    [
        (b"".to_vec(), ends_after(0)),
        (b"\x94\x30\x01\x80".to_vec(), ends_after(4)),
        (b"\xc1".to_vec(), malformed(0, never)),
        (b"\x95\x30\x01\x80\xa1p\x91\xc1".to_vec(), malformed(7, never)),
        (b"\x94\x30\x01\x80\xa1\xff".to_vec(), not_utf8(5)),
        (b"\x94\x30\x01\x80\xa1p\x00".to_vec(), trailing(6)),
        // A list, a list of arguments, a binary and a dictionary, each of 2^32 - 1 elements.
        (b"\xdd\xff\xff\xff\xff\x30".to_vec(), ends_after(6)),
        (b"\x95\x30\x01\x80\xa1p\xdd\xff\xff\xff\xff".to_vec(), ends_after(11)),
        (b"\x95\x30\x01\x80\xa1p\x91\xc6\xff\xff\xff\xff\x00".to_vec(), ends_after(13)),
        (b"\x96\x30\x01\x80\xa1p\x90\xdf\xff\xff\xff\xff".to_vec(), ends_after(12)),
        (nested(b"\x95\x30\x01\x80\xa1p", b"\x91", b"\x90"), too_deep()),
        (nested(b"\x94\x30\x01\x81\xa1x", b"\x91", b"\x90"), too_deep()),
    ]
    .map(|(octets, text)| (MSGPACK, octets, text))
    .to_vec()
}

fn cbor() -> Vec<AbortCase> {
    let reserved = "reserved additional information";
    [
        (b"".to_vec(), ends_after(0)),
        (b"\x84\x18\x30\x01\xa0".to_vec(), ends_after(5)),
        (b"\x1c".to_vec(), malformed(0, reserved)),
        (b"\xff".to_vec(), malformed(0, "a break with nothing to end")),
        (b"\x85\x18\x30\x01\xa0\x61p\x81\x1e".to_vec(), malformed(8, reserved)),
        (b"\x84\x18\x30\x01\xa0\x61\xff".to_vec(), not_utf8(6)),
        (b"\x84\x18\x30\x01\xa0\x61p\x00".to_vec(), trailing(7)),
        // A list, a text and a list of arguments, each of up to 2^64 - 1 elements.
        (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x18\x30".to_vec(), ends_after(11)),
        (b"\x84\x18\x30\x01\xa0\x7b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(), ends_after(14)),
        (b"\x85\x18\x30\x01\xa0\x61p\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), ends_after(16)),
        (nested(b"\x85\x18\x30\x01\xa0\x61p", b"\x81", b"\x80"), too_deep()),
        (nested(b"\x85\x18\x30\x01\xa0\x61p", b"\x9f", b"\xff"), too_deep()),
    ]
    .map(|(octets, text)| (CBOR, octets, text))
    .to_vec()
}

fn ubjson() -> Vec<AbortCase> {
    let value = "a value must come here";
    let length = "a length must come here";
    let negative = "a length must not be negative";
    let bodiless = "too many entries without bytes of their own";
    let bjdata =
        "byte 3 is of BJData, and this session speaks UBJSON, whose numbers are big-endian";
    [
        (b"".to_vec(), ends_after(0)),
        (b"[U\x30U\x01{}".to_vec(), ends_after(7)),
        (b"\xff".to_vec(), malformed(0, value)),
        (b"[U\x30U\x01{}Cp[x]]".to_vec(), malformed(10, value)),
        (b"[U\x30U\x01{SU\x01aT}Cp]".to_vec(), malformed(6, length)),
        (b"[U\x30U\x01{}Si\xffp]".to_vec(), malformed(8, negative)),
        (b"[U\x30U\x01{}SU\x01\xff]".to_vec(), not_utf8(10)),
        (b"[U\x30U\x01{}Cp[C\xff]]".to_vec(), not_utf8(11)),
        (b"[U\x30U\x01{}Cp]Z".to_vec(), trailing(10)),
        // Lists and a map of up to 2^63 - 1 entries. The entries of the last list take no bytes.
        (b"[#L\x7f\xff\xff\xff\xff\xff\xff\xffU\x30".to_vec(), ends_after(13)),
        (b"[U\x30U\x01{}Cp[$i#l\x7f\xff\xff\xff\x01".to_vec(), ends_after(19)),
        (b"[U\x30U\x01{}Cp[]{#l\x7f\xff\xff\xff".to_vec(), ends_after(18)),
        (b"[U\x30U\x01{}Cp[$Z#l\x7f\xff\xff\xff]".to_vec(), malformed(13, bodiless)),
        (b"[U\x30m\x01\x00\x00\x00{}Cp]".to_vec(), bjdata.to_owned()),
        (nested(b"[U\x30U\x01{}Cp", b"[", b"]"), too_deep()),
        (nested(b"[U\x30U\x01{}Cp[", b"$[#U\x01", b"]"), too_deep()),
        (nested(b"[U\x30U\x01{U\x01x", b"[", b"]"), too_deep()),
    ]
    .map(|(octets, text)| (UBJSON, octets, text))
    .to_vec()
}

fn each_is_aborted(rows: Vec<AbortCase>, open: fn(&NodeProcess, u8) -> Box<dyn RawPeer>) {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for (serializer, octets, text) in rows {
        let shown = octets[..octets.len().min(60)].escape_ascii();
        let mut peer = open(&node, serializer);
        peer.send_octets(hello(serializer));
        peer.receive_octets();
        peer.send_octets(&octets);
        let answer = peer.receive_octets();
        assert_eq!(
            answer.escape_ascii().to_string(),
            abort(serializer, &text).escape_ascii().to_string(),
            "to '{shown}'"
        );
        peer.receive_end();
        bystanders.call();
    }
}

fn rawsocket(node: &NodeProcess, serializer: u8) -> Box<dyn RawPeer> {
    Box::new(RawSocketPeer::open(node.tcp(), serializer))
}

fn websocket(node: &NodeProcess, serializer: u8) -> Box<dyn RawPeer> {
    let subprotocol = match serializer {
        JSON => "wamp.2.json",
        MSGPACK => "wamp.2.msgpack",
        UBJSON => "wamp.2.ubjson",
        _ => "wamp.2.cbor",
    };
    Box::new(node.websocket(subprotocol))
}

#[test]
fn malformed_json_over_rawsocket_is_aborted() {
    each_is_aborted(json(), rawsocket);
}

/// Text messages of a WebSocket are already known to be UTF-8.
#[test]
fn malformed_json_over_websocket_is_aborted() {
    let rows = json().into_iter().filter(|(_, octets, _)| str::from_utf8(octets).is_ok());
    each_is_aborted(rows.collect(), websocket);
}

#[test]
fn malformed_msgpack_is_aborted() {
    each_is_aborted(msgpack(), rawsocket);
    each_is_aborted(msgpack(), websocket);
}

#[test]
fn malformed_cbor_is_aborted() {
    each_is_aborted(cbor(), rawsocket);
    each_is_aborted(cbor(), websocket);
}

#[test]
fn malformed_ubjson_is_aborted() {
    each_is_aborted(ubjson(), rawsocket);
    each_is_aborted(ubjson(), websocket);
}
