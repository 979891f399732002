//! The writing half of a connection: from the queue to the socket.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, ready};

use cloverleaf_wakes::{is_spent, spend, wake_in_turn};
use cloverleaf_wamp::websocket::CloseCode;

use super::shared::{SPARE, end_turn};
use super::stall::Stall;
use super::{Connection, ConnectionStage};
use crate::error::CloseReason;
use crate::framing::Budget;
use crate::handler::{Handler, Lifecycle as _};
use crate::limits::{ENCODED_PER_UNIT, FAIR_WRITE_BATCH, WRITE_BATCH, WRITES_PER_TURN};
use crate::outbound::{QueueEnd, Queued};

/// Bytes that are copied and written in a unit of work, about 100 ns.
const BYTES_PER_UNIT: usize = 256;

/// Units of work to encode one message, beside its bytes.
const UNITS_PER_MESSAGE: usize = 2;

/// Messages in one write that the cost of a wake covers.
const FEW: usize = 16;

impl<H: Handler> Connection<H> {
    /// Takes items from the queue, encodes and writes them. Ready when the connection must end at
    /// once.
    pub(super) fn poll_writing(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        for writes in 0..WRITES_PER_TURN {
            let mut encoded = 0;
            if writes > 0 && is_spent() {
                wake_in_turn(context.waker().clone());
                return Poll::Pending;
            }
            self.borrow_buffer();
            let mut budget = Budget::Left;
            let mut waits = false;
            while budget == Budget::Left
                && self.may_encode_more()
                && let Some(item) = self.batch.pop_front()
            {
                if self.encoded.count(&item) <= FAIR_WRITE_BATCH {
                    budget = self.encode(item);
                } else if let Some(left) = self.encode_large(item, context) {
                    budget = left;
                } else {
                    waits = true;
                    break;
                }
                encoded += 1;
            }
            if !waits
                && budget == Budget::Left
                && self.may_encode_more()
                && !self.has_written_close()
            {
                let taken = self.receiver.poll_take(&mut self.encoded, &mut self.batch, context);
                if std::mem::take(&mut self.encoded.has_drained) {
                    self.handler.session().drained();
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
            if budget == Budget::Spent {
                break;
            }
        }
        end_turn(context);
        Poll::Pending
    }

    /// Whether more items are encoded before the next write: fewer when the work of the thread's
    /// round is spent, so that each of many connections has its turn.
    fn may_encode_more(&self) -> bool {
        let unsent = self.unsent_len();
        unsent < FAIR_WRITE_BATCH || (unsent < WRITE_BATCH && !is_spent())
    }

    /// Encodes a large message if the thread's round has work left. Otherwise puts the item back
    /// and returns none; the task is woken when the message has its permit.
    #[cold]
    fn encode_large(&mut self, item: H::Item, context: &Context<'_>) -> Option<Budget> {
        let units = |bytes: usize| u32::try_from(bytes / ENCODED_PER_UNIT).unwrap_or(u32::MAX);
        if self.output_permit.poll(units(item.size()), context).is_pending() {
            self.encoded.discount(&item);
            self.batch.push_front(item);
            return None;
        }
        let before = self.unsent.len();
        // Reserved at once: a buffer that grows step by step holds twice as much meanwhile.
        self.unsent.reserve(item.size());
        let budget = self.encode(item);
        spend(units(self.unsent.len() - before));
        Some(budget)
    }

    /// `count` bytes were written. Written bytes are removed from the buffer once they are more
    /// than a batch and more than the unsent ones. So a peer that always lags behind costs no more
    /// than that, and each byte is moved once.
    fn forget_sent(&mut self, count: usize) {
        if let Some(stall) = &mut self.stall {
            stall.count(count);
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

    /// The socket is full. Watches for the end of the queue, which a peer that does not read must
    /// not hide.
    #[cold]
    fn poll_blocked(&mut self, context: &Context<'_>) -> Poll<CloseReason> {
        if self.stall.is_none() {
            let window = self.limits().stall_timeout;
            self.stall = Some(Box::new(Stall::new(window, self.receiver.is_waited_for())));
        }
        self.receiver.shed_if_asked(&mut self.batch);
        if self.receiver.takes_first_refusal() {
            self.handler.session().on_slow_consumer();
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

    /// Ready when the peer has taken too little for too long.
    #[cold]
    pub(super) fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let window = self.limits().stall_timeout;
        let is_sent = self.unsent_len() == 0;
        while let Some(stall) = &mut self.stall {
            ready!(stall.poll_window(context));
            if is_sent {
                self.stall = None;
            } else if !stall.next_window(window, self.receiver.is_waited_for()) {
                return Poll::Ready(CloseReason::SlowConsumer);
            }
        }
        Poll::Pending
    }

    /// Encodes an item that was counted, or its replacement.
    fn encode(&mut self, item: H::Item) -> Budget {
        let limit = self.framing.peer_limit();
        let mut next = Some(item);
        // A replacement may be replaced again. Each is shorter than the last, so this ends.
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
                Ok(budget) => return budget,
                Err(replacement) => next = replacement,
            }
        }
        Budget::Left
    }

    /// Discards the queue of a peer that reads too slowly, and closes with the reason, in case that
    /// the peer reads again.
    fn write_closing_message(&mut self) {
        if !matches!(self.stage, ConnectionStage::Open) {
            return;
        }
        self.batch = VecDeque::new();
        if let Some(message) = self.handler.session().closing_message() {
            let item: H::Item = message.into();
            self.encoded.count(&item);
            self.encode(item);
        }
        self.flush_and_close(CloseReason::SlowConsumer, Some(CloseCode::POLICY_VIOLATION));
    }

    /// Writes the framing's end of the stream once, after everything that was queued.
    fn write_close(&mut self) {
        if let ConnectionStage::Flushing { code, close_written, .. } = &mut self.stage
            && self.batch.is_empty()
            && !std::mem::replace(close_written, true)
        {
            self.framing.write_close(&mut self.unsent, *code);
        }
    }

    /// Nothing may follow a Close frame (RFC 6455 section 5.5.1).
    const fn has_written_close(&self) -> bool {
        matches!(self.stage, ConnectionStage::Flushing { close_written: true, .. })
    }

    /// Takes the thread's spare buffer if this connection has none.
    fn borrow_buffer(&mut self) {
        if self.unsent.capacity() == 0 {
            self.unsent = SPARE.take();
        }
    }

    /// Gives the buffer back to the thread: an idle connection holds none.
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

/// Appends a further item to a message, or its replacement.
fn pack<H: Handler>(handler: &mut H, item: H::Item, limit: usize, out: &mut Vec<u8>) {
    if let Err(Some(replacement)) = handler.encode(item, limit, out) {
        // The replacement is short and can be sent.
        let _ = handler.encode(replacement, limit, out);
    }
}
