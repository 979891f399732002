//! What both sides of a queue share.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use cloverleaf_wakes::wake;

use super::memory::QueueId;
use super::receiver::Encoded;
use super::{HighWaterMark, Overflow, Pushed, QueueEnd, Queued, SlowConsumer};
use crate::limits::{QUEUE_GRANULE, QUEUE_LOW_WATER_BYTES, QUEUE_LOW_WATER_MESSAGES};

/// See [`super::OutboundSender`].
#[derive(Debug)]
pub(super) struct Queue<T> {
    pub(super) items: VecDeque<T>,
    pub(super) high_water_mark: HighWaterMark,
    /// What the items hold, and those taken but not encoded yet.
    pub(super) bytes: usize,
    /// Of these, what other queues hold as well.
    pub(super) shared: usize,
    pub(super) messages: usize,
    /// The number of bytes at which the process hears of this queue again.
    pub(super) reports_at: usize,
    pub(super) refused: u64,
    pub(super) end: Option<QueueEnd>,
    pub(super) waker: Option<Waker>,
    pub(super) policy: SlowConsumer,
    /// It was asked to free memory.
    pub(super) sheds: bool,
    /// A task waits until it has room for what can be sent later.
    pub(super) wants_room: bool,
    /// What its session had asked for is done.
    pub(super) is_resumed: bool,
    /// What most queues never have.
    pub(super) rare: Rare,
}

/// Wakers of those who wait for a queue.
#[derive(Debug, Default)]
pub(super) struct Rare(pub(super) Option<Box<Waiting>>);

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The connection, which can't write and waits for nothing but the end.
    pub(super) end: Option<Waker>,
    /// The connection, whose session waits to be resumed.
    pub(super) resumed: Option<Waker>,
    /// Those who wait for room.
    pub(super) room: Vec<Waker>,
    /// The queue's name in the memory of the process.
    pub(super) memory_id: Option<QueueId>,
}

impl Rare {
    pub(super) fn get_mut(&mut self) -> &mut Waiting {
        self.0.get_or_insert_default()
    }

    pub(super) fn take_end(&mut self) -> Option<Waker> {
        self.0.as_mut()?.end.take()
    }

    pub(super) fn take_resumed(&mut self) -> Option<Waker> {
        self.0.as_mut()?.resumed.take()
    }

    pub(super) fn take_room(&mut self) -> Vec<Waker> {
        self.0.as_mut().map(|waiting| std::mem::take(&mut waiting.room)).unwrap_or_default()
    }

    pub(super) fn has_room_wakers(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| !waiting.room.is_empty())
    }
}

impl<T> Queue<T> {
    /// An empty queue. `is_counted` is whether the process hears of it when it is large.
    pub(super) fn new(high_water_mark: HighWaterMark, is_counted: bool) -> Self {
        Self {
            items: VecDeque::new(),
            high_water_mark,
            bytes: 0,
            shared: 0,
            messages: 0,
            reports_at: if is_counted { QUEUE_GRANULE } else { usize::MAX },
            refused: 0,
            end: None,
            waker: None,
            policy: SlowConsumer::default(),
            sheds: false,
            wants_room: false,
            is_resumed: false,
            rare: Rare::default(),
        }
    }

    pub(super) fn finish(&mut self, end: QueueEnd) {
        self.end = Some(end);
        let wakers = self.waker.take().into_iter().chain(self.rare.take_end());
        let wakers = wakers.chain(self.rare.take_resumed());
        wakers.chain(self.rare.take_room()).for_each(wake);
    }

    /// What will not be sent any more, to be dropped outside of the lock.
    pub(super) fn take_lost(&mut self) -> VecDeque<T> {
        if self.end == Some(QueueEnd::Kill) {
            std::mem::take(&mut self.items)
        } else {
            VecDeque::new()
        }
    }

    /// Whether it holds so many times what it takes before it refuses anything. One message is
    /// taken in any case.
    pub(super) const fn is_full(&self, times: usize) -> bool {
        let HighWaterMark { bytes, messages } = self.high_water_mark;
        (self.bytes >= times * bytes as usize || self.messages >= times * messages as usize)
            && self.messages > 0
    }

    /// What becomes of an item that is not owed.
    #[cold]
    pub(super) fn push_full(&mut self, overflow: Overflow) -> Pushed {
        match self.policy {
            SlowConsumer::Disconnect if overflow == Overflow::SlowConsumer => {
                self.finish(QueueEnd::Kill);
                Pushed::Closed
            }
            SlowConsumer::BlockPublisher
                if overflow == Overflow::SlowConsumer && !self.is_full(2) && !self.sheds =>
            {
                Pushed::AboveHighWater
            }
            _ => {
                self.refuse(1);
                Pushed::Dropped
            }
        }
    }

    /// Items are refused. A connection that can't write sees the first ones.
    pub(super) fn refuse(&mut self, count: u64) {
        if self.refused == 0
            && let Some(waker) = self.rare.take_end()
        {
            wake(waker);
        }
        self.refused += count;
    }

    /// Those who may go on, if there is room again.
    pub(super) fn room_wakers(&mut self) -> Vec<Waker> {
        if !self.rare.has_room_wakers() || self.is_full(1) {
            return Vec::new();
        }
        self.rare.take_room()
    }

    /// Whether a task waits for room that there is now.
    pub(super) const fn takes_room_wish(&mut self) -> bool {
        let has_room =
            self.bytes < QUEUE_LOW_WATER_BYTES / 2 && self.messages < QUEUE_LOW_WATER_MESSAGES / 2;
        has_room && std::mem::replace(&mut self.wants_room, false)
    }
}

impl<T: Queued> Queue<T> {
    /// Notes what has been encoded of what was taken.
    pub(super) fn count_encoded(&mut self, encoded: &mut Encoded) {
        let Encoded { bytes, shared, messages, .. } = std::mem::take(encoded);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.shared = self.shared.saturating_sub(shared);
        self.messages = self.messages.saturating_sub(messages);
    }

    /// An item is gone that counted.
    pub(super) fn discount(&mut self, item: &T) {
        self.bytes = self.bytes.saturating_sub(item.size());
        self.shared = self.shared.saturating_sub(item.shared_size());
        self.messages = self.messages.saturating_sub(1);
    }

    /// Takes the events out of items that wait, since the process has no memory for them.
    pub(super) fn shed(&mut self, items: &mut VecDeque<T>, lost: &mut Vec<T>) {
        let mut owed = VecDeque::new();
        for item in items.drain(..) {
            if item.overflow() == Overflow::SlowConsumer {
                self.discount(&item);
                lost.push(item);
            } else {
                owed.push_back(item);
            }
        }
        *items = owed;
    }
}

impl<T> Queue<T> {
    /// Whether the process knows about how much the queue holds.
    pub(super) const fn is_reported(&self) -> bool {
        self.reports_at == usize::MAX
            || self.reports_at <= QUEUE_GRANULE
            || self.bytes + 4 * QUEUE_GRANULE > self.reports_at
    }
}

#[inline]
pub(super) fn remember(waker: &mut Option<Waker>, context: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(context.waker()),
        none => *none = Some(context.waker().clone()),
    }
}
