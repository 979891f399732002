//! Acknowledged events: PUBLISHED comes when all receivers have acknowledged the event.
//!
//! An extension of this router that uses EVENT_RECEIVED. The publisher requests it with
//! `PUBLISH.Options.x_acknowledged_delivery` beside `acknowledge`. Subscribers that announce
//! `x_acknowledged_event_delivery` get EVENT.Details.x_acknowledged_delivery and answer. The
//! publisher does not wait for subscribers that leave. If a subscriber does not answer in time, the
//! publication fails.

use std::collections::{BTreeMap, BTreeSet};

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{PublishOptions, Published, RequestRef, RouterMessage};

use super::{Broker, BrokerState};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::SessionLimits;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::work::{self, Work};

/// The subscribers that have not acknowledged a publication, with the number of its events.
pub(super) type Silent = BTreeMap<SessionKey, usize>;

/// The failure of a publication for whose receivers the realm has no room.
const NO_ROOM: RequestFailure =
    RequestFailure::RealmLimitReached("this realm", "unacknowledged events");

#[derive(Debug)]
struct UnacknowledgedPublication {
    publisher: SessionKey,
    request: RequestRef,
    silent: Silent,
    /// `None` while the event is being sent.
    deadline: Option<Moment>,
}

/// The publications that some receivers have not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acknowledgements {
    awaited: BTreeMap<PublicationId, UnacknowledgedPublication>,
    deadlines: BTreeSet<(Moment, PublicationId)>,
    /// Publications that have ended before all receivers have acknowledged them. They are still in
    /// the state of these receivers.
    ended: Vec<(PublicationId, Silent)>,
    /// Entries of `silent` in all publications, ended ones included.
    entries: usize,
}

/// When a publication is acknowledged to its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcknowledgementMode {
    /// Never. Its failures are silent, too.
    Unacknowledged,
    /// When the router has accepted it, and the event store has stored it.
    ByRouter,
    /// When all receivers have acknowledged it.
    ByReceivers,
}

impl AcknowledgementMode {
    pub(crate) fn of(options: &PublishOptions) -> Self {
        match (options.acknowledge, options.x_acknowledged_delivery) {
            (Some(true), Some(true)) => Self::ByReceivers,
            (Some(true), _) => Self::ByRouter,
            _ => Self::Unacknowledged,
        }
    }
}

impl BrokerState {
    /// Refuses while the session waits for as many acknowledgements as it may.
    pub(crate) fn check_awaited(&self, limits: &SessionLimits) -> Result<(), RequestFailure> {
        if self.awaited.len() >= limits.max_unacknowledged_publications {
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
    /// Notes a publication before it is sent to receivers that acknowledge it.
    pub(super) fn begin_awaiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publisher: SessionKey,
        request: RequestRef,
        publication: PublicationId,
    ) {
        if let Some(session) = sessions.at_mut(publisher) {
            session.broker.storing.remove(&request.id());
            session.broker.awaited.insert(request.id(), publication);
            let awaited = UnacknowledgedPublication {
                publisher,
                request,
                silent: Silent::new(),
                deadline: None,
            };
            self.acknowledgements.awaited.insert(publication, awaited);
        }
    }

    /// Notes further receivers of a publication.
    pub(super) fn await_more<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
        silent: Silent,
    ) {
        let all = &mut self.acknowledgements;
        if all.entries + silent.len() > self.limits.max_unacknowledged_events {
            return all.end(sessions, publication, Err(&NO_ROOM));
        }
        let Some(awaited) = all.awaited.get_mut(&publication) else { return };
        for (key, events) in silent {
            if let Some(session) = sessions.at_mut(key) {
                all.entries += usize::from(session.broker.owed.insert(publication));
                *awaited.silent.entry(key).or_default() += events;
            }
        }
    }

