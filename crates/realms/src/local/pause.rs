//! A session that the realm has told to wait: its requests are congested until there is room.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use cloverleaf_wakes::wake;
use cloverleaf_wamp::message::ClientMessage;
use parking_lot::Mutex;

use crate::ports::Port;
use crate::realm_host::Wait;

/// The pause of one session.
#[derive(Debug, Default)]
pub(crate) struct LocalPause {
    /// Whether the session may have to wait.
    is_paused: AtomicBool,
    state: Mutex<PauseState>,
}

#[derive(Debug, Default)]
struct PauseState {
    wait: Wait,
    /// The realm has resumed the session since it last waited for that.
    is_resumed: bool,
    /// The tasks that wait for the end of the pause.
    waiting: Vec<Waker>,
    has_ended: bool,
}

impl LocalPause {
    /// Begins to wait.
    pub(crate) fn begin(&self, wait: Wait) {
        let mut state = self.state.lock();
        if !state.has_ended {
            state.wait.congested.extend(wait.congested);
            state.wait.until_resumed |= wait.until_resumed;
            self.is_paused.store(true, Relaxed);
        }
    }

    /// Whether a message has to wait: a request that can be repeated.
    pub(crate) fn refuses(&self, message: &ClientMessage) -> bool {
        self.is_paused.load(Relaxed)
            && can_wait(message)
            && self.poll(&Context::from_waker(Waker::noop())).is_pending()
    }

    /// Ready when the session may send again.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        while let Some(port) = state.wait.congested.last() {
            if port.poll_room(context).is_pending() {
                return Poll::Pending;
            }
            state.wait.congested.pop();
        }
        if state.wait.until_resumed && !std::mem::take(&mut state.is_resumed) {
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            return Poll::Pending;
        }
        state.wait.until_resumed = false;
        self.is_paused.store(false, Relaxed);
        Poll::Ready(())
    }

    /// The realm resumes the session.
    pub(crate) fn resume(&self) {
        let waiting = {
            let mut state = self.state.lock();
            state.is_resumed = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(wake);
    }

    /// The session has ended. Drops the ports, which may refer to this session in turn.
    pub(crate) fn end(&self) {
        let (ports, waiting): (Vec<Port>, _) = {
            let mut state = self.state.lock();
            state.has_ended = true;
            state.wait.until_resumed = false;
            (std::mem::take(&mut state.wait.congested), std::mem::take(&mut state.waiting))
        };
        drop(ports);
        waiting.into_iter().for_each(wake);
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
