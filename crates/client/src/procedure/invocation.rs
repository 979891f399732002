//! A call as its procedure sees it.

use std::time::Duration;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, SessionId};
use cloverleaf_wamp::message::{CallerIdentity, InvocationDetails};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Failure;
use crate::exchange::{Exchange, Lifetime};
use crate::inbox::Begun;
use crate::passthru::Passthru;
use crate::session::Session;

/// A call as the callee sees it.
#[derive(Debug)]
pub struct Invocation {
    pub(super) session: Session,
    pub(super) request: InvocationId,
    /// The procedure (where the registration is a pattern), the caller (where disclosed) and more.
    pub details: InvocationDetails,
    /// The arguments.
    pub payload: Payload,
    /// Where more is said during the invocation. It ends with the procedure.
    pub(super) lifetime: Option<Lifetime>,
    /// The caller takes the result in parts.
    pub(super) wants_progress: bool,
    /// The call comes in parts, and no parameter takes them.
    pub(super) is_part: bool,
}

impl Invocation {
    pub(crate) fn new(session: Session, begun: Begun) -> Self {
        let Begun { invocation, exchange, .. } = begun;
        let lifetime = exchange.map(|key| Lifetime(Exchange { session: session.clone(), key }));
        let (details, payload) = (invocation.details, invocation.payload);
        Self {
            session,
            request: invocation.request,
            wants_progress: details.receive_progress == Some(true),
            is_part: details.progress == Some(true),
            details,
            payload,
            lifetime,
        }
    }

    /// The procedure that was called, where the registration is a pattern.
    pub fn procedure(&self) -> Option<&str> {
        self.details.procedure.as_deref()
    }

    /// The caller's session, where it is disclosed.
    pub fn caller(&self) -> Option<SessionId> {
        self.identity()?.caller
    }

    /// Who the caller is, where it is disclosed.
    pub fn caller_authid(&self) -> Option<&str> {
        self.identity()?.caller_authid.as_deref()
    }

    /// The caller's role, where it is disclosed.
    pub fn caller_authrole(&self) -> Option<&str> {
        self.identity()?.caller_authrole.as_deref()
    }

    /// How far the router trusts the call, from 0, where it says so.
    pub const fn trustlevel(&self) -> Option<u64> {
        self.details.trustlevel
    }

    /// How long the procedure may take, where it watches its time itself: it was registered with
    /// [`forward_timeout`](crate::register::RegisterBuilder::forward_timeout), and nobody else
    /// does.
    pub fn timeout(&self) -> Option<Duration> {
        let timeout = self.details.timeout.filter(|timeout| *timeout > 0)?;
        Some(Duration::from_millis(self.session.call_timeout_unit().to_millis(timeout)))
    }

    /// A custom attribute that the caller sent along, such as `_trace`.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let read = attributes::read(self.details.passthru.as_deref(), key);
        read.map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// Arguments that only the two ends can read; none where they are plain.
    pub fn passthru(&self) -> Result<Option<Passthru>, Failure> {
        let read = Passthru::of(&self.payload, self.details.passthru.as_deref());
        read.map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// The format of the session.
    pub(super) fn serializer(&self) -> Serializer {
        self.session.shared().serializer
    }

    fn identity(&self) -> Option<&CallerIdentity> {
        self.details.caller.as_deref()
    }

    /// What is to live as long as the procedure, when all parameters are read.
    pub(super) fn into_lifetime(self) -> Result<Option<Lifetime>, Failure> {
        if self.is_part {
            let text = "the procedure takes no calls in parts";
            return Err(Failure::with_text(error_uri::FEATURE_NOT_SUPPORTED, text));
        }
        Ok(self.lifetime)
    }
}

/// The positional arguments as a tuple, an array or a `Vec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<T>(pub T);

/// The keyword arguments as a struct or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kwargs<T>(pub T);

/// A parameter of a procedure.
pub trait FromInvocation: Sized {
    /// Reads the parameter; what cannot be read is the caller's fault.
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure>;
}

impl<T: DeserializeOwned> FromInvocation for Args<T> {
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        invocation
            .payload
            .decode_args()
            .map(Self)
            .map_err(|error| Failure::invalid_argument(&error.to_string()))
    }
}

impl<T: DeserializeOwned> FromInvocation for Kwargs<T> {
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        invocation
            .payload
            .decode_kwargs()
            .map(Self)
            .map_err(|error| Failure::invalid_argument(&error.to_string()))
    }
}

impl FromInvocation for Invocation {
    /// Takes the invocation itself; parameters after it see no arguments.
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        Ok(Self {
            session: invocation.session.clone(),
            request: invocation.request,
            details: std::mem::take(&mut invocation.details),
            payload: std::mem::take(&mut invocation.payload),
            lifetime: None,
            wants_progress: invocation.wants_progress,
            is_part: false,
        })
    }
}
