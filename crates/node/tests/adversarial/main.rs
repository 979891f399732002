//! What one client can do to the others and to the machine. Each attack is run in small against a
//! node as a process. A client in another realm must go on nearly as without it, and the memory of
//! the node must stay within its limits.

#[path = "../lab/mod.rs"]
#[allow(dead_code, unused_imports, reason = "these tests need only a part of it")]
mod lab;

mod answers;
mod events;
mod growth;
mod held_calls;
mod kill_message;
mod listings;
mod node;
mod probe;
mod publications;
mod slow_reader;
mod store;
mod unfinished;
