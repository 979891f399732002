//! A connection's session as the router sees it: joining, joined, and joining again after GOODBYE.
//!
//! Spec: basic profile "Sessions", "Transport and Session Lifetime", "Protocol Errors".

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cloverleaf_router::{Admission, Metered, SessionFlow, SessionKey, TransportDetails};
use cloverleaf_transport::limits::DECODED_PER_UNIT;
use cloverleaf_transport::{
    CloseReason, Flow, Interception, Lifecycle, OutboundSender, Peer, PeerInfo, ServerSide,
    SlowConsumer, Undeliverable, WaitingMessage, log_limited,
};
use cloverleaf_wakes::{ROUND, is_spent, spend};
use cloverleaf_wamp::batch::MessageFormat;
use cloverleaf_wamp::error::{DecodeError, ProtocolViolation};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Features, RouterRoles};
use cloverleaf_wamp::message::{
    Abort, Cancel, CancelMode, CancelOptions, ClientMessage, Goodbye, Hello, RequestError,
    RequestRef, RouterMessage, Welcome,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::websocket::CloseCode;

use crate::meter::{Meter, StatsRule};
use crate::ports::Port;
use crate::realm_host::{FAIR_WORK, Handled, Wait};
use crate::realms::{Membership, Realms, Unjoined};
use cloverleaf_wamp::excerpt::Excerpt;

mod cut;
mod write_hook;

use write_hook::WriteHook;

/// The work of a connection in one turn, in units of about 100 ns: so much that its system calls
/// don't count, and a part of a round of its thread, so that several connections share it.
const TURN_WORK: u32 = ROUND / 4;

/// From how many bytes on it counts what it takes to decode a message.
const LONG_MESSAGE: usize = 4 * 1024;

#[derive(Debug)]
enum Stage {
    /// Without a session. None when the connection is ending.
    Joining {
        _entry: Option<Unjoined>,
    },
    Joined(Membership, SessionKey),
}

/// How a peer is attached to the router.
#[derive(Debug)]
pub struct Attachment {
    /// Its address and transport, for the log and the session meta API.
    pub peer: PeerInfo,
    /// How its messages are written.
    pub format: MessageFormat,
    /// What becomes of events for it when it reads too slowly, where its role does not say.
    pub slow_consumer: SlowConsumer,
    /// Whether it is told the router's name and version.
    pub announces_agent: bool,
}

impl Attachment {
    /// What the session meta API says of it.
    fn transport_details(&self) -> TransportDetails {
        let PeerInfo { address, transport, http } = &self.peer;
        TransportDetails {
            kind: *transport,
            format: self.format,
            peer: address.descriptor().into(),
            compression: http.as_ref().and_then(|http| http.compression),
            http_headers: http.as_ref().map(|http| http.headers.clone()),
        }
    }
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer.fmt(f)
    }
}

/// See the [module](self).
#[derive(Debug)]
pub struct RouterPeer {
    realms: Arc<Realms>,
    admission: Arc<Admission>,
    outbound: OutboundSender<WaitingMessage>,
    attachment: Attachment,
    stage: Stage,
    /// What the peer waits for.
    wait: Wait,
    /// The task that waits for room in another queue, as it was known there last.
    waker: Option<Waker>,
    /// The work since other connections have had their turn, in units of about 100 ns.
    work: u32,
    /// What the session does at each write. None if it does nothing.
    write_hook: Option<Box<WriteHook>>,
    /// Events that could not be sent.
    lost_events: u64,
}

