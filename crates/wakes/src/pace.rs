//! Rounds: the work of a thread between two polls of its sockets.
//!
//! Work is counted in units of about 100 ns. When the work of a [round](ROUND) is spent:
//! - Tasks that have much to do let other tasks run ([`is_spent`]).
//! - Large sets of tasks are woken in later rounds, some at a time. A message that arrives
//!   meanwhile waits for one round and not for all of them. Small sets are woken at once in any
//!   case: they are what a call wakes.
//! - Large pieces of work that can't be divided, such as a large message, wait for a
//!   [permit](WorkPermit). Permits are granted in order, so that a thread does not do several such
//!   pieces between two polls of its sockets.
//!
//! A thread without a [pacer](pace) defers nothing.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use super::thread::{PermitRequest, ROUND, THREAD, ThreadWakes, WAKES_PER_ROUND};

/// A task's permit to do a large piece of work. None while the task does not wait for one.
#[derive(Debug, Default)]
pub struct WorkPermit(Option<Arc<AtomicBool>>);

impl WorkPermit {
    /// Ready when the task may do a piece of work of about this many units. That is at once if the
    /// round has work left and no permit is awaited, or if the thread has no [pacer](pace).
    /// Otherwise the permits before this one come first. Must be polled again when the task is
    /// woken.
    pub fn poll(&mut self, units: u32, context: &Context<'_>) -> Poll<()> {
        if let Some(is_granted) = &self.0 {
            if !is_granted.load(Ordering::Relaxed) && is_paced() {
                return Poll::Pending;
            }
            self.0 = None;
            return Poll::Ready(());
        }
        if may_begin() {
            return Poll::Ready(());
        }
        let is_granted = Arc::new(AtomicBool::new(false));
        self.0 = Some(Arc::clone(&is_granted));
        let request = PermitRequest { units, waker: context.waker().clone(), is_granted };
        let pacer = THREAD.with_borrow_mut(|thread| {
            thread.permits.push_back(request);
            thread.pacer.take()
        });
        if let Some(pacer) = pacer {
            pacer.wake();
        }
        Poll::Pending
    }

    /// Whether a piece of work may begin without waiting. If not, call [`Self::poll`].
    pub fn may_begin(&self) -> bool {
        self.0.is_none() && may_begin()
    }
}

fn may_begin() -> bool {
    THREAD.with_borrow(|thread| {
        let is_free = thread.permits.is_empty() && thread.granted < ROUND && thread.spent < ROUND;
        is_free || !thread.is_paced
    })
}

fn is_paced() -> bool {
    THREAD.with_borrow(|thread| thread.is_paced)
}

/// Counts units of work, of about 100 ns, in the round of this thread.
pub fn spend(units: u32) {
    let pacer = THREAD.with_borrow_mut(|thread| thread.spend(units));
    if let Some(pacer) = pacer {
        pacer.wake();
    }
}

/// Whether the work of the thread's round is spent: a task that has much to do should let other
/// tasks run. False on a thread without a [pacer](pace).
pub fn is_spent() -> bool {
    THREAD.with_borrow(|thread| thread.is_paced && thread.spent >= ROUND)
}

/// The units of work that are left in the thread's round. On a thread without a [pacer](pace),
/// those of a whole round.
pub fn work_left() -> u32 {
    THREAD.with_borrow(|thread| match thread.is_paced {
        true => ROUND.saturating_sub(thread.spent),
        false => ROUND,
    })
}

/// Wakes a task in one of the next rounds, behind the tasks that wait already. On a thread without
/// a [pacer](pace), wakes it at once.
pub fn wake_in_turn(waker: Waker) {
    let now = THREAD.with_borrow_mut(|thread| {
        if !thread.is_paced {
            return Some(waker);
        }
        thread.waiting.push_back(waker);
        thread.pacer.take()
    });
    if let Some(waker) = now {
        waker.wake();
    }
}

