//! The state of a queue behind its lock, and its reports to the memory of the process.

use std::sync::{Arc, Weak};

use cloverleaf_wakes::wake;
use parking_lot::Mutex;

use super::item::Queued;
use super::memory::{QueueMemory, Shed};
use super::queue::Queue;
use crate::limits::QUEUE_GRANULE;

#[derive(Debug)]
pub(super) struct SharedQueue<T> {
    pub(super) queue: Mutex<Queue<T>>,
    pub(super) memory: Option<Arc<QueueMemory>>,
}

impl<T: Queued + Send + 'static> SharedQueue<T> {
    /// Reports the size of the queue to the memory of the process.
    #[cold]
    pub(super) fn report(self: &Arc<Self>) {
        let Some(memory) = &self.memory else { return };
        let mut queue = self.queue.lock();
        let (bytes, own) = (queue.bytes, queue.bytes - queue.shared);
        queue.reports_at = bytes + QUEUE_GRANULE;
        let id = queue.rare.get_mut().memory_id.take();
        drop(queue);
        let weak = || {
            let weak: Weak<Self> = Arc::downgrade(self);
            weak as Weak<dyn Shed>
        };
        let id = memory.report(id, bytes, own, weak);
        self.queue.lock().rare.get_mut().memory_id = id;
    }
}

impl<T: Queued + Send + 'static> Shed for SharedQueue<T> {
    fn ask_to_shed(&self) {
        let mut queue = self.queue.lock();
        queue.sheds = true;
        let wakers = queue.waker.take().into_iter().chain(queue.rare.take_end());
        let wakers: Vec<_> = wakers.collect();
        drop(queue);
        wakers.into_iter().for_each(wake);
    }
}
