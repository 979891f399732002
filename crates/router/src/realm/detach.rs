//! Ending a session: by its own GOODBYE or ABORT, with its connection, or by the router.
//!
//! Killed sessions wait in `killed_sessions` for the client's GOODBYE. Spec: basic profile "Session
//! Closing", "Caller Leaving During an RPC Invocation", "Callee Leaving During an RPC Invocation".

use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};

use super::{Realm, SessionFlow};
use crate::deadline::Moment;
use crate::jobs::Job;
use crate::jobs::detached_session::{DetachStage, DetachedSession};
use crate::outbox::{CloseCause, Outbox};
use crate::session::{Identity, Session, SessionKey};
use crate::work::{self, Work};
use crate::{broker, dealer};

impl<O: Outbox> Realm<O> {
    /// Ends a session without a message: its callers and callees are answered or interrupted, its
    /// testaments are published. A session that has ended already is ignored.
    pub fn detach(&mut self, key: SessionKey, now: Moment) {
        self.work = Work::message();
        self.end_session(key, now);
    }

    /// Ends a session within what is left of the step.
    pub(super) fn end_session(&mut self, key: SessionKey, now: Moment) {
        self.killed.end(key);
        if let Some((detached, _)) = self.take_out(key) {
            self.begin_detach(detached, now);
        }
    }

    /// Removes a session from the table of sessions, so that the realm does not find it any more.
    /// Its entries elsewhere and its outbox are returned.
    pub(crate) fn take_out(&mut self, key: SessionKey) -> Option<(Box<DetachedSession>, O)> {
        let session = self.sessions.remove(key)?;
        if let Some(parking) = &mut self.parking {
            let messages = parking.forget(key);
            self.work.spend_entries(messages);
        }
        self.detached += 1;
        let Session { principal, role, broker, dealer, testaments, outbox, .. } = session;
        let testament_bytes = testaments.as_ref().map_or(0, |testaments| testaments.bytes());
        let testaments = testaments.map(|testaments| testaments.into_all().collect());
        let detached = DetachedSession {
            key,
            principal,
            role,
            broker,
            dealer: dealer::DetachedCalls::of(dealer),
            stage: DetachStage::Broker,
            testaments: testaments.unwrap_or_default(),
            testament_bytes,
            is_silent: false,
        };
        Some((Box::new(detached), outbox))
    }

    /// Removes the entries of a session that has ended, as far as the step allows, and the rest in
    /// later steps.
    pub(crate) fn begin_detach(&mut self, detached: Box<DetachedSession>, now: Moment) {
        let Some(unfinished) = self.continue_detach(detached, now) else { return };
        if self.is_full_of_outgoing(&unfinished) {
            self.waiting_detached.insert(unfinished.key, unfinished);
        } else {
            self.jobs.push(Job::DetachedSession(unfinished));
        }
    }

    /// Continues with a session that has ended. Returns it, unless all of its entries are removed.
    fn continue_detach(
        &mut self,
        mut detached: Box<DetachedSession>,
        now: Moment,
    ) -> Option<Box<DetachedSession>> {
        // Every step does at least one piece.
        loop {
            if self.continue_stage(&mut detached, now) {
                let testament_bytes = detached.testament_bytes;
                let totals = broker::DetachedTotals { sessions: 1, testament_bytes };
                self.broker.finish_detach(detached.key, totals);
                self.discount_detached();
                return None;
            }
            if self.work.is_spent() || self.is_full_of_outgoing(&detached) {
                return Some(detached);
            }
        }
    }

    /// Whether the publications of a detached session have to be sent before it publishes more.
    fn is_full_of_outgoing(&self, detached: &DetachedSession) -> bool {
        self.broker.is_full_of_outgoing(detached.key, self.sessions.limits(detached.role))
    }

    /// No longer counts the sessions that have left and have nothing in the realm any more.
    pub(super) fn discount_detached(&mut self) {
        let broker::DetachedTotals { sessions, testament_bytes } = self.broker.take_detached();
        self.detached -= sessions;
        self.testament_bytes -= testament_bytes;
    }

