//! The promises between several peers.

use crate::actor::Actor;
use crate::ledger::RegistrationModel;
use crate::operation::Kind;
use crate::world::{Group, World};

impl World {
    pub(crate) fn assert_invariants(&mut self) {
        self.assert_order();
        for who in 0..self.actors.len() {
            self.assert_limits(who);
        }
    }

    /// Whether the call behind an invocation is in flight; `None` if no peer knows.
    pub(crate) fn is_in_flight(&self, who: usize, number: u64) -> Option<bool> {
        let callee = &self.actors[who];
        let asked = callee.invocation(number);
        let (caller, call, _) = asked.mark;
        let caller: &Actor = &self.actors[caller];
        if !callee.invocations.contains(&number) || asked.is_lost || !caller.is_open {
            return Some(false);
        }
        (!caller.ignores_messages).then(|| !caller.calls[&call].has_ended)
    }

    /// Asserts that invocations come at once, which is in order, unless their call was queued or
    /// rerouted, and that queued calls come in the order in which they were sent.
    fn assert_order(&mut self) {
        let mut late = Vec::new();
        for who in 0..self.actors.len() {
            for (registration, number) in std::mem::take(&mut self.actors[who].news) {
                let (caller, call, _) = self.actors[who].invocation(number).mark;
                let called = self.actors[caller].calls[&call];
                if called.step == self.step {
                    continue;
                }
                if self.authorizer.is_some() && Group::of(caller) != Group::Static {
                    self.assert_caller_order(who, number);
                    continue;
                }
                assert!(self.has_limits || called.came_back, "{called:?} comes late");
                let held = self.actors[who].registrations.get(&registration);
                let is_plain = called.is_plain() && held.is_some_and(RegistrationModel::is_plain);
                let is_compared = is_plain && self.authorizer.is_none();
                if is_compared && !called.came_back && !self.was_slow {
                    late.push((called.step, registration));
                }
            }
        }
        // The order of several invocations that came at once is unknown.
        late.sort_unstable();
        for (step, registration) in late {
            let last = self.last_late.insert(registration, step).unwrap_or(0);
            assert!(last < step, "the call of step {step} was overtaken");
        }
    }

    /// Calls of one session reach a callee in the order in which they were sent, also when they
    /// were parked.
    fn assert_caller_order(&self, who: usize, number: u64) {
        let callee = &self.actors[who];
        let (caller, call, _) = callee.invocation(number).mark;
        if self.has_limits || self.was_slow || Group::of(caller) != Group::InvocationModel {
            return;
        }
        let came_back = |call: u64| self.actors[caller].calls[&call].came_back;
        let overtaken = (1..number).map(|earlier| callee.invocation(earlier).mark).find(|mark| {
            mark.0 == caller && mark.1 > call && !came_back(mark.1) && !came_back(call)
        });
        assert_eq!(overtaken, None, "call {call} of session {caller} was overtaken");
    }

    /// Asserts that no callee has more calls than its limit. A callee without registration
    /// revocation does not know under which registration it has a call.
    fn assert_limits(&self, who: usize) {
        let callee = &self.actors[who];
        if !callee.hears() || callee.kind != Kind::Able {
            return;
        }
        for held in callee.registrations.values() {
            let in_flight =
                held.invocations.iter().filter(|n| self.is_in_flight(who, **n) == Some(true));
            let most = held.concurrency.unwrap_or(u64::MAX);
            assert!(in_flight.count() as u64 <= most, "{callee:?} has too many calls");
        }
    }
}
