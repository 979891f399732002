//! What every request is checked for before broker and dealer see it: its number, the features that
//! it needs, the URI rule, the reserved namespace, authorization, disclosure.
//!
//! Spec: basic profile "URIs", "Protocol Errors"; advanced profile "Authorization".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{
    Call, CallResult, Cancel, CancelMode, Carried, ClientMessage, InvocationError, InvokePolicy,
    Publish, Published, Register, RequestRef, ResultDetails, RouterMessage, Subscribe, Unregister,
    Unsubscribe, Vocabulary, Word, Yield,
};
use cloverleaf_wamp::uri::{UncheckedUri, UriPattern, is_reserved};

use super::Realm;
use crate::authorization::{Action, Disclosed, Permission, Role};
use crate::broker::{Manner, Publication, Wish, is_awaited};
use crate::deadline::Moment;
use crate::dealer::{Grant, Terms};
use crate::failure::RequestFailure;
use crate::meta::Procedure;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey};

const PASSTHRU: &str = "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";

impl<O: Outbox> Realm<O> {
    /// Whether the number of a request is the one that comes next. Other messages have none.
    pub(super) fn follows(&mut self, from: SessionKey, message: &ClientMessage) -> bool {
        let number = match message {
            ClientMessage::Call(call) => call.request,
            ClientMessage::Publish(publish) => publish.request,
            ClientMessage::Subscribe(subscribe) => subscribe.request,
            ClientMessage::Unsubscribe(unsubscribe) => unsubscribe.request,
            ClientMessage::Register(register) => register.request,
            ClientMessage::Unregister(unregister) => unregister.request,
            _ => return true,
        };
        let Some(session) = self.sessions.at_mut(from) else { return true };
        // The next part of a call has the number of the first one.
        if matches!(message, ClientMessage::Call(_))
            && session.roles.caller_has(Feature::ProgressiveCallInvocations)
            && session.dealer.is_below_watermark(number)
        {
            return true;
        }
        let follows = number.number() == session.last_request + 1;
        session.last_request = number.number();
        follows
    }

    pub(super) fn call(
        &mut self,
        from: SessionKey,
        call: Call,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at_mut(from) else { return Ok(()) };
        if let Some(key) = session.dealer.call_in_flight(call.request) {
            return self.dealer.continue_call(&mut self.sessions, key, call);
        }
        let is_progressive = session.roles.caller_has(Feature::ProgressiveCallInvocations);
        if is_progressive && session.dealer.is_below_watermark(call.request) {
            // The next part of a call that has ended meanwhile.
            return Ok(());
        }
        session.dealer.saw(call.request);
        if call.options.progress == Some(true) && !is_progressive {
            return Err(ProtocolViolation::Feature(
                "CALL with progress: HELLO has not announced progressive_call_invocations for the \
                 caller",
            ));
        }
        announced(call.options.carried.as_deref(), || {
            session.roles.caller_has(Feature::PayloadPassthruMode)
        })?;
        let request = call.reference();
        let routed = self.check_call(from, &call).and_then(|grant| {
            if let Some(procedure) = self.meta_procedure(&call.procedure) {
                return self.answer(from, procedure, &call, now);
            }
            let random = || self.random.bits();
            self.dealer.call(&mut self.sessions, from, call, grant, now, random)
        });
        self.refuse(from, request, routed);
        Ok(())
    }

    /// The procedure of the router itself that has this name.
    fn meta_procedure(&self, procedure: &UncheckedUri) -> Option<Procedure> {
        if !self.settings.meta_api || !is_reserved(procedure.as_str()) {
            return None;
        }
        Procedure::named(procedure.as_str())
    }

