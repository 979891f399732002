//! The half of a connection that writes: from the queue to the socket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloverleaf_wakes::{is_spent, spend, wake_in_turn};
use cloverleaf_wamp::websocket::CloseCode;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Connection, Handler, SPARE, Stage, end_turn};
use crate::error::CloseReason;
use crate::framing::Budget;
use crate::limits::{
    ENCODED_PER_UNIT, FAIR_WRITE_BATCH, STALL_BYTES_WHEN_WAITED_FOR, STALL_TIMEOUT, WRITE_BATCH,
    WRITES_PER_TURN,
};
use crate::outbound::{QueueEnd, Queued};

/// Bytes that are copied and written in a unit of work, about 100 ns.
const BYTES_PER_UNIT: usize = 256;

/// Units of work that encoding one message takes, beside its bytes.
const UNITS_PER_MESSAGE: usize = 2;

/// Up to so many messages in one write are part of the cost of a wake.
const FEW: usize = 16;

/// What a peer takes while it has not taken everything.
#[derive(Debug)]
pub(super) struct Stall {
    timer: Pin<Box<Sleep>>,
    /// Bytes that it has taken in this window of [`STALL_TIMEOUT`].
    taken: usize,
    /// A publisher waited for it when the window began.
    was_waited_for: bool,
}

impl Stall {
    fn new(is_waited_for: bool) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + STALL_TIMEOUT));
        Self { timer, taken: 0, was_waited_for: is_waited_for }
    }

    fn restart(&mut self, is_waited_for: bool) {
        self.timer.as_mut().reset(Instant::now() + STALL_TIMEOUT);
        (self.taken, self.was_waited_for) = (0, is_waited_for);
    }
}

