//! Publishing and subscribing: SUBSCRIBE to UNSUBSCRIBED, PUBLISH to EVENT.
//!
//! Spec: basic profile "Publish and Subscribe"; advanced profile "Advanced PubSub".

use compact_str::CompactString;

use super::options::{ForwardFor, PassthruDetails, options};
use super::request::{RequestKind, RequestRef};
use crate::ids::{PublicationId, RequestId, SessionId, SubscriptionId};
use crate::payload::Payload;
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
        passthru: PassthruDetails,
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
