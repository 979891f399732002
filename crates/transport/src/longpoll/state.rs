//! The state of a long-poll session, and its transitions.
//!
//! Synchronous: this module only stores and wakes the tasks that wait.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use cloverleaf_wakes::{WakerSlot, wake};
use tokio::time::Instant;

use crate::error::CloseReason;
use crate::handler::{Flow, Handler, Lifecycle as _};
use crate::log_limited;
use crate::outbound::{OutboundReceiver, QueueEnd};

/// The timeouts of a long-poll session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongPollTimeouts {
    /// How long a peer may take until its session is open.
    pub opening: Duration,
    /// How long a receive waits for a message.
    pub receive: Duration,
    /// How long a session is kept without a receive.
    pub session: Duration,
}

/// The outcome of a receive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The next message.
    Message(Vec<u8>),
    /// No message came in time, or another receive has taken the place of this one.
    Nothing,
    /// The session has ended, and everything has been received.
    Ended,
}

#[derive(Debug)]
enum LongPollStage {
    Open,
    /// No more messages of the peer are handled. The peer may receive what is queued.
    Closing,
    /// The handler's session has ended. The peer may receive only this closing message.
    Draining(Vec<u8>),
    Ended,
}

/// Whether a receive waits.
#[derive(Debug)]
enum Polling {
    /// This receive waits.
    Waiting { number: u64, since: Instant, waker: Waker },
    /// No receive waits.
    Silent { since: Instant },
}

/// The state of a session.
pub(super) struct LongPollState<H: Handler> {
    handler: H,
    receiver: OutboundReceiver<H::Item>,
    timeouts: LongPollTimeouts,
    stage: LongPollStage,
    polling: Polling,
    /// The number of receives that have waited so far.
    receives: u64,
    /// Since when the handler's session is not open. None while it is open.
    unopened: Option<Instant>,
    /// The task that checks the deadlines.
    watcher: WakerSlot,
}

impl<H: Handler> LongPollState<H> {
    pub(super) const fn new(
        handler: H,
        receiver: OutboundReceiver<H::Item>,
        timeouts: LongPollTimeouts,
        now: Instant,
    ) -> Self {
        Self {
            handler,
            receiver,
            timeouts,
            stage: LongPollStage::Open,
            polling: Polling::Silent { since: now },
            receives: 0,
            unopened: Some(now),
            watcher: WakerSlot::new(),
        }
    }

    pub(super) fn send(&mut self, message: &[u8]) -> Option<Flow> {
        if !matches!(self.stage, LongPollStage::Open) {
            return None;
        }
        // Without frames, the kind of the message is unknown.
        let flow = self.handler.receive(None, message);
        if let Flow::Close(..) = &flow {
            self.close();
        }
        if self.handler.session().is_open() {
            self.unopened = None;
        } else {
            self.await_opening();
        }
        Some(flow)
    }