impl<H: Handler> Connection<H> {
    /// Takes, encodes and writes. Ready when the connection must end at once.
    pub(super) fn poll_writing(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        for writes in 0..WRITES_PER_TURN {
            let mut encoded = 0;
            if writes > 0 && is_spent() {
                wake_in_turn(context.waker().clone());
                return Poll::Pending;
            }
            self.borrow_buffer();
            let mut turn = Budget::Left;
            let mut waits = false;
            while turn == Budget::Left
                && self.may_encode_more()
                && let Some(item) = self.batch.pop_front()
            {
                if self.encoded.count(&item) <= FAIR_WRITE_BATCH {
                    turn = self.encode(item);
                } else if let Some(next) = self.encode_large(item, context) {
                    turn = next;
                } else {
                    waits = true;
                    break;
                }
                encoded += 1;
            }
            if !waits && turn == Budget::Left && self.may_encode_more() && !self.has_written_close()
            {
                let taken = self.receiver.poll_take(&mut self.encoded, &mut self.batch, context);
                if std::mem::take(&mut self.encoded.has_room) {
                    self.handler.drained();
                }
                match taken {
                    Poll::Ready(None) => continue,
                    Poll::Ready(Some(QueueEnd::Kill)) => self.write_closing_message(),
                    Poll::Ready(Some(QueueEnd::Close(code, reason))) => {
                        self.flush_and_close(CloseReason::ByUs(reason), Some(code));
                    }
                    Poll::Ready(Some(QueueEnd::Disconnected)) | Poll::Pending => {}
                }
                self.write_close();
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
                Poll::Ready(Ok(count)) => {
                    if encoded > FEW || count >= FAIR_WRITE_BATCH {
                        spend((encoded * UNITS_PER_MESSAGE + count / BYTES_PER_UNIT) as u32);
                    }
                    self.forget_sent(count);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(error.into()),
            }
            if turn == Budget::Spent {
                break;
            }
        }
        end_turn(context);
        Poll::Pending
    }

    /// Whether more is encoded before it is written. On a thread that has done enough only a little
    /// is, so that each of many connections has its turn.
    fn may_encode_more(&self) -> bool {
        let unsent = self.unsent_len();
        unsent < FAIR_WRITE_BATCH || (unsent < WRITE_BATCH && !is_spent())
    }

    /// Encodes a large message, when its thread has not done enough for its round. Otherwise
    /// returns none; it is put back, and the task is woken when its turn has come.
    #[cold]
    fn encode_large(&mut self, item: H::Item, context: &Context<'_>) -> Option<Budget> {
        let units = |bytes: usize| u32::try_from(bytes / ENCODED_PER_UNIT).unwrap_or(u32::MAX);
        if self.output_piece.poll(units(item.size()), context).is_pending() {
            self.encoded.discount(&item);
            self.batch.push_front(item);
            return None;
        }
        let before = self.unsent.len();
        // In one piece: a buffer that grows holds twice as much while it does.
        self.unsent.reserve(item.size());
        let turn = self.encode(item);
        spend(units(self.unsent.len() - before));
        Some(turn)
    }

    /// So many bytes are on their way. What lies before the others is dropped once it is more than
    /// a batch and than the others, so that a peer which always lags behind costs no more than that
    /// and each byte is moved once.
    fn forget_sent(&mut self, count: usize) {
        if let Some(stall) = &mut self.stall {
            stall.taken += count;
        }
        self.sent += count;
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            (self.sent, self.pongs) = (0, 0);
        } else if self.sent >= WRITE_BATCH.max(self.unsent_len()) {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// A peer that does not read must not keep the end of its queue from being seen.
    fn poll_blocked(&mut self, context: &Context<'_>) -> Poll<CloseReason> {
        if self.stall.is_none() {
            self.stall = Some(Box::new(Stall::new(self.receiver.is_waited_for())));
        }
        self.receiver.shed_if_asked(&mut self.batch);
        if self.receiver.takes_first_refusal() {
            self.handler.on_slow_consumer();
        }
        match ready!(self.receiver.poll_end(context)) {
            QueueEnd::Kill => {
                self.write_closing_message();
                Poll::Pending
            }
            QueueEnd::Close(code, reason) => {
                self.flush_and_close(CloseReason::ByUs(reason), Some(code));
                Poll::Pending
            }
            QueueEnd::Disconnected => Poll::Pending,
        }
    }

    /// Ready when the peer has taken too little for too long. A timer that runs is not stopped by
    /// progress but looks back when it has run down: writing costs no timer.
    pub(super) fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        while let Some(stall) = &mut self.stall {
            ready!(stall.timer.as_mut().poll(context));
            if self.unsent.len() == self.sent {
                self.stall = None;
                return Poll::Pending;
            }
            let is_waited_for = self.receiver.is_waited_for();
            // A publisher has waited from the begin of the window to its end.
            let needed =
                if stall.was_waited_for && is_waited_for { STALL_BYTES_WHEN_WAITED_FOR } else { 1 };
            if stall.taken < needed {
                return Poll::Ready(CloseReason::SlowConsumer);
            }
            stall.restart(is_waited_for);
        }
        Poll::Pending
    }

    /// Encodes an item that was counted, or what replaces it.
    fn encode(&mut self, item: H::Item) -> Budget {
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
                    && let Some(item) = batch.pop_front_if(|item| item.size() <= FAIR_WRITE_BATCH)
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
        Budget::Left
    }

    /// Forgets what is queued for a peer that reads too slowly and tells it why, in case that it
    /// reads again.
    fn write_closing_message(&mut self) {
        if !matches!(self.stage, Stage::Open) {
            return;
        }
        self.batch = VecDeque::new();
        if let Some(item) = self.handler.closing_message() {
            self.encoded.count(&item);
            self.encode(item);
        }
        self.flush_and_close(CloseReason::SlowConsumer, Some(CloseCode::POLICY_VIOLATION));
    }

    /// The last frame of a closing connection, once, after everything that was queued.
    fn write_close(&mut self) {
        if let Stage::Flushing { code, said, .. } = &mut self.stage
            && self.batch.is_empty()
            && !std::mem::replace(said, true)
        {
            self.framing.write_close(&mut self.unsent, *code);
        }
    }

    /// Nothing may follow a Close frame (RFC 6455 section 5.5.1).
    const fn has_written_close(&self) -> bool {
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
}

/// Appends a further item, or what replaces it.
fn pack<H: Handler>(handler: &mut H, item: H::Item, limit: usize, out: &mut Vec<u8>) {
    if let Err(Some(replacement)) = handler.encode(item, limit, out) {
        // It is made to be sendable.
        let _ = handler.encode(replacement, limit, out);
    }
}
