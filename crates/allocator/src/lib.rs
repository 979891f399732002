//! The allocator of the programs, and when it gives memory back to the system.
//!
//! mimalloc gives pages back that have been free for a while, but looks for them only when more
//! become free, and while that goes on it waits for longer and longer. A router whose thousand
//! sessions end at once keeps all of their memory that way. With [`purge_without_delay`] the while
//! is what it says, ten milliseconds, and what stays is what became free during the last of them.
//! [`purge`] looks for it when nothing more becomes free.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: cloverleaf_allocator::Allocator = cloverleaf_allocator::Allocator;
//!
//! fn main() {
//!     cloverleaf_allocator::purge_without_delay();
//! }
//! ```
//!
//! For programs only: a library leaves the choice to the program that it is part of. Why mimalloc,
//! and what both cost: `docs/decisions/allocator.md`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use libmimalloc_sys::{_mi_option_last, mi_collect, mi_option_set_default, mi_option_t};

pub use mimalloc::MiMalloc as Allocator;

/// By how many milliseconds each page that becomes free puts off giving back the ones before it:
/// `mi_option_purge_extend_delay` of mimalloc's header `mimalloc.h`, which the crate doesn't name.
const PURGE_EXTEND_DELAY: mi_option_t = 25;

/// The numbers are those of version 2 with so many options; in another, look it up again.
const _: () = assert!(_mi_option_last == 38);

/// Held while memory is given back: of two threads that do so at once, mimalloc lets only one give
/// back what is free in whole segments.
static GIVING_BACK: Mutex<()> = Mutex::new(());

/// Whether the program has chosen this allocator.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// Has memory given back although more is becoming free; to be called first in `main`. Who has set
/// `MIMALLOC_PURGE_EXTEND_DELAY` in the environment has chosen otherwise, and it stays at that.
pub fn purge_without_delay() {
    IS_USED.store(true, Ordering::Relaxed);
    // SAFETY: mimalloc checks the number of the option, whatever it is, and stores one word, as it
    // does itself on any thread that asks for an option first. It takes any value of this one.
    #[expect(unsafe_code, reason = "a function in C")]
    unsafe {
        mi_option_set_default(PURGE_EXTEND_DELAY, 0);
    }
}

/// Gives memory that has become free back to the system: of the calling thread, whichever thread
/// has freed it, and of threads that have ended. Does nothing in a program that has not called
/// [`purge_without_delay`].
///
/// Takes 0.2 ms in a process with 800 MiB in use, and 0.1 ms more for each MiB that it gives back.
pub fn purge() {
    if !IS_USED.load(Ordering::Relaxed) {
        return;
    }
    let _giving_back = GIVING_BACK.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: mimalloc allows it on any thread and at any time; it takes no pointers.
    #[expect(unsafe_code, reason = "a function in C")]
    unsafe {
        // With force, since parts of segments that are in use are not looked at otherwise.
        mi_collect(true);
    }
}
