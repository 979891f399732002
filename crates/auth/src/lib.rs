//! Principals, and the admission of clients: from HELLO to the right to join a realm, or a refusal.
//!
//! No socket, no clock, no randomness, no async runtime: time-outs, random bits and the session id
//! are arguments. Only the waker of a task is known here, for decisions that take time.
//!
//! | module | purpose |
//! |---|---|
//! | [`principal`] | an authenticated identity and how its client is connected |
//! | [`admission`] | the methods of a listener, and what an admitted client brings into its realm |
//! | [`machine`] | the states of a client that joins |
//! | [`method`] | the interface of authentication methods |
//! | [`anonymous`] | the method `anonymous` |
//! | [`ticket`] | answers that are given later, by another task or thread |
//! | [`refusal`] | why a client may not join |
//!
//! Spec: basic profile "Session Establishment"; advanced profile "Authentication Methods".

pub mod admission;
pub mod anonymous;
pub mod machine;
pub mod method;
pub mod principal;
pub mod refusal;
pub mod ticket;

pub use admission::{Admission, Admitted};
pub use anonymous::Anonymous;
pub use machine::{
    AdmissionStep, Challenged, ConnectionFacts, Deciding, Joined, Joining, SelectedMethod,
    SessionReservation,
};
pub use method::{
    AdmissionTicket, AuthMethod, AuthRequest, ChallengeVerifier, MethodAnswer, PendingDecision,
    late_decision,
};
pub use principal::{Principal, TransportDetails};
pub use refusal::{Refusal, RefusalUris};
