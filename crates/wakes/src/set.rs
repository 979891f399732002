//! The wakers of several waiting tasks.

use std::task::{Context, Waker};

/// Holds the wakers of any number of tasks, each once. Made for few tasks: every operation looks at
/// all of them.
#[derive(Debug, Default)]
pub struct WakerSet(Vec<Waker>);

impl WakerSet {
    /// Stores the task of `context`, unless it is stored already.
    pub fn register(&mut self, context: &Context<'_>) {
        if !self.0.iter().any(|waker| waker.will_wake(context.waker())) {
            self.0.push(context.waker().clone());
        }
    }

    /// Removes a task. Its waker would keep the memory of the task alive until the next wake.
    pub fn remove(&mut self, waker: &Waker) {
        self.0.retain(|stored| !stored.will_wake(waker));
    }

    /// Takes all wakers, the oldest first, to be woken outside of a lock.
    pub fn take_all(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.0)
    }

    /// Whether no task is stored.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Wake, Waker};

    use super::WakerSet;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    fn tasks() -> [Waker; 2] {
        [(); 2].map(|()| Waker::from(Arc::new(Task)))
    }

    #[test]
    fn each_task_is_stored_once_in_the_order_of_registration() {
        let mut set = WakerSet::default();
        assert!(set.is_empty());
        let [first, last] = tasks();
        for task in [&first, &last, &first] {
            set.register(&Context::from_waker(task));
        }
        assert!(!set.is_empty());
        let stored = set.take_all();
        assert_eq!(stored.len(), 2);
        assert!(stored[0].will_wake(&first) && stored[1].will_wake(&last));
        assert!(set.is_empty() && set.take_all().is_empty());
    }

    #[test]
    fn removed_task_is_forgotten_and_the_others_stay() {
        let mut set = WakerSet::default();
        let [removed, kept] = tasks();
        set.register(&Context::from_waker(&removed));
        set.register(&Context::from_waker(&kept));
        set.remove(&removed);
        set.remove(&removed);
        let stored = set.take_all();
        assert_eq!(stored.len(), 1);
        assert!(stored[0].will_wake(&kept));
    }
}
