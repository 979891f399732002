//! Publications: a builder that becomes a future.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! use std::time::Duration;
//!
//! // The last temperature is retained for an hour, for later subscribers.
//! let temperature = session.publish("com.example.temperature").args((21.5,));
//! temperature.retain().ttl(Duration::from_secs(3600)).await?;
//!
//! // Resolves when the applications of all doctors have taken the event.
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

use crate::arguments::{EncodedArgs, argument_methods};
use crate::error::Error;
use crate::pending::PendingRequest;
use crate::sent_request::AcknowledgementFuture;
use crate::session::Session;

impl Session {
    /// Publishes an event: `session.publish("com.example.news").args(("hello",)).await?`.
    pub fn publish(&self, topic: impl Into<CompactString>) -> PublishBuilder {
        PublishBuilder::new(self.clone(), topic.into())
    }
}

/// A publication that has not been sent. `.await` sends it and waits for PUBLISHED.
#[derive(Debug)]
#[must_use = "nothing is published before the builder is awaited"]
pub struct PublishBuilder {
    session: Session,
    topic: CompactString,
    options: PublishOptions,
    payload: EncodedArgs,
}

argument_methods!(PublishBuilder, "the subscribers");

impl PublishBuilder {
    fn new(session: Session, topic: CompactString) -> Self {
        let options = PublishOptions { acknowledge: Some(true), ..PublishOptions::default() };
        Self { session, topic, options, payload: Ok(Payload::EMPTY) }
    }

    /// Whether this session is excluded from the receivers; true by default. Spec: advanced profile
    /// "Publisher Exclusion".
    pub fn exclude_me(mut self, exclude: bool) -> Self {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Restricts the receivers to these sessions. Spec: advanced profile "Subscriber Black- and
    /// Whitelisting".
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.eligible = Some(sessions.into_iter().collect());
        self
    }

    /// Restricts the receivers to sessions with these authids.
    pub fn eligible_authid(
        mut self,
        authids: impl IntoIterator<Item: Into<CompactString>>,
    ) -> Self {
        self.options.eligible_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Restricts the receivers to sessions with these roles.
    pub fn eligible_authrole(
        mut self,
        roles: impl IntoIterator<Item: Into<CompactString>>,
    ) -> Self {
        self.options.eligible_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Excludes these sessions from the receivers.
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Self {
        self.options.exclude = Some(sessions.into_iter().collect());
        self
    }

    /// Excludes sessions with these authids from the receivers.
    pub fn exclude_authid(mut self, authids: impl IntoIterator<Item: Into<CompactString>>) -> Self {
        self.options.exclude_authid = Some(authids.into_iter().map(Into::into).collect());
        self
    }

    /// Excludes sessions with these roles from the receivers.
    pub fn exclude_authrole(mut self, roles: impl IntoIterator<Item: Into<CompactString>>) -> Self {
        self.options.exclude_authrole = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Asks the router to disclose this session's identity to the subscribers. Spec: advanced
    /// profile "Publisher Identification".
    pub fn disclose_me(mut self) -> Self {
        self.options.disclose_me = Some(true);
        self
    }

    /// Asks the router to retain the event for later subscribers that
    /// [ask for it](crate::subscribe::SubscribeBuilder::get_retained). The next retained event
    /// replaces it. An event without arguments is not retained and removes the retained one. Spec:
    /// advanced profile "Event Retention".
    pub fn retain(mut self) -> Self {
        self.options.retain = Some(true);
        self
    }

    /// The lifetime of the retained event; rounded down to milliseconds, at least one.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        self.options.ttl = Some(millis.max(1));
        self
    }

    /// The resource key: of the subscribers with a [node
    /// key](crate::subscribe::SubscribeBuilder::nkey), those of one node receive all events with
    /// the same resource key. Spec: advanced profile "Sharded Subscription".
    pub fn rkey(mut self, rkey: impl Into<CompactString>) -> Self {
        self.options.rkey = Some(rkey.into());
        self
    }

    /// Waits until every subscriber that supports acknowledgements has acknowledged the event: its
    /// application has taken it. The publication fails with `wamp.error.timeout` when an
    /// acknowledgement is missing.
    pub fn acknowledged_delivery(mut self) -> Self {
        self.options.x_acknowledged_delivery = Some(true);
        self
    }

    /// Replaces all options, except that `acknowledge` stays true.
    pub fn options(mut self, options: PublishOptions) -> Self {
        self.options = PublishOptions { acknowledge: Some(true), ..options };
        self
    }

    /// Publishes without an acknowledgement: a refusal by the router is not reported.
    ///
    /// # Errors
    /// When the event could not be encoded or sent.
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
    pub fn send(self) -> PublishFuture {
        let Self { session, topic, options, payload } = self;
        let sent = payload.and_then(|payload| {
            session.request(PendingRequest::new(RequestKind::Publish), |request| {
                let options = Box::new(options);
                ClientMessage::Publish(Publish { request, options, topic: topic.into(), payload })
            })
        });
        PublishFuture(AcknowledgementFuture::new(session, sent))
    }
}

impl IntoFuture for PublishBuilder {
    type Output = Result<PublicationId, Error>;
    type IntoFuture = PublishFuture;

    fn into_future(self) -> PublishFuture {
        self.send()
    }
}

/// A publication in flight; resolves to the publication id in PUBLISHED. Dropping it does not undo
/// the publication.
#[derive(Debug)]
#[must_use = "a refused publication is reported by this future alone"]
pub struct PublishFuture(AcknowledgementFuture);

impl Future for PublishFuture {
    type Output = Result<PublicationId, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|number| {
            PublicationId::new(number?)
                .ok_or_else(|| Error::Closed("PUBLISHED has no valid publication id".into()))
        })
    }
}
