//! Subscribers that read more slowly than they are published to.
//!
//! What becomes of their events is decided behind their outboxes; here is remembered who has to
//! wait for them, and who has missed an event for the first time.

use crate::outbox::{Delivery, Outbox};
use crate::session::{Session, SessionKey, Sessions};

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    /// A publisher, and the subscriber that has no room for more of its events.
    crowded: Vec<(SessionKey, SessionKey)>,
    /// Who has missed its first event.
    slow: Vec<SessionKey>,
}

impl Pressure {
    /// Notes what became of an event. Nobody waits for itself.
    #[inline]
    pub(super) fn note<O>(
        &mut self,
        publisher: Option<SessionKey>,
        subscriber: &Session<O>,
        delivery: Delivery,
    ) {
        if !matches!(delivery, Delivery::Queued) {
            self.note_trouble(publisher, subscriber, delivery);
        }
    }

    #[cold]
    fn note_trouble<O>(
        &mut self,
        publisher: Option<SessionKey>,
        subscriber: &Session<O>,
        delivery: Delivery,
    ) {
        match delivery {
            Delivery::Queued | Delivery::Gone => {}
            Delivery::Crowded => {
                let waits = publisher.filter(|publisher| *publisher != subscriber.key);
                self.crowded.extend(waits.map(|publisher| (publisher, subscriber.key)));
            }
            Delivery::Congested => {
                if !subscriber.is_slow.replace(true) {
                    self.slow.push(subscriber.key);
                }
            }
        }
    }

    /// Whether everybody keeps up.
    pub(crate) const fn is_none(&self) -> bool {
        self.crowded.is_empty() && self.slow.is_empty()
    }

    /// Whether anybody has to wait.
    pub(crate) const fn makes_wait(&self) -> bool {
        !self.crowded.is_empty()
    }

    /// The outboxes that a publisher has to wait for.
    pub(crate) fn take_crowded<'a, O: Outbox>(
        &mut self,
        publisher: SessionKey,
        sessions: &'a Sessions<O>,
    ) -> Vec<&'a O> {
        let its = self.crowded.extract_if(.., |(waits, _)| *waits == publisher);
        let sessions = its.filter_map(|(_, subscriber)| sessions.at(subscriber));
        sessions.map(|session| &session.outbox).collect()
    }

    /// A publisher that has gone waits for nobody.
    pub(crate) fn forget(&mut self, publisher: SessionKey) {
        self.crowded.retain(|(waits, _)| *waits != publisher);
    }

    /// One who has missed its first event and has not been told of.
    pub(crate) fn take_slow(&mut self) -> Option<SessionKey> {
        self.slow.pop()
    }
}
