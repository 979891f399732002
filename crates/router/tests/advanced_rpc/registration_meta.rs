//! Meta procedures `wamp.registration.*`.
//!
//! `docs/decisions/traps.md#f14`: a look-up without a match returns `null`, not an error. Spec:
//! advanced profile "Registration Meta API"; `remove_callee` is Crossbar.io's.

use cloverleaf_router::{Permission, RealmSettings, Role};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{CancelMode, InvokePolicy, RegisterOptions, RouterMessage};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use serde_json::{Value, json};

use crate::fixture::{
    assert_silence, join, millis, no_such_procedure, register, revoked, shared, without,
};

/// Calls a procedure below `wamp.registration.`: its only result, or the error and its text.
fn ask(lab: &mut Lab, from: Peer, procedure: &str, arguments: Value) -> Result<Value, Value> {
    ask_with(lab, from, procedure, args(arguments))
}

fn ask_with(lab: &mut Lab, from: Peer, procedure: &str, payload: Payload) -> Result<Value, Value> {
    let answer = lab.ask_raw(from, &format!("wamp.registration.{procedure}"), payload);
    answer.map(|results| results[0].clone()).map_err(|(error, text)| json!([error, text]))
}

fn no_such_registration(id: u64) -> Result<Value, Value> {
    let text = format!("no registration {id} is in this realm");
    Err(json!([error_uri::NO_SUCH_REGISTRATION, text]))
}

fn no_such_session(id: u64) -> Result<Value, Value> {
    Err(json!([error_uri::NO_SUCH_SESSION, format!("no session {id} is in this realm")]))
}

fn id(lab: &Lab, peer: Peer) -> u64 {
    lab.id(peer).number()
}

/// A caller, and two callees: `a` with `com.add` (1), the prefix `com.` (2), the wildcard
/// `com..add` (3) and, shared with `b`, `com.both` (4).
fn realm() -> (Lab, [Peer; 3]) {
    let mut lab = Lab::new();
    let peers = ["asking", "a", "b"].map(|name| lab.join(name));
    let [_, a, b] = peers;
    lab.send(a, client::register(1, "com.add"));
    lab.send(a, client::register_pattern(2, MatchPolicy::Prefix, "com."));
    lab.pass(millis(1_500));
    lab.send(a, client::register_pattern(3, MatchPolicy::Wildcard, "com..add"));
    for (number, callee) in [(4, a), (5, b)] {
        lab.send(callee, client::register_shared(number, InvokePolicy::Last, "com.both"));
    }
    for peer in peers {
        lab.received(peer);
    }
    (lab, peers)
}

// === procedures ===

#[test]
fn list_groups_registrations_by_match_policy() {
    let (mut lab, [asking, ..]) = realm();
    let lists = json!({"exact": [1, 4], "prefix": [2], "wildcard": [3]});
    assert_eq!(ask(&mut lab, asking, "list", json!([])), Ok(lists));
    let mut lab = Lab::new();
    let asking = lab.join("asking");
    let none = json!({"exact": [], "prefix": [], "wildcard": []});
    assert_eq!(ask(&mut lab, asking, "list", json!([])), Ok(none));
}

/// As with Crossbar.io.
#[test]
fn list_can_be_restricted_to_one_session() {
    let (mut lab, [asking, a, b]) = realm();
    for (of, lists) in [
        (a, json!({"exact": [1, 4], "prefix": [2], "wildcard": [3]})),
        (b, json!({"exact": [4], "prefix": [], "wildcard": []})),
        (asking, json!({"exact": [], "prefix": [], "wildcard": []})),
    ] {
        let arguments = json!([id(&lab, of)]);
        assert_eq!(ask(&mut lab, asking, "list", arguments), Ok(lists));
    }
    let all = json!({"exact": [1, 4], "prefix": [2], "wildcard": [3]});
    assert_eq!(ask(&mut lab, asking, "list", json!([null])), Ok(all));
    assert_eq!(ask(&mut lab, asking, "list", json!([7])), no_such_session(7));
}

