//! SUBSCRIBE, UNSUBSCRIBE and revocation.
//!
//! Spec: basic profile "Subscribing and Unsubscribing"; advanced profile "Subscription Revocation".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{RequestId, SubscriptionId};
use cloverleaf_wamp::message::{RouterMessage, Subscribed, Unsubscribed, UnsubscribedDetails};
use cloverleaf_wamp::uri::{UriPattern, is_reserved};

use super::subscribers::{DeliveryMode, Subscribers};
use super::{Broker, BrokerState, Subscription};
use crate::deadline::Moment;
use crate::directory::HoldingLimits;
use crate::failure::RequestFailure;
use crate::limits::SessionLimits;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};
use crate::wall_clock::Timestamp;
use crate::work::{self, Work};

/// A change of a subscription.
pub(crate) type SubscriptionChange = crate::change::EntryChange<SubscriptionId>;

/// An authorized SUBSCRIBE.
#[derive(Debug)]
pub(crate) struct SubscribeRequest {
    pub(crate) request: RequestId,
    pub(crate) pattern: UriPattern,
    pub(crate) mode: DeliveryMode,
    /// Retained events are requested.
    pub(crate) get_retained: bool,
}

/// The limits of the subscriptions of one session, with their names in ERROR.
const fn holding_limits(limits: &SessionLimits) -> HoldingLimits {
    HoldingLimits {
        entries: (limits.max_subscriptions, "subscriptions"),
        patterns: (limits.max_pattern_subscriptions, "pattern subscriptions"),
        uri_bytes: (limits.max_uri_bytes, "bytes of subscribed URIs"),
    }
}

impl BrokerState {
    /// Checks that the session may subscribe with a name of so many bytes.
    fn check_room(
        &self,
        limits: &HoldingLimits,
        pattern: &UriPattern,
        name_bytes: u8,
    ) -> Result<(), RequestFailure> {
        let count = self.subscriptions.len();
        self.held.check_entry(limits, count, pattern, usize::from(name_bytes))
    }

    /// Notes that the session subscribes with a name of so many bytes.
    fn hold(&mut self, id: SubscriptionId, pattern: &UriPattern, name_bytes: u8) {
        let before = self.subscriptions.insert(id, name_bytes);
        if before.is_none() {
            self.held.add(pattern);
        }
        self.held.replace_name(before.unwrap_or_default(), name_bytes);
    }
}

impl Broker {
    /// Adds a subscriber. Subscribing again to the same pattern is the same subscription, with the
    /// latest delivery mode.
    ///
    /// Returns the changes, and whether more retained events are to be sent.
    pub(crate) fn subscribe<O: Outbox>(
        &mut self,
        (session, limits): (&mut Session<O>, &SessionLimits),
        wish: SubscribeRequest,
        at: (Moment, Timestamp),
        work: &mut Work,
    ) -> Result<(Vec<SubscriptionChange>, bool), RequestFailure> {
        let SubscribeRequest { request, pattern, mode, get_retained } = wish;
        let (now, created) = at;
        let existing = self.subscriptions.at(&pattern);
        let (name_bytes, limits) = (mode.name_bytes(), holding_limits(limits));
        match existing.and_then(|id| session.broker.subscriptions.get(&id)) {
            None => session.broker.check_room(&limits, &pattern, name_bytes)?,
            Some(before) => {
                let more = usize::from(name_bytes.saturating_sub(*before));
                session.broker.held.check_bytes(&limits, more)?;
            }
        }
        let mut changes = Vec::new();
        let id = existing.unwrap_or_else(|| {
            let id = self.create(pattern.clone(), created);
            changes.push(SubscriptionChange::Created(id));
            id
        });
        if let Some(subscription) = self.subscriptions.get_mut(id)
            && subscription.members.insert(session.key, mode)
        {
            changes.push(SubscriptionChange::Joined(id));
        }
        session.broker.hold(id, &pattern, name_bytes);
        let answer = Subscribed { request, subscription: id };
        let _ = session.outbox.send(RouterMessage::Subscribed(answer));
        if !has_meta_events(&pattern) {
            changes.clear();
        }
        let more = get_retained && self.begin_replay(session, id, pattern, now, work);
        Ok((changes, more))
    }

