//! A realm under test, shared by the tests of several crates. Never part of a program.
//!
//! | module | purpose |
//! |---|---|
//! | [`lab`] | a whole realm with a simulated clock and recorded outboxes; no socket, no sleep |
//! | [`asking`] | calls of meta procedures, with answers and events as values |
//! | [`auth`] | an authentication method that challenges, and one that decides late |
//! | [`authorizer`] | an authorizer that answers when a test says so |
//! | [`recorder`] | an outbox that records or refuses messages |
//! | [`draws`] | random bits from a seed, the same in every run |
//! | [`numbers`] | a schema of payloads |
//! | [`messages`] | constructors of messages that clients send and receive |

pub mod asking;
pub mod auth;
pub mod authorizer;
pub mod draws;
pub mod lab;
pub mod messages;
pub mod numbers;
pub mod recorder;

pub use authorizer::{RecordedQuestion, RecordingAuthorizer};
pub use lab::{Client, Lab, Peer, settings};
