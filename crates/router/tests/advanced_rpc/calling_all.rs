//! Calls to all callees at once: everybody is asked, the answers are collected.
//!
//! Decisions F20: the specification only names such calls; what they do is this router's own.

use cloverleaf_router::limits::MAX_GATHERED_BYTES;
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::recorder::State;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, ClientMessage, InvocationDetails, InvokePolicy, RegisterOptions,
    RouterMessage, RunMode, Sharding,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

use crate::stage::{
    able, assert_nothing_stays, assert_silence, assert_violation, cancel, given_up,
    invocation_receiving, join, millis, receiving, refused, register, result_part, shared,
    too_many, unavailable, yield_part,
};

/// A caller, and callees `a`, `b`, `c` that have registered `com.ask` in this order.
fn crew() -> (Lab, Peer, [Peer; 3]) {
    let mut lab = Lab::new();
    let [caller, a, b, c] = join(&mut lab, ["caller", "a", "b", "c"]);
    for callee in [a, b, c] {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    (lab, caller, [a, b, c])
}

/// The same, and everybody has been asked.
fn asked() -> (Lab, Peer, [Peer; 3]) {
    let (mut lab, caller, callees) = crew();
    lab.send(caller, client::call(1, "com.ask", args(["who?"])));
    for callee in callees {
        assert_eq!(lab.received(callee), [router::invocation(1, 1, args(["who?"]))]);
    }
    (lab, caller, callees)
}

/// The collected answers that the caller has been sent: the number of its call, and a list.
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
fn a_callee_that_leaves_is_an_entry_also_when_it_is_the_last() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.disconnect(b);
    lab.send(a, client::yielded(1, args([1])));
    assert_silence(&mut lab, &[caller]);
    lab.disconnect(c);
    assert_eq!(collected(&mut lab, caller), (1, json!([{"args": [1]}, gone(), gone()])));
    assert_nothing_stays(lab, &[caller, a]);
}

#[test]
fn a_second_answer_counts_for_nothing() {
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
fn who_registers_or_unregisters_meanwhile_changes_nothing() {
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
fn runmode_all_asks_everybody_whatever_the_policy() {
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

// === who can't be asked ===

#[test]
fn who_can_not_be_asked_has_no_entry() {
    for state in [State::Congested, State::Gone] {
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
fn where_nobody_can_be_asked_the_reason_is_said() {
    let congested = refused(1, error_uri::UNAVAILABLE, "the callee's queue is full");
    for (state, told) in [(State::Congested, congested), (State::Gone, router::callee_gone(1))] {
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
fn who_has_as_many_calls_as_it_takes_is_not_asked() {
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

// === given up ===

#[test]
fn skip_and_killnowait_end_the_call_for_all() {
    for (mode, told) in [(CancelMode::Skip, vec![]), (CancelMode::KillNoWait, vec![given_up(1)])] {
        let (mut lab, caller, [a, b, c]) = asked();
        lab.send(a, client::yielded(1, NOTHING));
        lab.send(caller, cancel(1, mode));
        assert_eq!(lab.received(caller), [router::canceled(1)]);
        // Who has answered already is left alone.
        assert_silence(&mut lab, &[a]);
        for callee in [b, c] {
            assert_eq!(lab.received(callee), told);
            lab.send(callee, client::yielded(1, NOTHING));
        }
        assert_silence(&mut lab, &[caller, a, b, c]);
    }
}

#[test]
fn kill_interrupts_all_and_collects_what_they_say() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::yielded(1, args([1])));
    lab.send(caller, cancel(1, CancelMode::Kill));
    assert_silence(&mut lab, &[caller, a]);
    let interrupt = router::interrupt(1, CancelMode::Kill, error_uri::CANCELED);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), std::slice::from_ref(&interrupt));
    }
    lab.send(b, client::failure(1, error_uri::CANCELED, NOTHING));
    lab.send(c, client::yielded(1, args([3])));
    let answers = json!([{"args": [1]}, {"error": error_uri::CANCELED}, {"args": [3]}]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
}

#[test]
fn kill_is_skip_where_no_callee_can_be_interrupted() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let callees = ["a", "b"].map(|name| lab.join_as(Client::basic(name)));
    for callee in callees {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.ask", 1);
    }
    lab.send(caller, client::call(1, "com.ask", NOTHING));
    for callee in callees {
        lab.received(callee);
    }
    lab.send(caller, cancel(1, CancelMode::Kill));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    assert_silence(&mut lab, &callees);
}

#[test]
fn the_time_of_the_call_is_that_of_the_last_answer() {
    let (mut lab, caller, [a, b, c]) = crew();
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.ask", NOTHING));
    for callee in [a, b, c] {
        lab.received(callee);
    }
    lab.send(a, client::yielded(1, NOTHING));
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
    assert_silence(&mut lab, &[a]);
    let timeout = router::interrupt(1, CancelMode::KillNoWait, error_uri::TIMEOUT);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), std::slice::from_ref(&timeout));
    }
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn the_callees_of_a_caller_that_leaves_are_interrupted() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(a, client::yielded(1, NOTHING));
    lab.disconnect(caller);
    assert_silence(&mut lab, &[a]);
    for callee in [b, c] {
        assert_eq!(lab.received(callee), [given_up(1)]);
        lab.send(callee, client::yielded(1, NOTHING));
    }
    assert_nothing_stays(lab, &[a, b, c]);
}

