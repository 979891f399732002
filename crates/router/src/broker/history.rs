//! Events that are kept to be asked for: the latest of one subscription, in the order in which they
//! came.
//!
//! Spec: advanced profile "Event History". Events whose receivers are named by session are not
//! kept; those that are for some authids or authroles only are told to nobody else.

use std::collections::VecDeque;
use std::{fmt, iter};

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Options as _, Publish, PublishOptions, SharedEvent};
use cloverleaf_wamp::uri::UriPattern;
use compact_str::CompactString;

use super::eligibility::{Eligibility, lists, names_sessions};
use super::publication::Publication;
use crate::limits::MAX_HISTORY_BYTES;
use crate::session::Party;
use crate::wall_clock::Timestamp;

/// The events of a pattern that are kept.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// The topics.
    pub pattern: UriPattern,
    /// How many events.
    pub limit: usize,
    /// What an [`EventStore`] has kept before, the oldest first. What is none is passed over.
    pub records: Vec<Vec<u8>>,
}

/// How far a store has come: of two tickets the one that was given later is the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Where kept events outlive the realm. It works in its own time: what it is given is safe when the
/// host has said so, with [`crate::Realm::stored`].
pub trait EventStore: fmt::Debug + Send {
    /// Whether it takes more now. Events that it has no room for are not published.
    fn has_room(&self) -> bool;

    /// Takes an event of a pattern, in the order of the calls.
    fn keep(&mut self, pattern: &UriPattern, record: Vec<u8>) -> Ticket;
}

/// One event.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) at: Timestamp,
    pub(crate) topic: CompactString,
    pub(crate) event: SharedEvent,
    pub(super) lists: Option<Box<PublishOptions>>,
}

impl Past {
    /// How many bytes it holds in memory.
    pub(crate) fn size(&self) -> usize {
        let lists =
            self.lists.as_ref().map_or(0, |lists| size_of::<PublishOptions>() + lists.size());
        size_of::<Self>() + self.topic.len() + self.event.size() + lists
    }

    fn may_hear(&self, party: Party<'_>) -> bool {
        self.lists.as_deref().is_none_or(|lists| Eligibility::new(lists, None).allows(party))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct History {
    limit: usize,
    events: VecDeque<Past>,
    bytes: usize,
}

/// Which events are asked for. All conditions must hold.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// The latest first.
    pub(crate) reverse: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) from_time: Option<Timestamp>,
    pub(crate) after_time: Option<Timestamp>,
    pub(crate) before_time: Option<Timestamp>,
    pub(crate) until_time: Option<Timestamp>,
    pub(crate) topic: Option<CompactString>,
    pub(crate) from_publication: Option<PublicationId>,
    pub(crate) after_publication: Option<PublicationId>,
    pub(crate) before_publication: Option<PublicationId>,
    pub(crate) until_publication: Option<PublicationId>,
}

impl History {
    /// A history of so many events, with those that were kept before.
    pub(super) fn new(limit: usize, before: impl Iterator<Item = Past>) -> Self {
        let mut history = Self { limit, events: VecDeque::new(), bytes: 0 };
        before.for_each(|past| history.push(past));
        history
    }

    /// Whether a publication is one of those that are kept.
    pub(super) fn keeps(&self, publish: &Publish) -> bool {
        self.limit > 0 && !names_sessions(&publish.options)
    }

    pub(super) fn keep(
        &mut self,
        publication: &Publication<'_>,
        at: Timestamp,
        event: &SharedEvent,
    ) -> Option<&Past> {
        if !self.keeps(publication.publish) {
            return None;
        }
        let past = Past {
            // Whoever asks with a time that it was told finds the event.
            at: at.to_millis(),
            topic: publication.publish.topic.as_str().into(),
            event: event.clone(),
            lists: lists(&publication.publish.options),
        };
        self.push(past);
        self.events.back()
    }

    fn push(&mut self, past: Past) {
        self.bytes += past.size();
        self.events.push_back(past);
        while self.events.len() > self.limit || self.bytes > MAX_HISTORY_BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.size();
        }
    }

    /// The events that a session asks for and may hear.
    pub(crate) fn query<'a>(
        &'a self,
        query: &'a Query,
        party: Party<'a>,
    ) -> impl Iterator<Item = &'a Past> {
        let mut events = self.events.range(self.between(query).unwrap_or_default());
        let next = move || if query.reverse { events.next_back() } else { events.next() };
        iter::from_fn(next)
            .filter(move |past| query.is_met_by(past) && past.may_hear(party))
            .take(query.limit.unwrap_or(usize::MAX))
    }

    /// The places that the publications of a query leave. A publication that is not kept (any more)
    /// leaves none.
    fn between(&self, query: &Query) -> Option<std::ops::Range<usize>> {
        let place = |publication: PublicationId| {
            self.events.iter().position(|past| past.event.publication == publication)
        };
        let mut range = 0..self.events.len();
        if let Some(publication) = query.from_publication {
            range.start = range.start.max(place(publication)?);
        }
        if let Some(publication) = query.after_publication {
            range.start = range.start.max(place(publication)? + 1);
        }
        if let Some(publication) = query.before_publication {
            range.end = range.end.min(place(publication)?);
        }
        if let Some(publication) = query.until_publication {
            range.end = range.end.min(place(publication)? + 1);
        }
        (range.start <= range.end).then_some(range)
    }
}

impl Query {
    fn is_met_by(&self, past: &Past) -> bool {
        self.from_time.is_none_or(|time| past.at >= time)
            && self.after_time.is_none_or(|time| past.at > time)
            && self.before_time.is_none_or(|time| past.at < time)
            && self.until_time.is_none_or(|time| past.at <= time)
            && self.topic.as_ref().is_none_or(|topic| past.topic == *topic)
    }
}
