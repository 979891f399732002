//! How much a thread does before it looks at its sockets again.
//!
//! Work is counted in units of about 100 ns. A [round](ROUND) is what a thread does between two
//! looks at its sockets. When its work is spent, tasks that have much to do let the others have
//! their turn ([`is_spent`]), and large sets of tasks are woken in later rounds, some at a time:
//! a message that arrives meanwhile waits for a round and not for all of them. Small sets are woken
//! at once in any case; they are what a call wakes.
//!
//! A [piece](WorkPermit) of work that can't be divided, such as a large message, may take several
//! rounds. Pieces wait for each other, so that a thread does not do several of them between two
//! looks.
//!
//! A thread without a [pacer](pace) puts nothing off.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use super::{THREAD, Thread};

/// The work of a round: about a millisecond.
pub const ROUND: u32 = 10_000;

/// What it costs to run a task that was woken, at least: it takes something from a queue and
/// writes it to a socket.
const WAKE: u32 = 80;

/// Up to so many tasks are woken at once.
const FEW: usize = 4;

/// So many tasks of large sets are woken in a round: a quarter of its work. The rest is for what
/// makes such sets, so that each of these tasks finds more to do at once when its turn comes.
const WAKES_PER_ROUND: usize = (ROUND / 4 / WAKE) as usize;

/// A piece of work that waits for its round.
pub(super) struct Waiting {
    units: u32,
    waker: Waker,
    may_begin: Arc<AtomicBool>,
}

/// A task's place in the order of large pieces of work, none while it does not wait.
#[derive(Debug, Default)]
pub struct WorkPermit(Option<Arc<AtomicBool>>);

impl WorkPermit {
    /// Ready when the task may do a piece of work of about so many units: the round is not spent
    /// and no piece waits, or this one waited and the earlier ones have had their rounds. At once
    /// on a thread without a [pacer](pace). It must be polled again when the task is woken.
    pub fn poll(&mut self, units: u32, context: &Context<'_>) -> Poll<()> {
        if let Some(may_begin) = &self.0 {
            if !may_begin.load(Ordering::Relaxed) && is_paced() {
                return Poll::Pending;
            }
            self.0 = None;
            return Poll::Ready(());
        }
        if may_begin() {
            return Poll::Ready(());
        }
        let may_begin = Arc::new(AtomicBool::new(false));
        self.0 = Some(Arc::clone(&may_begin));
        let waiting = Waiting { units, waker: context.waker().clone(), may_begin };
        let pacer = THREAD.with_borrow_mut(|thread| {
            thread.pieces.push_back(waiting);
            thread.pacer.take()
        });
        if let Some(pacer) = pacer {
            pacer.wake();
        }
        Poll::Pending
    }

    /// Whether a piece of work may begin without waiting. After false, [`Self::poll`] has to be
    /// called.
    pub fn may_begin(&self) -> bool {
        self.0.is_none() && may_begin()
    }
}

fn may_begin() -> bool {
    THREAD.with_borrow(|thread| {
        let is_free = thread.pieces.is_empty() && thread.granted < ROUND && thread.spent < ROUND;
        is_free || !thread.is_paced
    })
}

fn is_paced() -> bool {
    THREAD.with_borrow(|thread| thread.is_paced)
}

impl Thread {
    /// Whether somebody waits for the next round.
    fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.pieces.is_empty()
    }

    /// Counts work. The task that begins the next round is given out when it is needed.
    pub(super) fn spend(&mut self, units: u32) -> Option<Waker> {
        self.spent = self.spent.saturating_add(units);
        if self.spent >= ROUND || self.has_waiting() { self.pacer.take() } else { None }
    }

    /// Lets those of a large set wait that the round has no work for.
    pub(super) fn put_off(&mut self, wakers: &mut Vec<Waker>) {
        if !self.is_paced {
            return;
        }
        if wakers.len() > FEW {
            let left = if self.waiting.is_empty() { self.wakes_left } else { 0 };
            let now = left.clamp(FEW, wakers.len());
            self.wakes_left = self.wakes_left.saturating_sub(now);
            self.waiting.extend(wakers.drain(now..));
        }
        self.spent = self.spent.saturating_add(cost(wakers.len()));
    }

    /// Begins a round. Some of those who wait are given out.
    fn begin_round(&mut self) -> Vec<Waker> {
        let count = self.waiting.len().min(WAKES_PER_ROUND);
        self.wakes_left = WAKES_PER_ROUND - count;
        self.spent = cost(count);
        let mut wakers: Vec<_> = self.waiting.drain(..count).collect();
        if self.waiting.is_empty() {
            self.waiting.shrink_to(2 * count);
        }
        self.begin_pieces(&mut wakers);
        wakers
    }

    /// Lets the oldest pieces go, until they are the work of a round.
    fn begin_pieces(&mut self, wakers: &mut Vec<Waker>) {
        self.granted = 0;
        while self.granted < ROUND
            && let Some(piece) = self.pieces.pop_front()
        {
            // Otherwise its task has ended.
            if Arc::strong_count(&piece.may_begin) > 1 {
                self.granted = self.granted.saturating_add(piece.units);
                piece.may_begin.store(true, Ordering::Relaxed);
                wakers.push(piece.waker);
            }
        }
        if self.pieces.is_empty() {
            self.pieces.shrink_to(WAKES_PER_ROUND);
        }
    }
}

