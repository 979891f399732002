//! Checks of CALL, CANCEL and the answers of callees; the dealer serves them.
//!
//! Calls of meta procedures go to `meta`. Spec: basic profile "Calling and Invocations"; advanced
//! profile "Call Canceling", "Caller Identification", "Payload Passthru Mode", "Progressive Call
//! Invocations".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::RequestId;
use cloverleaf_wamp::message::{
    Call, CallResult, Cancel, InvocationError, PassthruDetails, ResultDetails, RouterMessage, Yield,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{UncheckedUri, is_reserved};

use super::Realm;
use super::requests::{authorize, check_announced, known_option};
use crate::authorization::{Action, Permission};
use crate::deadline::Moment;
use crate::dealer::CallPermission;
use crate::failure::RequestFailure;
use crate::meta::MetaProcedure;
use crate::outbox::Outbox;
use crate::parking::Decided;
use crate::session::SessionKey;
use crate::validation::PayloadKind;

impl<O: Outbox> Realm<O> {
    pub(super) fn call(
        &mut self,
        from: SessionKey,
        call: Call,
        decided: Option<&Decided>,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        if let Some(key) = session.dealer.call_in_flight(call.request) {
            return self.dealer.continue_call(&mut self.sessions, key, call);
        }
        let is_progressive = session.roles.caller_has(Feature::ProgressiveCallInvocations);
        if is_progressive && decided.is_none() && session.dealer.is_below_watermark(call.request) {
            // The next part of a call that has ended meanwhile. A call that was decided on may
            // have been overtaken by later ones, where requests are independent.
            return Ok(());
        }
        if call.options.progress == Some(true) && !is_progressive {
            return Err(ProtocolViolation::Feature(
                "CALL with progress: HELLO has not announced progressive_call_invocations for the \
                 caller",
            ));
        }
        check_announced(call.options.passthru.as_deref(), &call.payload, || session.roles.caller)?;
        let request = call.reference();
        let routed = self.route(from, call, decided, now);
        if routed.is_err() {
            // Further parts of the call are ignored. The dealer has noted the others.
            self.note_call(from, request.id());
        }
        self.answer_failure(from, request, routed);
        Ok(())
    }

    /// Routes a call that is allowed to a meta procedure or to the dealer, which counts in
    /// milliseconds.
    fn route(
        &mut self,
        from: SessionKey,
        mut call: Call,
        decided: Option<&Decided>,
        now: Moment,
    ) -> Result<(), RequestFailure> {
        let permission = self.check_call(from, &call, decided)?;
        // Meta procedures know the caller, also where its permission discloses it to no callee.
        if let Some(procedure) = self.meta_procedure(&call.procedure) {
            self.note_call(from, call.request);
            return self.answer(from, procedure, &call, now);
        }
        let (wish, compatibility) = (call.options.disclose_me, self.settings.compatibility);
        let disclosed = permission.disclose_caller.decide(wish, compatibility);
        let disclosed = disclosed.ok_or(RequestFailure::DisclosureRefused)?;
        if let Some(timeout) = call.options.timeout {
            let is_internal = self.sessions.at(from).is_some_and(|session| session.is_internal);
            let unit = self.settings.call_timeout_unit(is_internal);
            call.options.timeout = Some(unit.to_millis(timeout));
        }
        let Permission { trustlevel, schemas, .. } = permission;
        let permission = CallPermission { disclosed, trustlevel, schemas };
        let random = || self.random.bits();
        self.dealer.call(&mut self.sessions, from, call, permission, now, random)
    }

    /// Notes the request id of a call after the verdict on it.
    fn note_call(&mut self, from: SessionKey, request: RequestId) {
        if let Some(session) = self.sessions.at_mut(from) {
            session.dealer.note_request_id(request);
        }
    }

    /// The meta procedure with this name, if the realm has the meta API.
    fn meta_procedure(&self, procedure: &UncheckedUri) -> Option<MetaProcedure> {
        if !self.settings.meta_api || !is_reserved(procedure.as_str()) {
            return None;
        }
        MetaProcedure::named(procedure.as_str())
    }

    /// Calls a meta procedure and sends the result.
    fn answer(
        &mut self,
        from: SessionKey,
        procedure: MetaProcedure,
        call: &Call,
        now: Moment,
    ) -> Result<(), RequestFailure> {
        if call.options.progress == Some(true) {
            let text = "a procedure of the router takes no calls in parts";
            return Err(RequestFailure::FeatureNotSupported(text));
        }
        if call.options.passthru.as_deref().is_some_and(PassthruDetails::uses_passthru) {
            let text = "a procedure of the router could not open the payload";
            return Err(RequestFailure::FeatureNotSupported(text));
        }
        let payload = self.call_meta(from, procedure, call, now)?;
        if let Some(payload) = payload
            && let Some(session) = self.sessions.at(from)
        {
            let (request, details) = (call.request, ResultDetails::default());
            let result = CallResult { request, details, payload };
            let _ = session.outbox.send(RouterMessage::Result(result));
        }
        Ok(())
    }

    /// The permission for a call, if its payload matches the schema of the permission.
    fn check_call(
        &self,
        from: SessionKey,
        call: &Call,
        decided: Option<&Decided>,
    ) -> Result<Permission, RequestFailure> {
        call.procedure.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let permission = authorize(self.role_of(from), Action::Call, &call.procedure, decided)?;
        let kind = PayloadKind::call(call.options.progress);
        let passthru = call.options.passthru.as_deref();
        self.settings.validation.check(permission.schemas, kind, &call.payload, passthru)?;
        Ok(permission)
    }

    pub(super) fn cancel(&mut self, from: SessionKey, cancel: &Cancel) {
        let outcome = known_option("mode", cancel.options.mode.as_ref())
            .map(|mode| self.dealer.cancel(&mut self.sessions, from, cancel.request, mode));
        self.answer_failure(from, cancel.reference(), outcome);
    }

    pub(super) fn yielded(
        &mut self,
        from: SessionKey,
        answer: Yield,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        self.check_answer(from, answer.options.passthru.as_deref(), &answer.payload)?;
        self.dealer.yielded(&mut self.sessions, from, answer, now)
    }

    pub(super) fn failed(
        &mut self,
        from: SessionKey,
        error: InvocationError,
    ) -> Result<(), ProtocolViolation> {
        self.check_answer(from, error.details.passthru.as_deref(), &error.payload)?;
        let random = || self.random.bits();
        self.dealer.failed(&mut self.sessions, from, error, random)
    }

    fn check_answer(
        &self,
        from: SessionKey,
        passthru: Option<&PassthruDetails>,
        payload: &Payload,
    ) -> Result<(), ProtocolViolation> {
        check_announced(passthru, payload, || self.sessions.at(from)?.roles.callee)
    }
}
