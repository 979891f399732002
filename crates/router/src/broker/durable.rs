//! Publications to topics whose events outlive the realm: PUBLISHED comes when they are safe.

use std::collections::VecDeque;

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Publish, Published, RequestRef, RouterMessage};
use cloverleaf_wamp::uri::UriPattern;

use super::history::{EventStore, Past, Ticket};
use super::{Broker, record};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// Who waits until its publication is safe.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    publisher: SessionKey,
    request: RequestRef,
    publication: PublicationId,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Durable {
    store: Option<Box<dyn EventStore>>,
    /// In the order of their tickets. Bounded by the store, which takes no more than it has room
    /// for.
    waiting: VecDeque<Waiting>,
}

impl Durable {
    pub(super) fn new(store: Option<Box<dyn EventStore>>) -> Self {
        Self { store, waiting: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives an event to the store, if there is one.
    pub(super) fn keep(&mut self, pattern: &UriPattern, past: Option<&Past>) -> Option<Ticket> {
        let (store, past) = (self.store.as_mut()?, past?);
        Some(store.keep(pattern, record::write(past)))
    }

    fn is_full(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !store.has_room())
    }
}

impl Broker {
    /// Whether a publication goes into a history that outlives the realm.
    pub(crate) fn stores(&self, publish: &Publish) -> bool {
        let mut is_kept = false;
        if self.durable.store.is_some() {
            self.index.all_matches(publish.topic.as_str(), |id| {
                is_kept |= self.history(*id).is_some_and(|history| history.keeps(publish));
            });
        }
        is_kept
    }

    /// Gives the store back.
    pub(crate) fn stop_keeping(&mut self) -> Option<Box<dyn EventStore>> {
        self.durable.store.take()
    }

    /// Whether a publication could not be stored now, where it should be.
    pub(crate) fn has_no_room_for(&self, publish: &Publish) -> bool {
        self.durable.is_full() && self.stores(publish)
    }

    /// Acknowledges a publication when what it was given for is safe.
    pub(crate) fn await_stored<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        ticket: Ticket,
        publisher: SessionKey,
        request: RequestRef,
        publication: PublicationId,
    ) {
        if let Some(session) = sessions.at_mut(publisher) {
            session.broker.storing.insert(request.id());
        }
        self.durable.waiting.push_back(Waiting { ticket, publisher, request, publication });
    }

    /// Everything up to a ticket is safe, or is lost.
    pub(crate) fn stored<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        up_to: Ticket,
        outcome: Result<(), &str>,
    ) {
        let outcome = outcome.map_err(|why| RequestFailure::NotStored(why.to_owned()));
        self.acknowledgements.stored(sessions, up_to, &outcome);
        while let Some(waiting) = self.durable.waiting.pop_front_if(|first| first.ticket <= up_to) {
            let Some(publisher) = sessions.at_mut(waiting.publisher) else { continue };
            publisher.broker.storing.remove(&waiting.request.id());
            if publisher.leaving {
                continue;
            }
            let _ = publisher.outbox.send(match &outcome {
                Ok(()) => {
                    let (request, publication) = (waiting.request.id(), waiting.publication);
                    RouterMessage::Published(Published { request, publication })
                }
                Err(failure) => failure.answer(waiting.request),
            });
        }
    }
}
