//! Messages, pings and their limits in both framings.

use cloverleaf_transport::CloseReason;
use cloverleaf_wamp::websocket::MessageKind;
use cloverleaf_wamp::websocket::sender::{write_message, write_ping};

use crate::peer::{Item, LIMIT, Lab, rawsocket, websocket};

const MASK: [u8; 4] = [1, 2, 3, 4];

fn websocket_message(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_message(&mut out, kind, payload, Some(MASK));
    out
}

#[tokio::test]
async fn rawsocket_messages_have_a_length_prefix_in_both_directions() {
    let mut lab = Lab::open(rawsocket());
    lab.send(b"\x00\x00\x00\x05hello\x00\x00\x00\x00").await;
    assert_eq!(
        lab.outbound.push(Item::Answer(b"hi".to_vec())),
        cloverleaf_transport::Pushed::Queued
    );
    lab.expect(b"\x00\x00\x00\x02hi").await;
    assert_eq!(lab.record.lock().received, [(None, b"hello".to_vec()), (None, Vec::new())]);
}

#[tokio::test]
async fn websocket_messages_keep_their_kind_in_both_directions() {
    let mut lab = Lab::open(websocket());
    lab.send(&websocket_message(MessageKind::Text, b"text")).await;
    lab.send(&websocket_message(MessageKind::Binary, b"\xff")).await;
    let _ = lab.outbound.push(Item::Answer(b"hi".to_vec()));
    lab.expect(b"\x82\x02hi").await;
    let expected =
        [(Some(MessageKind::Text), b"text".to_vec()), (Some(MessageKind::Binary), vec![0xff])];
    assert_eq!(lab.record.lock().received, expected);
}

#[tokio::test]
async fn message_that_arrives_byte_by_byte_is_one_message() {
    for (framing, bytes) in [
        (rawsocket(), b"\x00\x00\x00\x05hello\x01\x00\x00\x00".to_vec()),
        (websocket(), {
            let mut bytes = websocket_message(MessageKind::Binary, b"hello");
            write_ping(&mut bytes, b"", Some(MASK));
            bytes
        }),
    ] {
        let mut lab = Lab::open(framing);
        for byte in bytes {
            lab.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        // The pong shows that everything before the ping was handled.
        let mut pong = [0];
        tokio::io::AsyncReadExt::read_exact(&mut lab.peer, &mut pong).await.expect("a pong");
        assert_eq!(lab.messages(), [b"hello".to_vec()]);
    }
}

#[tokio::test]
async fn bytes_read_behind_the_handshake_are_handled_first() {
    let mut early = *b"\x00\x00\x00\x05early\x00\x00\x00\x04la";
    let mut lab = Lab::with(rawsocket(), true, 64, &mut early);
    lab.send(b"te\x01\x00\x00\x00").await;
    lab.expect(b"\x02\x00\x00\x00").await;
    assert_eq!(lab.messages(), [b"early".to_vec(), b"late".to_vec()]);
}

#[tokio::test]
async fn rawsocket_ping_is_answered_with_its_payload() {
    let mut lab = Lab::open(rawsocket());
    lab.send(b"\x01\x00\x00\x04ping\x02\x00\x00\x01!").await;
    lab.expect(b"\x02\x00\x00\x04ping").await;
    assert_eq!(lab.messages(), Vec::<Vec<u8>>::new());
}

#[tokio::test]
async fn websocket_ping_is_answered_with_its_payload() {
    let mut lab = Lab::open(websocket());
    let mut ping = Vec::new();
    write_ping(&mut ping, b"ping", Some(MASK));
    lab.send(&ping).await;
    lab.expect(b"\x8a\x04ping").await;
}

#[tokio::test]
async fn rawsocket_frame_over_the_limit_ends_the_connection_before_it_is_read() {
    let mut lab = Lab::open(rawsocket());
    // 1,025 bytes announced, none sent.
    lab.send(b"\x00\x00\x04\x01").await;
    lab.expect_last(b"").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn websocket_frame_over_the_limit_gets_close_code_1009() {
    let mut lab = Lab::open(websocket());
    lab.send(&websocket_message(MessageKind::Binary, &[0; LIMIT + 1])).await;
    lab.expect_last(b"\x88\x02\x03\xf1").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn reserved_bits_end_the_connection() {
    let mut lab = Lab::open(rawsocket());
    lab.send(b"\x80\x00\x00\x00").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
    let mut lab = Lab::open(rawsocket());
    lab.send(b"\x07\x00\x00\x00").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn websocket_frame_without_a_mask_gets_close_code_1002() {
    let mut lab = Lab::open(websocket());
    lab.send(b"\x82\x02hi").await;
    lab.expect_last(b"\x88\x02\x03\xea").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn text_that_is_not_utf_8_gets_close_code_1007() {
    let mut lab = Lab::open(websocket());
    lab.send(&websocket_message(MessageKind::Text, b"\xff")).await;
    lab.expect_last(b"\x88\x02\x03\xef").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn item_over_the_limit_of_the_peer_is_replaced() {
    let mut lab = Lab::open(rawsocket());
    let _ = lab.outbound.push(Item::Answer(vec![0; LIMIT + 1]));
    lab.expect(b"\x00\x00\x00\x08too long").await;
}
