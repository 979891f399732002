//! The waker of one waiting task.

use std::task::{Context, Waker};

/// Holds the waker of at most one task.
#[derive(Debug, Default)]
pub struct WakerSlot(Option<Waker>);

impl WakerSlot {
    /// An empty slot.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Stores the task of `context`, in place of any other. Does not clone a waker that is stored
    /// already.
    #[inline]
    pub fn register(&mut self, context: &Context<'_>) {
        match &mut self.0 {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    /// Takes the waker, to be woken outside of a lock.
    #[inline]
    pub const fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }

    /// Wakes the task at once, without deferral.
    #[inline]
    pub fn wake(&mut self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    use super::WakerSlot;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn slot_holds_the_task_that_was_registered_last() {
        let mut slot = WakerSlot::new();
        assert!(slot.take().is_none());
        let tasks = [(); 2].map(|()| Arc::new(Task));
        let [first, last] = tasks.each_ref().map(|task| Waker::from(Arc::clone(task)));
        slot.register(&Context::from_waker(&first));
        slot.register(&Context::from_waker(&last));
        slot.register(&Context::from_waker(&last));
        assert_eq!(Arc::strong_count(&tasks[0]), 2, "the first task is forgotten");
        assert_eq!(Arc::strong_count(&tasks[1]), 3, "the last task is stored once");
        assert!(slot.take().is_some_and(|stored| stored.will_wake(&last)));
        assert!(slot.take().is_none());
    }
}
