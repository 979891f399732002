//! The two formats called "ubjson": UBJSON and BJData; `docs/decisions/traps.md#f17`.

use crate::router::router;
use crate::support::{ClientStream, NodeProcess, RawPeer as _, RawSocketPeer, UBJSON};

/// A HELLO whose octets are the same in BJData.
const HELLO: &[u8] =
    b"[U\x01SU\x06realm1{U\x05roles{U\x09publisher{}U\x0asubscriber{}U\x06caller{}}}]";

/// A HELLO with the number 300 as only BJData writes it.
const HELLO_OF_BJDATA: &[u8] = b"[U\x01SU\x06realm1{U\x05roles{U\x09publisher{}U\x0asubscriber{}}\
                                 U\x09authextra{U\x01nu\x2c\x01}}]";

/// The start of WELCOME, and the session id. The id takes eight bytes in all but one of a million
/// cases.
fn session_id(welcome: &[u8]) -> ([u8; 4], [u8; 8]) {
    let (head, rest) = welcome.split_first_chunk().expect("a message");
    (*head, *rest.first_chunk().expect("a number of eight bytes"))
}

fn assert_is_id(number: u64) {
    assert!((1..=1 << 53).contains(&number), "{number:#x}");
}

fn open(stream: ClientStream, hello: &[u8]) -> (RawSocketPeer, Vec<u8>) {
    let mut peer = RawSocketPeer::open(stream, UBJSON);
    peer.send_octets(hello);
    let welcome = peer.receive_octets();
    (peer, welcome)
}

/// A JSON session with a subscription to `com.a`.
fn subscriber(node: &NodeProcess) -> RawSocketPeer {
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{},"com.a"]"#);
    subscriber
}

#[test]
fn ubjson_is_big_endian_in_both_directions() {
    let node = router();
    let mut subscriber = subscriber(&node);
    let (mut peer, welcome) = open(node.tcp(), HELLO);
    let (head, id) = session_id(&welcome);
    assert_eq!(head, *b"[U\x02L");
    assert_is_id(u64::from_be_bytes(id));
    peer.send_octets(b"[U\x10U\x01{U\x0backnowledgeT}SU\x05com.a[D\x3f\xf8\0\0\0\0\0\0I\x01\x2c]]");
    assert!(peer.receive_octets().starts_with(b"[U\x11U\x01L"), "PUBLISHED");
    let event = subscriber.receive();
    assert!(event.ends_with(",{},[1.5,300]]"), "{event}");
}

#[test]
fn peer_whose_hello_can_only_be_bjdata_gets_bjdata() {
    let node = router();
    let mut subscriber = subscriber(&node);
    let (mut peer, welcome) = open(node.tcp(), HELLO_OF_BJDATA);
    let (head, id) = session_id(&welcome);
    assert_eq!(head, *b"[U\x02M");
    assert_is_id(u64::from_le_bytes(id));
    // Every number of this message could be UBJSON, too.
    peer.send_octets(b"[U\x10U\x01{}SU\x05com.a[D\0\0\0\0\0\0\xf8\x3fI\xd4\xfe]]");
    let event = subscriber.receive();
    assert!(event.ends_with(",{},[1.5,-300]]"), "{event}");
}

#[test]
fn bjdata_transport_uses_bjdata_from_the_first_message() {
    let node = router();
    let mut subscriber = subscriber(&node);
    let stream = ClientStream::unix(&node.directory().path().join("bjdata.sock"));
    let (mut peer, welcome) = open(stream, HELLO);
    let (head, id) = session_id(&welcome);
    assert_eq!(head, *b"[U\x02M");
    assert_is_id(u64::from_le_bytes(id));
    peer.send_octets(b"[U\x10U\x01{}SU\x05com.a[h\x00\x3eu\x2c\x01[$B#U\x03\0\x01\x02]]");
    let event = subscriber.receive();
    assert!(event.ends_with(r#",{},[1.5,300,"\u0000AAEC"]]"#), "{event}");
}

/// The router may have read earlier ambiguous numbers as UBJSON, so the session must not continue.
#[test]
fn bjdata_on_an_open_ubjson_session_is_aborted() {
    let node = router();
    let (mut peer, _) = open(node.tcp(), HELLO);
    peer.send_octets(b"[U\x30u\x2c\x01{}SU\x05com.a]");
    let abort = peer.receive_octets();
    let text = b"byte 3 is of BJData, and this session speaks UBJSON, whose numbers are big-endian";
    let expected = [
        b"[U\x03{U\x07messageSU",
        &[text.len() as u8][..],
        text,
        b"}SU\x1dwamp.error.protocol_violation]",
    ]
    .concat();
    assert_eq!(abort.escape_ascii().to_string(), expected.escape_ascii().to_string());
    peer.receive_end();
}

/// The format is still open, so the ABORT has the error of UBJSON.
#[test]
fn hello_that_is_neither_ubjson_nor_bjdata_is_aborted() {
    let node = router();
    let (mut peer, abort) = open(node.tcp(), b"[U\x01SU\x06realm1{U\x01xu\x2c\x01]");
    assert!(abort.starts_with(b"[U\x03{U\x07messageSU"), "{}", abort.escape_ascii());
    peer.receive_end();
}
