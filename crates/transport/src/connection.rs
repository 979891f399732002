//! The future of one peer: bytes to messages for its handler, messages of its queue to bytes.
//!
//! One task a peer. A turn reads at most [`READS_PER_TURN`] buffers, writes at most
//! [`WRITES_PER_TURN`](crate::limits::WRITES_PER_TURN) times and encodes at most
//! [`WRITE_BATCH`](crate::limits::WRITE_BATCH) bytes between two writes. It ends earlier when its
//! handler or its thread has done enough ([`Flow::Yield`], [`cloverleaf_wakes::is_spent`]). Large
//! messages are handed over and encoded in order with those of the other connections of the thread
//! ([`cloverleaf_wakes::WorkPermit`]), and so are the steps in which a message is inflated. A peer
//! that does not read is not heard either, on the router's side. Reading goes into one buffer that
//! all connections of a thread share, so an idle connection holds none.
//!
//! | room | what it is for |
//! |---|---|
//! | `reading` | from the socket to the handler |
//! | `writing` | from the queue to the socket |
//! | `unfinished` | messages that have begun and don't end |
//!
//! ```text
//! Open ──(anybody ends it in peace)──▶ Flushing ──(all sent, half closed)─▶ Lingering ─▶ end
//!   └──────────────(the network ends it, or a full queue)───────────────────────────────▶ end
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cloverleaf_wakes::WorkPermit;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::CloseReason;
use crate::framing::Framing;
use crate::input_memory::InputMemory;
use crate::keepalive::{PingAction, Pinger};
use crate::limits::{OPENING_TIMEOUT, READ_BUFFER, READS_PER_TURN, UNSENT_PAUSES_READING};
use crate::log_limited;
use crate::outbound::{Encoded, OutboundReceiver, Queued};
use crate::stream::Stream;

mod reading;
mod unfinished;
mod writing;

use unfinished::Unfinished;
use writing::Stall;

thread_local! {
    /// What all connections of a thread read into.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER].into_boxed_slice());
    /// The buffer that the connection whose turn it is encodes into; it comes back when everything
    /// has been sent.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a handler says after a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Go on.
    Continue,
    /// Hand nothing over before the handler is ready again.
    Wait,
    /// Hand nothing over before other connections have had their turn: the handler has done much.
    Yield,
    /// Send what is queued, then close: with this WebSocket code, for this reason.
    Close(CloseCode, String),
}

