//! Batches whose messages wait until the session is ready.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cloverleaf_transport::limits::{
    UNFINISHED_GRANULE, UNFINISHED_STALE_AFTER, UNFINISHED_UNRESERVED, UNFINISHED_WINDOW,
};
use cloverleaf_transport::outbound::queue;
use cloverleaf_transport::{
    BatchedHandler, CloseReason, Connection, Flow, Framing, Handler as _, InputMemory, Lifecycle,
    Peer, ServerSide, Stream, Undeliverable,
};
use cloverleaf_wamp::error::DecodeError;
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};
use parking_lot::Mutex;
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Records the names of its messages. Waits after each PUBLISH until its gate is open.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<Vec<&'static str>>>, Arc<Mutex<Gate>>);

#[derive(Default)]
struct Gate {
    is_shut: bool,
    waker: Option<Waker>,
}

impl Peer<ServerSide> for Slow {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        self.0.lock().push(message.name());
        if matches!(message, ClientMessage::Publish(_)) { Flow::Wait } else { Flow::Continue }
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
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

impl Lifecycle for Slow {
    type Message = RouterMessage;

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut gate = self.1.lock();
        if !gate.is_shut {
            return Poll::Ready(());
        }
        gate.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn is_open(&self) -> bool {
        true
    }

    fn closed(&mut self, _: &CloseReason) {}
}

const PUBLISH: &str = r#"[16,1,{},"com.example.topic"]"#;
const GOODBYE: &str = r#"[6,{},"wamp.close.normal"]"#;

fn received(batch: &[&str]) -> (BatchedHandler<ServerSide, Slow>, Slow, Flow) {
    let peer = Slow::default();
    let mut handler = BatchedHandler::new(Serializer::Json, peer.clone());
    let batch: String = batch.iter().map(|message| format!("{message}\u{1e}")).collect();
    let flow = handler.receive(Some(MessageKind::Text), batch.as_bytes());
    (handler, peer, flow)
}

#[test]
fn rest_of_a_batch_waits_with_its_sender() {
    let (mut handler, peer, flow) = received(&[GOODBYE, PUBLISH, PUBLISH, GOODBYE]);
    assert_eq!((flow, peer.0.lock().len()), (Flow::Wait, 2));
    assert_eq!((handler.resume(), peer.0.lock().len()), (Flow::Wait, 3));
    assert_eq!((handler.resume(), peer.0.lock().len()), (Flow::Continue, 4));
    assert_eq!(handler.resume(), Flow::Continue);
    assert_eq!(*peer.0.lock(), ["GOODBYE", "PUBLISH", "PUBLISH", "GOODBYE"]);
}

#[test]
fn batch_that_ends_with_a_wait_is_finished() {
    let (mut handler, peer, flow) = received(&[PUBLISH]);
    assert_eq!((flow, handler.resume()), (Flow::Wait, Flow::Continue));
    assert_eq!(*peer.0.lock(), ["PUBLISH"]);
}

#[test]
fn undecodable_message_behind_a_wait_closes_the_connection() {
    let (mut handler, peer, flow) = received(&[PUBLISH, "nonsense"]);
    assert_eq!(flow, Flow::Wait);
    assert!(matches!(handler.resume(), Flow::Close(..)));
    assert_eq!(*peer.0.lock(), ["PUBLISH"]);
}

#[tokio::test(start_paused = true)]
async fn unfinished_batch_ends_its_connection_in_time() {
    let (ours, mut theirs) = duplex(1_024);
    let (_outbound, receiver) = queue();
    let handler = BatchedHandler::new(Serializer::Json, Slow::default());
    let framing = Framing::rawsocket(1 << 20, 1 << 20);
    let stream = Stream::Other(Box::new(ours));
    let connection = Connection::new(stream, framing, handler, receiver, &mut []);
    let connection = tokio::spawn(connection.with_input_memory(&InputMemory::new(1 << 20)));
    let begun = Instant::now();
    // One complete message of the batch, and a part of the next.
    theirs.write_all(b"\0\0\x10\0").await.expect("a frame's header");
    theirs.write_all(format!("{GOODBYE}\u{1e}[16,1").as_bytes()).await.expect("a part");
    assert_eq!(connection.await.expect("no panic"), CloseReason::SlowMessage);
    let took = begun.elapsed();
    assert!(took >= UNFINISHED_WINDOW && took < 2 * UNFINISHED_WINDOW, "{took:?}");
}

/// Longer than all timeouts, in paused time.
const LONG: Duration = Duration::from_secs(3600);

/// A connection with a batch of four messages: the first was handled, the others wait.
async fn waiting(memory: &Arc<InputMemory>) -> (Slow, DuplexStream, JoinHandle<CloseReason>) {
    let slow = Slow::default();
    slow.1.lock().is_shut = true;
    let handler = BatchedHandler::<ServerSide, _>::new(Serializer::Json, slow.clone());
    let (ours, mut peer) = duplex(64 * 1024);
    let (_, receiver) = queue();
    let framing = Framing::rawsocket(1 << 20, 1 << 20);
    let stream = Stream::Other(Box::new(ours));
    let connection = Connection::new(stream, framing, handler, receiver, &mut []);
    let connection = tokio::spawn(connection.with_input_memory(memory));
    let filling = " ".repeat(UNFINISHED_UNRESERVED);
    let batch = format!("{PUBLISH}{filling}\u{1e}").repeat(4);
    let length = u32::try_from(batch.len()).expect("a length");
    peer.write_all(&length.to_be_bytes()).await.expect("the connection is there");
    peer.write_all(batch.as_bytes()).await.expect("the connection is there");
    while slow.0.lock().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    (slow, peer, connection)
}

#[tokio::test(start_paused = true)]
async fn waiting_messages_of_a_batch_count_as_input_until_they_are_taken() {
    let memory = InputMemory::new(1 << 20);
    let (slow, _peer, _connection) = waiting(&memory).await;
    sleep(LONG).await;
    assert_eq!((slow.0.lock().len(), memory.used()), (1, UNFINISHED_GRANULE));
    let waker = {
        let mut gate = slow.1.lock();
        gate.is_shut = false;
        gate.waker.take()
    };
    waker.expect("the connection waits").wake();
    sleep(Duration::from_millis(1)).await;
    assert_eq!((slow.0.lock().len(), memory.used()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn batch_that_waits_is_given_up_when_others_need_its_memory() {
    let memory = InputMemory::new(UNFINISHED_GRANULE);
    let (_slow, _peer, connection) = waiting(&memory).await;
    sleep(UNFINISHED_STALE_AFTER).await;
    let mut other = memory.reservation();
    let held = timeout(LONG, other.hold(UNFINISHED_UNRESERVED + 1)).await;
    assert_eq!(held, Ok(Ok(())));
    let reason = timeout(LONG, connection).await.expect("the connection ends");
    assert_eq!(reason.expect("no panic"), CloseReason::SlowMessage);
}