#[test]
fn lookup_finds_the_registration_of_exactly_a_pattern() {
    let (mut lab, [asking, ..]) = realm();
    for (arguments, found) in [
        (json!(["com.add"]), json!(1)),
        (json!(["com.add", {}]), json!(1)),
        (json!(["com.add", null]), json!(1)),
        (json!(["com.add", {"match": "exact", "invoke": "last"}]), json!(1)),
        (json!(["com.", {"match": "prefix"}]), json!(2)),
        (json!(["com..add", {"match": "wildcard"}]), json!(3)),
        (json!(["com.x"]), json!(null)),
        (json!(["com.add", {"match": "prefix"}]), json!(null)),
        (json!(["com.x.add", {"match": "wildcard"}]), json!(null)),
        (json!(["wamp.registration.list"]), json!(null)),
    ] {
        assert_eq!(ask(&mut lab, asking, "lookup", arguments.clone()), Ok(found), "{arguments}");
    }
    let invalid = json!([error_uri::INVALID_URI, "'com..' is not a valid URI"]);
    assert_eq!(ask(&mut lab, asking, "lookup", json!(["com.."])), Err(invalid));
    let text = "wamp.registration.lookup: 'match' must be 'exact', 'prefix' or 'wildcard'";
    let unknown = json!([error_uri::INVALID_ARGUMENT, text]);
    let arguments = json!(["com.add", {"match": "regex"}]);
    assert_eq!(ask(&mut lab, asking, "lookup", arguments), Err(unknown));
}

