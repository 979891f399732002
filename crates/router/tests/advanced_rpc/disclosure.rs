//! Disclosure of callers and callees, and trust levels of calls.
//!
//! `authorization` tests how a permission combines with `disclose_me`. Spec: advanced profile
//! "Caller Identification", "Call Trust Levels". Disclosing the callee in RESULT is an extension of
//! this router, where a permission says so.

use cloverleaf_router::{Disclosure, Permission, Role};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::message::{
    CallOptions, CalleeIdentity, CallerIdentity, InvocationDetails, InvokePolicy, RegisterOptions,
    RequestKind, ResultDetails, RouterMessage,
};
use cloverleaf_wamp::uri::UriPattern;

use crate::fixture::{
    able, assert_silence, open, receiving, register, result_with, shared, unavailable, yield_part,
};

/// A caller with the role `guest` under these rules, and callees with the role `host` under those.
fn lab_with(
    guest: &[(&str, Permission)],
    host: &[(&str, Permission)],
    callees: usize,
) -> (Lab, Peer, Vec<Peer>) {
    let role = |name: &str, rules: &[(&str, Permission)]| {
        let pattern = |uri: &str| UriPattern::from_starred(uri).expect("a URI");
        Role::new(name, rules.iter().map(|(uri, rule)| (pattern(uri), *rule)))
    };
    let mut lab = Lab::with_roles(vec![role("guest", guest), role("host", host)]);
    let caller = lab.join_as(Client { role: "guest", ..able("joe") });
    let callee = |_| lab.join_as(Client { role: "host", ..able("ann") });
    let callees = (0..callees).map(callee).collect();
    (lab, caller, callees)
}

const ALL: &[(&str, Permission)] = &[("*", Permission::ALL)];

const DISCLOSED: &[(&str, Permission)] =
    &[("*", Permission { disclose_callee: true, ..Permission::ALL })];

fn caller_told(lab: &Lab, caller: Peer) -> InvocationDetails {
    let identity = CallerIdentity {
        caller: Some(lab.id(caller)),
        caller_authid: Some("joe".into()),
        caller_authrole: Some("guest".into()),
    };
    InvocationDetails { caller: Some(Box::new(identity)), ..InvocationDetails::default() }
}

fn callee_told(lab: &Lab, callee: Peer) -> ResultDetails {
    let identity = CalleeIdentity {
        callee: Some(lab.id(callee)),
        callee_authid: Some("ann".into()),
        callee_authrole: Some("host".into()),
    };
    ResultDetails { callee: Some(Box::new(identity)), ..ResultDetails::default() }
}

fn wanting(disclose_caller: Option<bool>) -> RegisterOptions {
    RegisterOptions { disclose_caller, ..RegisterOptions::default() }
}

// === the caller ===

#[test]
fn callee_that_requests_it_gets_the_caller_unless_the_permission_forbids_it() {
    use Disclosure::{Always, Never, OnRequest};
    for (disclose_caller, wants, wish, disclosed) in [
        (OnRequest, Some(true), None, true),
        (OnRequest, Some(true), Some(false), true),
        (OnRequest, Some(true), Some(true), true),
        (OnRequest, Some(false), None, false),
        (OnRequest, Some(false), Some(true), true),
        (OnRequest, None, None, false),
        (Always, Some(false), None, true),
        (Always, None, Some(false), true),
        (Never, Some(true), None, false),
        (Never, Some(true), Some(false), false),
    ] {
        let rule = Permission { disclose_caller, ..Permission::ALL };
        let (mut lab, caller, callees) = lab_with(&[("*", rule)], ALL, 1);
        register(&mut lab, callees[0], wanting(wants), "com.who", 1);
        let options = CallOptions { disclose_me: wish, ..CallOptions::default() };
        lab.send(caller, client::call_with(1, options, "com.who", NOTHING));
        let details =
            if disclosed { caller_told(&lab, caller) } else { InvocationDetails::default() };
        assert_eq!(
            lab.received(callees[0]),
            [router::invocation_with(1, 1, details, NOTHING)],
            "{disclose_caller:?} {wants:?} {wish:?}"
        );
    }
}

