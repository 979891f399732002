//! A realm under its lock, entered as the node's `RealmHost` enters it, and a measure of the lock.
//! The deadlines are compared as there; nobody waits for them here.

use std::sync::Arc;
use std::time::Instant;

use cloverleaf_router::{
    Admitted, Delivery, Moment, Outbox, Permission, Principal, Random, Realm, RealmSettings, Role,
    SessionFlow, SessionKey,
};
use cloverleaf_transport::{Outbound, Pushed, WaitingMessage};
use cloverleaf_wakes::Later;
use cloverleaf_wamp::features::{ClientRoles, Features};
use cloverleaf_wamp::message::{ClientMessage, RouterMessage};
use cloverleaf_wamp::uri::UriPattern;
use parking_lot::Mutex;

use crate::meter::Meter;

/// Sessions that announce no features: whoever calls in parts can't use a number twice, and the
/// same frame is received over and over here.
const PLAIN: ClientRoles = ClientRoles {
    publisher: Some(Features::of(&[])),
    subscriber: Some(Features::of(&[])),
    caller: Some(Features::of(&[])),
    callee: Some(Features::of(&[])),
};

/// The way to one connection's queue: the node's own.
#[derive(Debug)]
struct Port(Outbound<WaitingMessage>);

impl Outbox for Port {
    fn send(&self, message: RouterMessage) -> Delivery {
        match self.0.push(message.into()) {
            Pushed::Queued => Delivery::Queued,
            Pushed::Crowded => Delivery::AboveHighWater,
            Pushed::Congested => Delivery::Dropped,
            Pushed::Gone => Delivery::Closed,
        }
    }

    fn close(&self, _: cloverleaf_router::CloseCause, _: &str) {}
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Host {
    state: Mutex<State>,
    start: Instant,
}

#[derive(Debug)]
struct State {
    realm: Realm<Port>,
    armed: Option<Moment>,
}

impl Host {
    /// A realm in which everybody may do everything.
    pub(crate) fn new() -> Arc<Self> {
        let everything = UriPattern::from_starred("*").expect("a pattern");
        let settings = RealmSettings {
            roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
            ..RealmSettings::named("realm1")
        };
        let realm = Realm::new(settings, Random::new(rand::random));
        let state = Mutex::new(State { realm, armed: None });
        Arc::new(Self { state, start: Instant::now() })
    }

    /// Opens a session whose messages go into the queue.
    pub(crate) fn attach(&self, queue: Outbound<WaitingMessage>) -> SessionKey {
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
            .attach(admitted, Port(queue), Moment::default())
            .expect("the role exists")
    }

    /// Handles one message of an open session.
    ///
    /// # Panics
    /// When the realm ends the session for it: the peers here keep to the protocol.
    pub(crate) fn handle_message(
        &self,
        from: SessionKey,
        message: ClientMessage,
        meter: &mut Meter,
    ) {
        let now = Moment::after_start(self.start.elapsed());
        // A lock that is free is taken as by `lock`; who finds it taken looks at the clock first.
        let mut state = match self.state.try_lock() {
            Some(state) => state,
            None => meter.wait(|| self.state.lock()),
        };
        let wakes = Later::begin();
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
