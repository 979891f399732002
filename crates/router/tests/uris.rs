//! The rules for URIs and patterns, each text in each kind of request.
//!
//! Spec: basic profile "URIs" (its four regular expressions), advanced profile "Pattern-based
//! Registrations" (a prefix may end in a dot); `docs/decisions/traps.md#f2`.

use cloverleaf_router::RealmSettings;
use cloverleaf_router::authorization::TRUSTED;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{ClientMessage, RequestKind, RouterMessage};
use cloverleaf_wamp::uri::MatchPolicy::{Exact, Prefix, Wildcard};
use cloverleaf_wamp::uri::UriRule;

/// Text, and whether it is a URI, a prefix and a wildcard: by the loose rule, by the strict rule.
const TEXTS: &[(&str, [bool; 3], [bool; 3])] = &[
    ("a", ALL, ALL),
    ("com.example.add2", ALL, ALL),
    ("0.1._", ALL, ALL),
    // Empty components.
    ("", PATTERN, PATTERN),
    ("a.", PATTERN, PATTERN),
    ("com.example.", PATTERN, PATTERN),
    (".", WILDCARD, WILDCARD),
    ("..", WILDCARD, WILDCARD),
    (".a", WILDCARD, WILDCARD),
    ("a..", WILDCARD, WILDCARD),
    ("a..b", WILDCARD, WILDCARD),
    ("com..b.", WILDCARD, WILDCARD),
    // Characters that only the loose rule allows.
    ("com.Example", ALL, NONE),
    ("com.my-app", ALL, NONE),
    ("com.\u{fc}ber", ALL, NONE),
    ("com.\u{1f340}", ALL, NONE),
    ("com.*.a?b/c:d@e", ALL, NONE),
    ("com..Example", WILDCARD, NONE),
    ("com.Example.", PATTERN, NONE),
    // Characters that no rule allows.
    ("com.a b", NONE, NONE),
    (" com.a", NONE, NONE),
    ("com.a\t", NONE, NONE),
    ("com.a\n", NONE, NONE),
    ("com.\u{a0}a", NONE, NONE),
    ("com.\u{2003}", NONE, NONE),
    ("com.a#b", NONE, NONE),
    ("#", NONE, NONE),
];

const ALL: [bool; 3] = [true; 3];
const PATTERN: [bool; 3] = [false, true, true];
const WILDCARD: [bool; 3] = [false, false, true];
const NONE: [bool; 3] = [false; 3];

/// Whether the URI of a request is accepted; the session goes on in any case.
fn is_taken(lab: &mut Lab, request: ClientMessage) -> bool {
    let alice = lab.join("alice");
    lab.send(alice, request);
    let received = lab.received(alice);
    let [answer] = received.as_slice() else { panic!("one answer, not {received:?}") };
    let is_invalid =
        matches!(answer, RouterMessage::Error(error) if error.error == error_uri::INVALID_URI);
    lab.send(alice, client::subscribe(2, "com.still_there"));
    assert_eq!(lab.received(alice).len(), 1);
    lab.disconnect(alice);
    !is_invalid
}

#[test]
fn uris_and_patterns_follow_the_rule_of_the_realm() {
    for (uri_rule, column) in [(UriRule::Loose, 0), (UriRule::Strict, 1)] {
        let lab = &mut Lab::with(RealmSettings { uri_rule, meta_api: false, ..settings() });
        for (text, loose, strict) in TEXTS {
            let expected = [loose, strict][column];
            let case = format!("{uri_rule:?} {text:?}");
            for (policy, is_valid) in [Exact, Prefix, Wildcard].into_iter().zip(expected) {
                let subscribe = client::subscribe_pattern(1, policy, text);
                assert_eq!(is_taken(lab, subscribe), *is_valid, "SUBSCRIBE {policy:?} {case}");
                let register = client::register_pattern(1, policy, text);
                assert_eq!(is_taken(lab, register), *is_valid, "REGISTER {policy:?} {case}");
            }
            let publish = client::publish_with(1, client::acknowledged(), text, NOTHING);
            assert_eq!(is_taken(lab, publish), expected[0], "PUBLISH {case}");
            let call = client::call(1, text, NOTHING);
            assert_eq!(is_taken(lab, call), expected[0], "CALL {case}");
        }
    }
}

