//! The queue before a connection, the waking behind a lock and the realm host, as they are, over
//! locks and threads that try every order in which they can run.
//!
//! What is included here is the very source of other crates. It says `parking_lot` and
//! `cloverleaf_wakes`, and is given this crate under these names; so there is nothing in that
//! source for the sake of these tests, and nothing in the programs. See
//! `docs/decisions/interleavings.md`.
//!
//! | room | what it is for |
//! |---|---|
//! | [`locks`] | loom's lock and thread-local values behind the faces that the source knows |
//! | [`task`] | who waits for a queue as a task of a runtime does |
//! | [`realm`] | a realm with its host, and sessions that speak and listen |
//! | `ports` | the way from a realm into a queue |
//! | `outbound`, `wakes`, `limits`, `meter`, `realm_host` | the source |

// The included source has tests of its own, which run in its crates with real locks.
#![cfg(not(test))]
// What it says is not said for the sake of this crate.
#![allow(dead_code, unreachable_pub, reason = "each included file is used in part")]

extern crate self as cloverleaf_wakes;
extern crate self as parking_lot;

#[macro_use]
pub mod locks;

#[path = "../../../crates/realms/src/meter.rs"]
mod meter;
mod ports;
pub mod realm;
#[path = "../../../crates/realms/src/realm_host.rs"]
mod realm_host;
pub mod task;
#[path = "../../../crates/transport/src"]
mod transport {
    pub mod limits;
    pub mod outbound;
}
#[path = "../../../crates/wakes/src/lib.rs"]
mod wakes;

pub use locks::{Mutex, MutexGuard};
pub use transport::{limits, outbound};
pub use wakes::{
    DeferredWakes, ROUND, WakerSlot, WorkPermit, is_spent, pace, spend, wake, wake_in_turn,
    work_left,
};