impl RouterPeer {
    /// The peer of a new connection, which has not joined.
    pub fn new(
        realms: Arc<Realms>,
        admission: Arc<Admission>,
        outbound: OutboundSender<WaitingMessage>,
        attachment: Attachment,
    ) -> Self {
        let unjoined = realms.note_unjoined(&outbound);
        Self {
            realms,
            admission,
            outbound,
            attachment,
            stage: Stage::Joining { _entry: Some(unjoined) },
            wait: Wait::default(),
            waker: None,
            work: 0,
            write_hook: None,
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
                admitted.transport = Some(Box::new(self.attachment.transport_details()));
                admitted.tells_agent = self.attachment.announces_agent;
                let metered = realm
                    .stats_rule()
                    .map(|rule| (rule, admitted.principal.clone(), admitted.transport.clone()));
                let key = realm.attach(admitted, Port::Wire(self.outbound.clone()))?;
                let meter = metered.map(|(rule, principal, transport)| {
                    let of = Metered { session: key, principal, transport };
                    Box::new(Meter::new(rule, of))
                });
                Ok((realm, key, meter))
            },
        );
        match joined {
            Ok((realm, key, meter)) => {
                let agent = hello.details.agent.as_deref().unwrap_or("an unnamed client");
                tracing::debug!(
                    session = %key.id(),
                    realm = %Excerpt::for_log(realm.name()),
                    peer = %self.attachment,
                    transport = self.attachment.peer.transport.name(),
                    agent = %Excerpt::for_log(agent),
                    "session joined"
                );
                self.stage = Stage::Joined(realm, key);
                let hook = self.write_hook.get_or_insert_default();
                (hook.meter, hook.awaits_welcome) = (meter, true);
                if self.meter_rule_says(|rule| rule.on_join) {
                    self.publish_stats(false);
                }
                Flow::Continue
            }
            Err(refusal) => {
                log_limited!(
                    info,
                    "session refused",
                    peer = %self.attachment,
                    transport = self.attachment.peer.transport.name(),
                    realm = %Excerpt::for_log(hello.realm.as_str()),
                    reason = %Excerpt::for_log(&refusal.to_string())
                );
                let compatibility = self.realms.compatibility(hello.realm.as_str());
                self.abort(refusal.abort(compatibility))
            }
        }
    }

    /// The id of the session, for the log.
    fn session(&self) -> Option<u64> {
        match &self.stage {
            Stage::Joined(_, key) => Some(key.id().number()),
            Stage::Joining { .. } => None,
        }
    }

    /// Tells the peer and closes.
    fn abort(&self, abort: Abort) -> Flow {
        let reason = abort.reason.to_string();
        let _ = self.outbound.push(RouterMessage::Abort(abort).into());
        Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
    }

    fn violation(&mut self, text: &str) -> Flow {
        log_limited!(
            info,
            "protocol violation",
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            session = self.session(),
            reason = %Excerpt::for_log(text)
        );
        let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, text);
        self.leave();
        self.abort(abort)
    }

    /// A client that can't take its WELCOME knows of no session and would wait for ever.
    fn unwelcome(&mut self, uri: &str, reason: &Undeliverable) -> RouterMessage {
        log_limited!(
            info,
            "session refused",
            peer = %self.attachment,
            transport = self.attachment.peer.transport.name(),
            reason = format_args!("WELCOME can't be sent: {reason}")
        );
        self.leave();
        self.outbound.close(CloseCode::NORMAL, "the client can't take its WELCOME");
        RouterMessage::Abort(Abort::new(uri, reason.to_string()))
    }

    /// A part of a result can't be sent: the call is given up as if its caller had canceled it.
    fn cut(&mut self, error: RequestError) {
        if let Stage::Joined(realm, key) = &self.stage
            && self.is_welcomed()
        {
            let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
            let cancel = Cancel { request: error.request.id(), options };
            let _ = realm.handle_message(*key, ClientMessage::Cancel(cancel));
            self.write_hook.get_or_insert_default().cut_results.cut(error);
        }
    }

    /// An event can't be sent. The first one is logged, all are counted.
    fn lose_event(&mut self, reason: &Undeliverable) {
        self.lost_events += 1;
        if self.lost_events == 1 {
            log_limited!(
                info,
                "event dropped",
                peer = %self.attachment,
                session = self.session(),
                %reason
            );
        }
    }

    /// Publishes the traffic of the session; `is_last` when it ends.
    fn publish_stats(&mut self, is_last: bool) {
        let meter = self.write_hook.as_mut().and_then(|hook| hook.meter.as_mut());
        if let (Some(meter), Stage::Joined(realm, _)) = (meter, &self.stage) {
            let stats = meter.report(is_last);
            realm.publish_stats(meter.of(), &stats);
        }
    }

    fn meter(&mut self) -> Option<&mut Meter> {
        self.write_hook.as_mut().and_then(|hook| hook.meter.as_deref_mut())
    }

    /// Whether the WELCOME of the session has been written. Messages written before it belong to an
    /// earlier session of the same connection, whose invocation numbers were the same.
    fn is_welcomed(&self) -> bool {
        self.write_hook.as_ref().is_none_or(|hook| !hook.awaits_welcome)
    }

    /// Removes the hook if it does nothing any more.
    fn release_write_hook(&mut self) {
        self.write_hook.take_if(|hook| hook.is_idle());
    }

    fn meter_rule_says(&self, is_wanted: impl FnOnce(&StatsRule) -> bool) -> bool {
        let meter = self.write_hook.as_ref().and_then(|hook| hook.meter.as_ref());
        meter.is_some_and(|meter| is_wanted(meter.rule()))
    }

    /// The session ends, or has ended.
    fn publish_last_stats(&mut self) {
        if self.meter_rule_says(|rule| rule.on_leave) {
            self.publish_stats(true);
        }
        if let Some(hook) = &mut self.write_hook {
            hook.meter = None;
            self.release_write_hook();
        }
    }

    /// Lets other connections have their turn when this one has done enough: its part of what its
    /// thread does in a round, and on a thread that has done that, a little.
    fn go_on(&mut self) -> Flow {
        if self.work < FAIR_WORK || (self.work < TURN_WORK && !is_spent()) {
            return Flow::Continue;
        }
        self.work = 0;
        Flow::Yield
    }

    fn leave(&mut self) {
        self.publish_last_stats();
        if let Stage::Joined(realm, key) =
            std::mem::replace(&mut self.stage, Stage::Joining { _entry: None })
        {
            realm.detach(key);
        }
    }
}

