//! Opening and ending a session: HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE.
//!
//! Spec: basic profile "Sessions"; advanced profile "Authentication Methods".

use std::sync::Arc;

use compact_str::CompactString;

use super::options::{CallTimeoutUnit, options};
use crate::features::{ClientRoles, RouterRoles};
use crate::heap_size::HeapSize;
use crate::ids::SessionId;
use crate::payload::Encoded;
use crate::uri::UncheckedUri;

/// `[1, Realm|uri, Details|dict]`, where the realm may be null.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// The realm to join; empty (or null on the wire) where the client leaves it to the router.
    pub realm: UncheckedUri,
    /// Who the client is and what it can do.
    pub details: HelloDetails,
}

options! {
    /// HELLO.Details
    HelloDetails "HELLO" {
        /// The roles of the client with their features.
        roles: ClientRoles,
        /// Name and version of the client's implementation.
        agent (hint): CompactString,
        /// The authentication methods that the client offers, best first.
        authmethods: Vec<CompactString>,
        /// Who the client says it is.
        authid: CompactString,
        /// What the authentication methods need beside.
        authextra: Encoded,
    }
}

/// `[2, Session|id, Details|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Welcome {
    /// The session's id.
    pub session: SessionId,
    /// Who the client now is and what the router can do.
    pub details: Box<WelcomeDetails>,
}

options! {
    /// WELCOME.Details
    WelcomeDetails "WELCOME" {
        /// The roles of the router with their features.
        roles: RouterRoles,
        /// Name and version of the router.
        agent: CompactString,
        /// The realm that was joined.
        realm: CompactString,
        /// Who the client is.
        authid: CompactString,
        /// What the client may do is decided by this.
        authrole: CompactString,
        /// How it proved who it is.
        authmethod: CompactString,
        /// Who vouched for it.
        authprovider: CompactString,
        /// What the authentication method tells beside.
        authextra: Encoded,
        /// The unit of CALL.Options.timeout and INVOCATION.Details.timeout in this session.
        ///
        /// This router's own: the name of a [`CallTimeoutUnit`]. A router that does not say counts
        /// in milliseconds, as the specification has it.
        x_call_timeout_unit: CompactString,
    }
}

impl WelcomeDetails {
    /// The unit in which this session gives and gets the timeouts of calls.
    pub fn call_timeout_unit(&self) -> CallTimeoutUnit {
        let told = self.x_call_timeout_unit.as_deref().and_then(CallTimeoutUnit::from_name);
        told.unwrap_or(CallTimeoutUnit::Milliseconds)
    }
}

/// `[3, Details|dict, Reason|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Abort {
    /// An explanation.
    pub details: AbortDetails,
    /// Why.
    pub reason: CompactString,
}

impl Abort {
    /// An ABORT with a reason and a sentence for people.
    pub fn new(reason: &str, message: impl Into<CompactString>) -> Self {
        let details = AbortDetails { message: Some(message.into()) };
        Self { details, reason: reason.into() }
    }
}

impl HeapSize for Abort {
    fn heap_size(&self) -> usize {
        self.details.heap_size() + self.reason.len()
    }
}

options! {
    /// ABORT.Details
    AbortDetails "ABORT" {
        /// A sentence for people.
        message: CompactString,
    }
}

/// `[4, AuthMethod|string, Extra|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    /// The method that the router chose.
    pub authmethod: CompactString,
    /// What the method needs; a dictionary.
    pub extra: Encoded,
}

/// `[5, Signature|string, Extra|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticate {
    /// The proof.
    pub signature: CompactString,
    /// What the method needs beside; a dictionary.
    pub extra: Encoded,
}

/// `[6, Details|dict, Reason|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Goodbye {
    /// An explanation.
    pub details: GoodbyeDetails,
    /// Why.
    pub reason: CompactString,
}

impl Goodbye {
    /// A GOODBYE without an explanation.
    pub fn new(reason: &str) -> Self {
        Self { details: GoodbyeDetails::default(), reason: reason.into() }
    }
}

impl HeapSize for Goodbye {
    fn heap_size(&self) -> usize {
        self.details.heap_size() + self.reason.len()
    }
}

options! {
    /// GOODBYE.Details
    GoodbyeDetails "GOODBYE" {
        /// A sentence for people. Shared between the sessions that one call has ended.
        message: Arc<str>,
    }
}
