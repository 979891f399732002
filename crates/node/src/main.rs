//! The plain router: a node without components of its own.

use std::process::ExitCode;

use cloverleaf_allocator::Allocator;
use cloverleaf_node::Components;

/// Why: `docs/decisions/allocator.md`.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    cloverleaf_allocator::purge_without_delay();
    cloverleaf_node::main(Components::new())
}
