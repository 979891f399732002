//! Authorization: one verdict for each request, before the realm changes anything for it.
//!
//! Requests of a role with static rules get their verdict where they are checked (`calling`,
//! `publishing`, `registering`, `subscribing`). Requests of a role that an authorizer decides on
//! come through here first: they are parked until the decision is there, in the order of their
//! session. See `docs/decisions/authorization.md`.
//! Spec: advanced profile "Authorization".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{Abort, Call, ClientMessage, RequestRef, RouterMessage};
use cloverleaf_wamp::uri::UncheckedUri;

use super::requests::check_not_reserved;
use super::{Realm, SessionFlow};
use crate::authorization::{Action, Role, Verdict};
use crate::authorizer::{Decision, DecisionTicket, Question};
use crate::deadline::Moment;
use crate::dealer::CallKey;
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::outbox::{CloseCause, Outbox};
use crate::parking::{Decided, LaneId, Schedule, Unparked, requested};
use crate::session::SessionKey;
use crate::work::{self, Work};

/// How a message continues the call with its request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallContinuation {
    /// It is the first CALL.
    First,
    /// It is a further CALL of a call that is parked.
    Parked,
    /// It is a further CALL of a call that the dealer has.
    InFlight(CallKey),
    /// It is a further CALL of a call that has ended.
    Late,
    /// It is no CALL.
    None,
}

impl<O: Outbox> Realm<O> {
    /// Handles a message in a realm with an authorizer: at once, behind parked messages of its
    /// session, or when the authorizer has decided.
    #[cold]
    pub(super) fn authorize_first(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        now: Moment,
    ) -> SessionFlow {
        let (Some(parking), Some(session)) = (&mut self.parking, self.sessions.at(from)) else {
            return self.handle_in_order(from, message, None, now);
        };
        let (is_independent, can_pause) = (session.has_independent_requests, !session.is_internal);
        match &message {
            // GOODBYE ends the session behind everything that was sent before it.
            ClientMessage::Goodbye(_) if parking.has(from) => {
                parking.end_behind(from);
                return self.pause_if_busy(from, now);
            }
            _ if parking.ends(from) && !matches!(message, ClientMessage::Abort(_)) => {
                return self.pause_if_busy(from, now);
            }
            ClientMessage::Call(_)
            | ClientMessage::Cancel(_)
            | ClientMessage::Publish(_)
            | ClientMessage::Subscribe(_)
            | ClientMessage::Unsubscribe(_)
            | ClientMessage::Register(_)
            | ClientMessage::Unregister(_) => {}
            // An answer completes a request of another session, which must not wait for this one.
            _ => return self.handle_in_order(from, message, None, now),
        }
        let (lane, is_ending) = (parking.lane(is_independent, &message), parking.is_ending());
        let is_behind = parking.is_occupied(from, lane);
        let continuation = self.continuation(from, lane, &message);
        // The dealer does not know the number of a call that is parked.
        let is_in_order = continuation == CallContinuation::Parked
            || !self.settings.strict_request_ids
            || self.is_next_request(from, &message);
        if !is_in_order {
            return self.violate(from, &ProtocolViolation::RequestIdOutOfOrder, now);
        }
        let is_asked = self.is_asked(from, continuation, &message);
        if !is_behind && !is_asked {
            return self.handle_in_order(from, message, None, now);
        }
        let parking = self.parking.as_ref();
        let failure = if is_ending {
            Some(RequestFailure::RouterEnds)
        } else if parking.is_some_and(|parking| parking.has_room(from, &message, can_pause)) {
            None
        } else {
            Some(RequestFailure::AuthorizerBusy)
        };
        if let Some(failure) = failure {
            return self.refuse_parking(from, (lane, continuation), message, failure, now);
        }
        let asked = if is_asked { self.ask_authorizer(from, &message) } else { None };
        let unparked = Unparked { message, begins_call: continuation == CallContinuation::First };
        let Some((ticket, verdict)) = asked else {
            self.park_ready(from, lane, unparked, None);
            return self.pause_if_busy(from, now);
        };
        let decision = match verdict {
            Verdict::Ask => {
                if let Some(parking) = &mut self.parking {
                    parking.park_asked(from, lane, unparked, ticket, now);
                }
                return self.pause_if_busy(from, now);
            }
            Verdict::Allow(permission) => Decision::Allow(permission),
            Verdict::Deny => Decision::Deny,
        };
        let decided = outcome(decision, &unparked.message);
        if !is_behind {
            return self.handle_in_order(from, unparked.message, Some(&decided), now);
        }
        self.park_ready(from, lane, unparked, Some(decided));
        self.pause_if_busy(from, now)
    }

