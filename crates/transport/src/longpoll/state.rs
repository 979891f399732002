//! What a long-poll session is at a moment, and every way in which that changes.
//!
//! Synchronous: who waits is only remembered here, and woken.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use tokio::time::Instant;

use super::{LongPollTimeouts, Received};
use crate::connection::{Flow, Handler};
use crate::error::CloseReason;
use crate::limits::OPENING_TIMEOUT;
use crate::log_limited;
use crate::outbound::{OutboundReceiver, QueueEnd};

#[derive(Debug)]
enum LongPollStage {
    Open,
    /// Nothing more is taken from the peer; it may receive what is queued.
    Closing,
    /// The handler's session has ended; this message says why, and is all that may be received.
    Draining(Vec<u8>),
    Ended,
}

/// Whether the peer receives.
#[derive(Debug)]
enum Polling {
    /// This receive waits.
    Waiting { number: u64, since: Instant, waker: Waker },
    /// None does.
    Silent { since: Instant },
}

/// See the [module](self).
pub(super) struct LongPollState<H: Handler> {
    handler: H,
    receiver: OutboundReceiver<H::Item>,
    timeouts: LongPollTimeouts,
    stage: LongPollStage,
    polling: Polling,
    /// How many receives have waited so far.
    receives: u64,
    /// Since when the handler's session is not open.
    unopened: Option<Instant>,
    /// The task that watches over the session.
    watcher: Option<Waker>,
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
            watcher: None,
        }
    }

    pub(super) fn send(&mut self, message: &[u8]) -> Option<Flow> {
        if !matches!(self.stage, LongPollStage::Open) {
            return None;
        }
        // No frame says whether it is text.
        let flow = self.handler.receive(None, message);
        if let Flow::Close(..) = &flow {
            self.close();
        }
        if self.handler.is_open() {
            self.unopened = None;
        } else {
            // The session may have been left; another one may be opened, in time.
            self.unopened.get_or_insert_with(Instant::now);
        }
        Some(flow)
    }

    pub(super) fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, LongPollStage::Open) {
            return self.handler.poll_ready(context);
        }
        Poll::Ready(())
    }

    /// What is queued may still be received.
    fn close(&mut self) {
        self.stage = LongPollStage::Closing;
        self.wake_receive();
    }

    /// Ends the handler's session at once, since its peer polls too slowly. That may still be
    /// received, and nothing else.
    fn part(&mut self) {
        let closing_message = self.handler.closing_message().and_then(|item| self.encode(item));
        let Some(closing_message) = closing_message else {
            return self.end(&CloseReason::SlowConsumer);
        };
        self.handler.closed(&CloseReason::SlowConsumer);
        self.stage = LongPollStage::Draining(closing_message);
        self.wake_receive();
    }

    fn wake_receive(&self) {
        if let Polling::Waiting { waker, .. } = &self.polling {
            wake(waker.clone());
        }
    }

    /// Ends the session at once; the second time nothing happens.
    pub(super) fn end(&mut self, reason: &CloseReason) {
        match std::mem::replace(&mut self.stage, LongPollStage::Ended) {
            LongPollStage::Ended => return,
            LongPollStage::Draining(_) => {}
            LongPollStage::Open | LongPollStage::Closing => self.handler.closed(reason),
        }
        self.fall_silent(Instant::now());
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

    /// Nobody receives any more; a receive that waits ends empty.
    fn fall_silent(&mut self, now: Instant) {
        let silent = Polling::Silent { since: now };
        if let Polling::Waiting { waker, .. } = std::mem::replace(&mut self.polling, silent) {
            wake(waker);
        }
    }

    const fn waits(&self, receive: u64) -> bool {
        matches!(self.polling, Polling::Waiting { number, .. } if number == receive)
    }

    /// Polls a receive, to which a number is given when it begins to wait; it has none when it is
    /// over.
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
            // Clients take a failed receive for a lost connection: it is the next one that is told.
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
            self.fall_silent(now);
        }
        Poll::Ready(received)
    }

    /// A receive waits on, or begins to, in the place of any other.
    fn wait(&mut self, number: &mut Option<u64>, now: Instant, context: &Context<'_>) {
        match &mut self.polling {
            Polling::Waiting { waker, .. } if number.is_some() => {
                waker.clone_from(context.waker());
            }
            _ => {
                self.fall_silent(now);
                self.receives += 1;
                *number = Some(self.receives);
                let waker = context.waker().clone();
                self.polling = Polling::Waiting { number: self.receives, since: now, waker };
            }
        }
    }

    /// A receive is given up by whoever asked for it.
    pub(super) fn give_up(&mut self, number: u64) {
        if self.waits(number) {
            self.polling = Polling::Silent { since: Instant::now() };
        }
    }

    /// The next message; none: there will be no other.
    fn poll_message(&mut self, context: &Context<'_>) -> Poll<Option<Vec<u8>>> {
        while !matches!(self.stage, LongPollStage::Ended) {
            if let LongPollStage::Draining(closing_message) = &mut self.stage {
                let closing_message = std::mem::take(closing_message);
                self.end(&CloseReason::SlowConsumer);
                return Poll::Ready(Some(closing_message));
            }
            match self.receiver.poll_next(context) {
                Poll::Ready(Ok(item)) => {
                    if self.receiver.takes_room_wish() {
                        self.handler.drained();
                    }
                    if let Some(message) = self.encode(item) {
                        return Poll::Ready(Some(message));
                    }
                }
                Poll::Ready(Err(QueueEnd::Kill)) => self.part(),
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
        // A replacement may itself be replaced, but not for ever: it is made to be sendable.
        for _ in 0..2 {
            // The peer says of no length that it is too much.
            match self.handler.encode(next.take()?, usize::MAX, &mut message) {
                Ok(()) => return Some(message),
                Err(replacement) => next = replacement,
            }
            message.clear();
        }
        None
    }

    /// Does what is due, and says when to look again; none: the session has ended. A receive that
    /// begins between two looks is due behind the second one, so that none is late.
    pub(super) fn look(&mut self, now: Instant, context: &mut Context<'_>) -> Option<Instant> {
        if matches!(self.stage, LongPollStage::Open)
            && let Poll::Ready(end) = self.receiver.poll_end(context)
        {
            match end {
                QueueEnd::Kill => self.part(),
                QueueEnd::Close(..) | QueueEnd::Disconnected => self.close(),
            }
        }
        self.receiver.shed_if_asked(&mut VecDeque::new());
        if self.receiver.takes_first_refusal() {
            self.handler.on_slow_consumer();
        }
        if self.unopened.is_some_and(|since| now >= since + OPENING_TIMEOUT)
            && matches!(self.stage, LongPollStage::Open)
        {
            self.end(&CloseReason::OpeningTimeout);
        }
        let polling = match self.polling {
            Polling::Waiting { since, .. } => since + self.timeouts.receive,
            Polling::Silent { since } => since + self.timeouts.session,
        };
        if now >= polling {
            match self.polling {
                Polling::Waiting { .. } => self.fall_silent(now),
                Polling::Silent { .. } => self.end(&CloseReason::Unpolled),
            }
        }
        if matches!(self.stage, LongPollStage::Ended) {
            return None;
        }
        self.watcher = Some(context.waker().clone());
        let LongPollTimeouts { receive, session } = self.timeouts;
        let opening = self.unopened.map(|since| since + OPENING_TIMEOUT);
        [Some(now + receive.min(session).min(OPENING_TIMEOUT)), Some(polling), opening]
            .into_iter()
            .flatten()
            .filter(|due| *due > now)
            .min()
    }
}
