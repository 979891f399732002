//! Concurrent calls of a callee: REGISTER.Options.concurrency.
//!
//! An extension of this router, as in Crossbar.io but for its leaks: every ending of a call
//! decrements the count once. `docs/decisions/traps.md#f3`: a call for which no callee is free
//! fails with
//! `crossbar.error.max_concurrency_reached`. `call_queue` tests calls that wait.

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, ClientMessage, InvokePolicy, RegisterOptions, RequestKind,
    RouterMessage, Sharding,
};

use crate::fixture::{
    assert_nothing_stays, assert_silence, call_part, cancel, join, millis, receiving, refused,
    register, shared, too_many, unavailable, yield_part,
};

fn limited(policy: InvokePolicy, concurrency: u64) -> RegisterOptions {
    RegisterOptions { concurrency: Some(concurrency), ..shared(policy) }
}

/// A caller, and callees `a`, `b`, `c` that share `com.work`, with these limits.
fn crew(policy: InvokePolicy, limits: [Option<u64>; 3]) -> (Lab, Peer, [Peer; 3]) {
    let mut lab = Lab::new();
    let [caller, a, b, c] = join(&mut lab, ["caller", "a", "b", "c"]);
    for (callee, concurrency) in [a, b, c].into_iter().zip(limits) {
        let options = RegisterOptions { concurrency, ..shared(policy) };
        register(&mut lab, callee, options, "com.work", 1);
    }
    (lab, caller, [a, b, c])
}

/// A caller, and one callee with this limit.
fn pair(concurrency: u64) -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, limited(InvokePolicy::Single, concurrency), "com.work", 1);
    (lab, caller, callee)
}

fn call(lab: &mut Lab, caller: Peer, number: u64) {
    let options = CallOptions { timeout: Some(100), ..receiving() };
    lab.send(caller, client::call_with(number, options, "com.work", NOTHING));
}

/// Sends calls and returns the callee of each; `-` where the call was refused.
fn asked(lab: &mut Lab, caller: Peer, callees: [Peer; 3], numbers: std::ops::Range<u64>) -> String {
    numbers
        .map(|number| {
            lab.send(caller, client::call(number, "com.work", NOTHING));
            let invoked = callees
                .map(|callee| matches!(lab.received(callee)[..], [RouterMessage::Invocation(_)]));
            match invoked.iter().position(|invoked| *invoked) {
                Some(place) => ['a', 'b', 'c'][place],
                None => {
                    assert_eq!(lab.received(caller), [too_many(number)]);
                    '-'
                }
            }
        })
        .collect()
}

