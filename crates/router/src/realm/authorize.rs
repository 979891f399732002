//! Authorization: one verdict for each request, before the realm changes anything for it.
//!
//! Requests of a role with static rules get their verdict where they are checked (`calling`,
//! `publishing`, `registering`, `subscribing`). Requests of a role that an authorizer decides on
//! come through here first: they are parked until the decision is there, in the order of their
//! session. See `docs/decisions/authorization.md`.
//! Spec: advanced profile "Authorization".

use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{Abort, ClientMessage, RouterMessage};
use cloverleaf_wamp::uri::UncheckedUri;

use super::requests::check_not_reserved;
use super::{Realm, SessionFlow};
use crate::authorization::{Action, Role, Verdict};
use crate::authorizer::{Decision, DecisionTicket, Question};
use crate::deadline::Moment;
use crate::failure::RequestFailure;
use crate::jobs::Job;
use crate::outbox::{CloseCause, Outbox};
use crate::parking::{Decided, LaneId, Schedule, requested};
use crate::session::SessionKey;
use crate::work::{self, Work};

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
            return self.handle_decided(from, message, None, now);
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
            _ => return self.handle_decided(from, message, None, now),
        }
        let lane = parking.lane(is_independent, &message);
        let is_behind = parking.is_occupied(from, lane);
        let is_asked = self.is_asked(from, lane, &message);
        if !is_behind && !is_asked {
            return self.handle_decided(from, message, None, now);
        }
        if !self.parking.as_ref().is_some_and(|parking| parking.has_room(from, &message, can_pause))
        {
            self.refuse_parking(from, lane, &message);
            return self.pause_if_busy(from, now);
        }
        let asked = if is_asked { self.ask_authorizer(from, &message) } else { None };
        let Some((ticket, verdict)) = asked else {
            self.park_ready(from, lane, message, None);
            return self.pause_if_busy(from, now);
        };
        match verdict {
            Verdict::Ask => {
                if let Some(parking) = &mut self.parking {
                    parking.park_asked(from, lane, message, ticket, now);
                }
            }
            Verdict::Allow(_) | Verdict::Deny => {
                let decision = match verdict {
                    Verdict::Allow(permission) => Decision::Allow(permission),
                    Verdict::Deny | Verdict::Ask => Decision::Deny,
                };
                let decided = outcome(decision, &message);
                if !is_behind {
                    return self.handle_decided(from, message, Some(&decided), now);
                }
                self.park_ready(from, lane, message, Some(decided));
            }
        }
        self.pause_if_busy(from, now)
    }

    /// Handles a message that waits for no decision any more.
    #[inline(never)]
    fn handle_decided(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        decided: Option<&Decided>,
        now: Moment,
    ) -> SessionFlow {
        self.handle(from, message, decided, now)
    }

    /// Whether the authorizer has to decide on a message. It is not asked about a message that is
    /// answered, or ignored, for another reason before its rights count.
    fn is_asked(&mut self, from: SessionKey, lane: LaneId, message: &ClientMessage) -> bool {
        let Some((action, uri, policy)) = requested(message) else { return false };
        let Some(session) = self.sessions.at(from) else { return false };
        let role = self.settings.roles.get(session.role);
        if !role.is_some_and(Role::has_authorizer) {
            return false;
        }
        let rule = self.settings.uri_rule;
        match (action, message) {
            (Action::Call, ClientMessage::Call(call)) => {
                let is_part = session.dealer.call_in_flight(call.request).is_some()
                    || (session.roles.caller_has(Feature::ProgressiveCallInvocations)
                        && session.dealer.is_below_watermark(call.request));
                let parking = self.parking.as_mut();
                !is_part
                    && uri.validate(rule).is_ok()
                    && !parking.is_some_and(|parking| parking.has_call(from, lane, call.request))
            }
            (Action::Publish, _) => {
                uri.validate(rule).is_ok() && check_not_reserved(role, action, uri).is_ok()
            }
            (Action::Register, _) => {
                uri.check_pattern(policy, rule).is_ok()
                    && check_not_reserved(role, action, uri).is_ok()
            }
            _ => uri.check_pattern(policy, rule).is_ok(),
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
        message: ClientMessage,
        decided: Option<Decided>,
    ) {
        if let Some(parking) = &mut self.parking {
            parking.park_ready(from, lane, message, decided);
        }
    }

    /// Refuses a message for which there is no room. A part of a parked call and its CANCEL end
    /// the call, so that it is answered once.
    fn refuse_parking(&mut self, from: SessionKey, lane: LaneId, message: &ClientMessage) {
        let failure = RequestFailure::AuthorizerBusy;
        let reference = match message {
            ClientMessage::Cancel(cancel) => return self.fail_parked(from, lane, cancel.request),
            ClientMessage::Call(call) => {
                let parking = self.parking.as_mut();
                if parking.is_some_and(|parking| parking.has_call(from, lane, call.request)) {
                    return self.fail_parked(from, lane, call.request);
                }
                call.reference()
            }
            // An unacknowledged PUBLISH fails silently.
            ClientMessage::Publish(publish) if publish.options.acknowledge != Some(true) => return,
            ClientMessage::Publish(publish) => publish.reference(),
            ClientMessage::Subscribe(subscribe) => subscribe.reference(),
            ClientMessage::Unsubscribe(unsubscribe) => unsubscribe.reference(),
            ClientMessage::Register(register) => register.reference(),
            ClientMessage::Unregister(unregister) => unregister.reference(),
            _ => return,
        };
        self.answer_failure(from, reference, Err(failure));
    }

    fn fail_parked(
        &mut self,
        from: SessionKey,
        lane: LaneId,
        request: cloverleaf_wamp::ids::RequestId,
    ) {
        let Some(parking) = &mut self.parking else { return };
        let failure = RequestFailure::AuthorizerBusy;
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
    pub(super) fn end_parked(&mut self, now: Moment) -> bool {
        while let Some(parking) = &mut self.parking
            && let Some(ticket) = parking.withdraw_due(now, true)
        {
            if self.work.is_spent() {
                return true;
            }
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
            let must_wait = can_pause && self.has_full_queues(key);
            let Some(parking) = &mut self.parking else { return false };
            if must_wait {
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
