//! What unfinished messages of all connections hold together.
//!
//! A message is kept until its end has come, up to the largest that is accepted; thousands of
//! connections could begin as many. So what they hold above [`UNFINISHED_UNRESERVED`] is reserved
//! here as it comes. When there is no more, a message that has made no progress for a while or has
//! held memory for long is given up, and the others wait with their reading until there is memory
//! again. A message that the router itself stops is not without progress: one that waits for memory
//! is given up only if all messages wait that hold some, and one that waits for its thread never.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::limits::{
    UNFINISHED_GRANULE, UNFINISHED_HOLD_TIMEOUT, UNFINISHED_PROGRESS, UNFINISHED_STALE_AFTER,
    UNFINISHED_UNRESERVED,
};

/// How often a connection that waits for memory looks whether others have become stale.
const LOOKS_AGAIN: Duration = Duration::from_millis(250);

/// The memory of a process for unfinished messages.
pub struct InputMemory {
    limit: usize,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: usize,
    /// Reservations that hold memory, by their numbers, which count up.
    holders: BTreeMap<u64, Holder>,
    /// Those whose messages are being read, by when they are known to have made progress.
    reading: BTreeSet<(Millis, u64)>,
    /// Those that wait for more memory, likewise.
    held_up: BTreeSet<(Millis, u64)>,
    /// How many wait for their thread: they give their memory back in any case.
    in_turn: usize,
    last_number: u64,
    /// The tasks that wait for memory, by the numbers of their waits.
    waiting: BTreeMap<u64, Waker>,
}

/// Milliseconds since the memory was made.
type Millis = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    HeldUp,
    InTurn,
    GivenUp,
}

struct Holder {
    /// When it got its first memory.
    since: Millis,
    at: Millis,
    phase: Phase,
    shared: Arc<Shared>,
}

/// What a reservation and the memory know of each other.
#[derive(Default)]
struct Shared {
    is_given_up: AtomicBool,
    /// When the message has made progress last.
    progress: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl InputMemory {
    /// A memory of so many bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, began: Instant::now(), state: Mutex::default() })
    }

    fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Bytes that are reserved.
    pub fn used(&self) -> usize {
        self.state.lock().used
    }

    /// Nothing reserved yet.
    pub fn reservation(self: &Arc<Self>) -> Reservation {
        let shared = Arc::default();
        let memory = Arc::clone(self);
        Reservation {
            memory,
            shared,
            bytes: 0,
            read: 0,
            number: None,
            wait: None,
            looks_again: None,
        }
    }

    /// Takes the place of a reservation that grows. Whether there is memory for it.
    fn grow(&self, reservation: &mut Reservation, by: usize) -> bool {
        let mut state = self.state.lock();
        if state.used + by > self.limit {
            let given_up = state.give_stale_up(reservation.number, self.now());
            drop(state);
            wake_given_up(given_up);
            return false;
        }
        state.take(reservation, by, self.now());
        true
    }

    /// Adds bytes that the reservation's message holds already, also above the limit.
    fn grow_over(&self, reservation: &mut Reservation, by: usize) {
        let mut state = self.state.lock();
        let now = self.now();
        let is_over = state.used + by > self.limit;
        let given_up = if is_over { state.give_stale_up(reservation.number, now) } else { None };
        state.take(reservation, by, now);
        drop(state);
        wake_given_up(given_up);
    }
}

/// Wakes the task of a message that was given up.
fn wake_given_up(given_up: Option<Arc<Shared>>) {
    if let Some(waker) = given_up.and_then(|shared| shared.waker.lock().take()) {
        waker.wake();
    }
}

impl State {
    /// Adds bytes to a reservation, which has made progress with that.
    fn take(&mut self, reservation: &mut Reservation, by: usize, now: Millis) {
        self.used += by;
        reservation.bytes += by;
        if let Some(wait) = reservation.wait.take() {
            self.waiting.remove(&wait);
        }
        reservation.shared.progress.store(now, Ordering::Relaxed);
        let number = match reservation.number {
            Some(number) => number,
            None => {
                let number = self.next_number();
                let shared = Arc::clone(&reservation.shared);
                let holder = Holder { since: now, at: now, phase: Phase::GivenUp, shared };
                self.holders.insert(number, holder);
                reservation.number = Some(number);
                number
            }
        };
        self.enter(number, Phase::Reading, now);
    }

