//! Meta procedures that kill sessions.
//!
//! Spec: advanced profile "Session Meta API" (`kill`, `kill_by_authid`, `kill_by_authrole`,
//! `kill_all`); `docs/decisions/traps.md#f14` (the caller is spared, `kill_by_authrole` counts,
//! `kill_all` publishes nothing). `killed_sessions` tests the connections of killed sessions.

use cloverleaf_router::{Admitted, Compatibility, Permission, RealmSettings, Role, SessionFlow};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::uri::UriPattern;
use serde_json::{Value, json};

/// An admin, two sessions of `ann`, one of `ben`, all of the role `staff` but the last.
fn office() -> (Lab, [Peer; 4]) {
    office_of(Compatibility::Wamp)
}

/// As [`office`], in a realm with a preset.
fn office_of(compatibility: Compatibility) -> (Lab, [Peer; 4]) {
    let everything = || [(UriPattern::from_starred("*").unwrap(), Permission::ALL)];
    let roles = ["staff", "guest"].map(|name| Role::new(name, everything()));
    let mut lab = Lab::with(RealmSettings { roles: roles.into(), compatibility, ..settings() });
    let peers = [("admin", "staff"), ("ann", "staff"), ("ann", "staff"), ("ben", "guest")]
        .map(|(name, role)| lab.join_as(Client { role, ..Client::named(name) }));
    (lab, peers)
}

fn number(lab: &Lab, peer: Peer) -> u64 {
    lab.id(peer).number()
}

fn no_such_session(id: u64) -> Answer {
    refusal(error_uri::NO_SUCH_SESSION, &format!("no session {id} is in this realm"))
}

fn killed() -> Vec<RouterMessage> {
    vec![router::goodbye(error_uri::KILLED)]
}

#[test]
fn killed_session_gets_goodbye_and_ends_at_once() {
    let (mut lab, [admin, ann, ..]) = office();
    lab.send(ann, client::subscribe(1, "com.news"));
    lab.send(ann, client::register(2, "com.add"));
    lab.received(ann);
    let id = number(&lab, ann);
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([id])), Ok(json!([])));
    assert_eq!(lab.received(ann), killed());
    assert_eq!(lab.ask(admin, "wamp.session.count", json!([])), Ok(json!([3])));
    assert_eq!(lab.ask(admin, "wamp.session.get", json!([id])), no_such_session(id));
    lab.send(admin, client::publish(1, "com.news", NOTHING));
    let text = "no callee registered for procedure <com.add>";
    let unknown = refusal(error_uri::NO_SUCH_PROCEDURE, text);
    assert_eq!(lab.ask(admin, "com.add", json!([])), unknown);
    assert_eq!(lab.received(ann), []);
}

#[test]
fn killed_session_gets_reason_and_message() {
    for (keyword, goodbye) in [
        (json!({"reason": "com.bye"}), router::goodbye("com.bye")),
        (json!({"message": "sorry"}), router::goodbye_saying(error_uri::KILLED, "sorry")),
        (
            json!({"reason": "com.bye", "message": "sorry"}),
            router::goodbye_saying("com.bye", "sorry"),
        ),
        (json!({"reason": null, "message": null}), router::goodbye(error_uri::KILLED)),
    ] {
        for place in 0..4 {
            let (mut lab, [admin, ann, ..]) = office();
            let (procedure, arguments) = calls_that_kill(&lab, ann)[place].clone();
            lab.ask_with(admin, procedure, arguments, keyword.clone()).unwrap();
            assert_eq!(lab.received(ann), std::slice::from_ref(&goodbye), "{procedure} {keyword}");
        }
    }
}

