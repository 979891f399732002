//! Durable publications: a publication to a topic of the event store is sent when its event is
//! stored, if it is to be acknowledged. So no subscriber gets an event that was refused.

use std::collections::VecDeque;

use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::Publish;
use smallvec::SmallVec;

use super::Broker;
use super::history::{EventStore, History, HistoryId, Record, StoreTicket, is_storable};
use super::history_query::HistoryQuery;
use super::publication::Publication;
use super::record;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::uri_index::UriIndex;

/// The event store and the publications that wait for it.
#[derive(Debug, Default)]
pub(super) struct Durable {
    store: Option<Box<dyn EventStore>>,
    /// The histories of the event store by topic.
    patterns: UriIndex<HistoryId>,
    /// Waiting publications, in the order of their tickets. Bounded by the store, which takes no
    /// more than it has room for.
    waiting: VecDeque<(StoreTicket, SessionKey)>,
}

impl Durable {
    pub(super) fn new(store: Option<Box<dyn EventStore>>) -> Self {
        Self { store, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there is a store.
    pub(super) const fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// Stores the events of a pattern from now on.
    pub(super) fn add(&mut self, pattern: &cloverleaf_wamp::uri::UriPattern, history: HistoryId) {
        self.patterns.insert(pattern, history);
    }

    fn histories_of(&self, publish: &Publish) -> SmallVec<[HistoryId; 4]> {
        let mut histories = SmallVec::new();
        if self.store.is_some() && is_storable(publish) {
            self.patterns.all_matches(publish.topic.as_str(), |id| histories.push(*id));
        }
        histories
    }
}

impl Broker {
    /// Gives the event of a publication to the event store, if its topic has a history there. A
    /// publication that is to be acknowledged waits for the ticket from then on.
    ///
    /// # Errors
    /// The store has no room for the event; then it is not sent either.
    pub(crate) fn store<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: &mut Publication,
        request: Option<RequestId>,
    ) -> Result<(), RequestFailure> {
        let histories = self.durable.histories_of(&publication.publish);
        if histories.is_empty() {
            return Ok(());
        }
        let Some(store) = &mut self.durable.store else { return Ok(()) };
        if !store.has_room() {
            if request.is_none() {
                store.note_dropped();
            }
            return Err(RequestFailure::StoreBusy);
        }
        let mut ticket = None;
        for history in histories {
            let Some(id) = self.stored_in.get(history.0).copied() else { continue };
            let Some(subscription) = self.subscriptions.get(id) else { continue };
            let bytes = record::write(publication, publication.event(id, subscription));
            let record = Record { publication: publication.id, bytes };
            ticket = ticket.max(Some(store.append(history, record)));
        }
        let (Some(ticket), Some(request)) = (ticket, request) else { return Ok(()) };
        publication.ticket = Some(ticket);
        self.durable.waiting.push_back((ticket, publication.source));
        if let Some(session) = sessions.at_mut(publication.source) {
            session.broker.storing.insert(request);
        }
        Ok(())
    }

    /// Takes the store out; nothing is stored any more.
    pub(crate) fn stop_storing(&mut self) -> Option<Box<dyn EventStore>> {
        self.durable.store.take()
    }

    /// Lets the event store answer a query for one of its histories.
    ///
    /// # Errors
    /// The store has too many queries, or is closed.
    pub(super) fn read_store(
        &mut self,
        history: HistoryId,
        reading: HistoryQuery,
    ) -> Result<(), RequestFailure> {
        let store = self.durable.store.as_mut();
        match store.is_some_and(|store| store.read(history, reading)) {
            true => Ok(()),
            false => Err(RequestFailure::StoreBusy),
        }
    }

    /// Continues the publications up to a ticket, which are stored or lost.
    pub(crate) fn stored<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        up_to: StoreTicket,
        outcome: Result<(), &str>,
    ) {
        let is_settled = |first: &mut (StoreTicket, SessionKey)| first.0 <= up_to;
        while let Some((ticket, source)) = self.durable.waiting.pop_front_if(is_settled) {
            match outcome {
                Ok(()) => self.is_stored(source, ticket),
                Err(why) => self.is_lost(sessions, source, ticket, why),
            }
        }
    }
}

impl History {
    /// Its id, if it is in the event store.
    pub(super) const fn in_store(&self) -> Option<HistoryId> {
        match self {
            Self::InStore(id) => Some(*id),
            Self::InMemory(_) => None,
        }
    }
}
