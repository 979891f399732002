//! Wakes after a lock: recorded while it is held, done when it is released.

use std::fmt;
use std::marker::PhantomData;
use std::task::Waker;

use super::thread::THREAD;

/// Capacity for this many wakers is kept for the next time. A larger set gives its memory back.
const KEPT: usize = 256;

/// Wakes a task now, or when the last [`DeferredWakes`] of this thread is dropped.
pub fn wake(waker: Waker) {
    let now = THREAD.with_borrow_mut(|thread| {
        if thread.holders == 0 {
            return Some(waker);
        }
        thread.noted.push(waker);
        None
    });
    // Outside of the borrow, since a waker may call this function again.
    if let Some(waker) = now {
        waker.wake();
    }
}

/// While this exists, [`wake`] on its thread only records the task.
#[must_use = "wakes are deferred only until this is dropped"]
pub struct DeferredWakes {
    /// Units of work to be counted on drop.
    work: u32,
    /// The value belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

impl DeferredWakes {
    /// Defers the wakes of this thread from now on.
    pub fn begin() -> Self {
        THREAD.with_borrow_mut(|thread| thread.holders += 1);
        Self { work: 0, _not_send: PhantomData }
    }

    /// Counts units of work, of about 100 ns, in the round of this thread.
    pub const fn spend(&mut self, units: u32) {
        self.work = self.work.saturating_add(units);
    }
}

impl Drop for DeferredWakes {
    fn drop(&mut self) {
        let (mut wakers, pacer) = THREAD.with_borrow_mut(|thread| {
            thread.holders -= 1;
            let mut wakers = Vec::new();
            if thread.holders == 0 {
                wakers = std::mem::take(&mut thread.noted);
                thread.put_off(&mut wakers);
            }
            (wakers, thread.spend(self.work))
        });
        if let Some(pacer) = pacer {
            pacer.wake();
        }
        if wakers.is_empty() && wakers.capacity() == 0 {
            return;
        }
        for waker in wakers.drain(..) {
            waker.wake();
        }
        if wakers.capacity() <= KEPT {
            THREAD.with_borrow_mut(|thread| {
                if thread.noted.capacity() == 0 {
                    thread.noted = wakers;
                }
            });
        }
    }
}

impl fmt::Debug for DeferredWakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeferredWakes")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::{DeferredWakes, KEPT, THREAD, wake};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn so_far(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn without_deferral_a_task_is_woken_at_once() {
        let count = Arc::new(Count::default());
        wake(Waker::from(Arc::clone(&count)));
        assert_eq!(count.so_far(), 1);
    }

    #[test]
    fn deferred_tasks_are_woken_when_the_outermost_deferral_ends() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        for round in 1..=2 {
            let before = count.so_far();
            let outer = DeferredWakes::begin();
            let inner = DeferredWakes::begin();
            wake(waker.clone());
            drop(inner);
            wake(waker.clone());
            assert_eq!(count.so_far(), before);
            drop(outer);
            assert_eq!(count.so_far(), 2 * round);
        }
    }

    #[test]
    fn deferral_does_not_affect_other_threads() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let _deferred = DeferredWakes::begin();
        std::thread::spawn(|| wake(waker)).join().expect("a thread");
        assert_eq!(count.so_far(), 1);
    }

    /// The end of one session may wake a task that enters another lock.
    #[test]
    fn woken_task_may_defer_wakes_of_its_own() {
        struct Chain(Waker);
        impl Wake for Chain {
            fn wake(self: Arc<Self>) {
                let _deferred = DeferredWakes::begin();
                wake(self.0.clone());
            }
        }
        let count = Arc::new(Count::default());
        let chain = Waker::from(Arc::new(Chain(Waker::from(Arc::clone(&count)))));
        let deferred = DeferredWakes::begin();
        wake(chain);
        assert_eq!(count.so_far(), 0);
        drop(deferred);
        assert_eq!(count.so_far(), 1);
    }

    #[test]
    fn capacity_of_a_large_set_is_given_back() {
        let capacity = || THREAD.with_borrow(|thread| thread.noted.capacity());
        for (size, is_kept) in [(KEPT / 2, true), (KEPT * 10, false)] {
            let deferred = DeferredWakes::begin();
            (0..size).for_each(|_| wake(Waker::noop().clone()));
            drop(deferred);
            assert_eq!(capacity() > 0, is_kept, "after {size}");
        }
    }
}
