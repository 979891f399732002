//! Subscriptions and publications: who hears what.
//!
//! | room | what it is for |
//! |---|---|
//! | `subscription` | SUBSCRIBE, UNSUBSCRIBE, revocation |
//! | `members` | who listens to one subscription, and in which manner |
//! | `publication` | PUBLISH to EVENT |
//! | `eligibility` | who may hear one publication |
//! | `pressure` | subscribers that read too slowly |
//! | `retention` | events that are kept for later subscribers |
//! | `history` | events that are kept to be asked for |
//! | `record` | such an event as bytes |
//! | `durable` | publications that are acknowledged when they are safe |
//! | `acknowledgement` | events whose receivers acknowledge them |
//! | `listing` | what the meta API tells of subscriptions |
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and
//! Events"; advanced profile "Pattern-based Subscription", "Subscriber Black- and
//! Whitelisting", "Publisher Exclusion", "Publisher Identification".

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::ids::{IdSequence, PublicationId, RequestId, SubscriptionId};
use cloverleaf_wamp::uri::UriPattern;
use foldhash::HashMap;

use crate::deadline::Moment;
use crate::uri_index::UriIndex;
use crate::wall_clock::WallClock;

mod acknowledgement;
mod durable;
mod eligibility;
mod history;
mod listing;
mod members;
mod pressure;
mod publication;
mod record;
mod retention;
mod subscription;

use acknowledgement::Acknowledgements;
pub(crate) use acknowledgement::is_awaited;
use durable::Durable;
use history::History;
pub use history::{EventStore, HistorySettings, Ticket};
pub(crate) use history::{Past, Query};
pub(crate) use listing::SubscriptionDetails;
pub(crate) use members::Manner;
use members::Members;
use pressure::Pressure;
pub(crate) use publication::Publication;
use retention::Retention;
pub use retention::RetentionSettings;
pub(crate) use subscription::{Change, Wish};

/// What a session holds in the broker.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    subscriptions: BTreeSet<SubscriptionId>,
    /// How many of them are not exact.
    pattern_subscriptions: usize,
    /// Publications that its subscribers have to acknowledge first, by its own requests.
    awaited: BTreeMap<RequestId, PublicationId>,
    /// Requests whose publications have to be stored first.
    storing: BTreeSet<RequestId>,
    /// Publications that it has to acknowledge.
    owed: BTreeSet<PublicationId>,
}

impl Holdings {
    /// Whether a publication with this number is not acknowledged yet, and will be.
    pub(crate) fn is_in_flight(&self, request: RequestId) -> bool {
        self.awaited.contains_key(&request) || self.storing.contains(&request)
    }
}

/// A pattern and who listens to it; it exists as long as anybody does, or as long as its events are
/// kept.
#[derive(Debug)]
struct Subscription {
    pattern: UriPattern,
    created: Moment,
    members: Members,
    history: Option<Box<History>>,
}

/// The broker of one realm.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    subscriptions: HashMap<SubscriptionId, Subscription>,
    index: UriIndex<SubscriptionId>,
    ids: IdSequence,
    retention: Retention,
    acknowledgements: Acknowledgements,
    clock: WallClock,
    pub(crate) pressure: Pressure,
    durable: Durable,
}

impl Broker {
    /// A broker that nobody listens to. Patterns with a history are subscriptions from the
    /// beginning, so that what is published before anybody comes is kept. Of two for the same
    /// pattern the later one counts.
    pub(crate) fn new(
        clock: WallClock,
        retention: RetentionSettings,
        histories: Vec<HistorySettings>,
        store: Option<Box<dyn EventStore>>,
    ) -> Self {
        let (retention, durable) = (Retention::new(retention), Durable::new(store));
        let mut broker = Self { clock, retention, durable, ..Self::default() };
        for settings in histories {
            let existing = broker.index.at(&settings.pattern).copied();
            let created = || broker.create(settings.pattern, Moment::default());
            let id = existing.unwrap_or_else(created);
            if let Some(subscription) = broker.subscriptions.get_mut(&id) {
                let before = settings.records.iter();
                let before = before.filter_map(|record| record::read(record, id));
                subscription.history = Some(Box::new(History::new(settings.limit, before)));
            }
        }
        broker
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
            && (self.index.is_empty() || !self.subscriptions.is_empty())
            && self.acknowledgements.is_empty()
            && self.durable.is_empty()
            && !self.pressure.makes_wait()
    }
}