fn cost(wakes: usize) -> u32 {
    u32::try_from(wakes).unwrap_or(u32::MAX).saturating_mul(WAKE)
}

/// Counts units of work, of about 100 ns, in the round of this thread.
pub fn spend(units: u32) {
    let pacer = THREAD.with_borrow_mut(|thread| thread.spend(units));
    if let Some(pacer) = pacer {
        pacer.wake();
    }
}

/// Whether the work of the thread's round is spent: a task that has much to do should let others
/// have their turn. Never on a thread without a [pacer](pace).
pub fn is_spent() -> bool {
    THREAD.with_borrow(|thread| thread.is_paced && thread.spent >= ROUND)
}

/// The work that is left in the thread's round; that of a whole one on a thread without a
/// [pacer](pace).
pub fn work_left() -> u32 {
    THREAD.with_borrow(|thread| match thread.is_paced {
        true => ROUND.saturating_sub(thread.spent),
        false => ROUND,
    })
}

/// Wakes a task in one of the next rounds, behind those that wait already. At once on a thread
/// without a [pacer](pace).
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

/// Begins the rounds of this thread, for ever. Each runtime of one thread has to run it once.
/// `look` lets the runtime look at its sockets and run what is ready.
pub async fn pace<F: Future<Output = ()>>(look: impl Fn() -> F) {
    let _paced = Paced::begin();
    loop {
        let mut was_asked = false;
        poll_fn(|context| {
            if std::mem::replace(&mut was_asked, true) {
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
        let wakers = THREAD.with_borrow_mut(Thread::begin_round);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A thread is paced while this lives.
struct Paced;

impl Paced {
    fn begin() -> Self {
        THREAD.with_borrow_mut(|thread| {
            (thread.is_paced, thread.wakes_left) = (true, WAKES_PER_ROUND);
        });
        Self
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        let wakers = THREAD.with_borrow_mut(|thread| {
            (thread.is_paced, thread.pacer) = (false, None);
            let mut wakers = std::mem::take(&mut thread.waiting);
            wakers.extend(thread.pieces.drain(..).map(|piece| piece.waker));
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
        FEW, ROUND, WAKES_PER_ROUND, WorkPermit, is_spent, pace, spend, wake_in_turn, work_left,
    };
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

    /// Wakes a set of tasks behind a lock; how many of them.
    fn wake_set(count: &Arc<Count>, size: usize) -> usize {
        let before = count.so_far();
        let later = DeferredWakes::begin();
        (0..size).for_each(|_| wake(Waker::from(Arc::clone(count))));
        drop(later);
        count.so_far() - before
    }

    fn poll(pacer: Pin<&mut impl Future>, count: &Arc<Count>) {
        let waker = Waker::from(Arc::clone(count));
        assert!(pacer.poll(&mut Context::from_waker(&waker)).is_pending());
    }

    const PER_ROUND: usize = WAKES_PER_ROUND;

    /// Is ready when it is polled for the second time.
    fn look() -> impl Future<Output = ()> {
        let mut was_polled = false;
        poll_fn(move |_| match std::mem::replace(&mut was_polled, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
    }

    #[test]
    fn large_sets_are_woken_over_several_rounds_and_small_ones_at_once() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut pacer = pin!(pace(look));
        poll(pacer.as_mut(), &pacer_wakes);
        assert_eq!(wake_set(&count, 5 * PER_ROUND / 2), PER_ROUND);
        assert!(work_left() >= ROUND * 3 / 4, "for other tasks");
        assert_eq!(pacer_wakes.so_far(), 1);
        assert_eq!(wake_set(&count, FEW), FEW, "a small set");
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
    fn pieces_begin_in_order_and_those_of_a_round_are_no_more_than_its_work() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let mut pacer = pin!(pace(look));
        poll(pacer.as_mut(), &pacer_wakes);
        assert_eq!(WorkPermit::default().poll(5 * ROUND, &context), Poll::Ready(()));
        spend(5 * ROUND);
        let sizes = [ROUND, 2 * ROUND, ROUND / 2, ROUND / 2, 1, ROUND];
        let mut pieces = sizes.map(|units| (WorkPermit::default(), units));
        let mut rounds = Vec::new();
        for round in 0..7 {
            for (number, (piece, units)) in pieces.iter_mut().enumerate() {
                if rounds.iter().all(|(_, done)| *done != number)
                    && piece.poll(*units, &context).is_ready()
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
    fn pieces_that_wait_begin_when_their_thread_has_no_pacer_any_more() {
        let (count, pacer_wakes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let mut piece = WorkPermit::default();
        {
            let mut pacer = pin!(pace(look));
            poll(pacer.as_mut(), &pacer_wakes);
            spend(ROUND);
            assert!(piece.poll(1, &context).is_pending());
        }
        assert_eq!(count.so_far(), 1);
        assert!(piece.poll(1, &context).is_ready());
    }

    #[test]
    fn a_thread_without_a_pacer_puts_nothing_off() {
        let count = Arc::new(Count::default());
        spend(2 * ROUND);
        assert!(!is_spent());
        assert_eq!(wake_set(&count, 3 * PER_ROUND), 3 * PER_ROUND);
        wake_in_turn(Waker::from(Arc::clone(&count)));
        assert_eq!(count.so_far(), 3 * PER_ROUND + 1);
    }

    #[test]
    fn nothing_waits_for_ever_when_the_pacer_ends() {
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
