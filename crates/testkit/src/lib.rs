//! What tests of several crates share: a realm on the bench. Never part of a program.
//!
//! | room | what it is for |
//! |---|---|
//! | [`lab`] | a whole realm with a simulated clock and recorded outboxes; no socket, no sleep |
//! | [`asking`] | calls of the router's own procedures, with answers and events as values |
//! | [`recorder`] | the outbox that keeps what a peer was sent, or refuses it |
//! | [`draws`] | random bits from a seed, the same in every run |
//! | [`numbers`] | a schema of payloads |
//! | [`messages`] | short ways to write what a client sends and what it should receive |

pub mod asking;
pub mod draws;
pub mod lab;
pub mod messages;
pub mod numbers;
pub mod recorder;

pub use lab::{Client, Lab, Peer, settings};
