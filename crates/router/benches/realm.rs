//! What one call through a realm costs, and what the host's lock adds: alone, and with two threads
//! at the same realm. `cargo bench -p cloverleaf-router`.
//!
//! A plain program: it prints nanoseconds for each call (CALL, INVOCATION, YIELD, RESULT), the
//! median of several rounds.

use std::cell::Cell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cloverleaf_router::{
    Admitted, CloseCause, Delivery, Moment, Outbox, Permission, Principal, Random, Realm,
    RealmSettings, Role, SessionKey,
};
use cloverleaf_wamp::features::CLIENT;
use cloverleaf_wamp::ids::{InvocationId, RequestId};
use cloverleaf_wamp::message::{
    Call, CallOptions, ClientMessage, Register, RegisterOptions, RouterMessage, Yield, YieldOptions,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriPattern;
use parking_lot::Mutex;

const CALLS: u64 = 200_000;
const ROUNDS: usize = 7;

/// Takes everything and keeps nothing.
struct Nowhere;

impl Outbox for Nowhere {
    fn send(&self, message: RouterMessage) -> Delivery {
        drop(message);
        Delivery::Queued
    }

    fn close(&self, _: CloseCause, _: &str) {}
}

/// A caller and a callee of one procedure.
struct Pair {
    caller: SessionKey,
    callee: SessionKey,
    procedure: String,
    payload: Payload,
    calls: Cell<u64>,
}

fn realm() -> Realm<Nowhere> {
    let everything = UriPattern::from_starred("*").expect("a pattern");
    let mut bits = 0_u64;
    let random = Random::new(move || {
        bits += 1;
        bits
    });
    let settings = RealmSettings {
        roles: vec![Role::new("anonymous", [(everything, Permission::ALL)])],
        ..RealmSettings::named("realm1")
    };
    Realm::new(settings, random)
}

fn join(realm: &mut Realm<Nowhere>, name: &str) -> SessionKey {
    let principal = Principal {
        authid: name.into(),
        authrole: "anonymous".into(),
        authmethod: "anonymous".into(),
        authprovider: "static".into(),
    };
    let admitted = Admitted::new("realm1", principal, CLIENT);
    realm.attach(admitted, Nowhere, Moment::default()).expect("the role exists")
}

impl Pair {
    fn new(realm: &mut Realm<Nowhere>, procedure: &str) -> Self {
        let (caller, callee) = (join(realm, "caller"), join(realm, "callee"));
        let register = Register {
            request: RequestId::new(1).expect("an id"),
            options: RegisterOptions::default(),
            procedure: procedure.into(),
        };
        let _ = realm.handle_message(callee, ClientMessage::Register(register), Moment::default());
        let payload = Payload::from_args(Serializer::Json, &(2, 3)).expect("a payload");
        Self { caller, callee, procedure: procedure.to_owned(), payload, calls: Cell::new(0) }
    }

    fn next(&self) -> u64 {
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }

    fn call(&self, number: u64) -> ClientMessage {
        ClientMessage::Call(Call {
            request: RequestId::new(number).expect("an id"),
            options: CallOptions::default(),
            procedure: self.procedure.as_str().into(),
            payload: self.payload.clone(),
        })
    }

    fn answer(&self, number: u64) -> ClientMessage {
        ClientMessage::Yield(Yield {
            request: InvocationId::new(number).expect("an id"),
            options: YieldOptions::default(),
            payload: self.payload.clone(),
        })
    }
}

fn without_lock() -> Duration {
    let mut realm = realm();
    let pair = Pair::new(&mut realm, "com.example.add2");
    let start = Instant::now();
    for _ in 0..CALLS {
        let number = pair.next();
        let _ = realm.handle_message(pair.caller, pair.call(number), Moment::default());
        let _ = realm.handle_message(pair.callee, pair.answer(number), Moment::default());
    }
    start.elapsed()
}

fn with_lock(threads: usize) -> Duration {
    let mut realm = realm();
    let pairs: Vec<Pair> =
        (0..threads).map(|n| Pair::new(&mut realm, &format!("com.example.add{n}"))).collect();
    let realm = Arc::new(Mutex::new(realm));
    let start = Instant::now();
    thread::scope(|scope| {
        for pair in pairs {
            let realm = Arc::clone(&realm);
            scope.spawn(move || {
                for _ in 0..CALLS {
                    let number = pair.next();
                    let (call, answer) = (pair.call(number), pair.answer(number));
                    let _ = realm.lock().handle_message(pair.caller, call, Moment::default());
                    let _ = realm.lock().handle_message(pair.callee, answer, Moment::default());
                }
            });
        }
    });
    start.elapsed()
}

fn report(what: &str, calls: u64, measure: impl Fn() -> Duration) {
    let mut rounds: Vec<f64> =
        (0..ROUNDS).map(|_| measure().as_secs_f64() * 1e9 / calls as f64).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<40} {:>8.0} ns a call", rounds[ROUNDS / 2]);
}

fn main() {
    report("one call, no lock", CALLS, without_lock);
    report("one call, under the lock", CALLS, || with_lock(1));
    report("two threads, one realm", 2 * CALLS, || with_lock(2));
}
