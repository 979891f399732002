//! Both ends of a connection: a handler that records its messages, and a peer that sends bytes.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use cloverleaf_transport::limits::DECODED_PER_UNIT;
use cloverleaf_transport::outbound::{HighWaterMark, queue, queue_with};
use cloverleaf_transport::{
    CloseReason, Connection, ConnectionLimits, Flow, Framing, Handler, InputMemory, Lifecycle,
    OutboundReceiver, OutboundSender, Overflow, QueueMemory, Queued, SlowConsumer, Stream,
};
use cloverleaf_wamp::websocket::{CloseCode, MessageKind, WebSocketLimits, WebSocketRole};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

/// The longest message that the connections of these tests take.
pub(crate) const LIMIT: usize = 1024;

/// A message of this text ends the connection with this code.
pub(crate) const STOP: (&[u8], CloseCode) = (b"stop", CloseCode::POLICY_VIOLATION);

/// A message for the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A full queue drops it.
    Event(Vec<u8>),
    /// A full queue does not drop it.
    Answer(Vec<u8>),
}

impl Item {
    fn bytes(&self) -> &[u8] {
        let (Self::Event(bytes) | Self::Answer(bytes)) = self;
        bytes
    }
}

impl Queued for Item {
    fn size(&self) -> usize {
        self.bytes().len()
    }

    fn overflow(&self) -> Overflow {
        match self {
            Self::Event(_) => Overflow::SlowConsumer,
            Self::Answer(_) => Overflow::Disconnect,
        }
    }
}

/// The calls that a handler has received.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) received: Vec<(Option<MessageKind>, Vec<u8>)>,
    pub(crate) closed: Vec<CloseReason>,
    /// The number of calls of `on_slow_consumer`.
    pub(crate) on_slow_consumer: usize,
    /// The largest size of the buffer of encoded bytes.
    pub(crate) most_encoded: usize,
    /// The bytes of all messages, those received and those encoded.
    pub(crate) bytes: usize,
}

/// Keeps a record. The session is open unless the last message was `leave`. After `wait`, no
/// message is handled before there is room in the gate. After `wait and leave`, the session is not
/// open any more when there is room.
pub(crate) struct Recorder<const READS_WHEN_CONGESTED: bool = false> {
    record: Arc<Mutex<Record>>,
    outbound: OutboundSender<Item>,
    is_open: bool,
    leaves_when_ready: bool,
    gate: Gate,
}

/// A queue that a handler waits for.
pub(crate) type Gate = OutboundSender<Item>;

impl Recorder {
    /// A recorder, its record, and the gate that it waits for.
    pub(crate) fn new(
        outbound: &OutboundSender<Item>,
        is_open: bool,
    ) -> (Self, Arc<Mutex<Record>>, OutboundReceiver<Item>) {
        let record = Arc::new(Mutex::new(Record::default()));
        let (gate, gate_receiver) = queue();
        gate.set_policy(SlowConsumer::BlockPublisher);
        let (outbound, recorded) = (outbound.clone(), Arc::clone(&record));
        let recorder = Self { record: recorded, outbound, is_open, leaves_when_ready: false, gate };
        (recorder, record, gate_receiver)
    }

    /// A recorder on the client's side, which reads from a peer that does not read.
    fn of_a_client(self) -> Recorder<true> {
        let Self { record, outbound, is_open, leaves_when_ready, gate } = self;
        Recorder { record, outbound, is_open, leaves_when_ready, gate }
    }
}

impl<const READS_WHEN_CONGESTED: bool> Handler for Recorder<READS_WHEN_CONGESTED> {
    type Item = Item;
    type Session = Self;

    const READS_WHEN_CONGESTED: bool = READS_WHEN_CONGESTED;

    fn session(&mut self) -> &mut Self {
        self
    }

    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow {
        cloverleaf_wakes::spend((message.len() / DECODED_PER_UNIT) as u32);
        let mut record = self.record.lock();
        record.received.push((kind, message.to_vec()));
        record.bytes += message.len();
        drop(record);
        self.is_open = message != b"leave";
        if message == STOP.0 {
            let _ = self.outbound.push(Item::Answer(b"stopping".to_vec()));
            return Flow::Close(STOP.1, "stopped".to_owned());
        }
        self.leaves_when_ready = message == b"wait and leave";
        if message.starts_with(b"wait") { Flow::Wait } else { Flow::Continue }
    }

    fn kind(&self, _: &Item) -> MessageKind {
        MessageKind::Binary
    }

    fn encode(&mut self, item: Item, limit: usize, out: &mut Vec<u8>) -> Result<(), Option<Item>> {
        if item.bytes().len() > limit {
            return Err(Some(Item::Answer(b"too long".to_vec())));
        }
        out.extend_from_slice(item.bytes());
        let mut record = self.record.lock();
        record.most_encoded = record.most_encoded.max(out.len());
        record.bytes += item.bytes().len();
        Ok(())
    }
}

impl<const READS_WHEN_CONGESTED: bool> Lifecycle for Recorder<READS_WHEN_CONGESTED> {
    type Message = Item;

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        ready!(self.gate.poll_room(context));
        if std::mem::take(&mut self.leaves_when_ready) {
            self.is_open = false;
        }
        Poll::Ready(())
    }

    fn on_slow_consumer(&mut self) {
        self.record.lock().on_slow_consumer += 1;
    }

    fn closing_message(&mut self) -> Option<Item> {
        Some(Item::Answer(b"goodbye!".to_vec()))
    }

    fn is_open(&self) -> bool {
        self.is_open
    }

    fn closed(&mut self, reason: &CloseReason) {
        self.record.lock().closed.push(reason.clone());
    }
}

