//! Calling: a builder that becomes a future. Dropping the future cancels the call.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let sum: i64 = session.call("com.example.add2").args((2, 3)).await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Results in parts
//!
//! A procedure that works for long may tell how far it has come, and one with much to say may say
//! it part by part (advanced profile, "Progressive Call Results"):
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let mut results = session.call("com.example.count").args((10,)).receive_progress();
//! while let Some(part) = results.next().await? {
//!     println!("at {}", part.value::<u64>()?);
//! }
//! let counted: u64 = results.reply().await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Calls in parts
//!
//! What is too large for one message, or not known yet, is sent part by part ("Progressive Call
//! Invocations"):
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let (mut parts, stored) = session.call("com.example.store").args(("a.txt",)).in_parts();
//! for line in ["once upon", "a time"] {
//!     parts.send((line,)).await?;
//! }
//! parts.finish().await?;
//! let bytes: u64 = stored.await?.value()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`CallBuilder::exchange`] does both: a conversation.
//!
//! # Giving a call up
//!
//! A call that is dropped is canceled. Who wants to know how it ends cancels it and waits on:
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
//!         // The callee is interrupted, and says itself whether it was in time.
//!         call.cancel(CancelMode::Kill);
//!         call.await
//!     }
//! };
//! # Ok(())
//! # }
//! ```

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cloverleaf_wamp::message::{Call, CallOptions, CancelMode, ClientMessage, RunMode};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;

use crate::arguments::{self, Arguments};
use crate::attributes;
use crate::error::Error;
use crate::passthru::Passthru;
use crate::pending::{Answer, Slot};
use crate::sent::{Sent, ended};
use crate::session::Session;

mod part_sender;
mod reply;
mod results;

pub use part_sender::PartSender;
pub use reply::Reply;
pub use results::Results;

/// A call that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is called before the builder is awaited"]
pub struct CallBuilder {
    session: Session,
    procedure: CompactString,
    options: CallOptions,
    /// Becomes an option when the call is sent: only then its unit is known.
    timeout: Option<Duration>,
    payload: Arguments,
}

impl CallBuilder {
    pub(crate) fn new(session: Session, procedure: CompactString) -> Self {
        let payload = Ok(Payload::EMPTY);
        Self { session, procedure, options: CallOptions::default(), timeout: None, payload }
    }

    /// Positional arguments: a tuple, an array or a `Vec`.
    pub fn args(mut self, args: impl Serialize) -> Self {
        self.payload = self.payload.and_then(|_| arguments::args(&self.session, &args));
        self
    }

    /// Positional and keyword arguments; the latter a struct or a map.
    pub fn args_and_kwargs(mut self, args: impl Serialize, kwargs: impl Serialize) -> Self {
        self.payload =
            self.payload.and_then(|_| arguments::args_and_kwargs(&self.session, &args, &kwargs));
        self
    }