#[test]
fn match_finds_the_registration_that_a_call_goes_to() {
    let (mut lab, [asking, a, b]) = realm();
    lab.send(a, client::register_pattern(9, MatchPolicy::Prefix, ""));
    lab.received(a);
    for (uri, found) in [
        ("com.add", json!(1)),
        ("com.both", json!(4)),
        ("com.x", json!(2)),
        ("com.x.y", json!(2)),
        ("org.x", json!(5)),
    ] {
        assert_eq!(ask(&mut lab, asking, "match", json!([uri])), Ok(found.clone()), "{uri}");
        lab.send(asking, client::call(1, uri, NOTHING));
        let told = [a, b].map(|callee| lab.received(callee)).concat();
        let [RouterMessage::Invocation(asked)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(json!(asked.registration.number()), found, "{uri}");
        lab.send(asking, client::cancel(1, Some(CancelMode::Skip)));
        lab.received(asking);
    }
    // The empty prefix does not match meta procedures, and these are not registrations.
    for uri in ["wamp.example.count", "wamp.registration.match"] {
        assert_eq!(ask(&mut lab, asking, "match", json!([uri])), Ok(json!(null)), "{uri}");
    }
    lab.send(asking, client::call(1, "wamp.example.count", NOTHING));
    assert_eq!(lab.received(asking), [no_such_procedure(1, "wamp.example.count")]);
}

#[test]
fn get_returns_the_registration_details() {
    let (mut lab, [asking, ..]) = realm();
    let told = |id, created, uri, policy, invoke| {
        Ok(json!({"id": id, "created": created, "uri": uri, "match": policy, "invoke": invoke}))
    };
    let (start, later) = ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z");
    let cases = [
        told(1, start, "com.add", "exact", "single"),
        told(2, start, "com.", "prefix", "single"),
        told(3, later, "com..add", "wildcard", "single"),
        told(4, later, "com.both", "exact", "last"),
    ];
    for (id, expected) in (1..).zip(cases) {
        assert_eq!(ask(&mut lab, asking, "get", json!([id])), expected);
    }
}

#[test]
fn callees_are_listed_in_order_and_counted() {
    let (mut lab, [asking, a, b]) = realm();
    let (a_id, b_id) = (id(&lab, a), id(&lab, b));
    assert_eq!(ask(&mut lab, asking, "list_callees", json!([4])), Ok(json!([a_id, b_id])));
    assert_eq!(ask(&mut lab, asking, "count_callees", json!([4])), Ok(json!(2)));
    assert_eq!(ask(&mut lab, asking, "list_callees", json!([1])), Ok(json!([a_id])));
    lab.disconnect(a);
    assert_eq!(ask(&mut lab, asking, "list_callees", json!([4])), Ok(json!([b_id])));
    assert_eq!(ask(&mut lab, asking, "count_callees", json!([4])), Ok(json!(1)));
    assert_eq!(ask(&mut lab, asking, "count_callees", json!([1])), no_such_registration(1));
}

const BY_ID: [&str; 4] = ["get", "list_callees", "count_callees", "remove_callee"];

#[test]
fn unknown_registration_is_an_error() {
    let (mut lab, [asking, ..]) = realm();
    for procedure in BY_ID {
        for id in [5, 77, 9_007_199_254_740_992_u64] {
            let arguments = json!([id, 1]);
            assert_eq!(ask(&mut lab, asking, procedure, arguments), no_such_registration(id));
        }
    }
}

#[test]
fn invalid_arguments_are_refused() {
    let (mut lab, [asking, ..]) = realm();
    let bad_ids = [
        json!([]),
        json!([null]),
        json!(["1"]),
        json!([0]),
        json!([-1]),
        json!([1.5]),
        json!([[]]),
    ];
    for procedure in BY_ID {
        for arguments in &bad_ids {
            let told = ask(&mut lab, asking, procedure, arguments.clone());
            let error = told.expect_err("no registration")[0].clone();
            assert_eq!(error, error_uri::INVALID_ARGUMENT, "{procedure} {arguments}");
        }
    }
    for procedure in ["lookup", "match"] {
        for arguments in [json!([]), json!([null]), json!([1]), json!([{}])] {
            let told = ask(&mut lab, asking, procedure, arguments.clone());
            let error = told.expect_err("no URI")[0].clone();
            assert_eq!(error, error_uri::INVALID_ARGUMENT, "{procedure} {arguments}");
        }
    }
    let text = "wamp.registration.get: argument 'registration_id' is missing";
    let missing = Err(json!([error_uri::INVALID_ARGUMENT, text]));
    assert_eq!(ask(&mut lab, asking, "get", json!([])), missing);
    assert_eq!(ask_with(&mut lab, asking, "get", NOTHING), missing);
}

#[test]
fn refusal_of_a_long_argument_is_short() {
    let (mut lab, [asking, ..]) = realm();
    let told = ask(&mut lab, asking, "get", json!(["x".repeat(60_000)]));
    assert!(told.expect_err("no id")[1].as_str().expect("a text").len() < 300);
}

#[test]
fn arguments_are_understood_in_every_format() {
    let (mut lab, [asking, ..]) = realm();
    for serializer in Serializer::ALL {
        let options = json!({"match": "prefix"});
        let arguments = Payload::from_args(serializer, &("com.", options)).unwrap();
        assert_eq!(ask_with(&mut lab, asking, "lookup", arguments), Ok(json!(2)), "{serializer}");
        let arguments = Payload::from_args(serializer, &[4]).unwrap();
        assert_eq!(ask_with(&mut lab, asking, "count_callees", arguments), Ok(json!(2)));
    }
}

#[test]
fn realm_without_the_meta_api_has_no_procedures_and_no_events() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let (asking, a) = (lab.join("asking"), lab.join("a"));
    lab.send(asking, client::call(1, "wamp.registration.list", NOTHING));
    assert_eq!(lab.received(asking), [no_such_procedure(1, "wamp.registration.list")]);
    lab.send(asking, client::subscribe_pattern(2, MatchPolicy::Prefix, "wamp."));
    lab.received(asking);
    lab.send(a, client::register(1, "com.add"));
    assert_silence(&mut lab, &[asking]);
}

#[test]
fn meta_procedures_need_permission() {
    let rule = |uri, permission| (UriPattern::from_starred(uri).expect("a URI"), permission);
    let no_call = Permission { call: false, ..Permission::ALL };
    let rules = [
        rule("*", Permission::ALL),
        rule("wamp.*", no_call),
        rule("wamp.registration.list", Permission::ALL),
    ];
    let mut lab = Lab::with_roles(vec![Role::new("anyone", rules)]);
    let asking = lab.join("asking");
    assert!(ask(&mut lab, asking, "list", json!([])).is_ok());
    let text = "session not authorized to call procedure 'wamp.registration.get'";
    let refusal = Err(json!([error_uri::NOT_AUTHORIZED, text]));
    assert_eq!(ask(&mut lab, asking, "get", json!([1])), refusal);
}

