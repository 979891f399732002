//! A procedure's parameter for the further arguments of a progressive call.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::payload::Payload;
use futures_util::stream::Stream;
use serde::de::DeserializeOwned;

use super::invocation::{FromInvocation, Invocation};
use crate::error::Failure;
use crate::progressive_invocation::{InvocationOver, ProgressiveInvocation};

/// The parts of a progressive call that follow the first; also a [`Stream`]. A parameter of a
/// procedure; see the [module](crate::procedure).
///
/// The first part's arguments are those of the procedure. There are no further parts if the call is
/// not progressive. An empty last part only marks the end and is not returned.
///
/// Bounded: parts wait for the procedure and are never dropped one by one. If 4,096 parts or 16 MiB
/// wait and more arrive, the call fails with `wamp.error.unavailable` and the procedure's future is
/// dropped.
#[derive(Debug)]
pub struct ProgressiveArgs {
    /// None after the last part.
    invocation: Option<ProgressiveInvocation>,
}

impl ProgressiveArgs {
    /// The next part of the call; none after the last one.
    ///
    /// # Errors
    /// `wamp.error.canceled` when the call was canceled before its last part. The procedure's own
    /// future is dropped then, so only another task or thread sees this error.
    pub async fn next(&mut self) -> Result<Option<CallPart>, Failure> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Option<CallPart>, Failure>> {
        let Some(invocation) = &self.invocation else { return Poll::Ready(Ok(None)) };
        invocation.poll_args(context).map(|args| match args {
            Ok(Some(payload)) => Ok(Some(CallPart(payload))),
            Ok(None) => {
                self.invocation = None;
                Ok(None)
            }
            Err(InvocationOver) => {
                self.invocation = None;
                Err(Failure::canceled("the call was given up before its last part"))
            }
        })
    }
}

impl Stream for ProgressiveArgs {
    type Item = Result<CallPart, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context).map(Result::transpose)
    }
}

impl FromInvocation for ProgressiveArgs {
    fn from_invocation(invocation: &mut Invocation) -> Result<Self, Failure> {
        let is_progressive = std::mem::take(&mut invocation.is_progressive_call);
        let guard = invocation.guard.as_ref().filter(|_| is_progressive);
        Ok(Self { invocation: guard.map(|guard| guard.0.clone()) })
    }
}

/// One part of a progressive call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPart(Payload);

impl CallPart {
    /// The positional arguments: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// `wamp.error.invalid_argument` when the arguments have other types. In a procedure, `?`
    /// returns that error to the caller.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.0.decode_args().map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// The keyword arguments: a struct or a map.
    ///
    /// # Errors
    /// As [`args`](Self::args).
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.0.decode_kwargs().map_err(|error| Failure::invalid_argument(&error.to_string()))
    }

    /// The arguments as they were received, not decoded.
    pub const fn payload(&self) -> &Payload {
        &self.0
    }
}
