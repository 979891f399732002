//! Slow consumers that publishers wait for must read at a minimum rate.

use std::future::poll_fn;
use std::time::Duration;

use cloverleaf_transport::limits::{STALL_RATE_WHEN_WAITED_FOR, STALL_TIMEOUT};
use cloverleaf_transport::outbound::HighWaterMark;
use cloverleaf_transport::{CloseReason, Framing, OutboundSender, Pushed, SlowConsumer};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use crate::peer::{Budgets, Item, Lab};

/// The minimum rate in bytes per second.
const RATE: usize = STALL_RATE_WHEN_WAITED_FOR;

/// A connection with a small queue, and a task that keeps the queue full.
fn full(policy: SlowConsumer) -> Lab {
    let high_water_mark = HighWaterMark { bytes: 1 << 20, messages: 1_000_000 };
    let budgets = Budgets { high_water_mark, ..Budgets::default() };
    let lab = Lab::within(&budgets, Framing::rawsocket(1 << 20, 1 << 20), 16 * 1024);
    lab.outbound.set_policy(policy);
    tokio::spawn(publish(lab.outbound.clone()));
    lab
}

/// Publishes without end, and waits for room.
async fn publish(outbound: OutboundSender<Item>) {
    loop {
        match outbound.push(Item::Event(vec![0; 10_000])) {
            Pushed::Queued => {}
            Pushed::AboveHighWater => poll_fn(|context| outbound.poll_room(context)).await,
            Pushed::Dropped => sleep(Duration::from_millis(100)).await,
            Pushed::Closed => return,
        }
    }
}

/// Reads at this rate for this time, or to the end of the connection. Returns the time.
async fn read_at(lab: &mut Lab, rate: usize, time: Duration) -> Duration {
    let began = Instant::now();
    let mut bytes = vec![0; rate];
    while began.elapsed() < time && !lab.has_ended() {
        sleep(Duration::from_secs(1)).await;
        if lab.peer.read_exact(&mut bytes).await.is_err() {
            break;
        }
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn consumer_below_the_minimum_rate_is_ended_while_publishers_wait() {
    let mut lab = full(SlowConsumer::BlockPublisher);
    let time = read_at(&mut lab, RATE * 9 / 10, 10 * STALL_TIMEOUT).await;
    assert!(time >= STALL_TIMEOUT && time < 3 * STALL_TIMEOUT, "{time:?}");
    assert_eq!(lab.end().await, CloseReason::SlowConsumer);
}

#[tokio::test(start_paused = true)]
async fn consumer_above_the_minimum_rate_stays_while_publishers_wait() {
    let mut lab = full(SlowConsumer::BlockPublisher);
    read_at(&mut lab, RATE * 11 / 10, 10 * STALL_TIMEOUT).await;
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn consumer_without_waiting_publishers_may_read_slowly() {
    let mut lab = full(SlowConsumer::DropEvents);
    read_at(&mut lab, RATE / 10, 10 * STALL_TIMEOUT).await;
    assert!(!lab.has_ended());
}
