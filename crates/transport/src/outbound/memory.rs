//! The memory of a process for its queues.
//!
//! Each queue has a limit, but thousands of slow readers could fill as many queues. So the larger
//! queues report their size here, in steps of [`QUEUE_GRANULE`]. While their sum exceeds the
//! budget, the largest queue is asked to shed its events.
//!
//! An event stands in many queues and is in memory once: the bytes of events are counted where
//! events are made and freed. A [`Charge`] counts bytes that wait to be sent outside of queues.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Weak};

use cloverleaf_wamp::message::live_event_bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::limits::QUEUE_GRANULE;

/// A queue or connection that can free memory.
pub trait Shed: Send + Sync {
    /// Asks it to drop what it may drop. It does so when its connection runs.
    fn ask_to_shed(&self);
}

/// The id of a queue or charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct QueueId(u64);

/// Bytes outside of queues, which count in the memory of the process until this is dropped.
#[derive(Debug)]
pub struct Charge {
    memory: Arc<QueueMemory>,
    id: QueueId,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.forget(self.id);
    }
}

/// A queue above a granule, or a charge.
struct LargeQueue {
    queue: Weak<dyn Shed>,
    /// All bytes, by which the largest queue is found.
    bytes: usize,
    /// Bytes that no other queue holds.
    own: usize,
    /// Whether it was asked to shed and has not reported since.
    was_asked: bool,
}

#[derive(Default)]
struct QueueTable {
    queues: HashMap<QueueId, LargeQueue>,
    /// The queues that were not asked, by size. Of queues of one size the oldest is last.
    by_size: BTreeSet<(usize, Reverse<QueueId>)>,
    /// Bytes of all queues that no other queue holds.
    own: usize,
    /// Bytes of the queues that were asked and have not reported since.
    asked: usize,
    last_id: u64,
}

/// The budget of a process for its queues.
pub struct QueueMemory {
    limit: usize,
    state: Mutex<QueueTable>,
}

impl QueueMemory {
    /// A budget in bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// The budget, in bytes.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that events and the larger queues hold.
    pub fn used(&self) -> usize {
        live_event_bytes() + self.state.lock().own
    }

    /// Takes the size of a queue that has grown or shrunk by a granule. Returns the id of the
    /// queue, or none if it is not large any more. Must be called without the lock of a queue.
    pub(super) fn report(
        &self,
        id: Option<QueueId>,
        bytes: usize,
        own: usize,
        queue: impl FnOnce() -> Weak<dyn Shed>,
    ) -> Option<QueueId> {
        let mut state = self.state.lock();
        let (id, is_still_large) = state.update(id, bytes, own, queue);
        self.shed_if_over(state);
        Some(id).filter(|_| is_still_large)
    }

    /// Counts `bytes` of an `owner` until the charge is dropped. If the process exceeds its budget,
    /// the owner of the largest queue or charge is asked to shed. That may be this owner, before
    /// the function returns. Must be called without the lock of a queue.
    pub fn charge(self: &Arc<Self>, bytes: usize, owner: Weak<dyn Shed>) -> Charge {
        let mut state = self.state.lock();
        let id = state.next_id();
        state.insert(id, LargeQueue { queue: owner, bytes, own: bytes, was_asked: false });
        self.shed_if_over(state);
        Charge { memory: Arc::clone(self), id }
    }

    /// Asks the largest queue to shed if the sum exceeds the budget.
    fn shed_if_over(&self, mut state: MutexGuard<'_, QueueTable>) {
        let used = live_event_bytes() + state.own;
        // Queues that were asked free their memory when their connections run.
        let is_over = used.saturating_sub(state.asked) > self.limit;
        let largest = if is_over { state.take_largest() } else { None };
        drop(state);
        if let Some(queue) = largest.and_then(|queue| queue.upgrade()) {
            queue.ask_to_shed();
        }
    }

    /// Removes a queue or charge.
    pub(super) fn forget(&self, id: QueueId) {
        self.state.lock().remove(id);
    }
}

impl QueueTable {
    fn update(
        &mut self,
        id: Option<QueueId>,
        bytes: usize,
        own: usize,
        queue: impl FnOnce() -> Weak<dyn Shed>,
    ) -> (QueueId, bool) {
        let known = id.and_then(|id| Some((id, self.remove(id)?)));
        let (id, queue) = match known {
            Some((id, large)) => (id, large.queue),
            None => (self.next_id(), queue()),
        };
        let is_large = bytes >= QUEUE_GRANULE;
        if is_large {
            self.insert(id, LargeQueue { queue, bytes, own, was_asked: false });
        }
        (id, is_large)
    }

    const fn next_id(&mut self) -> QueueId {
        self.last_id += 1;
        QueueId(self.last_id)
    }

    fn insert(&mut self, id: QueueId, large: LargeQueue) {
        self.own += large.own;
        self.by_size.insert((large.bytes, Reverse(id)));
        self.queues.insert(id, large);
    }

    fn remove(&mut self, id: QueueId) -> Option<LargeQueue> {
        let large = self.queues.remove(&id)?;
        self.own -= large.own;
        if large.was_asked {
            self.asked -= large.bytes;
        } else {
            self.by_size.remove(&(large.bytes, Reverse(id)));
        }
        Some(large)
    }

    /// The largest queue. It is not asked again before it has reported.
    fn take_largest(&mut self) -> Option<Weak<dyn Shed>> {
        let (_, Reverse(id)) = self.by_size.pop_last()?;
        let large = self.queues.get_mut(&id)?;
        large.was_asked = true;
        self.asked += large.bytes;
        Some(large.queue.clone())
    }
}

impl fmt::Debug for QueueMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueMemory").field("limit", &self.limit).finish_non_exhaustive()
    }
}
