//! SUBSCRIBE and UNSUBSCRIBE, and the end of subscriptions.
//!
//! Spec: basic profile "Subscribing and Unsubscribing"; advanced profile "Subscription Revocation".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{RequestId, SubscriptionId};
use cloverleaf_wamp::message::{RouterMessage, Subscribed, Unsubscribed, UnsubscribedDetails};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, is_reserved};

use super::members::{Manner, Members};
use super::{Broker, Holdings, Subscription};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::{MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION, MAX_SUBSCRIPTIONS_PER_SESSION};
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};

/// What has changed in a subscription.
pub(crate) type Change = crate::change::Change<SubscriptionId>;

/// A SUBSCRIBE that is allowed.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) request: RequestId,
    pub(crate) pattern: UriPattern,
    pub(crate) manner: Manner,
    /// Events that were kept are wanted.
    pub(crate) get_retained: bool,
}

impl Holdings {
    /// Refused while the session has as many subscriptions as it may.
    fn check_room(&self, policy: MatchPolicy) -> Result<(), RequestFailure> {
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS_PER_SESSION {
            return Err(RequestFailure::LimitReached("subscriptions"));
        }
        if policy != MatchPolicy::Exact
            && self.pattern_subscriptions >= MAX_PATTERN_SUBSCRIPTIONS_PER_SESSION
        {
            return Err(RequestFailure::LimitReached("pattern subscriptions"));
        }
        Ok(())
    }
}

impl Broker {
    /// Adds a subscriber. The same session and pattern again is the same subscription; it listens
    /// in the manner that it asked for last.
    pub(crate) fn subscribe<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        wish: Wish,
        now: Moment,
    ) -> Result<Vec<Change>, RequestFailure> {
        let Wish { request, pattern, manner, get_retained } = wish;
        let existing = self.index.at(&pattern).copied();
        if existing.is_none_or(|id| !session.broker.subscriptions.contains(&id)) {
            session.broker.check_room(pattern.policy())?;
        }
        let mut changes = Vec::new();
        let id = existing.unwrap_or_else(|| {
            let id = self.create(pattern.clone(), now);
            changes.push(Change::Created(id));
            id
        });
        if let Some(subscription) = self.subscriptions.get_mut(&id)
            && subscription.members.insert(session.key, manner)
        {
            changes.push(Change::Joined(id));
        }
        if session.broker.subscriptions.insert(id) && pattern.policy() != MatchPolicy::Exact {
            session.broker.pattern_subscriptions += 1;
        }
        let answer = Subscribed { request, subscription: id };
        let _ = session.outbox.send(RouterMessage::Subscribed(answer));
        if get_retained {
            self.retention.send_to(session, id, &pattern, now);
        }
        if !is_told(&pattern) {
            changes.clear();
        }
        Ok(changes)
    }

    pub(super) fn create(&mut self, pattern: UriPattern, now: Moment) -> SubscriptionId {
        let mut id = self.ids.next_subscription();
        while self.subscriptions.contains_key(&id) {
            id = self.ids.next_subscription();
        }
        self.index.insert(&pattern, id);
        let members = Members::default();
        let subscription = Subscription { pattern, created: now, members, history: None };
        self.subscriptions.insert(id, subscription);
        id
    }

    /// Takes a subscriber away.
    pub(crate) fn unsubscribe<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        id: SubscriptionId,
    ) -> Result<Vec<Change>, RequestFailure> {
        if !self.release(session, id) {
            return Err(RequestFailure::NoSuchSubscription(id));
        }
        let _ = session.outbox.send(RouterMessage::Unsubscribed(Unsubscribed::Answer(request)));
        let mut changes = Vec::new();
        self.forget(session.key, id, &mut changes);
        Ok(changes)
    }

    /// Whether the session has had the subscription, which it now has no longer.
    fn release<O>(&self, session: &mut Session<O>, id: SubscriptionId) -> bool {
        let was_held = session.broker.subscriptions.remove(&id);
        let policy = self.subscriptions.get(&id).map(|held| held.pattern.policy());
        if was_held && policy.is_some_and(|policy| policy != MatchPolicy::Exact) {
            session.broker.pattern_subscriptions -= 1;
        }
        was_held
    }

    /// Takes a subscription away from a subscriber that has not asked for it, and tells it if it
    /// can be told. Whether the subscriber had it.
    pub(crate) fn remove_subscriber<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        subscriber: SessionKey,
        id: SubscriptionId,
        reason: &str,
        changes: &mut Vec<Change>,
    ) -> bool {
        let Some(session) = sessions.at_mut(subscriber) else { return false };
        if !self.release(session, id) {
            return false;
        }
        if session.roles.subscriber_has(Feature::SubscriptionRevocation) && !session.leaving {
            let details =
                UnsubscribedDetails { subscription: Some(id), reason: Some(reason.into()) };
            let revocation = Unsubscribed::Revocation(details);
            let _ = session.outbox.send(RouterMessage::Unsubscribed(revocation));
        }
        self.forget(subscriber, id, changes);
        true
    }

    fn forget(&mut self, key: SessionKey, id: SubscriptionId, changes: &mut Vec<Change>) {
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        subscription.members.remove(key);
        let is_told = is_told(&subscription.pattern);
        changes.extend(is_told.then_some(Change::Left(id, key)));
        if subscription.members.is_empty()
            && subscription.history.is_none()
            && let Some(subscription) = self.subscriptions.remove(&id)
        {
            self.index.remove(&subscription.pattern);
            changes.extend(is_told.then_some(Change::Deleted(id, key)));
        }
    }

    /// Takes away everything that a leaving session held.
    pub(crate) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: SessionKey,
        holdings: &Holdings,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in &holdings.subscriptions {
            self.forget(key, *id, &mut changes);
        }
        for publication in holdings.awaited.values().chain(&holdings.owed) {
            self.acknowledgements.detach(sessions, key, *publication);
        }
        changes
    }
}

/// Nothing is told of who listens to the router itself: telling it would be something to listen to.
fn is_told(pattern: &UriPattern) -> bool {
    !is_reserved(pattern.as_str())
}
