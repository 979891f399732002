//! Applies the operations that end sessions: GOODBYE, violations, kills.

use cloverleaf_router::SessionFlow;
use cloverleaf_testkit::messages::{NOTHING, args, client};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage};

use crate::operation::{SessionEnding, Violation};
use crate::world::{World, one_of};

impl World {
    pub(crate) fn leave_one(&mut self, who: usize, ending: SessionEnding) {
        let peer = self.actors[who].peer;
        match ending {
            SessionEnding::Goodbye => {
                let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
                let flow = self.lab.submit(peer, goodbye);
                if self.authorizer.is_some() && flow == SessionFlow::Wait {
                    self.actors[who].is_leaving = true;
                    return;
                }
                assert_eq!(flow, SessionFlow::Left);
            }
            SessionEnding::Disconnect => self.lab.disconnect(peer),
            SessionEnding::Abort => {
                let abort = ClientMessage::Abort(Abort::new("com.error.enough", "enough"));
                assert_eq!(self.lab.submit(peer, abort), SessionFlow::Close);
            }
            SessionEnding::AbortByHost => self.lab.abort(peer, Abort::new("com.error.x", "bytes")),
        }
        self.ended(who);
    }

    pub(crate) fn violate(&mut self, who: usize, violation: Violation) -> Option<()> {
        let actor = &self.actors[who];
        let message = match violation {
            Violation::SecondHello => client::hello(),
            Violation::NeverSentInvocation => client::yielded(actor.last_invocation() + 1, NOTHING),
            // A peer with a closed connection does not know which calls have ended.
            Violation::RequestIdInUse if actor.ignores_messages => return None,
            // The call may be parked; then it is a violation later, or none if it is denied.
            Violation::RequestIdInUse if self.authorizer.is_some() => return None,
            Violation::RequestIdInUse => {
                let closed = |number: &u64| !actor.calls[number].is_open;
                client::call(actor.calls_in_flight().find(closed)?, "com.a", NOTHING)
            }
        };
        assert_eq!(self.lab.submit(self.actors[who].peer, message), SessionFlow::Close);
        self.ended(who);
        Some(())
    }

    pub(crate) fn kill(&mut self, who: usize, whom: usize) {
        let arguments = args((self.id(whom),));
        self.call_meta(who, "wamp.session.kill", arguments);
        // No session kills itself. A call that is parked kills later.
        if who != whom && self.authorizer.is_none() {
            self.ended(whom);
        }
    }

    /// All peers have the same authid here.
    pub(crate) fn kill_all(&mut self, who: usize, in_silence: bool) {
        if in_silence {
            self.call_meta(who, "wamp.session.kill_all", NOTHING);
        } else {
            self.call_meta(who, "wamp.session.kill_by_authid", args(("peer",)));
        }
        for whom in (0..self.actors.len()).filter(|whom| *whom != who) {
            if self.authorizer.is_none() {
                self.ended(whom);
            }
        }
    }

    /// A peer whose session has ended sends GOODBYE, which has no effect.
    pub(crate) fn answer_goodbye(&mut self, who: usize) -> Option<()> {
        let ended = (0..self.actors.len()).filter(|place| !self.actors[*place].is_open);
        let peer = self.actors[one_of(ended, who)?].peer;
        let next = self.lab.submit(peer, client::goodbye(error_uri::GOODBYE_AND_OUT));
        assert_ne!(next, SessionFlow::Continue);
        Some(())
    }

    /// The session has ended; its last messages are still to be read.
    fn ended(&mut self, who: usize) {
        self.read(who);
        self.actors[who].is_open = false;
    }
}
