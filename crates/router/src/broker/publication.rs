//! PUBLISH to EVENT: one event for each matching subscription, shared by its subscribers.
//!
//! A fan-out that exceeds a step is continued later where it stopped. Hot: [`Broker::fan_out`].
//! Spec: basic profile "Publishing and Events"; advanced profile "Publisher Identification",
//! "Publication Trust Levels", "Payload Passthru Mode".

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{
    Event, EventDetails, PassthruDetails, Publish, PublishOptions, RequestRef, RouterMessage,
    SharedEvent,
};
use cloverleaf_wamp::uri::MatchPolicy;
use smallvec::SmallVec;

use super::acknowledgement::Silent;
use super::eligibility::Eligibility;
use super::history::StoreTicket;
use super::subscribers::SubscribersCursor;
use super::{Broker, Subscription};
use crate::deadline::Moment;
use crate::outbox::{Delivery, Outbox};
use crate::session::{Identity, Session, SessionKey, Sessions};
use crate::uri_index::MatchCursor;
use crate::wall_clock::Timestamp;
use crate::work::{self, Work};

/// Nodes of the subscription index that are visited before the matches are served. Few, so that a
/// publication without patterns keeps its matches on the stack.
const VISITS_AT_ONCE: u32 = 1_024;

/// An accepted publication and its progress.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(super) id: PublicationId,
    /// The session in whose order it stands: its publisher, or the session that a meta event is
    /// about.
    pub(super) source: SessionKey,
    /// `None` for meta events.
    pub(super) publisher: Option<SessionKey>,
    pub(super) publish: Publish,
    /// The details of the event for all subscribers.
    pub(super) details: EventDetails,
    pub(super) eligibility: Eligibility,
    pub(super) accepted: Moment,
    /// The time of day, if the realm has histories.
    pub(super) at: Timestamp,
    /// The request to be acknowledged when its turn comes, unless that was done when it was
    /// accepted.
    pub(super) answer: Option<RequestRef>,
    /// The publication is sent when the event store has come to this ticket.
    pub(super) ticket: Option<StoreTicket>,
    /// The event is retained when its turn comes.
    pub(super) retains: bool,
    /// The receivers are requested to acknowledge it, and the publisher waits for them.
    pub(super) asks_receivers: bool,
    pub(super) fan_out: FanOut,
}

/// The parts of a new publication.
#[derive(Debug)]
pub(crate) struct NewPublication<'a> {
    pub(crate) id: PublicationId,
    pub(crate) source: SessionKey,
    /// `None` for meta events.
    pub(crate) publisher: Option<Identity<'a>>,
    pub(crate) publish: Publish,
    /// The publisher is disclosed to subscribers.
    pub(crate) disclosed: bool,
    pub(crate) trustlevel: Option<u64>,
    pub(crate) now: Moment,
    pub(crate) at: Timestamp,
}

impl Publication {
    pub(crate) fn new(accepted: NewPublication<'_>) -> Self {
        let NewPublication { id, source, publisher, publish, disclosed, trustlevel, now, at } =
            accepted;
        let shown = publisher.filter(|_| disclosed);
        let details = EventDetails {
            publisher: shown.map(|identity| identity.key.id()),
            publisher_authid: shown.map(|identity| identity.principal.authid.clone()),
            publisher_authrole: shown.map(|identity| identity.principal.authrole.clone()),
            trustlevel,
            passthru: publish.options.passthru.clone(),
            ..EventDetails::default()
        };
        let publisher = publisher.map(|identity| identity.key);
        let eligibility = Eligibility::new(&publish.options, publisher);
        let retains = publish.options.retain == Some(true);
        Self {
            id,
            source,
            publisher,
            publish,
            details,
            eligibility,
            accepted: now,
            at,
            answer: None,
            ticket: None,
            retains,
            asks_receivers: false,
            fan_out: FanOut::default(),
        }
    }

    /// Lets the publisher wait for the acknowledgements of the receivers.
    pub(crate) const fn ask_receivers(&mut self, request: RequestRef) {
        (self.asks_receivers, self.answer) = (true, Some(request));
    }

