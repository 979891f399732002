//! When tasks are woken: behind a lock, and not all at once.
//!
//! To wake a task may be a system call: its thread sleeps. Code that holds a lock puts it off: from
//! [`DeferredWakes::begin`] on, what this thread wakes through [`wake`] is only noted, and is woken when
//! that value is dropped, behind the lock's guard. See `docs/decisions/cores.md`.
//!
//! A runtime runs whatever is ready before it looks at its sockets. So a thread counts its work in
//! rounds, one between two looks, and what is over a round's work waits for the next ones: see
//! [`pace`](fn@pace).
//!
//! Not for anything that has to happen under the lock: a waker says no more than "look again".

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::task::Waker;

mod pace;

use pace::Waiting;
pub use pace::{ROUND, WorkPermit, is_spent, pace, spend, wake_in_turn, work_left};

/// Capacity for so many wakers is kept for the next time; that of a larger set is given back.
const KEPT: usize = 256;

thread_local! {
    static THREAD: RefCell<Thread> = const { RefCell::new(Thread::new()) };
}

/// What a thread has put off.
struct Thread {
    /// How many values of [`DeferredWakes`] this thread has.
    holders: usize,
    /// To be woken when the last of them is dropped.
    noted: Vec<Waker>,
    /// Units of work that the present round has taken.
    spent: u32,
    /// To be woken in later rounds.
    waiting: VecDeque<Waker>,
    /// Large pieces of work that wait for a round, the oldest first.
    pieces: VecDeque<Waiting>,
    /// Units of work of the pieces that were let go in this round.
    granted: u32,
    /// How many tasks of large sets are woken at once in this round.
    wakes_left: usize,
    /// Whether a task begins rounds; otherwise nothing is put off for them.
    is_paced: bool,
    /// The task that begins the next round, while it is not needed.
    pacer: Option<Waker>,
}

impl Thread {
    const fn new() -> Self {
        Self {
            holders: 0,
            noted: Vec::new(),
            spent: 0,
            waiting: VecDeque::new(),
            pieces: VecDeque::new(),
            granted: 0,
            wakes_left: 0,
            is_paced: false,
            pacer: None,
        }
    }
}

/// Wakes a task now, or when the last [`DeferredWakes`] of this thread is dropped.
pub fn wake(waker: Waker) {
    let now = THREAD.with_borrow_mut(|thread| {
        if thread.holders == 0 {
            return Some(waker);
        }
        thread.noted.push(waker);
        None
    });
    // Outside of the borrow: a waker may do anything.
    if let Some(waker) = now {
        waker.wake();
    }
}

/// While this lives, [`wake`] on its thread only notes which task to wake.
#[must_use = "it is over as soon as it is dropped"]
pub struct DeferredWakes {
    work: u32,
    /// It belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

impl DeferredWakes {
    /// Puts off what this thread wakes from now on.
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
    fn other_threads_are_not_held_up() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let _later = DeferredWakes::begin();
        std::thread::spawn(|| wake(waker)).join().expect("a thread");
        assert_eq!(count.so_far(), 1);
    }

    /// As the end of one session may wake a task that enters another lock.
    #[test]
    fn who_is_woken_may_wake_others_under_a_lock_of_his_own() {
        struct Chain(Waker);
        impl Wake for Chain {
            fn wake(self: Arc<Self>) {
                let _later = DeferredWakes::begin();
                wake(self.0.clone());
            }
        }
        let count = Arc::new(Count::default());
        let chain = Waker::from(Arc::new(Chain(Waker::from(Arc::clone(&count)))));
        let later = DeferredWakes::begin();
        wake(chain);
        assert_eq!(count.so_far(), 0);
        drop(later);
        assert_eq!(count.so_far(), 1);
    }

    #[test]
    fn the_room_that_a_large_audience_took_is_given_back() {
        let room = || THREAD.with_borrow(|thread| thread.noted.capacity());
        for (audience, is_kept) in [(KEPT / 2, true), (KEPT * 10, false)] {
            let later = DeferredWakes::begin();
            (0..audience).for_each(|_| wake(Waker::noop().clone()));
            drop(later);
            assert_eq!(room() > 0, is_kept, "after {audience}");
        }
    }
}
