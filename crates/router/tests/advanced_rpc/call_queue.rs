//! Calls that wait for a callee to be free.
//!
//! This router's own, as in Crossbar.io (`store.call-queue`): a queue for each registration that the
//! operator has given one, first come, first served.

use cloverleaf_router::{CallQueue, RealmSettings};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::State;
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CallerIdentity, CancelMode, InvocationDetails, InvokePolicy, RegisterOptions,
    RouterMessage, RunMode, Sharding,
};
use cloverleaf_wamp::uri::UriPattern;

use crate::stage::{
    assert_nothing_stays, assert_silence, call_part, cancel, given_up, invocation_receiving, join,
    millis, no_such_procedure, nobody_available, receiving, refused, register, result_part, shared,
    too_many, unavailable, yield_part,
};

/// A realm with queues of these lengths.
fn lab_with(queues: &[(&str, usize)]) -> Lab {
    let call_queues = queues.iter().map(|(pattern, limit)| CallQueue {
        pattern: UriPattern::from_starred(pattern).expect("a pattern"),
        limit: *limit,
    });
    Lab::with(RealmSettings { call_queues: call_queues.collect(), ..settings() })
}

fn one_call(policy: InvokePolicy) -> RegisterOptions {
    RegisterOptions { concurrency: Some(1), ..shared(policy) }
}

/// A caller, and a callee that takes one call of `com.work` at a time; three may wait.
fn pair() -> (Lab, Peer, Peer) {
    let mut lab = lab_with(&[("com.*", 3)]);
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, one_call(InvokePolicy::First), "com.work", 1);
    (lab, caller, callee)
}

/// The same with two callees.
fn crew(policy: InvokePolicy) -> (Lab, Peer, [Peer; 2]) {
    let mut lab = lab_with(&[("com.*", 3)]);
    let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
    for callee in [a, b] {
        register(&mut lab, callee, one_call(policy), "com.work", 1);
    }
    (lab, caller, [a, b])
}

/// Calls with the number as the argument.
fn call(lab: &mut Lab, caller: Peer, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        lab.send(caller, client::call(number, "com.work", args([number])));
    }
}

/// The numbers of the calls that the callee has been asked since the last look.
fn asked(lab: &mut Lab, callee: Peer) -> Vec<u64> {
    let number = |message| match message {
        RouterMessage::Invocation(invocation) => {
            invocation.payload.decode_args::<(u64,)>().expect("a number").0
        }
        other => panic!("an INVOCATION, not {other:?}"),
    };
    lab.received(callee).into_iter().map(number).collect()
}

#[test]
fn calls_wait_in_the_order_in_which_they_came() {
    let (mut lab, caller, callee) = pair();
    let [other] = join(&mut lab, ["other"]);
    call(&mut lab, caller, [1, 2]);
    call(&mut lab, other, [10]);
    call(&mut lab, caller, [3]);
    assert_eq!(asked(&mut lab, callee), [1]);
    for (invocation, next) in [(1, 2), (2, 10), (3, 3)] {
        lab.send(callee, client::yielded(invocation, NOTHING));
        assert_eq!(asked(&mut lab, callee), [next]);
    }
    lab.send(callee, client::yielded(4, NOTHING));
    assert_eq!(lab.received(caller), [1, 2, 3].map(|number| router::result(number, NOTHING)));
    assert_eq!(lab.received(other), [router::result(10, NOTHING)]);
    assert_nothing_stays(lab, &[caller, other, callee]);
}

#[test]
fn no_more_calls_wait_than_the_queue_holds() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=6);
    assert_eq!(lab.received(caller), [too_many(5), too_many(6)]);
    lab.send(callee, client::yielded(1, NOTHING));
    call(&mut lab, caller, [7, 8]);
    assert_eq!(lab.received(caller), [router::result(1, NOTHING), too_many(8)]);
    assert_eq!(asked(&mut lab, callee), [1, 2]);
}