#[test]
fn each_callee_gets_the_disclosure_that_it_requested() {
    let (mut lab, caller, callees) = lab_with(ALL, ALL, 2);
    let wants = RegisterOptions { disclose_caller: Some(true), ..shared(InvokePolicy::RoundRobin) };
    register(&mut lab, callees[0], wants, "com.who", 1);
    register(&mut lab, callees[1], shared(InvokePolicy::RoundRobin), "com.who", 1);
    for number in [1, 2] {
        lab.send(caller, client::call(number, "com.who", NOTHING));
    }
    let told = caller_told(&lab, caller);
    assert_eq!(lab.received(callees[0]), [router::invocation_with(1, 1, told, NOTHING)]);
    assert_eq!(lab.received(callees[1]), [router::invocation(1, 1, NOTHING)]);
}

#[test]
fn rerouted_call_discloses_what_the_next_callee_requested() {
    let (mut lab, caller, callees) = lab_with(ALL, ALL, 2);
    let wants = RegisterOptions { disclose_caller: Some(true), ..shared(InvokePolicy::First) };
    register(&mut lab, callees[0], shared(InvokePolicy::First), "com.who", 1);
    register(&mut lab, callees[1], wants, "com.who", 1);
    lab.send(caller, client::call(1, "com.who", NOTHING));
    assert_eq!(lab.received(callees[0]), [router::invocation(1, 1, NOTHING)]);
    lab.send(callees[0], unavailable(1));
    let told = caller_told(&lab, caller);
    assert_eq!(lab.received(callees[1]), [router::invocation_with(1, 1, told, NOTHING)]);
}

#[test]
fn every_part_of_a_call_discloses_the_caller() {
    let (mut lab, caller, callees) = lab_with(ALL, ALL, 1);
    register(&mut lab, callees[0], wanting(Some(true)), "com.who", 1);
    for progress in [Some(true), None] {
        let options = CallOptions { progress, ..CallOptions::default() };
        lab.send(caller, client::call_with(1, options, "com.who", NOTHING));
        let details = InvocationDetails { progress, ..caller_told(&lab, caller) };
        let told = router::invocation_with(1, 1, details, NOTHING);
        assert_eq!(lab.received(callees[0]), [told]);
    }
}

// === the callee ===

