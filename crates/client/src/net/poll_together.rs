//! Wake-ups of a task by itself.
//!
//! Connection and driver of a session share a task and wake each other in every turn. Told to the
//! runtime, each of these wake-ups makes it look for a worker for a task that is running already:
//! measured at 1.8 calls of the operating system and about 10 µs an invocation on a runtime of two
//! threads, where the invocation itself takes three calls and 14 µs. So the parts are polled with a
//! waker that only takes a note while the task is running.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// How often a task polls its parts before it lets others run.
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
        // In this order, as `poll` looks at them in the other: one of both sees the other.
        self.is_woken.store(true, SeqCst);
        if !self.is_running.load(SeqCst) {
            self.task.wake();
        }
    }
}

/// Polls `parts` until they are ready, each time again at once when they have woken each other.
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
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    /// Polls once a future whose parts wake each other so often. Says how often they were polled,
    /// how often the task was woken, and whom to wake.
    fn poll_once(wakings: usize) -> (usize, usize, Poll<()>) {
        let task = Arc::new(Task::default());
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
    fn parts_that_wake_each_other_are_polled_again_and_the_task_is_not_woken() {
        assert_eq!(poll_once(0), (1, 0, Poll::Pending));
        assert_eq!(poll_once(2), (3, 0, Poll::Pending));
    }

    #[test]
    fn parts_that_wake_each_other_without_end_let_others_run() {
        assert_eq!(poll_once(usize::MAX), (ROUNDS, 1, Poll::Pending));
    }

    #[test]
    fn a_part_that_is_woken_from_outside_wakes_the_task() {
        let task = Arc::new(Task::default());
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
