//! When a thread returns free memory to the system.
//!
//! The allocator looks for such memory only while more becomes free. So each thread looks for it
//! when it has read something and then nothing more for a while: usually, connections have ended
//! or large messages have been handled. What is done without a read (a queue is written, a timer
//! ends a session) takes a little longer. A thread that has done nothing since does not wake up.
//!
//! Memory belongs to the thread that has allocated it, and only that thread can return it to the
//! system, also when another thread has freed it. So a thread that looks has the others look, too.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use cloverleaf_transport::arrivals;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How long nothing must have been read: long enough for messages that follow each other not to
/// find their memory gone. Then giving much back, which takes a while, hardly delays a message.
const QUIET: Duration = Duration::from_secs(1);

/// How long it takes at most when there is always something to read.
const BUSY: Duration = Duration::from_secs(10);

/// How long it takes after something was done without a read.
const LATER: Duration = Duration::from_secs(5);

/// The threads of the process that give memory back.
static THREADS: Mutex<Vec<Weak<Notify>>> = Mutex::new(Vec::new());

thread_local! {
    static DUE: Cell<Due> = const { Cell::new(Due::No) };
    /// The number of reads when the thread went to sleep last.
    static READS: Cell<u64> = const { Cell::new(0) };
    /// The task that gives memory back, while it waits.
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Whether memory is to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    No,
    /// It has just been, and the thread goes to sleep again.
    JustDone,
    /// Something was done without a read.
    Later,
    /// Something was read.
    Soon,
}

impl Due {
    /// The thread goes to sleep, and has read something or not.
    const fn before_sleep(self, has_read: bool) -> Self {
        match self {
            Self::Soon => Self::Soon,
            _ if has_read => Self::Soon,
            Self::JustDone => Self::No,
            Self::No | Self::Later => Self::Later,
        }
    }
}

/// Must be called when the thread goes to sleep.
pub(super) fn before_sleep() {
    let reads = arrivals::count();
    let before = DUE.get();
    let due = before.before_sleep(READS.replace(reads) != reads);
    if due != before {
        DUE.set(due);
        if due != Due::No
            && let Some(waiting) = WAITING.take()
        {
            waiting.wake();
        }
    }
}

/// The task that gives memory back, one for each thread.
pub(super) async fn give_back() {
    let called = Arc::new(Notify::new());
    THREADS.lock().push(Arc::downgrade(&called));
    loop {
        let has_read = tokio::select! {
            () = called.notified() => false,
            () = has_done_something() => false,
            () = has_become_quiet() => true,
        };
        cloverleaf_allocator::purge();
        if has_read {
            call_others(&called);
        }
        DUE.set(Due::JustDone);
    }
}

/// Returns some time after something was done without a read.
async fn has_done_something() {
    until(|due| matches!(due, Due::Later | Due::Soon)).await;
    sleep(LATER).await;
    // If something has been read since, it is given back when the thread is quiet.
    until(|due| due != Due::Soon).await;
}

/// Returns when something has been read and nothing more for a while.
async fn has_become_quiet() {
    until(|due| due == Due::Soon).await;
    quiet().await;
}

/// Waits until nothing has been read for a while.
async fn quiet() {
    let begin = Instant::now();
    let mut reads = arrivals::count();
    loop {
        sleep(QUIET).await;
        let now = arrivals::count();
        if now == reads || begin.elapsed() >= BUSY {
            return;
        }
        reads = now;
    }
}

async fn until(is_so: impl Fn(Due) -> bool) {
    poll_fn(|context| {
        if is_so(DUE.get()) {
            return Poll::Ready(());
        }
        WAITING.set(Some(context.waker().clone()));
        Poll::Pending
    })
    .await;
}

/// Asks the other threads to return memory, since this one may have freed memory of theirs.
fn call_others(own: &Arc<Notify>) {
    THREADS.lock().retain(|thread| {
        let thread = thread.upgrade();
        if let Some(thread) = &thread
            && !Arc::ptr_eq(thread, own)
        {
            thread.notify_one();
        }
        thread.is_some()
    });
}

#[cfg(test)]
mod tests {
    use super::Due;

    /// What is due after the thread has gone to sleep so often, and has read something or not.
    fn due(begin: Due, reads: &[bool]) -> Due {
        reads.iter().fold(begin, |due, has_read| due.before_sleep(*has_read))
    }

    #[test]
    fn memory_is_due_after_anything_was_done_but_giving_it_back() {
        assert_eq!(due(Due::No, &[false]), Due::Later);
        assert_eq!(due(Due::No, &[true]), Due::Soon);
        assert_eq!(due(Due::No, &[false, false, true, false]), Due::Soon);
        assert_eq!(due(Due::JustDone, &[false]), Due::No);
        assert_eq!(due(Due::JustDone, &[true]), Due::Soon);
        assert_eq!(due(Due::JustDone, &[false, false]), Due::Later);
    }
}
