//! Subscriptions and publications: which sessions receive an event.
//!
//! | module | purpose |
//! |---|---|
//! | `subscription` | SUBSCRIBE, UNSUBSCRIBE, revocation |
//! | `subscribers` | the subscribers of one subscription and their delivery modes |
//! | `publication` | PUBLISH to EVENT |
//! | `outgoing` | unfinished publications, in the order of each publisher |
//! | `eligibility` | the sessions that may receive one publication |
//! | `backpressure` | subscribers that read too slowly |
//! | `retention`, `replay` | retained events, and sending them to new subscribers |
//! | `history`, `history_query` | stored events, and reading them |
//! | `record` | a stored event as bytes |
//! | `durable` | publications that wait for the event store |
//! | `acknowledgement` | events that their receivers acknowledge |
//! | `listing` | subscriptions for the meta API |
//!
//! The files of `broker`, `dealer` and `session` name each other: a session's record holds its
//! state in the broker, and the modules here extend [`Broker`], whose fields are types of theirs.
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and
//! Events"; advanced profile "Pattern-based Subscription", "Subscriber Black- and Whitelisting",
//! "Publisher Exclusion", "Publisher Identification".

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
pub use history::{Bounds, EventStore, HistoryId, HistorySettings, Record, StoreTicket};
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

/// The state of a session in the broker.
#[derive(Debug, Default)]
pub(crate) struct BrokerState {
    /// Each with the length of the name of the group or node that it subscribes with.
    subscriptions: BTreeMap<SubscriptionId, u8>,
    held: HeldPatterns,
    /// Publications that receivers have to acknowledge first, by the request id of this session.
    awaited: BTreeMap<RequestId, PublicationId>,
    /// Requests whose publications have to be stored first.
    storing: BTreeSet<RequestId>,
    /// Publications that this session has to acknowledge.
    owed: BTreeSet<PublicationId>,
}

impl BrokerState {
    /// Whether a publication with this request id will be acknowledged and is not yet.
    pub(crate) fn is_in_flight(&self, request: RequestId) -> bool {
        self.awaited.contains_key(&request) || self.storing.contains(&request)
    }
}

/// A pattern and its subscribers. It exists while it has subscribers or a history.
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
    /// The subscription of each history of the realm.
    stored_in: Vec<SubscriptionId>,
    limits: SharedLimits,
}

impl Broker {
    /// A broker without subscribers. Patterns with a history are subscriptions from the beginning,
    /// so that publications before the first subscriber are stored. Of two histories for the same
    /// pattern the later one counts.
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

    /// Whether the events of any pattern are stored.
    pub(crate) const fn has_histories(&self) -> bool {
        !self.stored_in.is_empty()
    }

    /// The earliest deadline of an acknowledgement.
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
            && self.backpressure.has_no_waiting_publisher()
    }
}
