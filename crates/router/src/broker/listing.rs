//! What the meta API tells of subscriptions.
//!
//! Spec: advanced profile "Subscriptions Meta API".

use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::uri::UriPattern;

use super::{Broker, History, Holdings};
use crate::deadline::Moment;
use crate::session::SessionKey;

/// One subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubscriptionDetails<'a> {
    pub(crate) id: SubscriptionId,
    pub(crate) created: Moment,
    pub(crate) pattern: &'a UriPattern,
}

impl Broker {
    /// Every subscription, in the order of their ids.
    pub(crate) fn list(&self) -> Vec<SubscriptionDetails<'_>> {
        let mut all: Vec<_> = self.subscriptions.keys().copied().collect();
        all.sort_unstable();
        all.into_iter().filter_map(|id| self.details(id)).collect()
    }

    /// The subscriptions of one session, in the order of their ids.
    pub(crate) fn list_of(&self, holdings: &Holdings) -> Vec<SubscriptionDetails<'_>> {
        holdings.subscriptions.iter().filter_map(|id| self.details(*id)).collect()
    }

    /// One subscription.
    pub(crate) fn details(&self, id: SubscriptionId) -> Option<SubscriptionDetails<'_>> {
        self.subscriptions.get(&id).map(|subscription| SubscriptionDetails {
            id,
            created: subscription.created,
            pattern: &subscription.pattern,
        })
    }

    /// The subscription of exactly this pattern.
    pub(crate) fn lookup(&self, pattern: &UriPattern) -> Option<SubscriptionId> {
        self.index.at(pattern).copied()
    }

    /// Every subscription that an event on a topic would go to.
    pub(crate) fn matching(&self, topic: &str) -> Vec<SubscriptionId> {
        let mut matching = Vec::new();
        self.index.all_matches(topic, |id| matching.push(*id));
        matching
    }

    /// The subscribers of a subscription, in the order of their keys.
    pub(crate) fn subscribers(&self, id: SubscriptionId) -> Option<Vec<SessionKey>> {
        self.subscriptions.get(&id).map(|held| held.members.all().into_iter().collect())
    }

    /// The events that are kept of a subscription, if any are.
    pub(crate) fn history(&self, id: SubscriptionId) -> Option<&History> {
        self.subscriptions.get(&id)?.history.as_deref()
    }
}
