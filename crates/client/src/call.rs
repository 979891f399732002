//! Calling: a builder that becomes a future. Dropping the future cancels the call.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cloverleaf_wamp::message::{Call, CallOptions, CancelMode, ClientMessage, RequestKind};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arguments::{self, Arguments};
use crate::error::Error;
use crate::pending::Answer;
use crate::sent::{Sent, ended};
use crate::session::Session;

/// A call that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is called before the builder is awaited"]
pub struct CallBuilder {
    session: Session,
    procedure: CompactString,
    options: CallOptions,
    payload: Arguments,
}

impl CallBuilder {
    pub(crate) fn new(session: Session, procedure: CompactString) -> Self {
        let payload = Ok(Payload::EMPTY);
        Self { session, procedure, options: CallOptions::default(), payload }
    }

    /// Positional arguments: a tuple, an array or a `Vec`.
    pub fn args(mut self, args: impl Serialize) -> Self {
        self.payload = arguments::args(&self.session, &args);
        self
    }

    /// Positional and keyword arguments; the latter a struct or a map.
    pub fn args_and_kwargs(mut self, args: impl Serialize, kwargs: impl Serialize) -> Self {
        self.payload = arguments::args_and_kwargs(&self.session, &args, &kwargs);
        self
    }

    /// Arguments that are encoded already.
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = Ok(payload);
        self
    }

    /// The router gives the call up after so long; rounded to milliseconds, at least one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.options.timeout = Some(millis.max(1));
        self
    }

    /// The callee shall know who calls.
    pub fn disclose_me(mut self) -> Self {
        self.options.disclose_me = Some(true);
        self
    }

    /// Makes the call at once.
    pub fn send(self) -> Calling {
        let Self { session, procedure, options, payload } = self;
        let sent = payload.and_then(|payload| {
            session.request(RequestKind::Call, None, |request| {
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

impl Future for Calling {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            Answer::Payload(payload) => Ok(Reply { payload }),
            Answer::Number(_) => Err(ended()),
        })
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(request) = self.sent.unanswered() {
            self.session.cancel(request, CancelMode::KillNoWait);
        }
    }
}

/// What a procedure returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    payload: Payload,
}

impl Reply {
    /// The one positional result.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let (value,) = self.payload.decode_args()?;
        Ok(value)
    }

    /// All positional results: a tuple, an array or a `Vec`.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_args()?)
    }

    /// The keyword results: a struct or a map.
    pub fn kwargs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(self.payload.decode_kwargs()?)
    }

    /// The results as they came.
    pub fn into_payload(self) -> Payload {
        self.payload
    }
}
