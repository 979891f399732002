//! Calls: a builder that becomes a future. Dropping the future cancels the call.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let sum: i64 = session.call("com.example.add2").args((2, 3)).await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Progressive results
//!
//! A procedure can send intermediate results before the final one, such as its progress or the rows
//! of a long list (advanced profile, "Progressive Call Results"):
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let mut results = session.call("com.example.count").args((10,)).receive_progress();
//! while let Some(result) = results.next().await? {
//!     println!("at {}", result.value::<u64>()?);
//! }
//! let counted: u64 = results.reply().await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Progressive calls
//!
//! Arguments that are too large for one message, or not complete yet, can be sent in several parts
//! (advanced profile, "Progressive Call Invocations"):
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let (mut upload, stored) = session.call("com.example.store").args(("a.txt",)).progressive();
//! for line in ["once upon", "a time"] {
//!     upload.send((line,)).await?;
//! }
//! upload.finish().await?;
//! let bytes: u64 = stored.await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`CallBuilder::bidirectional`] combines both.
//!
//! # Cancellation
//!
//! Dropping the future cancels the call. To learn the outcome, cancel explicitly and keep the
//! future:
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! # async fn stop_button() {}
//! use std::pin::pin;
//! use cloverleaf_client::CancelMode;
//! use futures_util::future::{Either, select};
//!
//! let call = session.call("com.example.transfer").send();
//! let outcome = match select(call, pin!(stop_button())).await {
//!     Either::Left((outcome, _)) => outcome,
//!     Either::Right(((), call)) => {
//!         // The callee is interrupted; its answer says whether the transfer was completed.
//!         call.cancel(CancelMode::Kill);
//!         call.await
//!     }
//! };
//! # Ok(())
//! # }
//! ```

use std::future::IntoFuture;
use std::time::Duration;

use cloverleaf_wamp::message::{Call, CallOptions, ClientMessage, RunMode};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;

use crate::arguments::{EncodedArgs, argument_methods};
use crate::error::Error;
use crate::pending::PendingRequest;
use crate::session::Session;

mod call_future;
mod progressive_call;
mod progressive_results;

pub use crate::reply::Reply;
pub use call_future::CallFuture;
pub use progressive_call::ProgressiveCall;
pub use progressive_results::ProgressiveResults;

impl Session {
    /// Calls a procedure: `session.call("com.example.add2").args((2, 3)).await?.value::<i64>()?`.
    pub fn call(&self, procedure: impl Into<CompactString>) -> CallBuilder {
        CallBuilder::new(self.clone(), procedure.into())
    }
}

/// A call that has not been sent. `.await` sends it and waits for the final result.
#[derive(Debug)]
#[must_use = "nothing is called before the builder is awaited"]
pub struct CallBuilder {
    session: Session,
    procedure: CompactString,
    options: CallOptions,
    /// Converted to an option when the call is sent: the unit may change until then.
    timeout: Option<Duration>,
    payload: EncodedArgs,
}

argument_methods!(CallBuilder, "the callee");

impl CallBuilder {
    fn new(session: Session, procedure: CompactString) -> Self {
        let payload = Ok(Payload::EMPTY);
        Self { session, procedure, options: CallOptions::default(), timeout: None, payload }
    }

    /// The timeout after which the router cancels the call. With progressive results it applies to
    /// the time until the next result.
    ///
    /// The value is sent in the session's unit ([`Session::call_timeout_unit`]): in whole
    /// milliseconds, at least one, or in seconds, rounded up.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Asks the router to disclose this session's identity to the callee. Spec: advanced profile
    /// "Caller Identification".
    pub fn disclose_me(mut self) -> Self {
        self.options.disclose_me = Some(true);
        self
    }

    /// The routing key: with [`InvokePolicy::Hash`], calls with the same key go to the same callee.
    ///
    /// [`InvokePolicy::Hash`]: crate::InvokePolicy::Hash
    pub fn rkey(mut self, rkey: impl Into<CompactString>) -> Self {
        self.options.sharding.get_or_insert_default().rkey = Some(rkey.into());
        self
    }

    /// Whether the call goes to all callees, whose results are collected, or to the one that its
    /// [`rkey`](Self::rkey) selects. Spec: advanced profile "Sharded Registration".
    pub fn runmode(mut self, runmode: RunMode) -> Self {
        self.options.sharding.get_or_insert_default().runmode = Some(runmode.into());
        self
    }

    /// Replaces all options.
    ///
    /// `receive_progress` and `progress` are ignored: the method that sends the call sets them.
    /// `timeout` is sent as it is, in the router's unit.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self.timeout = None;
        self
    }

    /// Sends the call at once.
    pub fn send(mut self) -> CallFuture {
        (self.options.receive_progress, self.options.progress) = (None, None);
        self.make()
    }

    /// Sends the call at once and asks for progressive results.
    pub fn receive_progress(mut self) -> ProgressiveResults {
        (self.options.receive_progress, self.options.progress) = (Some(true), None);
        ProgressiveResults::new(self.make())
    }

    /// Sends the first part of a progressive call at once, with the arguments of the builder. The
    /// [`ProgressiveCall`] sends the further parts.
    pub fn progressive(mut self) -> (ProgressiveCall, CallFuture) {
        (self.options.receive_progress, self.options.progress) = (None, Some(true));
        self.make_first_part()
    }

    /// Sends the first part of a progressive call at once and asks for progressive results.
    pub fn bidirectional(mut self) -> (ProgressiveCall, ProgressiveResults) {
        (self.options.receive_progress, self.options.progress) = (Some(true), Some(true));
        let (parts, call) = self.make_first_part();
        (parts, ProgressiveResults::new(call))
    }

    fn make_first_part(self) -> (ProgressiveCall, CallFuture) {
        let (session, procedure) = (self.session.clone(), self.procedure.clone());
        let call = self.make();
        (ProgressiveCall::new(session, procedure, call.sent.unanswered()), call)
    }

    fn make(self) -> CallFuture {
        let Self { session, procedure, mut options, timeout, payload } = self;
        let sent = payload.and_then(|payload| {
            session.request(PendingRequest::of_call(&options), |request| {
                if let Some(timeout) = timeout {
                    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
                    options.timeout = Some(session.call_timeout_unit().from_millis(millis));
                }
                ClientMessage::Call(Call { request, options, procedure: procedure.into(), payload })
            })
        });
        CallFuture { session, sent: sent.into() }
    }
}

impl IntoFuture for CallBuilder {
    type Output = Result<Reply, Error>;
    type IntoFuture = CallFuture;

    fn into_future(self) -> CallFuture {
        self.send()
    }
}
