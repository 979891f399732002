//! The front desk of a realm: messages come in here, answers leave through outboxes.
//!
//! A flat match without logic in its arms: the checks that all requests share (reserved URIs, the
//! URI rule, authorization, disclosure) are made here, everything else in broker and dealer.
//! Spec: basic profile "Sessions", "Protocol Errors", "Ordering Guarantees".

use std::fmt;

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::ROUTER;
use cloverleaf_wamp::ids::{PublicationId, RegistrationId, SessionId, SubscriptionId};
use cloverleaf_wamp::message::{
    Abort, Call, CancelMode, ClientMessage, Goodbye, InvocationError, InvokePolicy, Publish,
    Published, Register, RequestError, RequestRef, RouterMessage, Subscribe, Unregister,
    Unsubscribe, Welcome, WelcomeDetails,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::{InvalidUri, UncheckedUri, UriPattern, UriRule, is_reserved};
use compact_str::CompactString;
use thiserror::Error;

use crate::admission::{Admitted, Refusal};
use crate::authorization::{Action, Permission, Role, TRUSTED};
use crate::broker::Broker;
use crate::deadline::Moment;
use crate::dealer::Dealer;
use crate::limits::MAX_SESSIONS;
use crate::outbox::Outbox;
use crate::session::{Session, SessionKey, Sessions};

/// A source of random bits, given by the host.
pub struct Random(Box<dyn FnMut() -> u64 + Send>);

impl Random {
    /// Takes a function that returns 64 random bits at each call.
    pub fn new(bits: impl FnMut() -> u64 + Send + 'static) -> Self {
        Self(Box::new(bits))
    }

    fn bits(&mut self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

/// What makes a realm.
#[derive(Debug)]
pub struct RealmSettings {
    /// Its name.
    pub name: CompactString,
    /// How strict it is about URIs.
    pub uri_rule: UriRule,
    /// Its roles. A role named `trusted` is built in unless given here.
    pub roles: Vec<Role>,
    /// What it calls itself in WELCOME, such as `Cloverleaf-0.1.0`; none to say nothing.
    pub agent: Option<CompactString>,
}

/// What the host does with the connection after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Go on reading.
    Continue,
    /// The session has ended in peace; the connection may open another one.
    Left,
    /// The session was aborted: send what is queued, then close.
    Close,
}

/// Why a correct request can't be served; the client gets ERROR and the session lives.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RequestFailure {
    #[error("{0}")]
    InvalidUri(InvalidUri),
    #[error("'{0}' begins with 'wamp', which only the router may use")]
    ReservedUri(UncheckedUri),
    #[error("{0}")]
    NotAuthorized(String),
    #[error("the role of this session may not be disclosed to the other side")]
    DisclosureRefused,
    #[error("no callee registered for procedure <{0}>")]
    NoSuchProcedure(UncheckedUri),
    #[error(
        "procedure <{procedure}> is already registered, with the invocation policy '{}'",
        policy.name()
    )]
    ProcedureAlreadyExists { procedure: CompactString, policy: InvokePolicy },
    #[error("this session has no registration {0}")]
    NoSuchRegistration(RegistrationId),
    #[error("this session has no subscription {0}")]
    NoSuchSubscription(SubscriptionId),
    #[error("the callee's queue is full")]
    CalleeCongested,
    #[error("callee disconnected from in-flight request")]
    CalleeGone,
    #[error("this session has reached its largest number of {0}")]
    LimitReached(&'static str),
}

impl RequestFailure {
    fn denied(action: Action, uri: &str) -> Self {
        let (verb, object) = action.phrase();
        Self::NotAuthorized(format!("session not authorized to {verb} {object} '{uri}'"))
    }

    const fn uri(&self) -> &'static str {
        match self {
            Self::InvalidUri(_) | Self::ReservedUri(_) => error_uri::INVALID_URI,
            Self::NotAuthorized(_) => error_uri::NOT_AUTHORIZED,
            Self::DisclosureRefused => error_uri::DISCLOSE_ME_DISALLOWED,
            Self::NoSuchProcedure(_) => error_uri::NO_SUCH_PROCEDURE,
            Self::ProcedureAlreadyExists { .. } => error_uri::PROCEDURE_ALREADY_EXISTS,
            Self::NoSuchRegistration(_) => error_uri::NO_SUCH_REGISTRATION,
            Self::NoSuchSubscription(_) => error_uri::NO_SUCH_SUBSCRIPTION,
            Self::CalleeCongested => error_uri::UNAVAILABLE,
            Self::CalleeGone => error_uri::CANCELED,
            Self::LimitReached(_) => error_uri::LIMIT_REACHED,
        }
    }

    fn answer(&self, request: RequestRef) -> RouterMessage {
        RouterMessage::Error(RequestError::new(
            request,
            self.uri(),
            Payload::from_text(&self.to_string()),
        ))
    }
}