    pub(super) fn create(&mut self, pattern: UriPattern, created: Timestamp) -> SubscriptionId {
        let members = Subscribers::default();
        self.subscriptions.insert(Subscription { pattern, created, members, history: None })
    }

    /// Removes a subscriber at its own request.
    pub(crate) fn unsubscribe<O: Outbox>(
        &mut self,
        session: &mut Session<O>,
        request: RequestId,
        id: SubscriptionId,
    ) -> Result<Vec<SubscriptionChange>, RequestFailure> {
        if !self.release(session, id) {
            return Err(RequestFailure::NoSuchSubscription(id));
        }
        let _ = session.outbox.send(RouterMessage::Unsubscribed(Unsubscribed::Answer(request)));
        let mut changes = Vec::new();
        self.forget(session.key, id, &mut changes);
        Ok(changes)
    }

    /// Removes the subscription from the state of the session. Returns whether the session had it.
    fn release<O>(&self, session: &mut Session<O>, id: SubscriptionId) -> bool {
        let name_bytes = session.broker.subscriptions.remove(&id);
        if let (Some(name_bytes), Some(subscription)) = (name_bytes, self.subscriptions.get(id)) {
            session.broker.held.remove(&subscription.pattern);
            session.broker.held.replace_name(name_bytes, 0);
        }
        name_bytes.is_some()
    }

    /// Revokes a subscription, and notifies the subscriber if it has announced subscription
    /// revocation. Returns whether it was a subscriber.
    pub(crate) fn remove_subscriber<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        subscriber: SessionKey,
        id: SubscriptionId,
        reason: &str,
        changes: &mut Vec<SubscriptionChange>,
    ) -> bool {
        let Some(session) = sessions.at_mut(subscriber) else { return false };
        if !self.release(session, id) {
            return false;
        }
        if session.roles.subscriber_has(Feature::SubscriptionRevocation) && !session.is_closing {
            let details =
                UnsubscribedDetails { subscription: Some(id), reason: Some(reason.into()) };
            let revocation = Unsubscribed::Revocation(details);
            let _ = session.outbox.send(RouterMessage::Unsubscribed(revocation));
        }
        self.forget(subscriber, id, changes);
        true
    }

    fn forget(
        &mut self,
        key: SessionKey,
        id: SubscriptionId,
        changes: &mut Vec<SubscriptionChange>,
    ) {
        self.retention.replays.end(key, id);
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.members.remove(key);
        let has_meta_events = has_meta_events(&subscription.pattern);
        changes.extend(has_meta_events.then_some(SubscriptionChange::Left(id, key)));
        if subscription.members.is_empty() && subscription.history.is_none() {
            self.subscriptions.remove(id);
            changes.extend(has_meta_events.then_some(SubscriptionChange::Deleted(id, key)));
        }
    }

    /// Removes the state of a session that has ended, as far as the work allows. Returns whether
    /// nothing is left.
    pub(crate) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        key: SessionKey,
        holdings: &mut BrokerState,
        changes: &mut Vec<SubscriptionChange>,
        work: &mut Work,
    ) -> bool {
        while !work.is_spent() {
            work.spend(work::REMOVAL);
            if let Some((id, _)) = holdings.subscriptions.pop_first() {
                self.forget(key, id, changes);
            } else if let Some((_, publication)) = holdings.awaited.pop_first() {
                self.acknowledgements.detach(sessions, key, publication);
            } else if let Some(publication) = holdings.owed.pop_first() {
                self.acknowledgements.detach(sessions, key, publication);
            } else if self.backpressure.detach(key, work) {
                return true;
            }
        }
        false
    }
}

/// Subscriptions to `wamp.*` are excluded from meta events, since each meta event would trigger
/// another.
fn has_meta_events(pattern: &UriPattern) -> bool {
    !is_reserved(pattern.as_str())
}
