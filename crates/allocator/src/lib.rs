//! The allocator of the programs, and when it returns memory to the system.
//!
//! mimalloc returns pages that have been free for a while. It checks for them only when more pages
//! become free, and each of these extends the delay. So a router whose thousand sessions end at
//! once would keep all of their memory.
//!
//! - [`purge_without_delay`] keeps the delay at ten milliseconds. Only pages that became free
//!   within the last of them stay.
//! - [`purge`] returns the rest when no more pages become free.
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
//! For programs only: a library leaves the choice of the allocator to its program. For the choice
//! of mimalloc and the costs see `docs/decisions/allocator.md`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use libmimalloc_sys::{_mi_option_last, mi_collect, mi_option_set_default, mi_option_t};

pub use mimalloc::MiMalloc as Allocator;

/// The milliseconds by which a page that becomes free extends the delay of the ones before it:
/// `mi_option_purge_extend_delay` of `mimalloc.h`, which the crate does not export.
const PURGE_EXTEND_DELAY: mi_option_t = 25;

/// Version 2 of mimalloc has this number of options. In another version, the constant above must be
/// looked up again.
const _: () = assert!(_mi_option_last == 38);

/// Held while memory is returned: of two threads that purge at once, mimalloc lets only one return
/// whole segments.
static PURGING: Mutex<()> = Mutex::new(());

/// Whether the program has chosen this allocator.
static IS_USED: AtomicBool = AtomicBool::new(false);

/// Returns memory even while more is becoming free. To be called first in `main`. The environment
/// variable `MIMALLOC_PURGE_EXTEND_DELAY` takes precedence.
pub fn purge_without_delay() {
    IS_USED.store(true, Ordering::Relaxed);
    // SAFETY: mimalloc checks the number of the option and stores one word, as it does itself on
    // any thread that reads an option first. Every value of this option is valid.
    #[expect(unsafe_code, reason = "a function in C")]
    unsafe {
        mi_option_set_default(PURGE_EXTEND_DELAY, 0);
    }
}

/// Returns free memory to the system: that of the calling thread, whichever thread has freed it,
/// and that of threads that have ended. Does nothing in a program that has not called
/// [`purge_without_delay`].
///
/// Takes 0.2 ms in a process with 800 MiB in use, and 0.1 ms more for each MiB that it returns.
pub fn purge() {
    if !IS_USED.load(Ordering::Relaxed) {
        return;
    }
    let _purging = PURGING.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: mimalloc allows this call on any thread at any time. It takes no pointers.
    #[expect(unsafe_code, reason = "a function in C")]
    unsafe {
        // With force, since free parts of segments in use are skipped otherwise.
        mi_collect(true);
    }
}
