//! Wake-ups between the parts of one task.
//!
//! Connection and driver of a session share a task and wake each other all the time. A wake-up
//! through tokio makes it look for an idle worker for a task that is already running. Measured on a
//! runtime of two threads, that costs 1.8 system calls and about 10 µs per invocation; the
//! invocation itself takes three system calls and 14 µs. So the parts are polled with a waker of
//! their own, which only sets a flag while the task is running.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Maximum number of times that one poll of the task polls its parts.
const ROUNDS: usize = 4;

#[derive(Default)]
struct WakeFlags {
    task: AtomicWaker,
    is_running: AtomicBool,
    is_woken: AtomicBool,
}

impl Wake for WakeFlags {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // `poll_together` accesses the flags in the opposite order, so no wake-up is lost.
        self.is_woken.store(true, SeqCst);
        if !self.is_running.load(SeqCst) {
            self.task.wake();
        }
    }
}

/// Polls `parts` until they are ready. When the parts have woken each other, they are polled again
/// at once.
pub(super) async fn poll_together<T>(mut parts: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let flags = Arc::new(WakeFlags::default());
    let waker = Waker::from(Arc::clone(&flags));
    poll_fn(|context| {
        flags.task.register(context.waker());
        flags.is_running.store(true, SeqCst);
        let mut polled = Poll::Pending;
        for _ in 0..ROUNDS {
            flags.is_woken.store(false, SeqCst);
            polled = parts(&mut Context::from_waker(&waker));
            if polled.is_ready() || !flags.is_woken.load(SeqCst) {
                break;
            }
        }
        flags.is_running.store(false, SeqCst);
        if polled.is_pending() && flags.is_woken.load(SeqCst) {
            context.waker().wake_by_ref();
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::task::{Context, Poll, Wake, Waker};

    use super::{ROUNDS, poll_together};

    #[derive(Default)]
    struct CountingTask(AtomicUsize);

    impl Wake for CountingTask {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// Polls a future once whose parts wake each other this many times. Returns how often the parts
    /// were polled, how often the task was woken, and the result.
    fn poll_once(wakings: usize) -> (usize, usize, Poll<()>) {
        let task = Arc::new(CountingTask::default());
        let mut rounds = 0;
        let polled = {
            let mut future = pin!(poll_together(|context: &mut Context<'_>| {
                rounds += 1;
                if rounds <= wakings {
                    context.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            }));
            let waker = Waker::from(Arc::clone(&task));
            future.as_mut().poll(&mut Context::from_waker(&waker))
        };
        (rounds, task.0.load(SeqCst), polled)
    }

    #[test]
    fn parts_that_wake_each_other_are_polled_again_without_waking_the_task() {
        assert_eq!(poll_once(0), (1, 0, Poll::Pending));
        assert_eq!(poll_once(2), (3, 0, Poll::Pending));
    }

    #[test]
    fn endless_wake_ups_between_parts_yield_to_other_tasks() {
        assert_eq!(poll_once(usize::MAX), (ROUNDS, 1, Poll::Pending));
    }

    #[test]
    fn a_wake_up_from_outside_wakes_the_task() {
        let task = Arc::new(CountingTask::default());
        let waker = Waker::from(Arc::clone(&task));
        let part = std::cell::RefCell::new(None);
        let mut future = pin!(poll_together(|context: &mut Context<'_>| {
            *part.borrow_mut() = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(task.0.load(SeqCst), 0);
        part.take().expect("polled").wake();
        assert_eq!(task.0.load(SeqCst), 1);
    }
}