#[test]
fn callee_is_invoked_up_to_its_limit() {
    let (mut lab, caller, callee) = pair(2);
    for number in [1, 2, 3] {
        lab.send(caller, client::call(number, "com.work", args([number])));
    }
    assert_eq!(lab.received(caller), [too_many(3)]);
    let told = [1, 2].map(|number| router::invocation(number, 1, args([number])));
    assert_eq!(lab.received(callee), told);
    lab.send(callee, client::yielded(2, NOTHING));
    lab.send(caller, client::call(4, "com.work", args([4])));
    lab.send(caller, client::call(5, "com.work", args([5])));
    assert_eq!(lab.received(caller), [router::result(2, NOTHING), too_many(5)]);
    assert_eq!(lab.received(callee), [router::invocation(3, 1, args([4]))]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn limit_of_zero_is_refused() {
    let mut lab = Lab::new();
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    lab.send(callee, client::register_with(1, limited(InvokePolicy::Single, 0), "com.work"));
    let text = "REGISTER.Options.concurrency must be 1 or more";
    let error = error_uri::INVALID_ARGUMENT;
    assert_eq!(lab.received(callee), [router::refused(RequestKind::Register, 1, error, text)]);
    lab.send(caller, client::call(1, "com.work", NOTHING));
    let refusal = crate::fixture::no_such_procedure(1, "com.work");
    assert_eq!(lab.received(caller), [refusal]);
}

#[test]
fn largest_limit_has_no_effect() {
    let (mut lab, caller, callee) = pair(u64::MAX);
    for number in 1..=100 {
        lab.send(caller, client::call(number, "com.work", NOTHING));
    }
    assert_eq!(lab.received(callee).len(), 100);
}

/// Ends call 1 of the caller, which the callee has as invocation 1.
type End = fn(&mut Lab, Peer, Peer);

/// Every ending of a call, with its name.
const ENDS: [(&str, End); 9] = [
    ("result", |lab, _, callee| lab.send(callee, client::yielded(1, NOTHING))),
    ("failure", |lab, _, callee| lab.send(callee, client::failure(1, "com.error.x", NOTHING))),
    ("unavailable", |lab, _, callee| lab.send(callee, unavailable(1))),
    ("skip", |lab, caller, _| lab.send(caller, cancel(1, CancelMode::Skip))),
    ("killnowait", |lab, caller, _| lab.send(caller, cancel(1, CancelMode::KillNoWait))),
    ("kill", |lab, caller, callee| {
        lab.send(caller, cancel(1, CancelMode::Kill));
        lab.send(callee, client::failure(1, error_uri::CANCELED, NOTHING));
    }),
    ("timeout", |lab, _, _| lab.pass(millis(100))),
    ("caller leaves", |lab, caller, _| lab.disconnect(caller)),
    ("host", |lab, _, callee| {
        let ClientMessage::Error(error) = client::failure(1, "com.error.long", NOTHING) else {
            panic!("an ERROR");
        };
        lab.fail_invocation(callee, error);
    }),
];

#[test]
fn every_ending_of_a_call_frees_its_slot() {
    for (name, end) in ENDS {
        let (mut lab, caller, callee) = pair(1);
        let [other] = join(&mut lab, ["other"]);
        call(&mut lab, caller, 1);
        lab.received(callee);
        call(&mut lab, other, 1);
        assert_eq!(lab.received(other), [too_many(1)], "{name}");
        end(&mut lab, caller, callee);
        lab.received(callee);
        call(&mut lab, other, 2);
        call(&mut lab, other, 3);
        assert_eq!(lab.received(other), [too_many(3)], "{name}");
        // A late answer frees nothing.
        lab.send(callee, client::yielded(1, NOTHING));
        lab.send(callee, client::failure(1, "com.error.late", NOTHING));
        call(&mut lab, other, 4);
        assert_eq!(lab.received(other), [too_many(4)], "{name}");
        assert_eq!(lab.received(callee).len(), 1, "{name}");
        assert_nothing_stays(lab, &[caller, other, callee]);
    }
}

#[test]
fn killed_call_occupies_its_slot_until_it_is_answered() {
    let (mut lab, caller, _) = pair(1);
    call(&mut lab, caller, 1);
    lab.send(caller, cancel(1, CancelMode::Kill));
    call(&mut lab, caller, 2);
    assert_eq!(lab.received(caller), [too_many(2)]);
}

#[test]
fn progressive_call_occupies_one_slot() {
    let (mut lab, caller, callee) = pair(1);
    lab.send(caller, call_part(1, "com.work", NOTHING));
    lab.send(caller, call_part(1, "com.work", NOTHING));
    call(&mut lab, caller, 2);
    lab.send(caller, client::call(1, "com.work", NOTHING));
    assert_eq!(lab.received(caller), [too_many(2)]);
    lab.send(callee, client::yielded(1, NOTHING));
    call(&mut lab, caller, 3);
    lab.send(callee, yield_part(2, NOTHING));
    lab.send(callee, yield_part(2, NOTHING));
    lab.received(caller);
    call(&mut lab, caller, 4);
    assert_eq!(lab.received(caller), [too_many(4)]);
    lab.send(callee, client::yielded(2, NOTHING));
    lab.received(callee);
    call(&mut lab, caller, 5);
    assert_eq!(lab.received(callee).len(), 1);
}

#[test]
fn undelivered_call_occupies_no_slot() {
    let (mut lab, caller, callee) = pair(1);
    lab.set_state(callee, OutboxState::Dropping);
    for number in [1, 2] {
        call(&mut lab, caller, number);
        let text = "the callee's queue is full";
        assert_eq!(lab.received(caller), [refused(number, error_uri::UNAVAILABLE, text)]);
    }
    lab.set_state(callee, OutboxState::Reading);
    call(&mut lab, caller, 3);
    assert_eq!(lab.received(callee).len(), 1);
}

// === several callees ===

#[test]
fn every_policy_skips_callees_at_their_limit() {
    for (policy, expected) in [
        (InvokePolicy::First, "aabcc-"),
        (InvokePolicy::Last, "ccbaa-"),
        (InvokePolicy::RoundRobin, "abcac-"),
        (InvokePolicy::Load, "abcac-"),
    ] {
        let (mut lab, caller, callees) = crew(policy, [Some(2), Some(1), Some(2)]);
        assert_eq!(asked(&mut lab, caller, callees, 1..7), expected, "{policy:?}");
    }
    let (mut lab, caller, callees) = crew(InvokePolicy::Random, [Some(2), Some(1), Some(2)]);
    let mut random: Vec<char> = asked(&mut lab, caller, callees, 1..7).chars().collect();
    random.sort_unstable();
    assert_eq!(random, ['-', 'a', 'a', 'b', 'c', 'c']);
}

#[test]
fn callee_without_a_limit_gets_the_calls_beyond_the_limits_of_others() {
    let (mut lab, caller, callees) = crew(InvokePolicy::First, [Some(1), None, Some(1)]);
    assert_eq!(asked(&mut lab, caller, callees, 1..5), "abbb");
    let (mut lab, caller, callees) = crew(InvokePolicy::RoundRobin, [Some(1), None, Some(1)]);
    assert_eq!(asked(&mut lab, caller, callees, 1..7), "abcbbb");
}

/// A key has one callee; another one may have no state for it.
#[test]
fn call_with_a_key_waits_for_no_other_callee() {
    let limits = [Some(1); 3];
    for policy in [InvokePolicy::Hash, InvokePolicy::Sticky] {
        let (mut lab, caller, callees) = crew(policy, limits);
        for number in [1, 2] {
            let sharding = Sharding { rkey: Some("key".into()), runmode: None };
            let options =
                CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() };
            lab.send(caller, client::call_with(number, options, "com.work", NOTHING));
        }
        assert_eq!(lab.received(caller), [too_many(2)], "{policy:?}");
        let told: usize = callees.map(|callee| lab.received(callee).len()).iter().sum();
        assert_eq!(told, 1);
    }
}

#[test]
fn rerouted_call_moves_its_slot() {
    let (mut lab, caller, [a, b, c]) = crew(InvokePolicy::First, [Some(1); 3]);
    lab.send(caller, client::call(1, "com.work", NOTHING));
    lab.send(a, unavailable(1));
    lab.received(a);
    assert_eq!(lab.received(b), [router::invocation(1, 1, NOTHING)]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 2..5), "ac-");
    lab.send(b, client::yielded(1, NOTHING));
    lab.received(caller);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 5..7), "b-");
}

