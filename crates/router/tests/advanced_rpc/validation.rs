//! Validation of calls against the schemas of the caller's permission, and of answers against those
//! of the callee's permission.
//!
//! An extension of this router, see `docs/decisions/validation.md`.

use cloverleaf_router::limits::SharedLimits;
use cloverleaf_router::{Permission, RealmSettings, Role, Schemas, Validation};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::numbers::Numbers;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::wire::decode_client;
use cloverleaf_wamp::message::{
    CancelMode, ClientMessage, InvocationError, InvokePolicy, RegisterOptions, RequestKind,
    RouterMessage,
};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};
use serde_json::json;

use crate::fixture::{
    able, assert_nothing_stays, assert_silence, call_part, given_up, invocation_part,
    invocation_receiving, receiving, refused, register, result_part, shared, unavailable,
    yield_part,
};

/// Schemas for all kinds of payloads of a call.
fn all() -> Schemas {
    Schemas {
        call: Numbers::schema(),
        call_progress: Numbers::schema(),
        call_result: Numbers::schema(),
        call_result_progress: Numbers::schema(),
        call_error: Numbers::schema(),
        event: None,
    }
}

/// A realm whose role `validated` has these schemas for every URI; other roles have none.
fn realm(schemas: Schemas) -> Lab {
    let mut validation = Validation::default();
    let validated = Permission { schemas: Some(validation.add(schemas)), ..Permission::ALL };
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    let mut settings = RealmSettings { validation, ..settings() };
    settings.roles.push(Role::new("validated", [(everything, validated)]));
    Lab::with(settings)
}

fn validated(name: &'static str) -> Client {
    Client { role: "validated", ..able(name) }
}

/// A caller and a callee of `com.sum`, one of which has schemas.
fn pair(schemas: Schemas, caller: Client, callee: Client) -> (Lab, Peer, Peer) {
    let mut lab = realm(schemas);
    let (caller, callee) = (lab.join_as(caller), lab.join_as(callee));
    register(&mut lab, callee, RegisterOptions::default(), "com.sum", 1);
    (lab, caller, callee)
}

fn validated_caller() -> (Lab, Peer, Peer) {
    pair(all(), validated("caller"), able("callee"))
}

fn validated_callee() -> (Lab, Peer, Peer) {
    pair(all(), able("caller"), validated("callee"))
}

/// As [`pair`], with call 1, which accepts progressive results, at the callee.
fn asked() -> (Lab, Peer, Peer) {
    let (mut lab, caller, callee) = validated_callee();
    lab.send(caller, client::call_with(1, receiving(), "com.sum", text("no number")));
    assert_eq!(lab.received(callee), [invocation_receiving(1, 1, text("no number"))]);
    (lab, caller, callee)
}

fn invalid(number: u64, what: &str) -> RouterMessage {
    let text = format!("the payload of the {what} is not as its schema asks: {}", Numbers::REASON);
    refused(number, error_uri::INVALID_ARGUMENT, &text)
}

fn from_wire(message: &serde_json::Value) -> ClientMessage {
    decode_client(Serializer::Json, &message.to_string().into_bytes().into()).expect("a message")
}

/// INTERRUPT for a rejected answer.
fn not_taken(number: u64) -> RouterMessage {
    router::interrupt(number, CancelMode::KillNoWait, error_uri::INVALID_ARGUMENT)
}

