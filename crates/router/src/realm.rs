//! The front desk of a realm: messages come in here, answers leave through outboxes.
//!
//! A flat match without logic in its arms. What all requests are checked for (reserved URIs, the
//! URI rule, authorization, disclosure) is in `requests`, everything else in broker, dealer and
//! meta. Spec: basic profile "Sessions", "Protocol Errors", "Ordering Guarantees".

use std::cell::Cell;
use std::fmt;

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features, ROUTER, ROUTER_META_API, RouterRoles};
use cloverleaf_wamp::ids::SessionId;
use cloverleaf_wamp::message::{
    Abort, ClientMessage, Goodbye, InvocationError, RouterMessage, Welcome, WelcomeDetails,
};
use cloverleaf_wamp::uri::UriRule;
use compact_str::CompactString;

use crate::admission::{Admitted, Refusal};
use crate::authorization::{Role, TRUSTED};
use crate::broker::{self, Broker, EventStore, HistorySettings, RetentionSettings, Ticket};
use crate::closing::Closing;
use crate::deadline::Moment;
use crate::dealer::{self, CallQueue, CallTimes, Dealer};
use crate::limits::MAX_SESSIONS;
use crate::outbox::Outbox;
use crate::session::{Principal, Session, SessionKey, Sessions};
use crate::wall_clock::{Timestamp, WallClock};

mod requests;

/// A source of random bits, given by the host.
pub struct Random(Box<dyn FnMut() -> u64 + Send>);

impl Random {
    /// Takes a function that returns 64 random bits at each call.
    pub fn new(bits: impl FnMut() -> u64 + Send + 'static) -> Self {
        Self(Box::new(bits))
    }

    pub(crate) fn bits(&mut self) -> u64 {
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
    /// Whether the numbers of requests must follow each other.
    pub strict_request_ids: bool,
    /// Its roles. A role named `trusted` is built in unless given here.
    pub roles: Vec<Role>,
    /// What it calls itself in WELCOME, such as `Cloverleaf-0.1.0`; none to say nothing.
    pub agent: Option<CompactString>,
    /// Whether it tells of itself: `wamp.session.*`, `wamp.registration.*`, `wamp.subscription.*`.
    pub meta_api: bool,
    /// How long calls may take.
    pub call_times: CallTimes,
    /// Calls that may wait for a callee to be free.
    pub call_queues: Vec<CallQueue>,
    /// How many events are kept for later subscribers.
    pub retention: RetentionSettings,
    /// Events that are kept to be asked for.
    pub histories: Vec<HistorySettings>,
    /// Where these outlive the realm, if they do.
    pub event_store: Option<Box<dyn EventStore>>,
    /// What time of day it was at the first moment.
    pub started_at: Timestamp,
}

impl RealmSettings {
    /// A realm of this name without roles, with everything else as it is without a configuration.
    pub fn named(name: impl Into<CompactString>) -> Self {
        Self {
            name: name.into(),
            uri_rule: UriRule::Loose,
            strict_request_ids: false,
            roles: Vec::new(),
            agent: None,
            meta_api: true,
            call_times: CallTimes::default(),
            call_queues: Vec::new(),
            retention: RetentionSettings::default(),
            histories: Vec::new(),
            event_store: None,
            started_at: Timestamp::default(),
        }
    }

    /// What WELCOME announces.
    fn announced(&self) -> RouterRoles {
        let roles = if self.meta_api { ROUTER.with(ROUTER_META_API) } else { ROUTER };
        if self.histories.is_empty() || !self.meta_api {
            return roles;
        }
        let history = Features::of(&[Feature::EventHistory]);
        roles.with(RouterRoles { broker: Some(history), dealer: None })
    }
}

/// What the host does with the connection after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Go on reading.
    Continue,
    /// Read on when there is room in the outboxes that [`Realm::take_crowded`] names.
    Wait,
    /// The session has ended in peace; the connection may open another one.
    Left,
    /// The session was aborted: send what is queued, then close.
    Close,
}

/// A session that was taken out of every table, and what has changed by that.
#[derive(Debug)]
pub(crate) struct Departed<O> {
    pub(crate) session: Session<O>,
    pub(crate) unsubscribed: Vec<broker::Change>,
    pub(crate) unregistered: Vec<dealer::Change>,
}

