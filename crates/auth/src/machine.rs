//! The states of a client that joins.
//!
//! Each state is a type, and each transition consumes it: a message that the state does not expect
//! has no function here, and its caller reports a protocol violation.
//!
//! ```text
//! Joining ──HELLO──▶ SelectedMethod ──session id──▶ answer of the method
//!
//! answer of the method ─┬─ Accept ────▶ Joined
//!                       ├─ Challenge ─▶ Challenged ──AUTHENTICATE──▶ answer of the method
//!                       ├─ Ask ───────▶ Deciding ──decision──▶ answer of the method
//!                       └─ Deny ──────▶ ABORT
//! ```
//!
//! A refusal, a time-out and a client that leaves end every state. Dropping a state cancels it: the
//! session id is released, and the ticket of a late decision is cancelled.

use std::task::{Context, Poll};

use cloverleaf_wamp::excerpt::Excerpt;
use cloverleaf_wamp::features::ClientRoles;
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{Authenticate, Challenge, Hello};
use cloverleaf_wamp::uri::UriRule;
use compact_str::{CompactString, ToCompactString as _};

use crate::admission::{Admission, Admitted};
use crate::method::{AuthMethod, AuthRequest, ChallengeVerifier, MethodAnswer, PendingDecision};
use crate::principal::TransportDetails;
use crate::refusal::Refusal;

/// Offered methods that a refusal repeats. Enough to see the mistake, and no long answer to a long
/// HELLO.
const MAX_METHODS_IN_REFUSAL: usize = 10;

/// A session id that no other session of the realm gets. Dropping it releases the id, unless the
/// session has been opened.
pub trait SessionReservation {
    /// The id.
    fn session(&self) -> SessionId;
}

/// The properties of an admitted session that its connection decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// How the client is connected; none to say nothing in the session meta API.
    pub transport: Option<Box<TransportDetails>>,
    /// Whether WELCOME carries the name and version of the router.
    pub tells_agent: bool,
}

/// A client that has sent nothing yet.
#[derive(Debug)]
#[must_use]
pub struct Joining {
    connection: ConnectionFacts,
}

/// A client whose realm and method are known. It lasts until its session id is reserved.
#[derive(Debug)]
#[must_use]
pub struct SelectedMethod<'a> {
    method: &'a dyn AuthMethod,
    hello: &'a Hello,
    realm: CompactString,
    roles: ClientRoles,
    connection: ConnectionFacts,
}

/// A client that has to answer CHALLENGE with AUTHENTICATE.
#[derive(Debug)]
#[must_use]
pub struct Challenged<R> {
    attempt: Attempt<R>,
    verifier: Box<dyn ChallengeVerifier>,
}

/// A client that waits for a decision.
#[derive(Debug)]
#[must_use]
pub struct Deciding<R> {
    attempt: Attempt<R>,
    pending: PendingDecision,
}

/// A client that may join.
#[derive(Debug)]
#[must_use]
pub struct Joined<R> {
    /// The session to open.
    pub admitted: Admitted,
    /// Its session id.
    pub reservation: R,
}

/// The outcome of a transition.
#[derive(Debug)]
#[must_use]
pub enum AdmissionStep<R> {
    /// The client gets this CHALLENGE.
    Challenged(Challenged<R>, Challenge),
    /// A decision is pending.
    Deciding(Deciding<R>),
    /// The client joins.
    Joined(Joined<R>),
    /// The client gets ABORT.
    Refused(Refusal),
}

/// The state of an attempt to join, kept until its end.
#[derive(Debug)]
struct Attempt<R> {
    realm: CompactString,
    roles: ClientRoles,
    authmethod: CompactString,
    connection: ConnectionFacts,
    reservation: R,
}

impl Joining {
    /// A client on this connection.
    pub const fn new(connection: ConnectionFacts) -> Self {
        Self { connection }
    }

