//! Tests of the example program with its configurations.

#[path = "../../../../crates/node/tests/lab/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the example uses a part of the lab")]
mod lab;

mod attachments;
mod containers;
mod example;
mod shared;
