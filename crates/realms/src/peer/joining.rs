//! The part of a connection's life without a session: HELLO, CHALLENGE, AUTHENTICATE, decisions.
//!
//! Drives the machine of `cloverleaf_auth`: it reserves the session id, sends what the machine
//! answers, and cancels the attempt when the client leaves. Messages of the client are delivered
//! while a decision is pending, so that its ABORT and the end of its connection are seen at once.
//! Any other message is a protocol violation then.
//!
//! Spec: basic profile "Session Establishment"; advanced profile "Authentication Methods".

use std::task::{Context, Poll};

use cloverleaf_auth::{AdmissionStep, Joined, Joining, Refusal};
use cloverleaf_router::Metered;
use cloverleaf_transport::{Flow, log_limited};
use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::excerpt::Excerpt;
use cloverleaf_wamp::message::{ClientMessage, Hello, RouterMessage};

use super::unopened::{AttemptState, JoinAttempt};
use super::{PeerStage, RouterPeer};
use crate::meter::Meter;
use crate::ports::Port;
use crate::realms::ReservedSession;

/// Bytes of each text of HELLO that an attempt keeps while it waits. Longer than names of realms,
/// and too short to matter for the memory of many attempts.
const MAX_KEPT_TEXT: usize = 256;

/// The parts of HELLO that are needed until the end of the attempt.
#[derive(Debug, Clone, Copy)]
struct HelloExcerpt<'a> {
    requested: &'a str,
    agent: &'a str,
}

impl RouterPeer {
    /// Handles a message of a client without a session.
    #[cold]
    pub(super) fn handle_unopened(&mut self, message: ClientMessage) -> Flow {
        let violation = match (self.take_attempt(), message) {
            (None, ClientMessage::Hello(hello)) => return self.join(&hello),
            (None, other) => ProtocolViolation::BeforeHello(other.name()),
            (Some(attempt), message) => match (*attempt, message) {
                (
                    JoinAttempt { requested, agent, state: AttemptState::Challenged(challenged) },
                    ClientMessage::Authenticate(answer),
                ) => {
                    let step = challenged.authenticate(&answer);
                    let hello = HelloExcerpt { requested: &requested, agent: &agent };
                    return self.follow(step, hello);
                }
                (_, other) => ProtocolViolation::Unexpected(other.name()),
            },
        };
        self.violation(&violation.to_string())
    }

    /// Handles HELLO.
    fn join(&mut self, hello: &Hello) -> Flow {
        let agent = hello.details.agent.as_deref().unwrap_or("an unnamed client");
        let excerpt = HelloExcerpt { requested: hello.realm.as_str(), agent };
        match self.begin(hello) {
            Ok(step) => self.follow(step, excerpt),
            Err(refusal) => self.refuse(&refusal, excerpt.requested),
        }
    }

    /// Selects method and realm, reserves the session id, and asks the method.
    fn begin(&self, hello: &Hello) -> Result<AdmissionStep<ReservedSession>, Refusal> {
        let selected = Joining::new(self.attachment.facts()).hello(&self.admission, hello)?;
        let reservation = self.realms.reserve(selected.realm())?;
        Ok(selected.begin(reservation, [rand::random(), rand::random()]))
    }

    /// Carries out a step of the machine.
    fn follow(&mut self, step: AdmissionStep<ReservedSession>, hello: HelloExcerpt<'_>) -> Flow {
        match step {
            AdmissionStep::Challenged(challenged, challenge) => {
                self.suspend(AttemptState::Challenged(challenged), hello);
                let _ = self.outbound.push(RouterMessage::Challenge(challenge).into());
                Flow::Continue
            }
            AdmissionStep::Deciding(deciding) => {
                self.suspend(AttemptState::Deciding(deciding), hello);
                Flow::Continue
            }
            AdmissionStep::Joined(joined) => match self.open(joined, hello.agent) {
                Ok(()) => Flow::Continue,
                Err(refusal) => self.refuse(&refusal, hello.requested),
            },
            AdmissionStep::Refused(refusal) => self.refuse(&refusal, hello.requested),
        }
    }

