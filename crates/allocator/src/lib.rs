//! The allocator of the programs, and when it gives memory back to the system.
//!
//! mimalloc gives pages back that have been free for a while, but looks for them only when more
//! become free, and while that goes on it waits for longer and longer. A router whose thousand
//! sessions end at once keeps all of their memory that way. With [`give_memory_back`] the while
//! is what it says, ten milliseconds, and what stays is what became free during the last of them.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: cloverleaf_allocator::Allocator = cloverleaf_allocator::Allocator;
//!
//! fn main() {
//!     cloverleaf_allocator::give_memory_back();
//! }
//! ```
//!
//! For programs only: a library leaves the choice to the program that it is part of. Why mimalloc,
//! and what both cost: `docs/decisions/allocator.md`.

use libmimalloc_sys::{_mi_option_last, mi_option_set_default, mi_option_t};

pub use mimalloc::MiMalloc as Allocator;

/// By how many milliseconds each page that becomes free puts off giving back the ones before it:
/// `mi_option_purge_extend_delay` of mimalloc's header `mimalloc.h`, which the crate doesn't name.
const PURGE_EXTEND_DELAY: mi_option_t = 25;

/// The numbers are those of version 2 with so many options; in another, look it up again.
const _: () = assert!(_mi_option_last == 38);

/// Has memory given back although more is becoming free; to be called first in `main`. Who has set
/// `MIMALLOC_PURGE_EXTEND_DELAY` in the environment has chosen otherwise, and it stays at that.
pub fn give_memory_back() {
    // SAFETY: mimalloc checks the number of the option, whatever it is, and stores one word, as it
    // does itself on any thread that asks for an option first. It takes any value of this one.
    #[expect(unsafe_code, reason = "a function in C")]
    unsafe {
        mi_option_set_default(PURGE_EXTEND_DELAY, 0);
    }
}
