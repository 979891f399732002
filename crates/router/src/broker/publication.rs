//! PUBLISH to EVENT: one event for each matching subscription, shared by its subscribers.
//!
//! Hot: [`Broker::publish`]. Spec: basic profile "Publishing and Events"; advanced profile
//! "Publisher Identification", "Publication Trust Levels", "Payload Passthru Mode".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{Carried, Event, EventDetails, Publish, RouterMessage, SharedEvent};
use cloverleaf_wamp::uri::MatchPolicy;

use super::eligibility::Eligibility;
use super::history::Ticket;
use super::{Broker, Subscription};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::{Delivery, Outbox};
use crate::session::{Party, Session, Sessions};

/// A PUBLISH that is allowed, or something that the router itself publishes.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) id: PublicationId,
    /// None when the router publishes.
    pub(crate) publisher: Option<Party<'a>>,
    pub(crate) publish: &'a Publish,
    /// The subscribers learn who publishes.
    pub(crate) disclosed: bool,
    pub(crate) trustlevel: Option<u64>,
    pub(crate) now: Moment,
}

impl Publication<'_> {
    /// What every subscriber is told beside the payload.
    pub(super) fn details(&self) -> EventDetails {
        let disclosed = self.publisher.filter(|_| self.disclosed);
        EventDetails {
            publisher: disclosed.map(|party| party.key.id()),
            publisher_authid: disclosed.map(|party| party.principal.authid.clone()),
            publisher_authrole: disclosed.map(|party| party.principal.authrole.clone()),
            trustlevel: self.trustlevel,
            carried: self.publish.options.carried.clone(),
            ..EventDetails::default()
        }
    }

    fn eligibility(&self) -> Eligibility<'_> {
        Eligibility::new(&self.publish.options, self.publisher.map(|party| party.key))
    }

    /// The event of one subscription.
    fn event(&self, id: SubscriptionId, of: &Subscription, details: EventDetails) -> SharedEvent {
        let mut details = Box::new(details);
        if of.pattern.policy() != MatchPolicy::Exact {
            details.topic = Some(self.publish.topic.as_str().into());
        }
        let payload = self.publish.payload.clone();
        SharedEvent::new(Event { subscription: id, publication: self.id, details, payload })
    }
}

/// Whether only subscribers that have announced it can open the payload.
pub(super) fn is_closed(carried: Option<&Carried>) -> bool {
    carried.is_some_and(Carried::uses_passthru)
}

/// Whether a subscriber has announced that it opens such payloads.
pub(super) fn opens_closed<O>(subscriber: &Session<O>) -> bool {
    subscriber.roles.subscriber_has(Feature::PayloadPassthruMode)
}

impl Broker {
    /// Whether anybody listens to a topic.
    pub(crate) fn has_listeners(&self, topic: &str) -> bool {
        let mut found = false;
        self.index.all_matches(topic, |_| found = true);
        found
    }

    /// Keeps an event for later subscribers, if its publisher asks for it. Refused while there is
    /// no room; then the event should go nowhere.
    pub(crate) fn retain(&mut self, publication: &Publication<'_>) -> Result<(), RequestFailure> {
        if publication.publish.options.retain == Some(true) {
            self.retention.keep(publication)?;
        }
        Ok(())
    }

    /// Tells every eligible subscriber of every matching subscription. Each subscription makes one
    /// event; its subscribers share it.
    ///
    /// Where the event is kept for good, the ticket for which that is done.
    pub(crate) fn publish<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication<'_>,
    ) -> Option<Ticket> {
        self.tell(sessions, publication, |_, subscriber, event| {
            subscriber.outbox.send(RouterMessage::Event(event.clone()))
        })
    }

    /// Tells everybody who shall hear it, in the manner of `send`.
    pub(super) fn tell<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication<'_>,
        mut send: impl FnMut(SubscriptionId, &Session<O>, &SharedEvent) -> Delivery,
    ) -> Option<Ticket> {
        let publish = publication.publish;
        let mut matching = Vec::new();
        self.index.all_matches(publish.topic.as_str(), |id| matching.push(*id));
        if matching.is_empty() {
            return None;
        }
        let mut ticket = None;
        let eligibility = publication.eligibility();
        let details = publication.details();
        let is_closed = is_closed(publish.options.carried.as_deref());
        let publisher = publication.publisher.map(|party| party.key);
        let pressure = &mut self.pressure;
        for id in matching {
            let Some(subscription) = self.subscriptions.get_mut(&id) else { continue };
            let event = publication.event(id, subscription, details.clone());
            if let Some(history) = &mut subscription.history {
                let past = history.keep(publication, self.clock.at(publication.now), &event);
                ticket = ticket.max(self.durable.keep(&subscription.pattern, past));
            }
            subscription.members.deliver(publish.options.rkey.as_deref(), |key| {
                let subscriber = sessions.at(key)?;
                if subscriber.leaving
                    || !eligibility.allows(subscriber.party())
                    || is_closed && !opens_closed(subscriber)
                {
                    return None;
                }
                let delivery = send(id, subscriber, &event);
                pressure.note(publisher, subscriber, delivery);
                Some(delivery)
            });
        }
        ticket
    }
}