// === parts ===

#[test]
fn parts_of_all_callees_come_as_they_are_given() {
    let (mut lab, caller, [a, b, c]) = crew();
    lab.send(caller, client::call_with(1, receiving(), "com.ask", NOTHING));
    for callee in [a, b, c] {
        assert_eq!(lab.received(callee), [invocation_receiving(1, 1, NOTHING)]);
    }
    for (callee, part) in [(b, "b1"), (a, "a1"), (b, "b2")] {
        lab.send(callee, yield_part(1, args([part])));
        assert_eq!(lab.received(caller), [result_part(1, args([part]))]);
    }
    for callee in [a, b, c] {
        lab.send(callee, client::yielded(1, NOTHING));
    }
    assert_eq!(collected(&mut lab, caller), (1, json!([{}, {}, {}])));
    lab.send(a, yield_part(1, args(["late"])));
    assert_silence(&mut lab, &[caller]);
}

#[test]
fn one_that_gives_parts_unasked_is_lost_and_the_others_go_on() {
    let (mut lab, caller, [a, b, c]) = asked();
    let violation = "YIELD with progress: INVOCATION did not ask for progressive results";
    assert_violation(&mut lab, b, yield_part(1, NOTHING), violation);
    lab.send(a, client::yielded(1, NOTHING));
    lab.send(c, client::yielded(1, NOTHING));
    assert_eq!(collected(&mut lab, caller), (1, json!([{}, gone(), {}])));
}

// === forms and sizes ===

