//! Compressed messages on a connection: there and back, and what they may cost.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use cloverleaf_transport::limits::SHAPED_PER_TURN;
use cloverleaf_transport::{CloseReason, Framing, Manners};
use cloverleaf_wamp::websocket::deflate::negotiation::{Wishes, negotiate};
use cloverleaf_wamp::websocket::deflate::{Agreement, Deflater, Inflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::sender::Shape;
use cloverleaf_wamp::websocket::{Incoming, Limits, MessageKind, Receiver, Role};
use tokio::io::AsyncReadExt;
use tokio::task::yield_now;

use crate::peer::{Item, LIMIT, Lab};

const MASK: [u8; 4] = [1, 2, 3, 4];
const MEBIBYTE: usize = 1024 * 1024;

fn agreement() -> Agreement {
    let offer = b"permessage-deflate".as_slice();
    negotiate([offer].into_iter(), &Wishes::default()).expect("a list").expect("accepted")
}

fn compressed(limit: usize) -> Framing {
    let limits = Limits { max_message: limit, max_frame: limit };
    Framing::serving(limits, Manners::default(), Some(&agreement()))
}

/// What a client writes.
fn client() -> Shape {
    let deflater = Deflater::new(WindowBits::MAX, true, MemoryLevel::default());
    Shape { deflater: Some(deflater), ..Shape::default() }
}

fn written(shape: &mut Shape, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    shape.write_message(&mut bytes, MessageKind::Binary, message, || Some(MASK));
    bytes
}

/// Reads so many messages as a client.
async fn receive(lab: &mut Lab, count: usize) -> Vec<Vec<u8>> {
    let limits = Limits { max_message: MEBIBYTE, max_frame: MEBIBYTE };
    let mut receiver = Receiver::new(Role::Client, limits).inflating(Inflater::new(true));
    let mut messages = Vec::new();
    let mut buffer = [0; 4096];
    while messages.len() < count {
        let read = lab.peer.read(&mut buffer).await.expect("bytes");
        assert!(read > 0, "the connection ended");
        let mut input = &mut buffer[..read];
        while let Some(incoming) = receiver.receive(&mut input).expect("no fault") {
            let Incoming::Binary(message) = incoming else { panic!("{incoming:?}") };
            messages.push(message.to_vec());
        }
    }
    messages
}

#[tokio::test]
async fn compressed_messages_come_and_go() {
    let mut lab = Lab::open(compressed(LIMIT));
    let mut shape = client();
    let messages = [vec![b'x'; LIMIT], b"short".to_vec(), vec![b'x'; LIMIT - 1]];
    for message in &messages {
        lab.send(&written(&mut shape, message)).await;
        let _ = lab.outbound.push(Item::Answer(message.clone()));
    }
    assert_eq!(receive(&mut lab, 3).await, messages);
    while lab.messages().len() < 3 {
        yield_now().await;
    }
    assert_eq!(lab.messages(), messages);
}

#[tokio::test]
async fn a_message_that_becomes_too_long_gets_close_code_1009() {
    let mut lab = Lab::open(compressed(LIMIT));
    lab.send(&written(&mut client(), &vec![0; 16 * MEBIBYTE])).await;
    lab.expect_last(b"\x88\x02\x03\xf1").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn a_message_that_is_no_deflate_gets_close_code_1007() {
    let mut lab = Lab::open(compressed(LIMIT));
    lab.send(b"\xc2\x81\0\0\0\0\x07").await;
    lab.expect_last(b"\x88\x02\x03\xef").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

/// A task beside a connection. Says how many bytes of messages the connection has moved, at most,
/// between two of the task's turns.
fn neighbour(lab: &Lab) -> Arc<AtomicUsize> {
    let most = Arc::new(AtomicUsize::new(0));
    let (kept, record) = (Arc::clone(&most), Arc::clone(&lab.record));
    let mut before = 0;
    tokio::spawn(poll_fn(move |context| {
        let bytes = record.lock().bytes;
        kept.fetch_max(bytes - before, Ordering::Relaxed);
        before = bytes;
        context.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    most
}

#[tokio::test]
async fn a_peer_whose_messages_are_compressed_leaves_the_others_their_turns() {
    const COUNT: usize = 16;
    let mut lab = Lab::with(compressed(LIMIT), true, MEBIBYTE, &mut []);
    for _ in 0..COUNT {
        let _ = lab.outbound.push(Item::Answer(vec![b'x'; MEBIBYTE]));
    }
    let most = neighbour(&lab);
    receive(&mut lab, COUNT).await;
    assert_eq!(most.load(Ordering::Relaxed), SHAPED_PER_TURN.max(MEBIBYTE));
}

#[tokio::test]
async fn a_peer_whose_messages_are_inflated_leaves_the_others_their_turns() {
    const COUNT: usize = 64;
    let mut lab = Lab::with(compressed(MEBIBYTE), true, MEBIBYTE, &mut []);
    let mut shape = client();
    let messages: Vec<u8> =
        (0..COUNT).flat_map(|_| written(&mut shape, &vec![b'x'; MEBIBYTE])).collect();
    // All of them lie in the pipe before the connection is polled.
    lab.send(&messages).await;
    let most = neighbour(&lab);
    while lab.record.lock().received.len() < COUNT {
        yield_now().await;
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most <= 4 * MEBIBYTE, "{most} bytes in a turn");
}
