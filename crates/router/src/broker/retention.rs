//! Events that are kept for later subscribers, the latest of each topic.
//!
//! A topic keeps one event that everybody may hear and, above it, those that came later for some
//! only: a new subscriber gets the most recent one that it would have received. A kept event whose
//! successor has no payload is cleared, as in MQTT.
//! Spec: advanced profile "Event Retention".

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{
    Event, EventDetails, Options as _, Publish, PublishOptions, RouterMessage, SharedEvent,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use compact_str::CompactString;

use super::eligibility::{Eligibility, lists};
use super::publication::{Publication, is_closed, opens_closed};
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
    /// The bytes that it holds.
    size: usize,
}

impl Kept {
    fn new(publication: &Publication<'_>, usual_ttl: Option<u64>) -> Self {
        let Publish { topic, options, payload, .. } = publication.publish;
        let publisher = publication.publisher.filter(|_| options.exclude_me.unwrap_or(true));
        let ttl = options.ttl.or(usual_ttl).filter(|millis| *millis > 0);
        let (details, lists) = (publication.details(), lists(options));
        let size_of_lists = |lists: &PublishOptions| size_of::<PublishOptions>() + lists.size();
        let size = size_of::<Self>()
            + topic.as_str().len()
            + details.size()
            + payload.size()
            + lists.as_deref().map_or(0, size_of_lists);
        Self {
            publication: publication.id,
            details,
            payload: payload.clone(),
            publisher: publisher.map(|publisher| publisher.key),
            lists,
            until: ttl.map(|millis| publication.now.plus_millis(millis)),
            size,
        }
    }

    fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    fn may_hear(&self, party: Party<'_>) -> bool {
        let is_listed = |lists| Eligibility::new(lists, None).allows(party);
        self.publisher != Some(party.key) && self.lists.as_deref().is_none_or(is_listed)
    }

    fn is_heard_by<O>(&self, session: &Session<O>, now: Moment) -> bool {
        !self.is_over(now)
            && self.may_hear(session.party())
            && (!is_closed(self.details.carried.as_deref()) || opens_closed(session))
    }

    /// Whether nobody is left whom an earlier event with lists of its own is for.
    fn supersedes(&self, earlier: &Self) -> bool {
        self.lists == earlier.lists
            && (self.publisher.is_none() || self.publisher == earlier.publisher)
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Retention {
    settings: RetentionSettings,
    /// The events of each topic, the oldest first.
    topics: BTreeMap<CompactString, Vec<Kept>>,
    /// When some event of a topic is over.
    expiries: BTreeSet<(Moment, CompactString)>,
    events: usize,
    bytes: usize,
}

impl Retention {
    pub(super) fn new(settings: RetentionSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Keeps an event, or clears its topic where the event has no payload.
    pub(super) fn keep(&mut self, publication: &Publication<'_>) -> Result<(), RequestFailure> {
        let topic = publication.publish.topic.as_str();
        if publication.publish.payload.is_empty() {
            self.take(topic);
            return Ok(());
        }
        self.forget_what_is_over(publication.now);
        let kept = Kept::new(publication, self.settings.ttl);
        let staying = self.staying(topic, &kept, publication.publisher);
        if !self.has_room(topic, &staying, &kept) {
            return Err(RequestFailure::RealmLimitReached("this realm", "kept events"));
        }
        let mut events = self.take(topic);
        events.retain(|event| staying.contains(&event.publication));
        events.push(kept);
        self.put(topic, events);
        Ok(())
    }

    /// The earlier events of a topic that stay beneath a new one: those that somebody may hear who
    /// may not hear the new one.
    fn staying(&self, topic: &str, new: &Kept, publisher: Option<Party<'_>>) -> Vec<PublicationId> {
        let Some(earlier) = self.topics.get(topic) else { return Vec::new() };
        if new.lists.is_none() {
            // Nobody but its publisher, if it is left out.
            let publisher = publisher.filter(|_| new.publisher.is_some());
            let heard = |event: &&Kept| publisher.is_some_and(|who| event.may_hear(who));
            let last = earlier.iter().rev().find(heard);
            return last.map(|event| event.publication).into_iter().collect();
        }
        let mut staying: Vec<_> = earlier.iter().filter(|event| !new.supersedes(event)).collect();
        if staying.len() >= MAX_RETAINED_PER_TOPIC {
            // The one for everybody is missed by the most.
            let for_all = staying.iter().rposition(|event| event.lists.is_none());
            staying.remove(usize::from(for_all == Some(0)));
        }
        staying.into_iter().map(|event| event.publication).collect()
    }

    /// Whether there is room for a new event beside those of its topic that stay.
    fn has_room(&self, topic: &str, staying: &[PublicationId], new: &Kept) -> bool {
        let (mut events, mut bytes) = (self.events + 1, self.bytes + new.size);
        for event in self.topics.get(topic).into_iter().flatten() {
            if !staying.contains(&event.publication) {
                events -= 1;
                bytes -= event.size;
            }
        }
        events <= self.settings.max_events && bytes <= self.settings.max_bytes
    }

    /// Takes all events of a topic out.
    fn take(&mut self, topic: &str) -> Vec<Kept> {
        let Some((topic, events)) = self.topics.remove_entry(topic) else { return Vec::new() };
        for event in &events {
            self.events -= 1;
            self.bytes -= event.size;
            if let Some(until) = event.until {
                self.expiries.remove(&(until, topic.clone()));
            }
        }
        events
    }

    fn put(&mut self, topic: &str, events: Vec<Kept>) {
        for event in &events {
            self.events += 1;
            self.bytes += event.size;
            if let Some(until) = event.until {
                self.expiries.insert((until, topic.into()));
            }
        }
        if !events.is_empty() {
            self.topics.insert(topic.into(), events);
        }
    }

    fn forget_what_is_over(&mut self, now: Moment) {
        while let Some((until, topic)) = self.expiries.first()
            && *until <= now
        {
            let topic = topic.clone();
            let mut events = self.take(&topic);
            events.retain(|event| !event.is_over(now));
            self.put(&topic, events);
        }
    }

    /// Sends a new subscriber the latest event that it may hear, of each topic that matches.
    pub(super) fn send_to<O: Outbox>(
        &self,
        session: &Session<O>,
        id: SubscriptionId,
        pattern: &UriPattern,
        now: Moment,
    ) {
        let (is_exact, head) = (pattern.policy() == MatchPolicy::Exact, literal_head(pattern));
        let may_match =
            |topic: &str| topic.starts_with(head) && (!is_exact || topic.len() == head.len());
        let from = self.topics.range::<str, _>((Bound::Included(head), Bound::Unbounded));
        for (topic, events) in from.take_while(|(topic, _)| may_match(topic)) {
            let heard = events.iter().rev().find(|event| event.is_heard_by(session, now));
            let Some(kept) = heard.filter(|_| pattern.matches(topic)) else { continue };
            let mut details = Box::new(kept.details.clone());
            details.retained = Some(true);
            details.topic = (!is_exact).then(|| topic.clone());
            let (publication, payload) = (kept.publication, kept.payload.clone());
            let event = Event { subscription: id, publication, details, payload };
            let _ = session.outbox.send(RouterMessage::Event(SharedEvent::new(event)));
        }
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
