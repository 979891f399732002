//! Events whose receivers acknowledge them: PUBLISHED comes when all have.
//!
//! This router's own use of EVENT_RECEIVED. The publisher asks with
//! `PUBLISH.Options.x_acknowledged_delivery` beside `acknowledge`; subscribers that announce
//! `x_acknowledged_event_delivery` get EVENT.Details.x_acknowledged_delivery and answer. One that
//! leaves is not waited for; one that keeps silent makes the publication fail in time.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::{PublicationId, SubscriptionId};
use cloverleaf_wamp::message::{Event, Publish, Published, RequestRef, RouterMessage, SharedEvent};

use super::history::Ticket;
use super::publication::Publication;
use super::{Broker, Holdings};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::{ACKNOWLEDGEMENT_TIMEOUT_MILLIS, MAX_AWAITED_PER_SESSION};
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

/// Who has not acknowledged a publication, and how many of its events.
type Silent = BTreeMap<SessionKey, usize>;

#[derive(Debug)]
struct Awaited {
    publisher: SessionKey,
    request: RequestRef,
    silent: Silent,
    /// Where the event is kept for good and that is not done.
    ticket: Option<Ticket>,
    deadline: Moment,
}

/// What must happen before PUBLISHED.
#[derive(Debug)]
pub(crate) struct Asked {
    silent: Silent,
    ticket: Option<Ticket>,
}

/// The publications that are not acknowledged by all.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    awaited: BTreeMap<PublicationId, Awaited>,
    deadlines: BTreeSet<(Moment, PublicationId)>,
}

/// Whether the publisher waits for its subscribers.
pub(crate) fn is_awaited(publish: &Publish) -> bool {
    publish.options.x_acknowledged_delivery == Some(true)
        && publish.options.acknowledge == Some(true)
}

impl Holdings {
    /// Refused while the session waits for as many acknowledgements as it may.
    pub(crate) fn check_awaited(&self) -> Result<(), RequestFailure> {
        if self.awaited.len() >= MAX_AWAITED_PER_SESSION {
            return Err(RequestFailure::LimitReached("unacknowledged publications"));
        }
        Ok(())
    }

    /// Whether the session neither waits for an acknowledgement nor owes one.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.awaited.is_empty() && self.owed.is_empty()
    }
}

impl Broker {
    /// Tells everybody who shall hear it, and asks those for an acknowledgement who can give one.
    pub(crate) fn publish_asking<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        publication: &Publication<'_>,
    ) -> Asked {
        let mut silent = Silent::new();
        let mut asking: Option<(SubscriptionId, SharedEvent)> = None;
        let ticket = self.tell(sessions, publication, |id, subscriber, event| {
            if !subscriber.roles.subscriber_has(Feature::AcknowledgedEventDelivery) {
                return subscriber.outbox.send(RouterMessage::Event(event.clone()));
            }
            let (_, event) = match asking.take().filter(|(of, _)| *of == id) {
                Some(made) => asking.insert(made),
                None => asking.insert((id, asking_event(event))),
            };
            let delivery = subscriber.outbox.send(RouterMessage::Event(event.clone()));
            if delivery.is_taken() {
                *silent.entry(subscriber.key).or_default() += 1;
            }
            delivery
        });
        Asked { silent, ticket }
    }

    /// Sends PUBLISHED when all have acknowledged, which may be now.
    pub(crate) fn await_acknowledgements<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publisher: SessionKey,
        request: RequestRef,
        publication: PublicationId,
        asked: Asked,
        now: Moment,
    ) {
        let Asked { silent, ticket } = asked;
        let deadline = now.plus_millis(ACKNOWLEDGEMENT_TIMEOUT_MILLIS);
        if let Some(session) = sessions.at_mut(publisher) {
            session.broker.awaited.insert(request.id(), publication);
        }
        for key in silent.keys() {
            if let Some(session) = sessions.at_mut(*key) {
                session.broker.owed.insert(publication);
            }
        }
        let awaited = Awaited { publisher, request, silent, ticket, deadline };
        self.acknowledgements.deadlines.insert((deadline, publication));
        self.acknowledgements.awaited.insert(publication, awaited);
        self.acknowledgements.end_if_all_have(sessions, publication);
    }

    /// EVENT_RECEIVED. One that nobody waits for is passed over.
    pub(crate) fn acknowledged<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        from: SessionKey,
        publication: PublicationId,
    ) {
        let all = &mut self.acknowledgements;
        let Some(awaited) = all.awaited.get_mut(&publication) else { return };
        let Some(events) = awaited.silent.get_mut(&from) else { return };
        *events -= 1;
        if *events == 0 {
            awaited.silent.remove(&from);
            if let Some(session) = sessions.at_mut(from) {
                session.broker.owed.remove(&publication);
            }
            all.end_if_all_have(sessions, publication);
        }
    }

    /// Gives up the publications whose subscribers have kept silent for too long.
    pub(crate) fn handle_timeout<O: Outbox>(&mut self, sessions: &mut Sessions<O>, now: Moment) {
        let all = &mut self.acknowledgements;
        while let Some((at, publication)) = all.deadlines.first().copied()
            && at <= now
        {
            all.end(sessions, publication, Err(&RequestFailure::NotAcknowledged));
        }
    }
}

impl Acknowledgements {
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty() && self.deadlines.is_empty()
    }

    /// A session has left: nobody waits for it, and it waits for nobody.
    pub(super) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        gone: SessionKey,
        publication: PublicationId,
    ) {
        let Some(awaited) = self.awaited.get_mut(&publication) else { return };
        awaited.silent.remove(&gone);
        if awaited.publisher == gone {
            self.end(sessions, publication, Ok(()));
        } else {
            self.end_if_all_have(sessions, publication);
        }
    }

    /// Everything up to a ticket is safe, or is lost.
    pub(super) fn stored<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        up_to: Ticket,
        outcome: &Result<(), RequestFailure>,
    ) {
        let mut done = Vec::new();
        for (publication, awaited) in &mut self.awaited {
            if awaited.ticket.take_if(|ticket| *ticket <= up_to).is_some() {
                done.push(*publication);
            }
        }
        for publication in done {
            match outcome {
                Ok(()) => self.end_if_all_have(sessions, publication),
                Err(failure) => self.end(sessions, publication, Err(failure)),
            }
        }
    }

    fn end_if_all_have<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
    ) {
        let is_complete = |awaited: &Awaited| awaited.silent.is_empty() && awaited.ticket.is_none();
        if self.awaited.get(&publication).is_some_and(is_complete) {
            self.end(sessions, publication, Ok(()));
        }
    }

    /// Takes a publication out of every table that knows it, and answers its publisher.
    fn end<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
        outcome: Result<(), &RequestFailure>,
    ) {
        let Some(awaited) = self.awaited.remove(&publication) else { return };
        self.deadlines.remove(&(awaited.deadline, publication));
        for key in awaited.silent.keys() {
            if let Some(session) = sessions.at_mut(*key) {
                session.broker.owed.remove(&publication);
            }
        }
        let Some(publisher) = sessions.at_mut(awaited.publisher) else { return };
        publisher.broker.awaited.remove(&awaited.request.id());
        if publisher.leaving {
            return;
        }
        let _ = publisher.outbox.send(match outcome {
            Ok(()) => {
                let request = awaited.request.id();
                RouterMessage::Published(Published { request, publication })
            }
            Err(failure) => failure.answer(awaited.request),
        });
    }
}

/// The same event, to be acknowledged.
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
