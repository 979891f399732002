//! The resource `publisher`.

use bytes::Bytes;
use cloverleaf_client::{Failure, Payload, Serializer};
use cloverleaf_http_bridge::Resource;
use cloverleaf_http_bridge::envelope::Envelope;
use cloverleaf_wamp::ids::{PublicationId, SessionId};
use cloverleaf_wamp::message::{
    ClientMessage, Publish, PublishOptions, Published, RequestError, RouterMessage,
};
use serde_json::{Value, json};

use crate::lab::{BridgeRequest, Lab, denied};

/// The router's answer to a publication.
pub(crate) fn outcome_of(publish: &Publish) -> RouterMessage {
    if publish.topic.as_str() == "com.test.messages" {
        let publication = PublicationId::new(1 << 53).expect("an id");
        return RouterMessage::Published(Published { request: publish.request, publication });
    }
    let kwargs = std::collections::BTreeMap::from([("foo", "bar")]);
    let Failure { uri, payload, .. } = Failure::new("wamp.error.not_authorized");
    assert_eq!(payload, Payload::EMPTY);
    let payload = Payload::from_args_and_kwargs(Serializer::MsgPack, &[0_u8; 0], &kwargs);
    RouterMessage::Error(RequestError::new(publish.reference(), uri, payload.expect("a payload")))
}

fn publish(body: &str) -> (u16, String) {
    Lab::publisher().ask(BridgeRequest::post(body))
}

