//! Keep-alive pings, and peers that do not answer them.

use std::time::Duration;

use cloverleaf_transport::{CloseReason, Framing, KeepAlive, WebSocketServerOptions};
use cloverleaf_wamp::websocket::CloseCode;
use cloverleaf_wamp::websocket::frame::Mask;
use cloverleaf_wamp::websocket::sender::{write_message, write_ping, write_pong};
use cloverleaf_wamp::websocket::{Limits, MessageKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use crate::peer::{Item, LIMIT, Lab};

const MASK: Option<Mask> = Some([1, 2, 3, 4]);
const MOMENT: Duration = Duration::from_millis(10);

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);

const SETTINGS: KeepAlive =
    KeepAlive { interval: INTERVAL, timeout: Some(TIMEOUT), size: 12, any_traffic: true };

fn asking(settings: KeepAlive) -> Framing {
    let options =
        WebSocketServerOptions { keepalive: Some(settings), ..WebSocketServerOptions::default() };
    Framing::serving(Limits { max_message: LIMIT, max_frame: LIMIT }, options, None)
}

/// The payload of the next ping, which has this size.
async fn ping(lab: &mut Lab, size: u8) -> Vec<u8> {
    lab.expect(&[0x89, size]).await;
    let mut payload = vec![0; size.into()];
    lab.peer.read_exact(&mut payload).await.expect("a ping");
    payload
}

fn pong(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_pong(&mut frame, payload, MASK);
    frame
}