#[test]
fn loose_uri_rule_is_the_default() {
    assert_eq!(RealmSettings::named("realm1").uri_rule, UriRule::Loose);
}

/// `docs/decisions/traps.md#f2`, and F14 for meta events: no other session can publish them.
#[test]
fn first_component_wamp_or_cloverleaf_is_reserved() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    for (policy, text, is_reserved) in [
        (Exact, "cloverleaf", true),
        (Exact, "cloverleaf.session.on_slow_consumer", true),
        (Prefix, "cloverleaf.", true),
        (Wildcard, "cloverleaf..a", true),
        (Exact, "cloverleafs.a", false),
        (Exact, "com.cloverleaf.a", false),
        (Prefix, "clover", false),
        (Exact, "wamp", true),
        (Exact, "wamp.a", true),
        (Prefix, "wamp", true),
        (Prefix, "wamp.", true),
        (Wildcard, "wamp..a", true),
        (Exact, "wampum", false),
        (Exact, "wamp_a.b", false),
        (Exact, "com.wamp.a", false),
        (Prefix, "wam", false),
        (Wildcard, "..a", false),
    ] {
        lab.send(alice, client::register_pattern(1, policy, text));
        let answer = lab.received(alice).remove(0);
        let first = text.split('.').next().unwrap();
        let reserved = |request: &str| {
            format!("{request} URI '{text}': only the router may use what begins with '{first}'")
        };
        let error = error_uri::INVALID_URI;
        let refusal = reserved("register with restricted procedure");
        let refused = router::refused(RequestKind::Register, 1, error, &refusal);
        assert_eq!(answer == refused, is_reserved, "{answer:?}");
        if policy == Exact {
            let publish = client::publish_with(1, client::acknowledged(), text, NOTHING);
            lab.send(alice, publish);
            let answer = lab.received(alice).remove(0);
            // Clients of Crossbar.io look for the words "restricted topic".
            let refusal = reserved("publish with restricted topic");
            let refused = router::refused(RequestKind::Publish, 1, error, &refusal);
            assert_eq!(answer == refused, is_reserved, "{answer:?}");
        }
    }
}

#[test]
fn trusted_role_may_use_the_reserved_namespace() {
    let mut lab = Lab::new();
    let own = lab.join_as(Client { role: TRUSTED, ..Client::named("own") });
    let alice = lab.join("alice");
    lab.send(alice, client::subscribe(1, "wamp.own.event"));
    lab.send(own, client::register(1, "wamp.own.procedure"));
    lab.send(own, client::publish(2, "wamp.own.event", NOTHING));
    let event = router::event(1, lab.last_publication(), NOTHING);
    lab.send(alice, client::call(2, "wamp.own.procedure", args([1])));
    assert_eq!(lab.received(alice), [router::subscribed(1, 1), event]);
    let invocation = router::invocation(1, 1, args([1]));
    assert_eq!(lab.received(own), [router::registered(1, 1), invocation]);
}

#[test]
fn meta_procedure_can_not_be_registered_by_a_client() {
    let mut lab = Lab::new();
    let own = lab.join_as(Client { role: TRUSTED, ..Client::named("own") });
    lab.send(own, client::register(1, "wamp.session.count"));
    lab.received(own);
    let alice: Peer = lab.join("alice");
    let count = lab.ask(alice, "wamp.session.count", serde_json::json!([]));
    assert_eq!(count, Ok(serde_json::json!([2])));
    assert_eq!(lab.received(own), []);
}