/// Gives the messages of one connection their meaning.
pub trait Handler: Send + 'static {
    /// What is queued for the peer.
    type Item: Queued + Send + 'static;

    /// Up to which length, in bytes, a message takes more items; by default it is one item.
    const PACKED: usize = 0;

    /// Whether also a peer is heard that does not read, as long as the answers to it don't pile up.
    /// One side of a connection has to, or two large messages that meet wait for each other.
    const READS_WHEN_CONGESTED: bool = false;

    /// Takes a message; the bytes are gone when this returns.
    fn receive(&mut self, kind: Option<MessageKind>, message: &[u8]) -> Flow;

    /// Text or binary, for the frame of an item.
    fn kind(&self, item: &Self::Item) -> MessageKind;

    /// Appends an item as a message of at most `limit` bytes. An item that can't be sent may be
    /// replaced by another one, which is tried in its place. Where items are packed, nothing is
    /// appended of one that can't be sent.
    fn encode(
        &mut self,
        item: Self::Item,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Option<Self::Item>>;

    /// Whether it takes another message now, after [`Flow::Wait`] or [`Flow::Yield`].
    fn poll_ready(&mut self, _: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Takes what it has kept of the message that it answered with [`Flow::Wait`] or
    /// [`Flow::Yield`], now that it is ready.
    fn resume(&mut self) -> Flow {
        Flow::Continue
    }

    /// Bytes of a message that the handler holds until it is resumed. They count in the memory for
    /// unfinished messages.
    fn kept_bytes(&self) -> usize {
        0
    }

    /// The queue has room again for what can be sent later; see
    /// [`OutboundSender::has_room`](crate::OutboundSender::has_room).
    fn drained(&mut self) {}

    /// The peer reads too slowly and has missed something, for the first time.
    fn on_slow_consumer(&mut self) {}

    /// The last item for a peer that reads too slowly.
    fn closing_message(&mut self) -> Option<Self::Item> {
        None
    }

    /// Whether the peer has opened its session. Until then a deadline runs.
    fn is_open(&self) -> bool;

    /// The connection has ended; called exactly once.
    fn closed(&mut self, reason: &CloseReason);
}

#[derive(Debug)]
enum Stage {
    Open,
    Flushing { reason: CloseReason, code: Option<CloseCode>, said: bool },
    Lingering { reason: CloseReason },
    Ended,
}

/// One connection; see the [module](self). Resolves to why it ended.
#[must_use = "a connection does nothing unless it is polled"]
pub struct Connection<H: Handler> {
    stream: Stream,
    framing: Framing,
    handler: H,
    receiver: OutboundReceiver<H::Item>,
    batch: VecDeque<H::Item>,
    encoded: Encoded,
    /// Encoded bytes; those before `sent` are on their way.
    unsent: Vec<u8>,
    sent: usize,
    /// Of what is encoded, the bytes that answer pings, counted until everything has been sent.
    pongs: usize,
    stage: Stage,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs since the peer did not take everything.
    stall: Option<Box<Stall>>,
    /// What was read and is not handed over before the handler or the thread is ready: the rest of
    /// one read, so at most [`READ_BUFFER`] bytes.
    paused_input: Option<Box<[u8]>>,
    /// The kind of a complete message before that, which waits for its thread.
    parked: Option<Option<MessageKind>>,
    /// The wait of a message to be handed over or inflated.
    input_piece: WorkPermit,
    /// How many steps of inflating may be done before it waits again.
    steps_left: usize,
    /// The wait of a message to be encoded.
    output_piece: WorkPermit,
    /// The handler has done enough for this turn.
    yields: bool,
    /// Watches over messages that have begun, on the router's side.
    unfinished: Option<Unfinished>,
    /// Where the peer is asked whether it is still there.
    pinger: Option<Box<Pinger>>,
}

impl<H: Handler> Connection<H> {
    /// A connection whose handshake is done. `early` is what has been read behind the handshake.
    pub fn new(
        stream: Stream,
        framing: Framing,
        handler: H,
        receiver: OutboundReceiver<H::Item>,
        early: &mut [u8],
    ) -> Self {
        let pinger = framing.keepalive().map(|keepalive| Box::new(Pinger::new(keepalive)));
        let mut connection = Self {
            stream,
            framing,
            handler,
            receiver,
            batch: VecDeque::new(),
            encoded: Encoded::default(),
            unsent: Vec::new(),
            sent: 0,
            pongs: 0,
            stage: Stage::Open,
            deadline: None,
            stall: None,
            paused_input: None,
            parked: None,
            input_piece: WorkPermit::default(),
            steps_left: 0,
            output_piece: WorkPermit::default(),
            yields: false,
            unfinished: None,
            pinger,
        };
        connection.start_deadline(OPENING_TIMEOUT);
        connection.take(early);
        connection
    }

    /// The same connection, whose unfinished messages hold no more than this memory and don't take
    /// for ever.
    pub fn with_input_memory(mut self, memory: &Arc<InputMemory>) -> Self {
        self.unfinished = Some(Unfinished::new(Arc::clone(memory)));
        self
    }

    fn start_deadline(&mut self, timeout: std::time::Duration) {
        self.deadline = Some(Box::pin(sleep_until(Instant::now() + timeout)));
    }

    /// Sends what is queued, says the end where the framing can, and waits a moment for the peer's.
    fn flush_and_close(&mut self, reason: CloseReason, code: Option<CloseCode>) {
        if matches!(self.stage, Stage::Open) {
            self.stage = Stage::Flushing { reason, code, said: false };
            self.start_deadline(self.framing.closing_timeout());
        }
    }

    /// Half closes when everything is sent, then reads to the peer's end and throws it away.
    fn poll_closing(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if let Stage::Flushing { reason, said: true, .. } = &self.stage
            && self.unsent_len() == 0
        {
            let reason = reason.clone();
            if ready!(self.stream.poll_shutdown(context)).is_err() {
                return Poll::Ready(reason);
            }
            self.stage = Stage::Lingering { reason };
        }
        let Stage::Lingering { reason } = &self.stage else { return Poll::Pending };
        let stream = &mut self.stream;
        for _ in 0..READS_PER_TURN {
            let read = SCRATCH.with_borrow_mut(|scratch| stream.poll_read(context, scratch));
            if matches!(ready!(read), Ok(0) | Err(_)) {
                return Poll::Ready(reason.clone());
            }
        }
        end_turn(context);
        Poll::Pending
    }

    /// Asks a peer that has said nothing for long, and gives up one that does not answer. One that
    /// has not taken everything yet is the business of [`Self::poll_stall`].
    #[cold]
    fn poll_pinger(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if self.unsent_len() > 0 || !matches!(self.stage, Stage::Open) {
            return Poll::Pending;
        }
        let Some(pinger) = &mut self.pinger else { return Poll::Pending };
        match ready!(pinger.poll(context)) {
            PingAction::Ping(payload) => self.framing.write_ping(&mut self.unsent, &payload),
            PingAction::Drop => return Poll::Ready(CloseReason::Unanswered),
        }
        // To be written, in another turn.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(context));
        self.deadline = None;
        match &self.stage {
            Stage::Open => {
                let code = Some(CloseCode::POLICY_VIOLATION);
                self.flush_and_close(CloseReason::OpeningTimeout, code);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Flushing { reason, .. } | Stage::Lingering { reason } => {
                Poll::Ready(reason.clone())
            }
            Stage::Ended => Poll::Pending,
        }
    }

    fn poll_stages(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if let Poll::Ready(reason) = self.poll_reading(context) {
            return Poll::Ready(reason);
        }
        let was_paused = self.reading_paused();
        if !matches!(self.stage, Stage::Lingering { .. })
            && let Poll::Ready(reason) = self.poll_writing(context)
        {
            return Poll::Ready(reason);
        }
        if let Poll::Ready(reason) = self.poll_stall(context) {
            return Poll::Ready(reason);
        }
        if self.unfinished.is_some()
            && let Poll::Ready(()) = self.poll_unfinished(context)
        {
            let code = Some(CloseCode::POLICY_VIOLATION);
            self.flush_and_close(CloseReason::SlowMessage, code);
            context.waker().wake_by_ref();
        }
        if self.pinger.is_some()
            && let Poll::Ready(reason) = self.poll_pinger(context)
        {
            return Poll::Ready(reason);
        }
        if was_paused && !self.reading_paused() {
            // Reading was not tried, so nothing else would wake for it.
            context.waker().wake_by_ref();
        }
        if let Poll::Ready(reason) = self.poll_closing(context) {
            return Poll::Ready(reason);
        }
        // Last, since all of the above may have set another one.
        self.poll_deadline(context)
    }

    fn unsent_len(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// A peer that does not read is not heard; by a client, as soon as the answers to it have piled
    /// up.
    fn reading_paused(&self) -> bool {
        let unsent = self.unsent_len();
        if H::READS_WHEN_CONGESTED {
            return unsent.min(self.pongs) > UNSENT_PAUSES_READING || self.receiver.has_piled_up();
        }
        unsent > UNSENT_PAUSES_READING
    }
}

/// Lets the runtime look at its sockets and run what is ready before this task comes again.
fn end_turn(context: &mut Context<'_>) {
    let look = pin!(yield_now());
    // It is pending for the first time, and wakes the task behind the look.
    let _ = look.poll(context);
}

/// Nothing in it is pinned: the deadline is boxed.
impl<H: Handler> Unpin for Connection<H> {}

impl<H: Handler> Future for Connection<H> {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CloseReason> {
        let reason = ready!(self.poll_stages(context));
        self.stage = Stage::Ended;
        self.handler.closed(&reason);
        Poll::Ready(reason)
    }
}

impl<H: Handler> Drop for Connection<H> {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Ended) {
            self.handler.closed(&CloseReason::ByUs("the router ends".to_owned()));
        }
        let refused = self.receiver.refused();
        if refused > 0 {
            log_limited!(
                info,
                "connection of a slow reader ended after messages were refused",
                refused
            );
        }
    }
}

impl<H: Handler> std::fmt::Debug for Connection<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("stage", &self.stage).finish_non_exhaustive()
    }
}
