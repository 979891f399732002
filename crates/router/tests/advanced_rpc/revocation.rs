//! Revoked registrations: REGISTER.Options.force_reregister.
//!
//! As in Crossbar.io, except for `docs/decisions/traps.md#f15`: UNREGISTERED with request 0 goes
//! only to callees that have announced registration revocation. `registration_meta` tests
//! `wamp.registration.remove_callee`. Spec: advanced profile "Registration Revocation".

use cloverleaf_router::limits::SessionLimits;
use cloverleaf_router::{Permission, Role};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{InvokePolicy, RegisterOptions, RequestKind};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

use crate::fixture::{
    able, assert_nothing_stays, assert_silence, join, no_such_procedure, register, revoked, shared,
    without,
};

fn force() -> RegisterOptions {
    RegisterOptions { force_reregister: Some(true), ..RegisterOptions::default() }
}

fn already_exists(number: u64, procedure: &str) -> cloverleaf_wamp::message::RouterMessage {
    let text = format!(
        "procedure <{procedure}> is already registered, with the invocation policy 'single'"
    );
    let error = error_uri::PROCEDURE_ALREADY_EXISTS;
    router::refused(RequestKind::Register, number, error, &text)
}

/// A caller, a callee that has registered `com.add`, and another peer.
fn three(callee: Client) -> (Lab, [Peer; 3]) {
    let mut lab = Lab::new();
    let callee = lab.join_as(callee);
    let [caller, other] = join(&mut lab, ["caller", "other"]);
    register(&mut lab, callee, RegisterOptions::default(), "com.add", 1);
    (lab, [caller, callee, other])
}

#[test]
fn a_callee_may_take_a_procedure_over_under_a_new_registration() {
    let (mut lab, [caller, callee, other]) = three(able("callee"));
    register(&mut lab, other, force(), "com.add", 2);
    assert_eq!(lab.received(callee), [revoked(1, error_uri::UNREGISTERED)]);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(other), [router::invocation(1, 2, NOTHING)]);
    lab.send(other, client::yielded(1, args([5])));
    assert_eq!(lab.received(caller), [router::result(1, args([5]))]);
    assert_silence(&mut lab, &[callee]);
    assert_nothing_stays(lab, &[caller, callee, other]);
}

/// `docs/decisions/traps.md#f15`.
#[test]
fn callee_without_registration_revocation_is_not_notified() {
    for callee in [without("callee", &[Feature::RegistrationRevocation]), Client::basic("callee")] {
        let (mut lab, [caller, callee, other]) = three(callee);
        register(&mut lab, other, force(), "com.add", 2);
        assert_silence(&mut lab, &[callee]);
        lab.send(caller, client::call(1, "com.add", NOTHING));
        assert_eq!(lab.received(other), [router::invocation(1, 2, NOTHING)]);
        assert_silence(&mut lab, &[callee]);
    }
}

#[test]
fn register_without_force_keeps_the_registration() {
    let no = RegisterOptions { force_reregister: Some(false), ..RegisterOptions::default() };
    for options in [RegisterOptions::default(), no] {
        let (mut lab, [_, callee, other]) = three(able("callee"));
        lab.send(other, client::register_with(1, options, "com.add"));
        assert_eq!(lab.received(other), [already_exists(1, "com.add")]);
        assert_silence(&mut lab, &[callee]);
    }
}

#[test]
fn force_reregister_of_a_free_procedure_registers_it() {
    let mut lab = Lab::new();
    let [callee, other] = join(&mut lab, ["callee", "other"]);
    register(&mut lab, callee, force(), "com.add", 1);
    lab.send(other, client::register(1, "com.add"));
    assert_eq!(lab.received(other), [already_exists(1, "com.add")]);
}

#[test]
fn force_reregister_revokes_all_callees_of_a_shared_procedure() {
    let mut lab = Lab::new();
    let [a, b, c, caller] = join(&mut lab, ["a", "b", "c", "caller"]);
    for callee in [a, b] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.add", 1);
    }
    let options = RegisterOptions { force_reregister: Some(true), ..shared(InvokePolicy::Last) };
    register(&mut lab, c, options, "com.add", 2);
    for callee in [a, b] {
        assert_eq!(lab.received(callee), [revoked(1, error_uri::UNREGISTERED)]);
    }
    lab.send(a, client::register_with(2, shared(InvokePolicy::Last), "com.add"));
    assert_eq!(lab.received(a), [router::registered(2, 2)]);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(a), [router::invocation(1, 2, NOTHING)]);
    assert_silence(&mut lab, &[b, c]);
}

