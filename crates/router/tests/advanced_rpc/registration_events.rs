//! Meta events about registrations, in the order of the specification.
//!
//! Spec: advanced profile "Registration Meta API".

use cloverleaf_testkit::messages::{NOTHING, args, client};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{InvokePolicy, RegisterOptions, RouterMessage};
use cloverleaf_wamp::uri::MatchPolicy;
use serde_json::{Value, json};

use crate::fixture::{join, millis, shared};

/// A realm with a subscriber of all these events, and callees.
struct Watched {
    lab: Lab,
    listener: Peer,
    callees: [Peer; 2],
}

impl Watched {
    fn new() -> Self {
        let mut lab = Lab::new();
        let listener = lab.join("listener");
        for (number, topic) in (1..).zip(["on_create", "on_register", "on_unregister", "on_delete"])
        {
            lab.send(listener, client::subscribe(number, &format!("wamp.registration.{topic}")));
        }
        lab.received(listener);
        let callees = join(&mut lab, ["a", "b"]);
        Self { lab, listener, callees }
    }

    /// The names and arguments of the events since the last call.
    fn heard(&mut self) -> Value {
        let names = ["on_create", "on_register", "on_unregister", "on_delete"];
        let heard = |message| match message {
            RouterMessage::Event(event) => {
                let name = names[event.subscription.number() as usize - 1];
                assert_eq!(*event.details, Default::default());
                assert_eq!(event.payload.kwargs(), None);
                let [session, what] = event.payload.decode_args::<[Value; 2]>().unwrap();
                json!([name, session, what])
            }
            other => panic!("an EVENT, not {other:?}"),
        };
        self.lab.received(self.listener).into_iter().map(heard).collect()
    }

    fn id(&self, peer: Peer) -> u64 {
        self.lab.id(peer).number()
    }

    fn register(&mut self, callee: Peer, number: u64, options: RegisterOptions, uri: &str) {
        self.lab.send(callee, client::register_with(number, options, uri));
    }
}

fn created(id: u64, uri: &str, policy: &str, invoke: &str) -> Value {
    let created = "2026-01-01T00:00:02.000Z";
    json!({"id": id, "created": created, "uri": uri, "match": policy, "invoke": invoke})
}

#[test]
fn the_first_callee_creates_a_registration_and_the_last_one_deletes_it() {
    let mut watched = Watched::new();
    let [a, b] = watched.callees;
    let (a_id, b_id) = (watched.id(a), watched.id(b));
    watched.lab.pass(millis(2_000));
    watched.register(a, 1, shared(InvokePolicy::RoundRobin), "com.add");
    let details = created(1, "com.add", "exact", "roundrobin");
    let told = json!([["on_create", a_id, details], ["on_register", a_id, 1]]);
    assert_eq!(watched.heard(), told);
    watched.register(b, 1, shared(InvokePolicy::RoundRobin), "com.add");
    assert_eq!(watched.heard(), json!([["on_register", b_id, 1]]));
    watched.lab.send(a, client::unregister(2, 1));
    assert_eq!(watched.heard(), json!([["on_unregister", a_id, 1]]));
    watched.lab.send(b, client::unregister(2, 1));
    let told = json!([["on_unregister", b_id, 1], ["on_delete", b_id, 1]]);
    assert_eq!(watched.heard(), told);
}

#[test]
fn on_create_has_the_pattern_and_its_policy() {
    let mut watched = Watched::new();
    let [a, _] = watched.callees;
    let a_id = watched.id(a);
    watched.lab.pass(millis(2_000));
    for (number, (policy, uri, name)) in (1..).zip([
        (MatchPolicy::Prefix, "com.", "prefix"),
        (MatchPolicy::Wildcard, "com..x", "wildcard"),
    ]) {
        watched.lab.send(a, client::register_pattern(number, policy, uri));
        let details = created(number, uri, name, "single");
        let told = json!([["on_create", a_id, details], ["on_register", a_id, number]]);
        assert_eq!(watched.heard(), told);
    }
}

