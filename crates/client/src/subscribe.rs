//! Subscribing: a builder that becomes a future, and the stream of events that comes out.
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
//! Bounded: an application that does not take its events loses the oldest ones, counted.
//!
//! Where the publisher asks for acknowledgements
//! ([`acknowledged_delivery`](crate::publish::PublishBuilder::acknowledged_delivery)), an event is
//! acknowledged when the application takes it from its stream, and not before: one that is lost
//! in a full queue is not acknowledged, and the publisher learns that.

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

mod entry;
mod event;

pub use event::Event;

pub(crate) use entry::{DeliveryReceipt, SubscriptionEntry};

/// The most events that wait for the application in one subscription, unless told otherwise.
const DEFAULT_CAPACITY: usize = 4_096;

/// A subscription that has not been made yet; `.await` makes it.
#[derive(Debug)]
#[must_use = "nothing is subscribed before the builder is awaited"]
pub struct SubscribeBuilder {
    session: Session,
    topic: CompactString,
    options: SubscribeOptions,
    capacity: usize,
}

impl SubscribeBuilder {
    pub(crate) fn new(session: Session, topic: CompactString) -> Self {
        let options = SubscribeOptions::default();
        Self { session, topic, options, capacity: DEFAULT_CAPACITY }
    }

    /// The topic is a prefix or a wildcard pattern.
    pub fn matching(mut self, policy: MatchPolicy) -> Self {
        self.options.match_policy = Some(policy);
        self
    }

    /// How many events may wait for the application before the oldest are dropped.
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// The event that is kept for the topic comes first, if there is one; of a pattern, one for
    /// each topic. It comes again when a lost connection has been replaced.
    pub fn get_retained(mut self) -> Self {
        self.options.get_retained = Some(true);
        self
    }

    /// Of the sessions that subscribe with the same word here, each event goes to one. Within one
    /// session a topic has one group, or none: what was asked for last.
    pub fn group(mut self, group: impl Into<CompactString>) -> Self {
        self.options.group = Some(group.into());
        self
    }

    /// The node that this session stands for: of the events with a resource key
    /// ([`rkey`](crate::publish::PublishBuilder::rkey)) it hears those whose resource belongs to
    /// the node. Not together with a [`group`](Self::group).
    pub fn nkey(mut self, nkey: impl Into<CompactString>) -> Self {
        self.options.nkey = Some(nkey.into());
        self
    }

    /// All options at once.
    pub fn options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    async fn subscribe(self) -> Result<Subscription, Error> {
        let Self { session, topic, options, capacity } = self;
        let entry = Arc::new(SubscriptionEntry::new(topic, options, capacity));
        let grant = OnAcknowledged::Subscribed(Arc::clone(&entry));
        let slot = PendingRequest::granting(RequestKind::Subscribe, grant);
        session.acknowledged(slot, entry.request()).await?;
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

/// The events of one subscription, in the order in which they came; also a [`Stream`].
///
/// When a lost connection has been replaced, the topic is subscribed again; what was published
/// meanwhile is not seen. Dropping this ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    session: Session,
    entry: Arc<SubscriptionEntry>,
}

impl Subscription {
    /// The subscription's number; another one after the connection has been replaced.
    pub fn id(&self) -> SubscriptionId {
        self.entry.id()
    }

    /// The next event; none when the session has ended or the subscription was
    /// [revoked](Self::revoked).
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll(context)).await
    }

    /// How many events were dropped because the application did not take them.
    pub fn dropped(&self) -> u64 {
        self.entry.dropped()
    }

    /// Why the router has taken the subscription away, if it has: an administrator wants it.
    pub fn revoked(&self) -> Option<CompactString> {
        self.entry.revoked()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        self.entry.poll(context).map(|taken| {
            let (event, receipt) = taken?;
            // The first stream of this session that gives the event to the application.
            if receipt.is_some_and(|receipt| receipt.is_first()) {
                self.session.acknowledge_event(event.publication);
            }
            Some(Event::new(event))
        })
    }

    /// Ends the subscription.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        if let Some(key) = self.leave()? {
            AcknowledgementFuture::new(self.session.clone(), Ok(key)).await?;
        }
        Ok(())
    }

    /// Takes this one's queue away and sends UNSUBSCRIBE when it was the last of its subscription.
    ///
    /// Decided and sent while no other request can be: a SUBSCRIBE of the same topic that is on its
    /// way will be granted the subscription that exists, so that must not be ended behind it.
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
    /// Takes an entry out. Says whether its subscription is to be ended at the router.
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
        // A link that is gone needs no farewell.
        if let Ok(Some(key)) = self.leave() {
            self.session.forget(key);
        }
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(context)
    }
}
