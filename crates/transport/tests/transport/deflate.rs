//! Compressed messages in both directions, and their cost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloverleaf_transport::limits::{SHAPED_PER_TURN, UNFINISHED_GRANULE, UNFINISHED_STALE_AFTER};
use cloverleaf_transport::{CloseReason, Framing, InputMemory, WebSocketServerOptions};
use cloverleaf_wamp::websocket::deflate::negotiation::{Wishes, negotiate};
use cloverleaf_wamp::websocket::deflate::{Agreement, Deflater, Inflater, MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::sender::Shape;
use cloverleaf_wamp::websocket::{Incoming, Limits, MessageKind, Receiver, Role};
use tokio::io::AsyncReadExt;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::peer::{Budgets, Item, LIMIT, Lab, neighbour};

const MASK: [u8; 4] = [1, 2, 3, 4];
const MEBIBYTE: usize = 1024 * 1024;

fn agreement() -> Agreement {
    let offer = b"permessage-deflate".as_slice();
    negotiate([offer].into_iter(), &Wishes::default()).expect("a list").expect("accepted")
}

fn compressed(limit: usize) -> Framing {
    let limits = Limits { max_message: limit, max_frame: limit };
    Framing::serving(limits, WebSocketServerOptions::default(), Some(&agreement()))
}

/// The messages of a client.
fn client() -> Shape {
    let deflater = Deflater::new(WindowBits::MAX, true, MemoryLevel::default());
    Shape { deflater: Some(deflater), ..Shape::default() }
}

fn written(shape: &mut Shape, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    shape.write_message(&mut bytes, MessageKind::Binary, message, || Some(MASK));
    bytes
}

/// Reads `count` messages as a client.
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
async fn compressed_messages_are_received_and_sent() {
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
async fn message_that_inflates_beyond_the_limit_gets_close_code_1009() {
    let mut lab = Lab::open(compressed(LIMIT));
    lab.send(&written(&mut client(), &vec![0; 16 * MEBIBYTE])).await;
    lab.expect_last(b"\x88\x02\x03\xf1").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn message_that_is_not_deflate_gets_close_code_1007() {
    let mut lab = Lab::open(compressed(LIMIT));
    lab.send(b"\xc2\x81\0\0\0\0\x07").await;
    lab.expect_last(b"\x88\x02\x03\xef").await;
    assert!(matches!(lab.end().await, CloseReason::Fault(_)));
}

#[tokio::test]
async fn compressing_for_one_peer_leaves_turns_to_others() {
    const COUNT: usize = 16;
    let labs = &mut [Lab::with(compressed(LIMIT), true, MEBIBYTE, &mut [])];
    let most = neighbour(labs);
    let lab = &mut labs[0];
    for _ in 0..COUNT {
        let _ = lab.outbound.push(Item::Answer(vec![b'x'; MEBIBYTE]));
    }
    receive(lab, COUNT).await;
    assert_eq!(most.load(Ordering::Relaxed), SHAPED_PER_TURN.max(MEBIBYTE));
}

#[tokio::test]
async fn inflating_for_one_peer_leaves_turns_to_others() {
    const COUNT: usize = 64;
    let labs = &mut [Lab::with(compressed(MEBIBYTE), true, MEBIBYTE, &mut [])];
    let most = neighbour(labs);
    let lab = &mut labs[0];
    let mut shape = client();
    let messages: Vec<u8> =
        (0..COUNT).flat_map(|_| written(&mut shape, &vec![b'x'; MEBIBYTE])).collect();
    // All messages are in the pipe before the connection is polled.
    lab.send(&messages).await;
    while lab.record.lock().received.len() < COUNT {
        yield_now().await;
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most <= MEBIBYTE, "{most} bytes in a turn");
}

const MOMENT: Duration = Duration::from_millis(10);

/// Connections with compression whose unfinished messages share this many bytes of memory.
fn sharing_input(bytes: usize) -> (std::sync::Arc<InputMemory>, [Lab; 2]) {
    let memory = InputMemory::new(bytes);
    let budgets = Budgets { input: Some(memory.clone()), ..Budgets::default() };
    (memory, [(), ()].map(|()| Lab::within(&budgets, compressed(16 * MEBIBYTE), MEBIBYTE)))
}

#[tokio::test(start_paused = true)]
async fn inflated_bytes_reserve_memory_even_of_a_message_in_one_read() {
    let (memory, [mut first, mut second]) = sharing_input(MEBIBYTE);
    // Ends in the middle of the message.
    let mut message = written(&mut client(), &vec![b'x'; MEBIBYTE - UNFINISHED_GRANULE]);
    message[0] &= 0x7f;
    first.send(&message).await;
    sleep(MOMENT).await;
    assert!(memory.used() >= MEBIBYTE - UNFINISHED_GRANULE, "{}", memory.used());
    let whole = vec![b'y'; 8 * UNFINISHED_GRANULE / 3];
    second.send(&written(&mut client(), &whole)).await;
    sleep(UNFINISHED_STALE_AFTER / 2).await;
    assert_eq!(second.messages(), [b""; 0]);
    assert!(memory.used() <= MEBIBYTE, "{}", memory.used());
    // An empty last fragment.
    first.send(b"\x80\x80\0\0\0\0").await;
    sleep(MOMENT).await;
    assert_eq!(first.messages().len(), 1);
    assert_eq!(second.messages(), [whole]);
    assert_eq!(memory.used(), 0);
    assert!(!first.has_ended() && !second.has_ended());
}

#[tokio::test(start_paused = true)]
async fn unfinished_message_that_inflates_far_is_given_up_when_memory_is_scarce() {
    let (memory, [mut first, mut second]) = sharing_input(MEBIBYTE);
    let mut message = written(&mut client(), &vec![b'x'; 15 * MEBIBYTE]);
    message[0] &= 0x7f;
    first.send(&message).await;
    second.send(&message).await;
    sleep(UNFINISHED_STALE_AFTER / 2).await;
    assert!(memory.used() <= MEBIBYTE, "{}", memory.used());
    assert!(!first.has_ended() && !second.has_ended());
    sleep(2 * UNFINISHED_STALE_AFTER).await;
    assert!(memory.used() <= MEBIBYTE, "{}", memory.used());
    // One is given up for the other, although both wait.
    assert_eq!([&first, &second].map(|lab| usize::from(lab.has_ended())).iter().sum::<usize>(), 1);
    for lab in [first, second] {
        assert_eq!(lab.messages(), [b""; 0]);
    }
}

#[tokio::test]
async fn inflating_steps_count_as_work_of_the_thread() {
    let labs: &mut [Lab] =
        &mut [0; 8].map(|_| Lab::with(compressed(16 * MEBIBYTE), true, MEBIBYTE, &mut []));
    tokio::spawn(cloverleaf_wakes::pace(yield_now));
    for lab in &mut *labs {
        lab.send(&written(&mut client(), &vec![b'x'; 8 * MEBIBYTE])).await;
    }
    let most = neighbour(labs);
    while labs.iter().any(|lab| lab.record.lock().received.is_empty()) {
        yield_now().await;
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most <= 8 * MEBIBYTE, "{most} bytes in a turn");
}
