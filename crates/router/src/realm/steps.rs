//! Continuing unfinished work in steps, and pausing the sessions that have requested it.

use super::Realm;
use crate::broker::{HistoryAnswer, Stepped};
use crate::deadline::Moment;
use crate::jobs::Job;
use crate::limits::{MAX_LISTINGS_PER_SESSION, WORK_PER_STEP};
use crate::outbox::{Outbox, WaitConditions};
use crate::parking::Schedule;
use crate::session::SessionKey;
use crate::work::{self, Work};

impl<O: Outbox> Realm<O> {
    /// Whether [`Realm::work`] has something to do.
    pub fn has_work(&self) -> bool {
        !self.jobs.is_empty()
            || self.broker.has_ready()
            || self.dealer.has_waiting_work()
            || self.broker.backpressure.has_slow()
            || self.broker.has_ended_acknowledgements()
    }

    /// The work of the last step, in units of about 100 ns.
    pub const fn work_done(&self) -> u32 {
        self.work.spent()
    }

    /// Continues unfinished work for one step of at most `units` units, of about 100 ns each.
    /// Returns whether there is more; the host serves others before it calls again.
    pub fn work(&mut self, now: Moment, units: u32) -> bool {
        self.work = Work::of(units.min(WORK_PER_STEP));
        if self.dealer.has_waiting_work() {
            // At most half of the step, so that jobs continue, too.
            let mut half = Work::of(self.work.left() / 2);
            self.dealer.continue_waiting(&mut self.sessions, &mut half);
            self.work.spend(half.spent());
        }
        if self.broker.has_ended_acknowledgements() {
            let mut half = Work::of(self.work.left() / 2);
            self.broker.release_owed(&mut self.sessions, &mut half);
            self.work.spend(half.spent());
        }
        while !self.work.is_spent() {
            self.schedule_ready();
            let Some(job) = self.jobs.pop() else { break };
            // A job that waits costs a visit, too.
            self.work.spend(work::MESSAGE);
            if let Some(unfinished) = self.step(job, now) {
                self.jobs.put_back(unfinished);
            }
        }
        self.publish_slow_consumers(now);
        self.has_work()
    }

    /// Pushes jobs for publications that can be continued.
    fn schedule_ready(&mut self) {
        while let Some(source) = self.broker.take_ready() {
            self.jobs.push(Job::Outgoing(source));
        }
    }

    /// Does a step of a job. Returns the job, unless it is done or waits.
    fn step(&mut self, job: Job, now: Moment) -> Option<Job> {
        match job {
            Job::Outgoing(source) => {
                let sessions = &mut self.sessions;
                let stepped = self.broker.continue_outgoing(sessions, source, now, &mut self.work);
                self.discount_detached();
                self.resume(source);
                (stepped == Stepped::More).then_some(job)
            }
            Job::Replays(session) => {
                let stepped =
                    self.broker.continue_replays(&self.sessions, session, now, &mut self.work);
                self.resume(session);
                (stepped == Stepped::More).then_some(job)
            }
            Job::Listing(listing) => self.continue_listing(listing).map(Job::Listing),
            Job::DetachedSession(detached) => {
                self.begin_detach(detached, now);
                None
            }
            Job::Kill(kill) => self.continue_kill(kill, now).map(Job::Kill),
            Job::Release(session) => self.release_parked(session, now).then_some(job),
        }
    }

    /// The peer of a session takes more retained events.
    pub fn handle_room(&mut self, session: SessionKey) {
        self.jobs.push(Job::Replays(session));
    }

    /// The outbox of a session has dropped events that it had queued.
    pub fn handle_loss(&mut self, session: SessionKey) {
        if let Some(session) = self.sessions.at(session) {
            self.broker.backpressure.note_loss(session);
        }
    }

    /// Answers a request for stored events.
    pub fn finish_history_query(&mut self, answer: HistoryAnswer) {
        let HistoryAnswer { caller, request, outcome } = answer;
        self.finish_listing(caller, request, outcome);
    }

    /// Takes the conditions under which a paused session goes on.
    pub fn take_wait(&mut self, session: SessionKey) -> WaitConditions<'_, O> {
        let until_resumed = self.sessions.at(session).is_some_and(|session| session.reading_paused);
        let congested = self.broker.backpressure.take_congested(session, &self.sessions);
        WaitConditions { congested, until_resumed }
    }

    /// Whether a session has as many requests in progress, or parked, as it may.
    fn is_busy(&self, key: SessionKey) -> bool {
        self.has_full_queues(key)
            || self.parking.as_ref().is_some_and(|parking| {
                let session = self.sessions.at(key);
                parking.is_full(key, session.is_some_and(|session| session.reading_paused))
            })
    }

    /// Whether a session has as many requests in progress as it may.
    pub(super) fn has_full_queues(&self, key: SessionKey) -> bool {
        self.broker.is_full_of_replays(key)
            || self.sessions.at(key).is_some_and(|session| {
                let limits = self.sessions.limits(session.role);
                session.listings >= MAX_LISTINGS_PER_SESSION
                    || self.broker.is_full_of_outgoing(key, limits)
            })
    }

    /// Pauses a session that has as many requests in progress as it may. Internal sessions can't
    /// pause: their further requests are refused.
    pub(crate) fn wait_if_busy(&mut self, key: SessionKey) {
        if self.is_busy(key)
            && let Some(session) = self.sessions.at_mut(key)
            && !session.is_internal
        {
            session.reading_paused = true;
            self.must_wait = true;
        }
    }

    /// Resumes a paused session if it may have more requests in progress, and continues with its
    /// parked messages and, if it has ended, with its removal.
    pub(crate) fn resume(&mut self, key: SessionKey) {
        if let Some(detached) = self.waiting_detached.remove(&key) {
            self.jobs.push(Job::DetachedSession(detached));
        }
        if let Some(parking) = &mut self.parking
            && parking.schedule(key) == Schedule::Push
        {
            self.jobs.push(Job::Release(key));
        }
        if self.sessions.at(key).is_some_and(|session| session.reading_paused)
            && !self.is_busy(key)
            && let Some(session) = self.sessions.at_mut(key)
        {
            session.reading_paused = false;
            session.outbox.resume();
        }
    }
}
