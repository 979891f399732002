//! The ways in which a caller or the clock gives a call up.
//!
//! Spec: advanced profile "Call Canceling", "Call Timeouts".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::CancelMode;

use super::answer::Ending;
use super::{CallKey, Dealer, interrupt};
use crate::deadline::Moment;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};

impl Dealer {
    /// The caller gives a call up. A call that is not in flight (any more) is passed over: CANCEL
    /// may cross RESULT.
    ///
    /// `skip`: the caller hears at once, the callee nothing. `kill`: the callee is interrupted and
    /// answers. `killnowait`: both. A callee that did not announce canceling is skipped.
    pub(crate) fn cancel<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        request: RequestId,
        mode: CancelMode,
    ) {
        let Some(key) =
            sessions.at(caller).and_then(|session| session.dealer.call_in_flight(request))
        else {
            return;
        };
        let Some(call) = self.calls.get_mut(key.0) else { return };
        let answers = call.invoked().any(|invoked| {
            sessions
                .at(invoked.callee)
                .is_some_and(|callee| callee.roles.callee_has(Feature::CallCanceling))
        });
        match mode {
            CancelMode::Kill if answers => {
                if !std::mem::replace(&mut call.canceling, true) {
                    for invoked in call.invoked() {
                        if let Some(callee) = sessions.at(invoked.callee) {
                            interrupt(callee, invoked.invocation, mode, error_uri::CANCELED);
                        }
                    }
                }
            }
            CancelMode::KillNoWait | CancelMode::Kill => {
                self.interrupt_all(sessions, key, error_uri::CANCELED);
                self.end(sessions, key, Ending::Canceled);
            }
            CancelMode::Skip => self.end(sessions, key, Ending::Canceled),
        }
    }

    /// Ends the calls whose deadline has come; before any of them could be sent to a callee that
    /// another one has left free.
    pub(crate) fn handle_timeout<O: Outbox>(&mut self, sessions: &mut Sessions<O>, now: Moment) {
        let mut freed = Vec::new();
        while let Some(key) = self.deadlines.pop_due(now) {
            self.interrupt_all(sessions, key, error_uri::TIMEOUT);
            freed.extend(self.finish(sessions, key, Ending::TimedOut));
        }
        self.all_released(sessions, freed);
    }

    /// Tells every callee of a call that nobody waits for its answer any more.
    pub(super) fn interrupt_all<O: Outbox>(
        &self,
        sessions: &Sessions<O>,
        key: CallKey,
        reason: &'static str,
    ) {
        let Some(call) = self.calls.get(key.0) else { return };
        for invoked in call.invoked() {
            if let Some(callee) = sessions.at(invoked.callee) {
                interrupt(callee, invoked.invocation, CancelMode::KillNoWait, reason);
            }
        }
    }
}
