//! Helpers for tests of several crates: a realm with a simulated clock. Never part of a program.
//!
//! | module | purpose |
//! |---|---|
//! | [`lab`] | a whole realm with a simulated clock and recorded outboxes; no socket, no sleep |
//! | [`asking`] | calls of the router's own procedures, with answers and events as JSON values |
//! | [`recorder`] | an outbox that records messages, or refuses them |
//! | [`draws`] | random bits from a seed, equal in every run |
//! | [`numbers`] | a schema of payloads |
//! | [`messages`] | short constructors of client and router messages |

pub mod asking;
pub mod draws;
pub mod lab;
pub mod messages;
pub mod numbers;
pub mod recorder;

pub use lab::{Client, Lab, Peer, settings};
