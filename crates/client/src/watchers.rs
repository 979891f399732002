//! Tasks that wait for a change of the session's state.

use std::task::Waker;

use slab::Slab;

/// The wakers of the tasks that wait for one session.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Slab<Waker>);

impl Watchers {
    /// Registers a task under `key`; a new task gets a new key.
    pub(crate) fn register(&mut self, key: &mut Option<usize>, waker: &Waker) {
        match key.and_then(|key| self.0.get_mut(key)) {
            Some(known) => known.clone_from(waker),
            None => *key = Some(self.0.insert(waker.clone())),
        }
    }

    /// Removes a task.
    pub(crate) fn remove(&mut self, key: usize) -> Option<Waker> {
        self.0.try_remove(key)
    }

    /// The wakers of all tasks. They stay registered; each task looks at the state again.
    pub(crate) fn all(&self) -> impl Iterator<Item = Waker> {
        self.0.iter().map(|(_, waker)| waker.clone())
    }
}
