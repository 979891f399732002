//! Conservation: whatever list of operations a realm goes through, each CALL ends exactly once or
//! its caller has left, and when all have left, no table keeps an entry.
//!
//! Beside it the other promises of the design are watched at every step: pair order,
//! acknowledgments first, invocation ids counting up for each callee, silence after the end; no
//! callee has more calls than it takes, and calls wait in the order in which they came.
//!
//! | room | what it is for |
//! |---|---|
//! | `operation` | what can happen, and how often |
//! | `world` | the realm and everybody in it; lets one thing happen after the other |
//! | `calling`, `publishing`, `leaving` | how it lets them happen |
//! | `actor` | one peer as it sees itself |
//! | `ledger` | what a peer has asked, registered and been asked |
//! | `laws` | what must hold between several of them |

use proptest::prelude::proptest;

mod actor;
mod calling;
mod laws;
mod leaving;
mod ledger;
mod operation;
mod publishing;
mod world;

use operation::operations;
use world::World;

proptest! {
    #[test]
    fn each_call_ends_once_and_nothing_stays_behind(operations in operations()) {
        let mut world = World::new();
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
}
