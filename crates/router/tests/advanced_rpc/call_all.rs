//! Calls to all callees at once: every callee is invoked, the answers are collected.
//!
//! `docs/decisions/traps.md#f20`: the specification only names such calls; their behaviour is an
//! extension of this router.

use cloverleaf_router::limits::SessionLimits;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, InvokePolicy, RegisterOptions, RouterMessage, RunMode, Sharding,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

use crate::fixture::{
    assert_nothing_stays, assert_silence, join, refused, register, shared, too_many, unavailable,
};

mod ends;
mod forms;

/// A caller, and callees `a`, `b`, `c` that have registered `com.ask` in this order.
fn crew() -> (Lab, Peer, [Peer; 3]) {
    let mut lab = Lab::new();
    let [caller, a, b, c] = join(&mut lab, ["caller", "a", "b", "c"]);
    for callee in [a, b, c] {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    (lab, caller, [a, b, c])
}

/// As [`crew`], with call 1 at every callee.
fn asked() -> (Lab, Peer, [Peer; 3]) {
    let (mut lab, caller, callees) = crew();
    lab.send(caller, client::call(1, "com.ask", args(["who?"])));
    for callee in callees {
        assert_eq!(lab.received(callee), [router::invocation(1, 1, args(["who?"]))]);
    }
    (lab, caller, callees)
}

/// The collected answers that the caller has received: the request id of its call, and a list.
fn collected(lab: &mut Lab, caller: Peer) -> (u64, Value) {
    let received = lab.received(caller);
    let [RouterMessage::Result(result)] = &received[..] else {
        panic!("one RESULT, not {received:?}");
    };
    assert_eq!(result.details, Default::default());
    let (answers,) = result.payload.decode_args::<(Value,)>().expect("one argument");
    (result.request.number(), answers)
}

fn entry_of(error: &str, explanation: &str) -> Value {
    json!({"error": error, "args": [explanation]})
}

fn gone() -> Value {
    entry_of(error_uri::CANCELED, "callee disconnected from in-flight request")
}

fn to_all() -> CallOptions {
    let sharding = Sharding { rkey: None, runmode: Some(RunMode::All.into()) };
    CallOptions { sharding: Some(Box::new(sharding)), ..CallOptions::default() }
}

#[test]
fn answers_are_collected_in_the_order_in_which_the_callees_registered() {
    let (mut lab, caller, [a, b, c]) = asked();
    let kwargs = json!({"name": "c"});
    let both = Payload::from_args_and_kwargs(Serializer::Json, &[3], &kwargs).unwrap();
    lab.send(c, client::yielded(1, both));
    lab.send(a, client::yielded(1, args([1])));
    assert_silence(&mut lab, &[caller]);
    lab.send(b, client::yielded(1, NOTHING));
    let answers = json!([{"args": [1]}, {}, {"args": [3], "kwargs": {"name": "c"}}]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
    assert_nothing_stays(lab, &[caller, a, b, c]);
}

#[test]
fn invoked_callees_count_in_the_bytes_of_the_caller() {
    const CALLEES: usize = 1_000;
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let callees = [(); CALLEES].map(|()| lab.join("callee"));
    for callee in callees {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    let most = SessionLimits::DEFAULT.max_held_call_bytes / CALLEES / 100;
    let mut received = Vec::new();
    for number in 1..=most as u64 {
        lab.send(caller, client::call(number, "com.ask", NOTHING));
        received = lab.received(caller);
        callees.iter().for_each(|callee| drop(lab.received(*callee)));
        if !received.is_empty() {
            break;
        }
    }
    let text = "this session has reached its largest number of bytes of calls in flight";
    let [RouterMessage::Error(error)] = &received[..] else { panic!("{received:?}") };
    let number = error.request.id().number();
    assert_eq!(received, [refused(number, error_uri::LIMIT_REACHED, text)]);
    lab.disconnect(caller);
    assert_nothing_stays(lab, &callees);
}

#[test]
fn failures_are_entries_beside_the_answers() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::failure(1, "com.error.no", args(["sorry"])));
    lab.send(b, unavailable(1));
    lab.send(c, client::failure(1, "what a mess", NOTHING));
    let answers = json!([
        {"error": "com.error.no", "args": ["sorry"]},
        {"error": error_uri::UNAVAILABLE},
        {"error": error_uri::INVALID_URI},
    ]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
}

#[test]
fn callee_that_leaves_has_an_entry_even_if_it_is_the_last() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.disconnect(b);
    lab.send(a, client::yielded(1, args([1])));
    assert_silence(&mut lab, &[caller]);
    lab.disconnect(c);
    assert_eq!(collected(&mut lab, caller), (1, json!([{"args": [1]}, gone(), gone()])));
    assert_nothing_stays(lab, &[caller, a]);
}

#[test]
fn second_answer_is_ignored() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::yielded(1, args([1])));
    lab.send(a, client::yielded(1, args([2])));
    lab.send(a, client::failure(1, "com.error.late", NOTHING));
    lab.disconnect(a);
    lab.send(b, client::yielded(1, args([3])));
    lab.send(c, client::yielded(1, args([4])));
    let answers = json!([{"args": [1]}, {"args": [3]}, {"args": [4]}]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
}

