//! Waiting calls when callees leave, and calls that wait for one callee only.

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::message::{CallOptions, InvokePolicy, RegisterOptions, Sharding};

use super::{asked, call, crew, one_call, pair};
use crate::fixture::{assert_nothing_stays, assert_silence, join, no_such_procedure, register};

#[test]
fn the_waiting_calls_of_the_last_callee_end_with_it() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=3);
    lab.disconnect(callee);
    let told = [
        router::callee_gone(1),
        no_such_procedure(2, "com.work"),
        no_such_procedure(3, "com.work"),
    ];
    assert_eq!(lab.received(caller), told);
    assert_nothing_stays(lab, &[caller]);
}

#[test]
fn waiting_calls_end_when_the_last_callee_unregisters_and_its_call_in_flight_goes_on() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=3);
    lab.send(callee, client::unregister(2, 1));
    let refusals = [2, 3].map(|number| no_such_procedure(number, "com.work"));
    assert_eq!(lab.received(caller), refusals);
    lab.send(callee, client::register_with(3, one_call(InvokePolicy::First), "com.work"));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
    call(&mut lab, caller, [4, 5]);
    lab.received(callee);
    lab.send(callee, client::yielded(2, NOTHING));
    assert_eq!(asked(&mut lab, callee), [5]);
}

#[test]
fn taking_over_a_procedure_ends_calls_that_wait_for_the_old_callee() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=2);
    let [other] = join(&mut lab, ["other"]);
    let force = RegisterOptions { force_reregister: Some(true), ..one_call(InvokePolicy::First) };
    register(&mut lab, other, force, "com.work", 2);
    assert_eq!(lab.received(caller), [no_such_procedure(2, "com.work")]);
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
    assert_silence(&mut lab, &[other]);
}

#[test]
fn waiting_calls_go_to_the_remaining_callees() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, 1..=4);
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![1], vec![2]));
    lab.disconnect(a);
    assert_eq!(lab.received(caller), [router::callee_gone(1)]);
    assert_silence(&mut lab, &[b]);
    lab.send(b, client::yielded(1, NOTHING));
    assert_eq!(asked(&mut lab, b), [3]);
}

// === keys ===

fn keyed(lab: &mut Lab, caller: Peer, number: u64, key: &str) {
    let sharding = Sharding { rkey: Some(key.into()), runmode: None };
    let options = CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() };
    lab.send(caller, client::call_with(number, options, "com.work", args([number])));
}

/// A key of each callee, and how many invocations each has answered meanwhile.
fn keys_of(lab: &mut Lab, caller: Peer, callees: [Peer; 2]) -> [(String, u64); 2] {
    let mut keys = [const { (String::new(), 0) }; 2];
    for number in 1..=40 {
        let key = format!("key {number}");
        keyed(lab, caller, number, &key);
        for (place, callee) in callees.into_iter().enumerate() {
            if asked(lab, callee) == [number] {
                keys[place] = (key.clone(), keys[place].1 + 1);
                lab.send(callee, client::yielded(keys[place].1, NOTHING));
            }
        }
    }
    lab.received(caller);
    assert!(keys.iter().all(|(_, answered)| *answered > 0), "each has a key");
    keys
}

#[test]
fn call_that_waits_for_one_callee_does_not_block_another_callee() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::Hash);
    let [(of_a, of_a_before), (of_b, of_b_before)] = keys_of(&mut lab, caller, [a, b]);
    for (number, key) in [(41, &of_a), (42, &of_a), (43, &of_b), (44, &of_b), (45, &of_a)] {
        keyed(&mut lab, caller, number, key);
    }
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![41], vec![43]));
    lab.send(b, client::yielded(of_b_before + 1, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![], vec![44]));
    lab.send(a, client::yielded(of_a_before + 1, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![42], vec![]));
}

#[test]
fn calls_that_wait_for_a_callee_that_leaves_go_to_another_one_at_once() {
    for leave in [true, false] {
        let (mut lab, caller, [a, b]) = crew(InvokePolicy::Hash);
        let [(of_a, _), _] = keys_of(&mut lab, caller, [a, b]);
        keyed(&mut lab, caller, 41, &of_a);
        keyed(&mut lab, caller, 42, &of_a);
        assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![41], vec![]));
        if leave {
            lab.disconnect(a);
        } else {
            lab.send(a, client::unregister(2, 1));
        }
        assert_eq!(asked(&mut lab, b), [42]);
    }
}
