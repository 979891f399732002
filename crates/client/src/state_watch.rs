//! A future that waits for a change of the session's state, such as joining or ending.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::session::{Session, SessionState};

/// Waits until `look` finds a value in the session's state. Dropping it removes its waker.
pub(crate) struct StateWatch<'a, F> {
    session: &'a Session,
    look: F,
    key: Option<usize>,
}

impl<'a, F> StateWatch<'a, F> {
    pub(crate) const fn new(session: &'a Session, look: F) -> Self {
        Self { session, look, key: None }
    }
}

impl<T, F: Fn(&SessionState) -> Option<T> + Unpin> Future for StateWatch<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let mut state = this.session.shared().state.lock();
        if let Some(found) = (this.look)(&state) {
            return Poll::Ready(found);
        }
        state.watchers.register(&mut this.key, context.waker());
        Poll::Pending
    }
}

impl<F> Drop for StateWatch<'_, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.session.shared().state.lock().watchers.remove(key);
            drop(waker);
        }
    }
}
