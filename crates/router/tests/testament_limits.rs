//! Testaments that are not taken: wrong arguments, too many, too large.
//!
//! Spec: advanced profile "Session Testament" says nothing of either.

use cloverleaf_router::limits::{MAX_TESTAMENT_BYTES_PER_SESSION, MAX_TESTAMENTS_PER_SESSION};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::client;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

const ADD: &str = "wamp.session.add_testament";
const FLUSH: &str = "wamp.session.flush_testaments";

fn lab_with_ann() -> (Lab, Peer) {
    let mut lab = Lab::new();
    let ann = lab.join("ann");
    (lab, ann)
}

fn add(lab: &mut Lab, ann: Peer, text: &str, keyword: Value) -> Answer {
    lab.ask_with(ann, ADD, json!(["com.will", [text], null]), keyword)
}

fn limit_reached() -> Answer {
    let text = "this session has reached its largest number of testaments";
    refusal(error_uri::LIMIT_REACHED, text)
}

#[test]
fn what_can_not_be_understood_is_refused_and_nothing_is_left_behind() {
    let (mut lab, ann) = lab_with_ann();
    for (positional, keyword) in [
        (json!([]), json!({})),
        (json!([null, ["x"], null]), json!({})),
        (json!([7, ["x"], null]), json!({})),
        (json!(["com.will", "x", null]), json!({})),
        (json!(["com.will", {"x": 1}, null]), json!({})),
        (json!(["com.will", ["x"], ["y"]]), json!({})),
        (json!(["com.will", ["x"], "y"]), json!({})),
        (json!(["com.will", ["x"], null]), json!({"scope": "forever"})),
        (json!(["com.will", ["x"], null]), json!({"scope": 1})),
        (json!(["com.will", ["x"], null]), json!({"publish_options": []})),
        (json!(["com.will", ["x"], null]), json!({"publish_options": "retain"})),
        (json!(["com.will", ["x"], null]), json!({"publish_options": {"retain": 1}})),
        (json!(["com.will", ["x"], null]), json!({"publish_options": {"eligible": ["x"]}})),
    ] {
        let case = format!("{positional} {keyword}");
        let (error, text) = lab.ask_with(ann, ADD, positional, keyword).expect_err(&case);
        assert_eq!(error, error_uri::INVALID_ARGUMENT, "{case}");
        assert!(text.starts_with(ADD), "{text}");
    }
    for keyword in [json!({"scope": "forever"}), json!({"scope": ["detached"]})] {
        let (error, _) = lab.ask_with(ann, FLUSH, json!([]), keyword).unwrap_err();
        assert_eq!(error, error_uri::INVALID_ARGUMENT);
    }
    for scope in ["detached", "destroyed"] {
        assert_eq!(lab.ask_with(ann, FLUSH, json!([]), json!({"scope": scope})), Ok(json!([null])));
    }
}

#[test]
fn nothing_is_unbounded_testaments_of_a_session() {
    let (mut lab, ann) = lab_with_ann();
    for number in 0..MAX_TESTAMENTS_PER_SESSION {
        let scope = if number % 2 == 0 { "detached" } else { "destroyed" };
        add(&mut lab, ann, "x", json!({"scope": scope})).unwrap();
    }
    for scope in ["detached", "destroyed"] {
        assert_eq!(add(&mut lab, ann, "x", json!({"scope": scope})), limit_reached());
    }
    // The limit is each session's own, and room is made by forgetting.
    let ben = lab.join("ben");
    assert_eq!(add(&mut lab, ben, "x", json!({})), Ok(json!([null])));
    let half = MAX_TESTAMENTS_PER_SESSION / 2;
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([null])));
    for _ in 0..half {
        assert_eq!(add(&mut lab, ann, "x", json!({})), Ok(json!([null])));
    }
    assert_eq!(add(&mut lab, ann, "x", json!({})), limit_reached());
}

#[test]
fn nothing_is_unbounded_the_bytes_of_testaments() {
    let (mut lab, ann) = lab_with_ann();
    let third = "x".repeat(MAX_TESTAMENT_BYTES_PER_SESSION / 3 - 1_024);
    let whole = "x".repeat(MAX_TESTAMENT_BYTES_PER_SESSION);
    assert_eq!(add(&mut lab, ann, &whole, json!({})), limit_reached());
    for _ in 0..3 {
        add(&mut lab, ann, &third, json!({})).unwrap();
    }
    assert_eq!(add(&mut lab, ann, &third, json!({})), limit_reached());
    // Options count as well.
    let long = json!({"publish_options": {"exclude_authid": [third]}});
    assert_eq!(add(&mut lab, ann, "x", long), limit_reached());
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([null])));
    assert_eq!(add(&mut lab, ann, &third, json!({})), Ok(json!([null])));
}

#[test]
fn a_testament_comes_in_the_format_in_which_it_was_written() {
    for serializer in Serializer::ALL {
        let (mut lab, ann) = lab_with_ann();
        let heir = lab.join("heir");
        lab.send(heir, client::subscribe(1, "com.will"));
        lab.received(heir);
        let words = ("com.will", [2.5], std::collections::BTreeMap::from([("a", true)]));
        lab.ask_raw(ann, ADD, Payload::from_args(serializer, &words).unwrap()).unwrap();
        lab.disconnect(ann);
        let received = lab.received(heir);
        let [RouterMessage::Event(event)] = received.as_slice() else { panic!("{received:?}") };
        let expected = Payload::from_args_and_kwargs(serializer, &words.1, &words.2).unwrap();
        assert_eq!(event.payload, expected);
    }
}