    /// Calls a procedure of the router and sends the result.
    fn answer(
        &mut self,
        from: SessionKey,
        procedure: Procedure,
        call: &Call,
        now: Moment,
    ) -> Result<(), RequestFailure> {
        if call.options.progress == Some(true) {
            let text = "a procedure of the router takes no calls in parts";
            return Err(RequestFailure::FeatureNotSupported(text));
        }
        if call.options.carried.as_deref().is_some_and(Carried::uses_passthru) {
            let text = "a procedure of the router could not open the payload";
            return Err(RequestFailure::FeatureNotSupported(text));
        }
        let payload = self.call_meta(from, procedure, call, now)?;
        if let Some(session) = self.sessions.at(from) {
            let (request, details) = (call.request, ResultDetails::default());
            let result = CallResult { request, details, payload };
            let _ = session.outbox.send(RouterMessage::Result(result));
        }
        Ok(())
    }

    /// Whether the call is allowed, and what its callee is told about it.
    fn check_call(&self, from: SessionKey, call: &Call) -> Result<Grant, RequestFailure> {
        call.procedure.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let permission = self.authorize(from, Action::Call, &call.procedure)?;
        let wish = call.options.disclose_me;
        let disclosed =
            permission.disclose_caller.decide(wish).ok_or(RequestFailure::DisclosureRefused)?;
        Ok(Grant { disclosed, trustlevel: permission.trustlevel })
    }

    pub(super) fn cancel(&mut self, from: SessionKey, cancel: &Cancel) {
        let outcome = known("mode", cancel.options.mode.as_ref()).map(|mode| {
            let mode = mode.unwrap_or(CancelMode::KillNoWait);
            self.dealer.cancel(&mut self.sessions, from, cancel.request, mode);
        });
        self.refuse(from, cancel.reference(), outcome);
    }

    pub(super) fn yielded(
        &mut self,
        from: SessionKey,
        answer: Yield,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        self.check_answer(from, answer.options.carried.as_deref())?;
        self.dealer.yielded(&mut self.sessions, from, answer, now)
    }

    pub(super) fn failed(
        &mut self,
        from: SessionKey,
        error: InvocationError,
    ) -> Result<(), ProtocolViolation> {
        self.check_answer(from, error.details.carried.as_deref())?;
        let random = || self.random.bits();
        self.dealer.failed(&mut self.sessions, from, error, random)
    }

    fn check_answer(
        &self,
        from: SessionKey,
        carried: Option<&Carried>,
    ) -> Result<(), ProtocolViolation> {
        announced(carried, || {
            self.sessions
                .at(from)
                .is_some_and(|session| session.roles.callee_has(Feature::PayloadPassthruMode))
        })
    }

