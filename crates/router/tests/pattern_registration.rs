//! Pattern registrations, and the choice among several that match.
//!
//! Spec: advanced profile "Pattern-based Registrations"; `docs/decisions/traps.md#f5`.

use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{InvocationDetails, InvokePolicy, RegisterOptions, RequestKind};
use cloverleaf_wamp::uri::MatchPolicy::{self, Exact, Prefix, Wildcard};

/// A caller, and a callee that has registered the patterns under the ids 1, 2, 3 …
fn lab_with(patterns: &[(MatchPolicy, &str)]) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    for (number, (policy, pattern)) in (1..).zip(patterns) {
        lab.send(callee, client::register_pattern(number, *policy, pattern));
        assert_eq!(lab.received(callee), [router::registered(number, number)]);
    }
    (lab, caller, callee)
}

/// Sends call `number` and asserts that it reaches registration `id` as a pattern, or that there is
/// no registration for it.
fn assert_asked(lab: &mut Lab, [caller, callee]: [Peer; 2], uri: &str, id: Option<u64>) {
    let number = 1;
    lab.send(caller, client::call(number, uri, NOTHING));
    let Some(id) = id else {
        let text = format!("no callee registered for procedure <{uri}>");
        let error = error_uri::NO_SUCH_PROCEDURE;
        let refusal = router::refused(RequestKind::Call, number, error, &text);
        assert_eq!(lab.received(caller), [refusal]);
        return;
    };
    let invocations = lab.received(callee);
    let cloverleaf_wamp::message::RouterMessage::Invocation(invocation) = &invocations[0] else {
        panic!("{uri} is to reach registration {id}, not {invocations:?}");
    };
    assert_eq!(invocation.registration.number(), id, "{uri}");
    lab.send(callee, client::yielded(invocation.request.number(), NOTHING));
    assert_eq!(lab.received(caller), [router::result(number, NOTHING)]);
}

/// As with Crossbar.io, also where the prefix ends inside a component.
#[test]
fn the_longest_of_several_prefixes_is_called() {
    let (mut lab, caller, callee) = lab_with(&[(Prefix, "com."), (Prefix, "com.p")]);
    for (uri, id) in [("com.pq", 2), ("com.p", 2), ("com.p.q", 2), ("com.q", 1)] {
        assert_asked(&mut lab, [caller, callee], uri, Some(id));
    }
}

#[test]
fn calls_find_the_registration_of_the_specifications_table() {
    let (mut lab, caller, callee) = lab_with(&[
        (Exact, "a1.b2.c3.d4.e55"),
        (Prefix, "a1.b2.c3"),
        (Prefix, "a1.b2.c3.d4"),
        (Wildcard, "a1.b2..d4.e5"),
        (Wildcard, "a1.b2.c33..e5"),
        (Wildcard, "a1.b2..d4.e5..g7"),
        (Wildcard, "a1.b2..d4..f6.g7"),
    ]);
    for (uri, id) in [
        ("a1.b2.c3.d4.e55", Some(1)),
        ("a1.b2.c3.d98.e74", Some(2)),
        ("a1.b2.c3.d4.e325", Some(3)),
        ("a1.b2.c55.d4.e5", Some(4)),
        ("a1.b2.c33.d4.e5", Some(5)),
        ("a1.b2.c88.d4.e5.f6.g7", Some(6)),
        ("a2.b2.c2.d2.e2", None),
    ] {
        assert_asked(&mut lab, [caller, callee], uri, id);
    }
}

#[test]
fn invocation_of_a_pattern_registration_has_the_procedure() {
    let (mut lab, caller, callee) =
        lab_with(&[(Exact, "com.exact"), (Prefix, "com.p."), (Wildcard, "com..w")]);
    let called = ["com.exact", "com.p.a.b", "com.x.w"];
    for (number, uri) in (1..).zip(called) {
        lab.send(caller, client::call(number, uri, NOTHING));
        let procedure = (number > 1).then(|| uri.into());
        let details = InvocationDetails { procedure, ..InvocationDetails::default() };
        let expected = router::invocation_with(number, number, details, NOTHING);
        assert_eq!(lab.received(callee), [expected]);
    }
}

