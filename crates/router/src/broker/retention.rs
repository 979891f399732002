//! Events that are retained for later subscribers, the latest of each topic.
//!
//! A topic retains one event that everybody may receive and, above it, those that came later for
//! some only: a new subscriber gets the most recent one that it would have received. A retained
//! event whose successor has no payload is cleared, as in MQTT. How a subscriber gets them is in
//! `replay`. Spec: advanced profile "Event Retention".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{Event, EventDetails, Options as _, SharedEvent};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;

use super::Broker;
use super::eligibility::Eligibility;
use super::publication::{Publication, is_sealed, opens_sealed};
use super::replay::Replays;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::EXPIRIES_AT_ONCE;
use crate::session::{Identity, Session};

/// How much is retained.
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    /// The most events, over all topics.
    pub max_events: usize,
    /// The most bytes that they hold.
    pub max_bytes: usize,
    /// Milliseconds for which an event is retained that does not say; none for ever.
    pub ttl: Option<u64>,
}

impl Default for RetentionSettings {
    /// A hundred thousand events of together 64 MiB: far above what is retained as "the last known
    /// value", and no danger to the machine.
    fn default() -> Self {
        Self { max_events: 100_000, max_bytes: 64 * 1024 * 1024, ttl: None }
    }
}

/// A point in the order of retained events and of what was published while events were replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Sequence(u64);

/// A retained event.
#[derive(Debug)]
pub(super) struct Retained {
    publication: PublicationId,
    details: EventDetails,
    payload: Payload,
    /// Who may receive it.
    eligibility: Eligibility,
    until: Option<Moment>,
    sequence: Sequence,
    /// The bytes that it holds.
    size: usize,
}

impl Retained {
    fn new(publication: &Publication, usual_ttl: Option<u64>, sequence: Sequence) -> Self {
        let options = &publication.publish.options;
        let ttl = options.ttl.or(usual_ttl).filter(|millis| *millis > 0);
        Self {
            publication: publication.id,
            details: publication.details.clone(),
            payload: publication.publish.payload.clone(),
            eligibility: publication.eligibility.clone(),
            until: ttl.map(|millis| publication.accepted.plus_millis(millis)),
            sequence,
            size: Self::size_of(publication),
        }
    }

    fn size_of(publication: &Publication) -> usize {
        size_of::<Self>()
            + publication.publish.topic.as_str().len()
            + publication.details.size()
            + publication.publish.payload.size()
            + publication.eligibility.size()
    }

    fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether a session gets the event when it subscribes.
    fn is_for<O>(&self, session: &Session<O>, now: Moment) -> bool {
        !self.is_over(now)
            && self.eligibility.allows(session.identity())
            && (!is_sealed(self.details.passthru.as_deref()) || opens_sealed(session))
    }

    /// The event of a subscription; `topic` where that is a pattern.
    pub(super) fn event(&self, id: SubscriptionId, topic: Option<&CompactString>) -> SharedEvent {
        let mut details = Box::new(self.details.clone());
        details.retained = Some(true);
        details.topic = topic.cloned();
        let (publication, payload) = (self.publication, self.payload.clone());
        SharedEvent::new(Event { subscription: id, publication, details, payload })
    }
}

/// The retained events of one topic.
#[derive(Debug, Default)]
pub(super) struct Topic {
    /// The oldest first.
    events: Vec<Retained>,
    /// When something was last published while events were replayed: every replay that had begun
    /// has sent the event of this topic by then.
    caught_up: Sequence,
}

