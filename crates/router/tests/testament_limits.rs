//! Testaments that are refused: wrong arguments, too many, too large.
//!
//! Spec: advanced profile "Session Testament" defines neither.

use cloverleaf_router::limits::{SessionLimits, SharedLimits};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::client;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::limits::MAX_LIST_OPTION_ENTRIES;
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
fn invalid_testament_is_refused() {
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
fn testaments_of_a_session_are_limited() {
    let (mut lab, ann) = lab_with_ann();
    for number in 0..SessionLimits::DEFAULT.max_testaments {
        let scope = if number % 2 == 0 { "detached" } else { "destroyed" };
        add(&mut lab, ann, "x", json!({"scope": scope})).unwrap();
    }
    for scope in ["detached", "destroyed"] {
        assert_eq!(add(&mut lab, ann, "x", json!({"scope": scope})), limit_reached());
    }
    // The limit applies to each session, and flushing makes room.
    let ben = lab.join("ben");
    assert_eq!(add(&mut lab, ben, "x", json!({})), Ok(json!([null])));
    let half = SessionLimits::DEFAULT.max_testaments / 2;
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([null])));
    for _ in 0..half {
        assert_eq!(add(&mut lab, ann, "x", json!({})), Ok(json!([null])));
    }
    assert_eq!(add(&mut lab, ann, "x", json!({})), limit_reached());
}

#[test]
fn bytes_of_testaments_of_a_session_are_limited() {
    let (mut lab, ann) = lab_with_ann();
    let third = "x".repeat(SessionLimits::DEFAULT.max_testament_bytes / 3 - 1_024);
    let whole = "x".repeat(SessionLimits::DEFAULT.max_testament_bytes);
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

/// Testaments of about a mebibyte each, by several sessions, as many as the realm takes.
fn realm_full_of_testaments() -> (Lab, Vec<Peer>, Peer) {
    let mut lab = Lab::new();
    let large = "x".repeat(SessionLimits::DEFAULT.max_testament_bytes - 1_024);
    let count =
        SharedLimits::DEFAULT.max_testament_bytes / SessionLimits::DEFAULT.max_testament_bytes;
    let owners: Vec<_> = (0..count).map(|_| lab.join("owner")).collect();
    for owner in &owners {
        assert_eq!(add(&mut lab, *owner, &large, json!({})), Ok(json!([null])));
    }
    let late = lab.join("late");
    (lab, owners, late)
}

#[test]
fn bytes_of_testaments_of_a_realm_are_limited() {
    let (mut lab, owners, late) = realm_full_of_testaments();
    let tenth = "x".repeat(SessionLimits::DEFAULT.max_testament_bytes / 10);
    let text = "this realm has reached its largest number of testaments";
    let realm_is_full = || refusal(error_uri::LIMIT_REACHED, text);
    assert_eq!(add(&mut lab, late, &tenth, json!({})), realm_is_full());
    // A testament over the limit of its session does not count.
    let (mut fits, mut count) = (true, 0);
    while fits {
        fits = add(&mut lab, owners[0], "x", json!({})).is_ok();
        count += usize::from(fits);
    }
    assert!(count < 10, "{count}");
    assert_eq!(lab.ask(owners[0], FLUSH, json!([])), Ok(json!([null])));
    for _ in 0..9 {
        assert_eq!(add(&mut lab, late, &tenth, json!({})), Ok(json!([null])));
    }
    let next = lab.join("next");
    for _ in 0..2 {
        let _ = add(&mut lab, next, &tenth, json!({}));
    }
    assert_eq!(add(&mut lab, next, &tenth, json!({})), realm_is_full());
    lab.disconnect(late);
    assert_eq!(add(&mut lab, next, &tenth, json!({})), Ok(json!([null])));
    for peer in owners.into_iter().chain([next]) {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn list_in_the_options_of_a_testament_is_limited() {
    let (mut lab, ann) = lab_with_ann();
    let options = |count: usize| {
        let names = vec!["a"; count];
        json!({"publish_options": {"exclude_authid": names}})
    };
    assert_eq!(add(&mut lab, ann, "x", options(MAX_LIST_OPTION_ENTRIES)), Ok(json!([null])));
    let longer = options(MAX_LIST_OPTION_ENTRIES + 1);
    let (error, text) = add(&mut lab, ann, "x", longer).unwrap_err();
    assert_eq!(error, error_uri::INVALID_ARGUMENT);
    assert!(text.contains("exclude_authid"), "{text}");
    assert!(text.ends_with("has more than 16384 entries"), "{text}");
}