impl Peer<ServerSide> for RouterPeer {
    fn handle_message(&mut self, message: ClientMessage) -> Flow {
        if matches!(message, ClientMessage::Goodbye(_)) {
            self.publish_last_stats();
        }
        match (&self.stage, message) {
            // ABORT is never answered; the client is going.
            (_, ClientMessage::Abort(_)) => {
                self.leave();
                Flow::Close(CloseCode::NORMAL, "the client aborted".to_owned())
            }
            (Stage::Joined(realm, key), message) => {
                let Handled { next, work } = realm.handle_message(*key, message);
                self.work += work;
                match next {
                    SessionFlow::Continue => self.go_on(),
                    SessionFlow::Wait => {
                        self.wait = realm.take_wait(*key);
                        Flow::Wait
                    }
                    SessionFlow::Left => {
                        let unjoined = self.realms.note_unjoined(&self.outbound);
                        self.stage = Stage::Joining { _entry: Some(unjoined) };
                        Flow::Continue
                    }
                    SessionFlow::Close => {
                        log_limited!(
                            info,
                            "session aborted",
                            peer = %self.attachment,
                            session = %key.id()
                        );
                        self.publish_last_stats();
                        self.stage = Stage::Joining { _entry: None };
                        let reason = error_uri::PROTOCOL_VIOLATION.to_owned();
                        Flow::Close(CloseCode::PROTOCOL_ERROR, reason)
                    }
                }
            }
            (Stage::Joining { .. }, ClientMessage::Hello(hello)) => self.join(&hello),
            (Stage::Joining { .. }, other) => {
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
            Undeliverable::NotEncodable(_) => error_uri::INVALID_ARGUMENT,
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
                    && self.is_welcomed()
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
                log_limited!(
                    info,
                    "message dropped",
                    peer = %self.attachment,
                    session = self.session(),
                    message = other.name(),
                    %reason
                );
                None
            }
        }
    }

    fn on_received(&mut self, length: usize) {
        if length >= LONG_MESSAGE {
            let units = (length / DECODED_PER_UNIT) as u32;
            self.work += units;
            spend(units);
        }
        if self.meter().is_some_and(|meter| meter.received(length)) {
            self.publish_stats(false);
        }
    }

    fn intercepts_writes(&self) -> bool {
        self.write_hook.is_some()
    }

    fn before_write(&mut self, message: &RouterMessage) -> Interception<RouterMessage> {
        match &mut self.write_hook {
            Some(hook) => hook.cut_results.before_write(message),
            None => Interception::Send,
        }
    }

    fn after_write(&mut self, message: &RouterMessage, length: usize) {
        if self.meter().is_some_and(|meter| meter.sent(length)) {
            self.publish_stats(false);
        }
        if let Some(hook) = &mut self.write_hook {
            if matches!(message, RouterMessage::Welcome(_)) {
                hook.awaits_welcome = false;
                hook.cut_results.clear();
            }
            self.release_write_hook();
        }
    }
}

impl Lifecycle for RouterPeer {
    type Message = RouterMessage;

    fn poll_ready(&mut self, context: &Context<'_>) -> Poll<()> {
        while let Some(port) = self.wait.congested.last() {
            if port.poll_room(context).is_pending() {
                self.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            self.wait.congested.pop();
        }
        if self.wait.until_resumed {
            ready!(self.outbound.poll_resumed(context));
            self.wait.until_resumed = false;
        }
        Poll::Ready(())
    }

    fn drained(&mut self) {
        if let Stage::Joined(realm, key) = &self.stage {
            realm.handle_room(*key);
        }
    }

    fn on_slow_consumer(&mut self) {
        log_limited!(
            warn,
            "session reads too slowly and misses events",
            peer = %self.attachment,
            session = self.session()
        );
        // The realm does not know what was dropped for want of memory.
        if let Stage::Joined(realm, key) = &self.stage {
            realm.handle_loss(*key);
        }
    }

    fn closing_message(&mut self) -> Option<RouterMessage> {
        let Stage::Joined(realm, _) = &self.stage else { return None };
        let goodbye = || RouterMessage::Goodbye(Goodbye::new(error_uri::SLOW_CONSUMER));
        realm.says_goodbye().then(goodbye)
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Joined(..))
    }

    fn closed(&mut self, reason: &CloseReason) {
        if let (Some(port), Some(waker)) = (self.wait.congested.last(), &self.waker) {
            port.stop_waiting(waker);
        }
        if let Stage::Joined(_, key) = &self.stage {
            tracing::debug!(
                session = %key.id(),
                peer = %self.attachment,
                %reason,
                "session ended"
            );
        }
        if self.lost_events > 1 {
            log_limited!(
                info,
                "events dropped",
                peer = %self.attachment,
                session = self.session(),
                events = self.lost_events
            );
        }
        self.leave();
    }
}

fn announces_features(welcome: &Welcome) -> bool {
    let some = |features: Option<Features>| features.is_some_and(|all| all != Features::NONE);
    welcome.details.roles.is_some_and(|roles| some(roles.broker) || some(roles.dealer))
}

#[cfg(test)]
mod tests;