    /// Whether it is a meta event.
    pub(super) const fn is_meta(&self) -> bool {
        self.publisher.is_none()
    }

    /// Whether it is sent when the event store has stored it.
    pub(crate) const fn waits_for_store(&self) -> bool {
        self.ticket.is_some()
    }

    /// Acknowledges it to its publisher when its turn comes.
    pub(crate) const fn answer_later(&mut self, request: RequestRef) {
        self.answer = Some(request);
    }

    /// The event of one subscription.
    pub(super) fn event(&self, id: SubscriptionId, of: &Subscription) -> SharedEvent {
        let mut details = Box::new(self.details.clone());
        if of.pattern.policy() != MatchPolicy::Exact {
            details.topic = Some(self.publish.topic.as_str().into());
        }
        let payload = self.publish.payload.clone();
        SharedEvent::new(Event { subscription: id, publication: self.id, details, payload })
    }
}

/// Without the memory of the details and of the fan-out.
impl HeapSize for Publication {
    fn heap_size(&self) -> usize {
        let Publish { options, topic, payload, .. } = &self.publish;
        topic.heap_size()
            + PublishOptions::heap_size(options)
            + payload.heap_size()
            + self.eligibility.heap_size()
    }
}

/// The progress of a fan-out.
#[derive(Debug, Default)]
pub(super) struct FanOut {
    matches: MatchCursor,
    /// Matching subscriptions; those before `next` have been served.
    found: SmallVec<[SubscriptionId; 4]>,
    next: usize,
    /// The subscription that is being served.
    current: Option<SubscriptionFanOut>,
}

#[derive(Debug)]
struct SubscriptionFanOut {
    subscription: SubscriptionId,
    event: SharedEvent,
    /// The same event with a request to acknowledge it; built for the first subscriber that can.
    asking: Option<SharedEvent>,
    members: SubscribersCursor,
}

/// Whether the payload is opaque (payload passthru mode).
pub(super) fn is_sealed(passthru: Option<&PassthruDetails>) -> bool {
    passthru.is_some_and(PassthruDetails::uses_passthru)
}

/// Whether a subscriber has announced payload passthru mode.
pub(super) fn opens_sealed<O>(subscriber: &Session<O>) -> bool {
    subscriber.roles.subscriber_has(Feature::PayloadPassthruMode)
}

impl Broker {
    /// Whether a topic has subscribers.
    pub(crate) fn has_listeners(&self, topic: &str) -> bool {
        let mut found = false;
        self.subscriptions.index().all_matches(topic, |_| found = true);
        found
    }

