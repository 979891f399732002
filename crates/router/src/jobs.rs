//! Jobs: work that is left when a message has been handled, and is continued in later steps.
//!
//! Jobs take turns; between two steps the host releases the realm's lock. [`work`](crate::work)
//! defines the size of a step.

use std::collections::VecDeque;

use cloverleaf_wamp::heap_size::HeapSize as _;
use foldhash::HashSet;

use crate::failure::RequestFailure;
use crate::limits::{MAX_LISTING_BYTES, MAX_LISTINGS, MAX_LISTINGS_AT_WORK};
use crate::session::SessionKey;

pub(crate) mod detached_session;
pub(crate) mod kill;
pub(crate) mod listing;
pub(crate) mod session_filter;

use detached_session::DetachedSession;
use kill::KillJob;
use listing::Listing;

/// A job.
#[derive(Debug)]
pub(crate) enum Job {
    /// Publications of a session that have not reached all subscribers.
    Outgoing(SessionKey),
    /// Retained events for a session.
    Replays(SessionKey),
    /// A call of the meta API with a long answer.
    Listing(Box<Listing>),
    /// A session that has ended and still has entries in tables.
    DetachedSession(Box<DetachedSession>),
    /// A call of the meta API that kills many sessions.
    Kill(Box<KillJob>),
    /// Sessions whose roles were removed, from this place in the table of sessions on.
    RemovedRoles { next: usize },
    /// Parked messages of a session that can be handled.
    Release(SessionKey),
}

/// The jobs of a realm, in the order of their turns.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    queue: VecDeque<Job>,
    /// Jobs that answer a call and take turns: at most [`MAX_LISTINGS_AT_WORK`], because they hold
    /// what they have collected.
    calls: VecDeque<Job>,
    /// Jobs that answer a call and wait until one of `calls` is done.
    waiting_calls: VecDeque<Job>,
    /// Bytes that `waiting_calls` holds.
    waiting_bytes: usize,
    /// A job that answers a call has the next turn.
    is_call_next: bool,
    /// The sessions that have a job for their retained events.
    replays: HashSet<SessionKey>,
}

impl Jobs {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.calls.is_empty() && self.waiting_calls.is_empty()
    }

    /// The number of calls that are answered by jobs.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len() + self.waiting_calls.len()
    }

    /// Whether the next job that answers a call has to wait.
    pub(crate) fn makes_calls_wait(&self) -> bool {
        self.calls.len() >= MAX_LISTINGS_AT_WORK
    }

    /// Checks that there is room for another job that answers a call and holds `bytes` bytes.
    ///
    /// # Errors
    /// [`RequestFailure::RealmBusy`].
    pub(crate) fn check_room_for_call(&self, bytes: usize) -> Result<(), RequestFailure> {
        let has_bytes =
            self.waiting_calls.is_empty() || self.waiting_bytes + bytes <= MAX_LISTING_BYTES;
        let has_room = has_bytes && self.calls() < MAX_LISTINGS;
        has_room.then_some(()).ok_or(RequestFailure::RealmBusy)
    }

    /// Adds a job behind all others.
    pub(crate) fn push(&mut self, job: Job) {
        if let Job::Replays(session) = job
            && !self.replays.insert(session)
        {
            return;
        }
        let queue = match call_bytes(&job) {
            None => &mut self.queue,
            Some(_) if !self.makes_calls_wait() => &mut self.calls,
            Some(bytes) => {
                self.waiting_bytes += bytes;
                &mut self.waiting_calls
            }
        };
        queue.push_back(job);
    }

    /// Puts a job back after its turn.
    pub(crate) fn put_back(&mut self, job: Job) {
        if matches!(job, Job::Replays(_)) {
            return self.push(job);
        }
        let queue = if call_bytes(&job).is_some() { &mut self.calls } else { &mut self.queue };
        queue.push_back(job);
    }

    /// Takes the job whose turn it is. Jobs that answer a call alternate with the others.
    pub(crate) fn pop(&mut self) -> Option<Job> {
        if !self.makes_calls_wait()
            && let Some(next) = self.waiting_calls.pop_front()
        {
            self.waiting_bytes -= call_bytes(&next).unwrap_or_default();
            self.calls.push_back(next);
        }
        self.is_call_next = !self.is_call_next;
        let (first, second) = match self.is_call_next {
            true => (&mut self.calls, &mut self.queue),
            false => (&mut self.queue, &mut self.calls),
        };
        let job = first.pop_front().or_else(|| second.pop_front());
        if let Some(Job::Replays(session)) = &job {
            self.replays.remove(session);
        }
        job
    }
}

/// Bytes that a job holds before its first turn; `None` if it answers no call.
fn call_bytes(job: &Job) -> Option<usize> {
    match job {
        Job::Listing(listing) => Some(Listing::total_size(listing)),
        Job::Kill(kill) => Some(KillJob::total_size(kill)),
        Job::Outgoing(_)
        | Job::Replays(_)
        | Job::Release(_)
        | Job::DetachedSession(_)
        | Job::RemovedRoles { .. } => None,
    }
}