    /// How a message continues the call with its request id.
    fn continuation(
        &mut self,
        from: SessionKey,
        lane: LaneId,
        message: &ClientMessage,
    ) -> CallContinuation {
        let ClientMessage::Call(Call { request, .. }) = *message else {
            return CallContinuation::None;
        };
        let Some(session) = self.sessions.at(from) else { return CallContinuation::None };
        if let Some(key) = session.dealer.call_in_flight(request) {
            return CallContinuation::InFlight(key);
        }
        if session.roles.caller_has(Feature::ProgressiveCallInvocations)
            && session.dealer.is_below_watermark(request)
        {
            return CallContinuation::Late;
        }
        let parking = self.parking.as_mut();
        let is_parked = parking.is_some_and(|parking| parking.has_call(from, lane, request));
        if is_parked { CallContinuation::Parked } else { CallContinuation::First }
    }

    /// Whether the authorizer has to decide on a message. It is not asked about a message that is
    /// answered, or ignored, for another reason before its rights count.
    fn is_asked(
        &self,
        from: SessionKey,
        continuation: CallContinuation,
        message: &ClientMessage,
    ) -> bool {
        let Some((action, uri, policy)) = requested(message) else { return false };
        let role = self.role_of(from);
        if !role.is_some_and(Role::has_authorizer) {
            return false;
        }
        let rule = self.settings.uri_rule;
        match action {
            Action::Call => continuation == CallContinuation::First && uri.validate(rule).is_ok(),
            Action::Publish => {
                uri.validate(rule).is_ok() && check_not_reserved(role, action, uri).is_ok()
            }
            Action::Register => {
                uri.check_pattern(policy, rule).is_ok()
                    && check_not_reserved(role, action, uri).is_ok()
            }
            Action::Subscribe => uri.check_pattern(policy, rule).is_ok(),
        }
    }

    fn ask_authorizer(
        &mut self,
        from: SessionKey,
        message: &ClientMessage,
    ) -> Option<(DecisionTicket, Verdict)> {
        let (action, uri, policy) = requested(message)?;
        let session = self.sessions.at(from)?;
        let question = Question {
            session: from.id(),
            principal: &session.principal,
            role: self.settings.roles.get(session.role)?.name(),
            action,
            uri: uri.as_str(),
            policy,
        };
        Some(self.parking.as_mut()?.ask(&question))
    }

    fn park_ready(
        &mut self,
        from: SessionKey,
        lane: LaneId,
        unparked: Unparked,
        decided: Option<Decided>,
    ) {
        if let Some(parking) = &mut self.parking {
            parking.park_ready(from, lane, unparked, decided);
        }
    }

    /// Refuses a message that can't be parked. A further part of a call, and the CANCEL of a parked
    /// call, end the call, so that it is answered once.
    fn refuse_parking(
        &mut self,
        from: SessionKey,
        (lane, continuation): (LaneId, CallContinuation),
        message: ClientMessage,
        failure: RequestFailure,
        now: Moment,
    ) -> SessionFlow {
        match (&message, continuation) {
            (ClientMessage::Call(call), CallContinuation::Parked) => {
                self.fail_parked(from, lane, call.request, failure);
            }
            (_, CallContinuation::InFlight(key)) => {
                self.dealer.give_up_parts(&mut self.sessions, key, failure);
            }
            (_, CallContinuation::Late) => {}
            (ClientMessage::Cancel(cancel), _) => {
                let parking = self.parking.as_mut();
                if !parking.is_some_and(|parking| parking.has_call(from, lane, cancel.request)) {
                    return self.handle_in_order(from, message, None, now);
                }
                self.fail_parked(from, lane, cancel.request, failure);
            }
            _ => {
                if let Some(reference) = answered_reference(&message) {
                    self.answer_failure(from, reference, Err(failure));
                }
            }
        }
        self.pause_if_busy(from, now)
    }

    fn fail_parked(
        &mut self,
        from: SessionKey,
        lane: LaneId,
        request: RequestId,
        failure: RequestFailure,
    ) {
        let Some(parking) = &mut self.parking else { return };
        if parking.fail_call(from, lane, request, failure) == Schedule::Push {
            self.jobs.push(Job::Release(from));
        }
    }

    /// The flow of a session whose message was parked or refused.
    fn pause_if_busy(&mut self, from: SessionKey, now: Moment) -> SessionFlow {
        self.wait_if_busy(from);
        self.flow_after_backlog(from, now)
    }

    /// The authorizer has decided. A ticket that is not waited for any more is ignored. What the
    /// decision allows goes on with [`Realm::work`].
    pub fn decided(&mut self, ticket: DecisionTicket, decision: Decision) {
        self.work = Work::message();
        self.settle(ticket, |message| outcome(decision, message));
    }

    fn settle(&mut self, ticket: DecisionTicket, outcome: impl FnOnce(&ClientMessage) -> Decided) {
        let Some(parking) = &mut self.parking else { return };
        if let Some(session) = parking.decide(ticket, outcome) {
            self.jobs.push(Job::Release(session));
        }
    }