#[test]
fn registering_again_publishes_no_meta_event() {
    let mut watched = Watched::new();
    let [a, b] = watched.callees;
    watched.register(a, 1, shared(InvokePolicy::First), "com.add");
    watched.heard();
    watched.register(a, 2, shared(InvokePolicy::First), "com.add");
    watched.register(b, 1, RegisterOptions::default(), "com.add");
    watched.register(b, 2, RegisterOptions { concurrency: Some(0), ..Default::default() }, "com.b");
    watched.register(b, 3, RegisterOptions::default(), "com..b");
    watched.register(b, 4, RegisterOptions::default(), "wamp.b");
    watched.lab.send(b, client::unregister(5, 1));
    watched.lab.send(b, client::unregister(6, 99));
    assert_eq!(watched.heard(), json!([]));
}

#[test]
fn callee_that_leaves_publishes_the_end_of_every_registration() {
    for how in 0..3 {
        let mut watched = Watched::new();
        let [a, b] = watched.callees;
        let a_id = watched.id(a);
        watched.register(a, 1, RegisterOptions::default(), "com.one");
        for callee in [a, b] {
            watched.register(callee, 2, shared(InvokePolicy::First), "com.both");
        }
        watched.register(a, 3, RegisterOptions::default(), "com.three");
        watched.heard();
        match how {
            0 => watched.lab.disconnect(a),
            1 => drop(watched.lab.submit(a, client::goodbye(error_uri::CLOSE_NORMAL))),
            _ => drop(watched.lab.submit(a, client::hello())),
        }
        let told = json!([
            ["on_unregister", a_id, 1],
            ["on_delete", a_id, 1],
            ["on_unregister", a_id, 2],
            ["on_unregister", a_id, 3],
            ["on_delete", a_id, 3],
        ]);
        assert_eq!(watched.heard(), told);
    }
}

#[test]
fn taking_a_procedure_over_ends_one_registration_and_begins_another() {
    let mut watched = Watched::new();
    let [a, b] = watched.callees;
    let [late] = join(&mut watched.lab, ["late"]);
    let ids = [a, b, late].map(|peer| watched.id(peer));
    for callee in [a, b] {
        watched.register(callee, 1, shared(InvokePolicy::First), "com.add");
    }
    watched.heard();
    watched.lab.pass(millis(2_000));
    let force = RegisterOptions { force_reregister: Some(true), ..RegisterOptions::default() };
    watched.register(late, 1, force, "com.add");
    let told = json!([
        ["on_unregister", ids[0], 1],
        ["on_unregister", ids[1], 1],
        ["on_delete", ids[1], 1],
        ["on_create", ids[2], created(2, "com.add", "exact", "single")],
        ["on_register", ids[2], 2],
    ]);
    assert_eq!(watched.heard(), told);
}

#[test]
fn removed_callee_publishes_the_events_of_unregister() {
    let mut watched = Watched::new();
    let [a, b] = watched.callees;
    let (a_id, b_id) = (watched.id(a), watched.id(b));
    for callee in [a, b] {
        watched.register(callee, 1, shared(InvokePolicy::First), "com.add");
    }
    watched.heard();
    for (number, session) in [(2, a_id), (3, b_id)] {
        let arguments = args((1, session));
        watched.lab.send(b, client::call(number, "wamp.registration.remove_callee", arguments));
    }
    let told =
        json!([["on_unregister", a_id, 1], ["on_unregister", b_id, 1], ["on_delete", b_id, 1],]);
    assert_eq!(watched.heard(), told);
}

#[test]
fn registered_comes_before_the_meta_event() {
    let mut lab = Lab::new();
    let [a] = join(&mut lab, ["a"]);
    lab.send(a, client::subscribe_pattern(1, MatchPolicy::Prefix, "wamp.registration."));
    lab.received(a);
    lab.send(a, client::register(2, "com.add"));
    lab.send(a, client::call(3, "com.add", NOTHING));
    lab.send(a, client::unregister(4, 1));
    let names: Vec<&str> = lab.received(a).iter().map(RouterMessage::name).collect();
    let expected = ["REGISTERED", "EVENT", "EVENT", "INVOCATION", "UNREGISTERED", "EVENT", "EVENT"];
    assert_eq!(names, expected);
}
