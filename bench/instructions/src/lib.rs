//! Parts of the router's work, counted under callgrind: each case repeats one piece of work. No
//! clock and no socket. It names the router and the crates above it, which `cloverleaf-bench` must
//! not name; so it is a separate package.
//!
//! Only the work inside `measure` is counted. Its inputs are made before, and the results are
//! checked afterwards. See "Instruction counts" in `docs/performance.md`.
//!
//! | module | purpose |
//! |---|---|
//! | `codec` | messages from bytes and to bytes |
//! | `transcoding` | a value from one serializer to another |
//! | `index` | which entry matches a URI |
//! | `realm` | calls and publications through a realm |
//! | `http` | calls over HTTP |
//! | `validation` | payloads against the schema of a permission |

use std::collections::BTreeMap;
use std::hint::black_box;

mod codec;
mod http;
mod index;
mod realm;
mod suite;
mod transcoding;
mod validation;

pub use suite::cases;

/// Repeats its work the given number of times.
///
/// # Panics
/// The work gave a wrong result.
pub type Case = Box<dyn Fn(usize)>;

/// Cases by name, such as `decode/call/json`.
pub type Cases = BTreeMap<String, Case>;

/// Calls `round` once with each input and counts it. Moving the input and the step to the next
/// round take a few instructions.
fn measure<I>(inputs: Vec<I>, mut round: impl FnMut(I)) {
    let mut inputs = inputs.into_iter();
    measured(black_box(&mut || inputs.next().map(|input| round(black_box(input))).is_some()));
}

/// The counted function. Callgrind finds it by its name, so it is not generic.
#[inline(never)]
fn measured(next_round: &mut dyn FnMut() -> bool) {
    while next_round() {}
}
