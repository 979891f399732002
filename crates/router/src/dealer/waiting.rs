//! Calls for which no callee is free: they wait in a bounded queue, the first to come first.

use cloverleaf_wamp::ids::RegistrationId;

use super::answer::Ending;
use super::endpoint::Endpoint;
use super::rerouting::Placed;
use super::{CallKey, Dealer};
use crate::failure::RequestFailure;
use crate::outbox::Outbox;
use crate::session::Sessions;

impl Dealer {
    /// Whether another call may wait.
    pub(super) fn may_wait(&self, id: RegistrationId) -> bool {
        self.registrations
            .get(&id)
            .is_some_and(|registration| registration.waiting.len() < registration.queue_limit)
    }

    /// Lets a call wait, behind those that do.
    pub(super) fn enqueue(&mut self, id: RegistrationId, key: CallKey) {
        if let Some(registration) = self.registrations.get_mut(&id) {
            registration.waiting.push_back(key);
        }
    }

    /// Sends waiting calls to the callees that are free now.
    pub(super) fn send_waiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
    ) {
        let mut at = 0;
        while let Some(registration) = self.registrations.get_mut(&id)
            && let Some(key) = registration.waiting.get(at).copied()
            && registration.callees.iter().any(Endpoint::is_free)
        {
            let failure = match self.place(sessions, key, || 0) {
                // Others may want a callee that is free.
                Placed::Busy => {
                    at += 1;
                    continue;
                }
                Placed::Sent => {
                    if let Some(registration) = self.registrations.get_mut(&id) {
                        registration.waiting.remove(at);
                    }
                    continue;
                }
                Placed::Nobody(failure) => failure,
            };
            let ending = failure.map_or(Ending::NobodyAvailable, Ending::Refused);
            self.finish(sessions, key, ending);
        }
    }

    /// Ends the calls that wait for a registration whose last callee has gone.
    pub(super) fn end_waiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
    ) {
        while let Some(registration) = self.registrations.get_mut(&id)
            && let Some(key) = registration.waiting.pop_front()
        {
            let procedure = self.calls.get(key.0).and_then(|call| call.errand.as_ref());
            let procedure = procedure.map(|errand| errand.procedure.clone()).unwrap_or_default();
            self.finish(sessions, key, Ending::Refused(RequestFailure::NoSuchProcedure(procedure)));
        }
    }

    /// A callee may have become free.
    pub(super) fn released<O: Outbox>(&mut self, sessions: &mut Sessions<O>, id: RegistrationId) {
        let waits = |registration: &super::Registration| !registration.waiting.is_empty();
        if self.registrations.get(&id).is_some_and(waits) {
            self.send_waiting(sessions, id);
        }
    }

    /// Callees of these registrations may have become free.
    pub(super) fn all_released<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        mut freed: Vec<RegistrationId>,
    ) {
        freed.sort_unstable();
        freed.dedup();
        for id in freed {
            self.released(sessions, id);
        }
    }
}
