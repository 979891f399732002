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
    /// The request id.
    pub request: RequestId,
    /// The options.
    pub options: Box<PublishOptions>,
    /// The topic.
    pub topic: UncheckedUri,
    /// The arguments of the event.
    pub payload: Payload,
}

options! {
    /// PUBLISH.Options
    PublishOptions "PUBLISH" {
        /// Whether the publisher expects PUBLISHED or ERROR.
        acknowledge: bool,
        /// Whether the publisher is excluded. Absent: true.
        exclude_me: bool,
        /// Excluded sessions.
        exclude: Vec<SessionId>,
        /// Excluded authids.
        exclude_authid: Vec<CompactString>,
        /// Excluded authroles.
        exclude_authrole: Vec<CompactString>,
        /// The only eligible sessions.
        eligible: Vec<SessionId>,
        /// The only eligible authids.
        eligible_authid: Vec<CompactString>,
        /// The only eligible authroles.
        eligible_authrole: Vec<CompactString>,
        /// Whether the publisher asks to be disclosed.
        disclose_me (hint): bool,
        /// Whether the event is retained for later subscribers.
        retain: bool,
        /// How long the event is retained, in milliseconds.
        ttl: u64,
        /// The resource of the event. Of the subscribers with a node key, the same one gets all
        /// events of a resource.
        rkey: CompactString,
        /// Whether PUBLISHED is sent only after the subscribers have acknowledged the event.
        x_acknowledged_delivery: bool,
    } with {
        /// Attributes that the router passes on.
        passthru: PassthruDetails,
    }
}

impl Publish {
    /// The reference to this request in an answer.
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
    /// The request id.
    pub request: RequestId,
    /// The options.
    pub options: SubscribeOptions,
    /// The topic or pattern.
    pub topic: UncheckedUri,
}

options! {
    /// SUBSCRIBE.Options
    SubscribeOptions "SUBSCRIBE" {
        /// The match policy of the topic.
        match_policy as "match": MatchPolicy,
        /// Whether the subscriber asks for the retained event.
        get_retained: bool,
        /// The subscriber group. Each event goes to one subscriber of a group.
        group: CompactString,
        /// The node key of the subscriber, for events with a resource key.
        nkey: CompactString,
        /// The routers that the request passed.
        forward_for: ForwardFor,
    }
}

impl Subscribe {
    /// The reference to this request in an answer.
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
    /// The request id.
    pub request: RequestId,
    /// The subscription to end.
    pub subscription: SubscriptionId,
}

impl Unsubscribe {
    /// The reference to this request in an answer.
    pub const fn reference(&self) -> RequestRef {
        RequestRef::new(RequestKind::Unsubscribe, self.request)
    }
}

/// `[35, UNSUBSCRIBE.Request|id]`, or `[35, 0, Details|dict]` if the router revokes the
/// subscription.
#[derive(Debug, Clone, PartialEq)]
pub enum Unsubscribed {
    /// Answers UNSUBSCRIBE.
    Answer(RequestId),
    /// The router revoked the subscription.
    Revocation(UnsubscribedDetails),
}

options! {
    /// UNSUBSCRIBED.Details of a revocation
    UnsubscribedDetails "UNSUBSCRIBED" {
        /// The revoked subscription.
        subscription: SubscriptionId,
        /// The reason, as a URI.
        reason: CompactString,
    }
}