#[test]
fn the_queue_of_a_procedure_is_the_one_whose_pattern_fits_best() {
    let mut lab = lab_with(&[("com.*", 1), ("com.long", 2), ("com.*.none", 0)]);
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    let procedures = [("com.a", 1), ("com.long", 2), ("com.x.none", 0), ("org.a", 0)];
    for (number, (procedure, waiting)) in (1..).zip(procedures) {
        lab.send(callee, client::register_with(number, one_call(InvokePolicy::Single), procedure));
        for call in 0..4 {
            lab.send(caller, client::call(number * 10 + call, procedure, NOTHING));
        }
        let told = (1 + waiting..4).map(|call| too_many(number * 10 + call));
        assert_eq!(lab.received(caller), Vec::from_iter(told), "{procedure}");
    }
}

#[test]
fn an_invocation_says_the_same_whether_its_call_has_waited_or_not() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, [1]);
    let options = CallOptions {
        disclose_me: Some(true),
        receive_progress: Some(true),
        ..CallOptions::default()
    };
    lab.send(caller, client::call_with(2, options, "com.work", args(["two"])));
    lab.received(callee);
    lab.send(callee, client::yielded(1, NOTHING));
    let details = InvocationDetails {
        caller: Some(Box::new(CallerIdentity {
            caller: Some(lab.id(caller)),
            caller_authid: Some("caller".into()),
            caller_authrole: Some("anyone".into()),
        })),
        receive_progress: Some(true),
        ..InvocationDetails::default()
    };
    assert_eq!(lab.received(callee), [router::invocation_with(2, 1, details, args(["two"]))]);
}

// === who becomes free ===

#[test]
fn however_a_call_ends_the_next_one_is_sent() {
    let ends: [fn(&mut Lab, Peer, Peer); 6] = [
        |lab, _, callee| lab.send(callee, client::failure(1, "com.error.x", NOTHING)),
        |lab, _, callee| lab.send(callee, unavailable(1)),
        |lab, caller, _| lab.send(caller, cancel(1, CancelMode::Skip)),
        |lab, caller, _| lab.send(caller, cancel(1, CancelMode::KillNoWait)),
        |lab, _, _| lab.pass(millis(100)),
        |lab, caller, _| lab.disconnect(caller),
    ];
    for end in ends {
        let (mut lab, caller, callee) = pair();
        let [other] = join(&mut lab, ["other"]);
        let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
        lab.send(caller, client::call_with(1, options, "com.work", args([1])));
        call(&mut lab, other, [2, 3]);
        lab.received(callee);
        end(&mut lab, caller, callee);
        assert_eq!(lab.received(callee).last(), Some(&router::invocation(2, 1, args([2]))));
        lab.send(callee, client::yielded(2, NOTHING));
        assert_eq!(asked(&mut lab, callee), [3]);
    }
}

#[test]
fn a_callee_that_joins_gets_what_waits() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=4);
    let [second, third] = join(&mut lab, ["second", "third"]);
    lab.send(second, client::register_with(1, one_call(InvokePolicy::First), "com.work"));
    let invoked = |number, call| router::invocation(number, 1, args([call]));
    assert_eq!(lab.received(second), [router::registered(1, 1), invoked(1, 2)]);
    lab.send(third, client::register_with(1, shared(InvokePolicy::First), "com.work"));
    assert_eq!(lab.received(third), [router::registered(1, 1), invoked(1, 3), invoked(2, 4)]);
    assert_eq!(asked(&mut lab, callee), [1]);
}

// === who gives up ===

#[test]
fn a_waiting_call_is_canceled_at_once_in_every_mode() {
    for mode in [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait] {
        let (mut lab, caller, callee) = pair();
        call(&mut lab, caller, 1..=3);
        lab.send(caller, cancel(2, mode));
        assert_eq!(lab.received(caller), [router::canceled(2)]);
        assert_eq!(asked(&mut lab, callee), [1]);
        lab.send(callee, client::yielded(1, NOTHING));
        assert_eq!(asked(&mut lab, callee), [3]);
    }
}

