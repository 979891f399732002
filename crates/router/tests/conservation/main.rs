//! Conservation: after any list of operations each CALL has ended exactly once or its caller has
//! left, and when all sessions have left, no table keeps an entry.
//!
//! Other promises of the design are checked at every step: pair order, acknowledgments first,
//! invocation ids counting up for each callee, silence after the end. No callee has more calls than
//! its limit, and queued calls keep their order.
//!
//! A second run has an authorizer that decides on two thirds of the sessions, late, in any order,
//! or never: the promises hold, and the sessions that it does not decide on are not delayed.
//!
//! | module | purpose |
//! |---|---|
//! | `operation` | the operations and their frequency |
//! | `world` | the realm and its peers; applies one operation after the other |
//! | `calling`, `publishing`, `leaving`, `deciding` | how operations are applied |
//! | `actor` | one peer as it sees itself |
//! | `ledger` | the requests, registrations and invocations of a peer |
//! | `laws` | the promises between several peers |

use cloverleaf_testkit::RecordingAuthorizer;
use proptest::prelude::proptest;

mod actor;
mod calling;
mod deciding;
mod laws;
mod leaving;
mod ledger;
mod operation;
mod publishing;
mod world;

use operation::{operations, operations_with_decisions};
use world::World;

proptest! {
    #[test]
    fn each_call_ends_once_and_nothing_stays_behind(operations in operations()) {
        let mut world = World::new(None);
        for operation in operations {
            world.apply(operation);
            world.watch();
        }
        world.answer_everything();
        world.assert_every_call_has_ended();
        world.let_time_pass();
        world.leave();
        assert!(world.is_empty());
    }

    #[test]
    fn each_request_is_answered_once_whenever_the_authorizer_decides(
        operations in operations_with_decisions()
    ) {
        let mut world = World::new(Some(RecordingAuthorizer::default()));
        for operation in operations {
            world.apply(operation);
            world.watch();
        }
        world.decide_and_answer_everything();
        world.assert_every_call_has_ended();
        world.let_time_pass();
        world.leave();
        assert!(world.is_empty());
    }
}
