//! Stored events of a subscription, the latest ones in the order of publication.
//!
//! A history is in memory, or in an [`EventStore`] of the host, which outlives the realm. Spec:
//! advanced profile "Event History". Events whose receivers are named by session are not stored.
//! Events for some authids or authroles only are given to no other session.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use cloverleaf_wamp::heap_size::HeapSize;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Event, Publish, SharedEvent};
use cloverleaf_wamp::uri::UriPattern;
use compact_str::CompactString;
use foldhash::HashMap;

use super::eligibility::{Eligibility, names_sessions};
use super::history_query::{HistoryQuery, Selection};
use super::publication::Publication;
use crate::limits::DEFAULT_HISTORY_BYTES;
use crate::wall_clock::Timestamp;
use crate::work::{self, Work};

/// The settings of the history of one pattern.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// The topics.
    pub pattern: UriPattern,
    /// The largest number of events.
    pub max_events: usize,
    /// The largest size in bytes; the newest event is kept whatever its size.
    pub max_bytes: usize,
}

impl HistorySettings {
    /// A history of `max_events` events with the default limit of bytes.
    pub const fn new(pattern: UriPattern, max_events: usize) -> Self {
        Self { pattern, max_events, max_bytes: DEFAULT_HISTORY_BYTES }
    }
}

/// The progress of an event store. Tickets ascend in the order in which they are issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTicket(pub u64);

/// The index of a history in the settings of its realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HistoryId(pub usize);

/// An event in an [`EventStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The id of the publication, unique within a history.
    pub publication: PublicationId,
    /// The event, in a format of this crate.
    pub bytes: Vec<u8>,
}

/// A store of events that outlives the realm. It works asynchronously: the host reports with
/// [`crate::Realm::stored`] that events are stored, and answers queries with
/// [`crate::Realm::finish_history_query`].
pub trait EventStore: fmt::Debug + Send {
    /// Whether it takes more now. An event for which it has no room is not published.
    fn has_room(&self) -> bool;

    /// Appends an event, in the order of the calls.
    fn append(&mut self, history: HistoryId, record: Record) -> StoreTicket;

    /// Notes a publication that was dropped for want of room, and whose publisher gets no ERROR
    /// because it has not requested an acknowledgement.
    fn note_dropped(&mut self);

    /// Lets `reading` visit the records of a history, and answers it later. Returns false if too
    /// many queries wait already.
    fn read(&mut self, history: HistoryId, reading: HistoryQuery) -> bool;
}

/// A stored event.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    pub(crate) at: Timestamp,
    pub(crate) topic: CompactString,
    /// A copy of its own, so that stored events are counted apart from those in queues.
    pub(crate) event: Arc<Event>,
    pub(super) eligibility: Eligibility,
}

impl StoredEvent {
    pub(super) fn new(publication: &Publication, event: &SharedEvent) -> Self {
        Self {
            // A client that queries with a timestamp of an answer finds the event.
            at: publication.at.to_millis(),
            topic: publication.publish.topic.as_str().into(),
            event: Arc::new((**event).clone()),
            // The publisher may read its own events.
            eligibility: Eligibility::new(&publication.publish.options, None),
        }
    }
}

impl HeapSize for StoredEvent {
    fn heap_size(&self) -> usize {
        self.topic.len() + Event::total_size(&self.event) + self.eligibility.heap_size()
    }
}

/// Whether the events of a publication may be stored at all.
pub(super) fn is_storable(publish: &Publish) -> bool {
    !names_sessions(&publish.options)
}

/// A history.
#[derive(Debug)]
pub(super) enum History {
    /// In memory; it ends with the realm.
    InMemory(Box<MemoryHistory>),
    /// In the event store.
    InStore(HistoryId),
}

impl History {
    /// Stores the event of a publication, if the history is in memory and the event may be stored.
    pub(super) fn keep(&mut self, publication: &Publication, event: &SharedEvent) {
        if let Self::InMemory(history) = self
            && is_storable(&publication.publish)
        {
            history.push(StoredEvent::new(publication, event));
        }
    }
}

/// A history in memory.
#[derive(Debug)]
pub(super) struct MemoryHistory {
    max_events: usize,
    max_bytes: usize,
    events: VecDeque<StoredEvent>,
    bytes: usize,
    /// The place of the oldest event. Places count up and never repeat.
    first: u64,
    places: HashMap<PublicationId, u64>,
}

/// The largest memory of one entry of [`MemoryHistory::places`], with the free space of the table:
/// while entries come and go, little more than a fifth of it may be filled.
const PLACE_BYTES: usize = 5 * size_of::<(PublicationId, u64)>();

impl MemoryHistory {
    pub(super) fn new(settings: &HistorySettings) -> Self {
        Self {
            max_events: settings.max_events,
            max_bytes: settings.max_bytes,
            events: VecDeque::new(),
            bytes: 0,
            first: 0,
            places: HashMap::default(),
        }
    }

    fn push(&mut self, stored: StoredEvent) {
        self.bytes += stored.total_size() + PLACE_BYTES;
        self.places.insert(stored.event.publication, self.end());
        self.events.push_back(stored);
        // The newest event stays, whatever its size.
        while self.events.len() > self.max_events
            || self.bytes > self.max_bytes && self.events.len() > 1
        {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.total_size() + PLACE_BYTES;
            self.places.remove(&oldest.event.publication);
            self.first += 1;
        }
    }

