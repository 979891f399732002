//! A session that the realm has told to wait: its requests are congested until there is room.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use cloverleaf_wamp::message::ClientMessage;
use parking_lot::Mutex;

use crate::realm_host::Wait;
use crate::resume_signal::ResumeSignal;

/// The pause of one session.
#[derive(Debug, Default)]
pub(super) struct LocalPause {
    /// Whether the session may have to wait.
    is_paused: AtomicBool,
    wait: Mutex<Wait>,
    resumed: Arc<ResumeSignal>,
}

impl LocalPause {
    /// The signal that ends the wait for the realm.
    pub(super) fn signal(&self) -> Arc<ResumeSignal> {
        Arc::clone(&self.resumed)
    }

    /// Begins to wait.
    pub(super) fn begin(&self, more: Wait) {
        let mut wait = self.wait.lock();
        wait.congested.extend(more.congested);
        wait.until_resumed |= more.until_resumed;
        self.is_paused.store(true, Relaxed);
    }

    /// Whether a message has to wait: a request that can be repeated.
    pub(super) fn refuses(&self, message: &ClientMessage) -> bool {
        self.is_paused.load(Relaxed)
            && can_wait(message)
            && self.poll(&Context::from_waker(Waker::noop())).is_pending()
    }

    /// Ready when the session may send again.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut wait = self.wait.lock();
        while let Some(port) = wait.congested.last() {
            if port.poll_room(context).is_pending() {
                return Poll::Pending;
            }
            wait.congested.pop();
        }
        if wait.until_resumed && self.resumed.poll(context).is_pending() {
            return Poll::Pending;
        }
        wait.until_resumed = false;
        self.is_paused.store(false, Relaxed);
        Poll::Ready(())
    }

    /// The session has ended. Drops the ports, which may refer to this session in turn.
    pub(super) fn end(&self) {
        let wait = std::mem::take(&mut *self.wait.lock());
        drop(wait);
        self.resumed.end();
    }
}

/// Whether a link may report congestion for a message.
fn can_wait(message: &ClientMessage) -> bool {
    match message {
        ClientMessage::Call(_) | ClientMessage::Publish(_) => true,
        ClientMessage::Yield(answer) => answer.options.progress == Some(true),
        _ => false,
    }
}
