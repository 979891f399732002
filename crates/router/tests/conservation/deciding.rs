//! Decisions of the authorizer.

use cloverleaf_router::{Decision, Permission};

use crate::world::World;

impl World {
    /// The authorizer decides on a question. It may have been withdrawn meanwhile; then the
    /// decision changes nothing.
    pub(crate) fn decide(&mut self, which: usize, decision: Decision) -> Option<()> {
        let asked = self.authorizer.as_ref()?.take_questions();
        self.questions.extend(asked.into_iter().map(|question| question.ticket));
        let place = which.checked_rem(self.questions.len())?;
        let ticket = self.questions.remove(place);
        self.lab.decided(ticket, decision);
        Some(())
    }

    /// Allows everything that is parked, and lets the callees answer, until nothing is left.
    pub(crate) fn decide_and_answer_everything(&mut self) {
        while self.decide(0, Decision::Allow(Permission::ALL)).is_some() {
            self.watch();
        }
        self.answer_everything();
        assert_eq!(self.decide(0, Decision::Deny), None, "an answer asks for no decision");
    }
}