    /// Sends the event to every eligible subscriber of every matching subscription, or to as many
    /// as the work allows. Each subscription builds one event, which its subscribers share. Returns
    /// whether all have it.
    pub(super) fn fan_out<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: &mut Publication,
        work: &mut Work,
    ) -> bool {
        let mut fan_out = std::mem::take(&mut publication.fan_out);
        let is_done = if publication.asks_receivers {
            let mut silent = Silent::new();
            let send = |serving: &mut SubscriptionFanOut, subscriber: &Session<O>| {
                serving.send_asking(subscriber, &mut silent)
            };
            let is_done = self.serve_all(sessions, publication, &mut fan_out, work, send);
            self.await_more(sessions, publication.id, silent);
            is_done
        } else {
            self.serve_all(sessions, publication, &mut fan_out, work, send)
        };
        publication.fan_out = fan_out;
        is_done
    }

    fn serve_all<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication,
        fan_out: &mut FanOut,
        work: &mut Work,
        mut send: impl FnMut(&mut SubscriptionFanOut, &Session<O>) -> Delivery,
    ) -> bool {
        loop {
            let mut serving = match fan_out.current.take() {
                Some(serving) => serving,
                None => match self.next_served(publication, fan_out, work) {
                    Some(serving) => serving,
                    None if fan_out.is_done() => return true,
                    None => return false,
                },
            };
            if !self.serve(sessions, publication, &mut serving, work, &mut send) {
                fan_out.current = Some(serving);
                return false;
            }
        }
    }

    /// The next subscription; `None` when there are no more, or the work is spent.
    fn next_served(
        &mut self,
        publication: &Publication,
        fan_out: &mut FanOut,
        work: &mut Work,
    ) -> Option<SubscriptionFanOut> {
        loop {
            let Some(id) = fan_out.found.get(fan_out.next).copied() else {
                if fan_out.matches.is_at_end() || work.is_spent() {
                    return None;
                }
                let FanOut { matches, found, next, .. } = fan_out;
                (*found, *next) = (SmallVec::new(), 0);
                let topic = publication.publish.topic.as_str();
                let visits = VISITS_AT_ONCE.min(work.left());
                let visited =
                    self.subscriptions
                        .index()
                        .next_matches(topic, matches, visits, |id| found.push(*id));
                work.spend(visited);
                continue;
            };
            if work.is_spent() {
                return None;
            }
            fan_out.next += 1;
            let Some(subscription) = self.subscriptions.get_mut(id) else { continue };
            work.spend(work::EVENT);
            let event = publication.event(id, subscription);
            if let Some(history) = &mut subscription.history {
                history.keep(publication, &event);
            }
            let members = SubscribersCursor::default();
            return Some(SubscriptionFanOut { subscription: id, event, asking: None, members });
        }
    }

    /// Sends the event to the subscribers of one subscription. Returns whether all have it.
    fn serve<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication,
        serving: &mut SubscriptionFanOut,
        work: &mut Work,
        send: &mut impl FnMut(&mut SubscriptionFanOut, &Session<O>) -> Delivery,
    ) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(serving.subscription) else {
            return true;
        };
        let Publication { publisher, publish, eligibility, .. } = publication;
        let is_sealed = is_sealed(publish.options.passthru.as_deref());
        let backpressure = &mut self.backpressure;
        let mut members = std::mem::take(&mut serving.members);
        let resource = publish.options.rkey.as_deref();
        let is_done = subscription.members.deliver(resource, &mut members, work, |key| {
            let subscriber = sessions.at(key)?;
            if subscriber.is_closing
                || !eligibility.allows(subscriber.identity())
                || is_sealed && !opens_sealed(subscriber)
            {
                return None;
            }
            let delivery = send(serving, subscriber);
            backpressure.note(sessions, *publisher, subscriber, delivery);
            Some(delivery)
        });
        serving.members = members;
        is_done
    }
}

fn send<O: Outbox>(serving: &mut SubscriptionFanOut, subscriber: &Session<O>) -> Delivery {
    subscriber.outbox.send(RouterMessage::Event(serving.event.clone()))
}

impl SubscriptionFanOut {
    /// Sends the event to a subscriber, with a request to acknowledge it if the subscriber can.
    fn send_asking<O: Outbox>(&mut self, subscriber: &Session<O>, silent: &mut Silent) -> Delivery {
        if !subscriber.roles.subscriber_has(Feature::AcknowledgedEventDelivery) {
            return send(self, subscriber);
        }
        let asking = self.asking.get_or_insert_with(|| asking_event(&self.event));
        let delivery = subscriber.outbox.send(RouterMessage::Event(asking.clone()));
        if delivery.is_taken() {
            *silent.entry(subscriber.key).or_default() += 1;
        }
        delivery
    }
}

impl FanOut {
    fn is_done(&self) -> bool {
        self.matches.is_at_end() && self.next == self.found.len() && self.current.is_none()
    }
}

/// The same event with a request to acknowledge it.
fn asking_event(event: &SharedEvent) -> SharedEvent {
    let mut details = event.details.clone();
    details.x_acknowledged_delivery = Some(true);
    let Event { subscription, publication, payload, .. } = &**event;
    SharedEvent::new(Event {
        subscription: *subscription,
        publication: *publication,
        details,
        payload: payload.clone(),
    })
}
