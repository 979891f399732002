//! Procedures: functions and closures over serde types.
//!
//! A procedure takes up to five of [`Args`], [`Kwargs`], [`Invocation`], [`Progress`] and
//! [`ProgressiveArgs`]. It returns a future of `Result<T, Failure>`, where `T` is a serde value
//! (the only positional result) or an [`Answer`].
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
//!
//! # Progressive results
//!
//! [`Progress`] sends progressive results, if the caller asked for them (advanced profile,
//! "Progressive Call Results"):
//!
//! ```
//! # use cloverleaf_client::{Args, Failure, Procedure};
//! use cloverleaf_client::Progress;
//!
//! async fn count(Args((to,)): Args<(u64,)>, progress: Progress) -> Result<u64, Failure> {
//!     for number in 1..to {
//!         progress.send(number).await?;
//!     }
//!     Ok(to)
//! }
//! # fn takes_a_procedure<M>(_: impl Procedure<M>) {}
//! # takes_a_procedure(count);
//! ```
//!
//! # Progressive calls
//!
//! [`Args`] and [`Kwargs`] contain the arguments of the first part, [`ProgressiveArgs`] returns the
//! further parts (advanced profile, "Progressive Call Invocations"). A procedure without this
//! parameter refuses progressive calls with `wamp.error.feature_not_supported`: it would mistake
//! the first part for the whole call.
//!
//! ```
//! # use cloverleaf_client::{Args, Failure, Procedure};
//! use cloverleaf_client::ProgressiveArgs;
//!
//! async fn store(
//!     Args((name,)): Args<(String,)>,
//!     mut parts: ProgressiveArgs,
//! ) -> Result<usize, Failure> {
//!     let mut text = String::new();
//!     while let Some(part) = parts.next().await? {
//!         let (line,): (String,) = part.args()?;
//!         text.push_str(&line);
//!     }
//!     println!("{name}: {text}");
//!     Ok(text.len())
//! }
//! # fn takes_a_procedure<M>(_: impl Procedure<M>) {}
//! # takes_a_procedure(store);
//! ```
//!
//! # Cancellation
//!
//! When a call is canceled, the future of its procedure is dropped at its current `.await`, with
//! everything in it. A procedure cleans up in the `Drop` of a local value. Work that runs in a
//! thread of its own checks [`Progress::is_over`]; [`Progress::try_send`] fails then, too:
//!
//! ```no_run
//! # use cloverleaf_client::{Failure, Procedure};
//! use cloverleaf_client::Progress;
//!
//! async fn compute(progress: Progress) -> Result<u64, Failure> {
//!     let computing = tokio::task::spawn_blocking(move || {
//!         let mut sum = 0;
//!         for step in 0..1_000_000 {
//!             sum += step;
//!             progress.try_send(step)?;
//!         }
//!         Ok(sum)
//!     });
//!     computing.await?
//! }
//! # fn takes_a_procedure<M>(_: impl Procedure<M>) {}
//! # takes_a_procedure(compute);
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::answer::{Answer, IntoAnswer};
use crate::error::Failure;

mod invocation;
mod progress;
mod progressive_args;

pub use invocation::{Args, FromInvocation, Invocation, Kwargs};
pub use progress::Progress;
pub use progressive_args::{CallPart, ProgressiveArgs};

/// The future of a running procedure.
pub type ProcedureFuture = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// A function or closure that can be registered; see the [module](self) for its form.
///
/// `Marker` distinguishes the implementations for different numbers of parameters.
pub trait Procedure<Marker>: Send + Sync + 'static {
    /// Reads the parameters and starts the procedure.
    fn invoke(&self, invocation: Invocation) -> ProcedureFuture;
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
            fn invoke(&self, mut invocation: Invocation) -> ProcedureFuture {
                let serializer = invocation.serializer();
                $(
                    let $parameter = match $parameter::from_invocation(&mut invocation) {
                        Ok(value) => value,
                        Err(failure) => return Box::pin(std::future::ready(Err(failure))),
                    };
                )*
                let guard = match invocation.into_guard() {
                    Ok(guard) => guard,
                    Err(failure) => return Box::pin(std::future::ready(Err(failure))),
                };
                let running = self($($parameter),*);
                Box::pin(async move {
                    let _guard = guard;
                    running.await?.into_answer(serializer)
                })
            }
        }
    };
}

procedure!();
procedure!(A);
procedure!(A, B);
procedure!(A, B, C);
procedure!(A, B, C, D);
procedure!(A, B, C, D, E);

/// A type-erased procedure, shared by its registration and its invocations.
#[derive(Clone)]
pub(crate) struct SharedProcedure(Arc<dyn Fn(Invocation) -> ProcedureFuture + Send + Sync>);

impl SharedProcedure {
    pub(crate) fn new<M>(procedure: impl Procedure<M>) -> Self {
        Self(Arc::new(move |invocation| procedure.invoke(invocation)))
    }

    pub(crate) fn invoke(&self, invocation: Invocation) -> ProcedureFuture {
        (self.0)(invocation)
    }
}

impl fmt::Debug for SharedProcedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Procedure")
    }
}
