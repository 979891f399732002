//! A task that waits for a queue: polls it, sleeps until it is woken, and polls again.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Notify;

use crate::outbound::{OutboundReceiver, QueueEnd, Queued};

struct Task<F> {
    wakes: Notify,
    when_woken: F,
}

impl<F: Fn() + Send + Sync + 'static> Wake for Task<F> {
    fn wake(self: Arc<Self>) {
        (self.when_woken)();
        self.wakes.notify();
    }
}

/// Polls until the result is ready. loom finds a task that is not woken and sleeps forever.
pub fn until_ready<T>(poll: impl FnMut(&Context<'_>) -> Poll<T>) -> T {
    until_ready_with(|| (), poll)
}

/// Polls until the result is ready. Each wake runs `when_woken` on the waking thread.
pub fn until_ready_with<T>(
    when_woken: impl Fn() + Send + Sync + 'static,
    mut poll: impl FnMut(&Context<'_>) -> Poll<T>,
) -> T {
    let task = Arc::new(Task { wakes: Notify::new(), when_woken });
    let waker = Waker::from(Arc::clone(&task));
    loop {
        if let Poll::Ready(value) = poll(&Context::from_waker(&waker)) {
            return value;
        }
        task.wakes.wait();
    }
}

/// Waits only for the end of a queue, like a connection that can't write.
pub fn until_the_end<T: Queued + Send + 'static>(receiver: &mut OutboundReceiver<T>) -> QueueEnd {
    until_ready(|context| receiver.poll_end(context))
}
