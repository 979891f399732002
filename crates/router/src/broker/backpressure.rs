//! Subscribers that read more slowly than they are published to.
//!
//! What becomes of their events is decided behind their outboxes; here is remembered who has to
//! wait for them, and who has missed an event for the first time.

use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::limits::MAX_CONGESTED_PER_PUBLISHER;
use crate::outbox::{Delivery, Outbox};
use crate::session::{Session, SessionKey, Sessions};
use crate::work::Work;

/// Sets of sessions by session; none of them is empty.
type Pairs = HashMap<SessionKey, BTreeSet<SessionKey>>;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Backpressure {
    /// For each publisher, the subscribers that have no room for more of its events: at most
    /// [`MAX_CONGESTED_PER_PUBLISHER`].
    congested: Pairs,
    /// The same pairs by subscriber, for when one leaves.
    publishers: Pairs,
    /// Who has missed its first event.
    slow: Vec<SessionKey>,
}

impl Backpressure {
    /// Notes what became of an event. Nobody waits for itself.
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

    /// Whether everybody keeps up.
    pub(crate) fn is_none(&self) -> bool {
        self.congested.is_empty() && self.slow.is_empty()
    }

    /// Whether the table of publishers and the subscribers they wait for is empty.
    pub(crate) fn makes_nobody_wait(&self) -> bool {
        self.congested.is_empty() && self.publishers.is_empty()
    }

    /// Whether a publisher has to wait.
    pub(crate) fn makes_wait_for(&self, publisher: SessionKey) -> bool {
        self.congested.contains_key(&publisher)
    }

    /// The outboxes that a publisher has to wait for.
    pub(crate) fn take_congested<'a, O: Outbox>(
        &mut self,
        publisher: SessionKey,
        sessions: &'a Sessions<O>,
    ) -> Vec<&'a O> {
        let subscribers = self.take_subscribers(publisher);
        let sessions = subscribers.iter().filter_map(|subscriber| sessions.at(*subscriber));
        sessions.map(|session| &session.outbox).collect()
    }

    /// Removes a publisher, and returns the subscribers that it would have to wait for.
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

    /// One who has missed its first event and has not been told of.
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