/// Every call that kills `ann` among others.
fn calls_that_kill(lab: &Lab, ann: Peer) -> [(&'static str, Value); 4] {
    [
        ("wamp.session.kill", json!([number(lab, ann)])),
        ("wamp.session.kill_by_authid", json!(["ann"])),
        ("wamp.session.kill_by_authrole", json!(["staff"])),
        ("wamp.session.kill_all", json!([])),
    ]
}

#[test]
fn invalid_reason_kills_no_session() {
    let (mut lab, [admin, ann, other, ben]) = office();
    for (procedure, arguments) in calls_that_kill(&lab, ann) {
        for bad in ["", "no uri", "com..bye", "com.bye."] {
            let keyword = json!({"reason": bad});
            let text = format!("'{bad}' is not a valid URI");
            let answer = lab.ask_with(admin, procedure, arguments.clone(), keyword);
            assert_eq!(answer, refusal(error_uri::INVALID_URI, &text));
        }
        for keyword in [json!({"reason": 7}), json!({"message": ["sorry"]})] {
            let answer = lab.ask_with(admin, procedure, arguments.clone(), keyword);
            assert_eq!(answer.unwrap_err().0, error_uri::INVALID_ARGUMENT);
        }
    }
    for peer in [ann, other, ben] {
        assert_eq!(lab.received(peer), []);
    }
    assert_eq!(lab.ask(admin, "wamp.session.count", json!([])), Ok(json!([4])));
}

#[test]
fn invalid_arguments_kill_no_session() {
    let (mut lab, [admin, ..]) = office();
    for (procedure, arguments) in [
        ("wamp.session.kill", json!([])),
        ("wamp.session.kill", json!([0])),
        ("wamp.session.kill", json!(["ann"])),
        ("wamp.session.kill_by_authid", json!([])),
        ("wamp.session.kill_by_authid", json!([null])),
        ("wamp.session.kill_by_authid", json!([7])),
        ("wamp.session.kill_by_authrole", json!([])),
        ("wamp.session.kill_by_authrole", json!([["staff"]])),
    ] {
        let (error, _) = lab.ask(admin, procedure, arguments.clone()).unwrap_err();
        assert_eq!(error, error_uri::INVALID_ARGUMENT, "{procedure} {arguments}");
    }
    assert_eq!(lab.ask(admin, "wamp.session.count", json!([])), Ok(json!([4])));
}

/// `docs/decisions/traps.md#f14`: "no *other* session with that id exists".
#[test]
fn session_can_not_kill_itself_or_an_ended_session() {
    let (mut lab, [admin, ann, ..]) = office();
    let [own, id] = [admin, ann].map(|peer| number(&lab, peer));
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([own])), no_such_session(own));
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([id])), Ok(json!([])));
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([id])), no_such_session(id));
    assert_eq!(lab.received(ann), killed());
}

/// `docs/decisions/traps.md#f14`.
#[test]
fn kill_by_authid_returns_ids_and_kill_by_authrole_a_count() {
    let (mut lab, [admin, ann, other, ben]) = office();
    let ids = json!([[number(&lab, ann), number(&lab, other)]]);
    assert_eq!(lab.ask(admin, "wamp.session.kill_by_authid", json!(["ann"])), Ok(ids));
    assert_eq!(lab.received(ann), killed());
    assert_eq!(lab.received(other), killed());
    assert_eq!(lab.received(ben), []);
    for (procedure, none) in [
        ("wamp.session.kill_by_authid", json!([[]])),
        ("wamp.session.kill_by_authrole", json!([0])),
    ] {
        assert_eq!(lab.ask(admin, procedure, json!(["ann"])), Ok(none));
    }

    let (mut lab, [admin, ann, other, ben]) = office();
    assert_eq!(lab.ask(admin, "wamp.session.kill_by_authrole", json!(["staff"])), Ok(json!([2])));
    assert_eq!([ann, other].map(|peer| lab.received(peer)), [killed(), killed()]);
    assert_eq!(lab.received(ben), []);
    assert_eq!(lab.ask(ben, "wamp.session.kill_by_authid", json!(["ben"])), Ok(json!([[]])));
    assert_eq!(lab.ask(ben, "wamp.session.count", json!([])), Ok(json!([2])));
}

/// Crossbar.io lists the killed sessions of a role.
#[test]
fn kill_by_authrole_lists_the_sessions_in_the_preset_of_crossbar() {
    let (mut lab, [admin, ann, other, ben]) = office_of(Compatibility::Crossbar);
    let ids = json!([[number(&lab, ann), number(&lab, other)]]);
    let mut kill = || lab.ask(admin, "wamp.session.kill_by_authrole", json!(["staff", "com.bye"]));
    assert_eq!((kill(), kill()), (Ok(ids), Ok(json!([[]]))));
    for victim in [ann, other] {
        assert_eq!(lab.received(victim), [router::goodbye("com.bye")]);
    }
    assert_eq!(lab.received(ben), []);
}

