//! The entry point of a realm: messages come in here, answers leave through outboxes.
//!
//! Dispatch is a flat match without logic in its arms. The modules below check requests; broker,
//! dealer and meta serve them.
//!
//! | module | purpose |
//! |---|---|
//! | `settings` | the settings of a realm |
//! | `attach` | opens a session |
//! | `detach` | ends a session |
//! | `steps` | continues unfinished work, pauses and resumes sessions |
//! | `authorize` | parks requests that wait for the decision of an authorizer |
//! | `requests` | checks that all requests share |
//! | `calling` | CALL, CANCEL, YIELD and the ERROR of a callee |
//! | `registering` | REGISTER, UNREGISTER |
//! | `publishing` | PUBLISH |
//! | `subscribing` | SUBSCRIBE, UNSUBSCRIBE |
//! | `table_limits` | limits of the realm and its sessions |
//!
//! Spec: basic profile "Sessions", "Protocol Errors", "Ordering Guarantees".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::RouterRoles;
use cloverleaf_wamp::message::{Abort, ClientMessage, InvocationError};
use foldhash::HashMap;

use crate::authorization::{Role, TRUSTED};
use crate::broker::{Broker, EventStore, StoreTicket};
use crate::deadline::Moment;
use crate::dealer::Dealer;
use crate::jobs::Jobs;
use crate::jobs::detached_session::DetachedSession;
use crate::killed_sessions::KilledSessions;
use crate::outbox::Outbox;
use crate::parking::{Decided, Parking};
use crate::refused_pattern::RefusedPatterns;
use crate::session::{SessionCounts, SessionKey, Sessions};
use crate::wall_clock::TimeOfDay;
use crate::work::Work;

mod attach;
mod authorize;
mod calling;
mod detach;
mod publishing;
mod registering;
mod requests;
mod rules;
mod settings;
mod steps;
mod subscribing;
mod table_limits;

pub use settings::{DisclosedHeaders, Random, RealmSettings};

/// The next action of the host on a connection, after a message of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum SessionFlow {
    /// It reads the next message.
    Continue,
    /// It pauses reading until the conditions of [`Realm::take_wait`] are met: room in the outboxes
    /// of subscribers, and that the session's own outbox was [resumed](Outbox::resume).
    Wait,
    /// The session has ended with GOODBYE; the connection may open another one.
    Left,
    /// The session was aborted: the host sends what is queued, then closes the connection.
    Close,
}

