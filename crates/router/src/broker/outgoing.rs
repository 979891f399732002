//! Publications that were accepted and have not reached all subscribers, in the order of each
//! publisher.
//!
//! Most publications are done when their PUBLISH has been handled and are never here. Here are
//! those with more subscribers than one step serves, those that wait for the event store, and what
//! the same session has published behind them. The events that the router publishes about a session
//! stand in the order of that session. A session's publications stay when it leaves.
//!
//! Spec: basic profile "Ordering Guarantees".

use std::collections::VecDeque;

use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Published, RequestRef, RouterMessage};
use foldhash::HashMap;

use super::Broker;
use super::history::Ticket;
use super::publication::Publication;
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::limits::SessionLimits;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::work::Work;

/// The publications of one session.
#[derive(Debug, Default)]
struct Queue {
    publications: VecDeque<Publication>,
    bytes: usize,
    /// A job will go on with them.
    is_scheduled: bool,
    /// What the realm counts for the session until they are sent, once the session has left.
    totals: DetachedTotals,
}

/// What a realm counts for sessions that have left.
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

impl Queue {
    /// An empty queue with room for one publication: that of a session that has left often has no
    /// other.
    fn for_one() -> Self {
        Self { publications: VecDeque::with_capacity(1), ..Self::default() }
    }

    fn is_full(&self, limits: &SessionLimits) -> bool {
        self.publications.len() >= limits.max_outgoing_publications
            || self.bytes >= limits.max_outgoing_bytes
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    queues: HashMap<SessionKey, Queue>,
    /// Bytes that the publications of sessions hold.
    bytes: usize,
    /// Bytes that the meta events hold.
    meta_bytes: usize,
    /// Sessions whose queues can go on and have no job.
    ready: Vec<SessionKey>,
    /// Sessions that have left and have nothing here any more, which the realm still counts.
    totals: DetachedTotals,
}

/// What a step has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// Everything is done.
    Done,
    /// There is more to do.
    More,
    /// It goes on when something else has happened.
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
        let queue = self.queues.entry(source).or_insert_with(Queue::for_one);
        let size = publication.size();
        queue.bytes += size;
        let of_kind = if publication.is_meta() { &mut self.meta_bytes } else { &mut self.bytes };
        *of_kind += size;
        queue.publications.push_back(publication);
        if is_ready {
            self.schedule(source);
        }
    }

    /// A publication is gone that held so many bytes.
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

    /// The publication of a session that waits for this ticket.
    fn waiting_for(&mut self, source: SessionKey, ticket: Ticket) -> Option<&mut Publication> {
        let queue = self.queues.get_mut(&source)?;
        queue.publications.iter_mut().find(|publication| publication.ticket == Some(ticket))
    }
}

impl Broker {
    /// Whether the realm takes no publications that can't go out at once.
    pub(crate) const fn has_no_memory_for_outgoing(&self) -> bool {
        self.outgoing.bytes >= self.limits.max_outgoing_bytes
    }

    /// Whether the realm takes no meta events.
    pub(crate) const fn has_no_memory_for_meta_events(&self) -> bool {
        self.outgoing.meta_bytes >= self.limits.max_outgoing_meta_bytes
    }

    /// Keeps what the realm counts for a session that has left until its publications are sent.
    /// [`Self::take_detached`] returns it then.
    pub(crate) fn finish_detach(&mut self, source: SessionKey, totals: DetachedTotals) {
        match self.outgoing.queues.get_mut(&source) {
            Some(queue) => queue.totals.add(totals),
            None => self.outgoing.totals.add(totals),
        }
    }

    /// Takes out what the realm need not count any more.
    pub(crate) fn take_detached(&mut self) -> DetachedTotals {
        std::mem::take(&mut self.outgoing.totals)
    }

    /// Whether a session may publish no more before earlier publications are done.
    pub(crate) fn is_full_of_outgoing(&self, source: SessionKey, limits: &SessionLimits) -> bool {
        self.outgoing.has(source) && self.outgoing.queues[&source].is_full(limits)
    }

    /// Whether any publication is not done.
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.queues.is_empty()
    }

    /// Whether the publications of some session need a job.
    pub(crate) const fn has_ready(&self) -> bool {
        !self.outgoing.ready.is_empty()
    }

    /// A session whose publications need a job; it is taken out.
    pub(crate) fn take_ready(&mut self) -> Option<SessionKey> {
        self.outgoing.ready.pop()
    }

    /// Sends an accepted publication to its subscribers, now or behind the earlier ones of the same
    /// session.
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

    /// Goes on with the publications of a session.
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
            let size = publication.size();
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

    /// Acknowledges and retains a publication whose turn has come, and sends its event. Whether all
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

    /// All subscribers have the event. Its publisher may wait for their acknowledgements.
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

    /// A publication waits for the event store.
    pub(super) fn is_stored(&mut self, source: SessionKey, ticket: Ticket) {
        if let Some(publication) = self.outgoing.waiting_for(source, ticket) {
            publication.ticket = None;
            self.outgoing.schedule(source);
        }
    }

    /// The event store has lost a publication: it is not sent, and its publisher gets an ERROR that
    /// says why.
    pub(super) fn is_lost<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        source: SessionKey,
        ticket: Ticket,
        why: &str,
    ) {
        let Some(queue) = self.outgoing.queues.get_mut(&source) else { return };
        let is_it = |publication: &Publication| publication.ticket == Some(ticket);
        let Some(place) = queue.publications.iter().position(is_it) else { return };
        let Some(lost) = queue.publications.remove(place) else { return };
        self.outgoing.discount(&lost, lost.size());
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