#[test]
fn the_time_that_a_call_waits_counts() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, [1]);
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(2, options.clone(), "com.work", args([2])));
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(2)]);
    assert_eq!(asked(&mut lab, callee), [1]);

    lab.send(caller, client::call_with(3, options, "com.work", args([3])));
    lab.pass(millis(60));
    lab.send(callee, client::yielded(1, NOTHING));
    assert_eq!(asked(&mut lab, callee), [3]);
    lab.received(caller);
    lab.pass(millis(40));
    assert_eq!(lab.received(caller), [router::timed_out(3)]);
    let timeout = router::interrupt(2, CancelMode::KillNoWait, error_uri::TIMEOUT);
    assert_eq!(lab.received(callee), [timeout]);
}

#[test]
fn calls_whose_time_is_up_together_are_not_sent_one_after_the_other() {
    let (mut lab, caller, callee) = pair();
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    for number in 1..=3 {
        lab.send(caller, client::call_with(number, options.clone(), "com.work", args([number])));
    }
    call(&mut lab, caller, [4]);
    assert_eq!(asked(&mut lab, callee), [1]);
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [1, 2, 3].map(router::timed_out));
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    assert_eq!(lab.received(callee), [timeout, router::invocation(2, 1, args([4]))]);
}

#[test]
fn nothing_is_sent_of_a_caller_that_leaves() {
    let (mut lab, caller, callee) = pair();
    let [other] = join(&mut lab, ["other"]);
    call(&mut lab, caller, [1, 2, 3]);
    call(&mut lab, other, [4]);
    assert_eq!(asked(&mut lab, callee), [1]);
    lab.disconnect(caller);
    assert_eq!(lab.received(callee), [given_up(1), router::invocation(2, 1, args([4]))]);
    assert_nothing_stays(lab, &[other, callee]);
}

// === callees that leave ===

#[test]
fn the_waiting_calls_of_the_last_callee_end_with_it() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=3);
    lab.disconnect(callee);
    let mut told = lab.received(caller);
    told.sort_by_key(|message| format!("{message:?}"));
    let mut expected = vec![
        router::callee_gone(1),
        no_such_procedure(2, "com.work"),
        no_such_procedure(3, "com.work"),
    ];
    expected.sort_by_key(|message| format!("{message:?}"));
    assert_eq!(told, expected);
    assert_nothing_stays(lab, &[caller]);
}

#[test]
fn the_waiting_calls_end_when_the_last_callee_unregisters_and_its_own_goes_on() {
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
fn a_callee_that_takes_the_procedure_over_ends_what_waits_for_the_old_one() {
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
fn what_waits_goes_to_the_callees_that_stay() {
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
fn who_waits_for_one_callee_does_not_stand_in_the_way_to_another() {
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
fn what_waits_for_a_callee_that_leaves_falls_to_another_at_once() {
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

// === with other features ===

#[test]
fn a_call_that_came_back_waits_for_another_callee_and_not_for_the_one_that_could_not() {
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
fn a_call_that_came_back_ends_when_the_others_have_left() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, [1, 2]);
    lab.send(a, unavailable(1));
    lab.received(a);
    assert_silence(&mut lab, &[caller]);
    lab.disconnect(b);
    let told = lab.received(caller);
    assert_eq!(told, [nobody_available(1), router::callee_gone(2)]);
    assert_silence(&mut lab, &[a]);
}

#[test]
fn a_call_that_came_back_is_given_to_a_callee_that_registers_again() {
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
fn a_free_callee_that_can_not_take_a_waiting_call_is_passed_over() {
    let (mut lab, caller, [a, b]) = crew(InvokePolicy::First);
    call(&mut lab, caller, 1..=3);
    lab.received(a);
    lab.set_state(a, State::Congested);
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
    lab.set_state(callee, State::Congested);
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
fn results_in_parts_may_be_waited_for() {
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

/// Nobody would take the parts that follow.
#[test]
fn a_call_in_parts_does_not_wait() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, [1]);
    lab.send(caller, call_part(2, "com.work", NOTHING));
    assert_eq!(lab.received(caller), [too_many(2)]);
    lab.send(caller, call_part(2, "com.work", NOTHING));
    lab.send(caller, client::call(2, "com.work", NOTHING));
    assert_silence(&mut lab, &[caller]);
    assert_eq!(asked(&mut lab, callee), [1]);
}
