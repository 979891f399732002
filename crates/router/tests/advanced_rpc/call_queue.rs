//! Calls that wait for a free callee.
//!
//! An extension of this router, as in Crossbar.io (`store.call-queue`): a queue for each
//! registration for which the operator has configured one, first come, first served.

use cloverleaf_router::limits::SharedLimits;
use cloverleaf_router::{CallQueue, RealmSettings};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CallerIdentity, CancelMode, InvocationDetails, InvokePolicy, RegisterOptions,
    RouterMessage,
};
use cloverleaf_wamp::uri::UriPattern;

use crate::fixture::{
    assert_nothing_stays, assert_silence, cancel, given_up, join, millis, no_such_procedure,
    register, shared, too_many, unavailable,
};

mod features;
mod leaving;

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

/// As [`pair`], with two callees.
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

/// The request ids of the calls that the callee has received since the last call.
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
fn calls_beyond_the_queue_limit_are_refused() {
    let (mut lab, caller, callee) = pair();
    call(&mut lab, caller, 1..=6);
    assert_eq!(lab.received(caller), [too_many(5), too_many(6)]);
    lab.send(callee, client::yielded(1, NOTHING));
    call(&mut lab, caller, [7, 8]);
    assert_eq!(lab.received(caller), [router::result(1, NOTHING), too_many(8)]);
    assert_eq!(asked(&mut lab, callee), [1, 2]);
}

#[test]
fn bytes_of_waiting_calls_are_limited_per_registration() {
    let mut lab = lab_with(&[("com.*", 100)]);
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, one_call(InvokePolicy::First), "com.work", 1);
    let large =
        || text(&"x".repeat(SharedLimits::DEFAULT.max_queued_call_bytes_per_registration / 3));
    for number in 1..=4 {
        lab.send(caller, client::call(number, "com.work", large()));
    }
    // One call is at the callee, two wait; a third one with its options exceeds the limit.
    assert_eq!(lab.received(caller), [too_many(4)]);
    lab.send(caller, client::call(5, "com.work", args([5])));
    assert_silence(&mut lab, &[caller]);
    lab.send(callee, client::yielded(1, NOTHING));
    lab.send(caller, client::call(6, "com.work", large()));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)], "its bytes are free again");
    lab.send(caller, cancel(3, CancelMode::KillNoWait));
    lab.send(caller, client::call(7, "com.work", large()));
    assert_eq!(lab.received(caller), [router::canceled(3)], "those of a canceled call, too");
    lab.send(callee, client::unregister(2, 1));
    let ended = [5, 6, 7].map(|number| no_such_procedure(number, "com.work"));
    assert_eq!(lab.received(caller), ended);
    lab.received(callee);
    register(&mut lab, callee, one_call(InvokePolicy::First), "com.work", 2);
    for number in 8..=10 {
        lab.send(caller, client::call(number, "com.work", large()));
    }
    assert_silence(&mut lab, &[caller]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn bytes_of_waiting_calls_are_limited_per_realm() {
    let mut lab = lab_with(&[("com.*", 100)]);
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    // Not quite what one registration may hold, so that each has room for it.
    let large =
        || text(&"x".repeat(SharedLimits::DEFAULT.max_queued_call_bytes_per_registration - 4_096));
    let places = (SharedLimits::DEFAULT.max_queued_call_bytes
        / SharedLimits::DEFAULT.max_queued_call_bytes_per_registration) as u64;
    for place in 0..=places {
        let procedure = format!("com.work{place}");
        register(&mut lab, callee, one_call(InvokePolicy::First), &procedure, place + 1);
        lab.send(caller, client::call(2 * place + 1, &procedure, NOTHING));
        lab.send(caller, client::call(2 * place + 2, &procedure, large()));
        lab.received(callee);
    }
    assert_eq!(lab.received(caller), [too_many(2 * places + 2)]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn best_matching_pattern_decides_on_the_queue_limit() {
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
fn invocation_of_a_queued_call_has_the_same_details() {
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

// === callees that become free ===

#[test]
fn every_ending_of_a_call_sends_the_next_one() {
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
fn new_callee_gets_the_waiting_calls() {
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

// === cancellation and timeouts ===

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
fn time_in_the_queue_counts_for_the_timeout() {
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
fn calls_that_time_out_together_are_not_sent_to_the_freed_callee() {
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
fn waiting_calls_of_a_caller_that_leaves_are_not_sent() {
    let (mut lab, caller, callee) = pair();
    let [other] = join(&mut lab, ["other"]);
    call(&mut lab, caller, [1, 2, 3]);
    call(&mut lab, other, [4]);
    assert_eq!(asked(&mut lab, callee), [1]);
    lab.disconnect(caller);
    assert_eq!(lab.received(callee), [given_up(1), router::invocation(2, 1, args([4]))]);
    assert_nothing_stays(lab, &[other, callee]);
}
