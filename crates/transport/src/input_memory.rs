//! The memory of a process for unfinished messages.
//!
//! A message is buffered until it is complete, up to the largest accepted size. Thousands of
//! connections could begin as many messages. So each message reserves its bytes above
//! [`UNFINISHED_UNRESERVED`] here as they arrive.
//!
//! While memory is scarce:
//! - A message that has made no progress for a while, or has held memory for long, is given up. The
//!   connections of the others wait with reading until there is memory again.
//! - A pause by the router itself does not count against a message. One that waits for memory is
//!   given up only if all messages that hold memory wait. One that waits for its thread is never
//!   given up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use cloverleaf_wakes::WakerSlot;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::limits::{
    UNFINISHED_GRANULE, UNFINISHED_HOLD_TIMEOUT, UNFINISHED_PROGRESS, UNFINISHED_STALE_AFTER,
    UNFINISHED_UNRESERVED,
};

/// Interval at which a connection that waits for memory checks for stale messages.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The memory of a process for unfinished messages.
pub struct InputMemory {
    limit: usize,
    began: Instant,
    state: Mutex<ReservationTable>,
}

#[derive(Default)]
struct ReservationTable {
    used: usize,
    /// Reservations that hold memory, by their ascending numbers.
    holders: BTreeMap<u64, ReservationHolder>,
    /// Reservations whose messages are being read, by the time of their last known progress.
    reading: BTreeSet<(Millis, u64)>,
    /// Reservations that wait for more memory, by the time of their last progress.
    stalled: BTreeSet<(Millis, u64)>,
    /// The number of reservations that wait for their thread. They give their memory back in any
    /// case.
    parked: usize,
    last_number: u64,
    /// The tasks that wait for memory, by the numbers of their waits.
    waiting: BTreeMap<u64, Waker>,
}

/// Milliseconds since the memory was created.
type Millis = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReservationPhase {
    /// The message is being read.
    Reading,
    /// The message waits for memory.
    Waiting,
    /// The complete message waits for its thread.
    Parked,
    /// The message was given up. Its memory comes back when its connection has ended.
    GivenUp,
}

struct ReservationHolder {
    /// When the reservation got its first memory.
    since: Millis,
    /// When the reservation entered its phase, or made progress in it.
    at: Millis,
    phase: ReservationPhase,
    shared: Arc<ReservationStatus>,
}

/// The status that a reservation and the memory share.
#[derive(Default)]
struct ReservationStatus {
    is_given_up: AtomicBool,
    /// The time of the last progress of the message.
    progress: AtomicU64,
    waker: Mutex<WakerSlot>,
}

impl InputMemory {
    /// A memory of `limit` bytes.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, began: Instant::now(), state: Mutex::default() })
    }

    fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Reserved bytes.
    pub fn used(&self) -> usize {
        self.state.lock().used
    }

    /// A reservation of no bytes.
    pub fn reservation(self: &Arc<Self>) -> Reservation {
        let shared = Arc::default();
        let memory = Arc::clone(self);
        Reservation { memory, shared, bytes: 0, read: 0, number: None, wait: None, retry: None }
    }

    /// Adds bytes to a reservation. Returns whether there is memory for them.
    fn grow(&self, reservation: &mut Reservation, by: usize) -> bool {
        let mut state = self.state.lock();
        if state.used + by > self.limit {
            let given_up = state.give_up_stale(reservation.number, self.now());
            drop(state);
            wake_given_up(given_up);
            return false;
        }
        state.take(reservation, by, self.now());
        true
    }

    /// Adds bytes that the message holds already, also above the limit.
    fn grow_over(&self, reservation: &mut Reservation, by: usize) {
        let mut state = self.state.lock();
        let now = self.now();
        let is_over = state.used + by > self.limit;
        let given_up = if is_over { state.give_up_stale(reservation.number, now) } else { None };
        state.take(reservation, by, now);
        drop(state);
        wake_given_up(given_up);
    }
}

/// Wakes the task of a message that was given up.
fn wake_given_up(given_up: Option<Arc<ReservationStatus>>) {
    if let Some(waker) = given_up.and_then(|shared| shared.waker.lock().take()) {
        waker.wake();
    }
}

