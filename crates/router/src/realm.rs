//! The front desk of a realm: messages come in here, answers leave through outboxes.
//!
//! A flat match without logic in its arms. Whether a request may be served is decided in these
//! rooms, everything else in broker, dealer and meta.
//!
//! | room | what it is for |
//! |---|---|
//! | `settings` | what makes a realm |
//! | `joining` | a session is opened |
//! | `leaving` | a session ends |
//! | `requests` | what requests of every kind are checked for |
//! | `calling` | CALL, CANCEL, YIELD and the ERROR of a callee |
//! | `registering` | REGISTER, UNREGISTER |
//! | `publishing` | PUBLISH |
//! | `subscribing` | SUBSCRIBE, UNSUBSCRIBE |
//!
//! Spec: basic profile "Sessions", "Protocol Errors", "Ordering Guarantees".

use cloverleaf_wamp::error::ProtocolViolation;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::RouterRoles;
use cloverleaf_wamp::message::{Abort, ClientMessage, InvocationError};

use crate::authorization::{Role, TRUSTED};
use crate::broker::{Broker, EventStore, Ticket};
use crate::closing::Closing;
use crate::deadline::Moment;
use crate::dealer::Dealer;
use crate::outbox::Outbox;
use crate::session::{SessionKey, Sessions};
use crate::wall_clock::WallClock;

mod calling;
mod joining;
mod leaving;
mod publishing;
mod registering;
mod requests;
mod settings;
mod subscribing;

pub(crate) use leaving::Departed;
pub use settings::{Random, RealmSettings};

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
            dealer: Dealer::new(settings.call_times, &queues, settings.validation.clone()),
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

    /// Ends the call behind an invocation that its callee can't be sent, as if the callee had
    /// answered so. One that this session does not have (any more) is passed over.
    pub fn fail_invocation(&mut self, callee: SessionKey, error: InvocationError) {
        self.dealer.undeliverable(&mut self.sessions, callee, error);
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
}
