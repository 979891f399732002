//! Messages that do not end or arrive slowly: their deadline and their minimum rate.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_transport::limits::{
    MESSAGE_TIMEOUT, UNFINISHED_BYTES, UNFINISHED_BYTES_PER_WINDOW, UNFINISHED_WINDOW,
};
use cloverleaf_transport::{CloseReason, ConnectionLimits, Framing, InputMemory};
use cloverleaf_wamp::websocket::{WebSocketLimits, WebSocketRole};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use crate::peer::{Budgets, Item, Lab};

const MOMENT: Duration = Duration::from_millis(10);

/// The longest message that the connections take.
const LIMIT: usize = (1 << 24) - 1;

/// A Close frame with the code for a policy violation.
const CLOSE: &[u8] = b"\x88\x02\x03\xf0";

/// The interval between parts of a message, chosen so that no part falls on the edge of a window.
const PAUSE: Duration = Duration::from_secs(10);

/// A third of the bytes that must arrive in a window. [`PAUSE`] is a third of the time.
const PART: usize = UNFINISHED_BYTES_PER_WINDOW / 3;

fn rawsocket() -> Framing {
    Framing::rawsocket(LIMIT, LIMIT)
}

fn websocket() -> Framing {
    Framing::websocket(
        WebSocketRole::Server,
        WebSocketLimits { max_message: LIMIT, max_frame: LIMIT },
    )
}

fn watched(framing: Framing, pipe: usize) -> Lab {
    let input = Some(InputMemory::new(UNFINISHED_BYTES));
    Lab::within(&Budgets { input, ..Budgets::default() }, framing, pipe)
}

/// The header of a RawSocket message.
fn rawsocket_header(length: usize) -> Vec<u8> {
    (length as u32).to_be_bytes().to_vec()
}

/// The header of a WebSocket frame, masked with zeros.
fn websocket_header(first: u8, length: usize) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..=125 => header.push(0x80 | length as u8),
        126..=0xffff => {
            header.push(0xfe);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(0xff);
            header.extend((length as u64).to_be_bytes());
        }
    }
    header.extend([0; 4]);
    header
}

#[tokio::test(start_paused = true)]
async fn stalled_message_ends_its_connection_after_a_window() {
    let fragment = [&websocket_header(0x02, 3)[..], b"abc"].concat();
    for (framing, begin, close) in [
        (rawsocket as fn() -> Framing, b"\0\0".to_vec(), &b""[..]),
        (rawsocket, rawsocket_header(100), b""),
        (rawsocket, [&rawsocket_header(100)[..], b"abc"].concat(), b""),
        (websocket, b"\x82".to_vec(), CLOSE),
        (websocket, websocket_header(0x82, 100), CLOSE),
        (websocket, [&websocket_header(0x82, 100)[..], b"abc"].concat(), CLOSE),
        (websocket, fragment, CLOSE),
    ] {
        let mut lab = watched(framing(), 64 * 1024);
        let began = Instant::now();
        lab.send(&begin).await;
        lab.expect_last(close).await;
        assert_eq!(began.elapsed().as_secs(), UNFINISHED_WINDOW.as_secs(), "{begin:?}");
        assert_eq!(lab.messages(), [b""; 0]);
        assert_eq!(lab.end().await, CloseReason::SlowMessage);
    }
}