/// The pacer: begins the rounds of this thread, forever. Each single-threaded runtime has to run it
/// once. `look` lets the runtime poll its sockets and run the ready tasks.
pub async fn pace<F: Future<Output = ()>>(look: impl Fn() -> F) {
    let _paced = PacedThread::begin();
    loop {
        let mut was_woken = false;
        poll_fn(|context| {
            if std::mem::replace(&mut was_woken, true) {
                return Poll::Ready(());
            }
            THREAD.with_borrow_mut(|thread| {
                if thread.spent >= ROUND || thread.has_waiting() {
                    return Poll::Ready(());
                }
                thread.pacer = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await;
        look().await;
        let wakers = THREAD.with_borrow_mut(ThreadWakes::begin_round);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A thread is paced while this exists.
struct PacedThread;

impl PacedThread {
    fn begin() -> Self {
        THREAD.with_borrow_mut(|thread| {
            (thread.is_paced, thread.wakes_left) = (true, WAKES_PER_ROUND);
        });
        Self
    }
}

impl Drop for PacedThread {
    fn drop(&mut self) {
        let wakers = THREAD.with_borrow_mut(|thread| {
            (thread.is_paced, thread.pacer) = (false, None);
            let mut wakers = std::mem::take(&mut thread.waiting);
            wakers.extend(thread.permits.drain(..).map(|request| request.waker));
            wakers
        });
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::{
        ROUND, WAKES_PER_ROUND, WorkPermit, is_spent, pace, spend, wake_in_turn, work_left,
    };
    use crate::thread::SMALL_SET;
    use crate::{DeferredWakes, wake};

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

    /// Wakes a set of tasks after a deferral. Returns how many were woken at once.
    fn wake_set(count: &Arc<Count>, size: usize) -> usize {
        let before = count.so_far();
        let deferred = DeferredWakes::begin();
        (0..size).for_each(|_| wake(Waker::from(Arc::clone(count))));
        drop(deferred);
        count.so_far() - before
    }

    fn poll(pacer: Pin<&mut impl Future>, count: &Arc<Count>) {
        let waker = Waker::from(Arc::clone(count));
        assert!(pacer.poll(&mut Context::from_waker(&waker)).is_pending());
    }

    const PER_ROUND: usize = WAKES_PER_ROUND;

    /// Ready when it is polled for the second time.
    fn look() -> impl Future<Output = ()> {
        let mut was_polled = false;
        poll_fn(move |_| match std::mem::replace(&mut was_polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    }

    #[test]
    fn large_sets_are_woken_over_several_rounds_and_small_sets_at_once() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut pacer = pin!(pace(look));
        poll(pacer.as_mut(), &pacer_wakes);
        assert_eq!(wake_set(&count, 5 * PER_ROUND / 2), PER_ROUND);
        assert!(work_left() >= ROUND * 3 / 4, "for other tasks");
        assert_eq!(pacer_wakes.so_far(), 1);
        assert_eq!(wake_set(&count, SMALL_SET), SMALL_SET, "a small set");
        let mut woken = Vec::new();
        for _ in 0..4 {
            let before = count.so_far();
            poll(pacer.as_mut(), &pacer_wakes);
            woken.push(count.so_far() - before);
        }
        assert_eq!(woken, [0, PER_ROUND, PER_ROUND / 2, 0]);
    }

    #[test]
    fn a_round_ends_when_its_work_is_spent() {
        let pacer_wakes = Arc::new(Count::default());
        let mut pacer = pin!(pace(look));
        poll(pacer.as_mut(), &pacer_wakes);
        spend(ROUND - 1);
        assert!(!is_spent());
        assert_eq!(work_left(), 1);
        spend(1);
        assert!(is_spent());
        assert_eq!(pacer_wakes.so_far(), 1);
        (0..2).for_each(|_| poll(pacer.as_mut(), &pacer_wakes));
        assert!(!is_spent());
    }

    #[test]
    fn permits_are_granted_in_order_and_for_one_rounds_work_at_a_time() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let mut pacer = pin!(pace(look));
        poll(pacer.as_mut(), &pacer_wakes);
        assert_eq!(WorkPermit::default().poll(5 * ROUND, &context), Poll::Ready(()));
        spend(5 * ROUND);
        let sizes = [ROUND, 2 * ROUND, ROUND / 2, ROUND / 2, 1, ROUND];
        let mut permits = sizes.map(|units| (WorkPermit::default(), units));
        let mut rounds = Vec::new();
        for round in 0..7 {
            for (number, (permit, units)) in permits.iter_mut().enumerate() {
                if rounds.iter().all(|(_, done)| *done != number)
                    && permit.poll(*units, &context).is_ready()
                {
                    rounds.push((round, number));
                }
            }
            if round == 0 {
                // A task that has ended takes no round.
                let mut gone = WorkPermit::default();
                assert!(gone.poll(9 * ROUND, &context).is_pending());
            }
            poll(pacer.as_mut(), &pacer_wakes);
            assert!(!WorkPermit::default().may_begin() || rounds.len() >= 4);
        }
        assert_eq!(rounds, [(2, 0), (3, 1), (4, 2), (4, 3), (5, 4), (5, 5)]);
        assert_eq!(count.so_far(), sizes.len());
        assert!(WorkPermit::default().may_begin());
    }

    #[test]
    fn awaited_permits_are_granted_when_the_pacer_ends() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let mut permit = WorkPermit::default();
        {
            let mut pacer = pin!(pace(look));
            poll(pacer.as_mut(), &pacer_wakes);
            spend(ROUND);
            assert!(permit.poll(1, &context).is_pending());
        }
        assert_eq!(count.so_far(), 1);
        assert!(permit.poll(1, &context).is_ready());
    }

    #[test]
    fn thread_without_a_pacer_defers_nothing() {
        let count = Arc::new(Count::default());
        spend(2 * ROUND);
        assert!(!is_spent());
        assert_eq!(wake_set(&count, 3 * PER_ROUND), 3 * PER_ROUND);
        wake_in_turn(Waker::from(Arc::clone(&count)));
        assert_eq!(count.so_far(), 3 * PER_ROUND + 1);
    }

    #[test]
    fn deferred_tasks_are_woken_when_the_pacer_ends() {
        let count = Arc::new(Count::default());
        {
            let mut pacer = pin!(pace(look));
            poll(pacer.as_mut(), &Arc::new(Count::default()));
            wake_set(&count, 3 * PER_ROUND);
            wake_in_turn(Waker::from(Arc::clone(&count)));
        }
        assert_eq!(count.so_far(), 3 * PER_ROUND + 1);
    }
}