    /// Refuses while the realm waits for as many acknowledgements as it may.
    pub(crate) const fn check_awaited(&self) -> Result<(), RequestFailure> {
        if self.acknowledgements.entries >= self.limits.max_unacknowledged_events {
            return Err(NO_ROOM);
        }
        Ok(())
    }

    /// Whether [`Self::release_owed`] has something to do.
    pub(crate) const fn has_ended_acknowledgements(&self) -> bool {
        !self.acknowledgements.ended.is_empty()
    }

    /// Removes ended publications from the state of their subscribers, as far as the work allows.
    pub(crate) fn release_owed<O: Outbox>(&mut self, sessions: &mut Sessions<O>, work: &mut Work) {
        let all = &mut self.acknowledgements;
        while let Some((publication, silent)) = all.ended.last_mut() {
            while let Some((key, _)) = silent.pop_first() {
                all.entries -= 1;
                if let Some(session) = sessions.at_mut(key) {
                    session.broker.owed.remove(publication);
                }
                work.spend(work::REMOVAL);
                if work.is_spent() {
                    return;
                }
            }
            all.ended.pop();
        }
    }

    /// Notes that a publication was sent to all receivers. PUBLISHED is sent when all have
    /// acknowledged it, which may be now.
    pub(super) fn await_all<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
        now: Moment,
    ) {
        let all = &mut self.acknowledgements;
        let Some(awaited) = all.awaited.get_mut(&publication) else { return };
        let deadline = now.plus_millis(self.limits.acknowledgement_timeout_millis);
        awaited.deadline = Some(deadline);
        all.deadlines.insert((deadline, publication));
        all.end_if_all_have(sessions, publication);
    }

    /// Handles EVENT_RECEIVED. One that was not requested is ignored.
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
            all.entries -= 1;
            if let Some(session) = sessions.at_mut(from) {
                session.broker.owed.remove(&publication);
            }
            all.end_if_all_have(sessions, publication);
        }
    }

    /// Fails the publications whose subscribers have not answered in time.
    pub(crate) fn handle_timeout<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        now: Moment,
        work: &mut Work,
    ) {
        let all = &mut self.acknowledgements;
        while let Some((at, publication)) = all.deadlines.first().copied()
            && at <= now
            && !work.is_spent()
        {
            work.spend(work::REMOVAL);
            all.end(sessions, publication, Err(&RequestFailure::NotAcknowledged));
        }
    }
}

impl Acknowledgements {
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
            && self.deadlines.is_empty()
            && self.ended.is_empty()
            && self.entries == 0
    }

    /// Removes a session that has ended from the publishers and receivers.
    pub(super) fn detach<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        gone: SessionKey,
        publication: PublicationId,
    ) {
        let Some(awaited) = self.awaited.get_mut(&publication) else { return };
        self.entries -= usize::from(awaited.silent.remove(&gone).is_some());
        if awaited.publisher == gone {
            self.end(sessions, publication, Ok(()));
        } else {
            self.end_if_all_have(sessions, publication);
        }
    }

    fn end_if_all_have<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
    ) {
        let is_complete = |awaited: &UnacknowledgedPublication| {
            awaited.silent.is_empty() && awaited.deadline.is_some()
        };
        if self.awaited.get(&publication).is_some_and(is_complete) {
            self.end(sessions, publication, Ok(()));
        }
    }

    /// Ends a publication and answers its publisher. [`Broker::release_owed`] removes it from the
    /// state of its subscribers.
    fn end<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: PublicationId,
        outcome: Result<(), &RequestFailure>,
    ) {
        let Some(awaited) = self.awaited.remove(&publication) else { return };
        if let Some(deadline) = awaited.deadline {
            self.deadlines.remove(&(deadline, publication));
        }
        if !awaited.silent.is_empty() {
            self.ended.push((publication, awaited.silent));
        }
        let Some(publisher) = sessions.at_mut(awaited.publisher) else { return };
        publisher.broker.awaited.remove(&awaited.request.id());
        if publisher.is_closing {
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
