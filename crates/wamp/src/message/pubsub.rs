//! Publishing and subscribing: SUBSCRIBE to UNSUBSCRIBED, PUBLISH to EVENT.
//!
//! Spec: basic profile "Publish and Subscribe"; advanced profile "Advanced PubSub".

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use compact_str::CompactString;

use super::options::{Carried, ForwardFor, options};
use super::{Options, RequestKind, RequestRef};
use crate::codec::EncodeError;
use crate::ids::{PublicationId, RequestId, SessionId, SubscriptionId};
use crate::payload::Payload;
use crate::serializer::Serializer;
use crate::uri::{MatchPolicy, UncheckedUri};

/// `[16, Request|id, Options|dict, Topic|uri, Arguments|list, ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// The publisher's number for this request.
    pub request: RequestId,
    /// To whom and how.
    pub options: Box<PublishOptions>,
    /// What the event is about.
    pub topic: UncheckedUri,
    /// The event.
    pub payload: Payload,
}

options! {
    /// PUBLISH.Options
    PublishOptions "PUBLISH" {
        /// The publisher wants PUBLISHED or ERROR.
        acknowledge: bool,
        /// Whether the publisher is left out; true when absent.
        exclude_me: bool,
        /// Sessions that are left out.
        exclude: Vec<SessionId>,
        /// Sessions whose authid is here are left out.
        exclude_authid: Vec<CompactString>,
        /// Sessions whose authrole is here are left out.
        exclude_authrole: Vec<CompactString>,
        /// Only these sessions.
        eligible: Vec<SessionId>,
        /// Only sessions whose authid is here.
        eligible_authid: Vec<CompactString>,
        /// Only sessions whose authrole is here.
        eligible_authrole: Vec<CompactString>,
        /// Subscribers shall know who publishes.
        disclose_me (hint): bool,
        /// The event is kept for later subscribers.
        retain: bool,
        /// Milliseconds for which it is kept.
        ttl: u64,
        /// The resource that the event is about; of the subscribers with a node key, the events
        /// about the same resource go to the same one.
        rkey: CompactString,
        /// PUBLISHED shall come when the subscribers have acknowledged the event.
        x_acknowledged_delivery: bool,
    } with {
        /// What goes with the event.
        carried: Carried,
    }
}

impl Publish {
    /// The name by which an answer refers to this request.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Publish, self.request)
    }
}

/// `[17, PUBLISH.Request|id, Publication|id]`
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The request that is answered.
    pub request: RequestId,
    /// The publication.
    pub publication: PublicationId,
}

/// `[32, Request|id, Options|dict, Topic|uri]`
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribe {
    /// The subscriber's number for this request.
    pub request: RequestId,
    /// How to match.
    pub options: SubscribeOptions,
    /// The topic or pattern.
    pub topic: UncheckedUri,
}

options! {
    /// SUBSCRIBE.Options
    SubscribeOptions "SUBSCRIBE" {
        /// How the topic matches events.
        match_policy as "match": MatchPolicy,
        /// The subscriber wants the event that was kept.
        get_retained: bool,
        /// Of the subscribers with the same word here, each event goes to one.
        group: CompactString,
        /// The node that the subscriber stands for, for events with a resource key.
        nkey: CompactString,
        /// Routers that the request passed.
        forward_for: ForwardFor,
    }
}

impl Subscribe {
    /// The name by which an answer refers to this request.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Subscribe, self.request)
    }
}

/// `[33, SUBSCRIBE.Request|id, Subscription|id]`
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribed {
    /// The request that is answered.
    pub request: RequestId,
    /// The subscription.
    pub subscription: SubscriptionId,
}

/// `[34, Request|id, SUBSCRIBED.Subscription|id]`
#[derive(Debug, Clone, PartialEq)]
pub struct Unsubscribe {
    /// The subscriber's number for this request.
    pub request: RequestId,
    /// The subscription to end.
    pub subscription: SubscriptionId,
}

impl Unsubscribe {
    /// The name by which an answer refers to this request.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Unsubscribe, self.request)
    }
}

/// `[35, UNSUBSCRIBE.Request|id]`, or `[35, 0, Details|dict]` where the router revokes.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsubscribed {
    /// The subscriber asked for it.
    Answer(RequestId),
    /// The router took the subscription away.
    Revocation(UnsubscribedDetails),
}

