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
    /// The caller's number for this call.
    pub request: RequestId,
    /// How to call.
    pub options: CallOptions,
    /// What to call.
    pub procedure: UncheckedUri,
    /// The arguments.
    pub payload: Payload,
}

options! {
    /// CALL.Options
    CallOptions "CALL" {
        /// How long until the call is given up; 0 for never. In the unit of the session
        /// ([`WelcomeDetails::call_timeout_unit`](super::WelcomeDetails::call_timeout_unit)).
        timeout: u64,
        /// The caller takes results in parts.
        receive_progress: bool,
        /// The call comes in parts and this is not the last.
        progress: bool,
        /// The callee shall know who calls.
        disclose_me (hint): bool,
    } with {
        /// Which of several callees the call is for.
        sharding: Sharding,
        /// What goes with the call.
        passthru: PassthruDetails,
    }
}

impl Call {
    /// The name by which an answer refers to this call.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Call, self.request)
    }
}

/// `[49, CALL.Request|id, Options|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Cancel {
    /// The call to give up.
    pub request: RequestId,
    /// How.
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
    /// The name by which a refusal refers to this request.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Cancel, self.request)
    }
}

/// `[50, CALL.Request|id, Details|dict, YIELD.Arguments|list, YIELD.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct CallResult {
    /// The call that is answered.
    pub request: RequestId,
    /// How.
    pub details: ResultDetails,
    /// The results.
    pub payload: Payload,
}

options! {
    /// RESULT.Details
    ResultDetails "RESULT" {
        /// More results follow.
        progress: bool,
    } with {
        /// Who has answered, if disclosed.
        callee: CalleeIdentity,
        /// What goes with the result.
        passthru: PassthruDetails,
    }
}

impl CallResult {
    /// The name of the call that this answers; for an ERROR in its place.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Call, self.request)
    }
}

/// `[64, Request|id, Options|dict, Procedure|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// The callee's number for this request.
    pub request: RequestId,
    /// How to match and to choose among callees.
    pub options: RegisterOptions,
    /// The procedure or pattern.
    pub procedure: UncheckedUri,
}

options! {
    /// REGISTER.Options
    RegisterOptions "REGISTER" {
        /// How the procedure matches calls.
        match_policy as "match": MatchPolicy,
        /// How one of several callees is chosen.
        invoke: OpenEnum<InvokePolicy>,
        /// How many calls this callee takes at the same time.
        concurrency: u64,
        /// Takes the procedure from whoever has it.
        force_reregister: bool,
        /// Every caller is disclosed to the callees.
        disclose_caller (hint): bool,
        /// The callee watches the time of calls itself.
        forward_timeout (hint): bool,
    }
}

impl Register {
    /// The name by which an answer refers to this request.
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
    /// The callee's number for this request.
    pub request: RequestId,
    /// The registration to end.
    pub registration: RegistrationId,
}

impl Unregister {
    /// The name by which an answer refers to this request.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Unregister, self.request)
    }
}

/// `[67, UNREGISTER.Request|id]`, or `[67, 0, Details|dict]` where the router revokes.
#[derive(Debug, Clone, PartialEq)]
pub enum Unregistered {
    /// The callee asked for it.
    Answer(RequestId),
    /// The router took the registration away.
    Revocation(UnregisteredDetails),
}

options! {
    /// UNREGISTERED.Details of a revocation
    UnregisteredDetails "UNREGISTERED" {
        /// The registration that is gone.
        registration: RegistrationId,
        /// Why.
        reason: CompactString,
    }
}

/// `[68, Request|id, REGISTERED.Registration|id, Details|dict, CALL.Arguments|list,
/// CALL.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The router's number for this invocation, counted for each callee session.
    pub request: InvocationId,
    /// The registration that is called.
    pub registration: RegistrationId,
    /// How.
    pub details: InvocationDetails,
    /// The arguments.
    pub payload: Payload,
}

options! {
    /// INVOCATION.Details
    InvocationDetails "INVOCATION" {
        /// The procedure, where the registration is a pattern.
        procedure: CompactString,
        /// How long the callee has, where it watches the time itself. In the unit of its session
        /// ([`WelcomeDetails::call_timeout_unit`](super::WelcomeDetails::call_timeout_unit)).
        timeout: u64,
        /// The caller takes results in parts.
        receive_progress: bool,
        /// The call comes in parts and this is not the last.
        progress: bool,
        /// How far the router trusts the call, from 0.
        trustlevel: u64,
    } with {
        /// Who calls, if disclosed.
        caller: CallerIdentity,
        /// What goes with the call.
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
    /// The invocation to give up.
    pub request: InvocationId,
    /// How.
    pub options: InterruptOptions,
}

options! {
    /// INTERRUPT.Options
    InterruptOptions "INTERRUPT" {
        /// Whether the router still waits for an answer.
        mode: CancelMode,
        /// Why: canceled, timed out.
        reason: CompactString,
    }
}

/// `[70, INVOCATION.Request|id, Options|dict, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Yield {
    /// The invocation that is answered.
    pub request: InvocationId,
    /// How.
    pub options: YieldOptions,
    /// The results.
    pub payload: Payload,
}

options! {
    /// YIELD.Options
    YieldOptions "YIELD" {
        /// More results follow.
        progress: bool,
    } with {
        /// What goes with the result.
        passthru: PassthruDetails,
    }
}

/// `[8, 68, INVOCATION.Request|id, Details|dict, Error|uri, Arguments|list, ArgumentsKw|dict]`:
/// a callee's failure.
#[derive(Debug, Clone, PartialEq)]
pub struct InvocationError {
    /// The invocation that failed.
    pub request: InvocationId,
    /// About the payload.
    pub details: ErrorDetails,
    /// What went wrong.
    pub error: UncheckedUri,
    /// Explanations.
    pub payload: Payload,
}

impl InvocationError {
    /// A failure with nothing to say about its payload.
    pub fn new(request: InvocationId, error: impl Into<UncheckedUri>, payload: Payload) -> Self {
        Self { request, details: ErrorDetails::default(), error: error.into(), payload }
    }
}

options! {
    /// ERROR.Details
    ErrorDetails "ERROR" {
    } with {
        /// What goes with the error.
        passthru: PassthruDetails,
    }
}

/// `[8, REQUEST.Type|int, REQUEST.Request|id, Details|dict, Error|uri, Arguments|list,
/// ArgumentsKw|dict]`: the router's refusal of a request, or a callee's failure passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestError {
    /// The request that failed.
    pub request: RequestRef,
    /// About the payload.
    pub details: ErrorDetails,
    /// What went wrong.
    pub error: CompactString,
    /// Explanations.
    pub payload: Payload,
}

impl RequestError {
    /// A refusal with nothing to say about its payload.
    pub fn new(request: RequestRef, error: impl Into<CompactString>, payload: Payload) -> Self {
        Self { request, details: ErrorDetails::default(), error: error.into(), payload }
    }
}
