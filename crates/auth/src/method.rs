//! The interface of authentication methods.

use std::fmt;

use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Authenticate, HelloDetails};
use cloverleaf_wamp::payload::Encoded;
use compact_str::CompactString;

use crate::principal::{Principal, TransportDetails};
use crate::refusal::Refusal;
use crate::ticket::{AnswerTicket, PendingAnswer, late_answer};

/// An authentication method as a listener has configured it. Methods are called on threads that
/// route messages: they neither block nor compute for long. A method that has to wait answers
/// [`MethodAnswer::Ask`].
pub trait AuthMethod: fmt::Debug + Send + Sync {
    /// The name in HELLO.Details.authmethods and in CHALLENGE.
    fn name(&self) -> &str;

    /// The realm that a client joins which requests the realm `requested`, or none: an empty text.
    ///
    /// # Errors
    /// The client may not join this realm with this method.
    fn realm_for(&self, requested: &str) -> Result<CompactString, Refusal>;

    /// Handles the HELLO of a client.
    fn begin(&self, request: &AuthRequest<'_>) -> MethodAnswer;
}

/// The HELLO of a client, for the method that was selected.
#[derive(Debug, Clone, Copy)]
pub struct AuthRequest<'a> {
    /// The realm that the client is to join.
    pub realm: &'a str,
    /// The details of HELLO.
    pub details: &'a HelloDetails,
    /// The id that the session will have.
    pub session: SessionId,
    /// How the client is connected.
    pub transport: Option<&'a TransportDetails>,
    /// Random bits, for names and nonces.
    pub random: [u64; 2],
}

/// The answer of a method to HELLO, to AUTHENTICATE or to its own question.
#[derive(Debug)]
pub enum MethodAnswer {
    /// The client gets CHALLENGE.
    Challenge {
        /// CHALLENGE.Extra, a dictionary.
        extra: Encoded,
        /// Checks the answer of the client.
        verifier: Box<dyn ChallengeVerifier>,
    },
    /// The client may join.
    Accept(Principal),
    /// The client gets ABORT.
    Deny(Refusal),
    /// The decision is made later, by the holder of the ticket.
    Ask(PendingDecision),
}

/// The right to decide on one client, once. Dropping it without a decision refuses the client with
/// [`Refusal::AuthenticationFailed`].
pub type AdmissionTicket = AnswerTicket<MethodAnswer>;

/// The decision on a client, which its ticket makes.
pub type PendingDecision = PendingAnswer<MethodAnswer>;

/// A ticket, and the decision that it makes.
pub fn late_decision() -> (AdmissionTicket, PendingDecision) {
    late_answer()
}

/// The state of a method between CHALLENGE and AUTHENTICATE.
pub trait ChallengeVerifier: fmt::Debug + Send {
    /// Checks the answer of the client.
    fn verify(self: Box<Self>, answer: &Authenticate) -> MethodAnswer;
}
