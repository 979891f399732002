//! The reading half of a connection: from the socket to the handler.

use std::task::{Context, Poll, ready};

use cloverleaf_wakes::spend;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};

use super::shared::{SCRATCH, end_turn};
use super::{Connection, ConnectionStage};
use crate::error::CloseReason;
use crate::framing::FrameEvent;
use crate::handler::{Flow, Handler, Lifecycle as _};
use crate::limits::{
    DECODED_PER_UNIT, INFLATED_PER_UNIT, INFLATING_STEP, LARGE_MESSAGE, READS_PER_TURN,
};

/// Units of work of one inflating step.
const STEP_UNITS: u32 = (INFLATING_STEP / INFLATED_PER_UNIT) as u32;

impl<H: Handler> Connection<H> {
    /// Reads and delivers messages. Pending when the socket is drained or reading is paused. Ready
    /// when the connection is lost.
    pub(super) fn poll_reading(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let size = self.framing.read_size();
        for _ in 0..READS_PER_TURN {
            if std::mem::take(&mut self.yields) {
                break;
            }
            if !matches!(self.stage, ConnectionStage::Open) || self.reading_paused() {
                return Poll::Pending;
            }
            if self.paused_input.is_some() {
                ready!(self.poll_paused_input(context));
                continue;
            }
            if self.unfinished.is_some() {
                ready!(self.poll_input_memory(size, context));
                if !matches!(self.stage, ConnectionStage::Open) {
                    return Poll::Pending;
                }
            }
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let polled = self.stream.poll_read(context, &mut scratch[..size]);
                if polled.is_pending() {
                    self.watch_unfinished();
                }
                let count = match ready!(polled) {
                    Ok(0) => {
                        // The peer may have half-closed behind its last request.
                        self.flush_and_close(CloseReason::ByPeer, Some(CloseCode::NORMAL));
                        return Poll::Pending;
                    }
                    Ok(count) => count,
                    Err(error) => return Poll::Ready(Err(error.into())),
                };
                if let Some(pinger) = &mut self.pinger {
                    pinger.record_traffic();
                }
                if let Some(unfinished) = &mut self.unfinished {
                    unfinished.count(count);
                }
                self.take(&mut scratch[..count]);
                Poll::Ready(Ok(()))
            });
            if let Err(reason) = ready!(read) {
                return Poll::Ready(reason);
            }
        }
        self.yields = false;
        self.watch_unfinished();
        end_turn(context);
        Poll::Pending
    }

    /// Continues with the paused input when the session or the thread is ready.
    fn poll_paused_input(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let flow = if self.framing.is_inflating() {
            ready!(self.poll_inflating(context));
            Flow::Continue
        } else if let Some(kind) = self.parked {
            let message = self.framing.kept_message();
            ready!(self.input_permit.poll(decoding_units(message.len()), context));
            self.parked = None;
            let flow = self.handler.receive(kind, message);
            self.finish_message();
            flow
        } else {
            ready!(self.handler.session().poll_ready(context));
            let flow = self.handler.resume();
            self.finish_message();
            flow
        };
        if let Some(mut rest) = self.paused_input.take()
            && self.accepts_more(flow, &rest)
        {
            self.take(&mut rest);
        }
        Poll::Ready(())
    }

    /// Waits until the next inflating step of a compressed message may run.
    fn poll_inflating(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.watch_unfinished();
        ready!(self.poll_input_memory(INFLATING_STEP, context));
        if self.steps_left == 0 {
            let polled = self.input_permit.poll(READS_PER_TURN as u32 * STEP_UNITS, context);
            if let Some(unfinished) = &self.unfinished {
                unfinished.set_parked(polled.is_pending());
            }
            ready!(polled);
            self.steps_left = READS_PER_TURN;
        }
        self.steps_left -= 1;
        spend(STEP_UNITS);
        Poll::Ready(())
    }

    /// Reserves memory for a message that has begun, before more of it is read.
    fn poll_input_memory(&mut self, size: usize, context: &mut Context<'_>) -> Poll<()> {
        let Some(unfinished) = &mut self.unfinished else { return Poll::Ready(()) };
        if !unfinished.is_watching() {
            return Poll::Ready(());
        }
        let held = self.framing.unfinished().unwrap_or_default();
        if ready!(unfinished.poll_hold(held + size, context)).is_err() {
            let code = Some(CloseCode::POLICY_VIOLATION);
            self.flush_and_close(CloseReason::SlowMessage, code);
        }
        Poll::Ready(())
    }

    /// Starts the watch over a message that has begun and does not end in this turn.
    fn watch_unfinished(&mut self) {
        if let Some(unfinished) = &mut self.unfinished
            && self.framing.unfinished().is_some()
        {
            unfinished.begin(self.limits.as_deref());
        }
    }

    /// Ready when a message that has begun takes too long, or other messages need its memory.
    pub(super) fn poll_unfinished(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let is_paused = self.paused_input.is_some() || self.reading_paused();
        let Some(unfinished) = &mut self.unfinished else { return Poll::Pending };
        if matches!(self.stage, ConnectionStage::Open) {
            return unfinished.poll(is_paused, self.limits.as_deref(), context);
        }
        Poll::Pending
    }

    /// Releases the memory of a delivered message, except the bytes that the handler keeps.
    fn finish_message(&mut self) {
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.finish(self.handler.kept_bytes());
        }
    }

    /// Delivers all messages in `input`.
    pub(super) fn take(&mut self, mut input: &mut [u8]) {
        // The framing has buffered a longer message, since it does not lie in the input.
        let large = LARGE_MESSAGE.max(input.len());
        while matches!(self.stage, ConnectionStage::Open) {
            let arrived = match self.framing.receive(&mut input) {
                Ok(Some(arrived)) => arrived,
                Ok(None) => {
                    if self.framing.is_inflating() {
                        self.paused_input = Some((&*input).into());
                    }
                    break;
                }
                Err((reason, code)) => return self.flush_and_close(reason, code),
            };
            match arrived {
                FrameEvent::Message(kind, message) => {
                    if message.len() > large && !self.input_permit.may_begin() {
                        let length = message.len();
                        self.park(kind, length, input);
                        break;
                    }
                    let flow = self.handler.receive(kind, message);
                    self.finish_message();
                    if !self.accepts_more(flow, input) {
                        break;
                    }
                }
                FrameEvent::Ping(payload) => {
                    // Copied, since the payload borrows the framing. Pings are rare.
                    let payload = payload.to_vec();
                    let before = self.unsent.len();
                    self.framing.write_pong(&mut self.unsent, &payload);
                    self.pongs += self.unsent.len() - before;
                }
                FrameEvent::Pong(payload) => {
                    if let Some(pinger) = &mut self.pinger {
                        pinger.record_pong(payload);
                    }
                }
                FrameEvent::Close(code) => {
                    return self.flush_and_close(CloseReason::ByPeer, Some(code));
                }
            }
        }
        if self.handler.session().is_open() && matches!(self.stage, ConnectionStage::Open) {
            self.deadline = None;
        } else if self.deadline.is_none() && matches!(self.stage, ConnectionStage::Open) {
            // The peer has left its session and may open another one in time.
            self.start_opening_deadline();
        }
    }

    /// Lets a complete message wait for its permit. `rest` holds the bytes that were read behind
    /// it.
    #[cold]
    fn park(&mut self, kind: Option<MessageKind>, length: usize, rest: &[u8]) {
        self.parked = Some(kind);
        self.paused_input = Some(rest.into());
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.park(length);
        }
    }

    /// Whether the next message is delivered now. Otherwise `rest`, which is part of one read, is
    /// kept for later. The message before it is released.
    fn accepts_more(&mut self, flow: Flow, rest: &[u8]) -> bool {
        match flow {
            Flow::Continue => return true,
            flow @ (Flow::Wait | Flow::Yield) => {
                self.framing.release();
                self.paused_input = Some(rest.into());
                self.yields = flow == Flow::Yield;
            }
            Flow::Close(code, reason) => {
                self.flush_and_close(CloseReason::ByUs(reason), Some(code));
            }
        }
        false
    }
}

/// Units of work to decode a message of this length.
fn decoding_units(bytes: usize) -> u32 {
    u32::try_from(bytes / DECODED_PER_UNIT).unwrap_or(u32::MAX)
}
