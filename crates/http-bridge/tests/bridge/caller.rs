//! The resource `caller`.

use std::pin::pin;
use std::task::Poll;

use cloverleaf_client::{Failure, Payload, Serializer};
use cloverleaf_http_bridge::{BridgeSettings, Resource};
use cloverleaf_wamp::message::{
    Call, CallOptions, CallResult, Cancel, CancelMode, CancelOptions, ClientMessage, RequestError,
    ResultDetails, RouterMessage,
};
use serde::Serialize;

use crate::lab::{BridgeRequest, Lab, denied, json, poll_once, text};

/// A byte string. Serde would serialize a slice as a list of numbers.
struct Blob(&'static [u8]);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// The router's answer to a call; none for a procedure that does not return.
pub(crate) fn result_of(call: &Call) -> Option<RouterMessage> {
    let outcome = match call.procedure.as_str() {
        "com.example.slow" => return None,
        "com.example.add2" => {
            let (a, b): (i64, i64) = call.payload.decode_args().expect("two integers");
            Ok(payload(Serializer::Json, &[a + b]))
        }
        "com.example.echo" => Ok(call.payload.clone()),
        "com.example.nothing" => Ok(Payload::EMPTY),
        "com.example.none" => Ok(payload(Serializer::Json, &[()])),
        "com.example.binary" => Ok(payload(Serializer::MsgPack, &(Blob(b"\x00\xffab"), "text"))),
        "com.example.mixed" => {
            let kwargs = std::collections::BTreeMap::from([("ü", Some(f64::NAN))]);
            let args = (u64::MAX, i64::MIN, 0.5);
            Ok(Payload::from_args_and_kwargs(Serializer::Cbor, &args, &kwargs).expect("a payload"))
        }
        "com.myapp.sqrt" => sqrt(&call.payload),
        "com.myapp.checkname" => check_name(&call.payload),
        "com.myapp.compare" => {
            let (a, b): (i64, i64) = call.payload.decode_args().expect("two integers");
            Err(failure("com.myapp.error1").with_args(&[b - a]).expect("args"))
        }
        uri if uri.contains("error") => Err(failure(uri)),
        _ => Err(failure("wamp.error.no_such_procedure")),
    };
    Some(match outcome {
        Ok(payload) => RouterMessage::Result(CallResult {
            request: call.request,
            details: ResultDetails::default(),
            payload,
        }),
        Err(failure) => error(call, failure),
    })
}

fn payload(serializer: Serializer, args: &impl Serialize) -> Payload {
    Payload::from_args(serializer, args).expect("a payload")
}

fn failure(uri: &str) -> Failure {
    Failure::new(uri)
}

fn error(call: &Call, failure: Failure) -> RouterMessage {
    let Failure { uri, payload, .. } = failure;
    RouterMessage::Error(RequestError::new(call.reference(), uri, payload))
}

fn sqrt(arguments: &Payload) -> Result<Payload, Failure> {
    let (number,): (f64,) = arguments.decode_args().expect("a number");
    if number == 0.0 {
        return Err(Failure::runtime("don't ask foolish questions ;)"));
    }
    Ok(payload(Serializer::Json, &[number.sqrt()]))
}

fn check_name(arguments: &Payload) -> Result<Payload, Failure> {
    let (name,): (String,) = arguments.decode_args().expect("a name");
    if ["foo", "bar"].contains(&name.as_str()) {
        return Err(failure("com.myapp.error.reserved"));
    }
    if !(3..=10).contains(&name.len()) {
        let bounds = std::collections::BTreeMap::from([("max", 10), ("min", 3)]);
        let failure = failure("com.myapp.error.invalid_length");
        return Err(failure.with_args_and_kwargs(&[0_u8; 0], &bounds).expect("kwargs"));
    }
    let names = [name.to_lowercase(), name.to_uppercase()];
    if !names.contains(&name) || name == names[0] {
        return Err(failure("com.myapp.error.mixed_case").with_args(&names).expect("args"));
    }
    Ok(Payload::EMPTY)
}

fn call(body: &str) -> (u16, String) {
    Lab::caller().ask(BridgeRequest::post(body))
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

fn malformed(reason: &str) -> (u16, String) {
    let text = format!("Request body was valid JSON, but not well formed ({reason}).");
    denied(400, &text)
}

/// The CALL that the router receives for this body.
fn received(body: &str) -> Call {
    let lab = Lab::caller();
    assert_eq!(lab.reply(BridgeRequest::post(body)).status, 200);
    match lab.received().as_slice() {
        [ClientMessage::Call(call)] => call.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn dropped_bridge_leaves_its_session() {
    let sent = Lab::caller().drop_bridge();
    assert!(matches!(sent.as_slice(), [ClientMessage::Goodbye(_)]), "{sent:?}");
}

#[test]
fn a_result_is_answered_in_compact_json() {
    assert_eq!(call(r#"{"procedure":"com.example.add2","args":[2,3]}"#), ok(r#"{"args":[5]}"#));
    let root = call(r#"{"procedure": "com.myapp.sqrt", "args": [2]}"#);
    assert_eq!(root, ok(r#"{"args":[1.4142135623730951]}"#));
}

#[test]
fn put_is_as_good_as_post() {
    let request =
        BridgeRequest::with_method("PUT", r#"{"procedure":"com.example.add2","args":[2,3]}"#);
    assert_eq!(Lab::caller().ask(request), ok(r#"{"args":[5]}"#));
}

#[test]
fn a_runtime_error_of_the_callee_is_answered_with_200() {
    let expected = r#"{"error": "wamp.error.runtime_error", "args": ["don't ask foolish questions ;)"], "kwargs": {}}"#;
    assert_eq!(call(r#"{"procedure":"com.myapp.sqrt","args":[0]}"#), ok(expected));
}

#[test]
fn an_error_without_arguments_has_empty_args_and_kwargs() {
    let expected = r#"{"error": "com.myapp.error.reserved", "args": [], "kwargs": {}}"#;
    assert_eq!(call(r#"{"procedure":"com.myapp.checkname","args":["foo"]}"#), ok(expected));
}

#[test]
fn an_error_keeps_its_keyword_arguments() {
    let expected = r#"{"error": "com.myapp.error.invalid_length", "args": [], "kwargs": {"max": 10, "min": 3}}"#;
    assert_eq!(call(r#"{"procedure":"com.myapp.checkname","args":["*"]}"#), ok(expected));
}

#[test]
fn an_error_keeps_its_positional_arguments() {
    let expected =
        r#"{"error": "com.myapp.error.mixed_case", "args": ["hello", "HELLO"], "kwargs": {}}"#;
    assert_eq!(call(r#"{"procedure":"com.myapp.checkname","args":["hello"]}"#), ok(expected));
    let expected = r#"{"error": "com.myapp.error1", "args": [9], "kwargs": {}}"#;
    assert_eq!(call(r#"{"procedure":"com.myapp.compare","args":[1,10]}"#), ok(expected));
}

#[test]
fn an_unregistered_procedure_is_answered_with_200() {
    let expected = r#"{"error": "wamp.error.no_such_procedure", "args": [], "kwargs": {}}"#;
    assert_eq!(call(r#"{"procedure":"com.example.unknown"}"#), ok(expected));
}

#[test]
fn a_body_without_procedure_is_refused() {
    let text = "Request body was valid JSON, but not well formed (missing key 'procedure').";
    assert_eq!(call("{}"), denied(400, text));
    assert_eq!(call(r#"{"topic":"com.example.add2"}"#), denied(400, text));
}

#[test]
fn a_request_without_body_is_refused() {
    assert_eq!(call(""), denied(400, "Request body was invalid JSON."));
}

#[test]
fn empty_members_of_a_result_are_left_out() {
    assert_eq!(call(r#"{"procedure":"com.example.nothing"}"#), ok(r#"{"args":[null]}"#));
    assert_eq!(call(r#"{"procedure":"com.example.none"}"#), ok(r#"{"args":[null]}"#));
    let echo =
        |arguments: &str| call(&format!(r#"{{"procedure":"com.example.echo",{arguments}}}"#));
    assert_eq!(echo(r#""args":[1,[],{}]"#), ok(r#"{"args":[1,[],{}]}"#));
    assert_eq!(echo(r#""kwargs":{"a":1}"#), ok(r#"{"kwargs":{"a":1}}"#));
    assert_eq!(
        echo(r#""kwargs":{"a":1},"args":["x",2]"#),
        ok(r#"{"args":["x",2],"kwargs":{"a":1}}"#)
    );
    assert_eq!(echo(r#""args":[ ],"kwargs":{ }"#), ok(r#"{"args":[null]}"#));
    assert_eq!(echo(r#""args":[ ],"kwargs":{"a":1}"#), ok(r#"{"kwargs":{"a":1}}"#));
}

#[test]
fn numbers_that_are_not_finite_are_read_as_null() {
    let echo =
        |arguments: &str| call(&format!(r#"{{"procedure":"com.example.echo",{arguments}}}"#));
    assert_eq!(echo(r#""args":[NaN,-Infinity]"#), ok(r#"{"args":[null,null]}"#));
    assert_eq!(echo(r#""kwargs":{"a":1e400}"#), ok(r#"{"kwargs":{"a":null}}"#));
    assert_eq!(echo(r#""args":NaN,"kwargs":Infinity,"other":[NaN]"#), ok(r#"{"args":[null]}"#));
    let failed = call(r#"{"procedure":"com.error.x","args":[NaN],"options":{"timeout":NaN}}"#);
    assert_eq!(failed, ok(r#"{"error": "com.error.x", "args": [], "kwargs": {}}"#));
    assert_eq!(call(r#"{"procedure":NaN}"#), malformed("procedure must be a string"));
}

#[test]
fn unpaired_surrogates_are_allowed_in_arguments_and_refused_in_the_procedure() {
    let echoed = call(r#"{"procedure":"com.example.echo","args":["\ud800"]}"#);
    assert_eq!(echoed, ok(r#"{"args":["\ud800"]}"#));
    let refused = call(r#"{"procedure":"com.\ud800"}"#);
    assert_eq!(refused, malformed("procedure must be a string"));
}

#[test]
fn a_binary_result_is_encoded_in_the_json_convention_for_bytes() {
    let expected = r#"{"args":["\u0000AP9hYg==","text"]}"#;
    assert_eq!(call(r#"{"procedure":"com.example.binary"}"#), ok(expected));
}

#[test]
fn a_result_in_another_format_is_transcoded() {
    let expected =
        r#"{"args":[18446744073709551615,-9223372036854775808,0.5],"kwargs":{"ü":null}}"#;
    assert_eq!(call(r#"{"procedure":"com.example.mixed"}"#), ok(expected));
}

#[test]
fn arguments_reach_the_router_unchanged() {
    let args = r#"["Grüße \ud83d\ude00 ☃",18446744073709551616,-0,1e40,"\u0000AP8="]"#;
    let body = |args: &str| format!(r#"{{"procedure":"com.example.echo","args":{args}}}"#);
    assert_eq!(call(&body(args)), ok(&format!(r#"{{"args":{args}}}"#)));
}

#[test]
fn keyword_arguments_may_have_any_name() {
    let call = received(
        r#"{"procedure":"com.example.echo","kwargs":{"procedure":1,"options":{"timeout":2},"self":3}}"#,
    );
    let kwargs = serde_json::json!({"procedure": 1, "options": {"timeout": 2}, "self": 3});
    assert_eq!(call.procedure.as_str(), "com.example.echo");
    assert_eq!(call.options, CallOptions::default());
    assert_eq!(json(&call.payload), (serde_json::json!([]), kwargs));
}

#[test]
fn empty_arguments_are_not_sent() {
    for nothing in ["null", "false", "0", r#""""#, "[]", "[ ]", "{}", "{\n}"] {
        let body = format!(
            r#"{{"procedure":"com.example.echo","args":{nothing},"kwargs":{nothing},"options":{nothing}}}"#
        );
        assert_eq!(received(&body).payload, Payload::EMPTY, "{nothing}");
    }
    assert_eq!(received(r#"{"procedure":"com.example.echo"}"#).payload, Payload::EMPTY);
}

#[test]
fn args_must_be_a_list_and_kwargs_an_object() {
    let with = |member: &str| call(&format!(r#"{{"procedure":"com.example.echo",{member}}}"#));
    for args in [r#""abc""#, r#"{"a":1}"#, "1", "true", r#""\u0000AP8=""#] {
        assert_eq!(with(&format!(r#""args":{args}"#)), malformed("args must be a list"), "{args}");
    }
    for kwargs in [r#""abc""#, "[1]", "1", "true"] {
        let answer = with(&format!(r#""kwargs":{kwargs}"#));
        assert_eq!(answer, malformed("kwargs must be an object"), "{kwargs}");
    }
}

#[test]
fn the_procedure_must_be_a_string() {
    for procedure in ["null", "1", "[]", r#"{"a":1}"#, r#""\u0000AP8=""#] {
        let answer = call(&format!(r#"{{"procedure":{procedure},"args":[1]}}"#));
        assert_eq!(answer, malformed("procedure must be a string"), "{procedure}");
    }
}

#[test]
fn the_last_one_of_repeated_members_counts() {
    let call = received(
        r#"{"procedure":5,"args":"x","args":[1],"procedure":"com.example.echo","options":7,"options":{"timeout":9,"timeout":8}}"#,
    );
    assert_eq!(call.options.timeout, Some(8));
    assert_eq!(json(&call.payload), (serde_json::json!([1]), serde_json::json!({})));
}

#[test]
fn member_names_may_have_escapes_and_unknown_members_are_ignored() {
    let call = received(
        r#" {"\u0070rocedure" : "com.example\u002eecho", "x":{"args":[2]}, "arg\u0073":[ 1 ]} "#,
    );
    assert_eq!(call.procedure.as_str(), "com.example.echo");
    assert_eq!(json(&call.payload), (serde_json::json!([1]), serde_json::json!({})));
}

#[test]
fn only_timeout_and_disclose_me_reach_the_router() {
    let call = received(
        r#"{"procedure":"com.example.echo","options":{"timeout":500,"disclose_me":true,"receive_progress":true,"rkey":"x"}}"#,
    );
    let expected =
        CallOptions { timeout: Some(500), disclose_me: Some(true), ..CallOptions::default() };
    assert_eq!(call.options, expected);
    let call =
        received(r#"{"procedure":"com.example.echo","options":{"timeout":0,"disclose_me":false}}"#);
    assert_eq!(call.options, CallOptions::default());
    let call = received(
        r#"{"procedure":"com.example.echo","options":{"timeout":null,"disclose_me":null}}"#,
    );
    assert_eq!(call.options, CallOptions::default());
}

#[test]
fn options_of_the_wrong_type_are_refused() {
    let with =
        |options: &str| call(&format!(r#"{{"procedure":"com.example.echo","options":{options}}}"#));
    assert_eq!(with("[1]"), malformed("options must be an object"));
    assert_eq!(with("5"), malformed("options must be an object"));
    let timeout = malformed("options.timeout must be an integer of 0 or more");
    for value in [r#""500""#, "-1", "0.5", "[]", "{}", "true", "18446744073709551616"] {
        assert_eq!(with(&format!(r#"{{"timeout":{value}}}"#)), timeout, "{value}");
    }
}

/// As for CALL.Options.
#[test]
fn disclose_me_of_another_type_than_boolean_is_ignored() {
    for value in ["null", "1", r#""true""#, "[1]", "{}"] {
        let options = format!(r#"{{"disclose_me":{value}}}"#);
        let body = format!(r#"{{"procedure":"com.example.echo","options":{options}}}"#);
        assert_eq!(call(&body), (200, r#"{"args":[null]}"#.to_owned()), "{value}");
    }
}

#[test]
fn a_call_that_takes_too_long_ends_in_an_error() {
    let expected = r#"{"error": "wamp.error.timeout", "args": [], "kwargs": {}}"#;
    for (error_status, status) in [(false, 200), (true, 504)] {
        let settings = BridgeSettings { error_status, ..BridgeSettings::default() };
        let lab = Lab::new(Resource::Caller, settings);
        let body = r#"{"procedure":"com.example.slow","options":{"timeout":10}}"#;
        let mut waiting = pin!(lab.start(BridgeRequest::post(body)));
        assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
        let [ClientMessage::Call(call)] = &lab.received()[..] else { panic!("no call") };
        assert_eq!(call.options.timeout, Some(10));
        lab.router_says(error(call, failure("wamp.error.timeout")));
        let Poll::Ready(reply) = poll_once(waiting) else { panic!("no reply") };
        assert_eq!(text(&reply), (status, expected.to_owned()));
    }
}

#[test]
fn dropping_the_response_future_cancels_the_call() {
    let lab = Lab::caller();
    let request = BridgeRequest::post(r#"{"procedure":"com.example.slow"}"#);
    {
        let waiting = pin!(lab.start(request));
        assert_eq!(poll_once(waiting), Poll::Pending);
    }
    let received = lab.received();
    let [ClientMessage::Call(call), cancel] = &received[..] else { panic!("{received:?}") };
    let options = CancelOptions { mode: Some(CancelMode::KillNoWait.into()) };
    assert_eq!(*cancel, ClientMessage::Cancel(Cancel { request: call.request, options }));
}

#[test]
fn an_unrequested_progressive_result_is_not_the_response() {
    let lab = Lab::caller();
    let mut waiting = pin!(lab.start(BridgeRequest::post(r#"{"procedure":"com.example.slow"}"#)));
    assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
    let [ClientMessage::Call(call)] = &lab.received()[..] else { panic!("not one call") };
    assert_eq!(call.options, CallOptions::default());
    let says = |progress, number| {
        lab.router_says(RouterMessage::Result(CallResult {
            request: call.request,
            details: ResultDetails { progress, ..ResultDetails::default() },
            payload: payload(Serializer::Json, &[number]),
        }));
    };
    says(Some(true), 1);
    assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
    says(None, 2);
    let Poll::Ready(reply) = poll_once(waiting) else { panic!("the bridge waits") };
    assert_eq!(text(&reply), ok(r#"{"args":[2]}"#));
}

#[test]
fn an_answered_call_is_not_canceled() {
    let lab = Lab::caller();
    lab.reply(BridgeRequest::post(r#"{"procedure":"com.example.nothing"}"#));
    assert_eq!(lab.received().len(), 1);
}

#[test]
fn errors_have_their_own_status_with_error_status() {
    let status = |procedure: &str| {
        let settings = BridgeSettings { error_status: true, ..BridgeSettings::default() };
        let body = format!(r#"{{"procedure":"{procedure}"}}"#);
        Lab::new(Resource::Caller, settings).ask(BridgeRequest::post(body))
    };
    let expected =
        |status, uri| (status, format!(r#"{{"error": "{uri}", "args": [], "kwargs": {{}}}}"#));
    for (code, uri) in [
        (404, "wamp.error.no_such_procedure"),
        (403, "wamp.error.not_authorized"),
        (400, "wamp.error.invalid_argument"),
        (504, "wamp.error.timeout"),
        (503, "wamp.error.unavailable"),
        (503, "wamp.error.canceled"),
        (500, "wamp.error.runtime_error"),
        (500, "com.example.error"),
    ] {
        assert_eq!(status(uri), expected(code, uri));
    }
    assert_eq!(status("com.example.nothing"), ok(r#"{"args":[null]}"#));
}

#[test]
fn a_bridge_whose_session_has_ended_is_unavailable() {
    let expected = r#"{"error": "wamp.error.unavailable", "args": ["The session of the HTTP bridge has ended."], "kwargs": {}}"#;
    let lab = Lab::without_router(Resource::Caller);
    let answer = lab.ask(BridgeRequest::post(r#"{"procedure":"com.example.add2"}"#));
    assert_eq!(answer, (503, expected.to_owned()));
}

#[test]
fn calls_in_flight_are_answered_when_the_session_ends() {
    let lab = Lab::caller();
    let mut waiting = pin!(lab.start(BridgeRequest::post(r#"{"procedure":"com.example.slow"}"#)));
    assert_eq!(poll_once(waiting.as_mut()), Poll::Pending);
    lab.session_ends();
    let Poll::Ready(reply) = poll_once(waiting) else { panic!("no reply") };
    assert_eq!(reply.status, 503);
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        call(&format!(r#"{{"procedure":"com.example.echo","args":{open}{close}}}"#))
    };
    assert_eq!(deep(100).0, 200);
    assert_eq!(deep(100_000), denied(400, "Request body was invalid JSON."));
    let open = "[".repeat(100_000);
    assert_eq!(call(&open), denied(400, "Request body was invalid JSON."));
}

#[test]
fn a_response_future_is_send() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let lab = Lab::caller();
    let waiting =
        pin!(assert_send(lab.start(BridgeRequest::post(r#"{"procedure":"com.example.none"}"#))));
    assert!(poll_once(waiting).is_ready());
}
