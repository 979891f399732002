//! A session ends: by its own GOODBYE or ABORT, with its connection, or because the router says so.
//!
//! Those that somebody else has ended by the meta API wait in `killed_sessions` for their answer.
//! Spec: basic profile "Session Closing", "Caller Leaving During an RPC Invocation", "Callee
//! Leaving During an RPC Invocation".

use std::collections::VecDeque;

use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};

use super::{Realm, SessionFlow};
use crate::deadline::Moment;
use crate::jobs::Job;
use crate::outbox::{CloseCause, Outbox};
use crate::session::{Identity, Principal, Session, SessionKey};
use crate::testament::Testament;
use crate::work::{self, Work};
use crate::{broker, dealer};

/// A session that is gone, and what still stands of it in tables or is to be said of it.
#[derive(Debug)]
pub(crate) struct DetachedSession {
    key: SessionKey,
    principal: Principal,
    role: usize,
    broker: broker::BrokerState,
    dealer: dealer::DetachedCalls,
    stage: DetachStage,
    testaments: VecDeque<Testament>,
    testament_bytes: usize,
    /// Nothing is said of it.
    is_silent: bool,
}

impl DetachedSession {
    /// Nothing is said of it.
    pub(crate) const fn be_silent(&mut self) {
        self.is_silent = true;
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DetachStage {
    /// It is taken out of the broker's tables.
    Broker,
    /// It is taken out of the dealer's tables.
    Dealer,
    /// Its testaments are published, then that it has left.
    Testaments,
}

impl<O: Outbox> Realm<O> {
    /// Takes everything away that a session held; its callers and callees hear of it, and what it
    /// left behind to be said is published. A session that is gone already is passed over.
    pub fn detach(&mut self, key: SessionKey, now: Moment) {
        self.work = Work::message();
        self.end_session(key, now);
    }

    /// As [`Self::detach`], with what is left of the step.
    pub(super) fn end_session(&mut self, key: SessionKey, now: Moment) {
        self.killed.end(key);
        if let Some((detached, _)) = self.take_out(key) {
            self.begin_detach(detached, now);
        }
    }

    /// Takes a session out of the table of sessions: from now on it is not there. Its outbox is
    /// left.
    pub(crate) fn take_out(&mut self, key: SessionKey) -> Option<(Box<DetachedSession>, O)> {
        let session = self.sessions.remove(key)?;
        if let Some(parking) = &mut self.parking {
            parking.forget(key);
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

    /// Does what the step has left for a session that is gone, and the rest later.
    pub(crate) fn begin_detach(&mut self, detached: Box<DetachedSession>, now: Moment) {
        let Some(unfinished) = self.continue_detach(detached, now) else { return };
        if self.is_full_of_outgoing(&unfinished) {
            self.waiting_detached.insert(unfinished.key, unfinished);
        } else {
            self.jobs.push(Job::DetachedSession(unfinished));
        }
    }

    /// Goes on with a session that is gone. The detached session, unless it is done.
    fn continue_detach(
        &mut self,
        mut detached: Box<DetachedSession>,
        now: Moment,
    ) -> Option<Box<DetachedSession>> {
        // At least one piece in every step.
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

    /// Does a piece of the present stage: takes one entry out of a table, and publishes what has
    /// changed by that, before others can change it further. Whether everything is done.
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

    /// A message of a session that is over: the router said GOODBYE, and the client answers or has
    /// not heard it yet.
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

    /// Ends a session with ABORT; one that was said GOODBYE to ends in silence.
    pub fn abort(&mut self, key: SessionKey, abort: Abort, now: Moment) {
        if let Some(session) = self.sessions.at(key)
            && !session.is_closing
        {
            let _ = session.outbox.send(RouterMessage::Abort(abort));
        }
        self.end_session(key, now);
    }

    /// Closes the connection of every session behind what was sent, and lets no other in. A realm
    /// with [`RealmSettings::shutdown_goodbye`](crate::RealmSettings) says GOODBYE instead; then
    /// sessions end with their own GOODBYE or with their connection.
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

    /// The client leaves, or answers the router's own GOODBYE.
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