    /// Arguments that are encoded already.
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = self.payload.map(|_| payload);
        self
    }

    /// Arguments that only the callee can read, in the place of others.
    pub fn passthru(mut self, passthru: Passthru) -> Self {
        let Self { session, options, payload, .. } = &mut self;
        if payload.is_ok() {
            let format = session.shared().serializer;
            *payload = passthru.into_message(format, &mut options.passthru).map_err(Error::from);
        }
        self
    }

    /// The router gives the call up after so long. With a result in parts it is the time to the
    /// next part.
    ///
    /// The time is sent in the unit of the session ([`Session::call_timeout_unit`]): whole
    /// milliseconds, at least one, or seconds, to which it is rounded up.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The callee shall know who calls.
    pub fn disclose_me(mut self) -> Self {
        self.options.disclose_me = Some(true);
        self
    }

    /// What the call is about: of several callees with [`InvokePolicy::Hash`], calls about the same
    /// thing go to the same one.
    ///
    /// [`InvokePolicy::Hash`]: crate::InvokePolicy::Hash
    pub fn rkey(mut self, rkey: impl Into<CompactString>) -> Self {
        self.options.sharding.get_or_insert_default().rkey = Some(rkey.into());
        self
    }

    /// Whether the call goes to all callees, whose answers are collected, or to the one that its
    /// [`rkey`](Self::rkey) belongs to.
    pub fn runmode(mut self, runmode: RunMode) -> Self {
        self.options.sharding.get_or_insert_default().runmode = Some(runmode.into());
        self
    }

    /// A custom attribute, such as `_trace`, that goes to the callee beside the arguments.
    pub fn attribute(mut self, key: &str, value: impl Serialize) -> Self {
        let (format, passthru) = (self.session.shared().serializer, &mut self.options.passthru);
        if let Err(fault) = attributes::insert(passthru, format, key, &value) {
            self.payload = self.payload.and(Err(fault.into()));
        }
        self
    }

    /// All options at once. `receive_progress` and `progress` are as the call is made; `timeout` is
    /// sent as it is, in whatever unit the router counts.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self.timeout = None;
        self
    }

    /// Makes the call at once.
    pub fn send(mut self) -> Calling {
        (self.options.receive_progress, self.options.progress) = (None, None);
        self.make()
    }

    /// Makes the call at once, and takes its result in parts.
    pub fn receive_progress(mut self) -> Results {
        (self.options.receive_progress, self.options.progress) = (Some(true), None);
        Results::new(self.make())
    }

    /// Makes the first part of the call at once, with the arguments so far; the others follow.
    pub fn in_parts(mut self) -> (PartSender, Calling) {
        (self.options.receive_progress, self.options.progress) = (None, Some(true));
        self.make_first_part()
    }

    /// Makes the first part of the call at once, and takes its result in parts too.
    pub fn exchange(mut self) -> (PartSender, Results) {
        (self.options.receive_progress, self.options.progress) = (Some(true), Some(true));
        let (parts, calling) = self.make_first_part();
        (parts, Results::new(calling))
    }

    fn make_first_part(self) -> (PartSender, Calling) {
        let (session, procedure) = (self.session.clone(), self.procedure.clone());
        let calling = self.make();
        (PartSender::new(session, procedure, calling.sent.unanswered()), calling)
    }

    fn make(self) -> Calling {
        let Self { session, procedure, mut options, timeout, payload } = self;
        let sent = payload.and_then(|payload| {
            session.request(Slot::of_call(&options), |request| {
                if let Some(timeout) = timeout {
                    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
                    options.timeout = Some(session.call_timeout_unit().from_millis(millis));
                }
                ClientMessage::Call(Call { request, options, procedure: procedure.into(), payload })
            })
        });
        Calling { session, sent: sent.into() }
    }
}

impl IntoFuture for CallBuilder {
    type Output = Result<Reply, Error>;
    type IntoFuture = Calling;

    fn into_future(self) -> Calling {
        self.send()
    }
}

/// A call in flight. Dropped before it has ended, it is canceled (`killnowait`).
#[derive(Debug)]
#[must_use = "dropping a call cancels it"]
pub struct Calling {
    session: Session,
    sent: Sent,
}

impl Calling {
    /// Asks for the call to be given up. How it ends this future says, as always: with `kill` as
    /// the callee answers, with `skip` (the callee is left alone) and `killnowait` with
    /// `wamp.error.canceled` at once.
    pub fn cancel(&self, mode: CancelMode) {
        if let Some(ticket) = self.sent.unanswered() {
            self.session.ask_to_cancel(ticket, mode);
        }
    }
}

impl Future for Calling {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            Answer::Reply(reply) => Ok(reply),
            Answer::Number(_) => Err(ended()),
        })
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(ticket) = self.sent.unanswered() {
            self.session.cancel(ticket, CancelMode::KillNoWait);
        }
    }
}
