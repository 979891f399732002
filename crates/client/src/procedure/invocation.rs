//! A procedure's view of a call, and the types of its parameters.

use std::sync::Arc;
use std::time::Duration;

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{InvocationId, SessionId};
use cloverleaf_wamp::message::{CallerIdentity, InvocationDetails};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::de::DeserializeOwned;

use crate::attributes;
use crate::error::Failure;
use crate::passthru::Passthru;
use crate::progressive_invocation::{InvocationGuard, InvocationHost, ProgressiveInvocation};
use crate::queued_invocation::QueuedInvocation;

/// A call, as its procedure receives it: details and arguments.
#[derive(Debug)]
pub struct Invocation {
    pub(super) host: Arc<dyn InvocationHost>,
    pub(super) request: InvocationId,
    /// INVOCATION.Details, such as the procedure's URI for a pattern-based registration and the
    /// caller's identity if disclosed.
    pub details: InvocationDetails,
    /// The arguments.
    pub payload: Payload,
    /// Ends a progressive invocation together with the procedure.
    pub(super) guard: Option<InvocationGuard>,
    /// The caller receives progressive results.
    pub(super) wants_progress: bool,
    /// More arguments will follow, and no parameter has taken them.
    pub(super) is_progressive_call: bool,
}

impl Invocation {
    pub(crate) fn new(host: Arc<dyn InvocationHost>, queued: QueuedInvocation) -> Self {
        let QueuedInvocation { message, progressive, .. } = queued;
        let guard = progressive
            .map(|key| InvocationGuard(ProgressiveInvocation { host: Arc::clone(&host), key }));
        let (details, payload) = (message.details, message.payload);
        Self {
            host,
            request: message.request,
            wants_progress: details.receive_progress == Some(true),
            is_progressive_call: details.progress == Some(true),
            details,
            payload,
            guard,
        }
    }

    /// The URI that was called; present for pattern-based registrations.
    pub fn procedure(&self) -> Option<&str> {
        self.details.procedure.as_deref()
    }

    /// The caller's session id, if disclosed.
    pub fn caller(&self) -> Option<SessionId> {
        self.identity()?.caller
    }

    /// The caller's authid, if disclosed.
    pub fn caller_authid(&self) -> Option<&str> {
        self.identity()?.caller_authid.as_deref()
    }

    /// The caller's role, if disclosed.
    pub fn caller_authrole(&self) -> Option<&str> {
        self.identity()?.caller_authrole.as_deref()
    }

    /// The trust level that the router has assigned to the call, from 0. Spec: advanced profile
    /// "Call Trust Levels".
    pub const fn trustlevel(&self) -> Option<u64> {
        self.details.trustlevel
    }

    /// The call's timeout, if the procedure was registered with
    /// [`forward_timeout`](crate::register::RegisterBuilder::forward_timeout). The procedure then
    /// enforces the timeout; the router does not.
    pub fn timeout(&self) -> Option<Duration> {
        let timeout = self.details.timeout.filter(|timeout| *timeout > 0)?;
        Some(Duration::from_millis(self.host.call_timeout_unit().to_millis(timeout)))
    }

    /// A custom attribute that the caller has sent, such as `_trace`.
    ///
    /// # Errors
    /// `wamp.error.invalid_argument` when the attribute has another type.
    pub fn attribute<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let read = attributes::read(self.details.passthru.as_deref(), key);
        read.map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// The opaque payload of a call in payload passthru mode; none for a plain call.
    ///
    /// # Errors
    /// `wamp.error.invalid_argument` when the call is in passthru mode and its argument is not a
    /// single byte string.
    pub fn passthru(&self) -> Result<Option<Passthru>, Failure> {
        let read = Passthru::of(&self.payload, self.details.passthru.as_deref());
        read.map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// The session's format.
    pub(super) fn serializer(&self) -> Serializer {
        self.host.serializer()
    }

    fn identity(&self) -> Option<&CallerIdentity> {
        self.details.caller.as_deref()
    }

    /// The guard that has to live as long as the procedure. Called after all parameters are read.
    ///
    /// # Errors
    /// When the call is progressive and no parameter is a
    /// [`ProgressiveArgs`](super::ProgressiveArgs).
    pub(super) fn into_guard(self) -> Result<Option<InvocationGuard>, Failure> {
        if self.is_progressive_call {
            let text = "the procedure takes no calls in parts";
            return Err(Failure::with_text(error_uri::FEATURE_NOT_SUPPORTED, text));
        }
        Ok(self.guard)
    }
}

/// Parameter: the positional arguments as a tuple, an array or a `Vec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<T>(pub T);

/// Parameter: the keyword arguments as a struct or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kwargs<T>(pub T);

/// A type that can be a parameter of a procedure.
pub trait FromInvocation: Sized {
    /// Reads the parameter from the invocation.
    ///
    /// # Errors
    /// `wamp.error.invalid_argument` when the caller's arguments do not fit.
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
    /// Moves details and arguments out of `invocation`: parameters behind this one see none.
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        Ok(Self {
            host: Arc::clone(&invocation.host),
            request: invocation.request,
            details: std::mem::take(&mut invocation.details),
            payload: std::mem::take(&mut invocation.payload),
            guard: None,
            wants_progress: invocation.wants_progress,
            is_progressive_call: false,
        })
    }
}