    /// A reservation enters a phase, unless it was given up. Its memory comes back when its
    /// connection has ended.
    fn enter(&mut self, number: u64, phase: Phase, at: Millis) {
        self.leave(number);
        let Some(holder) = self.holders.get_mut(&number) else { return };
        if holder.shared.is_given_up.load(Ordering::Relaxed) {
            return;
        }
        (holder.at, holder.phase) = (at, phase);
        match phase {
            Phase::Reading => drop(self.reading.insert((at, number))),
            Phase::HeldUp => drop(self.held_up.insert((at, number))),
            Phase::InTurn => self.in_turn += 1,
            Phase::GivenUp => holder.shared.is_given_up.store(true, Ordering::Relaxed),
        }
    }

    /// A reservation leaves the phase that it is in.
    fn leave(&mut self, number: u64) {
        let Some(holder) = self.holders.get_mut(&number) else { return };
        match std::mem::replace(&mut holder.phase, Phase::GivenUp) {
            Phase::Reading => drop(self.reading.remove(&(holder.at, number))),
            Phase::HeldUp => drop(self.held_up.remove(&(holder.at, number))),
            Phase::InTurn => self.in_turn -= 1,
            Phase::GivenUp => {}
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Remembers the task of a reservation that waits, until memory is released.
    fn wait(&mut self, reservation: &mut Reservation, waker: &Waker) {
        if let Some(number) = reservation.number {
            self.enter(number, Phase::HeldUp, reservation.shared.progress.load(Ordering::Relaxed));
        }
        if let Some(waiting) = reservation.wait.and_then(|wait| self.waiting.get_mut(&wait)) {
            waiting.clone_from(waker);
            return;
        }
        let number = self.next_number();
        self.waiting.insert(number, waker.clone());
        reservation.wait = Some(number);
    }

    /// Gives up the message that has been read for the longest time, if that is too long, or the
    /// one that has made no progress for the longest time, if that is long.
    fn give_stale_up(&mut self, except: Option<u64>, now: Millis) -> Option<Arc<Shared>> {
        let is_read = |(number, holder): &(&u64, &Holder)| {
            Some(**number) != except && holder.phase == Phase::Reading
        };
        if let Some((number, holder)) = self.holders.iter().find(is_read)
            && now.saturating_sub(holder.since) >= UNFINISHED_HOLD_TIMEOUT.as_millis() as u64
        {
            return self.give_up(*number, now);
        }
        let is_stale =
            |at: Millis| now.saturating_sub(at) >= UNFINISHED_STALE_AFTER.as_millis() as u64;
        let first = |set: &BTreeSet<(Millis, u64)>| {
            set.iter().find(|(_, number)| Some(*number) != except).copied()
        };
        while let Some((at, number)) = first(&self.reading) {
            if !is_stale(at) {
                return None;
            }
            let progress = self.holders.get(&number)?.shared.progress.load(Ordering::Relaxed);
            if progress <= at {
                return self.give_up(number, at);
            }
            self.enter(number, Phase::Reading, progress);
        }
        // Those that are read give memory back or become stale; without them only these can.
        let (at, number) = first(&self.held_up).filter(|_| self.in_turn == 0)?;
        if is_stale(at) { self.give_up(number, at) } else { None }
    }

    fn give_up(&mut self, number: u64, at: Millis) -> Option<Arc<Shared>> {
        self.enter(number, Phase::GivenUp, at);
        self.holders.get(&number).map(|holder| Arc::clone(&holder.shared))
    }
}

/// What one unfinished message holds.
pub struct Reservation {
    memory: Arc<InputMemory>,
    shared: Arc<Shared>,
    bytes: usize,
    /// Bytes that were read since the last progress that was noted.
    read: usize,
    number: Option<u64>,
    /// The number of its wait for memory.
    wait: Option<u64>,
    looks_again: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

/// The message was given up, since it made no progress while others wanted memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp;

impl Reservation {
    /// Ready when a message of so many bytes may be held. Must be polled on a runtime.
    ///
    /// # Errors
    /// The message was given up; its connection has to end.
    pub fn poll_hold(
        &mut self,
        bytes: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), GivenUp>> {
        let wanted =
            bytes.saturating_sub(UNFINISHED_UNRESERVED).next_multiple_of(UNFINISHED_GRANULE);
        if wanted <= self.bytes {
            return Poll::Ready(self.check(context));
        }
        loop {
            if self.check(context).is_err() {
                return Poll::Ready(Err(GivenUp));
            }
            let memory = Arc::clone(&self.memory);
            if memory.grow(self, wanted - self.bytes) {
                self.looks_again = None;
                return Poll::Ready(Ok(()));
            }
            memory.state.lock().wait(self, context.waker());
            let timer = self.looks_again.get_or_insert_with(|| Box::pin(sleep(LOOKS_AGAIN)));
            ready!(timer.as_mut().poll(context));
            self.looks_again = None;
        }
    }

    /// So many bytes more of the message were read. That is progress, if it is not too little.
    pub fn note_read(&mut self, bytes: usize) {
        self.read += bytes;
        if self.read >= UNFINISHED_PROGRESS && self.bytes > 0 {
            self.read = 0;
            self.shared.progress.store(self.memory.now(), Ordering::Relaxed);
        }
    }

    /// The message waits for its thread, or goes on after that. It is not given up meanwhile.
    pub fn set_waits_in_turn(&self, waits: bool) {
        let Some(number) = self.number else { return };
        let phase = if waits { Phase::InTurn } else { Phase::Reading };
        let now = self.memory.now();
        self.shared.progress.store(now, Ordering::Relaxed);
        self.memory.state.lock().enter(number, phase, now);
    }

    /// Counts at least so many bytes, which are held already: above the limit, too, so that others
    /// wait for them. Calling it is progress.
    pub fn hold_over(&mut self, bytes: usize) {
        let wanted =
            bytes.saturating_sub(UNFINISHED_UNRESERVED).next_multiple_of(UNFINISHED_GRANULE);
        if wanted.max(self.bytes) > 0 {
            let memory = Arc::clone(&self.memory);
            memory.grow_over(self, wanted.saturating_sub(self.bytes));
        }
    }

    /// Waits until a message of so many bytes may be held.
    ///
    /// # Errors
    /// See [`Self::poll_hold`].
    pub async fn hold(&mut self, bytes: usize) -> Result<(), GivenUp> {
        poll_fn(|context| self.poll_hold(bytes, context)).await
    }

    /// Whether the message was given up. The task is woken when it is.
    pub fn check(&self, context: &Context<'_>) -> Result<(), GivenUp> {
        if self.shared.is_given_up.load(Ordering::Relaxed) {
            return Err(GivenUp);
        }
        if self.bytes > 0 {
            let mut waker = self.shared.waker.lock();
            match &mut *waker {
                Some(waker) => waker.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
        }
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes == 0 && self.wait.is_none() {
            return;
        }
        let mut state = self.memory.state.lock();
        if let Some(wait) = self.wait {
            state.waiting.remove(&wait);
        }
        if self.bytes == 0 {
            return;
        }
        state.used -= self.bytes;
        if let Some(number) = self.number {
            state.leave(number);
            state.holders.remove(&number);
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}

impl fmt::Debug for InputMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputMemory").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::{GivenUp, InputMemory, LOOKS_AGAIN};
    use crate::limits::{
        UNFINISHED_GRANULE, UNFINISHED_HOLD_TIMEOUT, UNFINISHED_PROGRESS, UNFINISHED_STALE_AFTER,
        UNFINISHED_UNRESERVED,
    };

    const TWO: usize = 2 * UNFINISHED_GRANULE;

    #[tokio::test(start_paused = true)]
    async fn small_messages_need_no_memory_and_larger_ones_give_theirs_back() {
        let memory = InputMemory::new(TWO);
        let mut one = memory.reservation();
        one.hold(UNFINISHED_UNRESERVED).await.unwrap();
        assert_eq!(memory.used(), 0);
        one.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        assert_eq!(memory.used(), UNFINISHED_GRANULE);
        one.hold(UNFINISHED_UNRESERVED + TWO).await.unwrap();
        assert_eq!(memory.used(), TWO);
        drop(one);
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_waits_for_memory_until_another_is_finished() {
        let memory = InputMemory::new(TWO);
        let (mut one, mut other) = (memory.reservation(), memory.reservation());
        one.hold(UNFINISHED_UNRESERVED + TWO).await.unwrap();
        let waiting = tokio::spawn(async move { other.hold(UNFINISHED_UNRESERVED + 1).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(one);
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_are_held_already_count_above_the_limit_and_give_stale_messages_up() {
        let memory = InputMemory::new(TWO);
        let (mut stale, mut kept) = (memory.reservation(), memory.reservation());
        stale.hold(UNFINISHED_UNRESERVED + TWO).await.unwrap();
        kept.hold_over(UNFINISHED_UNRESERVED);
        assert_eq!(memory.used(), TWO);
        advance(UNFINISHED_STALE_AFTER).await;
        kept.hold_over(UNFINISHED_UNRESERVED + TWO);
        assert_eq!(memory.used(), 2 * TWO);
        assert_eq!(stale.hold(UNFINISHED_UNRESERVED + 1).await, Err(GivenUp));
        drop((stale, kept));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_reservation_does_not_wait_any_more() {
        let memory = InputMemory::new(TWO);
        let mut one = memory.reservation();
        one.hold(UNFINISHED_UNRESERVED + TWO).await.unwrap();
        for _ in 0..10 {
            let mut other = memory.reservation();
            let waits = timeout(LOOKS_AGAIN * 3, other.hold(UNFINISHED_UNRESERVED + 1)).await;
            assert!(waits.is_err(), "there is no memory");
            assert_eq!(memory.state.lock().waiting.len(), 1);
        }
        assert_eq!(memory.state.lock().waiting.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_makes_no_progress_is_given_up_for_one_that_does() {
        let memory = InputMemory::new(TWO);
        let (mut stale, mut fresh) = (memory.reservation(), memory.reservation());
        stale.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        advance(UNFINISHED_STALE_AFTER / 2).await;
        fresh.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let mut third = memory.reservation();
        let early =
            timeout(UNFINISHED_STALE_AFTER / 4, third.hold(UNFINISHED_UNRESERVED + 1)).await;
        assert!(early.is_err(), "both are fresh");
        let waiting = tokio::spawn(async move {
            third.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
            third
        });
        let given_up =
            timeout(Duration::from_secs(60), stale.hold(UNFINISHED_UNRESERVED + TWO)).await;
        assert_eq!(given_up, Ok(Err(GivenUp)));
        drop(stale);
        let _third = waiting.await.unwrap();
        assert_eq!(memory.used(), TWO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_waits_for_memory_is_not_given_up_while_another_is_read() {
        let memory = InputMemory::new(TWO);
        let (mut held_up, mut slow) = (memory.reservation(), memory.reservation());
        held_up.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        slow.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let waiting = tokio::spawn(async move { held_up.hold(UNFINISHED_UNRESERVED + TWO).await });
        for _ in 0..10 {
            advance(UNFINISHED_STALE_AFTER * 3 / 4).await;
            slow.note_read(UNFINISHED_PROGRESS);
            let mut third = memory.reservation();
            let waits = timeout(LOOKS_AGAIN, third.hold(UNFINISHED_UNRESERVED + 1)).await;
            assert!(waits.is_err(), "nothing is given up");
        }
        assert!(!waiting.is_finished());
        slow.note_read(UNFINISHED_PROGRESS - 1);
        advance(UNFINISHED_STALE_AFTER + LOOKS_AGAIN).await;
        assert_eq!(slow.hold(UNFINISHED_UNRESERVED + 1).await, Err(GivenUp));
        drop(slow);
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_waits_for_its_thread_is_not_given_up() {
        let memory = InputMemory::new(TWO);
        let (mut in_turn, mut held_up) = (memory.reservation(), memory.reservation());
        in_turn.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        in_turn.set_waits_in_turn(true);
        held_up.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let waits =
            timeout(UNFINISHED_STALE_AFTER * 5, held_up.hold(UNFINISHED_UNRESERVED + TWO)).await;
        assert!(waits.is_err(), "the other one gives its memory back");
        let mut third = memory.reservation();
        let waits =
            timeout(UNFINISHED_STALE_AFTER * 5, third.hold(UNFINISHED_UNRESERVED + 1)).await;
        assert!(waits.is_err(), "the other one gives its memory back");
        assert_eq!(in_turn.hold(UNFINISHED_UNRESERVED + 1).await, Ok(()));
        drop(in_turn);
        assert_eq!(held_up.hold(UNFINISHED_UNRESERVED + TWO).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_read_for_long_is_given_up_whatever_its_progress() {
        let memory = InputMemory::new(TWO);
        let (mut oldest, mut newer) = (memory.reservation(), memory.reservation());
        oldest.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        advance(UNFINISHED_STALE_AFTER).await;
        newer.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let mut third = memory.reservation();
        let waiting = tokio::spawn(async move { third.hold(UNFINISHED_UNRESERVED + 1).await });
        let step = UNFINISHED_STALE_AFTER / 2;
        let mut held = UNFINISHED_STALE_AFTER;
        while oldest.hold(UNFINISHED_UNRESERVED + 1).await.is_ok() {
            assert!(held <= UNFINISHED_HOLD_TIMEOUT + LOOKS_AGAIN + step, "it still holds memory");
            oldest.note_read(UNFINISHED_PROGRESS);
            newer.note_read(UNFINISHED_PROGRESS);
            advance(step).await;
            tokio::task::yield_now().await;
            held += step;
        }
        assert!(held >= UNFINISHED_HOLD_TIMEOUT, "given up after {held:?}");
        drop(oldest);
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert_eq!(newer.hold(UNFINISHED_UNRESERVED + 1).await, Ok(()));
    }
}