#[test]
fn rerouted_call_is_refused_when_the_other_callees_are_busy() {
    let (mut lab, caller, [a, b, c]) = crew(InvokePolicy::First, [Some(1); 3]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 1..4), "abc");
    lab.send(a, unavailable(1));
    assert_eq!(lab.received(caller), [too_many(1)]);
    assert_silence(&mut lab, &[b, c]);
}

// === callees that join and leave while calls are in flight ===

#[test]
fn callee_that_registers_again_starts_with_no_calls() {
    let (mut lab, caller, [a, b, c]) = crew(InvokePolicy::First, [Some(1), Some(1), Some(1)]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 1..4), "abc");
    lab.send(a, client::unregister(2, 1));
    lab.send(a, client::register_with(3, limited(InvokePolicy::First, 1), "com.work"));
    assert_eq!(lab.received(a), [router::unregistered(2), router::registered(3, 1)]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 4..6), "a-");
    // The answer to a call of its earlier registration.
    lab.send(a, client::yielded(1, NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 6..7), "-");
    lab.send(a, client::yielded(2, NOTHING));
    assert_eq!(lab.received(caller), [router::result(4, NOTHING)]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 7..9), "a-");
    assert_nothing_stays(lab, &[caller, a, b, c]);
}

#[test]
fn registering_twice_changes_neither_limit_nor_count() {
    let (mut lab, caller, callee) = pair(1);
    lab.disconnect(callee);
    let [callee] = join(&mut lab, ["callee"]);
    register(&mut lab, callee, limited(InvokePolicy::First, 1), "com.work", 2);
    call(&mut lab, caller, 1);
    lab.send(callee, client::register_with(2, limited(InvokePolicy::First, 5), "com.work"));
    call(&mut lab, caller, 2);
    assert_eq!(lab.received(caller), [too_many(2)]);
}

/// Counting begins with the first limit; what was in flight before is not counted, and its end
/// takes nothing away.
#[test]
fn a_limit_that_comes_and_goes_leaves_the_counts_of_others_right() {
    let (mut lab, caller, [a, b, c]) = crew(InvokePolicy::First, [None, None, None]);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 1..3), "aa");
    let [late] = join(&mut lab, ["late"]);
    register(&mut lab, late, limited(InvokePolicy::First, 1), "com.work", 1);
    assert_eq!(asked(&mut lab, caller, [a, b, c], 3..4), "a");
    lab.send(late, client::unregister(2, 1));
    assert_eq!(asked(&mut lab, caller, [a, b, c], 4..5), "a");
    for invocation in 1..=4 {
        lab.send(a, client::yielded(invocation, NOTHING));
    }
    lab.received(late);
    lab.send(late, client::register_with(3, limited(InvokePolicy::First, 1), "com.work"));
    for callee in [a, b, c] {
        lab.send(callee, client::unregister(2, 1));
    }
    for peer in [caller, a, b, c, late] {
        lab.received(peer);
    }
    lab.send(caller, client::call(10, "com.work", NOTHING));
    lab.send(caller, client::call(11, "com.work", NOTHING));
    assert_eq!(lab.received(late), [router::invocation(1, 1, NOTHING)]);
    assert_eq!(lab.received(caller), [too_many(11)]);
}

#[test]
fn answer_after_unregister_frees_no_other_slot() {
    let (mut lab, caller, callee) = pair(1);
    call(&mut lab, caller, 1);
    lab.send(callee, client::unregister(2, 1));
    let [other] = join(&mut lab, ["other"]);
    register(&mut lab, other, limited(InvokePolicy::Single, 1), "com.work", 2);
    call(&mut lab, caller, 2);
    lab.send(callee, client::yielded(1, NOTHING));
    call(&mut lab, caller, 3);
    assert_eq!(lab.received(caller), [router::result(1, NOTHING), too_many(3)]);
}