impl Topic {
    /// The latest event that a session gets whose replay has begun then.
    pub(super) fn event_for<O>(
        &self,
        session: &Session<O>,
        begun: Sequence,
        now: Moment,
    ) -> Option<&Retained> {
        if self.caught_up > begun {
            return None;
        }
        let is_it = |event: &&Retained| event.sequence <= begun && event.is_for(session, now);
        self.events.iter().rev().find(is_it)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Retention {
    settings: RetentionSettings,
    /// The most events of one topic.
    max_per_topic: usize,
    topics: BTreeMap<CompactString, Topic>,
    /// When some event of a topic is over.
    expiries: BTreeSet<(Moment, CompactString)>,
    events: usize,
    bytes: usize,
    sequence: Sequence,
    pub(super) replays: Replays,
}

impl Retention {
    pub(super) fn new(settings: RetentionSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    pub(super) const fn set_max_per_topic(&mut self, max_per_topic: usize) {
        self.max_per_topic = max_per_topic;
    }

    pub(super) fn has_replays(&self) -> bool {
        !self.replays.is_empty()
    }

    /// The latest point so far.
    pub(super) const fn sequence(&self) -> Sequence {
        self.sequence
    }

    const fn next_sequence(&mut self) -> Sequence {
        self.sequence.0 += 1;
        self.sequence
    }

    /// Whether there is room for the event of a publication; asked before it is accepted.
    pub(super) fn check_room(
        &mut self,
        publication: &Publication,
        publisher: Identity<'_>,
    ) -> Result<(), RequestFailure> {
        if publication.publish.payload.is_empty() {
            return Ok(());
        }
        self.forget_what_is_over(publication.accepted);
        let topic = publication.publish.topic.as_str();
        let staying = self.staying(topic, publication, Some(publisher));
        if self.has_room(topic, &staying, Retained::size_of(publication)) {
            return Ok(());
        }
        Err(RequestFailure::RealmLimitReached("this realm", "kept events"))
    }

    /// Retains the event of a publication, or clears its topic where the event has no payload. An
    /// event for which there is no room is not retained.
    pub(super) fn keep(&mut self, publication: &Publication, publisher: Option<Identity<'_>>) {
        let topic = publication.publish.topic.as_str();
        if publication.publish.payload.is_empty() {
            self.take(topic);
            return;
        }
        self.forget_what_is_over(publication.accepted);
        let staying = self.staying(topic, publication, publisher);
        if !self.has_room(topic, &staying, Retained::size_of(publication)) {
            return;
        }
        let sequence = self.next_sequence();
        let mut kept = self.take(topic);
        kept.events.retain(|event| staying.contains(&event.publication));
        kept.events.push(Retained::new(publication, self.settings.ttl, sequence));
        self.put(topic, kept);
    }

    /// The earlier events of a topic that stay beneath a new one: those that some session may
    /// receive that may not receive the new one.
    fn staying(
        &self,
        topic: &str,
        new: &Publication,
        publisher: Option<Identity<'_>>,
    ) -> Vec<PublicationId> {
        let Some(Topic { events: earlier, .. }) = self.topics.get(topic) else {
            return Vec::new();
        };
        let excluded = new.eligibility.excluded_publisher();
        if !new.eligibility.has_lists() {
            // That is its publisher alone, if it is left out.
            let publisher = publisher.filter(|_| excluded.is_some());
            let may =
                |event: &&Retained| publisher.is_some_and(|who| event.eligibility.allows(who));
            let last = earlier.iter().rev().find(may);
            return last.map(|event| event.publication).into_iter().collect();
        }
        let is_superseded = |event: &&Retained| {
            new.eligibility.has_lists_of(&event.eligibility)
                && (excluded.is_none() || excluded == event.eligibility.excluded_publisher())
        };
        let mut staying: Vec<_> = earlier.iter().filter(|event| !is_superseded(event)).collect();
        while !staying.is_empty() && staying.len() >= self.max_per_topic {
            // The one for everybody is missed by the most.
            let for_all = staying.iter().rposition(|event| !event.eligibility.has_lists());
            staying.remove(usize::from(for_all == Some(0) && staying.len() > 1));
        }
        staying.into_iter().map(|event| event.publication).collect()
    }

    /// Whether there is room for a new event beside those of its topic that stay.
    fn has_room(&self, topic: &str, staying: &[PublicationId], size: usize) -> bool {
        let (mut events, mut bytes) = (self.events + 1, self.bytes + size);
        for event in self.topics.get(topic).into_iter().flat_map(|topic| &topic.events) {
            if !staying.contains(&event.publication) {
                events -= 1;
                bytes -= event.size;
            }
        }
        events <= self.settings.max_events && bytes <= self.settings.max_bytes
    }

    /// Takes all events of a topic out.
    fn take(&mut self, topic: &str) -> Topic {
        let Some((name, topic)) = self.topics.remove_entry(topic) else { return Topic::default() };
        for event in &topic.events {
            self.events -= 1;
            self.bytes -= event.size;
            if let Some(until) = event.until {
                self.expiries.remove(&(until, name.clone()));
            }
        }
        topic
    }

    fn put(&mut self, name: &str, topic: Topic) {
        for event in &topic.events {
            self.events += 1;
            self.bytes += event.size;
            if let Some(until) = event.until {
                self.expiries.insert((until, name.into()));
            }
        }
        if !topic.events.is_empty() {
            self.topics.insert(name.into(), topic);
        }
    }

    /// Takes out events whose time is over, so many that it never falls behind: each event that is
    /// retained brings one.
    fn forget_what_is_over(&mut self, now: Moment) {
        for _ in 0..EXPIRIES_AT_ONCE {
            let Some((until, topic)) = self.expiries.first() else { return };
            if *until > now {
                return;
            }
            let name = topic.clone();
            let mut topic = self.take(&name);
            topic.events.retain(|event| !event.is_over(now));
            self.put(&name, topic);
        }
    }

    /// Something is published on a topic: every replay has sent the retained event by now.
    pub(super) fn set_caught_up(&mut self, topic: &str) {
        let sequence = self.next_sequence();
        if let Some(topic) = self.topics.get_mut(topic) {
            topic.caught_up = sequence;
        }
    }

    pub(super) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The topics behind one in the order of their names, as far as a pattern may match them.
    pub(super) fn topics_behind<'a>(
        &'a self,
        after: Option<&CompactString>,
        pattern: &'a UriPattern,
    ) -> impl Iterator<Item = (&'a CompactString, &'a Topic)> {
        let (is_exact, head) = (pattern.policy() == MatchPolicy::Exact, literal_head(pattern));
        let may_match =
            move |topic: &str| topic.starts_with(head) && (!is_exact || topic.len() == head.len());
        let from = match after {
            Some(after) => Bound::Excluded(after.as_str()),
            None => Bound::Included(head),
        };
        let behind = self.topics.range::<str, _>((from, Bound::Unbounded));
        behind.take_while(move |(topic, _)| may_match(topic))
    }
}

impl Broker {
    /// Whether the event of a publication can be retained, if its publisher asks for that.
    pub(crate) fn check_retained(
        &mut self,
        publication: &Publication,
        publisher: Identity<'_>,
    ) -> Result<(), RequestFailure> {
        if publication.retains {
            self.retention.check_room(publication, publisher)?;
        }
        Ok(())
    }
}

/// What every topic begins with that a pattern matches.
fn literal_head(pattern: &UriPattern) -> &str {
    let text = pattern.as_str();
    match pattern.policy() {
        MatchPolicy::Exact | MatchPolicy::Prefix => text,
        MatchPolicy::Wildcard if text.starts_with('.') => "",
        MatchPolicy::Wildcard => text.find("..").map_or(text, |dots| &text[..=dots]),
    }
}
