//! The future of one connection: bytes to messages for its handler, items of its queue to bytes.
//!
//! One task per connection. Reading goes into one buffer that all connections of a thread share, so
//! an idle connection holds no buffer.
//!
//! A turn of the task is bounded:
//! - It reads at most [`READS_PER_TURN`] buffers.
//! - It writes at most [`WRITES_PER_TURN`](crate::limits::WRITES_PER_TURN) times, and encodes at
//!   most [`WRITE_BATCH`](crate::limits::WRITE_BATCH) bytes between two writes.
//! - It ends early on [`Flow::Yield`], or when the work of the thread's round is spent
//!   ([`cloverleaf_wakes::is_spent`]).
//! - Large messages, and the steps in which a message is inflated, wait for a [`WorkPermit`]: they
//!   run in order with those of the other connections of the thread.
//!
//! Backpressure: on the router's side, a connection does not read while its peer does not.
//!
//! | module | purpose |
//! |---|---|
//! | `reading` | from the socket to the handler |
//! | `writing` | from the queue to the socket |
//! | `stall` | peers that do not take what they are sent |
//! | `unfinished` | messages that have begun and do not end |
//! | `shared` | buffers and turns of a thread |
//!
//! ```text
//! Open ──(either side closes gracefully)──▶ Flushing ──(all sent, half closed)──▶ Lingering ─▶ end
//!   └──────────────(network error, or a full queue)───────────────────────────────────────▶ end
//! ```

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cloverleaf_wakes::WorkPermit;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::CloseReason;
use crate::framing::Framing;
use crate::handler::{Flow, Handler, Lifecycle as _};
use crate::input_memory::InputMemory;
use crate::keepalive::{PingAction, Pinger};
use crate::limits::{ConnectionLimits, READS_PER_TURN, UNSENT_PAUSES_READING};
use crate::log_limited;
use crate::outbound::{EncodedBatch, OutboundReceiver};
use crate::stream::Stream;

mod reading;
mod shared;
mod stall;
mod unfinished;
mod writing;

use shared::{SCRATCH, end_turn};
use stall::Stall;
use unfinished::Unfinished;

#[derive(Debug)]
enum ConnectionStage {
    Open,
    /// Sends what is queued. `close_written` is whether the end of the stream has been encoded.
    Flushing {
        reason: CloseReason,
        code: Option<CloseCode>,
        close_written: bool,
    },
    /// Everything is sent and this half is closed; waits for the end of the peer's half.
    Lingering {
        reason: CloseReason,
    },
    Ended,
}

/// One connection. Resolves to the reason of its end.
#[must_use = "a connection does nothing unless it is polled"]
pub struct Connection<H: Handler> {
    stream: Stream,
    framing: Framing,
    handler: H,
    receiver: OutboundReceiver<H::Item>,
    batch: VecDeque<H::Item>,
    encoded: EncodedBatch,
    /// Encoded bytes. Those before `sent` have been written.
    unsent: Vec<u8>,
    sent: usize,
    /// Encoded bytes of pongs, counted until everything has been sent.
    pongs: usize,
    stage: ConnectionStage,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs since the peer did not take everything.
    stall: Option<Box<Stall>>,
    /// Bytes that were read and wait until the session or the thread is ready: the rest of one
    /// read, so at most [`READ_BUFFER`](crate::limits::READ_BUFFER) bytes.
    paused_input: Option<Box<[u8]>>,
    /// The kind of a complete message before `paused_input`, which waits for a permit.
    parked: Option<Option<MessageKind>>,
    /// The permit to decode a large message, or to inflate.
    input_permit: WorkPermit,
    /// Steps of inflating that the permit still covers.
    steps_left: usize,
    /// The permit to encode a large message.
    output_permit: WorkPermit,
    /// The handler has used up its share of this turn.
    yields: bool,
    /// Watches over messages that have begun, on the router's side.
    unfinished: Option<Unfinished>,
    /// Sends keep-alive pings, if the framing is configured so.
    pinger: Option<Box<Pinger>>,
    /// None: the default limits.
    limits: Option<Arc<ConnectionLimits>>,
}

