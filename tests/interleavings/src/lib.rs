//! The queue of a connection, deferred wakes and the realm host, over locks and threads of loom,
//! which tries every order in which they can run.
//!
//! This crate includes the unchanged source of other crates. That source names `parking_lot` and
//! `cloverleaf_wakes`, which are aliases of this crate here. So neither the source nor the programs
//! contain anything for these tests. See `docs/decisions/interleavings.md`.
//!
//! | module | purpose |
//! |---|---|
//! | [`locks`] | locks and thread-local values of loom, with the interfaces of the source |
//! | [`task`] | waits for a queue as a task of a runtime does |
//! | [`realm`] | a realm with its host, and its sessions |
//! | `ports` | the outbox from a realm into a queue |
//! | `outbound`, `wakes`, `limits`, `meter`, `realm_host` | the included source |

// The tests of the included source run in its crates, with real locks.
#![cfg(not(test))]
// The included source is not written for this crate.
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
    DeferredWakes, ROUND, WakerSet, WakerSlot, WorkPermit, is_spent, pace, spend, wake,
    wake_in_turn, work_left,
};
