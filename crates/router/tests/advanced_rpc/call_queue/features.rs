//! Waiting calls with rerouting, unreachable callees, calls to all callees, progressive calls.

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{CallOptions, InvokePolicy, RunMode, Sharding};

use super::{asked, call, crew, one_call, pair};
use crate::fixture::{
    assert_silence, call_part, invocation_receiving, no_available_callee, receiving, refused,
    result_part, too_many, unavailable, yield_part,
};

#[test]
fn rerouted_call_waits_for_another_callee() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, 1..=3);
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![1], vec![2]));
    lab.send(a, unavailable(1));
    // Call 3 was before it, and a takes it.
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![3], vec![]));
    lab.send(a, client::yielded(2, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![], vec![]));
    lab.send(b, client::yielded(1, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![], vec![1]));
}

#[test]
fn rerouted_call_ends_when_the_other_callees_have_left() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, [1, 2]);
    lab.send(a, unavailable(1));
    lab.received(a);
    assert_silence(&mut lab, &[caller]);
    lab.disconnect(b);
    let told = lab.received(caller);
    assert_eq!(told, [router::callee_gone(2), no_available_callee(1)]);
    assert_silence(&mut lab, &[a]);
}

#[test]
fn rerouted_call_goes_to_a_callee_that_registers_again() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, [1, 2]);
    lab.send(a, unavailable(1));
    lab.send(a, client::unregister(2, 1));
    lab.received(a);
    lab.send(a, client::register_with(3, one_call(InvokePolicy::First), "com.work"));
    let told = [router::registered(3, 1), router::invocation(2, 1, args([1]))];
    assert_eq!(lab.received(a), told);
    assert_eq!(asked(&mut lab, b), [2]);
}

#[test]
fn free_callee_that_can_not_take_a_waiting_call_is_skipped() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, 1..=3);
    lab.received(a);
    lab.set_state(a, OutboxState::Dropping);
    lab.send(a, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
    assert_silence(&mut lab, &[a]);
    lab.send(b, client::yielded(1, NOTHING));
    assert_eq!(asked(&mut lab, b), [2, 3]);
}

#[test]
fn a_waiting_call_that_no_callee_can_take_is_refused() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=3);
    lab.set_state(callee, OutboxState::Dropping);
    lab.send(callee, client::yielded(1, NOTHING));
    let full = |number| refused(number, error_uri::UNAVAILABLE, "the callee's queue is full");
    assert_eq!(lab.received(caller), [router::result(1, NOTHING), full(2), full(3)]);
}

#[test]
fn a_call_to_all_callees_leaves_each_of_them_free_when_it_has_answered() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    let sharding = Sharding { rkey: None, runmode: Some(RunMode::All.into()) };
    let all = CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, all, "com.work", args([1])));
    call(&mut lab, caller, [2, 3]);
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![1], vec![1]));
    lab.send(a, client::yielded(1, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![2], vec![]));
    // Also the last one, whose answer ends the call.
    lab.send(b, client::yielded(1, NOTHING));
    assert_eq!((asked(&mut lab, a), asked(&mut lab, b)), (vec![], vec![3]));
}

#[test]
fn queued_call_may_have_progressive_results() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, [1]);
    lab.send(caller, client::call_with(2, receiving(), "com.work", args([2])));
    lab.received(callee);
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(lab.received(callee), [invocation_receiving(2, 1, args([2]))]);
    call(&mut lab, caller, [3]);
    lab.send(callee, yield_part(2, NOTHING));
    assert_silence(&mut lab, &[callee]);
    lab.send(callee, client::yielded(2, NOTHING));
    assert_eq!(asked(&mut lab, callee), [3]);
    let told = [router::result(1, NOTHING), result_part(2, NOTHING), router::result(2, NOTHING)];
    assert_eq!(lab.received(caller), told);
}

/// No callee would take the parts that follow.
#[test]
fn progressive_call_is_not_queued() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, [1]);
    lab.send(caller, call_part(2, "com.work", NOTHING));
    assert_eq!(lab.received(caller), [too_many(2)]);
    lab.send(caller, call_part(2, "com.work", NOTHING));
    lab.send(caller, client::call(2, "com.work", NOTHING));
    assert_silence(&mut lab, &[caller]);
    assert_eq!(asked(&mut lab, callee), [1]);
}
