//! Taking a call in parts.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::payload::Payload;
use futures_util::stream::Stream;
use serde::de::DeserializeOwned;

use super::{FromInvocation, Invocation};
use crate::error::Failure;
use crate::progressive_invocation::{InvocationOver, ProgressiveInvocation};

/// The parts of a call that follow the first, whose arguments are those of the procedure; also a
/// [`Stream`]. None follow when the call does not come in parts, and a last one without arguments
/// is no more than the end. A parameter of a procedure; see the [module](crate::procedure).
///
/// Bounded: the parts wait for the procedure, and are never lost one by one. A call of which 4,096
/// parts or 16 MiB wait and more come fails with `wamp.error.unavailable`, and its procedure is
/// given up.
#[derive(Debug)]
pub struct ProgressiveArgs {
    /// None when there are no more.
    exchange: Option<ProgressiveInvocation>,
}

impl ProgressiveArgs {
    /// The next part; none behind the last.
    ///
    /// # Errors
    /// When the call was given up before its last part came. Only who has taken the parts out of
    /// their procedure sees that, which is given up too.
    pub async fn next(&mut self) -> Result<Option<CallPart>, Failure> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Option<CallPart>, Failure>> {
        let Some(exchange) = &self.exchange else { return Poll::Ready(Ok(None)) };
        exchange.poll_part(context).map(|part| match part {
            Ok(Some(payload)) => Ok(Some(CallPart(payload))),
            Ok(None) => {
                self.exchange = None;
                Ok(None)
            }
            Err(InvocationOver) => {
                self.exchange = None;
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
        let is_part = std::mem::take(&mut invocation.is_part);
        let lifetime = invocation.lifetime.as_ref().filter(|_| is_part);
        Ok(Self { exchange: lifetime.map(|lifetime| lifetime.0.clone()) })
    }
}

/// A further part of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallPart(Payload);

impl CallPart {
    /// The positional arguments: a tuple, an array or a `Vec`.
    ///
    /// # Errors
    /// When they are of another shape, which is the caller's fault; in a procedure `?` says so.
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

    /// The arguments as they came.
    pub const fn payload(&self) -> &Payload {
        &self.0
    }
}
