//! Subscriptions: a builder that becomes a future, and the stream of events that it resolves to.
//!
//! ```no_run
//! # use cloverleaf_client::{Error, Session};
//! # async fn example(session: Session) -> Result<(), Error> {
//! let subscribing = session.subscribe("com.example.temperature").get_retained();
//! let mut temperatures = subscribing.await?;
//! while let Some(event) = temperatures.next().await {
//!     let (degrees,): (f64,) = event.args()?;
//!     println!("{degrees} °C{}", if event.is_retained() { ", some time ago" } else { "" });
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The stream is bounded: when the application takes events too slowly, the oldest ones are dropped
//! and counted. A session inside the router also has [`InboundLimits`](crate::InboundLimits).
//!
//! If the publisher asks for acknowledgements
//! ([`acknowledged_delivery`](crate::publish::PublishBuilder::acknowledged_delivery)), an event is
//! acknowledged when the application takes it from the stream. A dropped event is not acknowledged.

use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::message::{ClientMessage, RequestKind, SubscribeOptions, Unsubscribe};
use cloverleaf_wamp::uri::MatchPolicy;
use compact_str::CompactString;
use futures_util::stream::Stream;

use crate::error::Error;
use crate::pending::{PendingRequest, RequestKey};
use crate::sent_request::AcknowledgementFuture;
use crate::session::{BoxFuture, OnAcknowledged, Session, SessionState};
use crate::subscription_entry::SubscriptionEntry;

mod event;

pub use event::Event;

/// Default of [`SubscribeBuilder::capacity`].
const DEFAULT_CAPACITY: usize = 4_096;

impl Session {
    /// Subscribes to a topic: `session.subscribe("com.example.news").await?`.
    pub fn subscribe(&self, topic: impl Into<CompactString>) -> SubscribeBuilder {
        SubscribeBuilder::new(self.clone(), topic.into())
    }
}

/// A subscription that has not been sent. `.await` sends it and waits for SUBSCRIBED.
#[derive(Debug)]
#[must_use = "nothing is subscribed before the builder is awaited"]
pub struct SubscribeBuilder {
    session: Session,
    topic: CompactString,
    options: SubscribeOptions,
    capacity: usize,
}

impl SubscribeBuilder {
    fn new(session: Session, topic: CompactString) -> Self {
        let options = SubscribeOptions::default();
        Self { session, topic, options, capacity: DEFAULT_CAPACITY }
    }

    /// Subscribes to a prefix or a wildcard pattern. Spec: advanced profile "Pattern-based
    /// Subscription".
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// The maximum number of events that wait for the application; 4,096 by default, at least 1.
    /// Above it, and above 16 MiB, the oldest events are dropped.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// Asks for the retained event of the topic, if any; a pattern gets one for each matching
    /// topic. Retained events arrive again after a reconnect. Spec: advanced profile "Event
    /// Retention".
    pub fn get_retained(mut self) -> Self {
        self.options.get_retained = Some(true);
        self
    }

    /// The subscriber group: each event goes to one session of the group. A session is in at most
    /// one group of a topic; the last SUBSCRIBE counts.
    pub fn group(mut self, group: impl Into<CompactString>) -> Self {
        self.options.group = Some(group.into());
        self
    }

    /// The node key: of the events with a resource key
    /// ([`rkey`](crate::publish::PublishBuilder::rkey)), this session receives those whose resource
    /// belongs to the node. Cannot be combined with a [`group`](Self::group). Spec: advanced
    /// profile "Sharded Subscription".
    pub fn nkey(mut self, nkey: impl Into<CompactString>) -> Self {
        self.options.nkey = Some(nkey.into());
        self
    }

    /// Replaces all options.
    pub fn options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    async fn subscribe(self) -> Result<Subscription, Error> {
        let Self { session, topic, options, capacity } = self;
        let entry =
            Arc::new(SubscriptionEntry::new(topic, options, capacity, session.waiting_events()));
        let grant = OnAcknowledged::Subscribed(Arc::clone(&entry));
        let pending = PendingRequest::granting(RequestKind::Subscribe, grant);
        session.acknowledged(pending, entry.request()).await?;
        Ok(Subscription { session, entry })
    }
}

impl IntoFuture for SubscribeBuilder {
    type Output = Result<Subscription, Error>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.subscribe())
    }
}

/// The events of one subscription, in the order of arrival; also a [`Stream`].
///
/// A reconnect subscribes to the topic again; events that were published meanwhile are missing.
/// Dropping the stream ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    entry: Arc<SubscriptionEntry>,
}

impl Subscription {
    /// The subscription id; it changes with a reconnect.
    pub fn id(&self) -> SubscriptionId {
        self.entry.id()
    }

    /// The next event; none when the session has ended or the subscription was
    /// [revoked](Self::revoked).
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The number of events that were dropped because the application took them too slowly.
    pub fn dropped(&self) -> u64 {
        self.entry.dropped()
    }

    /// The reason if the router has revoked the subscription: an administrator has removed it.
    /// Spec: advanced profile "Subscription Revocation".
    pub fn revoked(&self) -> Option<CompactString> {
        self.entry.revoked()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        self.entry.poll(context).map(|taken| {
            let (event, receipt) = taken?;
            self.session.announce_room();
            // The first of this session's streams to hand the event over acknowledges it.
            if receipt.is_some_and(|receipt| receipt.is_first()) {
                self.session.acknowledge_event(event.publication);
            }
            Some(Event::new(event))
        })
    }

    /// Ends the subscription.
    ///
    /// # Errors
    /// When the router refuses to end it, or the session is closed.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        if let Some(key) = self.leave()? {
            AcknowledgementFuture::new(self.session.clone(), Ok(key)).await?;
        }
        Ok(())
    }

    /// Removes this stream, and sends UNSUBSCRIBE if it was the last one of its subscription.
    ///
    /// The request ids are locked meanwhile, so that no other request is sent. A SUBSCRIBE of the
    /// same topic in flight will be granted the existing subscription, so UNSUBSCRIBE must not
    /// follow it.
    fn leave(&self) -> Result<Option<RequestKey>, Error> {
        let mut ids = self.session.shared().ids.lock();
        let subscription = self.entry.id();
        if !self.session.shared().state.lock().leave(subscription, &self.entry) {
            return Ok(None);
        }
        let request = self.session.request_with(
            &mut ids,
            PendingRequest::new(RequestKind::Unsubscribe),
            |request| ClientMessage::Unsubscribe(Unsubscribe { request, subscription }),
        );
        request.map(Some)
    }
}

impl SessionState {
    /// Removes an entry. Returns whether to send UNSUBSCRIBE.
    fn leave(&mut self, id: SubscriptionId, entry: &Arc<SubscriptionEntry>) -> bool {
        if self.to_restore.remove_subscription(entry) {
            return false;
        }
        let Some(entries) = self.subscriptions.get_mut(&id) else { return false };
        entries.retain(|other| !Arc::ptr_eq(other, entry));
        if !entries.is_empty() {
            return false;
        }
        self.subscriptions.remove(&id);
        !self.pending.awaits(|grant| match grant {
            OnAcknowledged::Subscribed(other) | OnAcknowledged::SubscribedAgain(other) => {
                other.is_of_the_same_topic(entry)
            }
            OnAcknowledged::Registered(_) | OnAcknowledged::RegisteredAgain(_) => false,
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // A closed connection has ended the subscription already.
        if let Ok(Some(key)) = self.leave() {
            self.session.forget(key);
        }
        self.entry.clear();
        self.session.announce_room();
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(context)
    }
}
