//! A connection's session as the router sees it: joining, joined, and joining again after GOODBYE.
//!
//! Spec: basic profile "Sessions", "Transport and Session Lifetime", "Protocol Errors".

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cloverleaf_router::{Admission, Metered, Next, SessionKey, TransportDetails};
use cloverleaf_transport::{
    CloseReason, Flow, Outbound, Peer, ServerSide, SlowConsumer, Undeliverable, WaitingMessage,
};
use cloverleaf_wamp::error::{DecodeError, ProtocolViolation};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Features, RouterRoles};
use cloverleaf_wamp::message::{
    Abort, Cancel, CancelMode, CancelOptions, ClientMessage, Goodbye, Hello, RequestError,
    RequestRef, RouterMessage, Welcome,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::websocket::CloseCode;

use crate::log::Quoted;
use crate::meter::{Meter, StatsRule};
use crate::ports::Port;
use crate::realms::{Membership, Realms};

mod cut;

use cut::CutResults;

#[derive(Debug)]
enum Stage {
    Joining,
    Joined(Membership, SessionKey),
}

/// How a peer is attached to the router.
#[derive(Debug)]
pub(crate) struct Attachment {
    /// Where it comes from, for the log and the session meta API.
    pub(crate) from: String,
    /// What it speaks.
    pub(crate) kind: &'static str,
    /// In which format.
    pub(crate) protocol: &'static str,
    /// What becomes of events for it when it reads too slowly, where its role does not say.
    pub(crate) slow_consumer: SlowConsumer,
    /// Whether it is told the router's name and version.
    pub(crate) tells_agent: bool,
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.from)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct RouterPeer {
    realms: Arc<Realms>,
    admission: Arc<Admission>,
    outbound: Outbound<WaitingMessage>,
    attachment: Attachment,
    stage: Stage,
    /// The queues that have no room for what this peer publishes.
    crowded: Vec<Outbound<WaitingMessage>>,
    /// What the session receives and sends, where its realm tells of that.
    meter: Option<Box<Meter>>,
    /// The WELCOME of the session has been written. What is written before it belongs to an earlier
    /// session of the same connection, whose invocation numbers were the same.
    is_welcomed: bool,
    /// Calls whose results could not be sent in whole.
    cut_results: CutResults,
    /// Events that could not be sent.
    lost_events: u64,
}

impl RouterPeer {
    pub(crate) fn new(
        realms: Arc<Realms>,
        admission: Arc<Admission>,
        outbound: Outbound<WaitingMessage>,
        attachment: Attachment,
    ) -> Self {
        Self {
            realms,
            admission,
            outbound,
            attachment,
            stage: Stage::Joining,
            crowded: Vec::new(),
            meter: None,
            is_welcomed: false,
            cut_results: CutResults::default(),
            lost_events: 0,
        }
    }

    /// HELLO: the client joins or is refused.
    fn join(&mut self, hello: &Hello) -> Flow {
        let joined = self.admission.admit(hello, [rand::random(), rand::random()]).and_then(
            |mut admitted| {
                let realm = self.realms.enter(&admitted.realm)?;
                let policy = realm.slow_consumer(&admitted.principal.authrole);
                self.outbound.set_policy(policy.unwrap_or(self.attachment.slow_consumer));
                admitted.transport = Some(Box::new(TransportDetails {
                    kind: self.attachment.kind,
                    protocol: self.attachment.protocol,
                    peer: self.attachment.from.as_str().into(),
                }));
                admitted.tells_agent = self.attachment.tells_agent;
                let metered = realm
                    .stats_rule()
                    .map(|rule| (rule, admitted.principal.clone(), admitted.transport.clone()));
                let key = realm.attach(admitted, Port::Wire(self.outbound.clone()))?;
                let meter = metered.map(|(rule, principal, transport)| {
                    let of = Metered { session: key.id(), principal, transport };
                    Box::new(Meter::new(rule, of))
                });
                Ok((realm, key, meter))
            },
        );
        match joined {
            Ok((realm, key, meter)) => {
                let agent = hello.details.agent.as_deref().unwrap_or("an unnamed client");
                tracing::debug!(
                    "session {} joined '{}' from {}: {}",
                    key.id(),
                    Quoted(hello.realm.as_str()),
                    self.attachment,
                    Quoted(agent)
                );
                self.meter = meter;
                self.stage = Stage::Joined(realm, key);
                self.is_welcomed = false;
                self.tell_stats_if(|rule| rule.on_join);
                Flow::Continue
            }
            Err(refusal) => {
                let why = refusal.to_string();
                tracing::info!("a client from {} was refused: {}", self.attachment, Quoted(&why));
                self.abort(refusal.abort())
            }
        }
    }

    /// Tells the peer and closes.
    fn abort(&self, abort: Abort) -> Flow {
        let reason = abort.reason.to_string();
        let _ = self.outbound.push(RouterMessage::Abort(abort).into());
        Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
    }

    fn violation(&mut self, text: &str) -> Flow {
        tracing::info!("the peer at {} violates the protocol: {text}", self.attachment);
        let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, text);
        self.leave();
        self.abort(abort)
    }

    /// A client that can't take its WELCOME knows of no session and would wait for ever.
    fn unwelcome(&mut self, uri: &str, reason: &Undeliverable) -> RouterMessage {
        tracing::info!("WELCOME can't be sent to {}: {reason}", self.attachment);
        self.leave();
        self.outbound.close("the client can't take its WELCOME");
        RouterMessage::Abort(Abort::new(uri, reason.to_string()))
    }

    /// A part of a result can't be sent: the call is given up as if its caller had canceled it.
    fn cut(&mut self, error: RequestError) {
        if let Stage::Joined(realm, key) = &self.stage
            && self.is_welcomed
        {
            let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
            let cancel = Cancel { request: error.request.id(), options };
            let _ = realm.handle_message(*key, ClientMessage::Cancel(cancel));
            self.cut_results.cut(error);
        }
    }

    /// An event can't be sent. The first one is told of, all are counted.
    fn lose_event(&mut self, reason: &Undeliverable) {
        self.lost_events += 1;
        if self.lost_events == 1 {
            tracing::info!("EVENT to {} is dropped: {reason}", self.attachment);
        }
    }

    /// Tells the realm what the session has received and sent.
    fn tell_stats(&mut self) {
        if let (Some(meter), Stage::Joined(realm, _)) = (&mut self.meter, &self.stage) {
            let stats = meter.tell();
            realm.tell_stats(meter.of(), &stats);
        }
    }

    fn tell_stats_if(&mut self, is_wanted: impl FnOnce(&StatsRule) -> bool) {
        if self.meter.as_ref().is_some_and(|meter| is_wanted(meter.rule())) {
            self.tell_stats();
        }
    }

    /// The session ends, or has ended.
    fn tell_last_stats(&mut self) {
        self.tell_stats_if(|rule| rule.on_leave);
        self.meter = None;
    }

    fn leave(&mut self) {
        self.tell_last_stats();
        if let Stage::Joined(realm, key) = std::mem::replace(&mut self.stage, Stage::Joining) {
            realm.detach(key);
        }
    }
}

