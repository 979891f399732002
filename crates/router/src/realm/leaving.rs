//! A session ends: by its own GOODBYE or ABORT, with its connection, or because the router says so.
//!
//! Those that somebody else has ended by the meta API wait in `closing` for their answer.
//! Spec: basic profile "Session Closing", "Caller Leaving During an RPC Invocation", "Callee
//! Leaving During an RPC Invocation".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage, Goodbye, RouterMessage};

use super::{Next, Realm};
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey};
use crate::{broker, dealer};

/// A session that was taken out of every table, and what has changed by that.
#[derive(Debug)]
pub(crate) struct Departed<O> {
    pub(crate) session: Session<O>,
    pub(crate) unsubscribed: Vec<broker::Change>,
    pub(crate) unregistered: Vec<dealer::Change>,
}

impl<O: Outbox> Realm<O> {
    /// Takes everything away that a session held; its callers and callees hear of it, and what it
    /// left behind to be said is published. A session that is gone already is passed over.
    pub fn detach(&mut self, key: SessionKey, now: Moment) {
        self.closing.end(key);
        if let Some(mut departed) = self.take_out(key) {
            self.tell_departed(&mut departed, now);
        }
    }

    /// Takes a session out of every table.
    pub(crate) fn take_out(&mut self, key: SessionKey) -> Option<Departed<O>> {
        let session = self.sessions.remove(key)?;
        let unsubscribed = self.broker.detach(&mut self.sessions, key, &session.broker);
        let unregistered = self.dealer.detach(&mut self.sessions, &session);
        Some(Departed { session, unsubscribed, unregistered })
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
        self.detach(key, now);
    }

    /// Says GOODBYE to every session and lets no other in. They end with their own GOODBYE or with
    /// their connection.
    pub fn close(&mut self, reason: &str) {
        self.closed = true;
        for session in self.sessions.iter_mut() {
            if !std::mem::replace(&mut session.leaving, true) {
                let _ = session.outbox.send(RouterMessage::Goodbye(Goodbye::new(reason)));
            }
        }
    }

    /// The client leaves, or answers the router's own GOODBYE.
    pub(super) fn goodbye(&mut self, from: SessionKey, now: Moment) -> Next {
        if let Some(session) = self.sessions.at(from)
            && !session.leaving
        {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            let _ = session.outbox.send(RouterMessage::Goodbye(answer));
        }
        self.detach(from, now);
        Next::Left
    }
}
