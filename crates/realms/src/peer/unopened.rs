//! A connection without a session, and its attempt to join.

use cloverleaf_auth::{Challenged, Deciding};

use crate::realms::{ReservedSession, Unjoined};

/// A connection without a session.
#[derive(Debug)]
pub(super) struct Unopened {
    /// The entry of the connection in the list of its realms. None when the connection is ending.
    _entry: Option<Unjoined>,
    /// The attempt to join that waits for the client or for a decision. Dropping it cancels it.
    pub(super) attempt: Option<Box<JoinAttempt>>,
}

impl Unopened {
    /// A connection that may join.
    pub(super) const fn new(entry: Unjoined) -> Self {
        Self { _entry: Some(entry), attempt: None }
    }

    /// A connection that is ending.
    pub(super) const fn ending() -> Self {
        Self { _entry: None, attempt: None }
    }
}

/// An attempt to join that waits.
#[derive(Debug)]
pub(super) struct JoinAttempt {
    /// The realm in HELLO.
    pub(super) requested: Box<str>,
    /// The implementation of the client, for the log.
    pub(super) agent: Box<str>,
    pub(super) state: AttemptState,
}

/// What an attempt to join waits for.
#[derive(Debug)]
pub(super) enum AttemptState {
    /// AUTHENTICATE.
    Challenged(Challenged<ReservedSession>),
    /// The decision of the method.
    Deciding(Deciding<ReservedSession>),
}

impl JoinAttempt {
    pub(super) const fn is_deciding(&self) -> bool {
        matches!(self.state, AttemptState::Deciding(_))
    }
}
