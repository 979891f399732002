//! Well-formed messages that are wrong: ERROR for a request that can't be served, ABORT for a
//! protocol violation, no answer where none is due. Other sessions are not affected.
//!
//! Spec: basic profile "Protocol Errors", "URIs"; `docs/decisions/traps.md#f2`, `#f4`.
//! `cloverleaf-wamp` tests bytes that are not a message.

use cloverleaf_router::{RealmSettings, SessionFlow};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    Abort, CallOptions, ClientMessage, InvocationDetails, PassthruDetails, PublishOptions,
    RequestKind, RouterMessage, YieldOptions,
};
use cloverleaf_wamp::uri::MatchPolicy::{Exact, Prefix, Wildcard};
use cloverleaf_wamp::uri::{MAX_URI_BYTES, UriRule};

fn strict() -> Lab {
    Lab::with(RealmSettings { uri_rule: UriRule::Strict, ..settings() })
}

/// Sends the request and asserts that its URI is refused and that the session goes on.
fn assert_invalid_uri(lab: &mut Lab, request: ClientMessage, kind: RequestKind, text: &str) {
    let alice = lab.join("alice");
    lab.send(alice, request);
    let refusal = router::refused(kind, 1, error_uri::INVALID_URI, text);
    assert_eq!(lab.received(alice), [refusal]);
    lab.send(alice, client::subscribe(2, "com.still_there"));
    assert_eq!(lab.received(alice).len(), 1);
    lab.disconnect(alice);
}

/// Asserts that the message ends the session of `from` for a violation with this text.
fn assert_violation(lab: &mut Lab, from: Peer, message: ClientMessage, text: &str) {
    assert_eq!(lab.submit(from, message), SessionFlow::Close, "{text}");
    assert_eq!(lab.received(from).last(), Some(&router::violation(text)));
}

// === URIs ===

#[test]
fn request_with_an_invalid_uri_is_refused() {
    for bad in ["", ".", "com.", ".com", "com..a", "com.a b", "com.a#b", "com.\u{2003}"] {
        let text = format!("'{bad}' is not a valid URI");
        let publish = client::publish_with(1, client::acknowledged(), bad, NOTHING);
        let lab = &mut Lab::new();
        assert_invalid_uri(lab, client::call(1, bad, NOTHING), RequestKind::Call, &text);
        assert_invalid_uri(lab, client::register(1, bad), RequestKind::Register, &text);
        assert_invalid_uri(lab, publish, RequestKind::Publish, &text);
        assert_invalid_uri(lab, client::subscribe(1, bad), RequestKind::Subscribe, &text);
    }
}

#[test]
fn uri_rule_of_the_realm_decides_on_valid_uris() {
    for bad in ["com.Example", "com.my-app", "com.\u{fc}"] {
        let text = format!("'{bad}' is not a valid URI");
        let call = client::call(1, bad, NOTHING);
        assert_invalid_uri(&mut strict(), call, RequestKind::Call, &text);
        let mut loose = Lab::new();
        let alice = loose.join("alice");
        loose.send(alice, client::subscribe(1, bad));
        assert_eq!(loose.received(alice), [router::subscribed(1, 1)]);
    }
}

#[test]
fn a_pattern_has_empty_components_only_where_its_policy_says() {
    for (policy, bad, what) in [
        (Exact, "com.", "URI"),
        (Exact, "", "URI"),
        (Prefix, "com..a", "prefix pattern"),
        (Prefix, "com..", "prefix pattern"),
        (Prefix, "com.a b", "prefix pattern"),
        (Wildcard, "com..a#", "wildcard pattern"),
    ] {
        let text = format!("'{bad}' is not a valid {what}");
        let register = client::register_pattern(1, policy, bad);
        let subscribe = client::subscribe_pattern(1, policy, bad);
        assert_invalid_uri(&mut Lab::new(), register, RequestKind::Register, &text);
        assert_invalid_uri(&mut strict(), subscribe, RequestKind::Subscribe, &text);
    }
}

