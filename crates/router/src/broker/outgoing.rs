//! Accepted publications that have not reached all subscribers, in the order of each publisher.
//!
//! Most publications are finished when their PUBLISH has been handled, and are never queued here.
//! Queued are publications with more subscribers than one step serves, publications that wait for
//! the event store, and later publications of the same session. Meta events about a session stand
//! in the order of its publications. The publications of a session stay when it ends.
//!
//! Spec: basic profile "Ordering Guarantees".

use std::collections::VecDeque;

use cloverleaf_wamp::heap_size::HeapSize as _;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Published, RequestRef, RouterMessage};
use foldhash::HashMap;

use super::Broker;
use super::history::StoreTicket;
use super::publication::Publication;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::SessionLimits;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::work::Work;

/// The publications of one session.
#[derive(Debug, Default)]
struct SessionOutgoing {
    publications: VecDeque<Publication>,
    bytes: usize,
    /// The session has a job for them.
    is_scheduled: bool,
    /// The counts of the realm for the session until they are sent, once the session has ended.
    totals: DetachedTotals,
}

/// The counts of a realm for sessions that have ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DetachedTotals {
    pub(crate) sessions: usize,
    /// Bytes of their testaments.
    pub(crate) testament_bytes: usize,
}

impl DetachedTotals {
    const fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.testament_bytes += other.testament_bytes;
    }
}

impl SessionOutgoing {
    /// An empty queue with room for one publication: a session that has ended often has only one.
    fn for_one() -> Self {
        Self { publications: VecDeque::with_capacity(1), ..Self::default() }
    }

    fn is_full(&self, limits: &SessionLimits) -> bool {
        self.publications.len() >= limits.max_outgoing_publications
            || self.bytes >= limits.max_outgoing_bytes
    }
}

/// All unfinished publications of a realm.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    queues: HashMap<SessionKey, SessionOutgoing>,
    /// Bytes of the publications of sessions.
    bytes: usize,
    /// Bytes of meta events.
    meta_bytes: usize,
    /// Sessions whose queues can be continued and that have no job.
    ready: Vec<SessionKey>,
    /// The counts of sessions that have nothing here any more, which the realm still counts.
    totals: DetachedTotals,
}

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// Everything is finished.
    Done,
    /// More is left.
    More,
    /// It waits for something else.
    Waits,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
            && self.ready.is_empty()
            && self.bytes == 0
            && self.meta_bytes == 0
            && self.totals == DetachedTotals::default()
    }

    fn has(&self, source: SessionKey) -> bool {
        !self.queues.is_empty() && self.queues.contains_key(&source)
    }

    fn push(&mut self, publication: Publication, is_ready: bool) {
        let source = publication.source;
        let queue = self.queues.entry(source).or_insert_with(SessionOutgoing::for_one);
        let size = publication.total_size();
        queue.bytes += size;
        let of_kind = if publication.is_meta() { &mut self.meta_bytes } else { &mut self.bytes };
        *of_kind += size;
        queue.publications.push_back(publication);
        if is_ready {
            self.schedule(source);
        }
    }

    /// No longer counts a publication of `bytes` bytes.
    fn discount(&mut self, publication: &Publication, bytes: usize) {
        let of_kind = if publication.is_meta() { &mut self.meta_bytes } else { &mut self.bytes };
        *of_kind = of_kind.saturating_sub(bytes);
        if let Some(queue) = self.queues.get_mut(&publication.source) {
            queue.bytes = queue.bytes.saturating_sub(bytes);
        }
    }

    fn schedule(&mut self, source: SessionKey) {
        if let Some(queue) = self.queues.get_mut(&source)
            && !std::mem::replace(&mut queue.is_scheduled, true)
        {
            self.ready.push(source);
        }
    }

    /// The publication of a session that waits for a ticket.
    fn waiting_for(&mut self, source: SessionKey, ticket: StoreTicket) -> Option<&mut Publication> {
        let queue = self.queues.get_mut(&source)?;
        queue.publications.iter_mut().find(|publication| publication.ticket == Some(ticket))
    }
}

impl Broker {
    /// Whether the realm accepts only publications that can be delivered at once.
    pub(crate) const fn has_no_memory_for_outgoing(&self) -> bool {
        self.outgoing.bytes >= self.limits.max_outgoing_bytes
    }

    /// Whether the realm drops meta events.
    pub(crate) const fn has_no_memory_for_meta_events(&self) -> bool {
        self.outgoing.meta_bytes >= self.limits.max_outgoing_meta_bytes
    }

    /// Keeps the counts of a session that has ended until its publications are sent. Then
    /// [`Self::take_detached`] returns them.
    pub(crate) fn finish_detach(&mut self, source: SessionKey, totals: DetachedTotals) {
        match self.outgoing.queues.get_mut(&source) {
            Some(queue) => queue.totals.add(totals),
            None => self.outgoing.totals.add(totals),
        }
    }

    /// Takes out the counts of sessions that have nothing left.
    pub(crate) fn take_detached(&mut self) -> DetachedTotals {
        std::mem::take(&mut self.outgoing.totals)
    }