/// Sends a message in parts of [`PART`] minus `less` bytes, the header with the first one. Returns
/// the time to the end of the message or of the connection.
async fn send_in_parts(lab: &mut Lab, header: &[u8], length: usize, less: usize) -> Duration {
    let began = Instant::now();
    lab.send(header).await;
    sleep(PAUSE / 2).await;
    let mut left = length;
    while left > 0 && !lab.has_ended() {
        let part = left.min(PART - less);
        lab.send(&vec![b'x'; part]).await;
        left -= part;
        sleep(PAUSE).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn message_at_the_minimum_rate_arrives_and_a_slower_one_ends_its_connection() {
    const LENGTH: usize = 1_000_000;
    for (framing, header) in [
        (rawsocket as fn() -> Framing, rawsocket_header(LENGTH)),
        (websocket, websocket_header(0x82, LENGTH)),
    ] {
        let mut lab = watched(framing(), 64 * 1024);
        let took = send_in_parts(&mut lab, &header, LENGTH, 0).await;
        assert!(took > 7 * UNFINISHED_WINDOW && took < MESSAGE_TIMEOUT);
        assert_eq!(lab.messages(), [vec![b'x'; LENGTH]]);
        assert!(!lab.has_ended());

        let mut lab = watched(framing(), 64 * 1024);
        let took = send_in_parts(&mut lab, &header, LENGTH, 1).await;
        assert!(took < 2 * UNFINISHED_WINDOW, "{took:?}");
        assert_eq!(lab.messages(), [b""; 0]);
        assert_eq!(lab.end().await, CloseReason::SlowMessage);
    }
}

#[tokio::test(start_paused = true)]
async fn message_beyond_the_message_timeout_ends_its_connection() {
    let mut lab = watched(rawsocket(), 64 * 1024);
    let took = send_in_parts(&mut lab, &rawsocket_header(LIMIT), LIMIT, 0).await;
    assert!(took >= MESSAGE_TIMEOUT && took < MESSAGE_TIMEOUT + UNFINISHED_WINDOW, "{took:?}");
    assert_eq!(lab.end().await, CloseReason::SlowMessage);
}

/// A RawSocket connection with this time for one message.
fn with_message_timeout(message_timeout: Duration) -> Lab {
    let limits = ConnectionLimits { message_timeout, ..ConnectionLimits::default() };
    let input = Some(InputMemory::new(UNFINISHED_BYTES));
    let budgets = Budgets { input, limits: Some(Arc::new(limits)), ..Budgets::default() };
    Lab::within(&budgets, rawsocket(), 64 * 1024)
}

#[tokio::test(start_paused = true)]
async fn message_timeout_below_a_window_is_that_of_each_message() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let mut lab = with_message_timeout(TIMEOUT);
    // The first one is complete in time.
    for last in [&b"c"[..], b""] {
        let began = Instant::now();
        lab.send(&rawsocket_header(3)).await;
        sleep(TIMEOUT / 2).await;
        lab.send(b"ab").await;
        if last.is_empty() {
            lab.expect_last(b"").await;
            assert_eq!(began.elapsed().as_secs(), TIMEOUT.as_secs());
        } else {
            lab.send(last).await;
            sleep(10 * TIMEOUT).await;
        }
    }
    assert_eq!(lab.messages(), [b"abc"]);
    assert_eq!(lab.end().await, CloseReason::SlowMessage);
}

#[tokio::test(start_paused = true)]
async fn message_timeout_need_not_be_a_number_of_windows() {
    const TIMEOUT: Duration = Duration::from_secs(45);
    let mut lab = with_message_timeout(TIMEOUT);
    let took = send_in_parts(&mut lab, &rawsocket_header(LIMIT), LIMIT, 0).await;
    assert!(took >= TIMEOUT && took <= TIMEOUT + PAUSE, "{took:?}");
    assert_eq!(lab.end().await, CloseReason::SlowMessage);
}

#[tokio::test(start_paused = true)]
async fn fragments_in_time_do_not_extend_the_message_timeout() {
    let mut lab = watched(websocket(), 64 * 1024);
    let began = Instant::now();
    let mut first = 0x02;
    while !lab.has_ended() {
        let fragment = [websocket_header(first, PART), vec![b'x'; PART]].concat();
        lab.send(&fragment).await;
        first = 0x00;
        sleep(PAUSE).await;
    }
    let took = began.elapsed();
    assert!(took >= MESSAGE_TIMEOUT && took < MESSAGE_TIMEOUT + UNFINISHED_WINDOW, "{took:?}");
    assert_eq!(lab.end().await, CloseReason::SlowMessage);
}

#[tokio::test(start_paused = true)]
async fn rare_short_messages_that_end_keep_their_connection() {
    const COUNT: usize = 100;
    let mut lab = watched(rawsocket(), 64 * 1024);
    // At any time a message is unfinished.
    lab.send(b"\0\0\0\x04ab").await;
    for _ in 0..COUNT {
        sleep(PAUSE).await;
        lab.send(b"cd\0\0\0\x04ab").await;
    }
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), vec![b"abcd"; COUNT]);
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn time_in_which_reading_is_paused_does_not_count() {
    const LENGTH: usize = 1_000_000;
    let mut lab = watched(rawsocket(), 1_024);
    lab.send(b"\0\0\0\x04ab").await;
    let _ = lab.outbound.push(Item::Answer(vec![0; LENGTH]));
    // The peer reads so little that reading is paused, and enough not to be a slow consumer.
    let mut some = vec![0; 1_000];
    for _ in 0..5 {
        sleep(UNFINISHED_WINDOW - MOMENT).await;
        lab.peer.read_exact(&mut some).await.expect("the connection is there");
    }
    let mut rest = vec![0; LENGTH + 4 - 5 * some.len()];
    lab.peer.read_exact(&mut rest).await.expect("all of the answer");
    lab.send(b"cd").await;
    sleep(MOMENT).await;
    assert_eq!(lab.messages(), [b"abcd"]);
    assert!(!lab.has_ended());
}
