//! Peers that read slowly, or not at all.

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

/// Long enough for anything that happens at all, in paused time.
const LONG: Duration = Duration::from_secs(3600);

fn frames_of_a_mebibyte() -> Framing {
    Framing::rawsocket(1 << 20, 1 << 20)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_ended_as_a_slow_consumer_within_bounded_memory() {
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
async fn a_slow_consumer_that_reads_again_in_time_is_told_why_its_connection_ends() {
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
    assert!(events * 100_004 <= 2 * WRITE_BATCH, "what waits in the queue is forgotten");
    assert_eq!(lab.end().await, CloseReason::SlowConsumer);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_has_to_wait_is_heard_again_in_order_and_nothing_is_lost() {
    let mut lab = Lab::open(frames_of_a_mebibyte());
    while lab.gate.push(Item::Event(Vec::new())) != Pushed::AboveHighWater {}
    lab.send(b"\0\0\0\x04wait\0\0\0\x01a\0\0\0\x01b\0\0\0\x04wait\0\0").await;
    lab.send(b"\0\x01c").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"wait"]);
    // What is sent to it goes out meanwhile.
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
    // More than makes the connection stop reading.
    let answer = Item::Answer(vec![0; UNSENT_PAUSES_READING * 2]);
    assert_eq!(lab.outbound.push(answer), Pushed::Queued);
    sleep(UNFINISHED_STALE_AFTER).await;
    let mut other = memory.reservation();
    let held = timeout(LONG, other.hold(UNFINISHED_UNRESERVED + 1)).await;
    assert_eq!(held, Ok(Ok(())), "the memory is given back");
    assert_eq!(lab.record.lock().closed, [CloseReason::SlowMessage]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_loses_events_and_keeps_its_connection() {
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
    assert_eq!(lab.record.lock().on_slow_consumer, 0, "it is told when it tries to write");
    assert!(!lab.has_ended());
    // Everything that was taken arrives when the peer reads at last.
    let mut bytes = vec![0; queued * 1004];
    lab.peer.read_exact(&mut bytes).await.expect("all events");
    assert_eq!(lab.outbound.push(Item::Event(vec![0; 1000])), Pushed::Queued);
    assert_eq!(lab.record.lock().on_slow_consumer, 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_always_lags_behind_costs_no_more_than_a_batch() {
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

/// The frames of so many pings of 1,000 bytes.
fn pings(count: usize) -> Vec<u8> {
    let mut ping = b"\x01\x00\x03\xe8".to_vec();
    ping.extend_from_slice(&[7; 1000]);
    ping.repeat(count)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_not_heard_and_goes_on_when_it_reads() {
    const COUNT: usize = 4000;
    // Drained bit by bit, and all at once.
    for pipe in [1024, 1 << 20] {
        let Lab { peer, .. } = Lab::with(frames_of_a_mebibyte(), true, pipe, &mut []);
        let (mut reading, mut writing) = tokio::io::split(peer);
        let sending = tokio::spawn(async move { writing.write_all(&pings(COUNT)).await });
        sleep(STALL_TIMEOUT / 2).await;
        assert!(!sending.is_finished(), "all was taken from a peer that reads nothing");
        let mut pongs = vec![0; COUNT * 1004];
        let all = timeout(LONG, reading.read_exact(&mut pongs)).await.expect("it goes on");
        all.expect("all pongs");
        sending.await.expect("no panic").expect("all taken");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_hears_a_router_that_does_not_read() {
    let mut lab = Lab::of_a_client(frames_of_a_mebibyte(), 1024);
    let _ = lab.outbound.push(Item::Answer(vec![0; 1_000_000]));
    sleep(MOMENT).await;
    lab.send(b"\0\0\0\x05heard").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"heard"]);
    // What it answers stands behind what was unsent.
    lab.send(b"\x01\0\0\x04ping").await;
    lab.expect(&[&b"\0\x0f\x42\x40"[..], &[0; 1_000_000], b"\x02\0\0\x04ping"].concat()).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_hear_a_router_that_does_not_read_when_its_answers_pile_up() {
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
async fn a_client_does_not_answer_pings_without_end() {
    const COUNT: usize = 4000;
    let Lab { peer, .. } = Lab::of_a_client(frames_of_a_mebibyte(), 1024);
    let (mut reading, mut writing) = tokio::io::split(peer);
    let sending = tokio::spawn(async move { writing.write_all(&pings(COUNT)).await });
    sleep(STALL_TIMEOUT / 2).await;
    assert!(!sending.is_finished(), "all was taken from a peer that reads nothing");
    let mut pongs = vec![0; COUNT * 1004];
    let all = timeout(LONG, reading.read_exact(&mut pongs)).await.expect("it goes on");
    all.expect("all pongs");
    sending.await.expect("no panic").expect("all taken");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_for_too_long_is_ended() {
    let Lab { peer, outbound, record, .. } = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let _ = outbound.push(Item::Answer(vec![0; 100_000]));
    sleep(STALL_TIMEOUT - MOMENT).await;
    assert_eq!(record.lock().closed, []);
    sleep(2 * STALL_TIMEOUT).await;
    assert_eq!(record.lock().closed, [CloseReason::SlowConsumer]);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_at_a_time_is_waited_for() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 1024, &mut []);
    let _ = lab.outbound.push(Item::Answer(vec![0; 9_996]));
    let mut some = vec![0; 1000];
    for _ in 0..10 {
        sleep(STALL_TIMEOUT - MOMENT).await;
        lab.peer.read_exact(&mut some).await.expect("the connection is there");
    }
    // Nothing is owed any more: silence is no fault.
    sleep(LONG).await;
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_may_be_owed_many_large_answers_at_once() {
    let mut lab = Lab::with(frames_of_a_mebibyte(), true, 64 * 1024, &mut []);
    for _ in 0..64 {
        assert_eq!(lab.outbound.push(Item::Answer(vec![0; 1_000_000])), Pushed::Queued);
    }
    let mut bytes = vec![0; 64 * 1_000_004];
    lab.peer.read_exact(&mut bytes).await.expect("all answers");
    assert!(!lab.has_ended());
}
