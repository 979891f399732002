//! Authentication methods for tests: one that challenges, and one that decides late.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloverleaf_auth::{
    Admission, AdmissionTicket, Anonymous, AuthMethod, AuthRequest, ChallengeVerifier,
    MethodAnswer, Principal, Refusal, late_decision,
};
use cloverleaf_wamp::message::Authenticate;
use cloverleaf_wamp::payload::Encoded;
use compact_str::CompactString;

/// The secret that [`ChallengingMethod`] accepts.
pub const SECRET: &str = "open sesame";

/// The tickets of the clients that wait for a decision, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Tickets(Arc<Mutex<Vec<AdmissionTicket>>>);

impl Tickets {
    fn lock(&self) -> MutexGuard<'_, Vec<AdmissionTicket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the newest ticket.
    pub fn pop(&self) -> Option<AdmissionTicket> {
        self.lock().pop()
    }

    /// Adds a ticket.
    pub fn push(&self, ticket: AdmissionTicket) {
        self.lock().push(ticket);
    }

    /// Answers with a decision that a new ticket makes.
    pub fn ask(&self) -> MethodAnswer {
        let (ticket, pending) = late_decision();
        self.push(ticket);
        MethodAnswer::Ask(pending)
    }

    /// Answers with a challenge for [`SECRET`].
    pub fn challenge(&self) -> MethodAnswer {
        let verifier = Box::new(SecretVerifier(self.clone()));
        MethodAnswer::Challenge { extra: Encoded::EMPTY_DICTIONARY, verifier }
    }
}

/// The listener of tests: it has the methods `anonymous`, `secret` and `late`.
pub fn admission(tickets: &Tickets) -> Admission {
    Admission::open()
        .with_method(ChallengingMethod(tickets.clone()))
        .with_method(LateMethod(tickets.clone()))
}

/// The client that the methods of this module admit.
pub fn principal(role: &str) -> Principal {
    Principal {
        authid: "alice".into(),
        authrole: role.into(),
        authmethod: "test".into(),
        authprovider: "testkit".into(),
    }
}

/// The answer that admits a client with this role.
pub fn accept(role: &str) -> MethodAnswer {
    MethodAnswer::Accept(principal(role))
}

/// The method `secret`. The signature in AUTHENTICATE decides:
///
/// | signature | answer |
/// |---|---|
/// | [`SECRET`] | accepted with the role `anonymous` |
/// | `ask` | asks |
/// | `again` | challenges again |
/// | any other | denied |
#[derive(Debug)]
pub struct ChallengingMethod(Tickets);

/// The method `late`, which asks about each HELLO.
#[derive(Debug)]
pub struct LateMethod(Tickets);

#[derive(Debug)]
struct SecretVerifier(Tickets);

impl AuthMethod for ChallengingMethod {
    fn name(&self) -> &str {
        "secret"
    }

    fn realm_for(&self, requested: &str) -> Result<CompactString, Refusal> {
        Anonymous::default().realm_for(requested)
    }

    fn begin(&self, _: &AuthRequest<'_>) -> MethodAnswer {
        self.0.challenge()
    }
}

impl AuthMethod for LateMethod {
    fn name(&self) -> &str {
        "late"
    }

    fn realm_for(&self, requested: &str) -> Result<CompactString, Refusal> {
        Anonymous::default().realm_for(requested)
    }

    fn begin(&self, _: &AuthRequest<'_>) -> MethodAnswer {
        self.0.ask()
    }
}

impl ChallengeVerifier for SecretVerifier {
    fn verify(self: Box<Self>, answer: &Authenticate) -> MethodAnswer {
        match answer.signature.as_str() {
            SECRET => accept("anonymous"),
            "ask" => self.0.ask(),
            "again" => self.0.challenge(),
            _ => MethodAnswer::Deny(Refusal::AuthenticationDenied),
        }
    }
}
