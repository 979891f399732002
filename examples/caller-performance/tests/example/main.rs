//! The example as it is started by its configurations: one program, several processes.

#[path = "../../../../crates/node/tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the example needs a part of the laboratory")]
mod support;

mod attachments;
mod containers;
mod example;
mod shared;