    /// Does a piece of the present stage: removes one entry of a table and publishes the change,
    /// before other requests can change more. Returns whether everything is done.
    fn continue_stage(&mut self, detached: &mut DetachedSession, now: Moment) -> bool {
        let DetachedSession { key, broker, dealer, is_silent, .. } = detached;
        let (sessions, mut piece) = (&mut self.sessions, Work::of(work::ENTRY));
        match detached.stage {
            DetachStage::Broker => {
                let mut changes = Vec::new();
                if self.broker.detach(sessions, *key, broker, &mut changes, &mut piece) {
                    detached.stage = DetachStage::Dealer;
                }
                self.work.spend(work::REMOVAL);
                if !*is_silent {
                    self.publish_subscription_changes(*key, &changes, now);
                }
            }
            DetachStage::Dealer => {
                let mut changes = Vec::new();
                if self.dealer.detach(sessions, *key, dealer, &mut changes, &mut piece) {
                    detached.stage = DetachStage::Testaments;
                }
                self.work.spend(work::MESSAGE);
                if !*is_silent {
                    self.publish_registration_changes(*key, &changes, now);
                }
            }
            DetachStage::Testaments if detached.is_silent => return true,
            DetachStage::Testaments => {
                let Some(testament) = detached.testaments.pop_front() else {
                    self.publish_left(*key, &detached.principal, now);
                    return true;
                };
                let identity = Identity { key: *key, principal: &detached.principal };
                self.publish_testament(identity, detached.role, testament, now);
            }
        }
        false
    }

    /// Handles a message of a session that was killed: the client answers GOODBYE, or has not
    /// received it yet.
    pub(super) fn handle_late_message(
        &mut self,
        from: SessionKey,
        message: &ClientMessage,
    ) -> SessionFlow {
        match message {
            _ if !self.killed.has(from) => SessionFlow::Close,
            ClientMessage::Goodbye(_) => {
                self.killed.end(from);
                SessionFlow::Left
            }
            ClientMessage::Abort(_) => {
                self.killed.end(from);
                SessionFlow::Close
            }
            _ => SessionFlow::Continue,
        }
    }

    /// Ends a session with ABORT. A session that was sent GOODBYE gets none.
    pub fn abort(&mut self, key: SessionKey, abort: Abort, now: Moment) {
        if let Some(session) = self.sessions.at(key)
            && !session.is_closing
        {
            let _ = session.outbox.send(RouterMessage::Abort(abort));
        }
        self.end_session(key, now);
    }

    /// Closes the connection of every session after everything that was sent, and opens no session
    /// any more. A realm with [`RealmSettings::shutdown_goodbye`](crate::RealmSettings) sends
    /// GOODBYE instead; then sessions end with their own GOODBYE or with their connection.
    pub fn close(&mut self, reason: &str) {
        self.closed = true;
        for session in self.sessions.iter_mut() {
            if std::mem::replace(&mut session.is_closing, true) {
                continue;
            }
            if session.is_internal || self.settings.shutdown_goodbye {
                let _ = session.outbox.send(RouterMessage::Goodbye(Goodbye::new(reason)));
            } else {
                session.outbox.close(CloseCause::Shutdown, reason);
            }
        }
    }

    /// Closes the connections of sessions that have not answered the GOODBYE of [`Self::close`].
    pub fn close_connections(&mut self, reason: &str) {
        for session in self.sessions.iter().filter(|session| session.is_closing) {
            session.outbox.close(CloseCause::Shutdown, reason);
        }
    }

    /// Handles GOODBYE: the client leaves, or answers the router's GOODBYE.
    pub(super) fn goodbye(&mut self, from: SessionKey, now: Moment) -> SessionFlow {
        if let Some(session) = self.sessions.at(from)
            && !session.is_closing
        {
            let answer = Goodbye::new(self.settings.compatibility.goodbye_reply_reason());
            let _ = session.outbox.send(RouterMessage::Goodbye(answer));
        }
        self.end_session(from, now);
        SessionFlow::Left
    }
}
