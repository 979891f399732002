//! Killed sessions: the router has sent GOODBYE and awaits the client's.
//!
//! Their state in broker and dealer is removed in steps. Further messages of theirs are ignored. If
//! the client does not answer in time, its connection is closed. Spec: basic profile "Session
//! Closing".

use std::collections::BTreeSet;

use cloverleaf_wamp::message::Goodbye;
use cloverleaf_wamp::message::RouterMessage;
use foldhash::HashMap;

use crate::deadline::Moment;
use crate::limits::GOODBYE_TIMEOUT_MILLIS;
use crate::outbox::{CloseCause, Outbox};
use crate::session::SessionKey;
use crate::work::{self, Work};

#[derive(Debug)]
struct KilledSession<O> {
    outbox: O,
    deadline: Moment,
}

/// The killed sessions of a realm that have not answered.
#[derive(Debug)]
pub(crate) struct KilledSessions<O> {
    sessions: HashMap<SessionKey, KilledSession<O>>,
    deadlines: BTreeSet<(Moment, SessionKey)>,
}

impl<O> Default for KilledSessions<O> {
    fn default() -> Self {
        Self { sessions: HashMap::default(), deadlines: BTreeSet::new() }
    }
}

impl<O: Outbox> KilledSessions<O> {
    /// Sends GOODBYE to a session and waits for its answer.
    pub(crate) fn begin(&mut self, key: SessionKey, outbox: O, goodbye: Goodbye, now: Moment) {
        let _ = outbox.send(RouterMessage::Goodbye(goodbye));
        let deadline = now.plus_millis(GOODBYE_TIMEOUT_MILLIS);
        self.deadlines.insert((deadline, key));
        self.sessions.insert(key, KilledSession { outbox, deadline });
    }

    /// Whether the session was killed and has not answered.
    pub(crate) fn has(&self, key: SessionKey) -> bool {
        self.sessions.contains_key(&key)
    }

    /// The client has answered, or its connection is closed.
    pub(crate) fn end(&mut self, key: SessionKey) {
        if let Some(killed) = self.sessions.remove(&key) {
            self.deadlines.remove(&(killed.deadline, key));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Closes the connections of clients that have not answered in time.
    pub(crate) fn handle_timeout(&mut self, now: Moment, work: &mut Work) {
        while let Some((at, key)) = self.deadlines.first().copied()
            && at <= now
            && !work.is_spent()
        {
            work.spend(work::REMOVAL);
            self.deadlines.pop_first();
            if let Some(killed) = self.sessions.remove(&key) {
                killed.outbox.close(
                    CloseCause::SessionOver,
                    "the session was ended and its client did not say GOODBYE",
                );
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.deadlines.is_empty()
    }
}
