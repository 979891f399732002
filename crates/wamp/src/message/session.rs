//! Opening and closing a session: HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE.
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

/// `[1, Realm|uri, Details|dict]`. The realm may be null.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// The realm to join. Empty (or null on the wire) if the router chooses it.
    pub realm: UncheckedUri,
    /// The details.
    pub details: HelloDetails,
}

options! {
    /// HELLO.Details
    HelloDetails "HELLO" {
        /// The roles of the client with their features.
        roles: ClientRoles,
        /// Name and version of the client's implementation.
        agent (hint): CompactString,
        /// The authentication methods that the client offers, in order of preference.
        authmethods: Vec<CompactString>,
        /// The authid that the client claims.
        authid: CompactString,
        /// Additional data for the authentication methods.
        authextra: Encoded,
    }
}

/// `[2, Session|id, Details|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Welcome {
    /// The session's id.
    pub session: SessionId,
    /// The details.
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
        /// The client's authid.
        authid: CompactString,
        /// The client's authrole, which decides its permissions.
        authrole: CompactString,
        /// The authentication method that was used.
        authmethod: CompactString,
        /// The authentication provider.
        authprovider: CompactString,
        /// Additional data of the authentication method.
        authextra: Encoded,
        /// The unit of CALL.Options.timeout and INVOCATION.Details.timeout in this session.
        ///
        /// An addition of this router: the name of a [`CallTimeoutUnit`]. A router that does not
        /// send it counts in milliseconds, as in the specification.
        x_call_timeout_unit: CompactString,
    }
}

impl WelcomeDetails {
    /// The unit of the timeouts of calls in this session.
    pub fn call_timeout_unit(&self) -> CallTimeoutUnit {
        let unit = self.x_call_timeout_unit.as_deref().and_then(CallTimeoutUnit::from_name);
        unit.unwrap_or(CallTimeoutUnit::Milliseconds)
    }
}

/// `[3, Details|dict, Reason|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Abort {
    /// The details.
    pub details: AbortDetails,
    /// The reason, as a URI.
    pub reason: CompactString,
}

impl Abort {
    /// An ABORT with a reason and an explanation for humans.
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
        /// An explanation for humans.
        message: CompactString,
    }
}

/// `[4, AuthMethod|string, Extra|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    /// The method that the router chose.
    pub authmethod: CompactString,
    /// Data for the method; a dictionary.
    pub extra: Encoded,
}

/// `[5, Signature|string, Extra|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticate {
    /// The signature or secret that proves the identity.
    pub signature: CompactString,
    /// Additional data for the method; a dictionary.
    pub extra: Encoded,
}

/// `[6, Details|dict, Reason|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Goodbye {
    /// The details.
    pub details: GoodbyeDetails,
    /// The reason, as a URI.
    pub reason: CompactString,
}

impl Goodbye {
    /// A GOODBYE without a message.
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
        /// An explanation for humans. Shared by the sessions that one call has killed.
        message: Arc<str>,
    }
}