    /// Keeps an attempt that waits.
    fn suspend(&mut self, state: AttemptState, hello: HelloExcerpt<'_>) {
        let HelloExcerpt { requested, agent } = hello;
        let cut = |text: &str| text[..text.floor_char_boundary(MAX_KEPT_TEXT)].into();
        let attempt = JoinAttempt { requested: cut(requested), agent: cut(agent), state };
        if let PeerStage::Unopened(unopened) = &mut self.stage {
            unopened.attempt = Some(Box::new(attempt));
        }
    }

    fn take_attempt(&mut self) -> Option<Box<JoinAttempt>> {
        match &mut self.stage {
            PeerStage::Unopened(unopened) => unopened.attempt.take(),
            PeerStage::Joined(..) => None,
        }
    }

    /// Opens the session of an admitted client: its realm sends WELCOME.
    fn open(&mut self, joined: Joined<ReservedSession>, agent: &str) -> Result<(), Refusal> {
        let Joined { admitted, reservation } = joined;
        let realm = reservation.realm();
        let policy = realm.slow_consumer(&admitted.principal.authrole);
        self.outbound.set_policy(policy.unwrap_or(self.attachment.slow_consumer));
        let metered = realm
            .stats_rule()
            .map(|rule| (rule, admitted.principal.clone(), admitted.transport.clone()));
        let (realm, key) = reservation.attach(admitted, Port::Wire(self.outbound.clone()))?;
        let meter = metered.map(|(rule, principal, transport)| {
            let of = Metered { session: key, principal, transport };
            Box::new(Meter::new(rule, of))
        });
        tracing::debug!(
            session = %key.id(),
            realm = %Excerpt::for_log(realm.name()),
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            agent = %Excerpt::for_log(agent),
            "session joined"
        );
        self.stage = PeerStage::Joined(realm, key);
        let hook = self.write_hook.get_or_insert_default();
        (hook.meter, hook.awaits_welcome) = (meter, true);
        if self.meter_rule_says(|rule| rule.on_join) {
            self.publish_stats(false);
        }
        Ok(())
    }

    /// Sends ABORT and closes.
    fn refuse(&self, refusal: &Refusal, requested: &str) -> Flow {
        log_limited!(
            info,
            "session refused",
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            realm = %Excerpt::for_log(requested),
            reason = %Excerpt::for_log(&refusal.to_string())
        );
        let compatibility = self.realms.compatibility(requested);
        self.abort(refusal.abort(compatibility))
    }

    /// Continues an attempt whose decision has been made.
    pub(super) fn poll_attempt(&mut self, context: &Context<'_>) -> Poll<Flow> {
        let PeerStage::Unopened(unopened) = &mut self.stage else { return Poll::Pending };
        let Some(attempt) = unopened.attempt.take_if(|attempt| attempt.is_deciding()) else {
            return Poll::Pending;
        };
        let JoinAttempt { requested, agent, state } = *attempt;
        let AttemptState::Deciding(deciding) = state else { return Poll::Pending };
        let hello = HelloExcerpt { requested: &requested, agent: &agent };
        let step = deciding.poll_decision(context);
        let is_pending = matches!(step, AdmissionStep::Deciding(_));
        let flow = self.follow(step, hello);
        if is_pending { Poll::Pending } else { Poll::Ready(flow) }
    }

    /// Refuses a client whose attempt has taken too long. Returns whether there was one.
    pub(super) fn time_out_attempt(&mut self) -> bool {
        let Some(attempt) = self.take_attempt() else { return false };
        let JoinAttempt { requested, state, .. } = *attempt;
        let refusal = match state {
            AttemptState::Challenged(challenged) => challenged.time_out(),
            AttemptState::Deciding(deciding) => deciding.time_out(),
        };
        let _ = self.refuse(&refusal, &requested);
        true
    }
}