/// The PUBLISH that the router receives for a body with these options.
fn received(options: &Value) -> Publish {
    let lab = Lab::publisher();
    let body = json!({"topic": "com.test.messages", "args": [1], "options": options});
    let (status, answer) = lab.ask(BridgeRequest::post(body.to_string()));
    assert_eq!((status, answer.as_str()), (200, r#"{"id":9007199254740992}"#));
    match lab.received().as_slice() {
        [ClientMessage::Publish(publish)] => publish.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_publication_is_answered_with_its_id() {
    let publish = received(&Value::Null);
    let acknowledged = PublishOptions { acknowledge: Some(true), ..PublishOptions::default() };
    assert_eq!(publish.topic.as_str(), "com.test.messages");
    assert_eq!(*publish.options, acknowledged);
    assert_eq!(publish.payload, Payload::from_args(Serializer::Json, &[1]).expect("a payload"));
}

#[test]
fn an_envelope_does_not_keep_a_large_body_alive() {
    for member in [r#""args": [1]"#, r#""kwargs": {"a": 1}"#, r#""options": {"forward_for": [{}]}"#]
    {
        let spaces = " ".repeat(1 << 16);
        let body = format!(r#"{{"topic": "com.test.messages", {member}, "other": 1{spaces}}}"#);
        let body = Bytes::from(body);
        let envelope = Envelope::<PublishOptions>::parse(&body);
        assert!(body.is_unique(), "{envelope:?}");
    }
}

#[test]
fn a_refused_publication_is_answered_with_200() {
    let expected =
        r#"{"error": "wamp.error.not_authorized", "args": [], "kwargs": {"foo": "bar"}}"#;
    let answer = publish(r#"{"topic": "com.example.forbidden", "args": [1]}"#);
    assert_eq!(answer, (200, expected.to_owned()));
}

#[test]
fn a_publisher_whose_session_has_ended_is_unavailable() {
    let lab = Lab::without_router(Resource::Publisher);
    let answer = lab.reply(BridgeRequest::post(r#"{"topic": "com.test.messages", "args": [1]}"#));
    assert_eq!(answer.status, 503);
}

#[test]
fn a_body_without_topic_is_refused() {
    let text = "Request body was valid JSON, but not well formed (missing key 'topic').";
    assert_eq!(publish("{}"), denied(400, text));
    assert_eq!(publish(r#"{"procedure":"com.test.messages"}"#), denied(400, text));
}

#[test]
fn options_reach_the_router_and_acknowledge_stays_true() {
    let options = json!({
        "acknowledge": false, "exclude_me": false, "exclude": [1, 2], "exclude_authid": ["a"],
        "exclude_authrole": ["b"], "eligible": [3], "eligible_authid": ["c"],
        "eligible_authrole": ["d"], "retain": true, "unknown": 1,
    });
    let session = |number| SessionId::new(number).expect("an id");
    let expected = PublishOptions {
        acknowledge: Some(true),
        exclude_me: Some(false),
        exclude: Some(vec![session(1), session(2)]),
        exclude_authid: Some(vec!["a".into()]),
        exclude_authrole: Some(vec!["b".into()]),
        eligible: Some(vec![session(3)]),
        eligible_authid: Some(vec!["c".into()]),
        eligible_authrole: Some(vec!["d".into()]),
        retain: Some(true),
        ..PublishOptions::default()
    };
    assert_eq!(*received(&options).options, expected);
}

#[test]
fn forward_for_reaches_the_router_unchanged() {
    let options = json!({"forward_for": [{"session": 7}]});
    let sent = received(&options).options;
    assert!(format!("{:?}", sent.passthru).contains(r#"[{"session":7}]"#));
}

#[test]
fn a_single_entry_counts_as_a_list_and_null_as_absent() {
    let options = json!({"exclude": 5, "eligible_authid": "a", "eligible_authrole": null});
    let sent = received(&options).options;
    assert_eq!(sent.exclude, SessionId::new(5).map(|id| vec![id]));
    assert_eq!(sent.eligible_authid, Some(vec!["a".into()]));
    assert_eq!(sent.eligible_authrole, None);
}

#[test]
fn an_option_that_is_not_finite_counts_as_absent() {
    let options = r#"{"exclude":NaN,"eligible":1e400,"retain":Infinity,"forward_for":-Infinity}"#;
    let body = format!(r#"{{"topic":"com.test.messages","options":{options}}}"#);
    assert_eq!(publish(&body).0, 200);
}

#[test]
fn unknown_publish_options_are_ignored() {
    let options = json!({"disclose_me": 1, "transaction_hash": 2, "enc_algo": 3});
    let acknowledged = PublishOptions { acknowledge: Some(true), ..PublishOptions::default() };
    assert_eq!(*received(&options).options, acknowledged);
}

#[test]
fn options_of_the_wrong_type_are_refused() {
    let with =
        |options: &str| publish(&format!(r#"{{"topic":"com.test.messages","options":{options}}}"#));
    let malformed = |reason: &str| {
        let text = format!("Request body was valid JSON, but not well formed ({reason}).");
        denied(400, &text)
    };
    for (options, reason) in [
        ("[1]", "options must be an object"),
        (r#"{"exclude_me":1}"#, "options.exclude_me must be a boolean"),
        (r#"{"retain":"yes"}"#, "options.retain must be a boolean"),
        (r#"{"exclude":["a"]}"#, "options.exclude must be a list of session ids"),
        (r#"{"exclude":{}}"#, "options.exclude must be a list of session ids"),
        (r#"{"exclude":"a"}"#, "options.exclude must be a list of session ids"),
        (r#"{"eligible":[0]}"#, "options.eligible must be a list of session ids"),
        (r#"{"eligible_authid":[1]}"#, "options.eligible_authid must be a list of strings"),
        (r#"{"exclude_authrole":1}"#, "options.exclude_authrole must be a list of strings"),
        (r#"{"forward_for":{}}"#, "options.forward_for must be a list"),
    ] {
        assert_eq!(with(options), malformed(reason), "{options}");
    }
}

#[test]
fn a_list_with_too_many_entries_is_refused() {
    let sessions = vec!["1"; 70_000].join(",");
    let body = format!(r#"{{"topic":"com.test.messages","options":{{"exclude":[{sessions}]}}}}"#);
    let (status, text) = publish(&body);
    assert_eq!((status, text.contains("'exclude' has more than 16384 entries")), (400, true));
}
