//! From a closure over serde types to a procedure.
//!
//! A procedure takes up to five of [`Args`], [`Kwargs`], [`Invocation`], [`Progress`] and
//! [`ProgressiveArgs`] and returns a future of `Result<T, Failure>`, where `T` is a serde value
//! (the one positional result) or an [`Answer`].
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
//! [`Progress`] sends them, where the caller takes them (advanced profile, "Progressive Call
//! Results"):
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
//! # Calls in parts
//!
//! The arguments are those of the first part; [`ProgressiveArgs`] are the others ("Progressive Call
//! Invocations"). A procedure without it refuses calls in parts with
//! `wamp.error.feature_not_supported`, since it would take a part for the whole.
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
//! # Being interrupted
//!
//! When the call is given up, the future of the procedure is dropped where it waits, with
//! everything in it: whoever has to clean up does it in a `Drop`. What runs in a thread of its own
//! finds that nobody waits any more by [`Progress::is_over`], and each [`Progress::try_send`]
//! fails:
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

use crate::error::Failure;

mod answer;
mod invocation;
mod progress;
mod progressive_args;

pub use answer::{Answer, IntoAnswer};
pub use invocation::{Args, FromInvocation, Invocation, Kwargs};
pub use progress::Progress;
pub use progressive_args::{CallPart, ProgressiveArgs};

/// The future of a procedure that runs.
pub type ProcedureFuture = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// Anything that can be registered: see the [module](self).
pub trait Procedure<Marker>: Send + Sync + 'static {
    /// Starts the procedure.
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
                let lifetime = match invocation.into_lifetime() {
                    Ok(lifetime) => lifetime,
                    Err(failure) => return Box::pin(std::future::ready(Err(failure))),
                };
                let running = self($($parameter),*);
                Box::pin(async move {
                    let _lifetime = lifetime;
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

/// A procedure whose type is forgotten, shared by its registration and its invocations.
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