#[test]
fn answers_in_other_formats_are_collected_in_that_of_the_question() {
    let (mut lab, caller, [a, b, c]) = crew();
    let question = Payload::from_args(Serializer::Cbor, &["who?"]).unwrap();
    lab.send(caller, client::call(1, "com.ask", question));
    lab.send(a, client::yielded(1, Payload::from_args(Serializer::Json, &[1]).unwrap()));
    lab.send(b, client::yielded(1, Payload::from_args(Serializer::MsgPack, &["two"]).unwrap()));
    lab.send(c, client::yielded(1, Payload::from_args(Serializer::Cbor, &[3.5]).unwrap()));
    let received = lab.received(caller);
    let [RouterMessage::Result(result)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(result.payload.serializer(), Some(Serializer::Cbor));
    let (answers,) = result.payload.decode_args::<(Value,)>().unwrap();
    assert_eq!(answers, json!([{"args": [1]}, {"args": ["two"]}, {"args": [3.5]}]));
}

#[test]
fn a_question_without_arguments_is_answered_in_the_format_of_the_first_answer() {
    let (mut lab, caller, [a, b, c]) = crew();
    lab.send(caller, client::call(1, "com.ask", NOTHING));
    lab.send(a, client::yielded(1, NOTHING));
    lab.send(c, client::yielded(1, Payload::from_args(Serializer::Json, &[3]).unwrap()));
    lab.send(b, client::yielded(1, Payload::from_args(Serializer::MsgPack, &[2]).unwrap()));
    let received = lab.received(caller);
    let [RouterMessage::Result(result)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(result.payload.serializer(), Some(Serializer::MsgPack));
}

#[test]
fn an_answer_without_room_is_a_failure_and_the_others_stay() {
    let (mut lab, caller, [a, b, c]) = asked();
    let long = |bytes: usize| text(&"x".repeat(bytes));
    // Brackets and quotes take four bytes.
    lab.send(a, client::yielded(1, long(MAX_GATHERED_BYTES / 2 - 4)));
    lab.send(b, client::yielded(1, long(MAX_GATHERED_BYTES / 2)));
    lab.send(c, client::yielded(1, args([3])));
    let (number, answers) = collected(&mut lab, caller);
    assert_eq!(number, 1);
    assert_eq!(answers[0]["args"][0].as_str().map(str::len), Some(MAX_GATHERED_BYTES / 2 - 4));
    assert_eq!(answers[1], json!({"error": error_uri::PAYLOAD_SIZE_EXCEEDED}));
    assert_eq!(answers[2], json!({"args": [3]}));
}

#[test]
fn an_invocation_that_the_host_can_not_send_is_a_failure_of_that_one() {
    let (mut lab, caller, [a, b, c]) = crew();
    lab.send(caller, client::call_with(1, receiving(), "com.ask", NOTHING));
    for callee in [a, b, c] {
        lab.received(callee);
    }
    let ClientMessage::Error(error) = client::failure(1, error_uri::PAYLOAD_SIZE_EXCEEDED, NOTHING)
    else {
        panic!("an ERROR");
    };
    lab.send(a, yield_part(1, NOTHING));
    lab.fail_invocation(b, error);
    assert_eq!(lab.received(caller), [result_part(1, NOTHING)]);
    assert_silence(&mut lab, &[a, b, c]);
    lab.send(a, client::yielded(1, NOTHING));
    lab.send(c, client::yielded(1, NOTHING));
    let answers = json!([{}, {"error": error_uri::PAYLOAD_SIZE_EXCEEDED}, {}]);
    assert_eq!(collected(&mut lab, caller), (1, answers));
}

/// What each is told is its own: who watches the time gets it, who wants to know the caller does.
#[test]
fn each_callee_is_told_what_it_registered_for() {
    let mut lab = Lab::new();
    let [caller] = join(&mut lab, ["caller"]);
    let [a, b] = ["a", "b"].map(|name| lab.join_as(able(name)));
    let watching = RegisterOptions { forward_timeout: Some(true), ..shared(InvokePolicy::All) };
    register(&mut lab, a, watching, "com.ask", 1);
    register(&mut lab, b, shared(InvokePolicy::All), "com.ask", 1);
    let options = CallOptions { timeout: Some(100), ..CallOptions::default() };
    lab.send(caller, client::call_with(1, options, "com.ask", NOTHING));
    let details = InvocationDetails { timeout: Some(100), ..InvocationDetails::default() };
    assert_eq!(lab.received(a), [router::invocation_with(1, 1, details, NOTHING)]);
    assert_eq!(lab.received(b), [router::invocation(1, 1, NOTHING)]);
    lab.pass(millis(100));
    assert_eq!(lab.received(caller), [router::timed_out(1)]);
}
