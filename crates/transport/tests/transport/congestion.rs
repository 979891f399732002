//! Backpressure: peers that read slowly, or not at all.

use std::time::Duration;

use std::sync::Arc;

use cloverleaf_transport::limits::{
    CLOSING_TIMEOUT, QUEUE_HIGH_WATER_BYTES, QUEUE_MAX_BYTES, QUEUE_READING_PAUSE_BYTES,
    STALL_TIMEOUT, UNFINISHED_GRANULE, UNFINISHED_STALE_AFTER, UNFINISHED_UNRESERVED,
    UNSENT_PAUSES_READING, WRITE_BATCH,
};
use cloverleaf_transport::{CloseReason, Framing, InputMemory, Pushed, SlowConsumer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::peer::{Budgets, Item, Lab};

const MOMENT: Duration = Duration::from_millis(10);

/// Longer than all timeouts, in paused time.
const LONG: Duration = Duration::from_secs(3600);

fn frames_of_a_mebibyte() -> Framing {
    Framing::rawsocket(1 << 20, 1 << 20)
}

#[tokio::test(start_paused = true)]
async fn peer_that_never_reads_ends_as_a_slow_consumer_within_bounded_memory() {
    let lab = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let mut taken = 0;
    while lab.outbound.push(Item::Answer(vec![0; 100_000])) == Pushed::Queued {
        taken += 100_000;
        sleep(MOMENT).await;
    }
    assert!(taken <= QUEUE_MAX_BYTES + WRITE_BATCH + 200_000, "{taken} bytes");
    assert!(lab.record.lock().most_encoded <= WRITE_BATCH + 200_000);
    let Lab { record, peer, .. } = lab;
    sleep(CLOSING_TIMEOUT + MOMENT).await;
    assert_eq!(record.lock().closed, [CloseReason::SlowConsumer]);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn slow_consumer_that_reads_again_in_time_gets_the_closing_message() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    lab.outbound.set_policy(SlowConsumer::Disconnect);
    while lab.outbound.push(Item::Event(vec![0; 100_000])) == Pushed::Queued {
        sleep(MOMENT).await;
    }
    assert_eq!(lab.outbound.push(Item::Answer(Vec::new())), Pushed::Closed);
    let mut bytes = Vec::new();
    lab.peer.read_to_end(&mut bytes).await.expect("the end");
    let closing_message = b"\0\0\0\x08goodbye!";
    assert!(bytes.ends_with(closing_message));
    let events = (bytes.len() - closing_message.len()) / 100_004;
    assert_eq!(bytes.len(), events * 100_004 + closing_message.len(), "whole events before it");
    assert!(events * 100_004 <= 2 * WRITE_BATCH, "queued events are discarded");
    assert_eq!(lab.end().await, CloseReason::SlowConsumer);
}

#[tokio::test(start_paused = true)]
async fn input_paused_by_the_session_is_delivered_in_order_later() {
    let mut lab = Lab::open(frames_of_a_mebibyte());
    while lab.gate.push(Item::Event(Vec::new())) != Pushed::AboveHighWater {}
    lab.send(b"\0\0\0\x04wait\0\0\0\x01a\0\0\0\x01b\0\0\0\x04wait\0\0").await;
    lab.send(b"\0\x01c").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"wait"]);
    // Items for the peer are sent meanwhile.
    assert_eq!(lab.outbound.push(Item::Answer(b"x".to_vec())), Pushed::Queued);
    lab.expect(b"\0\0\0\x01x").await;
    lab.gate_receiver = None;
    sleep(MOMENT).await;
    let expected: [&[u8]; 5] = [b"wait", b"a", b"b", b"wait", b"c"];
    assert_eq!(lab.messages(), expected);
    assert_eq!(lab.end().await, CloseReason::ByPeer);
}

#[tokio::test(start_paused = true)]
async fn peer_that_reads_nothing_loses_its_unfinished_message_to_others() {
    let memory = InputMemory::new(UNFINISHED_GRANULE);
    let budgets = Budgets { input: Some(Arc::clone(&memory)), ..Budgets::default() };
    let mut lab = Lab::within(&budgets, frames_of_a_mebibyte(), 64 * 1024);
    lab.send(b"\0\x08\0\0").await;
    lab.send(&[0; 100_000]).await;
    sleep(MOMENT).await;
    assert_eq!(memory.used(), UNFINISHED_GRANULE);
    // Enough to pause reading.
    let answer = Item::Answer(vec![0; UNSENT_PAUSES_READING * 2]);
    assert_eq!(lab.outbound.push(answer), Pushed::Queued);
    sleep(UNFINISHED_STALE_AFTER).await;
    let mut other = memory.reservation();
    let held = timeout(LONG, other.hold(UNFINISHED_UNRESERVED + 1)).await;
    assert_eq!(held, Ok(Ok(())), "the memory is released");
    assert_eq!(lab.record.lock().closed, [CloseReason::SlowMessage]);
}

#[tokio::test(start_paused = true)]
async fn peer_that_never_reads_loses_events_and_keeps_its_connection() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let mut queued = 0;
    while lab.outbound.push(Item::Event(vec![0; 1000])) == Pushed::Queued {
        queued += 1;
        if queued % 100 == 0 {
            sleep(MOMENT).await;
        }
    }
    assert!(queued * 1000 <= QUEUE_HIGH_WATER_BYTES + WRITE_BATCH + 100_000);
    assert_eq!(lab.outbound.push(Item::Event(vec![0; 1000])), Pushed::Dropped);
    assert_eq!(lab.outbound.refused(), 2);
    assert_eq!(
        lab.record.lock().on_slow_consumer,
        0,
        "reported when the connection tries to write"
    );
    assert!(!lab.has_ended());
    // All queued items arrive when the peer reads.
    let mut bytes = vec![0; queued * 1004];
    lab.peer.read_exact(&mut bytes).await.expect("all events");
    assert_eq!(lab.outbound.push(Item::Event(vec![0; 1000])), Pushed::Queued);
    assert_eq!(lab.record.lock().on_slow_consumer, 1);
}

