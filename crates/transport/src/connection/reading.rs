//! The half of a connection that reads: from the socket to the handler.

use std::task::{Context, Poll, ready};

use cloverleaf_wakes::spend;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind};

use super::{Connection, Flow, Handler, SCRATCH, Stage, end_turn};
use crate::error::CloseReason;
use crate::framing::FrameEvent;
use crate::limits::{
    DECODED_PER_UNIT, INFLATED_PER_UNIT, INFLATING_STEP, LARGE_MESSAGE, OPENING_TIMEOUT,
    READS_PER_TURN,
};

/// Units of work of a step of inflating.
const STEP_UNITS: u32 = (INFLATING_STEP / INFLATED_PER_UNIT) as u32;

impl<H: Handler> Connection<H> {
    /// Reads and hands over. Pending when the socket is drained or may not be read now.
    pub(super) fn poll_reading(&mut self, context: &mut Context<'_>) -> Poll<CloseReason> {
        let size = self.framing.read_size();
        for _ in 0..READS_PER_TURN {
            if std::mem::take(&mut self.yields) {
                break;
            }
            if !matches!(self.stage, Stage::Open) || self.reading_paused() {
                return Poll::Pending;
            }
            if self.paused_input.is_some() {
                ready!(self.poll_paused_input(context));
                continue;
            }
            if self.unfinished.is_some() {
                ready!(self.poll_input_memory(size, context));
                if !matches!(self.stage, Stage::Open) {
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
                        // It may have ended its own half only, behind its last request.
                        self.flush_and_close(CloseReason::ByPeer, Some(CloseCode::NORMAL));
                        return Poll::Pending;
                    }
                    Ok(count) => count,
                    Err(error) => return Poll::Ready(Err(error.into())),
                };
                if let Some(pinger) = &mut self.pinger {
                    pinger.hear();
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

    /// Goes on with what is held back, when that is possible.
    fn poll_paused_input(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let flow = if self.framing.is_inflating() {
            ready!(self.poll_inflating(context));
            Flow::Continue
        } else if let Some(kind) = self.parked {
            let message = self.framing.kept_message();
            ready!(self.input_piece.poll(decoding_units(message.len()), context));
            self.parked = None;
            let flow = self.handler.receive(kind, message);
            self.finish_message();
            flow
        } else {
            ready!(self.handler.poll_ready(context));
            let flow = self.handler.resume();
            self.finish_message();
            flow
        };
        if let Some(mut rest) = self.paused_input.take()
            && self.goes_on(flow, &rest)
        {
            self.take(&mut rest);
        }
        Poll::Ready(())
    }

    /// Waits until the next step of a compressed message may be made.
    fn poll_inflating(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.watch_unfinished();
        ready!(self.poll_input_memory(INFLATING_STEP, context));
        if self.steps_left == 0 {
            let polled = self.input_piece.poll(READS_PER_TURN as u32 * STEP_UNITS, context);
            if let Some(unfinished) = &self.unfinished {
                unfinished.set_waits_in_turn(polled.is_pending());
            }
            ready!(polled);
            self.steps_left = READS_PER_TURN;
        }
        self.steps_left -= 1;
        spend(STEP_UNITS);
        Poll::Ready(())
    }

    /// Waits for the memory of a message that has begun, before more of it is read.
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

    /// Begins to watch over a message, if one has begun and others have their turn before its end.
    fn watch_unfinished(&mut self) {
        if let Some(unfinished) = &mut self.unfinished
            && self.framing.unfinished().is_some()
        {
            unfinished.begin();
        }
    }

    /// Ready when a message that has begun takes too long.
    pub(super) fn poll_unfinished(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let is_paused = self.paused_input.is_some() || self.reading_paused();
        let Some(unfinished) = &mut self.unfinished else { return Poll::Pending };
        if matches!(self.stage, Stage::Open) {
            return unfinished.poll(is_paused, context);
        }
        Poll::Pending
    }

    /// Releases the memory of a message that was handed over, unless the handler keeps it.
    fn finish_message(&mut self) {
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.finish(self.handler.kept_bytes());
        }
    }

    /// Hands over everything in `input`.
    pub(super) fn take(&mut self, mut input: &mut [u8]) {
        // A longer message did not lie in the input, so it is kept.
        let large = LARGE_MESSAGE.max(input.len());
        while matches!(self.stage, Stage::Open) {
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
                    if message.len() > large && !self.input_piece.may_begin() {
                        let length = message.len();
                        self.park(kind, length, input);
                        break;
                    }
                    let flow = self.handler.receive(kind, message);
                    self.finish_message();
                    if !self.goes_on(flow, input) {
                        break;
                    }
                }
                FrameEvent::Ping(payload) => {
                    // The payload borrows the framing's receiving half; an answer is rare.
                    let payload = payload.to_vec();
                    let before = self.unsent.len();
                    self.framing.write_pong(&mut self.unsent, &payload);
                    self.pongs += self.unsent.len() - before;
                }
                FrameEvent::Pong(payload) => {
                    if let Some(pinger) = &mut self.pinger {
                        pinger.hear_pong(payload);
                    }
                }
                FrameEvent::Close(code) => {
                    return self.flush_and_close(CloseReason::ByPeer, Some(code));
                }
            }
        }
        if self.handler.is_open() && matches!(self.stage, Stage::Open) {
            self.deadline = None;
        } else if self.deadline.is_none() && matches!(self.stage, Stage::Open) {
            // The session was left; another one may be opened, in time.
            self.start_deadline(OPENING_TIMEOUT);
        }
    }

    /// Lets a complete message wait for its thread; `rest` is what was read behind it.
    #[cold]
    fn park(&mut self, kind: Option<MessageKind>, length: usize, rest: &[u8]) {
        self.parked = Some(kind);
        self.paused_input = Some(rest.into());
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.park(length);
        }
    }

    /// Whether the handler takes what comes next; `rest` is what waits for that. It is part of what
    /// one read has brought. The message before it is not held while it waits.
    fn goes_on(&mut self, flow: Flow, rest: &[u8]) -> bool {
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

/// Units of work to decode a message of so many bytes.
fn decoding_units(bytes: usize) -> u32 {
    u32::try_from(bytes / DECODED_PER_UNIT).unwrap_or(u32::MAX)
}