#[test]
fn registering_and_unregistering_meanwhile_change_nothing() {
    let (mut lab, caller, [a, b, c]) = asked();
    let [late] = join(&mut lab, ["late"]);
    register(&mut lab, late, shared(InvokePolicy::All), "com.ask", 1);
    lab.send(a, client::unregister(2, 1));
    for callee in [a, b, c] {
        lab.send(callee, client::yielded(1, NOTHING));
    }
    assert_eq!(collected(&mut lab, caller), (1, json!([{}, {}, {}])));
    assert_silence(&mut lab, &[late]);
}

#[test]
fn runmode_all_invokes_every_callee_with_any_policy() {
    for policy in [
        InvokePolicy::First,
        InvokePolicy::Last,
        InvokePolicy::Random,
        InvokePolicy::RoundRobin,
        InvokePolicy::Load,
        InvokePolicy::Hash,
        InvokePolicy::Sticky,
        InvokePolicy::All,
    ] {
        let mut lab = Lab::new();
        let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
        for callee in [a, b] {
            register(&mut lab, callee, shared(policy), "com.ask", 1);
        }
        lab.send(caller, client::call_with(1, to_all(), "com.ask", NOTHING));
        for (callee, answer) in [(a, 1), (b, 2)] {
            assert_eq!(lab.received(callee), [router::invocation(1, 1, NOTHING)], "{policy:?}");
            lab.send(callee, client::yielded(1, args([answer])));
        }
        assert_eq!(collected(&mut lab, caller), (1, json!([{"args": [1]}, {"args": [2]}])));
    }
}

#[test]
fn runmode_all_of_a_single_callee_is_a_list_of_one() {
    let mut lab = Lab::new();
    let [caller, callee] = join(&mut lab, ["caller", "callee"]);
    register(&mut lab, callee, RegisterOptions::default(), "com.ask", 1);
    lab.send(caller, client::call_with(1, to_all(), "com.ask", NOTHING));
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(collected(&mut lab, caller), (1, json!([{"args": [1]}])));
}

#[test]
fn a_session_that_is_caller_and_callee_answers_itself() {
    let (mut lab, caller, [a, b, c]) = crew();
    lab.send(a, client::call(9, "com.ask", NOTHING));
    for callee in [a, b, c] {
        lab.send(callee, client::yielded(1, NOTHING));
    }
    let told = lab.received(a);
    assert_eq!(told[0], router::invocation(1, 1, NOTHING));
    assert!(matches!(told[1..], [RouterMessage::Result(_)]), "{told:?}");
    lab.send(a, client::call(10, "com.ask", NOTHING));
    lab.disconnect(a);
    assert_nothing_stays(lab, &[caller, b, c]);
}

// === callees that can't be invoked ===

#[test]
fn callee_that_can_not_be_invoked_has_no_entry() {
    for state in [OutboxState::Dropping, OutboxState::Closed] {
        let (mut lab, caller, [a, b, c]) = crew();
        lab.set_state(b, state);
        lab.send(caller, client::call(1, "com.ask", NOTHING));
        for callee in [a, c] {
            lab.send(callee, client::yielded(1, NOTHING));
        }
        assert_eq!(collected(&mut lab, caller), (1, json!([{}, {}])));
    }
}

#[test]
fn call_fails_with_the_reason_when_no_callee_can_be_invoked() {
    let congested = refused(1, error_uri::UNAVAILABLE, "the callee's queue is full");
    for (state, told) in
        [(OutboxState::Dropping, congested), (OutboxState::Closed, router::callee_gone(1))]
    {
        let (mut lab, caller, callees) = crew();
        for callee in callees {
            lab.set_state(callee, state);
        }
        lab.send(caller, client::call(1, "com.ask", NOTHING));
        assert_eq!(lab.received(caller), [told]);
        assert_eq!(lab.realm().calls_in_flight(), 0);
    }
}

#[test]
fn callee_at_its_concurrency_limit_is_not_invoked() {
    let mut lab = Lab::new();
    let [caller, a, b] = join(&mut lab, ["caller", "a", "b"]);
    let one_call = RegisterOptions { concurrency: Some(1), ..shared(InvokePolicy::All) };
    register(&mut lab, a, one_call, "com.ask", 1);
    register(&mut lab, b, shared(InvokePolicy::All), "com.ask", 1);
    for number in [1, 2] {
        lab.send(caller, client::call(number, "com.ask", NOTHING));
    }
    for invocation in [1, 2] {
        lab.send(b, client::yielded(invocation, NOTHING));
    }
    assert_eq!(collected(&mut lab, caller), (2, json!([{}])));
    lab.send(a, client::yielded(1, NOTHING));
    assert_eq!(collected(&mut lab, caller), (1, json!([{}, {}])));

    lab.disconnect(b);
    lab.send(caller, client::call(3, "com.ask", NOTHING));
    lab.send(caller, client::call(4, "com.ask", NOTHING));
    assert_eq!(lab.received(caller), [too_many(4)]);
    lab.send(a, client::yielded(2, NOTHING));
    assert_eq!(collected(&mut lab, caller), (3, json!([{}])));
}
