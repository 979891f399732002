//! A realm under its lock, entered as the node's `RealmHost` enters it, with a meter of the lock.
//! Deadlines are compared as in the node, but no task waits for them.

use std::sync::Arc;
use std::time::Instant;

use cloverleaf_router::{
    Admitted, Delivery, Moment, Outbox, Permission, Principal, Random, Realm, RealmSettings, Role,
    SessionFlow, SessionKey,
};
use cloverleaf_transport::{OutboundSender, Pushed, WaitingMessage};
use cloverleaf_wakes::DeferredWakes;
use cloverleaf_wamp::features::{ClientRoles, Features};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::uri::UriPattern;
use parking_lot::Mutex;

use crate::meter::LatencyMeter;

/// Sessions announce no features: with progressive calls a request number could not be used twice,
/// and here the same frame is received again and again.
const PLAIN: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[])),
    subscriber: Some(Features::of(&[])),
    caller: Some(Features::of(&[])),
    callee: Some(Features::of(&[])),
};

/// The outbox of a connection's queue, as in the node.
#[derive(Debug)]
struct ContentionPort(OutboundSender<WaitingMessage>);

impl Outbox for ContentionPort {
    fn send(&self, message: RouterMessage) -> Delivery {
        match self.0.push(message.into()) {
            Pushed::Queued => Delivery::Queued,
            Pushed::AboveHighWater => Delivery::AboveHighWater,
            Pushed::Dropped => Delivery::Dropped,
            Pushed::Closed => Delivery::Closed,
        }
    }

    fn close(&self, _: cloverleaf_router::CloseCause, _: &str) {}
}

/// A realm under its lock.
#[derive(Debug)]
pub(crate) struct Host {
    state: Mutex<ContentionState>,
    start: Instant,
}

#[derive(Debug)]
struct ContentionState {
    realm: Realm<ContentionPort>,
    armed: Option<Moment>,
}

impl Host {
    /// A realm in which every session has all permissions.
    pub(crate) fn new() -> Arc<Self> {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        let settings = RealmSettings {
            roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
            ..RealmSettings::named("realm1")
        };
        let realm = Realm::new(settings, Random::new(rand::random));
        let state = Mutex::new(ContentionState { realm, armed: None });
        Arc::new(Self { state, start: Instant::now() })
    }

    /// Opens a session whose messages go into the queue.
    pub(crate) fn attach(&self, queue: OutboundSender<WaitingMessage>) -> SessionKey {
        let principal = Principal {
            authid: "peer".into(),
            authrole: "anonymous".into(),
            authmethod: "anonymous".into(),
            authprovider: "static".into(),
        };
        let admitted = Admitted::new("realm1", principal, PLAIN);
        self.state
            .lock()
            .realm
            .attach(admitted, ContentionPort(queue), Moment::default())
            .expect("the role exists")
    }

    /// Handles one message of an open session.
    ///
    /// # Panics
    /// The realm ends the session. The peers here follow the protocol.
    pub(crate) fn handle_message(
        &self,
        from: SessionKey,
        message: ClientMessage,
        meter: &mut LatencyMeter,
    ) {
        let now = Moment::after_start(self.start.elapsed());
        // A free lock is taken as by `lock`. The wait for a taken lock is timed.
        let mut state = match self.state.try_lock() {
            Some(state) => state,
            None => meter.wait(|| self.state.lock()),
        };
        let wakes = DeferredWakes::begin();
        let entered = meter.enter();
        let next = state.realm.handle_message(from, message, now);
        if let Some(deadline) = state.realm.next_deadline()
            && state.armed.is_none_or(|armed| deadline < armed)
        {
            state.armed = Some(deadline);
        }
        meter.leave(entered);
        drop(state);
        drop(wakes);
        assert_eq!(next, SessionFlow::Continue);
    }
}