    /// Handles HELLO: selects the method and the realm.
    ///
    /// # Errors
    /// HELLO announces no role, names an invalid realm, or offers no method that the listener has;
    /// or the method does not lead into the realm.
    pub fn hello<'a>(
        self,
        admission: &'a Admission,
        hello: &'a Hello,
    ) -> Result<SelectedMethod<'a>, Refusal> {
        let roles = hello.details.roles.unwrap_or_default();
        if !roles.any() {
            return Err(Refusal::NoRoles);
        }
        let requested = hello.realm.as_str();
        if !requested.is_empty() {
            hello.realm.validate(UriRule::Loose).map_err(Refusal::InvalidRealm)?;
        }
        let offered = hello.details.authmethods.as_deref().unwrap_or_default();
        let method = admission.select(offered).ok_or_else(|| no_matching_method(offered))?;
        let realm = method.realm_for(requested)?;
        Ok(SelectedMethod { method, hello, realm, roles, connection: self.connection })
    }
}

/// The refusal for a client whose methods the listener does not have.
fn no_matching_method(offered: &[CompactString]) -> Refusal {
    let repeated = offered.iter().take(MAX_METHODS_IN_REFUSAL);
    let cut = |method: &CompactString| Excerpt::new(method, 100).to_compact_string();
    Refusal::NoMatchingAuthMethod(repeated.map(cut).collect())
}

impl SelectedMethod<'_> {
    /// The realm in which a session id has to be reserved.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Asks the method, with a reserved session id and random bits.
    pub fn begin<R: SessionReservation>(
        self,
        reservation: R,
        random: [u64; 2],
    ) -> AdmissionStep<R> {
        let Self { method, hello, realm, roles, connection } = self;
        let answer = method.begin(&AuthRequest {
            realm: &realm,
            details: &hello.details,
            session: reservation.session(),
            transport: connection.transport.as_deref(),
            random,
        });
        let authmethod = method.name().into();
        Attempt { realm, roles, authmethod, connection, reservation }.follow(answer)
    }
}

impl<R: SessionReservation> Challenged<R> {
    /// Handles the client's answer.
    pub fn authenticate(self, answer: &Authenticate) -> AdmissionStep<R> {
        let answer = self.verifier.verify(answer);
        self.attempt.follow(answer)
    }

    /// Ends the attempt because the client has not answered in time.
    pub fn time_out(self) -> Refusal {
        Refusal::JoinTimedOut
    }

    /// Ends the attempt because the client has left.
    pub fn cancel(self) {}
}

impl<R: SessionReservation> Deciding<R> {
    /// Continues with the decision if it has been made. Otherwise the state stays
    /// [`AdmissionStep::Deciding`], and the task is woken when the decision is made.
    pub fn poll_decision(self, context: &Context<'_>) -> AdmissionStep<R> {
        let Self { mut attempt, mut pending } = self;
        loop {
            let Poll::Ready(answer) = pending.poll(context) else {
                return AdmissionStep::Deciding(Self { attempt, pending });
            };
            let answer = answer.unwrap_or(MethodAnswer::Deny(Refusal::AuthenticationFailed));
            match attempt.follow(answer) {
                AdmissionStep::Deciding(next) => {
                    Self { attempt, pending } = next;
                }
                step => return step,
            }
        }
    }

    /// Ends the attempt because the decision was not made in time. Cancels the ticket.
    pub fn time_out(self) -> Refusal {
        Refusal::JoinTimedOut
    }

    /// Ends the attempt because the client has left. Cancels the ticket.
    pub fn cancel(self) {}
}

impl<R: SessionReservation> Attempt<R> {
    /// Follows an answer of the method into the next state.
    fn follow(self, answer: MethodAnswer) -> AdmissionStep<R> {
        match answer {
            MethodAnswer::Challenge { extra, verifier } => {
                let challenge = Challenge { authmethod: self.authmethod.clone(), extra };
                AdmissionStep::Challenged(Challenged { attempt: self, verifier }, challenge)
            }
            MethodAnswer::Ask(pending) => {
                AdmissionStep::Deciding(Deciding { attempt: self, pending })
            }
            MethodAnswer::Accept(principal) => {
                let Self { realm, roles, connection, reservation, .. } = self;
                let admitted = Admitted {
                    transport: connection.transport,
                    tells_agent: connection.tells_agent,
                    session: Some(reservation.session()),
                    ..Admitted::new(realm, principal, roles)
                };
                AdmissionStep::Joined(Joined { admitted, reservation })
            }
            MethodAnswer::Deny(refusal) => AdmissionStep::Refused(refusal),
        }
    }
}