    /// Whether a session may publish no more until earlier publications are finished.
    pub(crate) fn is_full_of_outgoing(&self, source: SessionKey, limits: &SessionLimits) -> bool {
        self.outgoing.has(source) && self.outgoing.queues[&source].is_full(limits)
    }

    /// Whether any publication is unfinished.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.queues.is_empty()
    }

    /// Whether any session needs a job for its publications.
    pub(crate) const fn has_ready(&self) -> bool {
        !self.outgoing.ready.is_empty()
    }

    /// Takes a session that needs a job for its publications.
    pub(crate) fn take_ready(&mut self) -> Option<SessionKey> {
        self.outgoing.ready.pop()
    }

    /// Delivers an accepted publication, now or behind earlier publications of the same session.
    pub(crate) fn publish<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        mut publication: Publication,
        now: Moment,
        work: &mut Work,
    ) {
        if publication.ticket.is_some() || self.outgoing.has(publication.source) {
            let is_ready = publication.ticket.is_none();
            return self.outgoing.push(publication, is_ready);
        }
        if self.deliver(sessions, &mut publication, work) {
            self.finish(sessions, &publication, now);
        } else {
            self.outgoing.push(publication, true);
        }
    }

    /// Continues the publications of a session.
    pub(crate) fn continue_outgoing<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        source: SessionKey,
        now: Moment,
        work: &mut Work,
    ) -> Stepped {
        while let Some(queue) = self.outgoing.queues.get_mut(&source) {
            let is_waiting = |publication: &Publication| publication.ticket.is_some();
            let Some(mut publication) = queue.publications.pop_front_if(|p| !is_waiting(p)) else {
                if queue.publications.is_empty() {
                    let totals = queue.totals;
                    self.outgoing.queues.remove(&source);
                    self.outgoing.totals.add(totals);
                    break;
                }
                queue.is_scheduled = false;
                return Stepped::Waits;
            };
            let size = publication.total_size();
            if !self.deliver(sessions, &mut publication, work) {
                if let Some(queue) = self.outgoing.queues.get_mut(&source) {
                    queue.publications.push_front(publication);
                }
                return Stepped::More;
            }
            self.outgoing.discount(&publication, size);
            self.finish(sessions, &publication, now);
        }
        Stepped::Done
    }

    /// Acknowledges, retains and delivers a publication whose turn has come. Returns whether all
    /// subscribers have it.
    fn deliver<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: &mut Publication,
        work: &mut Work,
    ) -> bool {
        if let Some(request) = publication.answer.take() {
            if publication.asks_receivers {
                self.begin_awaiting(sessions, publication.source, request, publication.id);
            } else {
                acknowledge(sessions, publication.source, request, publication.id);
            }
        }
        if std::mem::take(&mut publication.retains) {
            self.retain(sessions, publication, work);
        } else if self.retention.has_replays() {
            self.catch_up(sessions, publication.publish.topic.as_str(), publication.accepted, work);
        }
        self.fan_out(sessions, publication, work)
    }

    /// Handles a publication that all subscribers have. Its publisher may wait for their
    /// acknowledgements.
    fn finish<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        publication: &Publication,
        now: Moment,
    ) {
        if publication.asks_receivers {
            self.await_all(sessions, publication.id, now);
        }
    }

    /// Continues a publication that the event store has stored.
    pub(super) fn is_stored(&mut self, source: SessionKey, ticket: StoreTicket) {
        if let Some(publication) = self.outgoing.waiting_for(source, ticket) {
            publication.ticket = None;
            self.outgoing.schedule(source);
        }
    }

    /// Drops a publication that the event store has lost. Its publisher gets ERROR with the reason.
    pub(super) fn is_lost<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        source: SessionKey,
        ticket: StoreTicket,
        why: &str,
    ) {
        let Some(queue) = self.outgoing.queues.get_mut(&source) else { return };
        let is_it = |publication: &Publication| publication.ticket == Some(ticket);
        let Some(place) = queue.publications.iter().position(is_it) else { return };
        let Some(lost) = queue.publications.remove(place) else { return };
        self.outgoing.discount(&lost, lost.total_size());
        self.outgoing.schedule(source);
        let Some(request) = lost.answer else { return };
        let Some(publisher) = sessions.at_mut(source) else { return };
        publisher.broker.storing.remove(&request.id());
        if !publisher.is_closing {
            let _ =
                publisher.outbox.send(RequestFailure::NotStored(why.to_owned()).answer(request));
        }
    }
}

/// Sends PUBLISHED.
fn acknowledge<O: Outbox>(
    sessions: &mut Sessions<O>,
    publisher: SessionKey,
    request: RequestRef,
    publication: PublicationId,
) {
    let Some(publisher) = sessions.at_mut(publisher) else { return };
    publisher.broker.storing.remove(&request.id());
    if !publisher.is_closing {
        let answer = Published { request: request.id(), publication };
        let _ = publisher.outbox.send(RouterMessage::Published(answer));
    }
}