/// The budgets of a connection, in addition to its fixed limits.
#[derive(Default)]
pub(crate) struct Budgets {
    /// The high-water mark of its queue.
    pub(crate) high_water_mark: HighWaterMark,
    /// The memory that its queue shares with others.
    pub(crate) queues: Option<Arc<QueueMemory>>,
    /// The memory that its unfinished messages share with others. Without it, they are not watched.
    pub(crate) input: Option<Arc<InputMemory>>,
    /// Its limits, if they are not the default ones.
    pub(crate) limits: Option<Arc<ConnectionLimits>>,
}

/// A running connection and the other end of its pipe.
pub(crate) struct Lab {
    pub(crate) peer: DuplexStream,
    pub(crate) outbound: OutboundSender<Item>,
    pub(crate) record: Arc<Mutex<Record>>,
    connection: JoinHandle<CloseReason>,
    /// What the handler waits for after the message `wait`.
    pub(crate) gate: Gate,
    /// Dropping it opens the gate.
    pub(crate) gate_receiver: Option<OutboundReceiver<Item>>,
}

impl Lab {
    /// A connection whose session is open.
    pub(crate) fn open(framing: Framing) -> Self {
        Self::with(framing, true, 64 * 1024, &mut [])
    }

    /// A connection whose peer has sent nothing yet.
    pub(crate) fn silent(framing: Framing) -> Self {
        Self::with(framing, false, 64 * 1024, &mut [])
    }

    /// A connection over a pipe of this size, with bytes that were read behind the handshake.
    pub(crate) fn with(framing: Framing, is_open: bool, pipe: usize, early: &mut [u8]) -> Self {
        Self::around(|handler| handler, framing, is_open, pipe, early, &Budgets::default())
    }

    /// A connection over a pipe of this size, whose session is open, with these budgets.
    pub(crate) fn within(budgets: &Budgets, framing: Framing, pipe: usize) -> Self {
        Self::around(|handler| handler, framing, true, pipe, &mut [], budgets)
    }

    /// A client's connection, whose session is open.
    pub(crate) fn of_a_client(framing: Framing, pipe: usize) -> Self {
        let budgets = Budgets::default();
        Self::around(Recorder::of_a_client, framing, true, pipe, &mut [], &budgets)
    }

    fn around<H: Handler<Item = Item>>(
        handler_of: impl FnOnce(Recorder) -> H,
        framing: Framing,
        is_open: bool,
        pipe: usize,
        early: &mut [u8],
        budgets: &Budgets,
    ) -> Self {
        let (ours, peer) = duplex(pipe);
        let (outbound, receiver) = queue_with(budgets.high_water_mark, budgets.queues.clone());
        let (recorder, record, gate_receiver) = Recorder::new(&outbound, is_open);
        let gate = recorder.gate.clone();
        let (stream, handler) = (Stream::Other(Box::new(ours)), handler_of(recorder));
        let mut connection = Connection::new(stream, framing, handler, receiver, early);
        if let Some(memory) = &budgets.input {
            connection = connection.with_input_memory(memory);
        }
        if let Some(limits) = &budgets.limits {
            connection = connection.with_limits(limits);
        }
        let connection = tokio::spawn(connection);
        Self { peer, outbound, record, connection, gate, gate_receiver: Some(gate_receiver) }
    }

    /// Sends bytes to the connection.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.peer.write_all(bytes).await.expect("the connection is there");
    }

    /// Reads the next bytes from the connection, which must be these.
    pub(crate) async fn expect(&mut self, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        self.peer.read_exact(&mut bytes).await.expect("bytes");
        assert_eq!(bytes, expected);
    }

    /// Reads up to the end of the stream, which must be these bytes.
    pub(crate) async fn expect_last(&mut self, expected: &[u8]) {
        let mut bytes = Vec::new();
        self.peer.read_to_end(&mut bytes).await.expect("the end");
        assert_eq!(bytes, expected);
    }

    /// The messages that the handler has received.
    pub(crate) fn messages(&self) -> Vec<Vec<u8>> {
        self.record.lock().received.iter().map(|(_, message)| message.clone()).collect()
    }

    /// Waits for the end, which the handler must have been told once.
    pub(crate) async fn end(self) -> CloseReason {
        let Self { peer, record, connection, .. } = self;
        drop(peer);
        let reason = connection.await.expect("no panic");
        assert_eq!(record.lock().closed, std::slice::from_ref(&reason));
        reason
    }

    /// Drops the connection.
    pub(crate) async fn abort(self) {
        self.connection.abort();
        assert!(self.connection.await.is_err_and(|error| error.is_cancelled()));
    }

    /// Whether the connection has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.connection.is_finished()
    }
}

/// Spawns a task beside connections. Returns the most bytes of messages that the connections have
/// moved together between two turns of the task.
pub(crate) fn neighbour(labs: &[Lab]) -> Arc<AtomicUsize> {
    let most = Arc::new(AtomicUsize::new(0));
    let kept = Arc::clone(&most);
    let records: Vec<_> = labs.iter().map(|lab| Arc::clone(&lab.record)).collect();
    let mut before = 0;
    tokio::spawn(poll_fn(move |context| {
        let bytes = records.iter().map(|record| record.lock().bytes).sum();
        kept.fetch_max(bytes - before, Ordering::Relaxed);
        before = bytes;
        context.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    most
}

/// RawSocket frames of [`LIMIT`] bytes at most, both ways.
pub(crate) fn rawsocket() -> Framing {
    Framing::rawsocket(LIMIT, LIMIT)
}

/// WebSocket frames of [`LIMIT`] bytes at most from the peer, a client.
pub(crate) fn websocket() -> Framing {
    Framing::websocket(
        WebSocketRole::Server,
        WebSocketLimits { max_message: LIMIT, max_frame: LIMIT },
    )
}