impl Peer<ServerSide> for RouterPeer {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        if matches!(message, ClientMessage::Goodbye(_)) {
            self.tell_last_stats();
        }
        match (&self.stage, message) {
            // ABORT is never answered; the client is going.
            (_, ClientMessage::Abort(_)) => {
                self.leave();
                Flow::Close(CloseCode::NORMAL, "the client aborted".to_owned())
            }
            (Stage::Joined(realm, key), message) => match realm.handle_message(*key, message) {
                Next::Continue => Flow::Continue,
                Next::Wait => {
                    self.crowded = realm.take_crowded(*key);
                    Flow::Wait
                }
                Next::Left => {
                    self.stage = Stage::Joining;
                    Flow::Continue
                }
                Next::Close => {
                    tracing::info!("session {} from {} was aborted", key.id(), self.attachment);
                    self.tell_last_stats();
                    self.stage = Stage::Joining;
                    let reason = error_uri::PROTOCOL_VIOLATION.to_owned();
                    Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
                }
            },
            (Stage::Joining, ClientMessage::Hello(hello)) => self.join(&hello),
            (Stage::Joining, other) => {
                let violation = ProtocolViolation::BeforeHello(other.name());
                self.violation(&violation.to_string())
            }
        }
    }

    fn handle_undecodable(&mut self, error: &DecodeError) -> Flow {
        self.violation(&error.to_string())
    }

    fn handle_undeliverable(
        &mut self,
        message: RouterMessage,
        reason: &Undeliverable,
    ) -> Option<RouterMessage> {
        let uri = match reason {
            Undeliverable::NoForm(_) => error_uri::INVALID_ARGUMENT,
            Undeliverable::TooLong { .. } => error_uri::PAYLOAD_SIZE_EXCEEDED,
        };
        let explanation = Payload::from_text(&reason.to_string());
        let failure = |request: RequestRef| RequestError::new(request, uri, explanation.clone());
        match message {
            RouterMessage::Result(result) if result.details.progress == Some(true) => {
                self.cut(failure(result.reference()));
                None
            }
            RouterMessage::Result(result) => {
                Some(RouterMessage::Error(failure(result.reference())))
            }
            RouterMessage::Error(error) => Some(RouterMessage::Error(failure(error.request))),
            RouterMessage::Invocation(invocation) => {
                if let Stage::Joined(realm, key) = &self.stage
                    && self.is_welcomed
                {
                    realm.fail_invocation(*key, invocation.error(uri, explanation));
                }
                None
            }
            // The features make it long; a client that takes so little can go without their names.
            RouterMessage::Welcome(mut welcome) if announces_features(&welcome) => {
                welcome.details.roles = Some(RouterRoles {
                    broker: Some(Features::NONE),
                    dealer: Some(Features::NONE),
                });
                Some(RouterMessage::Welcome(welcome))
            }
            RouterMessage::Welcome(_) => Some(self.unwelcome(uri, reason)),
            // The sentence for people is what makes it long.
            RouterMessage::Abort(abort) if abort.details.message.is_some() => {
                Some(RouterMessage::Abort(Abort { details: Default::default(), ..abort }))
            }
            RouterMessage::Goodbye(goodbye) if goodbye.details.message.is_some() => {
                Some(RouterMessage::Goodbye(Goodbye { details: Default::default(), ..goodbye }))
            }
            RouterMessage::Event(_) => {
                self.lose_event(reason);
                None
            }
            other => {
                tracing::info!("{} to {} is dropped: {reason}", other.name(), self.attachment);
                None
            }
        }
    }

    fn instead_of(&mut self, message: &RouterMessage) -> Option<Option<RouterMessage>> {
        self.cut_results.instead_of(message)
    }

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        while let Some(outbound) = self.crowded.last() {
            ready!(outbound.poll_room(context));
            self.crowded.pop();
        }
        Poll::Ready(())
    }

    fn fell_behind(&mut self) {
        let session = match &self.stage {
            Stage::Joined(_, key) => format!("session {}", key.id()),
            Stage::Joining => "a client".to_owned(),
        };
        tracing::warn!("{session} from {} reads too slowly and misses events", self.attachment);
    }

    fn farewell(&mut self) -> Option<RouterMessage> {
        let is_joined = matches!(self.stage, Stage::Joined(..));
        is_joined.then(|| RouterMessage::Goodbye(Goodbye::new(error_uri::SLOW_CONSUMER)))
    }

    fn arrived(&mut self, length: usize) {
        if self.meter.as_mut().is_some_and(|meter| meter.received(length)) {
            self.tell_stats();
        }
    }

    fn sent(&mut self, message: &RouterMessage, length: usize) {
        if self.meter.as_mut().is_some_and(|meter| meter.sent(length)) {
            self.tell_stats();
        }
        if matches!(message, RouterMessage::Welcome(_)) {
            self.is_welcomed = true;
            self.cut_results.clear();
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Joined(..))
    }

    fn closed(&mut self, reason: &CloseReason) {
        if let Stage::Joined(_, key) = &self.stage {
            tracing::debug!("session {} from {} ended: {reason}", key.id(), self.attachment);
        }
        if self.lost_events > 1 {
            tracing::info!("{} events to {} were dropped", self.lost_events, self.attachment);
        }
        self.leave();
    }
}

