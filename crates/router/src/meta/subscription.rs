//! Who listens to what: `wamp.subscription.*`.
//!
//! Spec: advanced profile "Subscriptions Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{SessionId, SubscriptionId};
use cloverleaf_wamp::payload::{NumberList, Payload};
use serde::Serialize;

use super::listing::{IdLists, ListingKind};
use super::{MetaCall, value};
use crate::broker::{SubscriberListCursor, SubscriptionInfo};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::uri_index::MatchCursor;

/// SubscriptionDetails of the specification.
#[derive(Serialize)]
pub(super) struct SubscriptionDetails<'a> {
    id: u64,
    created: String,
    uri: &'a str,
    #[serde(rename = "match")]
    policy: &'static str,
}

impl<'a> SubscriptionDetails<'a> {
    pub(super) fn new(subscription: SubscriptionInfo<'a>) -> Self {
        Self {
            id: subscription.id.number(),
            created: subscription.created.text(),
            uri: subscription.pattern.as_str(),
            policy: subscription.pattern.policy().name(),
        }
    }
}

impl<O: Outbox> Realm<O> {
    pub(super) fn list_subscriptions(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let of = self.listed(meta)?;
        self.list(meta, ListingKind::Subscriptions { of, after: None, lists: IdLists::default() })
    }

    pub(super) fn lookup_subscription(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let pattern = self.looked_up(meta, "topic")?;
        Ok(value(self.broker.lookup(&pattern).map(u64::from)))
    }

    pub(super) fn match_subscriptions(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let topic: String = meta.required("topic")?;
        let (cursor, ids) = (MatchCursor::default(), NumberList::default());
        self.list(meta, ListingKind::Matching { topic, cursor, ids })
    }

    pub(super) fn get_subscription(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let details = self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        Ok(value(SubscriptionDetails::new(details)))
    }

    pub(super) fn list_subscribers(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Option<Payload>, RequestFailure> {
        let id = subscription_id(meta)?;
        self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        let (cursor, ids) = (SubscriberListCursor::default(), NumberList::default());
        self.list(meta, ListingKind::Subscribers { id, cursor, ids })
    }

    pub(super) fn count_subscribers(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        self.broker.subscriber_count(id).map(value).ok_or(RequestFailure::UnknownSubscription(id))
    }

    /// Takes a subscription away from one of its subscribers.
    pub(super) fn remove_subscriber(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let (id, subscriber) = (subscription_id(meta)?, meta.id("subscriber_id", SessionId::new)?);
        let reason = meta.text("reason")?;
        if self.broker.details(id).is_none() {
            return Err(RequestFailure::UnknownSubscription(id));
        }
        let session = self.sessions.with_id(subscriber);
        let key = session.ok_or(RequestFailure::NoSuchSession(subscriber))?.key;
        let reason = reason.as_deref().unwrap_or(error_uri::UNSUBSCRIBED);
        let (sessions, mut changes) = (&mut self.sessions, Vec::new());
        if !self.broker.remove_subscriber(sessions, key, id, reason, &mut changes) {
            return Err(RequestFailure::NoSubscriber(subscriber, id));
        }
        self.publish_subscription_changes(key, &changes, meta.now);
        Ok(value(()))
    }
}

pub(super) fn subscription_id(meta: MetaCall<'_>) -> Result<SubscriptionId, RequestFailure> {
    meta.id("subscription_id", SubscriptionId::new)
}
