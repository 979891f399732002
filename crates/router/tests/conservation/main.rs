//! Conservation: whatever list of operations a realm goes through, each CALL ends exactly once or
//! its caller has left, and when all have left, no table keeps an entry.
//!
//! Beside it the other promises of the design are watched at every step: pair order,
//! acknowledgments first, invocation ids counting up for each callee, silence after the end.

use proptest::prelude::proptest;

mod actor;
mod operation;
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
        world.watch();
        world.assert_every_call_has_ended();
        world.leave();
        assert!(world.is_empty());
    }
}
