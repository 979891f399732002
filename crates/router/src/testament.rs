//! What a session wants to be published when it has gone.
//!
//! Spec: advanced profile "Session Testament".

use cloverleaf_wamp::message::{Options as _, Publish};

use crate::failure::RequestFailure;
use crate::limits::{MAX_TESTAMENT_BYTES_PER_SESSION, MAX_TESTAMENTS_PER_SESSION};

/// When a testament is published. There is no session without its connection here, so both come at
/// its end, `detached` first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The connection is gone.
    Detached,
    /// The session is gone.
    Destroyed,
}

impl Scope {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "detached" => Some(Self::Detached),
            "destroyed" => Some(Self::Destroyed),
            _ => None,
        }
    }
}

/// The testaments of one session.
#[derive(Debug, Default)]
pub(crate) struct Testaments {
    detached: Vec<Publish>,
    destroyed: Vec<Publish>,
    bytes: usize,
}

fn size(publish: &Publish) -> usize {
    size_of::<Publish>() + publish.options.size() + publish.payload.size()
}

impl Testaments {
    fn of(&mut self, scope: Scope) -> &mut Vec<Publish> {
        match scope {
            Scope::Detached => &mut self.detached,
            Scope::Destroyed => &mut self.destroyed,
        }
    }

    /// Adds one, behind those that are there.
    pub(crate) fn add(&mut self, scope: Scope, publish: Publish) -> Result<(), RequestFailure> {
        let bytes = self.bytes + size(&publish);
        if self.detached.len() + self.destroyed.len() >= MAX_TESTAMENTS_PER_SESSION
            || bytes > MAX_TESTAMENT_BYTES_PER_SESSION
        {
            return Err(RequestFailure::LimitReached("testaments"));
        }
        self.bytes = bytes;
        self.of(scope).push(publish);
        Ok(())
    }

    /// Forgets those of a scope.
    pub(crate) fn flush(&mut self, scope: Scope) {
        let flushed = std::mem::take(self.of(scope));
        self.bytes -= flushed.iter().map(size).sum::<usize>();
    }

    /// All of them, in the order in which they are published.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Publish> {
        self.detached.into_iter().chain(self.destroyed)
    }
}
