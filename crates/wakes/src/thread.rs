//! What a thread has deferred: tasks to be woken, and permits to be granted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// The work of a round in units of about 100 ns: about a millisecond.
pub const ROUND: u32 = 10_000;

/// The least work that a woken task does: it takes an item from a queue and writes it to a socket.
const WAKE: u32 = 80;

/// Sets of up to this many tasks are woken at once.
pub(super) const SMALL_SET: usize = 4;

/// Tasks of large sets that are woken in a round: a quarter of its work. The rest is for the tasks
/// that make such sets, so that each woken task finds more to do at once.
pub(super) const WAKES_PER_ROUND: usize = (ROUND / 4 / WAKE) as usize;

thread_local! {
    pub(super) static THREAD: RefCell<ThreadWakes> = const { RefCell::new(ThreadWakes::new()) };
}

/// The deferred wakes and the rounds of a thread.
pub(super) struct ThreadWakes {
    /// The number of existing [`DeferredWakes`](super::DeferredWakes) of this thread.
    pub(super) holders: usize,
    /// Tasks to be woken when the last of them is dropped.
    pub(super) noted: Vec<Waker>,
    /// Units of work that were done in the present round.
    pub(super) spent: u32,
    /// Tasks to be woken in later rounds.
    pub(super) waiting: VecDeque<Waker>,
    /// Requests for permits, the oldest first.
    pub(super) permits: VecDeque<PermitRequest>,
    /// Units of work for which permits were granted in this round.
    pub(super) granted: u32,
    /// Tasks of large sets that may still be woken at once in this round.
    pub(super) wakes_left: usize,
    /// Whether a pacer begins the rounds of this thread. Otherwise nothing is deferred to them.
    pub(super) is_paced: bool,
    /// The pacer, while it waits until a round is needed.
    pub(super) pacer: Option<Waker>,
}

/// A large piece of work that waits for a round.
pub(super) struct PermitRequest {
    pub(super) units: u32,
    pub(super) waker: Waker,
    pub(super) is_granted: Arc<AtomicBool>,
}

impl ThreadWakes {
    const fn new() -> Self {
        Self {
            holders: 0,
            noted: Vec::new(),
            spent: 0,
            waiting: VecDeque::new(),
            permits: VecDeque::new(),
            granted: 0,
            wakes_left: 0,
            is_paced: false,
            pacer: None,
        }
    }

    /// Whether a task or a permit waits for the next round.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty() || !self.permits.is_empty()
    }

    /// Counts work. Returns the pacer if the next round is needed.
    pub(super) fn spend(&mut self, units: u32) -> Option<Waker> {
        self.spent = self.spent.saturating_add(units);
        if self.spent >= ROUND || self.has_waiting() { self.pacer.take() } else { None }
    }

    /// Leaves in `wakers` the tasks to be woken now. The rest of a large set waits for later
    /// rounds.
    pub(super) fn put_off(&mut self, wakers: &mut Vec<Waker>) {
        if !self.is_paced {
            return;
        }
        if wakers.len() > SMALL_SET {
            let left = if self.waiting.is_empty() { self.wakes_left } else { 0 };
            let now = left.clamp(SMALL_SET, wakers.len());
            self.wakes_left = self.wakes_left.saturating_sub(now);
            self.waiting.extend(wakers.drain(now..));
        }
        self.spent = self.spent.saturating_add(cost(wakers.len()));
    }

    /// Begins a round. Returns the tasks to be woken in it.
    pub(super) fn begin_round(&mut self) -> Vec<Waker> {
        let count = self.waiting.len().min(WAKES_PER_ROUND);
        self.wakes_left = WAKES_PER_ROUND - count;
        self.spent = cost(count);
        let mut wakers: Vec<_> = self.waiting.drain(..count).collect();
        if self.waiting.is_empty() {
            self.waiting.shrink_to(2 * count);
        }
        self.grant_permits(&mut wakers);
        wakers
    }

    /// Grants the oldest permits, until they are the work of a round.
    fn grant_permits(&mut self, wakers: &mut Vec<Waker>) {
        self.granted = 0;
        while self.granted < ROUND
            && let Some(request) = self.permits.pop_front()
        {
            // A count of one: the task has ended.
            if Arc::strong_count(&request.is_granted) > 1 {
                self.granted = self.granted.saturating_add(request.units);
                request.is_granted.store(true, Ordering::Relaxed);
                wakers.push(request.waker);
            }
        }
        if self.permits.is_empty() {
            self.permits.shrink_to(WAKES_PER_ROUND);
        }
    }
}

fn cost(wakes: usize) -> u32 {
    u32::try_from(wakes).unwrap_or(u32::MAX).saturating_mul(WAKE)
}