impl ReservationTable {
    /// Adds bytes to a reservation. That counts as progress.
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
                let holder = ReservationHolder {
                    since: now,
                    at: now,
                    phase: ReservationPhase::GivenUp,
                    shared,
                };
                self.holders.insert(number, holder);
                reservation.number = Some(number);
                number
            }
        };
        self.enter(number, ReservationPhase::Reading, now);
    }

    /// Moves a reservation into a phase, unless it was given up.
    fn enter(&mut self, number: u64, phase: ReservationPhase, at: Millis) {
        self.leave(number);
        let Some(holder) = self.holders.get_mut(&number) else { return };
        if holder.shared.is_given_up.load(Ordering::Relaxed) {
            return;
        }
        (holder.at, holder.phase) = (at, phase);
        match phase {
            ReservationPhase::Reading => drop(self.reading.insert((at, number))),
            ReservationPhase::Waiting => drop(self.stalled.insert((at, number))),
            ReservationPhase::Parked => self.parked += 1,
            ReservationPhase::GivenUp => holder.shared.is_given_up.store(true, Ordering::Relaxed),
        }
    }

    /// Removes a reservation from its phase.
    fn leave(&mut self, number: u64) {
        let Some(holder) = self.holders.get_mut(&number) else { return };
        match std::mem::replace(&mut holder.phase, ReservationPhase::GivenUp) {
            ReservationPhase::Reading => drop(self.reading.remove(&(holder.at, number))),
            ReservationPhase::Waiting => drop(self.stalled.remove(&(holder.at, number))),
            ReservationPhase::Parked => self.parked -= 1,
            ReservationPhase::GivenUp => {}
        }
    }

    const fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Stores the task of a reservation that waits until memory is released.
    fn wait(&mut self, reservation: &mut Reservation, waker: &Waker) {
        if let Some(number) = reservation.number {
            self.enter(
                number,
                ReservationPhase::Waiting,
                reservation.shared.progress.load(Ordering::Relaxed),
            );
        }
        if let Some(waiting) = reservation.wait.and_then(|wait| self.waiting.get_mut(&wait)) {
            waiting.clone_from(waker);
            return;
        }
        let number = self.next_number();
        self.waiting.insert(number, waker.clone());
        reservation.wait = Some(number);
    }

    /// Gives up one message, except that of reservation `except`: the one that has been read for
    /// the longest time, if that is too long, or else the one without progress for the longest
    /// time, if that is long enough.
    fn give_up_stale(
        &mut self,
        except: Option<u64>,
        now: Millis,
    ) -> Option<Arc<ReservationStatus>> {
        let is_read = |(number, holder): &(&u64, &ReservationHolder)| {
            Some(**number) != except && holder.phase == ReservationPhase::Reading
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
            self.enter(number, ReservationPhase::Reading, progress);
        }
        // Messages that are being read will finish or become stale. Without any, only a waiting one
        // can give memory back.
        let (at, number) = first(&self.stalled).filter(|_| self.parked == 0)?;
        if is_stale(at) { self.give_up(number, at) } else { None }
    }

    fn give_up(&mut self, number: u64, at: Millis) -> Option<Arc<ReservationStatus>> {
        self.enter(number, ReservationPhase::GivenUp, at);
        self.holders.get(&number).map(|holder| Arc::clone(&holder.shared))
    }
}

