//! Subscriptions and publications: who receives what.
//!
//! | room | what it is for |
//! |---|---|
//! | `subscription` | SUBSCRIBE, UNSUBSCRIBE, revocation |
//! | `subscribers` | the subscribers of one subscription, and in which mode they listen |
//! | `publication` | PUBLISH to EVENT |
//! | `outgoing` | publications that are not done, in the order of each publisher |
//! | `eligibility` | who may receive one publication |
//! | `backpressure` | subscribers that read too slowly |
//! | `retention`, `replay` | events retained for later subscribers, and how these get them |
//! | `history`, `reading` | events that are stored to be asked for, and how they are |
//! | `record` | such an event as bytes |
//! | `durable` | publications that go out when they are safe |
//! | `acknowledgement` | events whose receivers acknowledge them |
//! | `listing` | what the meta API tells of subscriptions |
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and
//! Events"; advanced profile "Pattern-based Subscription", "Subscriber Black- and
//! Whitelisting", "Publisher Exclusion", "Publisher Identification".

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::ids::{IdSequence, PublicationId, RequestId, SubscriptionId};
use cloverleaf_wamp::uri::UriPattern;

use crate::deadline::Moment;
use crate::directory::{Directory, DirectoryEntry, HeldPatterns};
use crate::limits::SharedLimits;
use crate::wall_clock::Timestamp;

mod acknowledgement;
mod backpressure;
mod durable;
mod eligibility;
mod history;
mod history_query;
mod listing;
mod outgoing;
mod publication;
mod record;
mod replay;
mod retention;
mod subscribers;
mod subscription;

pub(crate) use acknowledgement::AcknowledgementMode;
use acknowledgement::Acknowledgements;
use backpressure::Backpressure;
use durable::Durable;
pub(crate) use history::EventFilter;
pub use history::{Bounds, EventStore, HistoryId, HistorySettings, Record, Ticket};
use history::{History, MemoryHistory};
pub(crate) use history_query::{EventsForm, HistoryRequest};
pub use history_query::{HistoryAnswer, HistoryQuery, UnreadableRecord};
pub(crate) use listing::{MemoryHistoryQuery, SubscriberListCursor, SubscriptionInfo};
use outgoing::Outgoing;
pub(crate) use outgoing::{DetachedTotals, Stepped};
pub(crate) use publication::{NewPublication, Publication};
pub use record::publication_of;
use retention::Retention;
pub use retention::RetentionSettings;
pub(crate) use subscribers::DeliveryMode;
use subscribers::Subscribers;
pub(crate) use subscription::{SubscribeRequest, SubscriptionChange};

/// What a session holds in the broker.
#[derive(Debug, Default)]
pub(crate) struct BrokerState {
    /// With the length of the name of the group or node that it subscribes with.
    subscriptions: BTreeMap<SubscriptionId, u8>,
    held: HeldPatterns,
    /// Publications that its subscribers have to acknowledge first, by its own requests.
    awaited: BTreeMap<RequestId, PublicationId>,
    /// Requests whose publications have to be stored first.
    storing: BTreeSet<RequestId>,
    /// Publications that it has to acknowledge.
    owed: BTreeSet<PublicationId>,
}

impl BrokerState {
    /// Whether a publication with this number is not acknowledged yet, and will be.
    pub(crate) fn is_in_flight(&self, request: RequestId) -> bool {
        self.awaited.contains_key(&request) || self.storing.contains(&request)
    }
}

/// A pattern and who listens to it; it exists as long as anybody does, or as long as its events are
/// stored.
#[derive(Debug)]
struct Subscription {
    pattern: UriPattern,
    created: Timestamp,
    members: Subscribers,
    history: Option<History>,
}

impl DirectoryEntry for Subscription {
    type Id = SubscriptionId;

    fn next_id(ids: &mut IdSequence) -> SubscriptionId {
        ids.next_subscription()
    }

    fn pattern(&self) -> &UriPattern {
        &self.pattern
    }
}

/// The broker of one realm.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    subscriptions: Directory<Subscription>,
    retention: Retention,
    acknowledgements: Acknowledgements,
    pub(crate) backpressure: Backpressure,
    outgoing: Outgoing,
    durable: Durable,
    /// The subscription of each of the realm's histories.
    stored_in: Vec<SubscriptionId>,
    limits: SharedLimits,
}

impl Broker {
    /// A broker that nobody listens to. Patterns with a history are subscriptions from the
    /// beginning, so that what is published before the first subscriber comes is stored. Of two for
    /// the same pattern the later one counts.
    pub(crate) fn new(
        created: Timestamp,
        retention: RetentionSettings,
        histories: &[HistorySettings],
        store: Option<Box<dyn EventStore>>,
    ) -> Self {
        let (retention, durable) = (Retention::new(retention), Durable::new(store));
        let mut broker = Self { retention, durable, ..Self::default() };
        for (number, settings) in histories.iter().enumerate() {
            let history = HistoryId(number);
            let existing = broker.subscriptions.at(&settings.pattern);
            let create = || broker.create(settings.pattern.clone(), created);
            let id = existing.unwrap_or_else(create);
            broker.stored_in.push(id);
            let in_store = broker.durable.has_store();
            if in_store {
                broker.durable.add(&settings.pattern, history);
            }
            if let Some(subscription) = broker.subscriptions.get_mut(id) {
                subscription.history = Some(if in_store {
                    History::InStore(history)
                } else {
                    History::InMemory(Box::new(MemoryHistory::new(settings)))
                });
            }
        }
        broker
    }

    /// Applies other limits from now on.
    pub(crate) const fn set_limits(&mut self, limits: SharedLimits) {
        self.limits = limits;
        self.retention.set_max_per_topic(limits.max_retained_per_topic);
    }

    /// Whether any events are stored to be asked for.
    pub(crate) const fn has_histories(&self) -> bool {
        !self.stored_in.is_empty()
    }

    /// The earliest moment at which an acknowledgement is given up.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.acknowledgements.next_deadline()
    }

    /// Whether no table keeps an entry of any session.
    pub(crate) fn is_empty(&self) -> bool {
        let is_bare = |subscription: &Subscription| {
            subscription.members.is_empty() && subscription.history.is_some()
        };
        self.subscriptions.values().all(is_bare)
            && self.acknowledgements.is_empty()
            && self.durable.is_empty()
            && self.outgoing.is_empty()
            && !self.retention.has_replays()
            && self.backpressure.makes_nobody_wait()
    }
}
