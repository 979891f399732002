//! The plain router: a node without components of its own.

use std::process::ExitCode;

use cloverleaf_node::Components;

/// Why: `docs/decisions/allocator.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cloverleaf_node::main(Components::new())
}