/// One realm: its sessions, its broker and its dealer.
#[derive(Debug)]
pub struct Realm<O> {
    pub(crate) settings: RealmSettings,
    announced: RouterRoles,
    pub(crate) clock: TimeOfDay,
    pub(crate) sessions: Sessions<O>,
    pub(crate) killed: KilledSessions<O>,
    pub(crate) broker: Broker,
    pub(crate) dealer: Dealer,
    pub(crate) random: Random,
    pub(crate) jobs: Jobs,
    /// Detached sessions that wait until their publications have been sent.
    pub(crate) waiting_detached: HashMap<SessionKey, Box<DetachedSession>>,
    /// Bytes of the testaments of all sessions, detached ones included.
    pub(crate) testament_bytes: usize,
    /// Sessions that have ended and are still in tables, or have publications that are not sent.
    detached: usize,
    /// The work that is left in the step.
    pub(crate) work: Work,
    /// The session whose message is being handled has to pause.
    must_wait: bool,
    /// The authorizer, if there is one, and the messages that wait for it.
    parking: Option<Box<Parking>>,
    pub(crate) refused_patterns: RefusedPatterns,
    /// Meta events dropped since the host last took their number.
    pub(crate) dropped_meta_events: u64,
    /// The router is shutting down: no session is opened any more.
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
        let parking = settings.authorizer.take().map(|found| Box::new(Parking::new(found)));
        let queues = std::mem::take(&mut settings.call_queues);
        let mut clock = std::mem::take(&mut settings.time_of_day);
        let mut realm = Self {
            announced,
            sessions: Sessions::default(),
            killed: KilledSessions::default(),
            broker: Broker::new(clock.now(), settings.retention, &histories, store),
            dealer: Dealer::new(
                settings.call_times,
                &queues,
                settings.validation.clone(),
                settings.compatibility,
            ),
            clock,
            settings,
            random,
            jobs: Jobs::default(),
            waiting_detached: HashMap::default(),
            testament_bytes: 0,
            detached: 0,
            work: Work::step(),
            must_wait: false,
            parking,
            refused_patterns: RefusedPatterns::default(),
            dropped_meta_events: 0,
            closed: false,
        };
        realm.apply_limits();
        realm
    }

    /// The realm's name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// The number of open sessions.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// The number of open sessions, all and internal ones.
    pub fn session_counts(&self) -> SessionCounts {
        self.sessions.counts()
    }

    /// Whether a session is open.
    pub fn has_session(&self, key: SessionKey) -> bool {
        self.sessions.at(key).is_some()
    }

    /// Whether no table keeps an entry of any session. For tests, after all sessions have ended.
    #[doc(hidden)]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
            && self.killed.is_empty()
            && self.broker.is_empty()
            && self.dealer.is_empty()
            && self.jobs.is_empty()
            && self.waiting_detached.is_empty()
            && self.testament_bytes == 0
            && self.detached == 0
            && self.parking.as_ref().is_none_or(|parking| parking.is_empty())
    }

    /// Whether no publication waits for the acknowledgement of a receiver. For tests, while
    /// sessions are open.
    #[doc(hidden)]
    pub fn is_acknowledged(&self) -> bool {
        self.sessions.iter().all(|session| session.broker.is_acknowledged())
    }

    /// The number of calls that are not answered.
    pub fn calls_in_flight(&self) -> usize {
        let parked = self.parking.as_ref().map_or(0, |parking| parking.calls());
        self.dealer.calls_in_flight() + self.jobs.calls() + parked
    }

    /// Handles one message of an open session.
    pub fn handle_message(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        now: Moment,
    ) -> SessionFlow {
        self.work = Work::message();
        let Some(session) = self.sessions.at(from) else {
            return self.handle_late_message(from, &message);
        };
        if session.is_closing && !matches!(message, ClientMessage::Goodbye(_)) {
            return SessionFlow::Continue;
        }
        if self.parking.is_some() {
            return self.authorize_first(from, message, now);
        }
        if self.settings.strict_request_ids && !self.is_next_request(from, &message) {
            return self.violate(from, &ProtocolViolation::RequestIdOutOfOrder, now);
        }
        self.handle(from, message, None, now)
    }

    /// [`Self::handle`] where speed matters less than the size of the code.
    #[inline(never)]
    fn handle_in_order(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        decided: Option<&Decided>,
        now: Moment,
    ) -> SessionFlow {
        self.handle(from, message, decided, now)
    }

    /// Handles a message that waits for no decision and whose request id is in order. Inlined, so
    /// that a message is not copied once more on its way.
    #[inline(always)]
    fn handle(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        decided: Option<&Decided>,
        now: Moment,
    ) -> SessionFlow {
        let handled = self.dispatch(from, message, decided, now);
        self.work.spend(self.dealer.take_work());
        if self.dealer.has_waiting_work() {
            self.dealer.continue_waiting(&mut self.sessions, &mut self.work);
        }
        match handled {
            Ok(None) if self.broker.backpressure.is_none() && !self.must_wait => {
                SessionFlow::Continue
            }
            Ok(None) => self.flow_after_backlog(from, now),
            Ok(Some(flow)) => flow,
            Err(violation) => self.violate(from, &violation, now),
        }
    }

    /// Aborts a session for a protocol violation.
    #[cold]
    fn violate(
        &mut self,
        from: SessionKey,
        violation: &ProtocolViolation,
        now: Moment,
    ) -> SessionFlow {
        self.abort(from, Abort::new(error_uri::PROTOCOL_VIOLATION, violation.to_string()), now);
        SessionFlow::Close
    }

    /// Gives a message to the function for its kind. `decided` is the outcome of the authorizer, if
    /// it was asked. Returns the flow where the message ends the session.
    #[inline(always)]
    fn dispatch(
        &mut self,
        from: SessionKey,
        message: ClientMessage,
        decided: Option<&Decided>,
        now: Moment,
    ) -> Result<Option<SessionFlow>, ProtocolViolation> {
        match message {
            ClientMessage::Call(call) => self.call(from, call, decided, now)?,
            ClientMessage::Yield(answer) => self.yielded(from, answer, now)?,
            ClientMessage::Error(error) => self.failed(from, error)?,
            ClientMessage::Publish(publish) => self.publish(from, publish, decided, now)?,
            ClientMessage::Cancel(cancel) => self.cancel(from, &cancel),
            ClientMessage::Register(register) => self.register(from, &register, decided, now),
            ClientMessage::Unregister(unregister) => self.unregister(from, &unregister, now),
            ClientMessage::Subscribe(subscribe) => self.subscribe(from, &subscribe, decided, now),
            ClientMessage::Unsubscribe(unsubscribe) => self.unsubscribe(from, &unsubscribe, now),
            ClientMessage::EventReceived(publication) => {
                self.broker.acknowledged(&mut self.sessions, from, publication);
            }
            ClientMessage::Goodbye(_) => return Ok(Some(self.goodbye(from, now))),
            ClientMessage::Abort(_) => {
                self.end_session(from, now);
                return Ok(Some(SessionFlow::Close));
            }
            ClientMessage::Hello(_) => return Err(ProtocolViolation::SecondHello),
            ClientMessage::Authenticate(_) => {
                return Err(ProtocolViolation::Unexpected("AUTHENTICATE"));
            }
        }
        Ok(None)
    }

    /// The flow of a session while subscribers do not keep up, which is published, or while its own
    /// requests are not done.
    #[cold]
    fn flow_after_backlog(&mut self, from: SessionKey, now: Moment) -> SessionFlow {
        self.publish_slow_consumers(now);
        let must_wait = std::mem::take(&mut self.must_wait);
        if must_wait || self.broker.backpressure.makes_wait_for(from) {
            SessionFlow::Wait
        } else {
            SessionFlow::Continue
        }
    }

    /// Ends the call of an invocation that the host can't send to its callee, as if the callee had
    /// answered so. An invocation that the callee does not have (any more) is ignored.
    pub fn fail_invocation(&mut self, callee: SessionKey, error: InvocationError) {
        self.dealer.undeliverable(&mut self.sessions, callee, error);
    }

    /// The earliest moment at which [`Realm::handle_timeout`] has work to do.
    pub fn next_deadline(&self) -> Option<Moment> {
        let deadlines = [
            self.dealer.next_deadline(),
            self.broker.next_deadline(),
            self.killed.next_deadline(),
            self.parking.as_ref().and_then(|parking| parking.next_deadline()),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Handles deadlines that are over: of calls, acknowledgements, killed sessions and questions
    /// to the authorizer. Does one step; deadlines that are left are still in the past.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.work = Work::step();
        self.dealer.handle_timeout(&mut self.sessions, now, &mut self.work);
        self.broker.handle_timeout(&mut self.sessions, now, &mut self.work);
        self.killed.handle_timeout(now, &mut self.work);
        self.end_due_questions(now);
    }

    /// Answers open calls with ERROR because the router shuts down, for one step. Returns whether
    /// there are more.
    pub fn end_calls(&mut self, now: Moment) -> bool {
        self.work = Work::step();
        let has_parked = self.end_parked(now);
        self.dealer.end_calls(&mut self.sessions, &mut self.work) || has_parked
    }

    /// Takes the event store out; nothing is stored any more. The host drops it without any lock
    /// that [`Realm::stored`] needs.
    pub fn stop_storing(&mut self) -> Option<Box<dyn EventStore>> {
        self.broker.stop_storing()
    }

    /// The event store has stored, or lost for a reason, everything up to a ticket.
    pub fn stored(&mut self, up_to: StoreTicket, outcome: Result<(), &str>) {
        self.broker.stored(&mut self.sessions, up_to, outcome);
    }
}
