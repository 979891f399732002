//! Retained events: the latest event of each topic, for later subscribers.
//!
//! A topic retains one event for all sessions and, above it, later events for some sessions only: a
//! new subscriber gets the most recent one that it is eligible for. A publication without payload
//! clears the topic, as in MQTT. `replay` sends retained events. Spec: advanced profile "Event
//! Retention".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{Event, EventDetails, SharedEvent};
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

/// The bounds of retained events.
#[derive(Debug, Clone, Copy)]
pub struct RetentionSettings {
    /// The largest number of events, over all topics.
    pub max_events: usize,
    /// The largest size of all events in bytes.
    pub max_bytes: usize,
    /// Milliseconds for which an event is retained unless it says otherwise; for ever when absent.
    pub ttl: Option<u64>,
}

impl Default for RetentionSettings {
    /// A hundred thousand events of 64 MiB in total: far more than the "last known values" of an
    /// application, and no danger to the machine.
    fn default() -> Self {
        Self { max_events: 100_000, max_bytes: 64 * 1024 * 1024, ttl: None }
    }
}

/// A point in the order of retained events and of publications during replays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Sequence(u64);

/// A retained event.
#[derive(Debug)]
pub(super) struct Retained {
    publication: PublicationId,
    details: EventDetails,
    payload: Payload,
    /// The sessions that may receive it.
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
            + publication.publish.topic.heap_size()
            + publication.details.heap_size()
            + publication.publish.payload.heap_size()
            + publication.eligibility.heap_size()
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

    /// The event for a subscription; `topic` if the subscription has a pattern.
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
    /// Oldest first.
    events: Vec<Retained>,
    /// The last publication during a replay: by then every replay that had begun has sent the event
    /// of this topic.
    caught_up: Sequence,
}

impl Topic {
    /// The latest event for a session whose replay has begun then.
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

/// The retained events of a realm.
#[derive(Debug, Default)]
pub(super) struct Retention {
    settings: RetentionSettings,
    /// The most events of one topic.
    max_per_topic: usize,
    topics: BTreeMap<CompactString, Topic>,
    /// The expiry of some event of each topic.
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

    /// Checks that there is room for the event of a publication, before the publication is
    /// accepted.
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

    /// Retains the event of a publication, or clears its topic if the event has no payload. An
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

    /// The earlier events of a topic that stay below a new one: those that some session may receive
    /// that may not receive the new one.
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
            // The publisher alone may receive the earlier event, if it is excluded from the new
            // one.
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
            // The event for all sessions would be missed by the most.
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

    /// Removes all events of a topic.
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

    /// Removes expired events, enough to never fall behind: each retained event adds one.
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

    /// Notes a publication on a topic: every replay has sent its retained event by now.
    pub(super) fn set_caught_up(&mut self, topic: &str) {
        let sequence = self.next_sequence();
        if let Some(topic) = self.topics.get_mut(topic) {
            topic.caught_up = sequence;
        }
    }

    pub(super) fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    /// The topics behind `topic` in the order of names that a pattern may match.
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
    /// Checks that the event of a publication can be retained, if that is requested.
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

/// The text that every topic begins with that matches a pattern.
fn literal_head(pattern: &UriPattern) -> &str {
    let text = pattern.as_str();
    match pattern.policy() {
        MatchPolicy::Exact | MatchPolicy::Prefix => text,
        MatchPolicy::Wildcard if text.starts_with('.') => "",
        MatchPolicy::Wildcard => text.find("..").map_or(text, |dots| &text[..=dots]),
    }
}