#[test]
fn callee_is_disclosed_to_callers_if_its_permission_says_so() {
    let (mut lab, caller, callees) = lab_with(ALL, DISCLOSED, 1);
    register(&mut lab, callees[0], RegisterOptions::default(), "com.who", 1);
    lab.send(caller, client::call(1, "com.who", NOTHING));
    lab.send(callees[0], client::yielded(1, args([1])));
    let told = callee_told(&lab, callees[0]);
    assert_eq!(lab.received(caller), [result_with(1, told, args([1]))]);

    // The permission of the caller has no effect on it.
    let (mut lab, caller, callees) = lab_with(DISCLOSED, ALL, 1);
    register(&mut lab, callees[0], RegisterOptions::default(), "com.who", 1);
    lab.send(caller, client::call(1, "com.who", NOTHING));
    lab.send(callees[0], client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}

#[test]
fn permission_of_the_registered_procedure_decides_on_disclosure() {
    let open = Permission { disclose_callee: true, ..Permission::ALL };
    let (mut lab, caller, callees) =
        lab_with(ALL, &[("com.open.*", open), ("com.*", Permission::ALL)], 1);
    for (number, procedure) in (1..).zip(["com.open.a", "com.a"]) {
        lab.send(callees[0], client::register(number, procedure));
        lab.send(caller, client::call(number, procedure, NOTHING));
        lab.send(callees[0], client::yielded(number, NOTHING));
    }
    let told = [result_with(1, callee_told(&lab, callees[0]), NOTHING), router::result(2, NOTHING)];
    assert_eq!(lab.received(caller), told);
}

#[test]
fn results_disclose_the_callee_and_errors_do_not() {
    let (mut lab, caller, callees) = lab_with(ALL, DISCLOSED, 1);
    let callee = callees[0];
    register(&mut lab, callee, RegisterOptions::default(), "com.who", 1);
    lab.send(caller, client::call_with(1, receiving(), "com.who", NOTHING));
    // Also when it has unregistered meanwhile.
    lab.send(callee, client::unregister(2, 1));
    lab.send(callee, yield_part(1, args([1])));
    lab.send(callee, client::yielded(1, args([2])));
    let last = callee_told(&lab, callee);
    let part = ResultDetails { progress: Some(true), ..last.clone() };
    let told = [result_with(1, part, args([1])), result_with(1, last, args([2]))];
    assert_eq!(lab.received(caller), told);

    lab.send(callee, client::register(3, "com.who"));
    lab.send(caller, client::call(2, "com.who", NOTHING));
    lab.send(callee, client::failure(2, "com.error.x", NOTHING));
    let failed = router::failed(RequestKind::Call, 2, "com.error.x", NOTHING);
    assert_eq!(lab.received(caller), [failed]);
}

#[test]
fn rerouted_call_discloses_the_callee_that_answers() {
    let (mut lab, caller, callees) = lab_with(ALL, DISCLOSED, 2);
    for callee in &callees {
        register(&mut lab, *callee, shared(InvokePolicy::First), "com.who", 1);
    }
    lab.send(caller, client::call(1, "com.who", NOTHING));
    lab.send(callees[0], unavailable(1));
    lab.send(callees[1], client::yielded(1, NOTHING));
    let told = callee_told(&lab, callees[1]);
    assert_eq!(lab.received(caller), [result_with(1, told, NOTHING)]);
}

#[test]
fn progressive_results_disclose_their_callee_and_collected_results_none() {
    let (mut lab, caller, callees) = lab_with(ALL, DISCLOSED, 2);
    for callee in &callees {
        register(&mut lab, *callee, shared(InvokePolicy::All), "com.who", 1);
    }
    lab.send(caller, client::call_with(1, receiving(), "com.who", NOTHING));
    for callee in &callees {
        lab.send(*callee, yield_part(1, NOTHING));
        let part = ResultDetails { progress: Some(true), ..callee_told(&lab, *callee) };
        assert_eq!(lab.received(caller), [result_with(1, part, NOTHING)]);
    }
    for callee in &callees {
        lab.send(*callee, client::yielded(1, NOTHING));
    }
    let told = lab.received(caller);
    let [RouterMessage::Result(result)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(result.details, ResultDetails::default());
}

// === trust ===

#[test]
fn permission_of_the_caller_sets_the_trust_level() {
    let trusted = |trustlevel| Permission { trustlevel, ..Permission::ALL };
    let rules = [
        ("com.*", trusted(Some(0))),
        ("com.much", trusted(Some(3))),
        ("com.most", trusted(Some(u64::MAX))),
        ("org.*", trusted(None)),
    ];
    // The trust level of the callee has no effect.
    let (mut lab, caller, callees) = lab_with(&rules, &[("*", trusted(Some(9)))], 1);
    let procedures =
        [("com.a", Some(0)), ("com.much", Some(3)), ("com.most", Some(u64::MAX)), ("org.a", None)];
    for (number, (procedure, trustlevel)) in (1..).zip(procedures) {
        lab.send(callees[0], client::register(number, procedure));
        lab.received(callees[0]);
        lab.send(caller, client::call(number, procedure, NOTHING));
        let details = InvocationDetails { trustlevel, ..InvocationDetails::default() };
        let told = router::invocation_with(number, number, details, NOTHING);
        assert_eq!(lab.received(callees[0]), [told], "{procedure}");
    }
}

#[test]
fn every_part_and_every_callee_gets_the_trust_level() {
    let trusted = Permission { trustlevel: Some(2), ..Permission::ALL };
    let (mut lab, caller, callees) = lab_with(&[("*", trusted)], ALL, 2);
    for callee in &callees {
        register(&mut lab, *callee, shared(InvokePolicy::First), "com.who", 1);
    }
    let details = InvocationDetails { trustlevel: Some(2), ..InvocationDetails::default() };
    lab.send(caller, client::call_with(1, open(), "com.who", NOTHING));
    lab.send(caller, client::call(1, "com.who", NOTHING));
    let first = InvocationDetails { progress: Some(true), ..details.clone() };
    let told =
        [first, details.clone()].map(|details| router::invocation_with(1, 1, details, NOTHING));
    assert_eq!(lab.received(callees[0]), told);
    lab.send(caller, client::call(2, "com.who", NOTHING));
    lab.send(callees[0], unavailable(2));
    assert_eq!(lab.received(callees[1]), [router::invocation_with(1, 1, details, NOTHING)]);
    assert_silence(&mut lab, &[caller]);
}
