//! Calling and answering: REGISTER to UNREGISTERED, CALL to RESULT, INVOCATION to YIELD, ERROR.
//!
//! Spec: basic profile "Remote Procedure Calls"; advanced profile "Advanced RPC".

use compact_str::CompactString;

use super::options::{
    CalleeIdentity, CallerIdentity, CancelMode, InvokePolicy, OpenEnum, PassthruDetails, Sharding,
    options,
};
use super::request::{RequestKind, RequestRef};
use crate::ids::{InvocationId, RegistrationId, RequestId};
use crate::payload::Payload;
use crate::uri::{MatchPolicy, UncheckedUri};

/// `[48, Request|id, Options|dict, Procedure|uri, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The request id.
    pub request: RequestId,
    /// The options.
    pub options: CallOptions,
    /// The procedure.
    pub procedure: UncheckedUri,
    /// The arguments.
    pub payload: Payload,
}

options! {
    /// CALL.Options
    CallOptions "CALL" {
        /// The timeout, 0 for none. In the unit of the session
        /// ([`WelcomeDetails::call_timeout_unit`](super::WelcomeDetails::call_timeout_unit)).
        timeout: u64,
        /// Whether the caller accepts progressive results.
        receive_progress: bool,
        /// Whether further parts of a progressive call follow.
        progress: bool,
        /// Whether the caller asks to be disclosed.
        disclose_me (hint): bool,
    } with {
        /// The selection among several callees.
        sharding: Sharding,
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

impl Call {
    /// The reference to this call in an answer.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Call, self.request)
    }
}

/// `[49, CALL.Request|id, Options|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Cancel {
    /// The call to cancel.
    pub request: RequestId,
    /// The options or details.
    pub options: CancelOptions,
}

options! {
    /// CANCEL.Options
    CancelOptions "CANCEL" {
        /// What happens to the callee and to the caller.
        mode: OpenEnum<CancelMode>,
    }
}

impl Cancel {
    /// The reference to this request in an ERROR.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Cancel, self.request)
    }
}

/// `[50, CALL.Request|id, Details|dict, YIELD.Arguments|list, YIELD.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct CallResult {
    /// The call that is answered.
    pub request: RequestId,
    /// The options or details.
    pub details: ResultDetails,
    /// The results.
    pub payload: Payload,
}

options! {
    /// RESULT.Details
    ResultDetails "RESULT" {
        /// Whether further results follow.
        progress: bool,
    } with {
        /// The identity of the callee, if disclosed.
        callee: CalleeIdentity,
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

impl CallResult {
    /// The reference to the call that this answers, for an ERROR instead of it.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Call, self.request)
    }
}

/// `[64, Request|id, Options|dict, Procedure|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// The request id.
    pub request: RequestId,
    /// The options.
    pub options: RegisterOptions,
    /// The procedure or pattern.
    pub procedure: UncheckedUri,
}

options! {
    /// REGISTER.Options
    RegisterOptions "REGISTER" {
        /// The match policy of the procedure.
        match_policy as "match": MatchPolicy,
        /// The policy that chooses one of several callees.
        invoke: OpenEnum<InvokePolicy>,
        /// The maximum number of concurrent calls to this callee.
        concurrency: u64,
        /// Whether existing registrations of the procedure are revoked.
        force_reregister: bool,
        /// Whether every caller is disclosed to the callees.
        disclose_caller (hint): bool,
        /// Whether the callee enforces the timeout of calls itself.
        forward_timeout (hint): bool,
    }
}

impl Register {
    /// The reference to this request in an answer.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Register, self.request)
    }
}

/// `[65, REGISTER.Request|id, Registration|id]`
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The request that is answered.
    pub request: RequestId,
    /// The registration.
    pub registration: RegistrationId,
}

/// `[66, Request|id, REGISTERED.Registration|id]`
#[derive(Debug, Clone, PartialEq)]
pub struct Unregister {
    /// The request id.
    pub request: RequestId,
    /// The registration to end.
    pub registration: RegistrationId,
}

impl Unregister {
    /// The reference to this request in an answer.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Unregister, self.request)
    }
}