/// `docs/decisions/traps.md#f14`: "no subscribers would remain to receive these events".
#[test]
fn kill_all_spares_the_caller_and_publishes_nothing() {
    let (mut lab, [admin, ann, other, ben]) = office();
    for (number, topic) in [
        (1, "wamp.session.on_leave"),
        (2, "wamp.subscription.on_unsubscribe"),
        (3, "wamp.registration.on_unregister"),
        (4, "com.last.words"),
    ] {
        lab.send(admin, client::subscribe(number, topic));
    }
    lab.received(admin);
    lab.send(ann, client::subscribe(1, "com.a"));
    lab.send(ann, client::register(2, "com.a"));
    lab.received(ann);
    let testament = json!(["com.last.words", ["bye"], null]);
    lab.ask(ann, "wamp.session.add_testament", testament).unwrap();
    assert_eq!(lab.ask(admin, "wamp.session.kill_all", json!([])), Ok(json!([3])));
    for peer in [ann, other, ben] {
        assert_eq!(lab.received(peer), killed());
    }
    let id = number(&lab, admin);
    assert_eq!(lab.ask(admin, "wamp.session.list", json!([])), Ok(json!([[id]])));
    // Further sessions that leave publish again.
    let late = lab.join_as(Client { role: "guest", ..Client::named("late") });
    lab.disconnect(late);
    assert_eq!(lab.heard(admin).len(), 1);
}

#[test]
fn killed_session_publishes_on_leave() {
    let (mut lab, [admin, ann, ..]) = office();
    lab.send(admin, client::subscribe(1, "wamp.session.on_leave"));
    lab.received(admin);
    let id = number(&lab, ann);
    lab.send(admin, client::call(2, "wamp.session.kill", args([id])));
    let left = router::event(1, lab.last_publication(), args((id, "ann", "staff")));
    assert_eq!(lab.received(admin), [left, router::result(2, NOTHING)]);
    assert_eq!(lab.submit(ann, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
    lab.disconnect(ann);
    assert_eq!(lab.received(admin), []);
}

/// `docs/decisions/traps.md#f14`: only `kill_all` publishes nothing.
#[test]
fn the_testaments_of_killed_sessions_are_published_unless_all_are_killed() {
    for place in 0..3 {
        let (mut lab, [admin, ann, ..]) = office();
        lab.send(admin, client::subscribe(1, "com.last.words"));
        lab.received(admin);
        let testament = json!(["com.last.words", ["bye"], null]);
        lab.ask(ann, "wamp.session.add_testament", testament).unwrap();
        let (procedure, arguments) = calls_that_kill(&lab, ann)[place].clone();
        lab.send(admin, client::call(2, procedure, args(arguments)));
        let received = lab.received(admin);
        let words = router::event(1, lab.last_publication(), args(["bye"]));
        assert_eq!(received.first(), Some(&words), "{procedure}");
        assert_eq!(received.len(), 2, "{procedure}");
    }
}

#[test]
fn internal_sessions_are_listed_and_can_not_be_killed() {
    let (mut lab, [admin, ..]) = office();
    let client = Client { role: "staff", ..Client::named("bridge") };
    let own = Admitted { is_internal: true, ..Admitted::from(client) };
    let bridge = lab.attach(own).unwrap();
    let id = number(&lab, bridge);
    assert_eq!(lab.ask(admin, "wamp.session.count", json!([])), Ok(json!([5])));
    let text = format!("session {id} belongs to the router, which nobody but the router may end");
    let denied = refusal(error_uri::NOT_AUTHORIZED, &text);
    assert_eq!(lab.ask(admin, "wamp.session.kill", json!([id])), denied);
    assert_eq!(lab.ask(admin, "wamp.session.kill_by_authid", json!(["bridge"])), Ok(json!([[]])));
    assert_eq!(lab.ask(admin, "wamp.session.kill_by_authrole", json!(["staff"])), Ok(json!([2])));
    assert_eq!(lab.ask(admin, "wamp.session.kill_all", json!([])), Ok(json!([1])));
    assert_eq!(lab.received(bridge), []);
    // An internal session may kill others.
    let id = number(&lab, admin);
    assert_eq!(lab.ask(bridge, "wamp.session.kill", json!([id])), Ok(json!([])));
}
