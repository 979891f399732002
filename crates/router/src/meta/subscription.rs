//! Who listens to what: `wamp.subscription.*`.
//!
//! Spec: advanced profile "Subscriptions Meta API".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::{SessionId, SubscriptionId};
use cloverleaf_wamp::payload::Payload;
use serde::Serialize;

use super::registration::Lists;
use super::{MetaCall, value};
use crate::broker::SubscriptionDetails;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::wall_clock::WallClock;

/// SubscriptionDetails of the specification.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    id: u64,
    created: String,
    uri: &'a str,
    #[serde(rename = "match")]
    policy: &'static str,
}

impl<'a> Told<'a> {
    pub(super) fn new(subscription: SubscriptionDetails<'a>, clock: WallClock) -> Self {
        Self {
            id: subscription.id.number(),
            created: clock.at(subscription.created).text(),
            uri: subscription.pattern.as_str(),
            policy: subscription.pattern.policy().name(),
        }
    }
}

impl<O: Outbox> Realm<O> {
    pub(super) fn list_subscriptions(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let subscriptions = match self.listed(meta)? {
            Some(session) => self.broker.list_of(&session.broker),
            None => self.broker.list(),
        };
        let mut lists = Lists::default();
        for subscription in subscriptions {
            lists.push(subscription.pattern.policy(), subscription.id.number());
        }
        Ok(value(lists))
    }

    pub(super) fn lookup_subscription(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let pattern = self.looked_up(meta)?;
        Ok(value(self.broker.lookup(&pattern).map(u64::from)))
    }

    pub(super) fn match_subscriptions(
        &self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let topic: String = meta.required(0, "topic")?;
        let matching = self.broker.matching(&topic);
        let ids: Vec<_> = matching.into_iter().map(u64::from).collect();
        Ok(value(Some(ids).filter(|ids| !ids.is_empty())))
    }

    pub(super) fn get_subscription(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let details = self.broker.details(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        Ok(value(Told::new(details, self.clock)))
    }

    pub(super) fn list_subscribers(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let all = self.broker.subscribers(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        Ok(value(all.iter().map(|key| key.id().number()).collect::<Vec<_>>()))
    }

    pub(super) fn count_subscribers(&self, meta: MetaCall<'_>) -> Result<Payload, RequestFailure> {
        let id = subscription_id(meta)?;
        let all = self.broker.subscribers(id).ok_or(RequestFailure::UnknownSubscription(id))?;
        Ok(value(all.len()))
    }

    /// Takes a subscription away from one of its subscribers.
    pub(super) fn remove_subscriber(
        &mut self,
        meta: MetaCall<'_>,
    ) -> Result<Payload, RequestFailure> {
        let (id, subscriber) = (subscription_id(meta)?, meta.id(1, SessionId::new, "session")?);
        let reason: Option<String> = meta.optional(2)?;
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
        self.tell_subscriptions(key, &changes, meta.now);
        Ok(value(()))
    }
}

pub(super) fn subscription_id(meta: MetaCall<'_>) -> Result<SubscriptionId, RequestFailure> {
    meta.id(0, SubscriptionId::new, "subscription")
}
