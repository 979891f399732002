//! Publishing: a builder that becomes a future.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! use std::time::Duration;
//!
//! // The last one is kept for an hour, for whoever subscribes then.
//! let temperature = session.publish("com.example.temperature").args((21.5,));
//! temperature.retain().ttl(Duration::from_secs(3600)).await?;
//!
//! // Done when every doctor's application has it.
//! let alarm = session.publish("com.example.alarm").args(("ward 7",));
//! alarm.eligible_authrole(["doctor"]).acknowledged_delivery().await?;
//! # Ok(())
//! # }
//! ```

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cloverleaf_wamp::ids::{PublicationId, SessionId};
use cloverleaf_wamp::message::{ClientMessage, Publish, PublishOptions, RequestKind};
use cloverleaf_wamp::payload::Payload;
use compact_str::CompactString;
use serde::Serialize;

use crate::arguments::{self, Arguments};
use crate::attributes;
use crate::error::Error;
use crate::passthru::Passthru;
use crate::pending::Slot;
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

    /// Arguments that only the subscribers can read, in the place of others.
    pub fn passthru(mut self, passthru: Passthru) -> Self {
        let Self { session, options, payload, .. } = &mut self;
        if payload.is_ok() {
            let format = session.shared().serializer;
            *payload = passthru.into_message(format, &mut options.passthru).map_err(Error::from);
        }
        self
    }

    /// Whether this session hears its own event; it does not unless told so.
    pub fn exclude_me(mut self, exclude: bool) -> Self {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Only these sessions hear the event, as far as they subscribe.
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.eligible = Some(sessions.into_iter().collect());
        self
    }

    /// Only sessions with these authids hear it.
    pub fn eligible_authid(
        mut self,
        authids: impl IntoIterator<Item: Into<CompactString>>,
    ) -> Self {
        self.options.eligible_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Only sessions with these roles hear it.
    pub fn eligible_authrole(
        mut self,
        roles: impl IntoIterator<Item: Into<CompactString>>,
    ) -> Self {
        self.options.eligible_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// These sessions don't hear it.
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.exclude = Some(sessions.into_iter().collect());
        self
    }

    /// Sessions with these authids don't hear it.
    pub fn exclude_authid(mut self, authids: impl IntoIterator<Item: Into<CompactString>>) -> Self {
        self.options.exclude_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Sessions with these roles don't hear it.
    pub fn exclude_authrole(mut self, roles: impl IntoIterator<Item: Into<CompactString>>) -> Self {
        self.options.exclude_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Subscribers shall know who publishes.
    pub fn disclose_me(mut self) -> Self {
        self.options.disclose_me = Some(true);
        self
    }

    /// The router keeps the event for those who subscribe later and
    /// [want it](crate::subscribe::SubscribeBuilder::get_retained), until the next one is kept. One
    /// without arguments is not kept and ends what was.
    pub fn retain(mut self) -> Self {
        self.options.retain = Some(true);
        self
    }

    /// How long the event is kept; rounded to milliseconds, at least one.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.options.ttl = Some(millis.max(1));
        self
    }

    /// What the event is about: of the subscribers with a [node
    /// key](crate::subscribe::SubscribeBuilder::nkey), those of one node hear all events about the
    /// same thing.
    pub fn rkey(mut self, rkey: impl Into<CompactString>) -> Self {
        self.options.rkey = Some(rkey.into());
        self
    }

    /// The publication succeeds when the event has reached every subscriber that can say so: its
    /// application has taken it. It fails with `wamp.error.timeout` when one keeps silent.
    pub fn acknowledged_delivery(mut self) -> Self {
        self.options.x_acknowledged_delivery = Some(true);
        self
    }

    /// A custom attribute, such as `_trace`, that goes to the subscribers beside the arguments.
    pub fn attribute(mut self, key: &str, value: impl Serialize) -> Self {
        let (format, passthru) = (self.session.shared().serializer, &mut self.options.passthru);
        if let Err(fault) = attributes::insert(passthru, format, key, &value) {
            self.payload = self.payload.and(Err(fault.into()));
        }
        self
    }

    /// Everything at once that a publication can say; `acknowledge` stays true.
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
            session.request(Slot::new(RequestKind::Publish), |request| {
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
