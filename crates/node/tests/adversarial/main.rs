//! What one client can do to other clients and to the machine. Each attack runs at a small scale
//! against a node in a process of its own. A client in another realm must be served nearly as fast
//! as without the attack. The memory of the node must stay within its limits.

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
