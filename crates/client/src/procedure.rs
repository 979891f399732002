//! From a closure over serde types to a procedure.
//!
//! A procedure takes up to three of [`Args`], [`Kwargs`] and [`Invocation`] and returns a future of
//! `Result<T, Failure>`, where `T` is a serde value (the one positional result) or an [`Answer`].
//!
//! ```
//! use cloverleaf_client::{Args, Failure, Procedure};
//!
//! async fn add(Args((a, b)): Args<(i64, i64)>) -> Result<i64, Failure> {
//!     a.checked_add(b).ok_or_else(|| Failure::invalid_argument("the sum is too large"))
//! }
//! fn takes_a_procedure<M>(_: impl Procedure<M>) {}
//! takes_a_procedure(add);
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cloverleaf_wamp::ids::{InvocationId, SessionId};
use cloverleaf_wamp::message::InvocationDetails;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Failure;

/// A call as the callee sees it.
#[derive(Debug)]
pub struct Invocation {
    pub(crate) request: InvocationId,
    pub(crate) serializer: Serializer,
    /// The procedure (where the registration is a pattern), the caller (where disclosed) and more.
    pub details: InvocationDetails,
    /// The arguments.
    pub payload: Payload,
}

impl Invocation {
    /// The procedure that was called, where the registration is a pattern.
    pub fn procedure(&self) -> Option<&str> {
        self.details.procedure.as_deref()
    }

    /// The caller's session, where it is disclosed.
    pub fn caller(&self) -> Option<SessionId> {
        self.details.caller.as_ref().and_then(|caller| caller.caller)
    }
}

/// The positional arguments as a tuple, an array or a `Vec`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<T>(pub T);

/// The keyword arguments as a struct or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kwargs<T>(pub T);

/// A result with several positional values or with keywords.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer(Payload);

impl Answer {
    /// Several positional results (a tuple, an array or a `Vec`).
    pub fn args<A: Serialize>(args: &A) -> Result<Self, Failure> {
        Ok(Self(Payload::from_args(Serializer::Json, args)?))
    }

    /// Positional and keyword results.
    pub fn args_and_kwargs<A: Serialize, K: Serialize>(
        args: &A,
        kwargs: &K,
    ) -> Result<Self, Failure> {
        Ok(Self(Payload::from_args_and_kwargs(Serializer::Json, args, kwargs)?))
    }

    /// A payload as it is.
    pub const fn payload(payload: Payload) -> Self {
        Self(payload)
    }
}

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
            request: invocation.request,
            serializer: invocation.serializer,
            details: std::mem::take(&mut invocation.details),
            payload: std::mem::take(&mut invocation.payload),
        })
    }
}

/// What a procedure may return on success.
pub trait IntoAnswer {
    /// The results as arguments, written in the session's format.
    fn into_answer(self, serializer: Serializer) -> Result<Payload, Failure>;
}

impl IntoAnswer for Answer {
    fn into_answer(self, _: Serializer) -> Result<Payload, Failure> {
        Ok(self.0)
    }
}

impl<T: Serialize> IntoAnswer for T {
    fn into_answer(self, serializer: Serializer) -> Result<Payload, Failure> {
        Ok(Payload::from_args(serializer, &(self,))?)
    }
}

/// The future of a procedure that runs.
pub type Running = Pin<Box<dyn Future<Output = Result<Payload, Failure>> + Send>>;

/// Anything that can be registered: see the [module](self).
pub trait Procedure<Marker>: Send + Sync + 'static {
    /// Starts the procedure.
    fn invoke(&self, invocation: Invocation) -> Running;
}

macro_rules! procedure {
    ($($parameter:ident),*) => {
        impl<F, Fut, Out, $($parameter),*> Procedure<(Fut, Out, $($parameter,)*)> for F
        where
            F: Fn($($parameter),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Out, Failure>> + Send + 'static,
            Out: IntoAnswer,
            $($parameter: FromInvocation,)*
        {
            #[allow(non_snake_case, unused_mut, reason = "the macro names values by their types")]
            fn invoke(&self, mut invocation: Invocation) -> Running {
                let serializer = invocation.serializer;
                $(
                    let $parameter = match $parameter::from_invocation(&mut invocation) {
                        Ok(value) => value,
                        Err(failure) => return Box::pin(std::future::ready(Err(failure))),
                    };
                )*
                let running = self($($parameter),*);
                Box::pin(async move { running.await?.into_answer(serializer) })
            }
        }
    };
}

procedure!();
procedure!(A);
procedure!(A, B);
procedure!(A, B, C);

/// A procedure whose type is forgotten, shared by its registration and its invocations.
#[derive(Clone)]
pub(crate) struct SharedProcedure(Arc<dyn Fn(Invocation) -> Running + Send + Sync>);

impl SharedProcedure {
    pub(crate) fn new<M>(procedure: impl Procedure<M>) -> Self {
        Self(Arc::new(move |invocation| procedure.invoke(invocation)))
    }

    pub(crate) fn invoke(&self, invocation: Invocation) -> Running {
        (self.0)(invocation)
    }
}

impl fmt::Debug for SharedProcedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Procedure")
    }
}
