//! What one client can do to the others and to the machine. Each attack is run in small against a
//! node as a process. A client in another realm must go on nearly as without it, and the memory of
//! the node must stay within its limits.

#[path = "../support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "these tests need only a part of it")]
mod support;

mod attacked_node;
mod event_store;
mod killed_sessions;
mod large_messages;
mod latency_probe;
mod memory_growth;
mod meta_procedures;
mod publications;
mod queued_calls;
mod retained_events;
mod slow_subscriber;
mod unfinished_messages;
