//! The state that both sides of a queue share.

use std::collections::VecDeque;
use std::task::Waker;

use cloverleaf_wakes::{WakerSet, WakerSlot, wake};

use super::item::{HighWaterMark, Overflow, Pushed, QueueEnd, Queued, SlowConsumer};
use super::memory::QueueId;
use crate::limits::{QUEUE_GRANULE, QUEUE_LOW_WATER_BYTES, QUEUE_LOW_WATER_MESSAGES};

#[derive(Debug)]
pub(super) struct Queue<T> {
    pub(super) items: VecDeque<T>,
    pub(super) high_water_mark: HighWaterMark,
    /// Bytes of the items, and of those that were taken and are not encoded yet.
    pub(super) bytes: usize,
    /// Those of these bytes that other queues share.
    pub(super) shared: usize,
    pub(super) messages: usize,
    /// The number of bytes at which the queue reports to the memory of the process again.
    pub(super) reports_at: usize,
    /// The number of items that were dropped.
    pub(super) refused: u64,
    pub(super) end: Option<QueueEnd>,
    /// The connection, which waits for an item or the end.
    pub(super) waker: WakerSlot,
    pub(super) policy: SlowConsumer,
    /// The memory of the process has asked the queue to shed its events.
    pub(super) sheds: bool,
    /// The session waits until the queue is below its low-water mark.
    pub(super) wants_room: bool,
    /// The session was resumed.
    pub(super) is_resumed: bool,
    /// State that most queues never have.
    pub(super) rare: RareState,
}

#[derive(Debug, Default)]
pub(super) struct RareState(pub(super) Option<Box<QueueWaiters>>);

/// The tasks that wait for a queue.
#[derive(Debug, Default)]
pub(super) struct QueueWaiters {
    /// The connection, which can't write and waits only for the end.
    pub(super) end: WakerSlot,
    /// The connection, whose session waits to be resumed.
    pub(super) resumed: WakerSlot,
    /// The tasks that wait for room.
    pub(super) room: WakerSet,
    /// The id of the queue in the memory of the process.
    pub(super) memory_id: Option<QueueId>,
}

impl RareState {
    pub(super) fn get_mut(&mut self) -> &mut QueueWaiters {
        self.0.get_or_insert_default()
    }

    pub(super) fn take_end(&mut self) -> Option<Waker> {
        self.0.as_mut()?.end.take()
    }

    pub(super) fn take_resumed(&mut self) -> Option<Waker> {
        self.0.as_mut()?.resumed.take()
    }

    pub(super) fn take_room(&mut self) -> Vec<Waker> {
        self.0.as_mut().map(|waiting| waiting.room.take_all()).unwrap_or_default()
    }

    pub(super) fn has_room_wakers(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| !waiting.room.is_empty())
    }
}

impl<T> Queue<T> {
    /// An empty queue. `is_counted` is whether it reports to the memory of the process.
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
            waker: WakerSlot::default(),
            policy: SlowConsumer::default(),
            sheds: false,
            wants_room: false,
            is_resumed: false,
            rare: RareState::default(),
        }
    }

    /// Ends the queue and wakes all tasks that wait for it.
    pub(super) fn finish(&mut self, end: QueueEnd) {
        self.end = Some(end);
        let wakers = self.waker.take().into_iter().chain(self.rare.take_end());
        let wakers = wakers.chain(self.rare.take_resumed());
        wakers.chain(self.rare.take_room()).for_each(wake);
    }

    /// The items that will not be sent any more, to be dropped outside of the lock.
    pub(super) fn take_lost(&mut self) -> VecDeque<T> {
        if self.end == Some(QueueEnd::Kill) {
            std::mem::take(&mut self.items)
        } else {
            VecDeque::new()
        }
    }

    /// Whether the queue holds this many times its high-water mark. An empty queue is never full.
    pub(super) const fn is_full(&self, times: usize) -> bool {
        let HighWaterMark { bytes, messages } = self.high_water_mark;
        (self.bytes >= times * bytes as usize || self.messages >= times * messages as usize)
            && self.messages > 0
    }

    /// Decides about an item that may be dropped.
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

    /// Counts dropped items. The first one wakes a connection that can't write.
    pub(super) fn refuse(&mut self, count: u64) {
        if self.refused == 0
            && let Some(waker) = self.rare.take_end()
        {
            wake(waker);
        }
        self.refused += count;
    }

    /// The tasks that waited for room, if there is room again.
    pub(super) fn room_wakers(&mut self) -> Vec<Waker> {
        if !self.rare.has_room_wakers() || self.is_full(1) {
            return Vec::new();
        }
        self.rare.take_room()
    }

    /// Whether the session waits for room and the queue has drained far enough below its low-water
    /// mark. The session then waits no longer.
    pub(super) const fn take_drained(&mut self) -> bool {
        let has_room =
            self.bytes < QUEUE_LOW_WATER_BYTES / 2 && self.messages < QUEUE_LOW_WATER_MESSAGES / 2;
        has_room && std::mem::replace(&mut self.wants_room, false)
    }

    /// Whether the memory of the process knows the size of the queue well enough.
    pub(super) const fn is_reported(&self) -> bool {
        self.reports_at == usize::MAX
            || self.reports_at <= QUEUE_GRANULE
            || self.bytes + 4 * QUEUE_GRANULE > self.reports_at
    }
}

impl<T: Queued> Queue<T> {
    /// Subtracts items that were taken and have been encoded.
    pub(super) fn count_encoded(&mut self, encoded: &mut EncodedBatch) {
        let EncodedBatch { bytes, shared, messages, .. } = std::mem::take(encoded);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.shared = self.shared.saturating_sub(shared);
        self.messages = self.messages.saturating_sub(messages);
    }

    /// Subtracts an item.
    pub(super) fn discount(&mut self, item: &T) {
        self.bytes = self.bytes.saturating_sub(item.size());
        self.shared = self.shared.saturating_sub(item.shared_size());
        self.messages = self.messages.saturating_sub(1);
    }

    /// Moves the events among waiting items to `lost`, since the process is out of memory for them.
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

/// The items that a connection has encoded since it last took some.
#[derive(Debug, Default)]
pub struct EncodedBatch {
    /// The bytes that they held in the queue ([`Queued::size`]).
    pub bytes: usize,
    /// Those of these bytes that other queues share ([`Queued::shared_size`]).
    pub shared: usize,
    /// Their number.
    pub messages: usize,
    /// Set when the queue has drained and the session waits for that.
    pub has_drained: bool,
}

impl EncodedBatch {
    /// Adds an encoded item. Returns its size.
    pub(crate) fn count(&mut self, item: &impl Queued) -> usize {
        let size = item.size();
        self.bytes += size;
        self.shared += item.shared_size();
        self.messages += 1;
        size
    }

    /// Subtracts an item that was added and is not encoded yet.
    pub(crate) fn discount(&mut self, item: &impl Queued) {
        self.bytes -= item.size();
        self.shared -= item.shared_size();
        self.messages -= 1;
    }
}