#[test]
fn too_long_uri_is_refused_and_not_repeated_in_full() {
    let long = "a".repeat(MAX_URI_BYTES + 1);
    let text = format!("'{}' is not a valid URI", "a".repeat(100));
    let call = client::call(1, &long, NOTHING);
    assert_invalid_uri(&mut Lab::new(), call, RequestKind::Call, &text);
}

#[test]
fn register_and_publish_in_the_reserved_namespace_are_refused() {
    for uri in ["wamp", "wamp.session.count", "wamp.error.x"] {
        let text = format!("URI '{uri}': only the router may use what begins with 'wamp'");
        let publish = client::publish_with(1, client::acknowledged(), uri, NOTHING);
        let lab = &mut Lab::new();
        let refusal = format!("register with restricted procedure {text}");
        assert_invalid_uri(lab, client::register(1, uri), RequestKind::Register, &refusal);
        let refusal = format!("publish with restricted topic {text}");
        assert_invalid_uri(lab, publish, RequestKind::Publish, &refusal);
    }
    let text = "register with restricted procedure URI 'wamp..count': only the router may use what \
                begins with 'wamp'";
    let register = client::register_pattern(1, Wildcard, "wamp..count");
    assert_invalid_uri(&mut Lab::new(), register, RequestKind::Register, text);
}

#[test]
fn call_and_subscribe_in_the_reserved_namespace_are_allowed() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.send(alice, client::subscribe(1, "wamp.session.on_join"));
    lab.send(alice, client::call(2, "wamp.example.count", NOTHING));
    let text = "no callee registered for procedure <wamp.example.count>";
    let error = error_uri::NO_SUCH_PROCEDURE;
    let refusal = router::refused(RequestKind::Call, 2, error, text);
    assert_eq!(lab.received(alice), [router::subscribed(1, 1), refusal]);
}

#[test]
fn invalid_unacknowledged_publication_fails_silently() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    lab.send(bob, client::subscribe_pattern(1, Prefix, ""));
    lab.received(bob);
    for topic in ["", "com..a", "wamp.session.on_join"] {
        lab.send(alice, client::publish(1, topic, NOTHING));
    }
    assert_eq!(lab.received(alice), []);
    assert_eq!(lab.received(bob), []);
}

// === violations ===

/// `caller` has a call in flight at `callee`, which has invocation 1; `other` does nothing.
fn call_in_flight() -> (Lab, [Peer; 3]) {
    let mut lab = Lab::new();
    let peers = ["caller", "callee", "other"].map(|name| lab.join(name));
    lab.send(peers[1], client::register(1, "com.slow"));
    lab.send(peers[0], client::call(1, "com.slow", NOTHING));
    for peer in peers {
        lab.received(peer);
    }
    (lab, peers)
}

#[test]
fn answer_to_an_invocation_of_another_callee_aborts_the_session() {
    let answers = [
        (client::yielded(1, args([666])), "YIELD"),
        (client::failure(1, "com.error.x", NOTHING), "ERROR"),
    ];
    for (answer, name) in answers {
        let (mut lab, [caller, callee, other]) = call_in_flight();
        let text = format!("{name} answers invocation 1, which was never sent to this session");
        assert_violation(&mut lab, other, answer, &text);
        assert_eq!(lab.received(caller), []);
        lab.send(callee, client::yielded(1, args([1])));
        assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
    }
}

#[test]
fn answer_to_an_unknown_invocation_aborts_the_session() {
    let (mut lab, [caller, callee, _]) = call_in_flight();
    let text = "YIELD answers invocation 2, which was never sent to this session";
    assert_violation(&mut lab, callee, client::yielded(2, NOTHING), text);
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
}

#[test]
fn request_id_in_flight_twice_aborts_the_session() {
    let (mut lab, [caller, callee, _]) = call_in_flight();
    let text = "request id 1 is used twice at the same time";
    assert_violation(&mut lab, caller, client::call(1, "com.other", NOTHING), text);
    let received = lab.received(callee);
    assert!(matches!(received[..], [RouterMessage::Interrupt(_)]), "{received:?}");
}