    /// Ends the questions that were not answered in time, as far as the work allows.
    pub(super) fn end_due_questions(&mut self, now: Moment) {
        while !self.work.is_spent()
            && let Some(parking) = &mut self.parking
            && let Some(ticket) = parking.withdraw_due(now, false)
        {
            self.work.spend(work::REMOVAL);
            self.settle(ticket, |_| Err(RequestFailure::AUTHORIZATION_TIMEOUT));
        }
    }

    /// Ends all open questions because the router shuts down, and answers their requests, as far as
    /// the work allows. Whether there are more.
    /// Nothing is parked from now on.
    pub(super) fn end_parked(&mut self, now: Moment) -> bool {
        if let Some(parking) = &mut self.parking {
            parking.begin_ending();
        }
        while !self.work.is_spent()
            && let Some(parking) = &mut self.parking
            && let Some(ticket) = parking.withdraw_due(now, true)
        {
            self.work.spend(work::REMOVAL);
            self.settle(ticket, |_| Err(RequestFailure::RouterEnds));
        }
        self.parking.as_ref().is_some_and(|parking| parking.calls() > 0)
    }

    /// Handles the messages of a session whose turn has come. Whether there are more.
    pub(super) fn release_parked(&mut self, key: SessionKey, now: Moment) -> bool {
        loop {
            if self.work.is_spent() {
                return true;
            }
            let can_pause = self.sessions.at(key).is_some_and(|session| !session.is_internal);
            let has_full_queues = can_pause && self.has_full_queues(key);
            let Some(parking) = &mut self.parking else { return false };
            if has_full_queues && !parking.is_ending() {
                // What was released before has filled its queues: `resume` schedules the rest.
                parking.unschedule(key);
                return false;
            }
            let Some((message, decided)) = parking.take_ready(key) else {
                parking.unschedule(key);
                if parking.finish(key) == Some(true) {
                    self.end_behind_parked(key, now);
                } else {
                    self.resume(key);
                }
                return false;
            };
            self.work.spend(work::MESSAGE);
            self.handle_parked(key, message, decided.as_deref(), now);
        }
    }

    /// Handles a message that was parked. No caller sees the flow of the session, so a violation
    /// closes its connection instead.
    fn handle_parked(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        decided: Option<&Decided>,
        now: Moment,
    ) {
        if self.sessions.at(from).is_none_or(|session| session.is_closing) {
            return;
        }
        let handled = self.dispatch(from, message, decided, now);
        self.work.spend(self.dealer.take_work());
        self.must_wait = false;
        if let Err(violation) = handled
            && let Some(session) = self.sessions.at(from)
        {
            let text = violation.to_string();
            let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, text);
            let _ = session.outbox.send(RouterMessage::Abort(abort));
            session.outbox.close(CloseCause::SessionOver, error_uri::PROTOCOL_VIOLATION);
            self.end_session(from, now);
        }
    }

    /// Ends a session with the GOODBYE that stood behind its parked messages. Its connection reads
    /// on, and finds out with [`Realm::flow`].
    fn end_behind_parked(&mut self, key: SessionKey, now: Moment) {
        let Some(session) = self.sessions.at(key) else { return };
        session.outbox.resume();
        let _ = self.goodbye(key, now);
    }

    /// The flow of a session that was [resumed](Outbox::resume): the session may
    /// have ended meanwhile with a GOODBYE that stood behind parked messages.
    pub fn flow(&self, session: SessionKey) -> SessionFlow {
        if self.has_session(session) || self.killed.has(session) {
            SessionFlow::Continue
        } else {
            SessionFlow::Left
        }
    }
}

/// The request that an ERROR answers. An unacknowledged PUBLISH fails silently.
fn answered_reference(message: &ClientMessage) -> Option<RequestRef> {
    match message {
        ClientMessage::Publish(publish) if publish.options.acknowledge != Some(true) => None,
        ClientMessage::Publish(publish) => Some(publish.reference()),
        ClientMessage::Call(call) => Some(call.reference()),
        ClientMessage::Subscribe(subscribe) => Some(subscribe.reference()),
        ClientMessage::Unsubscribe(unsubscribe) => Some(unsubscribe.reference()),
        ClientMessage::Register(register) => Some(register.reference()),
        ClientMessage::Unregister(unregister) => Some(unregister.reference()),
        _ => None,
    }
}

/// The outcome for a request. The permission has to allow its action.
fn outcome(decision: Decision, message: &ClientMessage) -> Decided {
    let (action, uri) = match requested(message) {
        Some((action, uri, _)) => (action, UncheckedUri::as_str(uri)),
        None => return Err(RequestFailure::AUTHORIZER_FAILED),
    };
    match decision {
        Decision::Allow(permission) if permission.allows(action) => Ok(permission),
        Decision::Allow(_) | Decision::Deny => Err(RequestFailure::denied(action, uri)),
        Decision::Failed => Err(RequestFailure::AUTHORIZER_FAILED),
    }
}
