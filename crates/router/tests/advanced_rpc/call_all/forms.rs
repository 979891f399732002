//! Progressive results, several formats, answers over the limit, and the details for each callee.

use cloverleaf_router::limits::MAX_COLLECTED_BYTES;
use cloverleaf_testkit::Lab;
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, ClientMessage, InvocationDetails, InvokePolicy, RegisterOptions, RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

use super::{asked, collected, crew};
use crate::fixture::{
    able, assert_silence, invocation_receiving, join, millis, receiving, register, result_part,
    shared, yield_part,
};

// === progressive results ===

#[test]
fn progressive_results_of_all_callees_are_forwarded_at_once() {
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
fn unrequested_progressive_result_is_dropped_and_its_callee_may_still_answer() {
    let (mut lab, caller, [a, b, c]) = asked();
    lab.send(b, yield_part(1, args(["unasked"])));
    for callee in [a, b, c] {
        assert_silence(&mut lab, &[caller]);
        lab.send(callee, client::yielded(1, NOTHING));
    }
    assert_eq!(collected(&mut lab, caller), (1, json!([{}, {}, {}])));
}

// === formats and sizes ===

#[test]
fn answers_are_collected_in_the_format_of_the_call() {
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
fn call_without_arguments_is_answered_in_the_format_of_the_first_answer() {
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
fn answer_over_the_limit_is_a_failure_and_the_others_stay() {
    let (mut lab, caller, [a, b, c]) = asked();
    let long = |bytes: usize| text(&"x".repeat(bytes));
    // Brackets and quotes take four bytes.
    lab.send(a, client::yielded(1, long(MAX_COLLECTED_BYTES / 2 - 4)));
    lab.send(b, client::yielded(1, long(MAX_COLLECTED_BYTES / 2)));
    lab.send(c, client::yielded(1, args([3])));
    let (number, answers) = collected(&mut lab, caller);
    assert_eq!(number, 1);
    assert_eq!(answers[0]["args"][0].as_str().map(str::len), Some(MAX_COLLECTED_BYTES / 2 - 4));
    assert_eq!(answers[1], json!({"error": error_uri::PAYLOAD_SIZE_EXCEEDED}));
    assert_eq!(answers[2], json!({"args": [3]}));
}

#[test]
fn invocation_that_the_host_can_not_send_fails_for_that_callee_only() {
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

/// Each callee gets its own details: the timeout with `forward_timeout`, the caller with
/// `disclose_caller`.
#[test]
fn each_callee_gets_the_details_of_its_registration() {
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
