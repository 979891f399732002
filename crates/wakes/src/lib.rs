//! Wakes tasks after a lock is released, and spreads work over rounds of a thread.
//!
//! - **Deferred wakes.** Waking a task may be a system call, since its thread sleeps. Code that
//!   holds a lock defers that: while a [`DeferredWakes`] exists, [`wake`] only records the tasks of
//!   this thread. They are woken when the value is dropped, after the lock's guard. See
//!   `docs/decisions/cores.md`.
//! - **Rounds.** A runtime runs all ready tasks before it polls its sockets. So a thread counts its
//!   work in rounds, one between two polls of the sockets. Work beyond a round waits for the next
//!   ones: see [`pace`](fn@pace).
//!
//! A wake says only "poll again". Anything that must happen under the lock does not belong here.
//!
//! | module | purpose |
//! |---|---|
//! | `slot` | the waker of one waiting task |
//! | `set` | the wakers of several waiting tasks |
//! | `thread` | what a thread has deferred |
//! | `deferred` | wakes after a lock |
//! | `pace` | rounds of bounded work |

mod deferred;
mod pace;
mod set;
mod slot;
mod thread;

pub use deferred::{DeferredWakes, wake};
pub use pace::{WorkPermit, is_spent, pace, spend, wake_in_turn, work_left};
pub use set::WakerSet;
pub use slot::WakerSlot;
pub use thread::ROUND;
