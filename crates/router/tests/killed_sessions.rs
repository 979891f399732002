//! Killed sessions and their connections.
//!
//! Spec: basic profile "Session Closing"; `docs/decisions/traps.md#f10` (nothing follows GOODBYE,
//! messages that arrive meanwhile are discarded, the transport may be used again).

use std::time::Duration;

use cloverleaf_router::SessionFlow;
use cloverleaf_router::limits::GOODBYE_TIMEOUT_MILLIS;
use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage, RouterMessage};
use serde_json::json;

/// An admin and three others.
fn office() -> (Lab, [Peer; 4]) {
    let mut lab = Lab::new();
    let peers = ["admin", "ann", "ann", "ben"].map(|name| lab.join(name));
    (lab, peers)
}

fn kill(lab: &mut Lab, admin: Peer, victim: Peer) {
    let id = lab.id(victim).number();
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([id])), Ok(json!([])));
}

fn killed() -> Vec<RouterMessage> {
    vec![router::goodbye(error_uri::KILLED)]
}

/// `docs/decisions/traps.md#f10`.
#[test]
fn a_killed_session_that_answers_may_open_another_on_its_connection() {
    let (mut lab, [admin, ann, ..]) = office();
    kill(&mut lab, admin, ann);
    lab.received(ann);
    assert_eq!(lab.submit(ann, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    assert_eq!(lab.received(ann), []);
    lab.pass(Duration::from_secs(60));
    assert_eq!(lab.closed(ann), None);
    assert_eq!(lab.realm().next_deadline(), None);
    let again = lab.join("ann");
    assert_ne!(lab.id(again), lab.id(ann));
}

#[test]
fn connection_of_a_killed_session_that_does_not_answer_is_closed() {
    let (mut lab, [admin, ann, other, ben]) = office();
    kill(&mut lab, admin, ann);
    lab.pass(Duration::from_millis(GOODBYE_TIMEOUT_MILLIS - 1));
    assert_eq!(lab.closed(ann), None);
    kill(&mut lab, admin, other);
    lab.pass(Duration::from_millis(1));
    let why = "the session was ended and its client did not say GOODBYE";
    assert_eq!(lab.closed(ann).as_deref(), Some(why));
    assert_eq!(lab.closed(other), None);
    // A further message closes the connection, and is no violation.
    assert_eq!(lab.submit(ann, client::subscribe(1, "com.a")), SessionFlow::Close);
    assert_eq!(lab.received(ann), killed());
    lab.disconnect(ann);
    // A session whose connection ends meanwhile needs no closing.
    lab.disconnect(other);
    assert_eq!(lab.realm().next_deadline(), None);
    lab.disconnect(ben);
    lab.disconnect(admin);
    assert!(lab.realm().is_empty());
}

/// `docs/decisions/traps.md#f10`.
#[test]
fn further_messages_of_a_killed_session_are_ignored() {
    let (mut lab, [admin, ann, ..]) = office();
    lab.send(admin, client::subscribe(1, "com.news"));
    lab.received(admin);
    kill(&mut lab, admin, ann);
    lab.received(ann);
    for message in [
        client::publish_with(1, client::acknowledged(), "com.news", NOTHING),
        client::call(2, "wamp.session.count", NOTHING),
        client::yielded(99, NOTHING),
        client::hello(),
    ] {
        lab.send(ann, message);
    }
    assert_eq!(lab.received(ann), []);
    assert_eq!(lab.received(admin), []);
    assert_eq!(lab.submit(ann, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
}

#[test]
fn a_killed_session_may_also_abort_or_be_aborted() {
    let (mut lab, [admin, ann, other, ben]) = office();
    lab.ask(admin, "wamp.session.kill_by_authid", json!(["ann"])).unwrap();
    let abort = || Abort::new(error_uri::PROTOCOL_VIOLATION, "no message");
    assert_eq!(lab.submit(ann, ClientMessage::Abort(abort())), SessionFlow::Close);
    lab.abort(other, abort());
    assert_eq!([ann, other].map(|peer| lab.received(peer)), [killed(), killed()]);
    assert_eq!(lab.realm().next_deadline(), None);
    for peer in [admin, ben] {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn calls_of_and_for_a_killed_session_end() {
    let (mut lab, [admin, ann, other, ben]) = office();
    lab.send(ann, client::register(1, "com.slow"));
    lab.send(ben, client::register(1, "com.other"));
    lab.send(other, client::call(1, "com.slow", NOTHING));
    lab.send(ann, client::call(2, "com.other", NOTHING));
    for peer in [ann, other, ben] {
        lab.received(peer);
    }
    kill(&mut lab, admin, ann);
    assert_eq!(lab.received(ann), killed());
    assert_eq!(lab.received(other), [router::callee_gone(1)]);
    let interrupted = lab.received(ben);
    assert!(matches!(interrupted[..], [RouterMessage::Interrupt(_)]), "{interrupted:?}");
    assert_eq!(lab.realm().calls_in_flight(), 0);
    lab.send(ben, client::yielded(1, NOTHING));
    lab.send(ann, client::yielded(1, NOTHING));
    assert_eq!([ann, other].map(|peer| lab.received(peer)), [vec![], vec![]]);
}
