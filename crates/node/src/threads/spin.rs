//! Whether a thread that has nothing to do looks again at once or sleeps.
//!
//! On a virtual processor, sleeping and waking takes longer than a whole call. So a thread that
//! gets single messages in quick succession polls its sockets for a short time before it sleeps. A
//! thread that has waited longer, or that gets messages in batches, sleeps at once. See
//! `docs/decisions/spin.md`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use cloverleaf_transport::arrivals;
use tokio::task::yield_now;

/// So many arrivals at once are a batch: a thread that has those is waited for by many, and more
/// of them come together while it sleeps.
const BATCH: u64 = 3;

thread_local! {
    static WATCH: Cell<Option<SpinWatch>> = const { Cell::new(None) };
    /// The task that keeps the thread from sleeping, while it is not needed.
    static SPINNER: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// The task that each of these threads must run.
pub(super) async fn spin() {
    loop {
        let mut was_called = false;
        poll_fn(|context| {
            if std::mem::replace(&mut was_called, true) {
                return Poll::Ready(());
            }
            SPINNER.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
        // The runtime asks the sockets, without waiting, before this goes on.
        yield_now().await;
    }
}

/// Wakes the spinner where the thread should look again: then the runtime does not sleep. Must be
/// called before it sleeps; `longest` is for how long a thread looks again at the most.
pub(super) fn before_sleep(longest: Duration) {
    let now = Instant::now();
    let mut watch = WATCH.get().unwrap_or_else(|| SpinWatch::new(longest, now));
    let looks_again = watch.looks_again(arrivals::count(), now);
    WATCH.set(Some(watch));
    if looks_again && let Some(spinner) = SPINNER.take() {
        // Threads that were woken on this processor go first.
        std::thread::yield_now();
        spinner.wake();
    }
}

/// The recent waits of a thread.
#[derive(Debug, Clone, Copy)]
struct SpinWatch {
    longest: Duration,
    /// How many arrivals there were when it last became idle.
    arrivals: u64,
    /// When it last became idle.
    dry_since: Instant,
    /// Whether the last message came soon and alone.
    expects_more: bool,
}

impl SpinWatch {
    const fn new(longest: Duration, now: Instant) -> Self {
        Self { longest, arrivals: 0, dry_since: now, expects_more: false }
    }

    /// The thread has nothing to do: whether it looks again instead of sleeping.
    fn looks_again(&mut self, arrivals: u64, now: Instant) -> bool {
        let was_soon = now.duration_since(self.dry_since) < self.longest;
        let came = arrivals.wrapping_sub(self.arrivals);
        if came > 0 {
            self.expects_more = was_soon && came < BATCH;
            self.arrivals = arrivals;
            self.dry_since = now;
            return self.expects_more;
        }
        self.expects_more && was_soon
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BATCH, SpinWatch};

    /// The decisions of a thread that runs dry at these times (µs) after these arrivals.
    fn looks_again(moments: &[(u64, u64)]) -> Vec<bool> {
        let begin = Instant::now();
        let mut watch = SpinWatch::new(Duration::from_micros(100), begin);
        let at = |micros| begin + Duration::from_micros(micros);
        moments.iter().map(|(time, arrivals)| watch.looks_again(*arrivals, at(*time))).collect()
    }

    #[test]
    fn a_thread_sleeps_until_two_messages_come_in_quick_succession() {
        let moments = [(1_000, 1), (5_000, 2), (5_060, 3), (5_061, 3), (5_110, 4)];
        assert_eq!(looks_again(&moments), [false, false, true, true, true]);
    }

    #[test]
    fn it_looks_for_so_long_and_no_longer() {
        let moments = [(10, 1), (50, 1), (109, 1), (110, 1), (111, 1)];
        assert_eq!(looks_again(&moments), [true, true, true, false, false]);
    }

    #[test]
    fn a_batch_is_waited_for_asleep() {
        let moments = [(10, BATCH), (20, BATCH), (30, BATCH + 1)];
        assert_eq!(looks_again(&moments), [false, false, true]);
    }
}
