//! The side of a queue that the connection takes from.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloverleaf_wakes::wake;
use parking_lot::MutexGuard;

use super::item::{QueueEnd, Queued};
use super::queue::{EncodedBatch, Queue};
use super::shared::SharedQueue;
use crate::limits::{
    QUEUE_MAX_AFTER_SHEDDING, QUEUE_READING_PAUSE_BYTES, QUEUE_READING_PAUSE_MESSAGES,
};

/// The receiving side of a queue. Dropping it ends the queue.
#[derive(Debug)]
pub struct OutboundReceiver<T: Queued + Send + 'static> {
    shared: Arc<SharedQueue<T>>,
    /// The first dropped item has been reported to the connection.
    has_reported_refusal: bool,
}

impl<T: Queued + Send + 'static> OutboundReceiver<T> {
    pub(super) const fn new(shared: Arc<SharedQueue<T>>) -> Self {
        Self { shared, has_reported_refusal: false }
    }

    /// Moves all queued items to the end of `batch`, after subtracting those of earlier batches
    /// that have been `encoded`. Pending if no item is queued. The end of the queue follows its
    /// items.
    pub fn poll_take(
        &mut self,
        encoded: &mut EncodedBatch,
        batch: &mut VecDeque<T>,
        context: &Context<'_>,
    ) -> Poll<Option<QueueEnd>> {
        let mut queue = self.shared.queue.lock();
        queue.count_encoded(encoded);
        if queue.sheds {
            self.shed(queue, batch);
            queue = self.shared.queue.lock();
        }
        queue.room_wakers().into_iter().for_each(wake);
        encoded.has_drained = queue.take_drained();
        let is_reported = queue.is_reported();
        let taken = take(&mut queue, batch, context);
        drop(queue);
        if !is_reported {
            self.shared.report();
        }
        taken
    }

    /// Drops the events in the queue and in `batch`, if the memory of the process asked for that. A
    /// queue that is large without them ends.
    pub(crate) fn shed_if_asked(&mut self, batch: &mut VecDeque<T>) {
        let queue = self.shared.queue.lock();
        if queue.sheds {
            self.shed(queue, batch);
        }
    }

    #[cold]
    fn shed(&self, mut queue: MutexGuard<'_, Queue<T>>, batch: &mut VecDeque<T>) {
        queue.sheds = false;
        let mut lost = Vec::new();
        queue.shed(batch, &mut lost);
        let mut items = std::mem::take(&mut queue.items);
        queue.shed(&mut items, &mut lost);
        queue.items = items;
        queue.refuse(lost.len() as u64);
        if queue.bytes - queue.shared >= QUEUE_MAX_AFTER_SHEDDING && queue.end.is_none() {
            queue.finish(QueueEnd::Kill);
        }
        drop(queue);
        drop(lost);
        self.shared.report();
    }

    /// Whether the queue has dropped its first item. True once.
    pub(crate) fn takes_first_refusal(&mut self) -> bool {
        !self.has_reported_refusal && {
            self.has_reported_refusal = self.shared.queue.lock().refused > 0;
            self.has_reported_refusal
        }
    }

    /// Takes the first item alone, for a peer that polls for one at a time, and subtracts it.
    /// Pending if no item is queued. The end of the queue follows its items.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Result<T, QueueEnd>> {
        self.shed_if_asked(&mut VecDeque::new());
        let mut queue = self.shared.queue.lock();
        if queue.end == Some(QueueEnd::Kill) {
            let _lost = queue.take_lost();
            drop(queue);
            return Poll::Ready(Err(QueueEnd::Kill));
        }
        if let Some(item) = queue.items.pop_front() {
            queue.discount(&item);
            queue.room_wakers().into_iter().for_each(wake);
            return Poll::Ready(Ok(item));
        }
        if let Some(end) = &queue.end {
            return Poll::Ready(Err(end.clone()));
        }
        queue.waker.register(context);
        Poll::Pending
    }

    /// Whether the queue has drained and the session waits for that. For items that are taken one
    /// at a time; [`Self::poll_take`] reports it in [`EncodedBatch::has_drained`].
    pub fn take_drained(&mut self) -> bool {
        self.shared.queue.lock().take_drained()
    }

    /// Whether the queue is long enough to pause reading from the peer: items that must not be
    /// dropped have piled up.
    pub(crate) fn pauses_reading(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.bytes >= QUEUE_READING_PAUSE_BYTES || queue.messages >= QUEUE_READING_PAUSE_MESSAGES
    }

    /// Whether a publisher waits for room in the queue.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.shared.queue.lock().rare.has_room_wakers()
    }

    /// The number of items that the full queue has dropped.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.queue.lock().refused
    }

    /// The end of the queue, without waiting for the items before it. Pending while the queue has
    /// not ended; pushed items do not wake the task.
    pub(crate) fn poll_end(&mut self, context: &Context<'_>) -> Poll<QueueEnd> {
        let mut queue = self.shared.queue.lock();
        let Some(end) = queue.end.clone() else {
            queue.rare.get_mut().end.register(context);
            return Poll::Pending;
        };
        let _lost = queue.take_lost();
        drop(queue);
        Poll::Ready(end)
    }
}

/// The part of [`OutboundReceiver::poll_take`] under the lock.
fn take<T>(
    queue: &mut Queue<T>,
    batch: &mut VecDeque<T>,
    context: &Context<'_>,
) -> Poll<Option<QueueEnd>> {
    if queue.end == Some(QueueEnd::Kill) {
        return Poll::Ready(Some(QueueEnd::Kill));
    }
    if !queue.items.is_empty() {
        if batch.is_empty() {
            std::mem::swap(batch, &mut queue.items);
        } else {
            batch.append(&mut queue.items);
        }
        return Poll::Ready(None);
    }
    if queue.end.is_some() {
        return Poll::Ready(queue.end.clone());
    }
    queue.waker.register(context);
    Poll::Pending
}

impl<T: Queued + Send + 'static> Drop for OutboundReceiver<T> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.end = Some(QueueEnd::Disconnected);
        let items = std::mem::take(&mut queue.items);
        drop(queue.waker.take());
        queue.reports_at = usize::MAX;
        let waiting = queue.rare.0.take();
        drop(queue);
        drop(items);
        let Some(mut waiting) = waiting else { return };
        if let (Some(memory), Some(id)) = (&self.shared.memory, waiting.memory_id) {
            memory.forget(id);
        }
        waiting.resumed.take().into_iter().chain(waiting.room.take_all()).for_each(wake);
    }
}
