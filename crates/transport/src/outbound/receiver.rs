//! The side of a queue that its connection takes from.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloverleaf_wakes::wake;
use parking_lot::MutexGuard;

use super::queue::{Queue, remember};
use super::{QueueEnd, Queued, Shared};
use crate::limits::{
    QUEUE_MAX_AFTER_SHEDDING, QUEUE_READING_PAUSE_BYTES, QUEUE_READING_PAUSE_MESSAGES,
};

/// The side of the queue that its connection takes from. Dropping it ends the queue.
#[derive(Debug)]
pub struct OutboundReceiver<T: Queued + Send + 'static> {
    shared: Arc<Shared<T>>,
    /// That something was refused has been told.
    has_told: bool,
}

impl<T: Queued + Send + 'static> OutboundReceiver<T> {
    pub(super) const fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, has_told: false }
    }

    /// Moves everything that is queued to the end of `batch`, after saying how much of what was
    /// taken before has been encoded. Pending when there is nothing; the end of the queue comes
    /// after its items.
    pub fn poll_take(
        &mut self,
        encoded: &mut Encoded,
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
        encoded.has_room = queue.takes_room_wish();
        let is_reported = queue.is_reported();
        let taken = take(&mut queue, batch, context);
        drop(queue);
        if !is_reported {
            self.shared.report();
        }
        taken
    }

    /// Frees the events that wait in the queue and in what was taken of it, if the process has no
    /// memory for them. A queue that is large without them ends.
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

    /// Whether something has been refused for the first time since this was last asked.
    pub(crate) fn takes_first_refusal(&mut self) -> bool {
        !self.has_told && {
            self.has_told = self.shared.queue.lock().refused > 0;
            self.has_told
        }
    }

    /// Takes the first item alone, for a peer that asks for one at a time; it counts no longer.
    /// Pending when there is none; the end of the queue comes after its items.
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
        remember(&mut queue.waker, context);
        Poll::Pending
    }

    /// Whether a task waits for room that there is now, where items are taken one at a time.
    pub fn takes_room_wish(&mut self) -> bool {
        self.shared.queue.lock().takes_room_wish()
    }

    /// Whether what may not be refused has piled up.
    pub(crate) fn has_piled_up(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.bytes >= QUEUE_READING_PAUSE_BYTES || queue.messages >= QUEUE_READING_PAUSE_MESSAGES
    }

    /// Whether a task waits for room in the queue.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.shared.queue.lock().rare.has_room_wakers()
    }

    /// How many items the full queue has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.queue.lock().refused
    }

    /// The end of the queue, whatever stands before it. Pending while there is none; what is pushed
    /// meanwhile wakes no task.
    pub(crate) fn poll_end(&mut self, context: &Context<'_>) -> Poll<QueueEnd> {
        let mut queue = self.shared.queue.lock();
        let Some(end) = queue.end.clone() else {
            remember(&mut queue.rare.get_mut().end, context);
            return Poll::Pending;
        };
        let _lost = queue.take_lost();
        drop(queue);
        Poll::Ready(end)
    }
}

/// See [`OutboundReceiver::poll_take`].
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
    remember(&mut queue.waker, context);
    Poll::Pending
}

impl<T: Queued + Send + 'static> Drop for OutboundReceiver<T> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.end = Some(QueueEnd::Disconnected);
        let items = std::mem::take(&mut queue.items);
        queue.waker = None;
        queue.reports_at = usize::MAX;
        let waiting = queue.rare.0.take();
        drop(queue);
        drop(items);
        let Some(waiting) = waiting else { return };
        if let (Some(memory), Some(id)) = (&self.shared.memory, waiting.memory_id) {
            memory.forget(id);
        }
        waiting.resumed.into_iter().chain(waiting.room).for_each(wake);
    }
}

/// What a connection has encoded since it last took something.
#[derive(Debug, Default)]
pub struct Encoded {
    /// What they held in the queue ([`Queued::size`]).
    pub bytes: usize,
    /// Of these, what other queues hold as well ([`Queued::shared_size`]).
    pub shared: usize,
    /// How many they were.
    pub messages: usize,
    /// A task waits for room that there is now; the connection says so.
    pub has_room: bool,
}

impl Encoded {
    /// One more is encoded. Returns its size.
    pub(crate) fn count(&mut self, item: &impl Queued) -> usize {
        let size = item.size();
        self.bytes += size;
        self.shared += item.shared_size();
        self.messages += 1;
        size
    }

    /// One that was counted is not encoded yet.
    pub(crate) fn discount(&mut self, item: &impl Queued) {
        self.bytes -= item.size();
        self.shared -= item.shared_size();
        self.messages -= 1;
    }
}