    /// The place of the next event.
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// Lets a selection visit the events at `places`, until the work is spent. Returns whether the
    /// selection is complete; otherwise `places` are those that are left.
    pub(super) fn select(
        &self,
        selection: &mut Selection,
        places: &mut Range<u64>,
        work: &mut Work,
    ) -> bool {
        // Events may have been removed meanwhile.
        places.start = places.start.max(self.first);
        while places.start < places.end {
            if work.is_spent() {
                return false;
            }
            work.spend(work::ENTRY);
            let place = if selection.is_reverse() { places.end - 1 } else { places.start };
            let index = usize::try_from(place - self.first).unwrap_or(usize::MAX);
            let Some(stored) = self.events.get(index) else { return true };
            if selection.offer(stored).is_break() {
                return true;
            }
            if selection.is_reverse() {
                places.end -= 1;
            } else {
                places.start += 1;
            }
        }
        true
    }

    /// The places that a selection has to visit; none if it names a publication that is not stored
    /// (any more).
    pub(super) fn places(&self, selection: &Selection) -> Range<u64> {
        let place = |publication: PublicationId| self.places.get(&publication).copied();
        selection.query().bounds.places(self.first..self.end(), place).unwrap_or_default()
    }
}

/// Bounds of a query, as publications. All that are given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// From this event on.
    pub from: Option<PublicationId>,
    /// Later events than this one.
    pub after: Option<PublicationId>,
    /// Earlier events than this one.
    pub before: Option<PublicationId>,
    /// Up to this event.
    pub until: Option<PublicationId>,
}

impl Bounds {
    /// The part of a range of places within the bounds; `None` if a publication has no place.
    pub fn places(
        &self,
        all: Range<u64>,
        mut place: impl FnMut(PublicationId) -> Option<u64>,
    ) -> Option<Range<u64>> {
        let mut range = all;
        if let Some(publication) = self.from {
            range.start = range.start.max(place(publication)?);
        }
        if let Some(publication) = self.after {
            range.start = range.start.max(place(publication)? + 1);
        }
        if let Some(publication) = self.before {
            range.end = range.end.min(place(publication)?);
        }
        if let Some(publication) = self.until {
            range.end = range.end.min(place(publication)? + 1);
        }
        (range.start <= range.end).then_some(range)
    }
}

/// The conditions of a query. All must hold.
#[derive(Debug, Default)]
pub(crate) struct EventFilter {
    /// The latest event first.
    pub(crate) reverse: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) from_time: Option<Timestamp>,
    pub(crate) after_time: Option<Timestamp>,
    pub(crate) before_time: Option<Timestamp>,
    pub(crate) until_time: Option<Timestamp>,
    pub(crate) topic: Option<CompactString>,
    pub(crate) bounds: Bounds,
}

impl EventFilter {
    pub(super) fn is_met_by(&self, stored: &StoredEvent) -> bool {
        self.from_time.is_none_or(|time| stored.at >= time)
            && self.after_time.is_none_or(|time| stored.at > time)
            && self.before_time.is_none_or(|time| stored.at < time)
            && self.until_time.is_none_or(|time| stored.at <= time)
            && self.topic.as_ref().is_none_or(|topic| stored.topic == *topic)
    }
}

#[cfg(test)]
mod tests {
    use cloverleaf_wamp::heap_size::HeapSize as _;
    use cloverleaf_wamp::ids::{PublicationId, RequestId, SessionId, SubscriptionId};
    use cloverleaf_wamp::message::{Event, EventDetails, Publish, PublishOptions, SharedEvent};
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

    use super::{HistorySettings, MemoryHistory, StoredEvent};
    use crate::broker::publication::{NewPublication, Publication};
    use crate::deadline::Moment;
    use crate::session::SessionKey;
    use crate::wall_clock::Timestamp;

    fn stored(number: u64) -> StoredEvent {
        let id = PublicationId::from_random(number);
        let publication = Publication::new(NewPublication {
            id,
            source: SessionKey::of_tests(SessionId::from_random(1)),
            publisher: None,
            publish: Publish {
                request: RequestId::new(1).unwrap(),
                options: Box::new(PublishOptions::default()),
                topic: "com.kept".into(),
                payload: Payload::EMPTY,
            },
            disclosed: false,
            trustlevel: None,
            now: Moment::default(),
            at: Timestamp::default(),
        });
        let event = SharedEvent::new(Event {
            subscription: SubscriptionId::from_random(1),
            publication: id,
            details: Box::new(EventDetails::default()),
            payload: Payload::EMPTY,
        });
        StoredEvent::new(&publication, &event)
    }

    #[test]
    fn bytes_of_a_history_include_its_table_of_publications() {
        let pattern = UriPattern::new("com.kept", MatchPolicy::Exact, UriRule::Loose).unwrap();
        let mut history = MemoryHistory::new(&HistorySettings::new(pattern, 1_000));
        let entry = size_of::<(PublicationId, u64)>() + 1;
        for number in 1..2_000 {
            history.push(stored(number));
            let events: usize = history.events.iter().map(StoredEvent::total_size).sum();
            // The table fills at most 7/8 of its memory.
            let table = history.places.capacity() * 8 / 7 * entry;
            assert!(number < 8 || history.bytes >= events + table, "after {number} events");
        }
        while let Some(oldest) = history.events.pop_front() {
            history.bytes -= oldest.total_size() + super::PLACE_BYTES;
        }
        assert_eq!(history.bytes, 0);
    }
}
