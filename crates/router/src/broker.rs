//! Subscriptions and publications: who hears what.
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and
//! Events"; advanced profile "Pattern-based Subscription", "Subscriber Black- and
//! Whitelisting", "Publisher Exclusion", "Publisher Identification".

use std::collections::BTreeSet;

use cloverleaf_wamp::ids::{IdSequence, PublicationId, RequestId, SubscriptionId};
use cloverleaf_wamp::message::{
    Event, EventDetails, Publish, RouterMessage, SharedEvent, Subscribed, Unsubscribed,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use foldhash::HashMap;

use crate::limits::{MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION, MAX_SUBSCRIPTIONS_PER_SESSION};
use crate::outbox::Outbox;
use crate::realm::RequestFailure;
use crate::session::{Session, SessionKey, Sessions};
use crate::uri_index::UriIndex;

mod publication;

use publication::Eligibility;

/// What a session holds in the broker.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    subscriptions: BTreeSet<SubscriptionId>,
    /// How many of them are not exact.
    pattern_subscriptions: usize,
}

/// A pattern and who listens to it; it exists as long as anybody does.
#[derive(Debug)]
struct Subscription {
    pattern: UriPattern,
    subscribers: BTreeSet<SessionKey>,
}

/// The broker of one realm.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    subscriptions: HashMap<SubscriptionId, Subscription>,
    index: UriIndex<SubscriptionId>,
    ids: IdSequence,
}

impl Broker {
    /// Adds a subscriber. The same session and pattern again is the same subscription, and changes
    /// nothing.
    pub(crate) fn subscribe<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        pattern: UriPattern,
    ) -> Result<(), RequestFailure> {
        if session.broker.subscriptions.len() >= MAX_SUBSCRIPTIONS_PER_SESSION {
            return Err(RequestFailure::LimitReached("subscriptions"));
        }
        let is_pattern = pattern.policy() != MatchPolicy::Exact;
        if is_pattern
            && session.broker.pattern_subscriptions >= MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION
        {
            return Err(RequestFailure::LimitReached("pattern subscriptions"));
        }
        let id = match self.index.at(&pattern) {
            Some(id) => *id,
            None => self.create(pattern),
        };
        if let Some(subscription) = self.subscriptions.get_mut(&id) {
            subscription.subscribers.insert(session.key);
        }
        if session.broker.subscriptions.insert(id) && is_pattern {
            session.broker.pattern_subscriptions += 1;
        }
        let answer = Subscribed { request, subscription: id };
        let _ = session.outbox.send(RouterMessage::Subscribed(answer));
        Ok(())
    }

    fn create(&mut self, pattern: UriPattern) -> SubscriptionId {
        let mut id = self.ids.next_subscription();
        while self.subscriptions.contains_key(&id) {
            id = self.ids.next_subscription();
        }
        self.index.insert(&pattern, id);
        self.subscriptions.insert(id, Subscription { pattern, subscribers: BTreeSet::new() });
        id
    }

    /// Takes a subscriber away.
    pub(crate) fn unsubscribe<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        id: SubscriptionId,
    ) -> Result<(), RequestFailure> {
        if !session.broker.subscriptions.remove(&id) {
            return Err(RequestFailure::NoSuchSubscription(id));
        }
        let pattern = self.subscriptions.get(&id).map(|held| held.pattern.policy());
        if pattern.is_some_and(|policy| policy != MatchPolicy::Exact) {
            session.broker.pattern_subscriptions -= 1;
        }
        self.forget(session.key, id);
        let _ = session.outbox.send(RouterMessage::Unsubscribed(Unsubscribed::Answer(request)));
        Ok(())
    }

    fn forget(&mut self, key: SessionKey, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        subscription.subscribers.remove(&key);
        if subscription.subscribers.is_empty()
            && let Some(subscription) = self.subscriptions.remove(&id)
        {
            self.index.remove(&subscription.pattern);
        }
    }

    /// Takes away everything that a leaving session held.
    pub(crate) fn detach(&mut self, key: SessionKey, holdings: &Holdings) {
        for id in &holdings.subscriptions {
            self.forget(key, *id);
        }
    }

    /// Tells every eligible subscriber of every matching subscription. Each subscription makes one
    /// event; its subscribers share it.
    ///
    /// `disclosed` names the publisher to the subscribers.
    pub(crate) fn publish<O: Outbox>(
        &self,
        sessions: &Sessions<O>,
        publisher: SessionKey,
        publish: &Publish,
        publication: PublicationId,
        disclosed: bool,
    ) {
        let mut matching = Vec::new();
        self.index.all_matches(publish.topic.as_str(), |id| matching.push(*id));
        if matching.is_empty() {
            return;
        }
        let eligibility = Eligibility::new(&publish.options, publisher);
        let details = event_details(publish, disclosed.then(|| sessions.at(publisher)).flatten());
        for id in matching {
            let Some(subscription) = self.subscriptions.get(&id) else { continue };
            let mut details = Box::new(details.clone());
            if subscription.pattern.policy() != MatchPolicy::Exact {
                details.topic = Some(publish.topic.as_str().into());
            }
            let payload = publish.payload.clone();
            let event = SharedEvent::new(Event { subscription: id, publication, details, payload });
            for key in &subscription.subscribers {
                let Some(subscriber) = sessions.at(*key) else { continue };
                if subscriber.leaving || !eligibility.allows(subscriber) {
                    continue;
                }
                // A congested subscriber misses the event; its outbox counts that.
                let _ = subscriber.outbox.send(RouterMessage::Event(event.clone()));
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.index.is_empty()
    }
}

fn event_details<O>(publish: &Publish, disclosed: Option<&Session<O>>) -> EventDetails {
    let options = &publish.options;
    EventDetails {
        publisher: disclosed.map(|session| session.key.id()),
        publisher_authid: disclosed.map(|session| session.principal.authid.clone()),
        publisher_authrole: disclosed.map(|session| session.principal.authrole.clone()),
        forward_for: options.forward_for.clone(),
        transaction_hash: options.transaction_hash.clone(),
        enc_algo: options.enc_algo,
        enc_key: options.enc_key.clone(),
        enc_serializer: options.enc_serializer.clone(),
        ..EventDetails::default()
    }
}