/// `[67, UNREGISTER.Request|id]`, or `[67, 0, Details|dict]` if the router revokes the
/// registration.
#[derive(Debug, Clone, PartialEq)]
pub enum Unregistered {
    /// Answers UNREGISTER.
    Answer(RequestId),
    /// The router revoked the registration.
    Revocation(UnregisteredDetails),
}

options! {
    /// UNREGISTERED.Details of a revocation
    UnregisteredDetails "UNREGISTERED" {
        /// The revoked registration.
        registration: RegistrationId,
        /// The reason, as a URI.
        reason: CompactString,
    }
}

/// `[68, Request|id, REGISTERED.Registration|id, Details|dict, CALL.Arguments|list,
/// CALL.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The invocation id, counted for each callee session.
    pub request: InvocationId,
    /// The registration that is called.
    pub registration: RegistrationId,
    /// The options or details.
    pub details: InvocationDetails,
    /// The arguments.
    pub payload: Payload,
}

options! {
    /// INVOCATION.Details
    InvocationDetails "INVOCATION" {
        /// The procedure, if the registration is a pattern.
        procedure: CompactString,
        /// The timeout, if the callee enforces it. In the unit of its session
        /// ([`WelcomeDetails::call_timeout_unit`](super::WelcomeDetails::call_timeout_unit)).
        timeout: u64,
        /// Whether the caller accepts progressive results.
        receive_progress: bool,
        /// Whether further parts of a progressive call follow.
        progress: bool,
        /// The trust level of the call, from 0.
        trustlevel: u64,
    } with {
        /// The identity of the caller, if disclosed.
        caller: CallerIdentity,
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

impl Invocation {
    /// The ERROR that answers this invocation.
    pub fn error(&self, error: &str, payload: Payload) -> InvocationError {
        InvocationError::new(self.request, error, payload)
    }
}

/// `[69, INVOCATION.Request|id, Options|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Interrupt {
    /// The invocation to interrupt.
    pub request: InvocationId,
    /// The options or details.
    pub options: InterruptOptions,
}

options! {
    /// INTERRUPT.Options
    InterruptOptions "INTERRUPT" {
        /// Whether the router still expects an answer.
        mode: CancelMode,
        /// The reason: canceled or timed out.
        reason: CompactString,
    }
}

/// `[70, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Yield {
    /// The invocation that is answered.
    pub request: InvocationId,
    /// The options or details.
    pub options: YieldOptions,
    /// The results.
    pub payload: Payload,
}

options! {
    /// YIELD.Options
    YieldOptions "YIELD" {
        /// Whether further results follow.
        progress: bool,
    } with {
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

/// `[8, 68, INVOCATION.Request|id, Details|dict, Error|uri, Arguments|list, ArgumentsKw|dict]`:
/// an error of a callee.
#[derive(Debug, Clone, PartialEq)]
pub struct InvocationError {
    /// The invocation that failed.
    pub request: InvocationId,
    /// The details.
    pub details: ErrorDetails,
    /// The error URI.
    pub error: UncheckedUri,
    /// The arguments of the error.
    pub payload: Payload,
}

impl InvocationError {
    /// An error without details.
    pub fn new(request: InvocationId, error: impl Into<UncheckedUri>, payload: Payload) -> Self {
        Self { request, details: ErrorDetails::default(), error: error.into(), payload }
    }
}

options! {
    /// ERROR.Details
    ErrorDetails "ERROR" {
    } with {
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

/// `[8, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list,
/// ArgumentsKw|dict]`: an error of the router, or one of a callee that is passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestError {
    /// The request that failed.
    pub request: RequestRef,
    /// The details.
    pub details: ErrorDetails,
    /// The error URI.
    pub error: CompactString,
    /// The arguments of the error.
    pub payload: Payload,
}

impl RequestError {
    /// An error without details.
    pub fn new(request: RequestRef, error: impl Into<CompactString>, payload: Payload) -> Self {
        Self { request, details: ErrorDetails::default(), error: error.into(), payload }
    }
}
