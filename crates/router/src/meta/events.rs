//! Meta events about sessions, registrations and subscriptions.
//!
//! An event is built only if a session has subscribed to its topic. Spec: advanced profile "Session
//! Meta API", "Registration Meta API", "Subscriptions Meta API".

use cloverleaf_wamp::ids::{PublicationId, RequestId};
use cloverleaf_wamp::message::{Publish, PublishOptions};
use cloverleaf_wamp::payload::Payload;

use super::directory::EntryDetails;
use super::{session, value, values};
use crate::broker::{self, NewPublication, Publication};
use crate::change::EntryChange;
use crate::deadline::Moment;
use crate::dealer;
use crate::outbox::Outbox;
use crate::realm::Realm;
use crate::session::{Principal, SessionKey};
use crate::work;

impl<O: Outbox> Realm<O> {
    /// Publishes a meta event about a session, if its topic has subscribers. It stands in the order
    /// of the publications of that session.
    pub(super) fn publish_meta_event(
        &mut self,
        about: SessionKey,
        topic: &str,
        payload: impl FnOnce(&Self) -> Payload,
        now: Moment,
    ) {
        if !self.settings.meta_api || !self.broker.has_listeners(topic) {
            return;
        }
        if self.broker.has_no_memory_for_meta_events() {
            self.dropped_meta_events += 1;
            return;
        }
        let Some(request) = RequestId::new(1) else { return };
        let (options, payload) = (Box::new(PublishOptions::default()), payload(self));
        self.work.spend_bytes(payload.size());
        let publish = Publish { request, options, topic: topic.into(), payload };
        let publication = Publication::new(NewPublication {
            id: PublicationId::from_random(self.random.bits()),
            source: about,
            publisher: None,
            publish,
            disclosed: false,
            trustlevel: None,
            now,
            at: self.time_of_events(),
        });
        self.publish_accepted(publication, now);
    }

    /// Delivers a publication that is not acknowledged.
    pub(super) fn publish_accepted(&mut self, mut publication: Publication, now: Moment) {
        if self.broker.store(&mut self.sessions, &mut publication, None).is_ok() {
            self.broker.publish(&mut self.sessions, publication, now, &mut self.work);
        }
    }

    /// Takes the number of meta events that were dropped since the last call, because too many wait
    /// for their subscribers ([`max_outgoing_meta_bytes`]).
    ///
    /// [`max_outgoing_meta_bytes`]: crate::SharedLimits::max_outgoing_meta_bytes
    pub const fn take_dropped_meta_events(&mut self) -> u64 {
        std::mem::replace(&mut self.dropped_meta_events, 0)
    }

    pub(crate) fn publish_joined(&mut self, key: SessionKey, now: Moment) {
        self.publish_meta_event(key, "wamp.session.on_join", |realm| realm.details_of(key), now);
    }

    pub(crate) fn publish_left(&mut self, key: SessionKey, who: &Principal, now: Moment) {
        let session = key.id().number();
        let payload = |realm: &Self| {
            if realm.settings.compatibility.on_leave_is_id_only() {
                return value(session);
            }
            values(&(session, who.authid.as_str(), who.authrole.as_str()))
        };
        self.publish_meta_event(key, "wamp.session.on_leave", payload, now);
    }

    /// Publishes the sessions that have missed an event for the first time because they read too
    /// slowly: at least one, and more as far as the work allows.
    pub(crate) fn publish_slow_consumers(&mut self, now: Moment) {
        while let Some(key) = self.broker.backpressure.take_slow() {
            // The session may have ended meanwhile.
            if self.sessions.at(key).is_some() {
                self.publish_meta_event(key, ON_SLOW_CONSUMER, |realm| realm.details_of(key), now);
            }
            self.work.spend(work::EVENT);
            if self.work.is_spent() {
                return;
            }
        }
    }

    /// The details of a session as event arguments.
    fn details_of(&self, key: SessionKey) -> Payload {
        let session = self.sessions.at(key);
        session.map(|session| session::details(session, &self.settings)).unwrap_or_default()
    }

    pub(crate) fn publish_registration_changes(
        &mut self,
        by: SessionKey,
        changes: &[dealer::RegistrationChange],
        now: Moment,
    ) {
        self.publish_changes(&REGISTRATION, by, changes, Self::registration_details, now);
    }

    pub(crate) fn publish_subscription_changes(
        &mut self,
        by: SessionKey,
        changes: &[broker::SubscriptionChange],
        now: Moment,
    ) {
        self.publish_changes(&SUBSCRIPTION, by, changes, Self::subscription_details, now);
    }

    fn publish_changes<Id: Copy + Into<u64>>(
        &mut self,
        topics: &Topics,
        by: SessionKey,
        changes: &[EntryChange<Id>],
        details: impl Fn(&Self, Id) -> Option<EntryDetails<'_>>,
        now: Moment,
    ) {
        let session = |key: SessionKey| key.id().number();
        for change in changes {
            let (topic, key, id) = match *change {
                EntryChange::Created(id) => {
                    let created = |realm: &Self| {
                        let details = details(realm, id);
                        details.map(|details| values(&(session(by), details))).unwrap_or_default()
                    };
                    self.publish_meta_event(by, topics.created, created, now);
                    continue;
                }
                EntryChange::Joined(id) => (topics.joined, by, id),
                EntryChange::Left(id, key) => (topics.left, key, id),
                EntryChange::Deleted(id, key) => (topics.deleted, key, id),
            };
            self.publish_meta_event(by, topic, |_| values(&(session(key), id.into())), now);
        }
    }
}

/// An extension of this router: `details|dict` of the session, as in `wamp.session.on_join`.
const ON_SLOW_CONSUMER: &str = "cloverleaf.session.on_slow_consumer";

/// The topics of the changes of registrations or subscriptions.
struct Topics {
    created: &'static str,
    joined: &'static str,
    left: &'static str,
    deleted: &'static str,
}

const REGISTRATION: Topics = Topics {
    created: "wamp.registration.on_create",
    joined: "wamp.registration.on_register",
    left: "wamp.registration.on_unregister",
    deleted: "wamp.registration.on_delete",
};

const SUBSCRIPTION: Topics = Topics {
    created: "wamp.subscription.on_create",
    joined: "wamp.subscription.on_subscribe",
    left: "wamp.subscription.on_unsubscribe",
    deleted: "wamp.subscription.on_delete",
};