/// One realm: its sessions, its broker and its dealer.
#[derive(Debug)]
pub struct Realm<O> {
    settings: RealmSettings,
    sessions: Sessions<O>,
    broker: Broker,
    dealer: Dealer,
    random: Random,
    /// Everybody was said GOODBYE to, and nobody comes in any more.
    closed: bool,
}

impl<O: Outbox> Realm<O> {
    /// An empty realm.
    pub fn new(mut settings: RealmSettings, random: Random) -> Self {
        if !settings.roles.iter().any(|role| role.name() == TRUSTED) {
            settings.roles.push(Role::trusted());
        }
        Self {
            settings,
            sessions: Sessions::default(),
            broker: Broker::default(),
            dealer: Dealer::default(),
            random,
            closed: false,
        }
    }

    /// The realm's name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// How many sessions are open.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no table keeps an entry of anybody; what tests ask after all have left.
    #[doc(hidden)]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.broker.is_empty() && self.dealer.is_empty()
    }

    /// How many calls are not answered.
    pub fn calls_in_flight(&self) -> usize {
        self.dealer.calls_in_flight()
    }

    /// Opens a session and sends WELCOME. The host detaches it when its connection ends, unless
    /// [`Next`] has said that it is over.
    pub fn attach(&mut self, admitted: Admitted, outbox: O) -> Result<SessionKey, Refusal> {
        let Admitted { realm, principal, roles } = admitted;
        if self.closed {
            return Err(Refusal::RealmClosed(realm));
        }
        let role = self.settings.roles.iter().position(|role| role.name() == principal.authrole);
        let Some(role) = role else {
            return Err(Refusal::NoSuchRole { realm, role: principal.authrole });
        };
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(Refusal::RealmFull(realm));
        }
        let id = self.fresh_session_id();
        let welcome = self.welcome(id, &principal);
        let _ = outbox.send(RouterMessage::Welcome(welcome));
        Ok(self.sessions.insert(id, |key| Session {
            key,
            principal,
            roles,
            role,
            outbox,
            leaving: false,
            broker: Default::default(),
            dealer: Default::default(),
        }))
    }

    fn fresh_session_id(&mut self) -> SessionId {
        loop {
            let id = SessionId::from_random(self.random.bits());
            if !self.sessions.has_id(id) {
                return id;
            }
        }
    }

    fn welcome(&self, session: SessionId, principal: &crate::session::Principal) -> Welcome {
        let details = WelcomeDetails {
            roles: Some(ROUTER),
            agent: self.settings.agent.clone(),
            realm: Some(self.settings.name.clone()),
            authid: Some(principal.authid.clone()),
            authrole: Some(principal.authrole.clone()),
            authmethod: Some(principal.authmethod.clone()),
            authprovider: Some(principal.authprovider.clone()),
            authextra: None,
        };
        Welcome { session, details: Box::new(details) }
    }

    /// Takes everything away that a session held; its callers and callees hear of it. A session
    /// that is gone already is passed over.
    ///
    /// Spec: basic profile "Caller Leaving During an RPC Invocation", "Callee Leaving During an RPC
    /// Invocation".
    pub fn detach(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.remove(key) {
            self.broker.detach(key, &session.broker);
            self.dealer.detach(&mut self.sessions, &session);
        }
    }

    /// Handles one message of an open session at the time `now`.
    pub fn handle_message(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        now: Moment,
    ) -> Next {
        let Some(session) = self.sessions.at(from) else { return Next::Close };
        if session.leaving && !matches!(message, ClientMessage::Goodbye(_)) {
            return Next::Continue;
        }
        let handled = match message {
            _ if uses_passthru(&message) => Err(ProtocolViolation::Feature(
                "ppt_scheme: payload passthru is not offered by this router",
            )),
            ClientMessage::Call(call) => self.call(from, call, now),
            ClientMessage::Yield(answer) => self.dealer.yielded(&mut self.sessions, from, answer),
            ClientMessage::Error(error) => self.dealer.failed(&mut self.sessions, from, error),
            ClientMessage::Publish(publish) => {
                self.publish(from, &publish);
                Ok(())
            }
            ClientMessage::Cancel(cancel) => {
                let mode = cancel.options.mode.unwrap_or(CancelMode::KillNoWait);
                self.dealer.cancel(&mut self.sessions, from, cancel.request, mode);
                Ok(())
            }
            ClientMessage::Register(register) => {
                self.register(from, &register);
                Ok(())
            }
            ClientMessage::Unregister(unregister) => {
                self.unregister(from, &unregister);
                Ok(())
            }
            ClientMessage::Subscribe(subscribe) => {
                self.subscribe(from, &subscribe);
                Ok(())
            }
            ClientMessage::Unsubscribe(unsubscribe) => {
                self.unsubscribe(from, &unsubscribe);
                Ok(())
            }
            // Nobody has been asked for it; the specification does not know it.
            ClientMessage::EventReceived(_) => Ok(()),
            ClientMessage::Goodbye(_) => return self.goodbye(from),
            ClientMessage::Abort(_) => {
                self.detach(from);
                return Next::Close;
            }
            ClientMessage::Hello(_) => Err(ProtocolViolation::SecondHello),
            ClientMessage::Authenticate(_) => Err(ProtocolViolation::Unexpected("AUTHENTICATE")),
        };
        match handled {
            Ok(()) => Next::Continue,
            Err(violation) => {
                self.abort(from, Abort::new(error_uri::PROTOCOL_VIOLATION, violation.to_string()));
                Next::Close
            }
        }
    }

    /// Ends the call behind an invocation that its callee can't be sent, as if the callee had
    /// answered so. One that this session does not have (any more) is passed over.
    pub fn fail_invocation(&mut self, callee: SessionKey, error: InvocationError) {
        // Not the callee's doing, so never its violation.
        let _ = self.dealer.failed(&mut self.sessions, callee, error);
    }

    /// Ends a session with ABORT; one that was said GOODBYE to ends in silence.
    pub fn abort(&mut self, key: SessionKey, abort: Abort) {
        if let Some(session) = self.sessions.at(key)
            && !session.leaving
        {
            let _ = session.outbox.send(RouterMessage::Abort(abort));
        }
        self.detach(key);
    }

    /// The earliest moment at which [`Realm::handle_timeout`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.dealer.next_deadline()
    }

    /// Ends the calls whose time is up.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.dealer.handle_timeout(&mut self.sessions, now);
    }

    /// Says GOODBYE to every session and lets no other in. They end with their own GOODBYE or with
    /// their connection.
    pub fn close(&mut self, reason: &str) {
        self.closed = true;
        for session in self.sessions.iter_mut() {
            if !std::mem::replace(&mut session.leaving, true) {
                let _ = session.outbox.send(RouterMessage::Goodbye(Goodbye::new(reason)));
            }
        }
    }

    /// Spec: basic profile "Session Closing".
    fn goodbye(&mut self, from: SessionKey) -> Next {
        if let Some(session) = self.sessions.at(from)
            && !session.leaving
        {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            let _ = session.outbox.send(RouterMessage::Goodbye(answer));
        }
        self.detach(from);
        Next::Left
    }

    fn call(&mut self, from: SessionKey, call: Call, now: Moment) -> Result<(), ProtocolViolation> {
        let Some(session) = self.sessions.at(from) else { return Ok(()) };
        if session.dealer.has_call(call.request) {
            return Err(ProtocolViolation::RequestIdInUse(call.request.number()));
        }
        if call.options.progress == Some(true) {
            return Err(ProtocolViolation::Feature(
                "CALL with progress: progressive call invocations are not offered by this router",
            ));
        }
        let request = call.reference();
        let routed = self.check_call(from, &call).and_then(|disclosed| {
            let random = || self.random.bits();
            self.dealer.call(&mut self.sessions, from, call, disclosed, now, random)
        });
        self.refuse(from, request, routed);
        Ok(())
    }

    /// Whether the call is allowed and whether its caller is disclosed.
    fn check_call(&self, from: SessionKey, call: &Call) -> Result<bool, RequestFailure> {
        call.procedure.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        let permission = self.authorize(from, Action::Call, &call.procedure)?;
        let wish = call.options.disclose_me;
        permission.disclose_caller.decide(wish).ok_or(RequestFailure::DisclosureRefused)
    }

    fn publish(&mut self, from: SessionKey, publish: &Publish) {
        let request = publish.reference();
        let acknowledge = publish.options.acknowledge == Some(true);
        let checked = self.check_publish(from, publish);
        match checked {
            Ok(disclosed) => {
                let publication = PublicationId::from_random(self.random.bits());
                if acknowledge && let Some(session) = self.sessions.at(from) {
                    let answer = Published { request: publish.request, publication };
                    let _ = session.outbox.send(RouterMessage::Published(answer));
                }
                self.broker.publish(&self.sessions, from, publish, publication, disclosed);
            }
            // An unacknowledged PUBLISH fails silently.
            Err(failure) if acknowledge => self.refuse(from, request, Err(failure)),
            Err(_) => {}
        }
    }

    /// Whether the publication is allowed and whether its publisher is disclosed.
    fn check_publish(&self, from: SessionKey, publish: &Publish) -> Result<bool, RequestFailure> {
        let topic = &publish.topic;
        topic.validate(self.settings.uri_rule).map_err(RequestFailure::InvalidUri)?;
        self.not_reserved(from, topic)?;
        let permission = self.authorize(from, Action::Publish, topic)?;
        let wish = publish.options.disclose_me;
        permission.disclose_publisher.decide(wish).ok_or(RequestFailure::DisclosureRefused)
    }

    fn register(&mut self, from: SessionKey, register: &Register) {
        let invoke = register.options.invoke.unwrap_or(InvokePolicy::Single);
        let outcome = self.check_register(from, register).and_then(|pattern| {
            let Some(session) = self.sessions.at_mut(from) else { return Ok(()) };
            self.dealer.register(session, register.request, pattern, invoke)
        });
        self.refuse(from, register.reference(), outcome);
    }

    fn check_register(
        &self,
        from: SessionKey,
        register: &Register,
    ) -> Result<UriPattern, RequestFailure> {
        let policy = register.options.match_policy.unwrap_or_default();
        let pattern = register
            .procedure
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        self.not_reserved(from, &register.procedure)?;
        self.authorize_pattern(from, Action::Register, &pattern)?;
        Ok(pattern)
    }

    fn unregister(&mut self, from: SessionKey, unregister: &Unregister) {
        let Some(session) = self.sessions.at_mut(from) else { return };
        let outcome = self.dealer.unregister(session, unregister.request, unregister.registration);
        self.refuse(from, unregister.reference(), outcome);
    }

    fn subscribe(&mut self, from: SessionKey, subscribe: &Subscribe) {
        let outcome = self.check_subscribe(from, subscribe).and_then(|pattern| {
            let Some(session) = self.sessions.at_mut(from) else { return Ok(()) };
            self.broker.subscribe(session, subscribe.request, pattern)
        });
        self.refuse(from, subscribe.reference(), outcome);
    }

    fn check_subscribe(
        &self,
        from: SessionKey,
        subscribe: &Subscribe,
    ) -> Result<UriPattern, RequestFailure> {
        let policy = subscribe.options.match_policy.unwrap_or_default();
        let pattern = subscribe
            .topic
            .check_pattern(policy, self.settings.uri_rule)
            .map_err(RequestFailure::InvalidUri)?;
        self.authorize_pattern(from, Action::Subscribe, &pattern)?;
        Ok(pattern)
    }

    fn unsubscribe(&mut self, from: SessionKey, unsubscribe: &Unsubscribe) {
        let Some(session) = self.sessions.at_mut(from) else { return };
        let outcome =
            self.broker.unsubscribe(session, unsubscribe.request, unsubscribe.subscription);
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

    /// The namespace `wamp` is the router's own (basic profile, "URIs").
    fn not_reserved(&self, from: SessionKey, uri: &UncheckedUri) -> Result<(), RequestFailure> {
        if is_reserved(uri.as_str()) && !self.role_of(from).is_some_and(Role::is_trusted) {
            return Err(RequestFailure::ReservedUri(uri.clone()));
        }
        Ok(())
    }

    fn role_of(&self, key: SessionKey) -> Option<&Role> {
        self.sessions.at(key).and_then(|session| self.settings.roles.get(session.role))
    }

    /// The rule that allows the action. A refusal names nobody's identity.
    fn authorize(
        &self,
        from: SessionKey,
        action: Action,
        uri: &UncheckedUri,
    ) -> Result<Permission, RequestFailure> {
        self.role_of(from)
            .and_then(|role| role.permission(action, uri.as_str()))
            .ok_or_else(|| RequestFailure::denied(action, uri.as_str()))
    }

    /// Whether the action is allowed on every URI that the pattern matches.
    fn authorize_pattern(
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

/// Whether the message has a payload that only a router with payload passthru may pass on: without
/// its options the other side could not open it.
fn uses_passthru(message: &ClientMessage) -> bool {
    match message {
        ClientMessage::Call(call) => call.options.ppt_scheme.is_some(),
        ClientMessage::Publish(publish) => publish.options.ppt_scheme.is_some(),
        ClientMessage::Yield(answer) => answer.options.ppt_scheme.is_some(),
        ClientMessage::Error(error) => error.details.ppt_scheme.is_some(),
        _ => false,
    }
}