options! {
    /// UNSUBSCRIBED.Details of a revocation
    UnsubscribedDetails "UNSUBSCRIBED" {
        /// The subscription that is gone.
        subscription: SubscriptionId,
        /// Why.
        reason: CompactString,
    }
}

/// `[36, SUBSCRIBED.Subscription|id, PUBLISHED.Publication|id, Details|dict,
/// PUBLISH.Arguments|list, PUBLISH.ArgumentsKw|dict]`
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The subscription that matched.
    pub subscription: SubscriptionId,
    /// The publication; the same for all subscriptions.
    pub publication: PublicationId,
    /// About the event.
    pub details: Box<EventDetails>,
    /// The event.
    pub payload: Payload,
}

options! {
    /// EVENT.Details
    EventDetails "EVENT" {
        /// The topic, where the subscription is a pattern.
        topic: CompactString,
        /// The publisher's session, if disclosed.
        publisher: SessionId,
        /// Who the publisher is, if disclosed.
        publisher_authid: CompactString,
        /// The publisher's role, if disclosed.
        publisher_authrole: CompactString,
        /// The event was kept and comes late.
        retained: bool,
        /// The subscriber shall answer EVENT_RECEIVED.
        x_acknowledged_delivery: bool,
        /// How far the router trusts the publication, from 0.
        trustlevel: u64,
    } with {
        /// What goes with the event.
        carried: Carried,
    }
}

/// One event for all subscribers of one subscription: made once, and encoded once for each
/// serializer, by whichever writer comes first.
#[derive(Debug, Clone)]
pub struct SharedEvent(Arc<EventAndEncodings>);

#[derive(Debug)]
struct EventAndEncodings {
    event: Event,
    usual: [Encoding; USUAL],
    rare: OnceLock<Box<[Encoding; Serializer::COUNT - USUAL]>>,
    /// Its part of [`LIVE_BYTES`].
    bytes: AtomicUsize,
}

type Encoding = OnceLock<Result<Bytes, EncodeError>>;

/// So many serializers have a place in every event, the first ones; the others share one that is
/// made when it is needed, which keeps events short.
const USUAL: usize = 3;

/// Bytes that the events of this process hold, with their encodings.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that all shared events of this process hold, each counted once however many share it.
pub fn live_event_bytes() -> usize {
    LIVE_BYTES.load(Ordering::Relaxed)
}

impl Event {
    fn size(&self) -> usize {
        let Self { details, payload, .. } = self;
        size_of::<Self>() + size_of::<EventDetails>() + details.size() + payload.size()
    }
}

impl EventAndEncodings {
    fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for EventAndEncodings {
    fn drop(&mut self) {
        LIVE_BYTES.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

impl SharedEvent {
    /// Takes an event that has not been encoded yet.
    pub fn new(event: Event) -> Self {
        let (usual, rare) = (Default::default(), OnceLock::new());
        let bytes = event.size();
        LIVE_BYTES.fetch_add(bytes, Ordering::Relaxed);
        let bytes = AtomicUsize::new(bytes);
        Self(Arc::new(EventAndEncodings { event, usual, rare, bytes }))
    }

    /// The message in this format; encoded at the first call, the same bytes ever after.
    pub fn encoded(&self, serializer: Serializer) -> Result<&Bytes, EncodeError> {
        self.place(serializer)
            .get_or_init(|| {
                let mut out = Vec::with_capacity(64 + self.0.event.payload.size());
                crate::codec::encode_event(&self.0.event, serializer, &mut out).map(|()| {
                    self.0.count(out.len());
                    Bytes::from(out)
                })
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    #[inline]
    fn place(&self, serializer: Serializer) -> &Encoding {
        let EventAndEncodings { usual, rare, .. } = &*self.0;
        match serializer.index().checked_sub(USUAL) {
            None => &usual[serializer.index()],
            Some(index) => &rare.get_or_init(Default::default)[index],
        }
    }

    /// Roughly how many bytes the event holds, its encodings left aside.
    pub fn size(&self) -> usize {
        self.0.event.size()
    }
}

impl Deref for SharedEvent {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.0.event
    }
}

impl PartialEq for SharedEvent {
    fn eq(&self, other: &Self) -> bool {
        self.0.event == other.0.event
    }
}

impl From<Event> for SharedEvent {
    fn from(event: Event) -> Self {
        Self::new(event)
    }
}
