//! Events that are kept for later subscribers, the latest of each topic.
//!
//! A topic keeps one event that everybody may hear and, above it, those that came later for some
//! only: a new subscriber gets the most recent one that it would have received. A kept event whose
//! successor has no payload is cleared, as in MQTT.
//! Spec: advanced profile "Event Retention".

use std::collections::BTreeMap;
use std::ops::Bound;

use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{
    Event, EventDetails, Options as _, PublishOptions, RouterMessage, SharedEvent,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;

use super::eligibility::{Eligibility, lists};
use super::publication::Publication;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::MAX_RETAINED_PER_TOPIC;
use crate::outbox::Outbox;
use crate::session::{Party, Session, SessionKey};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    /// The most events, over all topics.
    pub max_events: usize,
    /// The most bytes that they hold.
    pub max_bytes: usize,
    /// Milliseconds for which an event is kept that does not say; none for ever.
    pub ttl: Option<u64>,
}

impl Default for RetentionSettings {
    /// A hundred thousand events of together 64 MiB: far above what is kept as "the last known
    /// value", and no danger to the machine.
    fn default() -> Self {
        Self { max_events: 100_000, max_bytes: 64 * 1024 * 1024, ttl: None }
    }
}

#[derive(Debug)]
struct Kept {
    publication: PublicationId,
    details: EventDetails,
    payload: Payload,
    /// Left out, unless it wanted its own event.
    publisher: Option<SessionKey>,
    /// Who may hear it, where not everybody may.
    lists: Option<Box<PublishOptions>>,
    until: Option<Moment>,
}

impl Kept {
    fn size(&self) -> usize {
        let lists =
            self.lists.as_ref().map_or(0, |lists| size_of::<PublishOptions>() + lists.size());
        size_of::<Self>() + self.details.size() + self.payload.size() + lists
    }

    fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn may_hear(&self, party: Party<'_>) -> bool {
        let is_listed = |lists| Eligibility::new(lists, None).allows(party);
        self.publisher != Some(party.key) && self.lists.as_deref().is_none_or(is_listed)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Retention {
    settings: RetentionSettings,
    /// The events of each topic, the oldest first.
    topics: BTreeMap<CompactString, Vec<Kept>>,
    events: usize,
    bytes: usize,
}

impl Retention {
    pub(super) fn new(settings: RetentionSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Keeps an event, or clears its topic where the event has no payload.
    pub(super) fn keep(&mut self, publication: &Publication<'_>) -> Result<(), RequestFailure> {
        let publish = publication.publish;
        let topic = publish.topic.as_str();
        if publish.payload.is_empty() {
            self.take(topic);
            return Ok(());
        }
        let options = &publish.options;
        let ttl = options.ttl.or(self.settings.ttl).filter(|millis| *millis > 0);
        let excluded = options.exclude_me.unwrap_or(true);
        let kept = Kept {
            publication: publication.id,
            details: publication.details(),
            payload: publish.payload.clone(),
            publisher: publication.publisher.map(|publisher| publisher.key).filter(|_| excluded),
            lists: lists(options),
            until: ttl.map(|millis| publication.now.plus_millis(millis)),
        };
        // Most often the new event takes the place of the one before.
        let mut earlier = self.take(topic);
        if kept.lists.is_none() {
            // Only its publisher may still hear an earlier one.
            let heard = publication
                .publisher
                .filter(|_| excluded)
                .and_then(|publisher| earlier.iter().rposition(|event| event.may_hear(publisher)));
            let last = heard.map(|place| earlier.remove(place));
            earlier = last.into_iter().collect();
        }
        let has_room = self.make_room(&kept, publication.now);
        if has_room {
            earlier.push(kept);
        }
        self.put(topic, earlier);
        if has_room {
            Ok(())
        } else {
            Err(RequestFailure::RealmLimitReached("this realm", "kept events"))
        }
    }

    /// Takes all events of a topic out.
    fn take(&mut self, topic: &str) -> Vec<Kept> {
        let events = self.topics.remove(topic).unwrap_or_default();
        self.events -= events.len();
        self.bytes -= events.iter().map(Kept::size).sum::<usize>();
        events
    }

    fn put(&mut self, topic: &str, mut events: Vec<Kept>) {
        if events.len() > MAX_RETAINED_PER_TOPIC {
            // The oldest is the one for everybody; the next one is missed by the fewest.
            events.remove(1);
        }
        if !events.is_empty() {
            self.events += events.len();
            self.bytes += events.iter().map(Kept::size).sum::<usize>();
            self.topics.insert(topic.into(), events);
        }
    }

    /// Whether there is room for another event, after those whose time is over are gone.
    fn make_room(&mut self, kept: &Kept, now: Moment) -> bool {
        let has_room = |kept_here: &Self| {
            kept_here.events < kept_here.settings.max_events
                && kept_here.bytes + kept.size() <= kept_here.settings.max_bytes
        };
        if !has_room(self) {
            self.topics.retain(|_, events| {
                events.retain(|event| !event.is_over(now));
                !events.is_empty()
            });
            self.events = self.topics.values().map(Vec::len).sum();
            self.bytes = self.topics.values().flatten().map(Kept::size).sum();
        }
        has_room(self)
    }

    /// Sends a new subscriber the latest event that it may hear, of each topic that matches.
    pub(super) fn send_to<O: Outbox>(
        &self,
        session: &Session<O>,
        id: SubscriptionId,
        pattern: &UriPattern,
        now: Moment,
    ) {
        let from = match pattern.policy() {
            MatchPolicy::Exact | MatchPolicy::Prefix => pattern.as_str(),
            MatchPolicy::Wildcard => "",
        };
        let topics = self.topics.range::<str, _>((Bound::Included(from), Bound::Unbounded));
        let may_match = |topic: &str| match pattern.policy() {
            MatchPolicy::Exact => topic == from,
            MatchPolicy::Prefix => topic.starts_with(from),
            MatchPolicy::Wildcard => true,
        };
        for (topic, events) in topics.take_while(|(topic, _)| may_match(topic)) {
            if !pattern.matches(topic) {
                continue;
            }
            let heard = |event: &&Kept| !event.is_over(now) && event.may_hear(session.party());
            let Some(kept) = events.iter().rev().find(heard) else { continue };
            let mut details = Box::new(kept.details.clone());
            details.retained = Some(true);
            if pattern.policy() != MatchPolicy::Exact {
                details.topic = Some(topic.clone());
            }
            let (publication, payload) = (kept.publication, kept.payload.clone());
            let event = Event { subscription: id, publication, details, payload };
            let _ = session.outbox.send(RouterMessage::Event(SharedEvent::new(event)));
        }
    }
}
