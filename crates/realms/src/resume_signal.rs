//! Tells a session in this process that its realm has resumed it.

use std::task::{Context, Poll};

use cloverleaf_wakes::{WakerSet, wake};
use parking_lot::Mutex;

/// Set by the realm, awaited by the session.
#[derive(Debug, Default)]
pub(crate) struct ResumeSignal(Mutex<ResumeState>);

#[derive(Debug, Default)]
struct ResumeState {
    /// The realm has resumed the session since it last waited for that.
    is_resumed: bool,
    has_ended: bool,
    waiting: WakerSet,
}

impl ResumeSignal {
    /// The realm resumes the session.
    pub(crate) fn resume(&self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_resumed = true;
            state.waiting.take_all()
        };
        waiting.into_iter().for_each(wake);
    }

    /// The session has ended and waits no longer.
    pub(crate) fn end(&self) {
        let waiting = {
            let mut state = self.0.lock();
            state.has_ended = true;
            state.waiting.take_all()
        };
        waiting.into_iter().for_each(wake);
    }

    /// Ready when the session was resumed since this was last ready, or has ended.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.is_resumed) || state.has_ended {
            return Poll::Ready(());
        }
        state.waiting.register(context);
        Poll::Pending
    }
}