#[test]
fn invalid_call_is_refused_and_reaches_no_callee() {
    let (mut lab, caller, callee) = validated_caller();
    lab.send(caller, client::call(1, "com.sum", args(["no number"])));
    assert_eq!(lab.received(caller), [invalid(1, "call")]);
    assert_silence(&mut lab, &[callee]);
    lab.send(caller, client::call(2, "com.sum", args([2, 3])));
    assert_eq!(lab.received(callee), [router::invocation(1, 1, args([2, 3]))]);
    lab.send(callee, client::yielded(1, text("five")));
    assert_eq!(
        lab.received(caller),
        [router::result(2, text("five"))],
        "the callee is not validated"
    );
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn authorization_comes_before_validation() {
    let mut validation = Validation::default();
    let schemas = Some(validation.add(all()));
    let nothing = Permission { schemas, ..Permission::default() };
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    let roles = vec![Role::new("validated", [(everything, nothing)])];
    let mut lab = Lab::with(RealmSettings { roles, validation, ..settings() });
    let caller = lab.join_as(validated("caller"));
    lab.send(caller, client::call(1, "com.sum", text("no number")));
    let denied = "session not authorized to call procedure 'com.sum'";
    assert_eq!(lab.received(caller), [refused(1, error_uri::NOT_AUTHORIZED, denied)]);
}

#[test]
fn calls_of_meta_procedures_are_validated() {
    let mut lab = realm(all());
    let caller = lab.join_as(validated("caller"));
    lab.send(caller, client::call(1, "wamp.session.count", args([["anyone"]])));
    assert_eq!(lab.received(caller), [invalid(1, "call")]);
    lab.send(caller, client::call(2, "wamp.session.count", NOTHING));
    assert_eq!(lab.received(caller), [router::result(2, args([1]))]);
}

#[test]
fn invalid_part_ends_the_call() {
    let (mut lab, caller, callee) = validated_caller();
    lab.send(caller, call_part(1, "com.sum", text("no number")));
    assert_eq!(lab.received(caller), [invalid(1, "part of the call")]);
    for (last, what) in [(false, "part of the call"), (true, "call")] {
        let (number, invocation) = if last { (3, 2) } else { (2, 1) };
        lab.send(caller, call_part(number, "com.sum", args([1])));
        assert_eq!(lab.received(callee), [invocation_part(invocation, 1, args([1]))]);
        let wrong = text("no number");
        let part = if last {
            client::call(number, "com.sum", wrong)
        } else {
            call_part(number, "com.sum", wrong)
        };
        lab.send(caller, part);
        assert_eq!(lab.received(caller), [invalid(number, what)]);
        assert_eq!(lab.received(callee), [given_up(invocation)]);
        // Further parts of the call are late.
        lab.send(caller, call_part(number, "com.sum", args([2])));
        lab.send(callee, client::yielded(invocation, args([3])));
        assert_silence(&mut lab, &[caller, callee]);
    }
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn parts_and_last_results_have_separate_schemas() {
    let schemas = Schemas { call: Numbers::schema(), ..Schemas::default() };
    let (mut lab, caller, callee) = pair(schemas, validated("caller"), able("callee"));
    lab.send(caller, call_part(1, "com.sum", text("any")));
    assert_eq!(lab.received(callee), [invocation_part(1, 1, text("any"))]);
    lab.send(caller, client::call(1, "com.sum", text("any")));
    assert_eq!(lab.received(caller), [invalid(1, "call")]);
}

#[test]
fn invalid_result_fails_the_call_and_interrupts_the_callee() {
    let (mut lab, caller, callee) = asked();
    lab.send(callee, client::yielded(1, text("no number")));
    assert_eq!(lab.received(caller), [invalid(1, "result")]);
    assert_eq!(lab.received(callee), [not_taken(1)]);
    assert_eq!(lab.realm().calls_in_flight(), 0);
    lab.send(caller, client::call(2, "com.sum", NOTHING));
    lab.send(callee, client::yielded(2, args([5])));
    assert_eq!(lab.received(caller), [router::result(2, args([5]))]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn invalid_progressive_result_ends_the_call() {
    let (mut lab, caller, callee) = asked();
    lab.send(callee, yield_part(1, args([1])));
    assert_eq!(lab.received(caller), [result_part(1, args([1]))]);
    lab.send(callee, yield_part(1, text("no number")));
    assert_eq!(lab.received(caller), [invalid(1, "part of the result")]);
    assert_eq!(lab.received(callee), [not_taken(1)]);
    // It was interrupted; its answers until then are late.
    lab.send(callee, yield_part(1, args([2])));
    assert_silence(&mut lab, &[caller, callee]);
    assert_nothing_stays(lab, &[caller, callee]);
}

#[test]
fn callee_without_call_canceling_is_not_interrupted() {
    let callee = Client { role: "validated", ..Client::basic("callee") };
    let (mut lab, caller, callee) = pair(all(), able("caller"), callee);
    lab.send(caller, client::call(1, "com.sum", NOTHING));
    lab.received(callee);
    lab.send(callee, client::yielded(1, text("no number")));
    assert_eq!(lab.received(caller), [invalid(1, "result")]);
    assert_silence(&mut lab, &[callee]);
}

#[test]
fn invalid_error_does_not_reach_the_caller() {
    let (mut lab, caller, callee) = asked();
    lab.send(callee, client::failure(1, "com.sum.error", text("no number")));
    assert_eq!(lab.received(caller), [invalid(1, "callee's error")]);
    lab.received(callee);
    lab.send(caller, client::call(2, "com.sum", NOTHING));
    lab.send(callee, client::failure(2, "com.sum.error", args([7])));
    let error = router::failed(RequestKind::Call, 2, "com.sum.error", args([7]));
    assert_eq!(lab.received(caller), [error]);
}

#[test]
fn failure_reported_by_the_host_is_not_validated() {
    let (mut lab, caller, callee) = asked();
    let request = InvocationId::new(1).expect("an id");
    let error = InvocationError {
        request,
        details: Default::default(),
        error: error_uri::PAYLOAD_SIZE_EXCEEDED.into(),
        payload: text("too long"),
    };
    lab.fail_invocation(callee, error);
    assert_eq!(lab.received(caller), [refused(1, error_uri::PAYLOAD_SIZE_EXCEEDED, "too long")]);
}

#[test]
fn answers_are_validated_against_the_permission_of_the_registration() {
    let mut validation = Validation::default();
    let schemas = Schemas { call_result: Numbers::schema(), ..Schemas::default() };
    let sums = Permission { schemas: Some(validation.add(schemas)), ..Permission::ALL };
    let rules = [("com.*", sums), ("com.sum.free", Permission::ALL)];
    let rules = rules.map(|(uri, rule)| (UriPattern::from_starred(uri).expect(uri), rule));
    let mut settings = RealmSettings { validation, ..settings() };
    settings.roles.push(Role::new("validated", rules));
    let mut lab = Lab::with(settings);
    let (caller, callee) = (lab.join_as(able("caller")), lab.join_as(validated("callee")));
    let prefix = MatchPolicy::Prefix;
    lab.send(callee, client::register_pattern(1, prefix, "com.sum."));
    lab.send(callee, client::register(2, "com.sum.free"));
    lab.received(callee);
    for (number, procedure, expected) in [
        (1, "com.sum.of", invalid(1, "result")),
        (2, "com.sum.free", router::result(2, text("any"))),
    ] {
        lab.send(caller, client::call(number, procedure, NOTHING));
        lab.send(callee, client::yielded(number, text("any")));
        assert_eq!(lab.received(caller), [expected], "{procedure}");
    }
}

#[test]
fn rerouting_error_is_not_validated() {
    let mut lab = realm(all());
    let caller = lab.join_as(able("caller"));
    let [first, second] = ["first", "second"].map(|name| lab.join_as(validated(name)));
    for callee in [first, second] {
        register(&mut lab, callee, shared(InvokePolicy::First), "com.sum", 1);
    }
    lab.send(caller, client::call(1, "com.sum", NOTHING));
    lab.received(first);
    lab.send(first, client::failure(1, error_uri::UNAVAILABLE, text("no number")));
    assert_eq!(lab.received(second), [router::invocation(1, 1, NOTHING)]);
    lab.send(second, unavailable(1));
    let refused =
        refused(1, error_uri::NO_AVAILABLE_CALLEE, "no callee is available at this moment");
    assert_eq!(lab.received(caller), [refused]);
}

#[test]
fn answers_of_a_call_to_all_are_validated_one_by_one() {
    let mut lab = realm(all());
    let caller = lab.join_as(able("caller"));
    let callees = ["a", "b", "c"].map(|name| lab.join_as(validated(name)));
    for callee in callees {
        register(&mut lab, callee, shared(InvokePolicy::All), "com.sum", 1);
    }
    lab.send(caller, client::call(1, "com.sum", NOTHING));
    let [a, b, c] = callees;
    for callee in callees {
        lab.received(callee);
    }
    lab.send(a, client::yielded(1, args([1])));
    lab.send(b, client::yielded(1, text("no number")));
    lab.send(c, client::failure(1, "com.sum.error", text("no number")));
    let reason =
        |what| format!("the payload of the {what} is not as its schema asks: {}", Numbers::REASON);
    let answers = json!([
        {"args": [1]},
        {"error": error_uri::INVALID_ARGUMENT, "args": [reason("result")]},
        {"error": error_uri::INVALID_ARGUMENT, "args": [reason("callee's error")]},
    ]);
    let [RouterMessage::Result(result)] = &lab.received(caller)[..] else { panic!("one RESULT") };
    assert_eq!(result.payload.decode_args(), Ok(json!([answers])));
    assert_eq!([b, c].map(|callee| lab.received(callee)), [[not_taken(1)], [not_taken(1)]]);
}

#[test]
fn opaque_payload_is_refused_when_a_schema_applies() {
    let sealed = |what: &str| {
        let text =
            format!("the payload of the {what} has a schema to follow, and can't be looked into");
        refused(1, error_uri::INVALID_ARGUMENT, &text)
    };
    let about = json!({"ppt_scheme": "wamp", "ppt_serializer": "cbor"});
    let older = json!({"enc_algo": "cryptobox"});
    for (about, payload) in [(about, json!([1])), (older, json!("\u{0}AAEC"))] {
        let (mut lab, caller, callee) = validated_caller();
        lab.send(caller, from_wire(&json!([48, 1, about, "com.sum", payload])));
        assert_eq!(lab.received(caller), [sealed("call")]);
        assert_silence(&mut lab, &[callee]);
        for (answer, what) in [
            (json!([70, 1, about, payload]), "result"),
            (json!([8, 68, 1, about, "com.sum.error", payload]), "callee's error"),
        ] {
            let (mut lab, caller, callee) = asked();
            lab.send(callee, from_wire(&answer));
            assert_eq!(lab.received(caller), [sealed(what)]);
            assert_eq!(lab.received(callee), [not_taken(1)]);
        }
    }
}

#[test]
fn payload_over_the_validation_limit_is_refused() {
    let (mut lab, caller, callee) = validated_caller();
    let long = text(&"x".repeat(SharedLimits::DEFAULT.max_validated_bytes));
    lab.send(caller, client::call(1, "com.sum", long));
    let explained = "the payload of the call has a schema to follow, and holds more than 262144 \
                     bytes";
    assert_eq!(lab.received(caller), [refused(1, error_uri::PAYLOAD_SIZE_EXCEEDED, explained)]);
    assert_silence(&mut lab, &[callee]);
}

#[test]
fn unrequested_progressive_result_is_dropped_without_validation() {
    let (mut lab, caller, callee) = validated_callee();
    lab.send(caller, client::call(1, "com.sum", NOTHING));
    lab.received(callee);
    lab.send(callee, yield_part(1, text("no number")));
    assert_silence(&mut lab, &[caller, callee]);
    lab.send(callee, client::yielded(1, args([1])));
    assert_eq!(lab.received(caller), [router::result(1, args([1]))]);
}
