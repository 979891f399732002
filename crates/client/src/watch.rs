//! Who waits for a change of the session: that it has joined, or that it has ended.
//!
//! A waiter that is dropped leaves nothing behind.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::session::{Session, SessionState};

/// The waiting tasks of one session.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Slab<Waker>);

impl Watchers {
    fn remember(&mut self, key: &mut Option<usize>, waker: &Waker) {
        match key.and_then(|key| self.0.get_mut(key)) {
            Some(known) => known.clone_from(waker),
            None => *key = Some(self.0.insert(waker.clone())),
        }
    }

    /// All of them; each asks again for itself.
    pub(crate) fn all(&self) -> impl Iterator<Item = Waker> {
        self.0.iter().map(|(_, waker)| waker.clone())
    }
}

/// Waits until `look` finds something in the session's state.
pub(crate) struct Watch<'a, F> {
    session: &'a Session,
    look: F,
    key: Option<usize>,
}

impl<'a, F> Watch<'a, F> {
    pub(crate) const fn new(session: &'a Session, look: F) -> Self {
        Self { session, look, key: None }
    }
}

impl<T, F: Fn(&SessionState) -> Option<T> + Unpin> Future for Watch<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let mut state = this.session.shared().state.lock();
        if let Some(found) = (this.look)(&state) {
            return Poll::Ready(found);
        }
        state.watchers.remember(&mut this.key, context.waker());
        Poll::Pending
    }
}

impl<F> Drop for Watch<'_, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.session.shared().state.lock().watchers.0.try_remove(key);
            drop(waker);
        }
    }
}