    pub(super) fn publish(
        &mut self,
        from: SessionKey,
        publish: &Publish,
        now: Moment,
    ) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        announced(publish.options.carried.as_deref(), || {
            session.roles.publisher_has(Feature::PayloadPassthruMode)
        })?;
        let outcome = self.check_publish(session, publish).and_then(|permission| {
            let id = PublicationId::from_random(self.random.bits());
            self.route_event(from, publish, id, permission, now)
        });
        // An unacknowledged PUBLISH fails silently.
        if publish.options.acknowledge == Some(true) {
            self.refuse(from, publish.reference(), outcome);
        }
        Ok(())
    }

    /// Keeps an event, acknowledges it and tells everybody who shall hear it.
    fn route_event(
        &mut self,
        from: SessionKey,
        publish: &Publish,
        id: PublicationId,
        (permission, disclosed): (Permission, bool),
        now: Moment,
    ) -> Result<(), RequestFailure> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        let trustlevel = permission.trustlevel;
        let publisher = Some(session.party());
        let publication = Publication { id, publisher, publish, disclosed, trustlevel, now };
        if self.broker.has_no_room_for(publish.topic.as_str()) {
            return Err(RequestFailure::StoreBusy);
        }
        if is_awaited(publish) {
            session.broker.check_awaited()?;
        }
        self.broker.retain(&publication)?;
        if is_awaited(publish) {
            let asked = self.broker.publish_asking(&self.sessions, &publication);
            let request = publish.reference();
            self.broker.await_acknowledgements(&mut self.sessions, from, request, id, asked, now);
            return Ok(());
        }
        let acknowledge = publish.options.acknowledge == Some(true);
        let published = || {
            let answer = Published { request: publish.request, publication: id };
            let _ = session.outbox.send(RouterMessage::Published(answer));
        };
        // Only what is kept for good is acknowledged behind its event, when it is safe.
        let is_first = acknowledge && !self.broker.keeps_for_good();
        if is_first {
            published();
        }
        match self.broker.publish(&self.sessions, &publication) {
            Some(ticket) if acknowledge => {
                self.broker.await_stored(ticket, from, publish.reference(), id);
            }
            None if acknowledge && !is_first => published(),
            _ => {}
        }
        Ok(())
    }

    /// Whether the publication is allowed and whether its publisher is disclosed.
    pub(crate) fn check_publish(
        &self,
        publisher: &Session<O>,
        publish: &Publish,
    ) -> Result<(Permission, bool), RequestFailure> {
        let topic = &publish.topic;
        topic.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let role = self.settings.roles.get(publisher.role);
        not_reserved(role, topic)?;
        let permission = authorize(role, Action::Publish, topic)?;
        let wish = publish.options.disclose_me;
        let disclosed =
            permission.disclose_publisher.decide(wish).ok_or(RequestFailure::DisclosureRefused)?;
        Ok((permission, disclosed == Disclosed::Yes))
    }

    pub(super) fn register(&mut self, from: SessionKey, register: &Register, now: Moment) {
        let outcome = self.check_register(from, register).and_then(|(pattern, terms)| {
            self.dealer.register(&mut self.sessions, from, register.request, pattern, terms, now)
        });
        let outcome = outcome.map(|changes| self.tell_registrations(from, &changes, now));
        self.refuse(from, register.reference(), outcome);
    }

    fn check_register(
        &self,
        from: SessionKey,
        register: &Register,
    ) -> Result<(UriPattern, Terms), RequestFailure> {
        let options = &register.options;
        let policy = options.match_policy.unwrap_or_default();
        let pattern = register
            .procedure
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        not_reserved(self.role_of(from), &register.procedure)?;
        let permission = self.authorize_pattern(from, Action::Register, &pattern)?;
        if options.concurrency == Some(0) {
            let text = "REGISTER.Options.concurrency must be 1 or more";
            return Err(RequestFailure::InvalidArgument(text.to_owned()));
        }
        let watches_time = self
            .sessions
            .at(from)
            .is_some_and(|session| session.roles.callee_has(Feature::CallTimeout));
        let terms = Terms {
            policy: known("invoke", options.invoke.as_ref())?.unwrap_or(InvokePolicy::Single),
            concurrency: options.concurrency,
            force: options.force_reregister == Some(true),
            disclose_caller: options.disclose_caller == Some(true),
            disclose_callee: permission.disclose_callee,
            forward_timeout: options.forward_timeout == Some(true) && watches_time,
        };
        Ok((pattern, terms))
    }

    pub(super) fn unregister(&mut self, from: SessionKey, unregister: &Unregister, now: Moment) {
        let (request, id) = (unregister.request, unregister.registration);
        let outcome = self.dealer.unregister(&mut self.sessions, from, request, id);
        let outcome = outcome.map(|changes| self.tell_registrations(from, &changes, now));
        self.refuse(from, unregister.reference(), outcome);
    }

    pub(super) fn subscribe(&mut self, from: SessionKey, subscribe: &Subscribe, now: Moment) {
        let outcome = self.check_subscribe(from, subscribe).and_then(|wish| {
            let Some(session) = self.sessions.at_mut(from) else { return Ok(Vec::new()) };
            self.broker.subscribe(session, wish, now)
        });
        let outcome = outcome.map(|changes| self.tell_subscriptions(from, &changes, now));
        self.refuse(from, subscribe.reference(), outcome);
    }

    fn check_subscribe(
        &self,
        from: SessionKey,
        subscribe: &Subscribe,
    ) -> Result<Wish, RequestFailure> {
        let options = &subscribe.options;
        let policy = options.match_policy.unwrap_or_default();
        let pattern = subscribe
            .topic
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        self.authorize_pattern(from, Action::Subscribe, &pattern)?;
        let manner = Manner::wished(options)?;
        let (request, get_retained) = (subscribe.request, options.get_retained == Some(true));
        Ok(Wish { request, pattern, manner, get_retained })
    }

    pub(super) fn unsubscribe(&mut self, from: SessionKey, unsubscribe: &Unsubscribe, now: Moment) {
        let Some(session) = self.sessions.at_mut(from) else { return };
        let (request, id) = (unsubscribe.request, unsubscribe.subscription);
        let outcome = self.broker.unsubscribe(session, request, id);
        let outcome = outcome.map(|changes| self.tell_subscriptions(from, &changes, now));
        self.refuse(from, unsubscribe.reference(), outcome);
    }

    /// Answers a request that failed; one that did not has been answered by who served it.
    fn refuse(&self, from: SessionKey, request: RequestRef, outcome: Result<(), RequestFailure>) {
        if let Err(failure) = outcome
            && let Some(session) = self.sessions.at(from)
        {
            let _ = session.outbox.send(failure.answer(request));
        }
    }

    fn role_of(&self, key: SessionKey) -> Option<&Role> {
        self.sessions.at(key).and_then(|session| self.settings.roles.get(session.role))
    }

    fn authorize(
        &self,
        from: SessionKey,
        action: Action,
        uri: &UncheckedUri,
    ) -> Result<Permission, RequestFailure> {
        authorize(self.role_of(from), action, uri)
    }

    /// Whether the action is allowed on every URI that the pattern matches.
    pub(crate) fn authorize_pattern(
        &self,
        from: SessionKey,
        action: Action,
        pattern: &UriPattern,
    ) -> Result<Permission, RequestFailure> {
        self.role_of(from)
            .and_then(|role| role.permission_for_pattern(action, pattern))
            .ok_or_else(|| RequestFailure::denied(action, pattern.as_str()))
    }
}