/// One realm: its sessions, its broker and its dealer.
#[derive(Debug)]
pub struct Realm<O> {
    pub(crate) settings: RealmSettings,
    announced: RouterRoles,
    pub(crate) clock: WallClock,
    pub(crate) sessions: Sessions<O>,
    pub(crate) closing: Closing<O>,
    pub(crate) broker: Broker,
    pub(crate) dealer: Dealer,
    pub(crate) random: Random,
    /// Everybody was said GOODBYE to, and nobody comes in any more.
    closed: bool,
}

impl<O: Outbox> Realm<O> {
    /// An empty realm.
    pub fn new(mut settings: RealmSettings, random: Random) -> Self {
        if !settings.roles.iter().any(|role| role.name() == TRUSTED) {
            settings.roles.push(Role::trusted());
        }
        let announced = settings.announced();
        let histories = std::mem::take(&mut settings.histories);
        let store = settings.event_store.take();
        let queues = std::mem::take(&mut settings.call_queues);
        let clock = WallClock::started_at(settings.started_at);
        Self {
            announced,
            clock,
            sessions: Sessions::default(),
            closing: Closing::default(),
            broker: Broker::new(clock, settings.retention, histories, store),
            dealer: Dealer::new(settings.call_times, &queues),
            settings,
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
        self.sessions.is_empty()
            && self.closing.is_empty()
            && self.broker.is_empty()
            && self.dealer.is_empty()
    }

    /// Whether nobody waits for an acknowledgement, and nobody owes one; what tests ask while all
    /// are there.
    #[doc(hidden)]
    pub fn is_acknowledged(&self) -> bool {
        self.sessions.iter().all(|session| session.broker.is_acknowledged())
    }

    /// How many calls are not answered.
    pub fn calls_in_flight(&self) -> usize {
        self.dealer.calls_in_flight()
    }

    /// Opens a session and sends WELCOME. The host detaches it when its connection ends, unless
    /// [`Next`] has said that it is over.
    pub fn attach(
        &mut self,
        admitted: Admitted,
        outbox: O,
        now: Moment,
    ) -> Result<SessionKey, Refusal> {
        let Admitted { realm, principal, roles, transport, is_own } = admitted;
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
        let key = self.sessions.insert(id, |key| Session {
            key,
            principal,
            roles,
            role,
            transport,
            is_own,
            outbox,
            leaving: false,
            broker: Default::default(),
            dealer: Default::default(),
            testaments: None,
            is_slow: Cell::new(false),
            last_request: 0,
        });
        self.tell_joined(key, now);
        Ok(key)
    }

    fn fresh_session_id(&mut self) -> SessionId {
        loop {
            let id = SessionId::from_random(self.random.bits());
            // WELCOME is where a peer of the wrong format must find out (docs/decisions/ubjson.md).
            if id.shows_byte_order() && !self.sessions.has_id(id) {
                return id;
            }
        }
    }

    fn welcome(&self, session: SessionId, principal: &Principal) -> Welcome {
        let details = WelcomeDetails {
            roles: Some(self.announced),
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

    /// Takes everything away that a session held; its callers and callees hear of it, and what it
    /// left behind to be said is published. A session that is gone already is passed over.
    ///
    /// Spec: basic profile "Caller Leaving During an RPC Invocation", "Callee Leaving During an RPC
    /// Invocation".
    pub fn detach(&mut self, key: SessionKey, now: Moment) {
        self.closing.end(key);
        if let Some(mut departed) = self.take_out(key) {
            self.tell_departed(&mut departed, now);
        }
    }

    /// Takes a session out of every table.
    pub(crate) fn take_out(&mut self, key: SessionKey) -> Option<Departed<O>> {
        let session = self.sessions.remove(key)?;
        let unsubscribed = self.broker.detach(&mut self.sessions, key, &session.broker);
        let unregistered = self.dealer.detach(&mut self.sessions, &session);
        Some(Departed { session, unsubscribed, unregistered })
    }

    /// Handles one message of an open session at the time `now`.
    pub fn handle_message(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        now: Moment,
    ) -> Next {
        let Some(session) = self.sessions.at(from) else { return self.late(from, &message) };
        if session.leaving && !matches!(message, ClientMessage::Goodbye(_)) {
            return Next::Continue;
        }
        let handled = match message {
            _ if self.settings.strict_request_ids && !self.follows(from, &message) => {
                Err(ProtocolViolation::RequestIdOutOfOrder)
            }
            ClientMessage::Call(call) => self.call(from, call, now),
            ClientMessage::Yield(answer) => self.yielded(from, answer, now),
            ClientMessage::Error(error) => self.failed(from, error),
            ClientMessage::Publish(publish) => self.publish(from, &publish, now),
            ClientMessage::Cancel(cancel) => {
                self.cancel(from, &cancel);
                Ok(())
            }
            ClientMessage::Register(register) => {
                self.register(from, &register, now);
                Ok(())
            }
            ClientMessage::Unregister(unregister) => {
                self.unregister(from, &unregister, now);
                Ok(())
            }
            ClientMessage::Subscribe(subscribe) => {
                self.subscribe(from, &subscribe, now);
                Ok(())
            }
            ClientMessage::Unsubscribe(unsubscribe) => {
                self.unsubscribe(from, &unsubscribe, now);
                Ok(())
            }
            ClientMessage::EventReceived(publication) => {
                self.broker.acknowledged(&mut self.sessions, from, publication);
                Ok(())
            }
            ClientMessage::Goodbye(_) => return self.goodbye(from, now),
            ClientMessage::Abort(_) => {
                self.detach(from, now);
                return Next::Close;
            }
            ClientMessage::Hello(_) => Err(ProtocolViolation::SecondHello),
            ClientMessage::Authenticate(_) => Err(ProtocolViolation::Unexpected("AUTHENTICATE")),
        };
        match handled {
            Ok(()) if self.broker.pressure.is_none() => Next::Continue,
            Ok(()) => self.behind(now),
            Err(violation) => {
                let text = violation.to_string();
                self.abort(from, Abort::new(error_uri::PROTOCOL_VIOLATION, text), now);
                Next::Close
            }
        }
    }

    /// Subscribers do not keep up: that is told, and the publisher may have to wait.
    #[cold]
    fn behind(&mut self, now: Moment) -> Next {
        self.tell_slow(now);
        if self.broker.pressure.makes_wait() { Next::Wait } else { Next::Continue }
    }

    /// The outboxes that a session has published to and that have no room for more.
    pub fn take_crowded(&mut self, publisher: SessionKey) -> Vec<&O> {
        self.broker.pressure.take_crowded(publisher, &self.sessions)
    }

    /// A message of a session that is over: the router said GOODBYE, and the client answers or has
    /// not heard it yet.
    fn late(&mut self, from: SessionKey, message: &ClientMessage) -> Next {
        match message {
            _ if !self.closing.has(from) => Next::Close,
            ClientMessage::Goodbye(_) => {
                self.closing.end(from);
                Next::Left
            }
            ClientMessage::Abort(_) => {
                self.closing.end(from);
                Next::Close
            }
            _ => Next::Continue,
        }
    }

    /// Ends the call behind an invocation that its callee can't be sent, as if the callee had
    /// answered so. One that this session does not have (any more) is passed over.
    pub fn fail_invocation(&mut self, callee: SessionKey, error: InvocationError) {
        self.dealer.undeliverable(&mut self.sessions, callee, error);
    }

    /// Ends a session with ABORT; one that was said GOODBYE to ends in silence.
    pub fn abort(&mut self, key: SessionKey, abort: Abort, now: Moment) {
        if let Some(session) = self.sessions.at(key)
            && !session.leaving
        {
            let _ = session.outbox.send(RouterMessage::Abort(abort));
        }
        self.detach(key, now);
    }

    /// The earliest moment at which [`Realm::handle_timeout`] has something to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let deadlines = [
            self.dealer.next_deadline(),
            self.broker.next_deadline(),
            self.closing.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Ends what has waited for too long: calls, acknowledgements, killed sessions.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.dealer.handle_timeout(&mut self.sessions, now);
        self.broker.handle_timeout(&mut self.sessions, now);
        self.closing.handle_timeout(now);
    }

    /// Gives the event store back; nothing is kept for good any more. The host drops it without any
    /// lock that [`Realm::stored`] needs.
    pub fn stop_keeping(&mut self) -> Option<Box<dyn EventStore>> {
        self.broker.stop_keeping()
    }

    /// Everything that the event store was given up to a ticket is safe, or is lost for a reason.
    pub fn stored(&mut self, up_to: Ticket, outcome: Result<(), &str>) {
        self.broker.stored(&mut self.sessions, up_to, outcome);
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
    fn goodbye(&mut self, from: SessionKey, now: Moment) -> Next {
        if let Some(session) = self.sessions.at(from)
            && !session.leaving
        {
            let answer = Goodbye::new(error_uri::GOODBYE_AND_OUT);
            let _ = session.outbox.send(RouterMessage::Goodbye(answer));
        }
        self.detach(from, now);
        Next::Left
    }
}
