//! Memory that all connections of a process share: for queues, and for unfinished messages.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloverleaf_transport::limits::{
    CLOSING_TIMEOUT, QUEUE_MAX_AFTER_SHEDDING, UNFINISHED_GRANULE, UNFINISHED_STALE_AFTER,
};
use cloverleaf_transport::{CloseReason, Framing, InputMemory, Pushed, QueueMemory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::peer::{Budgets, Item, Lab, neighbour};

const MOMENT: Duration = Duration::from_millis(10);
const MEBIBYTE: usize = 1 << 20;

fn framing() -> Framing {
    Framing::rawsocket(MEBIBYTE, MEBIBYTE)
}

/// Connections whose peers do not read, and whose queues share `limit` bytes.
fn sharing_queues(limit: usize) -> (Arc<QueueMemory>, [Lab; 2]) {
    let memory = Arc::new(QueueMemory::new(limit));
    let budgets = Budgets { queues: Some(Arc::clone(&memory)), ..Budgets::default() };
    let labs = [(), ()].map(|()| Lab::within(&budgets, framing(), 1_024));
    (memory, labs)
}

/// Queues an item, and lets the connection run.
async fn push(lab: &Lab, item: Item) {
    assert_eq!(lab.outbound.push(item), Pushed::Queued);
    sleep(MOMENT).await;
}

#[tokio::test(start_paused = true)]
async fn largest_queue_sheds_its_events_when_memory_is_used_up() {
    let (memory, [mut large, small]) = sharing_queues(8 * MEBIBYTE);
    push(&large, Item::Answer(vec![1; 1_000])).await;
    for _ in 0..6 {
        push(&large, Item::Event(vec![0; MEBIBYTE])).await;
    }
    push(&large, Item::Answer(vec![2; 1_000])).await;
    assert_eq!(large.record.lock().on_slow_consumer, 0);
    for _ in 0..4 {
        push(&small, Item::Event(vec![0; MEBIBYTE])).await;
    }
    assert!(memory.used() <= 8 * MEBIBYTE, "{}", memory.used());
    assert_eq!(large.record.lock().on_slow_consumer, 1);
    assert_eq!(small.record.lock().on_slow_consumer, 0);
    assert!(!large.has_ended() && !small.has_ended());
    // The answers arrive, and the events that were encoded before.
    let mut answer = vec![0; 1_004];
    large.peer.read_exact(&mut answer).await.expect("the first answer");
    assert_eq!(answer, [&b"\0\0\x03\xe8"[..], &[1; 1_000]].concat());
    let mut event = vec![0; MEBIBYTE + 4];
    large.peer.read_exact(&mut event).await.expect("an event that was encoded before");
    large.peer.read_exact(&mut answer).await.expect("the second answer");
    assert_eq!(answer, [&b"\0\0\x03\xe8"[..], &[2; 1_000]].concat());
    push(&large, Item::Event(b"again".to_vec())).await;
    large.expect(b"\0\0\0\x05again").await;
}

#[tokio::test(start_paused = true)]
async fn connection_with_too_many_queued_answers_ends_when_memory_is_used_up() {
    let limit = QUEUE_MAX_AFTER_SHEDDING + 2 * MEBIBYTE;
    let (memory, [large, small]) = sharing_queues(limit);
    for _ in 0..limit / MEBIBYTE {
        push(&large, Item::Answer(vec![0; MEBIBYTE])).await;
    }
    assert_eq!(large.record.lock().closed, []);
    for _ in 0..2 {
        push(&small, Item::Answer(vec![0; MEBIBYTE])).await;
    }
    let Lab { record, peer, .. } = large;
    sleep(CLOSING_TIMEOUT + MOMENT).await;
    assert_eq!(record.lock().closed, [CloseReason::SlowConsumer]);
    assert!(!small.has_ended());
    assert!(memory.used() <= 3 * MEBIBYTE, "{}", memory.used());
    drop(peer);
}

/// Bytes of a message that needs all of the memory of [`sharing_input`].
const LONG: usize = 500_000;

/// Connections whose unfinished messages share the memory for one long message.
fn sharing_input() -> (Arc<InputMemory>, [Lab; 3]) {
    let memory = InputMemory::new(2 * UNFINISHED_GRANULE);
    let budgets = Budgets { input: Some(Arc::clone(&memory)), ..Budgets::default() };
    let labs = [(), (), ()].map(|()| Lab::within(&budgets, framing(), 64 * 1024));
    (memory, labs)
}

fn long_message() -> Vec<u8> {
    [&(LONG as u32).to_be_bytes()[..], &vec![b'x'; LONG]].concat()
}

#[tokio::test(start_paused = true)]
async fn long_message_waits_for_the_memory_of_another_and_both_arrive() {
    let (memory, [mut first, second, mut third]) = sharing_input();
    let message = long_message();
    let (begin, rest) = message.split_at(400_000);
    first.send(begin).await;
    sleep(MOMENT).await;
    assert_eq!(memory.used(), 2 * UNFINISHED_GRANULE);
    let Lab { mut peer, record, .. } = second;
    let whole = message.clone();
    let sending = tokio::spawn(async move { peer.write_all(&whole).await.map(|()| peer) });
    sleep(UNFINISHED_STALE_AFTER / 2).await;
    assert_eq!(memory.used(), 2 * UNFINISHED_GRANULE);
    assert!(!sending.is_finished(), "reading has stopped");
    first.send(rest).await;
    let _peer = sending.await.expect("no panic").expect("all of it is read");
    sleep(MOMENT).await;
    assert_eq!(memory.used(), 0);
    assert_eq!(first.messages(), [vec![b'x'; LONG]]);
    assert_eq!(record.lock().received, [(None, vec![b'x'; LONG])]);
    assert_eq!(record.lock().closed, []);
    third.send(&message).await;
    sleep(MOMENT).await;
    assert_eq!(third.messages().len(), 1);
    assert!(!first.has_ended() && !third.has_ended());
}

#[tokio::test(start_paused = true)]
async fn message_without_progress_is_given_up_for_one_that_waits() {
    let (memory, [mut stale, mut waiting, mut short]) = sharing_input();
    let message = long_message();
    stale.send(&message[..400_000]).await;
    sleep(MOMENT).await;
    short.send(b"\0\0\0\x05short").await;
    sleep(MOMENT).await;
    assert_eq!(short.messages(), [b"short"], "a short message needs no memory");
    waiting.send(&message).await;
    sleep(MOMENT).await;
    assert_eq!(waiting.messages().len(), 1);
    stale.expect_last(b"").await;
    assert_eq!(stale.end().await, CloseReason::SlowMessage);
    assert_eq!(memory.used(), 0);
}

/// Sends a long message in parts, one each `pause`, up to its end or that of the connection.
async fn send_slowly(lab: &mut Lab, part: usize, pause: Duration) {
    for part in long_message().chunks(part) {
        if lab.has_ended() || lab.peer.write_all(part).await.is_err() {
            return;
        }
        sleep(pause).await;
    }
}

#[tokio::test(start_paused = true)]
async fn slow_message_is_progress_while_another_waits_for_its_memory() {
    let (memory, [mut slow, mut waiting, _other]) = sharing_input();
    slow.send(&long_message()[..400_000]).await;
    sleep(MOMENT).await;
    assert_eq!(memory.used(), 2 * UNFINISHED_GRANULE);
    waiting.send(&long_message()[..60_000]).await;
    let rest = long_message().split_off(60_000);
    let sending = tokio::spawn(async move {
        waiting.send(&rest).await;
        waiting
    });
    // 40 KB a second: far less than a granule in two seconds.
    for part in long_message()[400_000..].chunks(40_000) {
        sleep(UNFINISHED_STALE_AFTER / 2).await;
        assert!(!slow.has_ended());
        slow.send(part).await;
    }
    let waiting = sending.await.expect("no panic");
    sleep(MOMENT).await;
    assert_eq!(slow.messages().len(), 1);
    assert_eq!(waiting.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_that_arrives_byte_by_byte_makes_no_progress() {
    let (_memory, [mut slow, mut waiting, _other]) = sharing_input();
    slow.send(&long_message()[..400_000]).await;
    sleep(MOMENT).await;
    let sending = tokio::spawn(async move {
        waiting.send(&long_message()).await;
        waiting
    });
    send_slowly(&mut slow, 100, MOMENT * 10).await;
    assert!(slow.has_ended());
    let waiting = sending.await.expect("no panic");
    sleep(MOMENT).await;
    assert_eq!(waiting.messages().len(), 1);
    assert_eq!(slow.end().await, CloseReason::SlowMessage);
}

/// Connections on a paced thread, and a message that takes a round.
async fn paced() -> (Vec<Lab>, Vec<u8>) {
    tokio::spawn(cloverleaf_wakes::pace(yield_now));
    yield_now().await;
    let limit = 4 * MEBIBYTE;
    let input = Some(InputMemory::new(64 * MEBIBYTE));
    let budgets = Budgets { input, ..Budgets::default() };
    let lab = |_| Lab::within(&budgets, Framing::rawsocket(limit, limit), limit);
    let labs = (0..8).map(lab).collect();
    (labs, vec![b'x'; 2 * MEBIBYTE])
}

#[tokio::test]
async fn large_messages_of_many_connections_are_handed_over_in_different_rounds() {
    let (mut labs, message) = paced().await;
    let most = neighbour(&labs);
    let frame = [&(message.len() as u32).to_be_bytes()[..], &message, b"\0\0\0\x04next"].concat();
    let (begin, end) = frame.split_at(frame.len() - 10);
    for lab in &mut labs {
        lab.send(begin).await;
    }
    for lab in &mut labs {
        lab.send(end).await;
    }
    while labs.iter().any(|lab| lab.record.lock().received.len() < 2) {
        yield_now().await;
    }
    for lab in &labs {
        assert_eq!(lab.messages(), [message.clone(), b"next".to_vec()]);
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most < 2 * message.len(), "{most} bytes in a turn");
}

#[tokio::test]
async fn large_messages_to_many_connections_are_encoded_in_different_rounds() {
    let (mut labs, message) = paced().await;
    let most = neighbour(&labs);
    for lab in &labs {
        let _ = lab.outbound.push(Item::Event(message.clone()));
        let _ = lab.outbound.push(Item::Event(b"next".to_vec()));
    }
    for lab in &mut labs {
        lab.expect(&[&(message.len() as u32).to_be_bytes()[..], &message].concat()).await;
        lab.expect(b"\0\0\0\x04next").await;
    }
    let most = most.load(Ordering::Relaxed);
    assert!(most < 2 * message.len(), "{most} bytes in a turn");
}
