//! Tasks that are woken when a lock has been given back.
//!
//! To wake a task may be a system call: its thread sleeps. Whoever holds a lock that others want
//! puts it off: from [`Later::begin`] on, what this thread wakes through [`wake`] is only noted,
//! and is woken when that value is dropped, behind the lock's guard. See `docs/decisions/cores.md`.
//!
//! Not for anything that has to happen under the lock: a waker says no more than "look again".

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::task::Waker;

/// Room for so many wakers is kept for the next time; what a larger audience took is given back.
const KEPT: usize = 256;

thread_local! {
    static NOTED: RefCell<Noted> = const { RefCell::new(Noted { holders: 0, wakers: Vec::new() }) };
}

struct Noted {
    /// How many values of [`Later`] this thread has.
    holders: usize,
    wakers: Vec<Waker>,
}

/// Wakes a task now, or when the last [`Later`] of this thread is dropped.
pub fn wake(waker: Waker) {
    let now = NOTED.with_borrow_mut(|noted| {
        if noted.holders == 0 {
            return Some(waker);
        }
        noted.wakers.push(waker);
        None
    });
    // Outside of the borrow: a waker may do anything.
    if let Some(waker) = now {
        waker.wake();
    }
}

/// While this lives, [`wake`] on its thread only notes whom to wake.
#[must_use = "it is over as soon as it is dropped"]
pub struct Later {
    /// It belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

impl Later {
    /// Puts off what this thread wakes from now on.
    pub fn begin() -> Self {
        NOTED.with_borrow_mut(|noted| noted.holders += 1);
        Self { _not_send: PhantomData }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        let mut wakers = NOTED.with_borrow_mut(|noted| {
            noted.holders -= 1;
            if noted.holders == 0 { std::mem::take(&mut noted.wakers) } else { Vec::new() }
        });
        if wakers.is_empty() && wakers.capacity() == 0 {
            return;
        }
        for waker in wakers.drain(..) {
            waker.wake();
        }
        if wakers.capacity() <= KEPT {
            NOTED.with_borrow_mut(|noted| {
                if noted.wakers.capacity() == 0 {
                    noted.wakers = wakers;
                }
            });
        }
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::{KEPT, Later, NOTED, wake};

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
    fn without_a_lock_everybody_is_woken_at_once() {
        let count = Arc::new(Count::default());
        wake(Waker::from(Arc::clone(&count)));
        assert_eq!(count.so_far(), 1);
    }

    #[test]
    fn under_a_lock_all_are_woken_behind_it_and_behind_the_outermost_of_several() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        for round in 1..=2 {
            let before = count.so_far();
            let outer = Later::begin();
            let inner = Later::begin();
            wake(waker.clone());
            drop(inner);
            wake(waker.clone());
            assert_eq!(count.so_far(), before);
            drop(outer);
            assert_eq!(count.so_far(), 2 * round);
        }
    }

    #[test]
    fn other_threads_are_not_held_up() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let _later = Later::begin();
        std::thread::spawn(|| wake(waker)).join().expect("a thread");
        assert_eq!(count.so_far(), 1);
    }

    /// As the end of one session may wake a task that enters another lock.
    #[test]
    fn who_is_woken_may_wake_others_under_a_lock_of_his_own() {
        struct Chain(Waker);
        impl Wake for Chain {
            fn wake(self: Arc<Self>) {
                let _later = Later::begin();
                wake(self.0.clone());
            }
        }
        let count = Arc::new(Count::default());
        let chain = Waker::from(Arc::new(Chain(Waker::from(Arc::clone(&count)))));
        let later = Later::begin();
        wake(chain);
        assert_eq!(count.so_far(), 0);
        drop(later);
        assert_eq!(count.so_far(), 1);
    }

    #[test]
    fn the_room_that_a_large_audience_took_is_given_back() {
        let room = || NOTED.with_borrow(|noted| noted.wakers.capacity());
        for (audience, is_kept) in [(KEPT / 2, true), (KEPT * 10, false)] {
            let later = Later::begin();
            (0..audience).for_each(|_| wake(Waker::noop().clone()));
            drop(later);
            assert_eq!(room() > 0, is_kept, "after {audience}");
        }
    }
}
