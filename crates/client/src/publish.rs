//! Publishing: a builder that becomes a future.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{ClientMessage, Publish, PublishOptions, RequestKind};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;

use crate::arguments::{self, Arguments};
use crate::error::Error;
use crate::sent::Acknowledging;
use crate::session::Session;

/// A publication that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is published before the builder is awaited"]
pub struct PublishBuilder {
    session: Session,
    topic: CompactString,
    options: PublishOptions,
    payload: Arguments,
}

impl PublishBuilder {
    pub(crate) fn new(session: Session, topic: CompactString) -> Self {
        let options = PublishOptions { acknowledge: Some(true), ..PublishOptions::default() };
        Self { session, topic, options, payload: Ok(Payload::EMPTY) }
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

    /// Whether this session hears its own event; it does not unless told so.
    pub fn exclude_me(mut self, exclude: bool) -> Self {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Black and white lists and whatever else a publication can say; `acknowledge` stays true.
    pub fn options(mut self, options: PublishOptions) -> Self {
        self.options = PublishOptions { acknowledge: Some(true), ..options };
        self
    }

    /// Publishes without waiting for anything: nobody learns whether it was allowed.
    pub fn send_unacknowledged(mut self) -> Result<(), Error> {
        self.options.acknowledge = None;
        let Self { session, topic, options, payload } = self;
        let payload = payload?;
        session.notify(|request| {
            let options = Box::new(options);
            ClientMessage::Publish(Publish { request, options, topic: topic.into(), payload })
        })
    }

    /// Publishes at once.
    pub fn send(self) -> Publishing {
        let Self { session, topic, options, payload } = self;
        let sent = payload.and_then(|payload| {
            session.request(RequestKind::Publish, None, |request| {
                let options = Box::new(options);
                ClientMessage::Publish(Publish { request, options, topic: topic.into(), payload })
            })
        });
        Publishing(Acknowledging::new(session, sent))
    }
}

impl IntoFuture for PublishBuilder {
    type Output = Result<PublicationId, Error>;
    type IntoFuture = Publishing;

    fn into_future(self) -> Publishing {
        self.send()
    }
}

/// A publication on its way to its acknowledgement. Dropped before, it is published all the same.
#[derive(Debug)]
#[must_use = "without its acknowledgement nobody learns whether a publication was allowed"]
pub struct Publishing(Acknowledging);

impl Future for Publishing {
    type Output = Result<PublicationId, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|number| {
            PublicationId::new(number?).ok_or_else(|| Error::Closed("senseless PUBLISHED".into()))
        })
    }
}
