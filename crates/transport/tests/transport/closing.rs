//! How connections end, and what they still send.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_transport::limits::{CLOSING_TIMEOUT, OPENING_TIMEOUT};
use cloverleaf_transport::outbound::queue;
use cloverleaf_transport::{
    CloseReason, Connection, ConnectionLimits, Flow, Lifecycle, OutboundSender, Peer, Pushed,
    ServerSide, Stream, Undeliverable, WaitingMessage, WampHandler,
};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::sender::write_close;
use cloverleaf_wamp::websocket::{CloseCode, CloseFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::peer::{Item, Lab, STOP, rawsocket, websocket};

/// Added to a timeout so that it has passed.
const MOMENT: Duration = Duration::from_millis(10);

fn by_us(reason: &str) -> CloseReason {
    CloseReason::ByUs(reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn peer_that_opens_no_session_is_closed_in_time() {
    let start = Instant::now();
    let mut lab = Lab::silent(rawsocket());
    lab.expect_last(b"").await;
    assert_eq!(start.elapsed().as_secs(), OPENING_TIMEOUT.as_secs());
    assert_eq!(lab.end().await, CloseReason::OpeningTimeout);
}

#[tokio::test(start_paused = true)]
async fn websocket_peer_that_opens_no_session_gets_close_code_1008() {
    let mut lab = Lab::silent(websocket());
    lab.expect_last(b"\x88\x02\x03\xf0").await;
    assert_eq!(lab.end().await, CloseReason::OpeningTimeout);
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_open_a_session() {
    let mut lab = Lab::silent(rawsocket());
    for _ in 0..OPENING_TIMEOUT.as_secs() {
        lab.send(b"\x01\x00\x00\x00").await;
        lab.expect(b"\x02\x00\x00\x00").await;
        sleep(Duration::from_secs(1) - MOMENT).await;
    }
    lab.expect_last(b"").await;
    assert_eq!(lab.end().await, CloseReason::OpeningTimeout);
}

#[tokio::test(start_paused = true)]
async fn open_session_may_be_idle_forever() {
    let mut lab = Lab::silent(rawsocket());
    lab.send(b"\x00\x00\x00\x05hello").await;
    sleep(OPENING_TIMEOUT * 1000).await;
    assert!(!lab.has_ended());
}

#[tokio::test(start_paused = true)]
async fn peer_that_left_its_session_must_open_another_in_time() {
    let mut lab = Lab::silent(rawsocket());
    lab.send(b"\x00\x00\x00\x05hello").await;
    sleep(OPENING_TIMEOUT * 2).await;
    lab.send(b"\x00\x00\x00\x05leave").await;
    sleep(OPENING_TIMEOUT - MOMENT).await;
    assert!(!lab.has_ended());
    lab.expect_last(b"").await;
    assert_eq!(lab.end().await, CloseReason::OpeningTimeout);
}

#[tokio::test(start_paused = true)]
async fn end_of_stream_ends_the_connection() {
    let ended = timeout(CLOSING_TIMEOUT + MOMENT, Lab::open(rawsocket()).end());
    assert_eq!(ended.await, Ok(CloseReason::ByPeer));
}

#[tokio::test(start_paused = true)]
async fn peer_that_half_closes_gets_its_queued_messages() {
    for (framing, expected) in [
        (rawsocket(), &b"\x00\x00\x00\x03one\x00\x00\x00\x03two"[..]),
        (websocket(), &b"\x82\x03one\x82\x03two\x88\x02\x03\xe8"[..]),
    ] {
        let mut lab = Lab::open(framing);
        for answer in ["one", "two"] {
            assert_eq!(lab.outbound.push(Item::Answer(answer.into())), Pushed::Queued);
        }
        lab.peer.shutdown().await.expect("half closed");
        lab.expect_last(expected).await;
        assert_eq!(lab.end().await, CloseReason::ByPeer);
    }
}

#[tokio::test(start_paused = true)]
async fn half_closed_peer_that_does_not_read_is_ended_after_the_closing_timeout() {
    let mut lab = Lab::with(rawsocket(), true, 16, &mut []);
    let _ = lab.outbound.push(Item::Answer(vec![b'x'; 100]));
    lab.peer.shutdown().await.expect("half closed");
    sleep(CLOSING_TIMEOUT - MOMENT).await;
    assert!(!lab.has_ended());
    sleep(2 * MOMENT).await;
    assert!(lab.has_ended());
    assert_eq!(lab.end().await, CloseReason::ByPeer);
}

#[tokio::test]
async fn websocket_close_without_a_code_is_answered_with_1000() {
    let mut lab = Lab::open(websocket());
    let mut close = Vec::new();
    write_close(&mut close, None, Some([1, 2, 3, 4]));
    lab.send(&close).await;
    lab.expect_last(b"\x88\x02\x03\xe8").await;
    assert_eq!(lab.end().await, CloseReason::ByPeer);
}

#[tokio::test]
async fn websocket_close_is_answered_with_its_code() {
    let mut lab = Lab::open(websocket());
    let mut close = Vec::new();
    let frame = CloseFrame { code: CloseCode::GOING_AWAY, reason: "bye" };
    write_close(&mut close, Some(frame), Some([1, 2, 3, 4]));
    lab.send(&close).await;
    lab.expect_last(b"\x88\x02\x03\xe9").await;
    assert_eq!(lab.end().await, CloseReason::ByPeer);
}

#[tokio::test]
async fn queued_messages_are_sent_before_the_end() {
    for (framing, expected) in [
        (rawsocket(), &b"\x00\x00\x00\x04last"[..]),
        (websocket(), &b"\x82\x04last\x88\x02\x03\xe8"[..]),
    ] {
        let mut lab = Lab::open(framing);
        let _ = lab.outbound.push(Item::Event(b"last".to_vec()));
        lab.outbound.close(CloseCode::NORMAL, "enough");
        assert_eq!(lab.outbound.push(Item::Event(b"late".to_vec())), Pushed::Closed);
        lab.expect_last(expected).await;
        assert_eq!(lab.end().await, by_us("enough"));
    }
}

#[tokio::test]
async fn message_that_a_closing_handler_queues_is_sent_last() {
    let mut lab = Lab::open(websocket());
    let mut stop = Vec::new();
    let kind = cloverleaf_wamp::websocket::MessageKind::Binary;
    cloverleaf_wamp::websocket::sender::write_message(&mut stop, kind, STOP.0, Some([0; 4]));
    lab.send(&stop).await;
    lab.expect_last(b"\x82\x08stopping\x88\x02\x03\xf0").await;
    assert_eq!(lab.end().await, by_us("stopped"));
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_the_close_frame() {
    let mut lab = Lab::with(websocket(), true, 8, &mut []);
    let mut stop = Vec::new();
    let kind = cloverleaf_wamp::websocket::MessageKind::Binary;
    cloverleaf_wamp::websocket::sender::write_message(&mut stop, kind, STOP.0, Some([0; 4]));
    lab.send(&stop).await;
    // The pipe is full, and the Close frame waits behind the last message.
    sleep(MOMENT).await;
    let _ = lab.outbound.push(Item::Answer(b"late".to_vec()));
    lab.expect_last(b"\x82\x08stopping\x88\x02\x03\xf0").await;
    assert_eq!(lab.end().await, by_us("stopped"));
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_close_is_ended_after_the_closing_timeout() {
    let mut lab = Lab::open(rawsocket());
    lab.outbound.close(CloseCode::NORMAL, "enough");
    let start = Instant::now();
    lab.expect(b"").await;
    let Lab { peer, outbound, record, .. } = lab;
    sleep(CLOSING_TIMEOUT + MOMENT).await;
    assert_eq!(record.lock().closed, [by_us("enough")]);
    assert!(start.elapsed() < CLOSING_TIMEOUT * 2);
    drop((peer, outbound));
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_read_the_last_message_is_ended_after_the_closing_timeout() {
    let lab = Lab::with(rawsocket(), true, 16, &mut []);
    for _ in 0..1000 {
        let _ = lab.outbound.push(Item::Answer(vec![0; 1000]));
    }
    // The pipe and the buffer of encoded bytes are full by now.
    sleep(MOMENT).await;
    lab.outbound.close(CloseCode::NORMAL, "enough");
    sleep(CLOSING_TIMEOUT + MOMENT).await;
    assert_eq!(lab.record.lock().closed, [by_us("enough")]);
}

#[tokio::test]
async fn dropped_connection_calls_closed_once() {
    let lab = Lab::open(rawsocket());
    let Lab { record, .. } = &lab;
    let record = Arc::clone(record);
    lab.abort().await;
    assert_eq!(record.lock().closed.len(), 1);
}

/// Sends ABORT for bytes that are not a message.
struct Strict {
    outbound: OutboundSender<WaitingMessage>,
}

impl Peer<ServerSide> for Strict {
    fn handle_message(&mut self, _: ClientMessage) -> Flow {
        Flow::Continue
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, error.to_string());
        let _ = self.outbound.push(RouterMessage::Abort(abort).into());
        Flow::Close(CloseCode::PROTOCOL_ERROR, error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        _: RouterMessage,
        _: &Undeliverable,
    ) -> Option<RouterMessage> {
        None
    }
}

impl Lifecycle for Strict {
    type Message = RouterMessage;

    fn is_open(&self) -> bool {
        false
    }

    fn closed(&mut self, _: &CloseReason) {}
}

#[tokio::test]
async fn abort_reaches_a_peer_that_still_sends_before_the_socket_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut peer = TcpStream::connect(address).await.expect("connected");
    let (stream, _) = listener.accept().await.expect("accepted");
    let (outbound, receiver) = queue();
    let handler = WampHandler::new(Serializer::Json, Strict { outbound });
    let connection = Connection::new(Stream::Tcp(stream), rawsocket(), handler, receiver, &mut []);
    let connection = tokio::spawn(connection);
    // Not a message, and half a megabyte behind it that the connection will not read.
    let mut bytes = b"\x00\x00\x00\x02{}".to_vec();
    bytes.extend_from_slice(&[0; 512 * 1024]);
    peer.write_all(&bytes).await.expect("sent");
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.expect("no reset");
    let text = String::from_utf8_lossy(&answer[4..]);
    assert!(text.starts_with(r#"[3,{"message":"a message must be a list"#), "{text}");
    drop(peer);
    let reason = connection.await.expect("no panic");
    assert!(matches!(reason, CloseReason::ByUs(_)), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn limits_of_the_listener_replace_the_default_timeouts() {
    let limits = Arc::new(ConnectionLimits {
        opening_timeout: OPENING_TIMEOUT / 2,
        closing_timeout: CLOSING_TIMEOUT / 2,
        ..ConnectionLimits::default()
    });
    let (ours, _peer) = duplex(1024);
    let (outbound, receiver) = queue();
    let handler = WampHandler::new(Serializer::Json, Strict { outbound });
    let stream = Stream::Other(Box::new(ours));
    let start = Instant::now();
    let connection = Connection::new(stream, rawsocket(), handler, receiver, &mut []);
    let reason = connection.with_limits(&limits).await;
    assert_eq!(reason, CloseReason::OpeningTimeout);
    // The peer does not end its half either.
    let expected = OPENING_TIMEOUT / 2 + CLOSING_TIMEOUT / 2;
    assert!(start.elapsed() >= expected && start.elapsed() < expected + MOMENT);
}
