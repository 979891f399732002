//! Options of WebSocket servers that deviate from RFC 6455.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloverleaf_transport::limits::CLOSING_TIMEOUT;
use cloverleaf_transport::{CloseReason, Framing, Stream, WebSocketServerOptions};
use cloverleaf_wamp::websocket::sender::{write_close, write_message};
use cloverleaf_wamp::websocket::{CloseCode, CloseFrame, Limits, MessageKind};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::peer::{Item, LIMIT, Lab};

const MASK: [u8; 4] = [1, 2, 3, 4];
const MOMENT: Duration = Duration::from_millis(10);

fn with(options: WebSocketServerOptions) -> Framing {
    Framing::serving(Limits { max_message: LIMIT, max_frame: LIMIT }, options, None)
}

fn masked(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_message(&mut out, kind, payload, Some(MASK));
    out
}

/// The mask and the unmasked payload of a message of two bytes.
async fn masked_answer(lab: &mut Lab) -> ([u8; 4], [u8; 2]) {
    let mut frame = [0; 8];
    lab.peer.read_exact(&mut frame).await.expect("a frame");
    let [0x82, 0x82, a, b, c, d, x, y] = frame else { panic!("{frame:02x?}") };
    ([a, b, c, d], [x ^ a, y ^ b])
}

#[tokio::test]
async fn mask_option_masks_each_frame_anew() {
    let mut lab = Lab::open(with(WebSocketServerOptions {
        masks: true,
        ..WebSocketServerOptions::default()
    }));
    let mut masks = Vec::new();
    for _ in 0..4 {
        let _ = lab.outbound.push(Item::Answer(b"hi".to_vec()));
        let (mask, payload) = masked_answer(&mut lab).await;
        assert_eq!(payload, *b"hi");
        assert!(!masks.contains(&mask) && mask != [0; 4]);
        masks.push(mask);
    }
    lab.send(&masked(MessageKind::Binary, b"masked")).await;
    lab.send(b"\x82\x01x").await;
    let mut close = [0; 8];
    lab.peer.read_exact(&mut close).await.expect("a close");
    assert_eq!(close[..2], [0x88, 0x82], "clients must still mask");
    assert_eq!(lab.messages(), [b"masked".to_vec()]);
}

#[tokio::test]
async fn ignore_masks_option_leaves_payloads_as_they_are() {
    let options = WebSocketServerOptions {
        masks: true,
        ignores_masks: true,
        ..WebSocketServerOptions::default()
    };
    let mut lab = Lab::open(with(options));
    lab.send(b"\x82\x82\x01\x02\x03\x04hi").await;
    let _ = lab.outbound.push(Item::Answer(b"hi".to_vec()));
    assert_eq!(masked_answer(&mut lab).await, ([0; 4], *b"hi"));
    assert_eq!(lab.messages(), [b"hi".to_vec()]);
}

#[tokio::test]
async fn unmasked_client_frames_are_accepted_if_configured() {
    let mut lab = Lab::open(with(WebSocketServerOptions {
        takes_unmasked: true,
        ..WebSocketServerOptions::default()
    }));
    lab.send(b"\x82\x02hi").await;
    lab.send(&masked(MessageKind::Binary, b"masked")).await;
    lab.send(b"\x89\x00").await;
    lab.expect(b"\x8a\x00").await;
    assert_eq!(lab.messages(), [b"hi".to_vec(), b"masked".to_vec()]);
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_accepted_if_configured() {
    let mut lab = Lab::open(with(WebSocketServerOptions {
        takes_any_text: true,
        ..WebSocketServerOptions::default()
    }));
    lab.send(&masked(MessageKind::Text, b"\xff")).await;
    lab.send(b"\x89\x80\0\0\0\0").await;
    lab.expect(b"\x8a\x00").await;
    assert_eq!(lab.record.lock().received, [(Some(MessageKind::Text), vec![0xff])]);
}

#[tokio::test]
async fn messages_are_fragmented_to_the_configured_size() {
    let options = WebSocketServerOptions {
        fragment_size: NonZeroUsize::new(3),
        ..WebSocketServerOptions::default()
    };
    let mut lab = Lab::open(with(options));
    for message in [&b"Hello"[..], b"abc", b""] {
        let _ = lab.outbound.push(Item::Answer(message.to_vec()));
    }
    lab.expect(b"\x02\x03Hel\x80\x02lo\x82\x03abc\x82\x00").await;
}

#[tokio::test]
async fn faulty_peer_is_dropped_without_a_close_frame_if_configured() {
    let mut lab = Lab::open(with(WebSocketServerOptions {
        drops_faulty: true,
        ..WebSocketServerOptions::default()
    }));
    lab.send(b"\x83\x80\0\0\0\0").await;
    lab.expect_last(b"").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
    // A correct peer gets the Close frame.
    let mut lab = Lab::open(with(WebSocketServerOptions {
        drops_faulty: true,
        ..WebSocketServerOptions::default()
    }));
    lab.outbound.close(CloseCode::NORMAL, "enough");
    lab.expect_last(b"\x88\x02\x03\xe8").await;
}

#[tokio::test]
async fn close_is_answered_with_its_reason_if_configured() {
    for (echoes_reason, answer) in
        [(true, &b"\x88\x05\x0f\xa0bye"[..]), (false, b"\x88\x02\x0f\xa0")]
    {
        let mut lab = Lab::open(with(WebSocketServerOptions {
            echoes_reason,
            ..WebSocketServerOptions::default()
        }));
        let mut close = Vec::new();
        let code = CloseCode::new(4000).expect("an application's code");
        write_close(&mut close, Some(CloseFrame { code, reason: "bye" }), Some(MASK));
        lab.send(&close).await;
        lab.expect_last(answer).await;
        assert_eq!(lab.end().await, CloseReason::ByPeer);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_connection_waits_for_the_configured_time() {
    let long = 5 * CLOSING_TIMEOUT;
    for (closing_timeout, time) in [(Some(long), long), (None, CLOSING_TIMEOUT)] {
        let mut lab = Lab::open(with(WebSocketServerOptions {
            closing_timeout,
            ..WebSocketServerOptions::default()
        }));
        lab.outbound.close(CloseCode::NORMAL, "enough");
        lab.expect(b"\x88\x02\x03\xe8").await;
        sleep(time - MOMENT).await;
        assert!(!lab.has_ended());
        sleep(2 * MOMENT).await;
        assert!(lab.has_ended());
    }
}

#[tokio::test]
async fn tcp_nodelay_can_be_disabled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let stream = Stream::tcp(TcpStream::connect(address).await.expect("connected"));
    let stream = stream.expect("a stream");
    let is_nodelay = |stream: &Stream| match stream {
        Stream::Tcp(socket) => socket.nodelay().expect("an option"),
        other => panic!("{other:?}"),
    };
    assert!(is_nodelay(&stream));
    stream.set_nodelay(false).expect("an option");
    assert!(!is_nodelay(&stream));
}
