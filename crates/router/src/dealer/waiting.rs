//! Calls for which no callee is free: they wait in a bounded queue, the first to come first.

use cloverleaf_wamp::ids::RegistrationId;

use super::Dealer;
use super::choice::Choice;
use super::ending::Ending;
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

    /// Sends waiting calls to the callees that are free now.
    pub(super) fn send_waiting<O: Outbox>(
        &mut self,
        sessions: &mut Sessions<O>,
        id: RegistrationId,
    ) {
        let mut at = 0;
        while let Some(registration) = self.registrations.get_mut(&id)
            && let Some(key) = registration.waiting.get(at).copied()
        {
            let Some(errand) = self.calls.get(key.0).and_then(|call| call.errand.as_deref()) else {
                registration.waiting.remove(at);
                continue;
            };
            let chosen = registration.choose(errand.caller.id(), errand.wanted, &[], || 0);
            match chosen {
                Choice::At(place) => {
                    registration.waiting.remove(at);
                    if let Err(failure) = self.send_again(sessions, key, place) {
                        // Whoever is free now is looked for in this loop.
                        self.finish(sessions, key, Ending::Refused(failure));
                    }
                }
                // Others may want a callee that is free.
                Choice::Busy | Choice::Nobody => at += 1,
            }
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
}