#[tokio::test(start_paused = true)]
async fn peer_that_always_lags_behind_costs_no_more_than_a_batch() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 64 * 1024, &mut []);
    let mut buffer = vec![0; 100_004];
    for _ in 0..10 {
        let _ = lab.outbound.push(Item::Answer(vec![0; 100_000]));
    }
    for _ in 0..200 {
        let _ = lab.outbound.push(Item::Answer(vec![0; 100_000]));
        lab.peer.read_exact(&mut buffer).await.expect("a message");
        sleep(MOMENT).await;
    }
    let most = lab.record.lock().most_encoded;
    assert!(most <= 3 * WRITE_BATCH, "{most} bytes lay in the buffer");
}

/// The frames of `count` pings of 1,000 bytes.
fn pings(count: usize) -> Vec<u8> {
    let mut ping = b"\x01\x00\x03\xe8".to_vec();
    ping.extend_from_slice(&[7; 1000]);
    ping.repeat(count)
}

#[tokio::test(start_paused = true)]
async fn reading_pauses_while_the_peer_does_not_read() {
    const COUNT: usize = 4000;
    // The peer drains step by step, or all at once.
    for pipe in [1024, 1 << 20] {
        let Lab { peer, .. } = Lab::with(frames_of_a_mebibyte(), true, pipe, &mut []);
        let (mut reading, mut writing) = tokio::io::split(peer);
        let sending = tokio::spawn(async move { writing.write_all(&pings(COUNT)).await });
        sleep(STALL_TIMEOUT / 2).await;
        assert!(!sending.is_finished(), "everything was read from a peer that reads nothing");
        let mut pongs = vec![0; COUNT * 1004];
        let all = timeout(LONG, reading.read_exact(&mut pongs)).await.expect("reading continues");
        all.expect("all pongs");
        sending.await.expect("no panic").expect("all taken");
    }
}

#[tokio::test(start_paused = true)]
async fn client_reads_from_a_router_that_does_not_read() {
    let mut lab = Lab::of_a_client(frames_of_a_mebibyte(), 1024);
    let _ = lab.outbound.push(Item::Answer(vec![0; 1_000_000]));
    sleep(MOMENT).await;
    lab.send(b"\0\0\0\x05heard").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"heard"]);
    // The answer follows the unsent bytes.
    lab.send(b"\x01\0\0\x04ping").await;
    lab.expect(&[&b"\0\x0f\x42\x40"[..], &[0; 1_000_000], b"\x02\0\0\x04ping"].concat()).await;
}

#[tokio::test(start_paused = true)]
async fn client_pauses_reading_when_its_answers_pile_up() {
    let mut lab = Lab::of_a_client(frames_of_a_mebibyte(), 1024);
    let count = QUEUE_READING_PAUSE_BYTES / 1_000_000 + 2;
    for _ in 0..count {
        assert_eq!(lab.outbound.push(Item::Answer(vec![0; 1_000_000])), Pushed::Queued);
        sleep(MOMENT).await;
    }
    lab.send(b"\0\0\0\x05heard").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b""; 0]);
    let mut answers = vec![0; count * 1_000_004];
    lab.peer.read_exact(&mut answers).await.expect("all answers");
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"heard"]);
}

#[tokio::test(start_paused = true)]
async fn client_pauses_reading_when_unsent_pongs_pile_up() {
    const COUNT: usize = 4000;
    let Lab { peer, .. } = Lab::of_a_client(frames_of_a_mebibyte(), 1024);
    let (mut reading, mut writing) = tokio::io::split(peer);
    let sending = tokio::spawn(async move { writing.write_all(&pings(COUNT)).await });
    sleep(STALL_TIMEOUT / 2).await;
    assert!(!sending.is_finished(), "everything was read from a peer that reads nothing");
    let mut pongs = vec![0; COUNT * 1004];
    let all = timeout(LONG, reading.read_exact(&mut pongs)).await.expect("reading continues");
    all.expect("all pongs");
    sending.await.expect("no panic").expect("all taken");
}

#[tokio::test(start_paused = true)]
async fn peer_that_takes_nothing_for_too_long_is_ended() {
    let Lab { peer, outbound, record, .. } = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let _ = outbound.push(Item::Answer(vec![0; 100_000]));
    sleep(STALL_TIMEOUT - MOMENT).await;
    assert_eq!(record.lock().closed, []);
    sleep(2 * STALL_TIMEOUT).await;
    assert_eq!(record.lock().closed, [CloseReason::SlowConsumer]);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn peer_that_takes_a_little_at_a_time_keeps_its_connection() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let _ = lab.outbound.push(Item::Answer(vec![0; 9_996]));
    let mut some = vec![0; 1000];
    for _ in 0..10 {
        sleep(STALL_TIMEOUT - MOMENT).await;
        lab.peer.read_exact(&mut some).await.expect("the connection is there");
    }
    // Nothing is queued any more, so silence is allowed.
    sleep(LONG).await;
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn peer_that_reads_may_have_many_large_answers_queued() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 64 * 1024, &mut []);
    for _ in 0..64 {
        assert_eq!(lab.outbound.push(Item::Answer(vec![0; 1_000_000])), Pushed::Queued);
    }
    let mut bytes = vec![0; 64 * 1_000_004];
    lab.peer.read_exact(&mut bytes).await.expect("all answers");
    assert!(!lab.has_ended());
}