#[test]
fn a_prefix_matches_character_by_character() {
    let (mut lab, caller, callee) = lab_with(&[(Prefix, "com.myapp.myobject1")]);
    for (uri, id) in [
        ("com.myapp.myobject1.myprocedure1", Some(1)),
        ("com.myapp.myobject1-mysubobject1", Some(1)),
        ("com.myapp.myobject1.mysubobject1.myprocedure1", Some(1)),
        ("com.myapp.myobject1", Some(1)),
        ("com.myapp.myobject2", None),
        ("com.myapp.myobject", None),
    ] {
        assert_asked(&mut lab, [caller, callee], uri, id);
    }
}

#[test]
fn a_wildcard_stands_for_exactly_one_component() {
    let (mut lab, caller, callee) = lab_with(&[(Wildcard, "com.myapp..myprocedure1")]);
    for (uri, id) in [
        ("com.myapp.myobject1.myprocedure1", Some(1)),
        ("com.myapp.myobject2.myprocedure1", Some(1)),
        ("com.myapp.myobject1.myprocedure1.mysubprocedure1", None),
        ("com.myapp.myobject1.myprocedure2", None),
        ("com.myapp2.myobject1.myprocedure1", None),
        ("com.myapp.myprocedure1", None),
    ] {
        assert_asked(&mut lab, [caller, callee], uri, id);
    }
}

#[test]
fn the_next_best_registration_answers_when_the_best_is_gone() {
    let (mut lab, caller, callee) = lab_with(&[
        (Exact, "com.a.b"),
        (Prefix, "com.a."),
        (Prefix, "com"),
        (Wildcard, "com.a."),
        (Wildcard, "..b"),
        (Prefix, "com.a.b"),
    ]);
    for (number, best) in (10..).zip([1, 6, 2, 3, 4, 5]) {
        assert_asked(&mut lab, [caller, callee], "com.a.b", Some(best));
        lab.send(callee, client::unregister(number, best));
        assert_eq!(lab.received(callee), [router::unregistered(number)]);
    }
    assert_asked(&mut lab, [caller, callee], "com.a.b", None);
}

#[test]
fn empty_prefix_matches_every_other_procedure() {
    let (mut lab, caller, callee) = lab_with(&[(Prefix, ""), (Exact, "com.a")]);
    assert_asked(&mut lab, [caller, callee], "com.a", Some(2));
    assert_asked(&mut lab, [caller, callee], "org.b.c", Some(1));
}

#[test]
fn the_same_text_under_another_policy_is_another_registration() {
    let (mut lab, ..) = lab_with(&[(Exact, "com.a"), (Prefix, "com.a"), (Wildcard, "com.a")]);
    let other = lab.join("other");
    for (number, policy) in (1..).zip([Exact, Prefix, Wildcard]) {
        lab.send(other, client::register_pattern(number, policy, "com.a"));
        let text = "procedure <com.a> is already registered, with the invocation policy 'single'";
        let error = error_uri::PROCEDURE_ALREADY_EXISTS;
        let refusal = router::refused(RequestKind::Register, number, error, text);
        assert_eq!(lab.received(other), [refusal]);
    }
}

#[test]
fn a_pattern_can_be_shared() {
    let mut lab = Lab::new();
    let (caller, callees) = (lab.join("caller"), [lab.join("a"), lab.join("b")]);
    for callee in callees {
        let options = RegisterOptions {
            match_policy: Some(Prefix),
            invoke: Some(InvokePolicy::RoundRobin.into()),
            ..RegisterOptions::default()
        };
        lab.send(callee, client::register_with(1, options, "com."));
        assert_eq!(lab.received(callee), [router::registered(1, 1)]);
    }
    for (number, uri) in (1..).zip(["com.x", "com.y"]) {
        lab.send(caller, client::call(number, uri, NOTHING));
        let procedure = Some(uri.into());
        let details = InvocationDetails { procedure, ..InvocationDetails::default() };
        let expected = router::invocation_with(1, 1, details, NOTHING);
        assert_eq!(lab.received(callees[number as usize - 1]), [expected]);
    }
}