/// The rule that allows the action. A refusal names nobody's identity.
fn authorize(
    role: Option<&Role>,
    action: Action,
    uri: &UncheckedUri,
) -> Result<Permission, RequestFailure> {
    role.and_then(|role| role.permission(action, uri.as_str()))
        .ok_or_else(|| RequestFailure::denied(action, uri.as_str()))
}

/// The namespace `wamp` is the router's own (basic profile, "URIs").
fn not_reserved(role: Option<&Role>, uri: &UncheckedUri) -> Result<(), RequestFailure> {
    if is_reserved(uri.as_str()) && !role.is_some_and(Role::is_trusted) {
        return Err(RequestFailure::ReservedUri(uri.clone()));
    }
    Ok(())
}

/// Whether a payload that only the two ends can open comes from one that has announced it (advanced
/// profile, "Payload Passthru Mode").
fn announced(
    carried: Option<&Carried>,
    has_announced: impl FnOnce() -> bool,
) -> Result<(), ProtocolViolation> {
    match carried {
        Some(carried) if carried.uses_passthru() && !has_announced() => {
            Err(ProtocolViolation::Feature(PASSTHRU))
        }
        _ => Ok(()),
    }
}

/// The word of an option, or the refusal of one that this router does not know.
fn known<T: Vocabulary>(
    option: &'static str,
    word: Option<&Word<T>>,
) -> Result<Option<T>, RequestFailure> {
    match word {
        None => Ok(None),
        Some(Word::Known(word)) => Ok(Some(*word)),
        Some(Word::Unknown(given)) => {
            let (expected, given) = (T::WORDS, given.clone());
            Err(RequestFailure::UnknownWord { option, expected, given })
        }
    }
}
