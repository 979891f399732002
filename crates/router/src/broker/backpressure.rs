//! Backpressure: subscribers that read more slowly than they are published to.
//!
//! Their outboxes decide on their events. This module remembers which publishers have to wait for
//! them, and which subscribers have missed an event for the first time.

use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::limits::MAX_CONGESTED_PER_PUBLISHER;
use crate::outbox::{Delivery, Outbox};
use crate::session::{Session, SessionKey, Sessions};
use crate::work::Work;

/// Sets of sessions by session. No set is empty.
type Pairs = HashMap<SessionKey, BTreeSet<SessionKey>>;

/// The congested subscribers of a realm.
#[derive(Debug, Default)]
pub(crate) struct Backpressure {
    /// For each publisher, the subscribers without room for more of its events: at most
    /// [`MAX_CONGESTED_PER_PUBLISHER`].
    congested: Pairs,
    /// The same pairs by subscriber, for when a subscriber leaves.
    publishers: Pairs,
    /// Subscribers that have missed their first event, before that is published.
    slow: Vec<SessionKey>,
}

impl Backpressure {
    /// Notes the outcome of sending an event. A publisher does not wait for itself.
    #[inline]
    pub(super) fn note<O>(
        &mut self,
        sessions: &Sessions<O>,
        publisher: Option<SessionKey>,
        subscriber: &Session<O>,
        delivery: Delivery,
    ) {
        if !matches!(delivery, Delivery::Queued) {
            self.note_trouble(sessions, publisher, subscriber, delivery);
        }
    }

    #[cold]
    fn note_trouble<O>(
        &mut self,
        sessions: &Sessions<O>,
        publisher: Option<SessionKey>,
        subscriber: &Session<O>,
        delivery: Delivery,
    ) {
        match delivery {
            Delivery::Queued | Delivery::Closed => {}
            Delivery::AboveHighWater => {
                // A publisher may have left before its last publications are sent.
                if let Some(publisher) = publisher
                    && publisher != subscriber.key
                    && sessions.at(publisher).is_some()
                {
                    self.add_congested(publisher, subscriber.key);
                }
            }
            Delivery::Dropped => self.note_loss(subscriber),
        }
    }

    /// Notes that a subscriber has missed an event.
    pub(crate) fn note_loss<O>(&mut self, subscriber: &Session<O>) {
        if !subscriber.is_slow.replace(true) {
            self.slow.push(subscriber.key);
        }
    }

    fn add_congested(&mut self, publisher: SessionKey, subscriber: SessionKey) {
        let subscribers = self.congested.entry(publisher).or_default();
        if subscribers.len() < MAX_CONGESTED_PER_PUBLISHER && subscribers.insert(subscriber) {
            self.publishers.entry(subscriber).or_default().insert(publisher);
        }
    }

    /// Whether no publisher has to wait and no missed event is to be published.
    pub(crate) fn is_none(&self) -> bool {
        self.congested.is_empty() && self.slow.is_empty()
    }

    /// Whether the table of publishers and the subscribers they wait for is empty.
    pub(crate) fn has_no_waiting_publisher(&self) -> bool {
        self.congested.is_empty() && self.publishers.is_empty()
    }

    /// Whether a publisher has to wait.
    pub(crate) fn makes_wait_for(&self, publisher: SessionKey) -> bool {
        self.congested.contains_key(&publisher)
    }

    /// Takes out the outboxes that a publisher has to wait for.
    pub(crate) fn take_congested<'a, O: Outbox>(
        &mut self,
        publisher: SessionKey,
        sessions: &'a Sessions<O>,
    ) -> Vec<&'a O> {
        let subscribers = self.take_subscribers(publisher);
        let sessions = subscribers.iter().filter_map(|subscriber| sessions.at(*subscriber));
        sessions.map(|session| &session.outbox).collect()
    }

    /// Removes a publisher and returns the subscribers that it would have to wait for.
    fn take_subscribers(&mut self, publisher: SessionKey) -> BTreeSet<SessionKey> {
        let subscribers = self.congested.remove(&publisher).unwrap_or_default();
        for subscriber in &subscribers {
            remove_pair(&mut self.publishers, *subscriber, publisher);
        }
        subscribers
    }

    /// Removes a session that has left: as a publisher, and from the set of one publisher. Returns
    /// whether it has no entry any more.
    pub(super) fn detach(&mut self, gone: SessionKey, work: &mut Work) -> bool {
        work.spend_entries(self.take_subscribers(gone).len());
        let Some(publishers) = self.publishers.get_mut(&gone) else { return true };
        if let Some(publisher) = publishers.pop_first() {
            remove_pair(&mut self.congested, publisher, gone);
        }
        publishers.is_empty() && self.publishers.remove(&gone).is_some()
    }

    /// Whether [`Self::take_slow`] returns a session.
    pub(crate) const fn has_slow(&self) -> bool {
        !self.slow.is_empty()
    }

    /// Takes a subscriber that has missed its first event.
    pub(crate) fn take_slow(&mut self) -> Option<SessionKey> {
        self.slow.pop()
    }
}

/// Removes `value` from the set of `key`, and the set when it becomes empty.
fn remove_pair(pairs: &mut Pairs, key: SessionKey, value: SessionKey) {
    if let Some(values) = pairs.get_mut(&key) {
        values.remove(&value);
        if values.is_empty() {
            pairs.remove(&key);
        }
    }
}
