//! The future of one peer: bytes to messages for its handler, messages of its queue to bytes.
//!
//! One task a peer. A turn reads at most [`READS_PER_TURN`] buffers, writes at most
//! [`WRITES_PER_TURN`] times and encodes at most [`WRITE_BATCH`] bytes between two writes; a peer
//! that does not read is not heard either, on the router's side. Reading goes into one buffer that
//! all connections of a thread share, so an idle connection holds none.
//!
//! ```text
//! Open ──(anybody ends it in peace)──▶ Flushing ──(all sent, half closed)─▶ Lingering ─▶ end
//!   └──────────────(the network ends it, or a full queue)───────────────────────────────▶ end
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloverleaf_wamp::websocket::{CloseCode, MessageKind};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::CloseReason;
use crate::framing::{Arrived, Framing, Turn};
use crate::keepalive::{Due, Pinger};
use crate::limits::{
    OPENING_TIMEOUT, READ_BUFFER, READS_PER_TURN, STALL_TIMEOUT, UNSENT_PAUSES_READING,
    WRITE_BATCH, WRITES_PER_TURN,
};
use crate::outbound::{Encoded, End, Outlet, Queued};
use crate::stream::Stream;

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
    const HEARS_UNREAD: bool = false;

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

    /// Whether it takes another message now, after [`Flow::Wait`].
    fn poll_ready(&mut self, _: &Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Takes what it has kept of the message that it answered with [`Flow::Wait`], now that it is
    /// ready.
    fn resume(&mut self) -> Flow {
        Flow::Continue
    }

    /// The peer reads too slowly and has missed something, for the first time.
    fn fell_behind(&mut self) {}

    /// The last item for a peer that reads too slowly.
    fn farewell(&mut self) -> Option<Self::Item> {
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
    outlet: Outlet<H::Item>,
    batch: VecDeque<H::Item>,
    encoded: Encoded,
    /// Encoded bytes; those before `sent` are on their way.
    unsent: Vec<u8>,
    sent: usize,
    /// Of what is encoded, the bytes that answer pings, counted until everything has been sent.
    pongs: usize,
    stage: Stage,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs since the peer took nothing; see [`STALL_TIMEOUT`].
    stall: Option<Pin<Box<Sleep>>>,
    /// Whether the peer has taken something since `stall` was set.
    has_progressed: bool,
    /// What was read and is not handed over before the handler is ready.
    held_back: Option<Box<[u8]>>,
    /// Where the peer is asked whether it is still there.
    pinger: Option<Box<Pinger>>,
}

impl<H: Handler> Connection<H> {
    /// A connection whose handshake is done. `early` is what has been read behind the handshake.
    pub fn new(
        stream: Stream,
        framing: Framing,
        handler: H,
        outlet: Outlet<H::Item>,
        early: &mut [u8],
    ) -> Self {
        let pinger = framing.keepalive().map(|keepalive| Box::new(Pinger::new(keepalive)));
        let mut connection = Self {
            stream,
            framing,
            handler,
            outlet,
            batch: VecDeque::new(),
            encoded: Encoded::default(),
            unsent: Vec::new(),
            sent: 0,
            pongs: 0,
            stage: Stage::Open,
            deadline: None,
            stall: None,
            has_progressed: false,
            held_back: None,
            pinger,
        };
        connection.start_deadline(OPENING_TIMEOUT);
        connection.take(early);
        connection
    }

    fn start_deadline(&mut self, timeout: std::time::Duration) {
        self.deadline = Some(Box::pin(sleep_until(Instant::now() + timeout)));
    }

    /// Hands over everything in `input`.
    fn take(&mut self, mut input: &mut [u8]) {
        while matches!(self.stage, Stage::Open) {
            let arrived = match self.framing.receive(&mut input) {
                Ok(Some(arrived)) => arrived,
                Ok(None) => break,
                Err((reason, code)) => return self.flush_and_close(reason, code),
            };
            match arrived {
                Arrived::Message(kind, message) => {
                    let flow = self.handler.receive(kind, message);
                    if !self.goes_on(flow, input) {
                        break;
                    }
                }
                Arrived::Ping(payload) => {
                    // The payload borrows the framing's receiving half; an answer is rare.
                    let payload = payload.to_vec();
                    let before = self.unsent.len();
                    self.framing.write_pong(&mut self.unsent, &payload);
                    self.pongs += self.unsent.len() - before;
                }
                Arrived::Pong(payload) => {
                    if let Some(pinger) = &mut self.pinger {
                        pinger.hear_pong(payload);
                    }
                }
                Arrived::Close(code) => return self.flush_and_close(CloseReason::ByPeer, code),
            }
        }
        if self.handler.is_open() && matches!(self.stage, Stage::Open) {
            self.deadline = None;
        } else if self.deadline.is_none() && matches!(self.stage, Stage::Open) {
            // The session was left; another one may be opened, in time.
            self.start_deadline(OPENING_TIMEOUT);
        }
    }

    /// Whether the handler takes what comes next; `rest` is what waits for that.
    fn goes_on(&mut self, flow: Flow, rest: &[u8]) -> bool {
        match flow {
            Flow::Continue => return true,
            Flow::Wait => self.held_back = Some(rest.into()),
            Flow::Close(code, reason) => {
                self.flush_and_close(CloseReason::ByUs(reason), Some(code));
            }
        }
        false
    }

    /// Sends what is queued, says the end where the framing can, and waits a moment for the peer's.
    fn flush_and_close(&mut self, reason: CloseReason, code: Option<CloseCode>) {
        if matches!(self.stage, Stage::Open) {
            self.stage = Stage::Flushing { reason, code, said: false };
            self.start_deadline(self.framing.closing_timeout());
        }
    }

    fn unsent_len(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Reads and hands over. Pending when the socket is drained or may not be read now.
    fn poll_reading(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let size = self.framing.read_size();
        for _ in 0..READS_PER_TURN {
            if !matches!(self.stage, Stage::Open) || self.is_unheard() {
                return Poll::Pending;
            }
            if self.held_back.is_some() {
                ready!(self.handler.poll_ready(context));
                let flow = self.handler.resume();
                if let Some(mut rest) = self.held_back.take()
                    && self.goes_on(flow, &rest)
                {
                    self.take(&mut rest);
                }
                continue;
            }
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let count = match ready!(self.stream.poll_read(context, &mut scratch[..size])) {
                    Ok(0) => {
                        // It may have ended its own half only, behind its last request.
                        self.flush_and_close(CloseReason::ByPeer, None);
                        return Poll::Pending;
                    }
                    Ok(count) => count,
                    Err(error) => return Poll::Ready(Err(error.into())),
                };
                if let Some(pinger) = &mut self.pinger {
                    pinger.hear();
                }
                self.take(&mut scratch[..count]);
                Poll::Ready(Ok(()))
            });
            if let Err(reason) = ready!(read) {
                return Poll::Ready(reason);
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes, encodes and writes. Ready when the connection must end at once.
    fn poll_writing(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        for _ in 0..WRITES_PER_TURN {
            self.borrow_buffer();
            let mut turn = Turn::GoesOn;
            while turn == Turn::GoesOn
                && self.unsent_len() < WRITE_BATCH
                && let Some(item) = self.batch.pop_front()
            {
                turn = self.encode(item);
            }
            if turn == Turn::GoesOn && self.unsent_len() < WRITE_BATCH && !self.has_said_the_end() {
                match self.outlet.poll_take(&mut self.encoded, &mut self.batch, context) {
                    Poll::Ready(None) => continue,
                    Poll::Ready(Some(End::Kill)) => self.say_farewell(),
                    Poll::Ready(Some(End::Close(reason))) => {
                        let code = Some(CloseCode::NORMAL);
                        self.flush_and_close(CloseReason::ByUs(reason), code);
                    }
                    Poll::Ready(Some(End::Gone)) | Poll::Pending => {}
                }
                self.say_the_end();
            }
            if self.unsent_len() == 0 {
                self.release_buffer();
                return Poll::Pending;
            }
            match self.stream.poll_write(context, &self.unsent[self.sent..]) {
                Poll::Pending => return self.poll_blocked(context),
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(io::Error::from(io::ErrorKind::WriteZero).into());
                }
                Poll::Ready(Ok(count)) => self.forget_sent(count),
                Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
            }
            if turn == Turn::IsOver {
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// So many bytes are on their way. What lies before the others is dropped once it is more than
    /// a batch, so that a peer which always lags behind costs no more than that.
    fn forget_sent(&mut self, count: usize) {
        self.has_progressed = true;
        self.sent += count;
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            (self.sent, self.pongs) = (0, 0);
        } else if self.sent >= WRITE_BATCH {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// A peer that does not read must not keep the end of its queue from being seen.
    fn poll_blocked(&mut self, context: &Context<'_>) -> Poll<CloseReason> {
        if self.stall.is_none() {
            self.stall = Some(Box::pin(sleep_until(Instant::now() + STALL_TIMEOUT)));
            self.has_progressed = false;
        }
        if self.outlet.takes_first_refusal() {
            self.handler.fell_behind();
        }
        match ready!(self.outlet.poll_end(context)) {
            End::Kill => {
                self.say_farewell();
                Poll::Pending
            }
            End::Close(reason) => {
                self.flush_and_close(CloseReason::ByUs(reason), Some(CloseCode::NORMAL));
                Poll::Pending
            }
            End::Gone => Poll::Pending,
        }
    }

    /// Ready when the peer has taken nothing for too long. A clock that runs is not stopped by
    /// progress but looks back when it has run down: writing costs no timer.
    fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        while let Some(stall) = &mut self.stall {
            ready!(stall.as_mut().poll(context));
            if self.unsent.len() == self.sent {
                self.stall = None;
            } else if std::mem::take(&mut self.has_progressed) {
                stall.as_mut().reset(Instant::now() + STALL_TIMEOUT);
            } else {
                return Poll::Ready(CloseReason::SlowConsumer);
            }
        }
        Poll::Pending
    }

    fn encode(&mut self, item: H::Item) -> Turn {
        self.encoded.count(&item);
        let limit = self.framing.peer_limit();
        let mut next = Some(item);
        // A replacement may itself be replaced, but not for ever: each is shorter than the last.
        for _ in 0..3 {
            let Some(item) = next.take() else { break };
            let kind = self.handler.kind(&item);
            let Self { handler, batch, encoded, .. } = self;
            let written = self.framing.write_message(&mut self.unsent, kind, |out| {
                let start = out.len();
                handler.encode(item, limit, out)?;
                while out.len() - start < H::PACKED
                    && let Some(item) = batch.pop_front()
                {
                    encoded.count(&item);
                    pack(handler, item, limit, out);
                }
                Ok(())
            });
            match written {
                Ok(turn) => return turn,
                Err(replacement) => next = replacement,
            }
        }
        Turn::GoesOn
    }

    /// Forgets what is queued for a peer that reads too slowly and tells it why, in case that it
    /// reads again.
    fn say_farewell(&mut self) {
        if !matches!(self.stage, Stage::Open) {
            return;
        }
        self.batch = VecDeque::new();
        if let Some(item) = self.handler.farewell() {
            self.encode(item);
        }
        self.flush_and_close(CloseReason::SlowConsumer, Some(CloseCode::POLICY_VIOLATION));
    }

    /// The last frame of a closing connection, once, after everything that was queued.
    fn say_the_end(&mut self) {
        if let Stage::Flushing { code, said, .. } = &mut self.stage
            && self.batch.is_empty()
            && !std::mem::replace(said, true)
        {
            self.framing.write_close(&mut self.unsent, *code);
        }
    }

    /// Nothing may follow a Close frame (RFC 6455 section 5.5.1).
    const fn has_said_the_end(&self) -> bool {
        matches!(self.stage, Stage::Flushing { said: true, .. })
    }

    /// The thread's spare buffer, when this connection has none of its own.
    fn borrow_buffer(&mut self) {
        if self.unsent.capacity() == 0 {
            self.unsent = SPARE.take();
        }
    }

    /// An idle connection holds no buffer.
    fn release_buffer(&mut self) {
        let buffer = std::mem::take(&mut self.unsent);
        if buffer.capacity() <= 2 * WRITE_BATCH {
            SPARE.set(buffer);
        }
        if self.batch.is_empty() && self.batch.capacity() > 64 {
            self.batch = VecDeque::new();
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
        context.waker().wake_by_ref();
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
            Due::Ping(payload) => self.framing.write_ping(&mut self.unsent, &payload),
            Due::Drop => return Poll::Ready(CloseReason::Unanswered),
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
        let was_unheard = self.is_unheard();
        if !matches!(self.stage, Stage::Lingering { .. })
            && let Poll::Ready(reason) = self.poll_writing(context)
        {
            return Poll::Ready(reason);
        }
        if let Poll::Ready(reason) = self.poll_stall(context) {
            return Poll::Ready(reason);
        }
        if self.pinger.is_some()
            && let Poll::Ready(reason) = self.poll_pinger(context)
        {
            return Poll::Ready(reason);
        }
        if was_unheard && !self.is_unheard() {
            // Reading was not tried, so nothing else would wake for it.
            context.waker().wake_by_ref();
        }
        if let Poll::Ready(reason) = self.poll_closing(context) {
            return Poll::Ready(reason);
        }
        // Last, since all of the above may have set another one.
        self.poll_deadline(context)
    }

    /// A peer that does not read is not heard; by a client, as soon as the answers to it have piled
    /// up.
    fn is_unheard(&self) -> bool {
        let unsent = self.unsent_len();
        if H::HEARS_UNREAD {
            return unsent.min(self.pongs) > UNSENT_PAUSES_READING || self.outlet.has_piled_up();
        }
        unsent > UNSENT_PAUSES_READING
    }
}

/// Appends a further item, or what replaces it.
fn pack<H: Handler>(handler: &mut H, item: H::Item, limit: usize, out: &mut Vec<u8>) {
    if let Err(Some(replacement)) = handler.encode(item, limit, out) {
        // It is made to be sendable.
        let _ = handler.encode(replacement, limit, out);
    }
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
        let refused = self.outlet.refused();
        if refused > 0 {
            tracing::info!(
                refused,
                "a peer that reads too slowly was refused messages before its connection ended"
            );
        }
    }
}

impl<H: Handler> std::fmt::Debug for Connection<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("stage", &self.stage).finish_non_exhaustive()
    }
}
