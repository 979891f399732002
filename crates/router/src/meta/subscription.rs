//! Meta procedures `wamp.subscription.*`.
//!
//! Spec: advanced profile "Subscriptions Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::SubscriptionId;
use cloverleaf_wamp::payload::{NumberList, Payload};

use super::directory::Removal;
use super::{MetaCall, value};
use crate::broker::SubscriberListCursor;
use crate::failure::RequestFailure;
use crate::jobs::listing::{IdLists, ListingKind};
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::uri_index::MatchCursor;

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
        self.subscription_details(id).map(value).ok_or(RequestFailure::UnknownSubscription(id))
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

    /// Removes one subscriber of a subscription.
    pub(super) fn remove_subscriber(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let Removal { id: subscriber, reason } =
            Removal::read(meta, "subscriber_id", error_uri::UNSUBSCRIBED)?;
        self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        let key = self.session_with(subscriber)?;
        let (sessions, mut changes) = (&mut self.sessions, Vec::new());
        if !self.broker.remove_subscriber(sessions, key, id, &reason, &mut changes) {
            return Err(RequestFailure::NoSubscriber(subscriber, id));
        }
        self.publish_subscription_changes(key, &changes, meta.now);
        Ok(value(()))
    }
}

pub(super) fn subscription_id(meta: MetaCall<'_>) -> Result<SubscriptionId, RequestFailure> {
    meta.id("subscription_id", SubscriptionId::new)
}
