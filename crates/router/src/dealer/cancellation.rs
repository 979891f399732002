//! Cancellation of calls: by the caller (CANCEL), by a timeout, at shutdown.
//!
//! Spec: advanced profile "Call Canceling", "Call Timeouts".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::CancelMode;

use super::answer::CallEnding;
use super::{CallKey, Dealer, interrupt};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::work::{self, Work};

impl Dealer {
    /// Handles CANCEL. A call that is not in flight (any more) is ignored: CANCEL may cross RESULT.
    ///
    /// `skip`: the caller is answered at once, the callee is not interrupted. `kill`: the callee is
    /// interrupted, and its answer ends the call. `killnowait`: the callee is interrupted, and the
    /// caller is answered at once. A callee that has not announced call canceling is skipped.
    ///
    /// Without a mode it is `killnowait`, but the caller may get no answer where no callee can be
    /// interrupted ([`Compatibility`](crate::Compatibility)).
    pub(crate) fn cancel<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        caller: SessionKey,
        request: RequestId,
        mode: Option<CancelMode>,
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
        let is_silent = mode.is_none() && !answers && self.compatibility.plain_cancel_is_silent();
        match mode.unwrap_or(CancelMode::KillNoWait) {
            mode @ CancelMode::Kill if answers => {
                if !std::mem::replace(&mut call.canceling, true) {
                    for invoked in call.invoked() {
                        if let Some(callee) = sessions.at(invoked.callee) {
                            interrupt(callee, invoked.invocation, mode, error_uri::CANCELED);
                        }
                    }
                }
            }
            _ if is_silent => self.end(sessions, key, CallEnding::Abandoned),
            CancelMode::KillNoWait | CancelMode::Kill => {
                self.interrupt_all(sessions, key, error_uri::CANCELED);
                self.end(sessions, key, CallEnding::Canceled);
            }
            CancelMode::Skip => self.end(sessions, key, CallEnding::Canceled),
        }
    }

    /// Ends the calls that have timed out, as far as the work allows.
    pub(crate) fn handle_timeout<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        now: Moment,
        work: &mut Work,
    ) {
        while !work.is_spent()
            && let Some(key) = self.deadlines.pop_due(now)
        {
            work.spend(work::MESSAGE);
            self.interrupt_all(sessions, key, error_uri::TIMEOUT);
            self.end(sessions, key, CallEnding::TimedOut(self.compatibility));
            work.spend(self.take_work());
        }
    }

    /// Ends all calls because the router shuts down, as far as the work allows. Returns whether
    /// there are more.
    pub(crate) fn end_calls<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        work: &mut Work,
    ) -> bool {
        while self.ended_up_to < self.calls.capacity() {
            if work.is_spent() {
                return true;
            }
            work.spend(work::ENTRY);
            let key = CallKey(self.ended_up_to);
            self.ended_up_to += 1;
            if self.calls.contains(key.0) {
                work.spend(work::MESSAGE);
                self.end(sessions, key, CallEnding::Refused(RequestFailure::RouterEnds));
            }
        }
        self.ended_up_to = 0;
        false
    }

    /// Interrupts every callee of a call: its answer is not needed any more.
    pub(super) fn interrupt_all<O: Outbox>(
        &mut self,
        sessions: &Sessions<O>,
        key: CallKey,
        reason: &'static str,
    ) {
        let Some(call) = self.calls.get(key.0) else { return };
        for invoked in call.invoked() {
            self.uncounted = self.uncounted.saturating_add(work::EVENT);
            if let Some(callee) = sessions.at(invoked.callee) {
                interrupt(callee, invoked.invocation, CancelMode::KillNoWait, reason);
            }
        }
    }
}
