//! Publishing: a builder that becomes a future.

use std::future::IntoFuture;

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{ClientMessage, Publish, PublishOptions, RequestKind};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;

use crate::arguments::{self, Arguments};
use crate::error::Error;
use crate::session::{BoxFuture, Session};

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

    async fn publish(self) -> Result<PublicationId, Error> {
        let Self { session, topic, options, payload } = self;
        let payload = payload?;
        let number = session
            .acknowledged(RequestKind::Publish, None, |request| {
                let options = Box::new(options);
                ClientMessage::Publish(Publish { request, options, topic: topic.into(), payload })
            })
            .await?;
        PublicationId::new(number).ok_or_else(|| Error::Closed("senseless PUBLISHED".into()))
    }
}

impl IntoFuture for PublishBuilder {
    type Output = Result<PublicationId, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.publish())
    }
}