    pub(super) fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        if !matches!(self.stage, LongPollStage::Open) {
            return Poll::Ready(());
        }
        ready!(self.handler.session().poll_ready(context));
        if self.unopened.is_none() && !self.handler.session().is_open() {
            // The session has ended while it was paused.
            self.await_opening();
        }
        Poll::Ready(())
    }

    /// The peer may have left its session and may open another one in time.
    fn await_opening(&mut self) {
        self.unopened.get_or_insert_with(Instant::now);
        // The session may wait for something that only the watcher polls.
        if let Some(watcher) = self.watcher.take() {
            wake(watcher);
        }
    }

    /// Closes gracefully: the peer may still receive what is queued.
    fn close(&mut self) {
        self.stage = LongPollStage::Closing;
        self.wake_receive();
    }

    /// Ends the handler's session at once, since the peer polls too slowly. The peer may still
    /// receive the closing message, and nothing else.
    fn drain(&mut self) {
        let closing_message = self.handler.session().closing_message();
        let closing_message = closing_message.and_then(|message| self.encode(message.into()));
        let Some(closing_message) = closing_message else {
            return self.end(&CloseReason::SlowConsumer);
        };
        self.handler.session().closed(&CloseReason::SlowConsumer);
        self.stage = LongPollStage::Draining(closing_message);
        self.wake_receive();
    }

    fn wake_receive(&self) {
        if let Polling::Waiting { waker, .. } = &self.polling {
            wake(waker.clone());
        }
    }

    /// Ends the session at once. Does nothing the second time.
    pub(super) fn end(&mut self, reason: &CloseReason) {
        match std::mem::replace(&mut self.stage, LongPollStage::Ended) {
            LongPollStage::Ended => return,
            LongPollStage::Draining(_) => {}
            LongPollStage::Open | LongPollStage::Closing => self.handler.session().closed(reason),
        }
        self.end_receive(Instant::now());
        if let Some(watcher) = self.watcher.take() {
            wake(watcher);
        }
        let refused = self.receiver.refused();
        if refused > 0 {
            log_limited!(
                info,
                "long-poll session of a slow reader ended after messages were refused",
                refused
            );
        }
    }

    /// Ends a receive that waits, without a message.
    fn end_receive(&mut self, now: Instant) {
        let silent = Polling::Silent { since: now };
        if let Polling::Waiting { waker, .. } = std::mem::replace(&mut self.polling, silent) {
            wake(waker);
        }
    }

    const fn waits(&self, receive: u64) -> bool {
        matches!(self.polling, Polling::Waiting { number, .. } if number == receive)
    }

    /// Polls a receive. It gets a number when it begins to wait, and loses it at its end.
    pub(super) fn poll_receive(
        &mut self,
        number: &mut Option<u64>,
        context: &Context<'_>,
    ) -> Poll<Received> {
        if number.is_some_and(|number| !self.waits(number)) {
            *number = None;
            return Poll::Ready(Received::Nothing);
        }
        let now = Instant::now();
        let received = match self.poll_message(context) {
            Poll::Ready(Some(message)) => Received::Message(message),
            // Clients take a failed receive for a lost connection, so only the next one gets the
            // end.
            Poll::Ready(None) if number.is_some() => Received::Nothing,
            Poll::Ready(None) => Received::Ended,
            Poll::Pending => {
                self.wait(number, now, context);
                return Poll::Pending;
            }
        };
        if number.take().is_some() {
            self.polling = Polling::Silent { since: now };
        } else {
            self.end_receive(now);
        }
        Poll::Ready(received)
    }

    /// A receive goes on waiting, or begins to wait in place of any other.
    fn wait(&mut self, number: &mut Option<u64>, now: Instant, context: &Context<'_>) {
        match &mut self.polling {
            Polling::Waiting { waker, .. } if number.is_some() => {
                waker.clone_from(context.waker());
            }
            _ => {
                self.end_receive(now);
                self.receives += 1;
                *number = Some(self.receives);
                let waker = context.waker().clone();
                self.polling = Polling::Waiting { number: self.receives, since: now, waker };
            }
        }
    }

    /// The peer cancels a receive.
    pub(super) fn cancel_receive(&mut self, number: u64) {
        if self.waits(number) {
            self.polling = Polling::Silent { since: Instant::now() };
        }
    }

    /// The next message. None: there will be no other.
    fn poll_message(&mut self, context: &Context<'_>) -> Poll<Option<Vec<u8>>> {
        while !matches!(self.stage, LongPollStage::Ended) {
            if let LongPollStage::Draining(closing_message) = &mut self.stage {
                let closing_message = std::mem::take(closing_message);
                self.end(&CloseReason::SlowConsumer);
                return Poll::Ready(Some(closing_message));
            }
            match self.receiver.poll_next(context) {
                Poll::Ready(Ok(item)) => {
                    if self.receiver.take_drained() {
                        self.handler.session().drained();
                    }
                    if let Some(message) = self.encode(item) {
                        return Poll::Ready(Some(message));
                    }
                }
                Poll::Ready(Err(QueueEnd::Kill)) => self.drain(),
                Poll::Ready(Err(QueueEnd::Close(..) | QueueEnd::Disconnected)) => {
                    self.close();
                    break;
                }
                Poll::Pending if matches!(self.stage, LongPollStage::Open) => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(None)
    }

    fn encode(&mut self, item: H::Item) -> Option<Vec<u8>> {
        let mut next = Some(item);
        let mut message = Vec::new();
        // An item may have one replacement, which can be sent.
        for _ in 0..2 {
            // The peer announces no limit.
            match self.handler.encode(next.take()?, usize::MAX, &mut message) {
                Ok(()) => return Some(message),
                Err(replacement) => next = replacement,
            }
            message.clear();
        }
        None
    }

    /// Lets a session that is not open continue to open, or ends it when its time is over.
    fn check_opening(&mut self, now: Instant, context: &Context<'_>) {
        match self.handler.session().poll_opening(context) {
            Poll::Ready(Flow::Close(..)) => self.close(),
            Poll::Ready(_) if self.handler.session().is_open() => self.unopened = None,
            Poll::Ready(_) | Poll::Pending => {}
        }
        if matches!(self.stage, LongPollStage::Open)
            && self.unopened.is_some_and(|since| now >= since + self.timeouts.opening)
        {
            match self.handler.session().on_opening_timeout() {
                true => self.close(),
                false => self.end(&CloseReason::OpeningTimeout),
            }
        }
    }

    /// Applies the deadlines that are due. Returns the time of the next check, or none if the
    /// session has ended. A receive that begins between two checks is due after the second one, so
    /// that none is late.
    pub(super) fn check_deadlines(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
    ) -> Option<Instant> {
        if matches!(self.stage, LongPollStage::Open)
            && let Poll::Ready(end) = self.receiver.poll_end(context)
        {
            match end {
                QueueEnd::Kill => self.drain(),
                QueueEnd::Close(..) | QueueEnd::Disconnected => self.close(),
            }
        }
        self.receiver.shed_if_asked(&mut VecDeque::new());
        if self.receiver.takes_first_refusal() {
            self.handler.session().on_slow_consumer();
        }
        if self.unopened.is_some() && matches!(self.stage, LongPollStage::Open) {
            self.check_opening(now, context);
        }
        let polling = match self.polling {
            Polling::Waiting { since, .. } => since + self.timeouts.receive,
            Polling::Silent { since } => since + self.timeouts.session,
        };
        if now >= polling {
            match self.polling {
                Polling::Waiting { .. } => self.end_receive(now),
                Polling::Silent { .. } => self.end(&CloseReason::Unpolled),
            }
        }
        if matches!(self.stage, LongPollStage::Ended) {
            return None;
        }
        self.watcher.register(context);
        let LongPollTimeouts { opening, receive, session } = self.timeouts;
        let unopened = self.unopened.map(|since| since + opening);
        [Some(now + receive.min(session).min(opening)), Some(polling), unopened]
            .into_iter()
            .flatten()
            .filter(|due| *due > now)
            .min()
    }
}