/// The memory of one unfinished message.
pub struct Reservation {
    memory: Arc<InputMemory>,
    shared: Arc<ReservationStatus>,
    bytes: usize,
    /// Bytes that were read since progress was last recorded.
    read: usize,
    number: Option<u64>,
    /// The number of its wait for memory.
    wait: Option<u64>,
    retry: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

/// The message was given up, since it made too little progress while others needed memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp;

impl Reservation {
    /// Ready when a message of this many bytes may be held. Must be polled on a runtime.
    ///
    /// # Errors
    /// The message was given up. Its connection has to end.
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
                self.retry = None;
                return Poll::Ready(Ok(()));
            }
            memory.state.lock().wait(self, context.waker());
            let timer = self.retry.get_or_insert_with(|| Box::pin(sleep(RETRY_INTERVAL)));
            ready!(timer.as_mut().poll(context));
            self.retry = None;
        }
    }

    /// Records that `bytes` more of the message were read. That is progress once they are
    /// [`UNFINISHED_PROGRESS`].
    pub fn note_read(&mut self, bytes: usize) {
        self.read += bytes;
        if self.read >= UNFINISHED_PROGRESS && self.bytes > 0 {
            self.read = 0;
            self.shared.progress.store(self.memory.now(), Ordering::Relaxed);
        }
    }

    /// Records whether the complete message waits for its thread. It is not given up meanwhile.
    pub fn set_parked(&self, is_parked: bool) {
        let Some(number) = self.number else { return };
        let phase = if is_parked { ReservationPhase::Parked } else { ReservationPhase::Reading };
        let now = self.memory.now();
        self.shared.progress.store(now, Ordering::Relaxed);
        self.memory.state.lock().enter(number, phase, now);
    }

    /// Reserves at least this many bytes, which the message holds already, even above the limit.
    /// Other messages then wait for memory. A call counts as progress.
    pub fn hold_over(&mut self, bytes: usize) {
        let wanted =
            bytes.saturating_sub(UNFINISHED_UNRESERVED).next_multiple_of(UNFINISHED_GRANULE);
        if wanted.max(self.bytes) > 0 {
            let memory = Arc::clone(&self.memory);
            memory.grow_over(self, wanted.saturating_sub(self.bytes));
        }
    }

    /// Waits until a message of this many bytes may be held.
    ///
    /// # Errors
    /// The message was given up. Its connection has to end.
    pub async fn hold(&mut self, bytes: usize) -> Result<(), GivenUp> {
        poll_fn(|context| self.poll_hold(bytes, context)).await
    }

    /// Checks whether the message was given up. The task of `context` is woken when that happens.
    ///
    /// # Errors
    /// The message was given up. Its connection has to end.
    pub fn check(&self, context: &Context<'_>) -> Result<(), GivenUp> {
        if self.shared.is_given_up.load(Ordering::Relaxed) {
            return Err(GivenUp);
        }
        if self.bytes > 0 {
            self.shared.waker.lock().register(context);
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

    use super::{GivenUp, InputMemory, RETRY_INTERVAL};
    use crate::limits::{
        UNFINISHED_GRANULE, UNFINISHED_HOLD_TIMEOUT, UNFINISHED_PROGRESS, UNFINISHED_STALE_AFTER,
        UNFINISHED_UNRESERVED,
    };

    const TWO: usize = 2 * UNFINISHED_GRANULE;

    #[tokio::test(start_paused = true)]
    async fn small_messages_reserve_nothing_and_larger_ones_release_their_memory() {
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
    async fn message_waits_for_memory_until_another_is_finished() {
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
    async fn bytes_above_the_limit_are_counted_and_stale_messages_given_up() {
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
    async fn dropped_reservation_does_not_wait() {
        let memory = InputMemory::new(TWO);
        let mut one = memory.reservation();
        one.hold(UNFINISHED_UNRESERVED + TWO).await.unwrap();
        for _ in 0..10 {
            let mut other = memory.reservation();
            let waits = timeout(RETRY_INTERVAL * 3, other.hold(UNFINISHED_UNRESERVED + 1)).await;
            assert!(waits.is_err(), "there is no memory");
            assert_eq!(memory.state.lock().waiting.len(), 1);
        }
        assert_eq!(memory.state.lock().waiting.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn message_without_progress_is_given_up_for_another() {
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
    async fn message_that_waits_for_memory_is_kept_while_another_is_read() {
        let memory = InputMemory::new(TWO);
        let (mut stalled, mut slow) = (memory.reservation(), memory.reservation());
        stalled.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        slow.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let waiting = tokio::spawn(async move { stalled.hold(UNFINISHED_UNRESERVED + TWO).await });
        for _ in 0..10 {
            advance(UNFINISHED_STALE_AFTER * 3 / 4).await;
            slow.note_read(UNFINISHED_PROGRESS);
            let mut third = memory.reservation();
            let waits = timeout(RETRY_INTERVAL, third.hold(UNFINISHED_UNRESERVED + 1)).await;
            assert!(waits.is_err(), "nothing is given up");
        }
        assert!(!waiting.is_finished());
        slow.note_read(UNFINISHED_PROGRESS - 1);
        advance(UNFINISHED_STALE_AFTER + RETRY_INTERVAL).await;
        assert_eq!(slow.hold(UNFINISHED_UNRESERVED + 1).await, Err(GivenUp));
        drop(slow);
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn message_that_waits_for_its_thread_is_kept() {
        let memory = InputMemory::new(TWO);
        let (mut parked, mut stalled) = (memory.reservation(), memory.reservation());
        parked.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        parked.set_parked(true);
        stalled.hold(UNFINISHED_UNRESERVED + 1).await.unwrap();
        let waits =
            timeout(UNFINISHED_STALE_AFTER * 5, stalled.hold(UNFINISHED_UNRESERVED + TWO)).await;
        assert!(waits.is_err(), "the other one gives its memory back");
        let mut third = memory.reservation();
        let waits =
            timeout(UNFINISHED_STALE_AFTER * 5, third.hold(UNFINISHED_UNRESERVED + 1)).await;
        assert!(waits.is_err(), "the other one gives its memory back");
        assert_eq!(parked.hold(UNFINISHED_UNRESERVED + 1).await, Ok(()));
        drop(parked);
        assert_eq!(stalled.hold(UNFINISHED_UNRESERVED + TWO).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn message_that_is_read_for_too_long_is_given_up_despite_progress() {
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
            assert!(
                held <= UNFINISHED_HOLD_TIMEOUT + RETRY_INTERVAL + step,
                "it still holds memory"
            );
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
