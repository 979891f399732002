//! A session ends: by its own GOODBYE or ABORT, with its connection, or because the router says so.
//!
//! Those that somebody else has ended by the meta API wait in `closing` for their answer.
//! Spec: basic profile "Session Closing", "Caller Leaving During an RPC Invocation", "Callee
//! Leaving During an RPC Invocation".

use std::collections::VecDeque;

use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};

use super::{Next, Realm};
use crate::deadline::Moment;
use crate::jobs::Job;
use crate::outbox::{CloseCause, Outbox};
use crate::session::{Party, Principal, Session, SessionKey};
use crate::testament::Testament;
use crate::work::{self, Work};
use crate::{broker, dealer};

/// A session that is gone, and what still stands of it in tables or is to be said of it.
#[derive(Debug)]
pub(crate) struct Departure {
    key: SessionKey,
    principal: Principal,
    role: usize,
    broker: broker::Holdings,
    dealer: dealer::Leftovers,
    stage: DepartureStage,
    testaments: VecDeque<Testament>,
    testament_bytes: usize,
    /// Nothing is said of it.
    is_silent: bool,
}

impl Departure {
    /// Nothing is said of it.
    pub(crate) const fn be_silent(&mut self) {
        self.is_silent = true;
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DepartureStage {
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
        self.depart(key, now);
    }

    /// As [`Self::detach`], with what is left of the step.
    pub(super) fn depart(&mut self, key: SessionKey, now: Moment) {
        self.closing.end(key);
        if let Some((departure, _)) = self.take_out(key) {
            self.begin_departure(departure, now);
        }
    }

    /// Takes a session out of the table of sessions: from now on it is not there. Its outbox is
    /// left.
    pub(crate) fn take_out(&mut self, key: SessionKey) -> Option<(Box<Departure>, O)> {
        let session = self.sessions.remove(key)?;
        self.departing += 1;
        let Session { principal, role, broker, dealer, testaments, outbox, .. } = session;
        let testament_bytes = testaments.as_ref().map_or(0, |testaments| testaments.bytes());
        let testaments = testaments.map(|testaments| testaments.into_all().collect());
        let departure = Departure {
            key,
            principal,
            role,
            broker,
            dealer: dealer::Leftovers::of(dealer),
            stage: DepartureStage::Broker,
            testaments: testaments.unwrap_or_default(),
            testament_bytes,
            is_silent: false,
        };
        Some((Box::new(departure), outbox))
    }

    /// Does what the step has left for a session that is gone, and the rest later.
    pub(crate) fn begin_departure(&mut self, departure: Box<Departure>, now: Moment) {
        let Some(unfinished) = self.continue_departure(departure, now) else { return };
        if self.broker.is_full_of_outgoing(unfinished.key) {
            self.parked.insert(unfinished.key, unfinished);
        } else {
            self.jobs.push(Job::Departure(unfinished));
        }
    }

    /// Goes on with a session that is gone. The departure, unless it is done.
    fn continue_departure(
        &mut self,
        mut departure: Box<Departure>,
        now: Moment,
    ) -> Option<Box<Departure>> {
        // At least one piece in every step.
        loop {
            if self.continue_stage(&mut departure, now) {
                let testament_bytes = departure.testament_bytes;
                let departed = broker::Departed { sessions: 1, testament_bytes };
                self.broker.finish_departure(departure.key, departed);
                self.discount_departed();
                return None;
            }
            if self.work.is_spent() || self.broker.is_full_of_outgoing(departure.key) {
                return Some(departure);
            }
        }
    }

    /// No longer counts the sessions that have left and have nothing in the realm any more.
    pub(super) fn discount_departed(&mut self) {
        let broker::Departed { sessions, testament_bytes } = self.broker.take_departed();
        self.departing -= sessions;
        self.testament_bytes -= testament_bytes;
    }

    /// Does a piece of the present stage: takes one entry out of a table, and publishes what has
    /// changed by that, before others can change it further. Whether everything is done.
    fn continue_stage(&mut self, departure: &mut Departure, now: Moment) -> bool {
        let Departure { key, broker, dealer, is_silent, .. } = departure;
        let (sessions, mut piece) = (&mut self.sessions, Work::of(work::ENTRY));
        match departure.stage {
            DepartureStage::Broker => {
                let mut changes = Vec::new();
                if self.broker.detach(sessions, *key, broker, &mut changes, &mut piece) {
                    departure.stage = DepartureStage::Dealer;
                }
                self.work.spend(work::REMOVAL);
                if !*is_silent {
                    self.tell_subscriptions(*key, &changes, now);
                }
            }
            DepartureStage::Dealer => {
                let mut changes = Vec::new();
                if self.dealer.detach(sessions, *key, dealer, &mut changes, &mut piece) {
                    departure.stage = DepartureStage::Testaments;
                }
                self.work.spend(work::MESSAGE);
                if !*is_silent {
                    self.tell_registrations(*key, &changes, now);
                }
            }
            DepartureStage::Testaments if departure.is_silent => return true,
            DepartureStage::Testaments => {
                let Some(testament) = departure.testaments.pop_front() else {
                    self.tell_left(*key, &departure.principal, now);
                    return true;
                };
                let party = Party { key: *key, principal: &departure.principal };
                self.publish_testament(party, departure.role, testament, now);
            }
        }
        false
    }

    /// A message of a session that is over: the router said GOODBYE, and the client answers or has
    /// not heard it yet.
    pub(super) fn late(&mut self, from: SessionKey, message: &ClientMessage) -> Next {
        match message {
            _ if !self.closing.has(from) => Next::Close,
            ClientMessage::Goodbye(_) => {
                self.closing.end(from);
                Next::Left
            }
            ClientMessage::Abort(_) => {
                self.closing.end(from);
                Next::Close
            }
            _ => Next::Continue,
        }
    }

    /// Ends a session with ABORT; one that was said GOODBYE to ends in silence.
    pub fn abort(&mut self, key: SessionKey, abort: Abort, now: Moment) {
        if let Some(session) = self.sessions.at(key)
            && !session.leaving
        {
            let _ = session.outbox.send(RouterMessage::Abort(abort));
        }
        self.depart(key, now);
    }

    /// Closes the connection of every session behind what was sent, and lets no other in. A realm
    /// with [`RealmSettings::shutdown_goodbye`](crate::RealmSettings) says GOODBYE instead; then
    /// sessions end with their own GOODBYE or with their connection.
    pub fn close(&mut self, reason: &str) {
        self.closed = true;
        for session in self.sessions.iter_mut() {
            if std::mem::replace(&mut session.leaving, true) {
                continue;
            }
            if session.is_own || self.settings.shutdown_goodbye {
                let _ = session.outbox.send(RouterMessage::Goodbye(Goodbye::new(reason)));
            } else {
                session.outbox.close(CloseCause::Shutdown, reason);
            }
        }
    }

    /// The client leaves, or answers the router's own GOODBYE.
    pub(super) fn goodbye(&mut self, from: SessionKey, now: Moment) -> Next {
        if let Some(session) = self.sessions.at(from)
            && !session.leaving
        {
            let answer = Goodbye::new(self.settings.compatibility.goodbye_reply_reason());
            let _ = session.outbox.send(RouterMessage::Goodbye(answer));
        }
        self.depart(from, now);
        Next::Left
    }
}