#[test]
fn callee_may_force_reregister_its_own_procedure() {
    let (mut lab, [caller, callee, _]) = three(able("callee"));
    lab.send(callee, client::register_with(2, force(), "com.add"));
    let told = [revoked(1, error_uri::UNREGISTERED), router::registered(2, 2)];
    assert_eq!(lab.received(callee), told);
    lab.send(caller, client::call(1, "com.add", NOTHING));
    assert_eq!(lab.received(callee), [router::invocation(1, 2, NOTHING)]);
    lab.send(callee, client::unregister(3, 2));
    lab.send(caller, client::call(2, "com.add", NOTHING));
    assert_eq!(lab.received(caller), [no_such_procedure(2, "com.add")]);
}

#[test]
fn calls_of_the_revoked_callee_are_answered_by_it() {
    let (mut lab, [caller, callee, other]) = three(able("callee"));
    for number in [1, 2, 3] {
        lab.send(caller, client::call(number, "com.add", NOTHING));
    }
    lab.received(callee);
    register(&mut lab, other, force(), "com.add", 2);
    lab.received(callee);
    lab.send(callee, client::yielded(1, args([1])));
    lab.send(callee, client::failure(2, "com.error.x", NOTHING));
    let failed = router::failed(RequestKind::Call, 2, "com.error.x", NOTHING);
    assert_eq!(lab.received(caller), [router::result(1, args([1])), failed]);
    lab.disconnect(callee);
    assert_eq!(lab.received(caller), [router::callee_gone(3)]);
    assert_silence(&mut lab, &[other]);
}

#[test]
fn revoked_registration_can_not_be_unregistered() {
    let (mut lab, [_, callee, other]) = three(able("callee"));
    register(&mut lab, other, force(), "com.add", 2);
    lab.received(callee);
    for (number, id) in [(2, 1), (3, 2)] {
        lab.send(callee, client::unregister(number, id));
        let text = format!("this session has no registration {id}");
        let error = error_uri::NO_SUCH_REGISTRATION;
        let refusal = router::refused(RequestKind::Unregister, number, error, &text);
        assert_eq!(lab.received(callee), [refusal]);
    }
}

#[test]
fn force_reregister_applies_to_the_same_pattern_only() {
    let mut lab = Lab::new();
    let [callee, other] = join(&mut lab, ["callee", "other"]);
    let policies = [MatchPolicy::Exact, MatchPolicy::Prefix, MatchPolicy::Wildcard];
    for (number, policy) in (1..).zip(policies) {
        lab.send(callee, client::register_pattern(number, policy, "com.add"));
    }
    lab.received(callee);
    let options = RegisterOptions { match_policy: Some(MatchPolicy::Prefix), ..force() };
    register(&mut lab, other, options, "com.add", 4);
    assert_eq!(lab.received(callee), [revoked(2, error_uri::UNREGISTERED)]);
}

#[test]
fn force_reregister_needs_permission() {
    let everything = |uri| (UriPattern::from_starred(uri).expect("a URI"), Permission::ALL);
    let nothing = Permission { register: false, ..Permission::ALL };
    let guest = [everything("*"), (everything("com.add").0, nothing)];
    let mut lab =
        Lab::with_roles(vec![Role::new("anyone", [everything("*")]), Role::new("guest", guest)]);
    let [callee] = join(&mut lab, ["callee"]);
    let guest = lab.join_as(Client { role: "guest", ..able("guest") });
    register(&mut lab, callee, RegisterOptions::default(), "com.add", 1);
    lab.send(guest, client::register_with(1, force(), "com.add"));
    let text = "session not authorized to register procedure 'com.add'";
    let error = error_uri::NOT_AUTHORIZED;
    assert_eq!(lab.received(guest), [router::refused(RequestKind::Register, 1, error, text)]);
    assert_silence(&mut lab, &[callee]);
}

/// Revoked registrations no longer count in the limits of the session.
#[test]
fn two_callees_may_force_reregister_in_turns() {
    let mut lab = Lab::new();
    let [a, b] = join(&mut lab, ["a", "b"]);
    let options = RegisterOptions { match_policy: Some(MatchPolicy::Prefix), ..force() };
    for round in 1..=SessionLimits::DEFAULT.max_pattern_registrations as u64 + 1 {
        for (turn, callee) in [(0, a), (1, b)] {
            lab.send(callee, client::register_with(round, options.clone(), "com."));
            let id = 2 * round - 1 + turn;
            assert_eq!(lab.received(callee).last(), Some(&router::registered(round, id)));
        }
    }
    assert_nothing_stays(lab, &[a, b]);
}