// === remove_callee ===

#[test]
fn removed_callee_gets_the_reason() {
    for (arguments, reason) in [
        (json!([]), error_uri::UNREGISTERED),
        (json!([null]), error_uri::UNREGISTERED),
        (json!(["moving to another machine"]), "moving to another machine"),
    ] {
        let mut lab = Lab::new();
        let asking = lab.join("asking");
        let [a, b] = join(&mut lab, ["a", "b"]);
        for callee in [a, b] {
            register(&mut lab, callee, shared(InvokePolicy::First), "com.add", 1);
        }
        let mut all = json!([1, id(&lab, a)]);
        all.as_array_mut().unwrap().extend(arguments.as_array().unwrap().iter().cloned());
        assert_eq!(ask(&mut lab, asking, "remove_callee", all), Ok(json!(null)));
        assert_eq!(lab.received(a), [revoked(1, reason)]);
        lab.send(asking, client::call(1, "com.add", NOTHING));
        assert_eq!(lab.received(b), [router::invocation(1, 1, NOTHING)]);
        assert_silence(&mut lab, &[a]);
    }
}

/// `docs/decisions/traps.md#f15`.
#[test]
fn callee_without_registration_revocation_is_removed_silently() {
    let mut lab = Lab::new();
    let asking = lab.join("asking");
    let a = lab.join_as(without("a", &[Feature::RegistrationRevocation]));
    register(&mut lab, a, RegisterOptions::default(), "com.add", 1);
    let arguments = json!([1, id(&lab, a)]);
    assert_eq!(ask(&mut lab, asking, "remove_callee", arguments), Ok(json!(null)));
    assert_silence(&mut lab, &[a]);
    lab.send(asking, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(asking), [no_such_procedure(1, "com.add")]);
}

#[test]
fn only_a_callee_of_the_registration_can_be_removed() {
    let (mut lab, [asking, _, b]) = realm();
    let (asking_id, b_id) = (id(&lab, asking), id(&lab, b));
    for (registration, session) in [(1, b_id), (4, asking_id)] {
        let told = ask(&mut lab, asking, "remove_callee", json!([registration, session]));
        let text = format!("session {session} has no registration {registration}");
        assert_eq!(told, Err(json!([error_uri::NO_SUCH_REGISTRATION, text])));
    }
    let told = ask(&mut lab, asking, "remove_callee", json!([1, 12_345]));
    assert_eq!(told, no_such_session(12_345));
    let told = ask(&mut lab, asking, "remove_callee", json!([1]));
    let text = "wamp.registration.remove_callee: argument 'callee_id' is missing";
    assert_eq!(told, Err(json!([error_uri::INVALID_ARGUMENT, text])));
    assert_silence(&mut lab, &[b]);
}

#[test]
fn removed_callee_answers_earlier_invocations_and_may_register_again() {
    let mut lab = Lab::new();
    let asking = lab.join("asking");
    let [a] = join(&mut lab, ["a"]);
    register(&mut lab, a, RegisterOptions::default(), "com.add", 1);
    lab.send(asking, client::call(1, "com.add", NOTHING));
    let arguments = json!([1, id(&lab, a)]);
    assert_eq!(ask(&mut lab, asking, "remove_callee", arguments), Ok(json!(null)));
    lab.send(a, client::yielded(1, args([5])));
    assert_eq!(lab.received(asking), [router::result(1, args([5]))]);
    lab.received(a);
    lab.send(a, client::register(2, "com.add"));
    assert_eq!(lab.received(a), [router::registered(2, 2)]);
}

#[test]
fn a_session_may_remove_itself() {
    let mut lab = Lab::new();
    let a = lab.join_as(without("a", &[Feature::ProgressiveCallInvocations]));
    register(&mut lab, a, RegisterOptions::default(), "com.add", 1);
    let arguments = args((1, id(&lab, a)));
    lab.send(a, client::call(2, "wamp.registration.remove_callee", arguments));
    let told = [revoked(1, error_uri::UNREGISTERED), router::result(2, args([Value::Null]))];
    assert_eq!(lab.received(a), told);
}