fn announces_features(welcome: &Welcome) -> bool {
    let some = |features: Option<Features>| features.is_some_and(|all| all != Features::NONE);
    welcome.details.roles.is_some_and(|roles| some(roles.broker) || some(roles.dealer))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloverleaf_router::{Admission, Permission, RealmSettings, Role};
    use cloverleaf_transport::{Flow, Outlet, Peer as _, Undeliverable, WaitingMessage, outbound};
    use cloverleaf_wamp::features::CLIENT;
    use cloverleaf_wamp::ids::{InvocationId, RegistrationId, RequestId, SessionId};
    use cloverleaf_wamp::message::{
        Call, CallOptions, ClientMessage, Goodbye, Hello, HelloDetails, Invocation,
        InvocationDetails, Register, RegisterOptions, RouterMessage, Welcome,
    };
    use cloverleaf_wamp::payload::Payload;
    use cloverleaf_wamp::uri::UriPattern;

    use super::{Attachment, RouterPeer, SlowConsumer};
    use crate::realm_host::RealmHost;
    use crate::realms::Realms;

    /// Two peers of one realm. Nothing is read from their queues.
    struct Pair {
        realm: Arc<RealmHost>,
        caller: RouterPeer,
        callee: RouterPeer,
        _outlets: [Outlet<WaitingMessage>; 2],
    }

    fn pair() -> Pair {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        let realm = Arc::new(RealmHost::new(RealmSettings {
            roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
            ..RealmSettings::named("realm1")
        }));
        let mut realms = Realms::default();
        realms.add("realm1", Arc::clone(&realm));
        let (realms, admission) = (Arc::new(realms), Arc::new(Admission::open()));
        let peer = || {
            let (sender, outlet) = outbound::queue();
            let (realms, admission) = (Arc::clone(&realms), Arc::clone(&admission));
            let attachment = Attachment {
                from: "a test".to_owned(),
                kind: "test",
                protocol: "wamp.2.json",
                slow_consumer: SlowConsumer::default(),
                tells_agent: true,
            };
            (RouterPeer::new(realms, admission, sender, attachment), outlet)
        };
        let ((caller, one), (callee, other)) = (peer(), peer());
        Pair { realm, caller, callee, _outlets: [one, other] }
    }

    fn request(number: u64) -> RequestId {
        RequestId::new(number).expect("an id")
    }

    fn join(peer: &mut RouterPeer) {
        let details = HelloDetails { roles: Some(CLIENT), ..HelloDetails::default() };
        let hello = Hello { realm: "realm1".into(), details };
        assert_eq!(peer.handle_message(ClientMessage::Hello(hello)), Flow::Continue);
    }

    fn register(peer: &mut RouterPeer) {
        let options = RegisterOptions::default();
        let register = Register { request: request(1), options, procedure: "com.a".into() };
        assert_eq!(peer.handle_message(ClientMessage::Register(register)), Flow::Continue);
    }

    fn call(peer: &mut RouterPeer, number: u64) {
        let (options, payload) = (CallOptions::default(), Payload::EMPTY);
        let call = Call { request: request(number), options, procedure: "com.a".into(), payload };
        assert_eq!(peer.handle_message(ClientMessage::Call(call)), Flow::Continue);
    }

    /// The first invocation of any session, which turns out to be too long to be sent.
    fn fail_first_invocation(peer: &mut RouterPeer) {
        let invocation = Invocation {
            request: InvocationId::new(1).expect("an id"),
            registration: RegistrationId::new(1).expect("an id"),
            details: InvocationDetails::default(),
            payload: Payload::EMPTY,
        };
        let reason = Undeliverable::TooLong { length: 513, limit: 512 };
        let message = RouterMessage::Invocation(invocation);
        assert_eq!(peer.handle_undeliverable(message, &reason), None);
    }

    fn welcome(peer: &mut RouterPeer) {
        let session = SessionId::new(1).expect("an id");
        let welcome = RouterMessage::Welcome(Welcome { session, details: Box::default() });
        peer.sent(&welcome, 100);
    }

    #[test]
    fn an_invocation_of_an_earlier_session_ends_no_call_of_the_present_one() {
        let Pair { realm, mut caller, mut callee, _outlets } = pair();
        join(&mut caller);
        join(&mut callee);
        register(&mut callee);
        call(&mut caller, 1);
        let goodbye = Goodbye::new(cloverleaf_wamp::error_uri::CLOSE_NORMAL);
        assert_eq!(callee.handle_message(ClientMessage::Goodbye(goodbye)), Flow::Continue);
        join(&mut callee);
        register(&mut callee);
        call(&mut caller, 2);
        fail_first_invocation(&mut callee);
        assert_eq!(realm.calls_in_flight(), 1);
        welcome(&mut callee);
        fail_first_invocation(&mut callee);
        assert_eq!(realm.calls_in_flight(), 0);
    }

    #[test]
    fn an_abort_that_is_too_long_is_sent_without_its_sentence() {
        let Pair { mut caller, _outlets, .. } = pair();
        let abort = super::Abort::new(cloverleaf_wamp::error_uri::NO_SUCH_REALM, "x".repeat(600));
        let reason = Undeliverable::TooLong { length: 650, limit: 512 };
        let sent = caller.handle_undeliverable(RouterMessage::Abort(abort), &reason);
        let short = super::Abort {
            details: Default::default(),
            reason: cloverleaf_wamp::error_uri::NO_SUCH_REALM.into(),
        };
        assert_eq!(sent, Some(RouterMessage::Abort(short.clone())));
        assert_eq!(caller.handle_undeliverable(RouterMessage::Abort(short), &reason), None);
    }

    #[test]
    fn a_client_that_aborts_is_let_go_in_peace() {
        let Pair { realm, mut caller, _outlets, .. } = pair();
        join(&mut caller);
        assert_eq!(realm.session_count(), 1);
        let abort = super::Abort::new(cloverleaf_wamp::error_uri::CLOSE_NORMAL, "enough");
        let flow = caller.handle_message(ClientMessage::Abort(abort));
        assert!(matches!(flow, Flow::Close(super::CloseCode::NORMAL, _)), "{flow:?}");
        assert_eq!(realm.session_count(), 0);
    }
}