#[test]
fn request_ids_may_come_in_any_order_and_repeat_after_the_answer() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    for number in [9_007_199_254_740_992, 5, 5, 1] {
        lab.send(alice, client::subscribe(number, "com.a"));
        assert_eq!(lab.received(alice), [router::subscribed(number, 1)]);
    }
}

#[test]
fn unannounced_progressive_call_aborts_the_session() {
    let (mut lab, [caller, _, _]) = call_in_flight();
    let options = CallOptions { progress: Some(true), ..CallOptions::default() };
    let text = "CALL with progress: HELLO has not announced progressive_call_invocations for the \
                caller";
    assert_violation(&mut lab, caller, client::call_with(2, options, "com.a", NOTHING), text);
}

#[test]
fn unannounced_payload_passthru_aborts_the_session() {
    let passthru = || {
        let ppt_scheme = Some("x_my_scheme".into());
        Some(Box::new(PassthruDetails { ppt_scheme, ..PassthruDetails::default() }))
    };
    let text = "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";
    let (mut lab, [caller, callee, other]) = call_in_flight();
    let options = PublishOptions { passthru: passthru(), ..PublishOptions::default() };
    assert_violation(&mut lab, other, client::publish_with(9, options, "com.a", NOTHING), text);
    let options = YieldOptions { passthru: passthru(), ..YieldOptions::default() };
    assert_violation(&mut lab, callee, client::yield_with(1, options, NOTHING), text);
    lab.received(caller);
    let options = CallOptions { passthru: passthru(), ..CallOptions::default() };
    assert_violation(&mut lab, caller, client::call_with(2, options, "com.a", NOTHING), text);
}

#[test]
fn unannounced_payload_passthru_in_an_error_aborts_the_session() {
    let (mut lab, [_, callee, _]) = call_in_flight();
    let mut failure = client::failure(1, "com.failed", NOTHING);
    if let ClientMessage::Error(error) = &mut failure {
        let ppt_scheme = Some("x_my_scheme".into());
        error.details.passthru =
            Some(Box::new(PassthruDetails { ppt_scheme, ..PassthruDetails::default() }));
    }
    let text = "ppt_scheme: HELLO has not announced payload_passthru_mode for this role";
    assert_violation(&mut lab, callee, failure, text);
}

#[test]
fn progress_false_needs_no_announced_feature() {
    let (mut lab, [caller, callee, _]) = call_in_flight();
    let options = CallOptions {
        progress: Some(false),
        receive_progress: Some(true),
        ..CallOptions::default()
    };
    lab.send(caller, client::call_with(2, options, "com.slow", NOTHING));
    let details =
        InvocationDetails { receive_progress: Some(true), ..InvocationDetails::default() };
    assert_eq!(lab.received(callee), [router::invocation_with(2, 1, details, NOTHING)]);
    let options = YieldOptions { progress: Some(false), ..YieldOptions::default() };
    lab.send(callee, client::yield_with(2, options, NOTHING));
    assert_eq!(lab.received(caller), [router::result(2, NOTHING)]);
}

#[test]
fn aborted_session_loses_its_state_and_others_go_on() {
    let (mut lab, [caller, callee, other]) = call_in_flight();
    lab.send(other, client::subscribe(1, "com.news"));
    lab.send(other, client::register(2, "com.other"));
    lab.received(other);
    let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, "a message must be a list");
    lab.abort(other, abort.clone());
    assert_eq!(lab.received(other), [RouterMessage::Abort(abort)]);

    lab.send(caller, client::publish(2, "com.news", NOTHING));
    lab.send(caller, client::call(3, "com.other", NOTHING));
    let text = "no callee registered for procedure <com.other>";
    let error = error_uri::NO_SUCH_PROCEDURE;
    assert_eq!(lab.received(caller), [router::refused(RequestKind::Call, 3, error, text)]);
    assert_eq!(lab.received(callee), []);
    assert_eq!(lab.received(other), []);
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
}