impl<H: Handler> Connection<H> {
    /// A connection whose handshake is done. `early` holds the bytes that were read behind the
    /// handshake.
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
            encoded: EncodedBatch::default(),
            unsent: Vec::new(),
            sent: 0,
            pongs: 0,
            stage: ConnectionStage::Open,
            deadline: None,
            stall: None,
            paused_input: None,
            parked: None,
            input_permit: WorkPermit::default(),
            steps_left: 0,
            output_permit: WorkPermit::default(),
            yields: false,
            unfinished: None,
            pinger,
            limits: None,
        };
        connection.start_opening_deadline();
        connection.take(early);
        connection
    }

    /// Bounds the unfinished messages of the connection: by this memory, which all connections of a
    /// process share, and in time.
    pub fn with_input_memory(mut self, memory: &Arc<InputMemory>) -> Self {
        self.unfinished = Some(Unfinished::new(Arc::clone(memory)));
        self
    }

    /// Replaces the default limits.
    pub fn with_limits(mut self, limits: &Arc<ConnectionLimits>) -> Self {
        self.limits = Some(Arc::clone(limits));
        if matches!(self.stage, ConnectionStage::Open) && self.deadline.is_some() {
            self.start_opening_deadline();
        }
        self
    }

    #[cold]
    fn limits(&self) -> ConnectionLimits {
        self.limits.as_deref().copied().unwrap_or_default()
    }

    fn start_deadline(&mut self, timeout: Duration) {
        self.deadline = Some(Box::pin(sleep_until(Instant::now() + timeout)));
    }

    /// Ends the connection if no session is open in time.
    #[cold]
    fn start_opening_deadline(&mut self) {
        self.start_deadline(self.limits().opening_timeout);
    }

    /// Closes gracefully: sends what is queued and the framing's end of the stream, then waits a
    /// moment for the end of the peer's half.
    #[cold]
    fn flush_and_close(&mut self, reason: CloseReason, code: Option<CloseCode>) {
        if matches!(self.stage, ConnectionStage::Open) {
            self.stage = ConnectionStage::Flushing { reason, code, close_written: false };
            let configured = self.framing.closing_timeout();
            self.start_deadline(configured.unwrap_or_else(|| self.limits().closing_timeout));
        }
    }

    /// Half-closes when everything is sent, then reads and discards up to the end of the peer's
    /// half.
    fn poll_closing(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if let ConnectionStage::Flushing { reason, close_written: true, .. } = &self.stage
            && self.unsent_len() == 0
        {
            let reason = reason.clone();
            if ready!(self.stream.poll_shutdown(context)).is_err() {
                return Poll::Ready(reason);
            }
            self.stage = ConnectionStage::Lingering { reason };
        }
        let ConnectionStage::Lingering { reason } = &self.stage else { return Poll::Pending };
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

    /// Pings a peer that has been silent for long. Ready when the peer does not answer. While bytes
    /// are unsent, [`Self::poll_stall`] watches the peer instead.
    #[cold]
    fn poll_pinger(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if self.unsent_len() > 0 || !matches!(self.stage, ConnectionStage::Open) {
            return Poll::Pending;
        }
        let Some(pinger) = &mut self.pinger else { return Poll::Pending };
        match ready!(pinger.poll(context)) {
            PingAction::Ping(payload) => self.framing.write_ping(&mut self.unsent, &payload),
            PingAction::Drop => return Poll::Ready(CloseReason::Unanswered),
        }
        // The ping is written in the next turn.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Lets a session that is not open continue to open, and applies its answer.
    #[cold]
    fn poll_opening(&mut self, context: &Context<'_>) {
        let Poll::Ready(flow) = self.handler.session().poll_opening(context) else { return };
        if let Flow::Close(code, reason) = flow {
            self.flush_and_close(CloseReason::ByUs(reason), Some(code));
        } else if self.handler.session().is_open() {
            self.deadline = None;
        }
        // What was queued is written in the next turn.
        context.waker().wake_by_ref();
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if self.deadline.is_none() {
            return Poll::Pending;
        }
        if matches!(self.stage, ConnectionStage::Open) {
            self.poll_opening(context);
        }
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(context));
        self.deadline = None;
        match &self.stage {
            ConnectionStage::Open => {
                self.handler.session().on_opening_timeout();
                let code = Some(CloseCode::POLICY_VIOLATION);
                self.flush_and_close(CloseReason::OpeningTimeout, code);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            ConnectionStage::Flushing { reason, .. } | ConnectionStage::Lingering { reason } => {
                Poll::Ready(reason.clone())
            }
            ConnectionStage::Ended => Poll::Pending,
        }
    }

    fn poll_stages(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        if let Poll::Ready(reason) = self.poll_reading(context) {
            return Poll::Ready(reason);
        }
        let was_paused = self.reading_paused();
        if !matches!(self.stage, ConnectionStage::Lingering { .. })
            && let Poll::Ready(reason) = self.poll_writing(context)
        {
            return Poll::Ready(reason);
        }
        if self.stall.is_some()
            && let Poll::Ready(reason) = self.poll_stall(context)
        {
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
            // Reading was not tried, so the socket will not wake the task.
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

    /// Whether backpressure pauses reading: the peer does not take what it is sent. A client's
    /// connection pauses only when the answers have piled up.
    fn reading_paused(&self) -> bool {
        let unsent = self.unsent_len();
        if H::READS_WHEN_CONGESTED {
            return unsent.min(self.pongs) > UNSENT_PAUSES_READING
                || self.receiver.pauses_reading();
        }
        unsent > UNSENT_PAUSES_READING
    }
}

/// Nothing in a connection is pinned: the deadline is boxed.
impl<H: Handler> Unpin for Connection<H> {}

impl<H: Handler> Future for Connection<H> {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CloseReason> {
        let reason = ready!(self.poll_stages(context));
        self.stage = ConnectionStage::Ended;
        self.handler.session().closed(&reason);
        Poll::Ready(reason)
    }
}

impl<H: Handler> Drop for Connection<H> {
    fn drop(&mut self) {
        if !matches!(self.stage, ConnectionStage::Ended) {
            let reason = CloseReason::ByUs("the router ends".to_owned());
            self.handler.session().closed(&reason);
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