fn message(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_message(&mut frame, MessageKind::Binary, bytes, MASK);
    frame
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_answer_a_ping_is_dropped_in_time() {
    let start = Instant::now();
    let mut lab = Lab::open(asking(SETTINGS));
    ping(&mut lab, 12).await;
    assert_eq!(start.elapsed().as_secs(), INTERVAL.as_secs());
    lab.expect_last(b"").await;
    assert_eq!(start.elapsed().as_secs(), (INTERVAL + TIMEOUT).as_secs());
    assert_eq!(lab.end().await, CloseReason::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn peer_that_answers_is_pinged_every_interval_with_a_new_payload() {
    for any_traffic in [false, true] {
        let mut lab = Lab::open(asking(KeepAlive { any_traffic, size: 125, ..SETTINGS }));
        let mut asked = Vec::new();
        for _ in 0..20 {
            let start = Instant::now();
            let payload = ping(&mut lab, 125).await;
            assert_eq!(start.elapsed().as_secs(), INTERVAL.as_secs(), "{any_traffic}");
            assert!(!asked.contains(&payload));
            lab.send(&pong(&payload)).await;
            asked.push(payload);
        }
        assert!(!lab.has_ended());
    }
}

#[tokio::test(start_paused = true)]
async fn peer_that_stops_answering_is_dropped_after_interval_and_timeout() {
    for any_traffic in [false, true] {
        let mut lab = Lab::open(asking(KeepAlive { any_traffic, ..SETTINGS }));
        let payload = ping(&mut lab, 12).await;
        lab.send(&pong(&payload)).await;
        let last_heard = Instant::now();
        ping(&mut lab, 12).await;
        lab.expect_last(b"").await;
        let silent = last_heard.elapsed();
        assert_eq!(silent.as_secs(), (INTERVAL + TIMEOUT).as_secs(), "{any_traffic}");
        assert_eq!(lab.end().await, CloseReason::Unanswered);
    }
}

#[tokio::test(start_paused = true)]
async fn peer_is_pinged_one_interval_after_its_last_traffic() {
    let mut lab = Lab::open(asking(SETTINGS));
    for quiet in [1, 9, 3, 7] {
        sleep(Duration::from_secs(quiet)).await;
        lab.send(&message(b"something")).await;
    }
    let last_heard = Instant::now();
    ping(&mut lab, 12).await;
    assert_eq!(last_heard.elapsed().as_secs(), INTERVAL.as_secs());
    lab.expect_last(b"").await;
    assert_eq!(last_heard.elapsed().as_secs(), (INTERVAL + TIMEOUT).as_secs());
}

#[tokio::test(start_paused = true)]
async fn traffic_answers_a_ping_if_the_timeout_exceeds_the_interval() {
    let mut lab = Lab::open(asking(KeepAlive { timeout: Some(3 * INTERVAL), ..SETTINGS }));
    ping(&mut lab, 12).await;
    sleep(2 * INTERVAL).await;
    lab.send(&message(b"something")).await;
    let last_heard = Instant::now();
    ping(&mut lab, 12).await;
    assert_eq!(last_heard.elapsed().as_secs(), INTERVAL.as_secs());
}

#[tokio::test(start_paused = true)]
async fn pong_with_a_wrong_payload_counts_only_as_traffic() {
    for any_traffic in [false, true] {
        let mut lab = Lab::open(asking(KeepAlive { any_traffic, ..SETTINGS }));
        let mut wrong = ping(&mut lab, 12).await;
        wrong[0] ^= 1;
        lab.send(&pong(&wrong)).await;
        lab.send(&message(b"no answer either")).await;
        sleep(TIMEOUT + MOMENT).await;
        assert_eq!(lab.has_ended(), !any_traffic);
    }
}

#[tokio::test(start_paused = true)]
async fn active_peer_is_not_pinged_if_any_traffic_counts() {
    let mut lab = Lab::open(asking(SETTINGS));
    for _ in 0..20 {
        lab.send(&message(b"something")).await;
        let asked = timeout(INTERVAL - MOMENT, lab.peer.read_u8());
        assert!(asked.await.is_err(), "pinged needlessly");
    }
    let mut lab = Lab::open(asking(KeepAlive { any_traffic: false, ..SETTINGS }));
    sleep(INTERVAL / 2).await;
    lab.send(&message(b"something")).await;
    let asked = timeout(INTERVAL / 2 + MOMENT, ping(&mut lab, 12));
    asked.await.expect("asked nevertheless");
}

#[tokio::test(start_paused = true)]
async fn peer_without_a_timeout_is_pinged_forever() {
    let mut lab = Lab::open(asking(KeepAlive { timeout: None, ..SETTINGS }));
    for _ in 0..20 {
        let start = Instant::now();
        ping(&mut lab, 12).await;
        assert_eq!(start.elapsed().as_secs(), INTERVAL.as_secs());
    }
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn slow_reader_is_not_dropped_for_a_ping_that_it_has_not_read() {
    let framing = asking(KeepAlive { any_traffic: false, ..SETTINGS });
    let mut lab = Lab::with(framing, true, 1024, &mut []);
    let _ = lab.outbound.push(Item::Answer(vec![b'x'; 100_000]));
    let mut read = vec![0; 100];
    for _ in 0..20 {
        sleep(TIMEOUT).await;
        lab.peer.read_exact(&mut read).await.expect("it is there");
    }
    let mut rest = vec![0; 100_000 + 10 - 20 * 100];
    lab.peer.read_exact(&mut rest).await.expect("all of it");
    let payload = ping(&mut lab, 12).await;
    lab.send(&pong(&payload)).await;
    sleep(INTERVAL - MOMENT).await;
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn pings_of_the_peer_are_answered_and_a_closing_connection_sends_none() {
    let mut lab = Lab::open(asking(SETTINGS));
    let mut theirs = Vec::new();
    write_ping(&mut theirs, b"theirs", MASK);
    lab.send(&theirs).await;
    lab.expect(b"\x8a\x06theirs").await;
    lab.outbound.close(CloseCode::NORMAL, "enough");
    lab.expect_last(b"\x88\x02\x03\xe8").await;
    lab.peer.shutdown().await.expect("half closed");
    assert_eq!(lab.end().await, CloseReason::ByUs("enough".to_owned()));
}
