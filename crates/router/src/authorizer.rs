//! Authorization by a decision of the host: the authorizer of a realm.
//!
//! A role with static rules is decided inside the realm ([`Role`](crate::Role)). For a role
//! [without rules](crate::Role::with_authorizer) the realm asks its [`Authorizer`]. A decision that
//! comes later parks the message (`parking`); the host reports it with
//! [`Realm::decided`](crate::Realm::decided).
//! Spec: advanced profile "Authorization".

use std::fmt;

use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::uri::MatchPolicy;

use crate::authorization::{Action, Permission, Verdict};
use crate::session::Principal;

/// Decides on requests of sessions whose role has no rules of its own.
pub trait Authorizer: fmt::Debug + Send {
    /// Decides on a request. [`Verdict::Ask`] parks it until [`Realm::decided`] is called with
    /// this ticket. Called under the realm's lock: it neither blocks nor calls the realm.
    ///
    /// [`Realm::decided`]: crate::Realm::decided
    fn ask(&mut self, ticket: DecisionTicket, question: &Question<'_>) -> Verdict;

    /// The realm no longer waits for this decision: its session has left, or its time is over.
    fn withdraw(&mut self, ticket: DecisionTicket);
}

/// Identifies one question. Tickets count up and never repeat within a realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionTicket(pub(crate) u64);

/// One request that has to be decided on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The session that sent the request.
    pub session: SessionId,
    /// The identity of the session.
    pub principal: &'a Principal,
    /// The name of its role.
    pub role: &'a str,
    /// The kind of the request.
    pub action: Action,
    /// The procedure or topic; with SUBSCRIBE and REGISTER the pattern.
    pub uri: &'a str,
    /// How the pattern matches; exact for CALL and PUBLISH.
    pub policy: MatchPolicy,
}

/// The answer to a [`Question`] that was left open with [`Verdict::Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The request is served under this permission, if the permission allows its action.
    Allow(Permission),
    /// The request is answered with `wamp.error.not_authorized`.
    Deny,
    /// The authorizer could not decide: `wamp.error.authorization_failed`.
    Failed,
}
