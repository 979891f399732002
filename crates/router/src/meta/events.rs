//! What the router publishes: who came and went, what was registered and subscribed.
//!
//! An event is made only when somebody listens. Spec: advanced profile "Session Meta API",
//! "Registration Meta API", "Subscriptions Meta API".

use cloverleaf_wamp::ids::{PublicationId, RequestId};
use cloverleaf_wamp::message::{Publish, PublishOptions};
use cloverleaf_wamp::payload::Payload;

use super::{registration, session, subscription, values};
use crate::broker::{self, Publication};
use crate::change::Change;
use crate::deadline::Moment;
use crate::dealer;
use crate::outbox::Outbox;
use crate::realm::{Departed, Realm};
use crate::session::{Session, SessionKey};

impl<O: Outbox> Realm<O> {
    /// Publishes what the router has to say, if anybody listens.
    pub(super) fn tell(
        &mut self,
        topic: &str,
        payload: impl FnOnce(&Self) -> Payload,
        now: Moment,
    ) {
        if !self.settings.meta_api || !self.broker.has_listeners(topic) {
            return;
        }
        let Some(request) = RequestId::new(1) else { return };
        let (options, payload) = (Box::new(PublishOptions::default()), payload(self));
        let publish = Publish { request, options, topic: topic.into(), payload };
        let publication = Publication {
            id: PublicationId::from_random(self.random.bits()),
            publisher: None,
            publish: &publish,
            disclosed: false,
            trustlevel: None,
            now,
        };
        self.broker.publish(&self.sessions, &publication);
    }

    pub(crate) fn tell_joined(&mut self, key: SessionKey, now: Moment) {
        let details = |realm: &Self| realm.sessions.at(key).map(session::details);
        self.tell("wamp.session.on_join", |realm| details(realm).unwrap_or_default(), now);
    }

    /// What a session no longer holds, what it has left behind to be said, and that it has left.
    pub(crate) fn tell_departed(&mut self, departed: &mut Departed<O>, now: Moment) {
        let key = departed.session.key;
        self.tell_subscriptions(key, &departed.unsubscribed, now);
        self.tell_registrations(key, &departed.unregistered, now);
        self.publish_testaments(&mut departed.session, now);
        self.tell_left(&departed.session, now);
    }

    fn tell_left(&mut self, gone: &Session<O>, now: Moment) {
        let who = &gone.principal;
        let left = (gone.key.id().number(), who.authid.as_str(), who.authrole.as_str());
        let payload = |_: &Self| values(&left);
        self.tell("wamp.session.on_leave", payload, now);
    }

    /// Publishes who has missed an event for the first time, because it reads too slowly.
    pub(crate) fn tell_slow(&mut self, now: Moment) {
        while let Some(key) = self.broker.pressure.take_slow() {
            // It may have gone before anybody could be told.
            let Some(details) = self.sessions.at(key).map(session::details) else { continue };
            self.tell(ON_SLOW_CONSUMER, |_| details, now);
        }
    }

    pub(crate) fn tell_registrations(
        &mut self,
        by: SessionKey,
        changes: &[dealer::Change],
        now: Moment,
    ) {
        let by = by.id().number();
        let created = |realm: &Self, id| {
            let told = realm
                .dealer
                .details(id)
                .map(|details| values(&(by, registration::Told::new(details, realm.clock))));
            told.unwrap_or_default()
        };
        self.tell_changes(&REGISTRATION, by, changes, created, now);
    }

    pub(crate) fn tell_subscriptions(
        &mut self,
        by: SessionKey,
        changes: &[broker::Change],
        now: Moment,
    ) {
        let by = by.id().number();
        let created = |realm: &Self, id| {
            let told = realm
                .broker
                .details(id)
                .map(|details| values(&(by, subscription::Told::new(details, realm.clock))));
            told.unwrap_or_default()
        };
        self.tell_changes(&SUBSCRIPTION, by, changes, created, now);
    }

    fn tell_changes<Id: Copy + Into<u64>>(
        &mut self,
        topics: &Topics,
        by: u64,
        changes: &[Change<Id>],
        created: impl Fn(&Self, Id) -> Payload,
        now: Moment,
    ) {
        for change in changes {
            match *change {
                Change::Created(id) => {
                    self.tell(topics.created, |realm| created(realm, id), now);
                }
                Change::Joined(id) => {
                    self.tell(topics.joined, |_| values(&(by, id.into())), now);
                }
                Change::Left(id, key) => {
                    let payload = |_: &Self| values(&(key.id().number(), id.into()));
                    self.tell(topics.left, payload, now);
                }
                Change::Deleted(id, key) => {
                    let payload = |_: &Self| values(&(key.id().number(), id.into()));
                    self.tell(topics.deleted, payload, now);
                }
            }
        }
    }
}

/// This router's own: `details|dict` of the session, as in `wamp.session.on_join`.
const ON_SLOW_CONSUMER: &str = "cloverleaf.session.on_slow_consumer";

/// What the changes of registrations or subscriptions are told on.
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
