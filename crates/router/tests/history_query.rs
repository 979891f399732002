//! Queries for stored events.
//!
//! Spec: advanced profile "Event History", the keyword arguments of `wamp.subscription.get_events`.

use std::time::Duration;

use cloverleaf_router::{HistorySettings, RealmSettings};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{args, client};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::{Value, json};

const GET_EVENTS: &str = "wamp.subscription.get_events";

/// A prefix with a history of five events, "a" to "e", one second after the other from
/// 2026-01-01T00:00:00Z on; "b" and "d" have another topic.
struct Archive {
    lab: Lab,
    reader: Peer,
    publications: Vec<u64>,
}

impl Archive {
    fn filled() -> Self {
        let pattern = UriPattern::new("com.log", MatchPolicy::Prefix, UriRule::Loose).unwrap();
        let histories = vec![HistorySettings::new(pattern, 5)];
        let mut lab = Lab::with(RealmSettings { histories, ..settings() });
        let reader = lab.join("reader");
        // Pushed out by the others.
        lab.send(reader, client::publish(1, "com.log", args(["lost"])));
        let mut publications = vec![lab.last_publication().number()];
        for (text, topic) in [
            ("a", "com.log"),
            ("b", "com.log.x"),
            ("c", "com.log"),
            ("d", "com.log.x"),
            ("e", "com.log"),
        ] {
            lab.send(reader, client::publish(1, topic, args([text])));
            publications.push(lab.last_publication().number());
            lab.pass(Duration::from_secs(1));
        }
        Self { lab, reader, publications }
    }

    /// The texts of the returned events.
    fn told(&mut self, positional: Value, keyword: Value) -> String {
        let case = format!("{positional} {keyword}");
        let result = self.lab.ask_with(self.reader, GET_EVENTS, positional, keyword).expect(&case);
        let is_crossbar = result[0].is_array();
        let events = if is_crossbar { &result[0] } else { &result };
        let text = |event: &Value| event["args"][0].as_str().unwrap().to_owned();
        events.as_array().unwrap().iter().map(text).collect()
    }

    fn publication(&self, text: &str) -> u64 {
        self.publications["abcde".find(text).map_or(0, |place| place + 1)]
    }
}

fn at(seconds: u64) -> String {
    format!("2026-01-01T00:00:0{seconds}Z")
}

#[test]
fn events_are_returned_in_order_reversed_and_limited() {
    let mut archive = Archive::filled();
    for (keyword, expected) in [
        (json!({}), "abcde"),
        (json!({"reverse": false}), "abcde"),
        (json!({"reverse": true}), "edcba"),
        (json!({"limit": 2}), "ab"),
        (json!({"limit": 2, "reverse": true}), "ed"),
        (json!({"limit": 99}), "abcde"),
        (json!({"limit": null, "reverse": null, "topic": null, "unheard_of": 7}), "abcde"),
    ] {
        assert_eq!(archive.told(json!([1]), keyword.clone()), expected, "{keyword}");
    }
}

#[test]
fn every_time_bound_is_applied() {
    let mut archive = Archive::filled();
    for (keyword, expected) in [
        (json!({"from_time": at(2)}), "cde"),
        (json!({"after_time": at(2)}), "de"),
        (json!({"before_time": at(2)}), "ab"),
        (json!({"until_time": at(2)}), "abc"),
        (json!({"from_time": at(1), "until_time": at(3)}), "bcd"),
        (json!({"after_time": at(1), "before_time": at(3)}), "c"),
        (json!({"after_time": at(3), "before_time": at(1)}), ""),
        (json!({"from_time": "2026-01-01T01:00:02+01:00"}), "cde"),
        (json!({"from_time": "2026-01-01T00:00:02.001Z"}), "de"),
        (json!({"from_time": "2027-01-01T00:00:00Z"}), ""),
        (json!({"before_time": "2027-01-01T00:00:00Z"}), "abcde"),
    ] {
        assert_eq!(archive.told(json!([1]), keyword.clone()), expected, "{keyword}");
    }
}

#[test]
fn every_publication_bound_is_applied() {
    let mut archive = Archive::filled();
    let [b, c, d, lost] = ["b", "c", "d", "lost"].map(|text| archive.publication(text));
    let never = 1;
    for (keyword, expected) in [
        (json!({"from_publication": c}), "cde"),
        (json!({"after_publication": c}), "de"),
        (json!({"before_publication": c}), "ab"),
        (json!({"until_publication": c}), "abc"),
        (json!({"from_publication": b, "until_publication": d}), "bcd"),
        (json!({"after_publication": b, "before_publication": d}), "c"),
        (json!({"after_publication": c, "before_publication": c}), ""),
        (json!({"from_publication": d, "until_publication": b}), ""),
        // A publication that is not stored (any more) has no events before or after it.
        (json!({"from_publication": lost}), ""),
        (json!({"before_publication": never}), ""),
    ] {
        assert_eq!(archive.told(json!([1]), keyword.clone()), expected, "{keyword}");
    }
}

#[test]
fn a_topic_chooses_among_the_events_of_a_pattern() {
    let mut archive = Archive::filled();
    assert_eq!(archive.told(json!([1]), json!({"topic": "com.log"})), "ace");
    assert_eq!(archive.told(json!([1]), json!({"topic": "com.log.x"})), "bd");
    assert_eq!(archive.told(json!([1]), json!({"topic": "com.lo"})), "");
}

#[test]
fn all_conditions_must_hold_and_the_limit_counts_what_is_left() {
    let mut archive = Archive::filled();
    let b = archive.publication("b");
    let keyword = json!({
        "topic": "com.log", "after_publication": b, "until_time": at(4), "limit": 1,
        "reverse": true,
    });
    assert_eq!(archive.told(json!([1]), keyword), "e");
    let keyword = json!({"topic": "com.log.x", "after_publication": b, "until_time": at(4)});
    assert_eq!(archive.told(json!([1]), keyword), "d");
}

#[test]
fn pages_meet_without_a_gap_in_both_directions() {
    let mut archive = Archive::filled();
    for (reverse, mark, expected) in
        [(false, "after_publication", "abcde"), (true, "before_publication", "edcba")]
    {
        let mut read = String::new();
        let mut keyword = json!({"limit": 2, "reverse": reverse});
        loop {
            let page = archive.told(json!([1]), keyword.clone());
            let Some(last) = page.get(page.len().saturating_sub(1)..).filter(|_| !page.is_empty())
            else {
                break;
            };
            keyword[mark] = json!(archive.publication(last));
            read += &page;
        }
        assert_eq!(read, expected);
    }
}

#[test]
fn crossbar_preset_returns_the_newest_event_first_by_default() {
    let mut archive = Archive::filled();
    assert_eq!(archive.told(json!([1, 3]), json!({})), "edc");
    assert_eq!(archive.told(json!([1, 3]), json!({"reverse": false})), "abc");
    assert_eq!(archive.told(json!([1, 9]), json!({"topic": "com.log.x"})), "db");
    // The positional argument counts.
    assert_eq!(archive.told(json!([1, 1]), json!({"limit": 4})), "e");
}

#[test]
fn query_with_a_returned_timestamp_finds_the_event() {
    let mut archive = Archive::filled();
    archive.lab.pass(Duration::from_micros(1_234_567));
    archive.lab.send(archive.reader, client::publish(1, "com.log", args(["f"])));
    let result = archive.lab.ask(archive.reader, GET_EVENTS, json!([1])).unwrap();
    let time = result[4]["timestamp"].clone();
    assert_eq!(time, "2026-01-01T00:00:06.234Z");
    assert_eq!(archive.told(json!([1]), json!({"from_time": time})), "f");
    assert_eq!(archive.told(json!([1]), json!({"until_time": time, "after_time": at(4)})), "f");
    assert_eq!(archive.told(json!([1]), json!({"after_time": time})), "");
}

#[test]
fn invalid_arguments_have_no_effect() {
    let mut archive = Archive::filled();
    for (positional, keyword, text) in [
        (json!([]), json!({}), "argument 'subscription_id' is missing"),
        (json!([0]), json!({}), "argument 'subscription_id' must be between 1 and 2^53"),
        (json!([1, 0]), json!({}), "limit must be 1 or more"),
        (json!([1]), json!({"limit": 0}), "limit must be 1 or more"),
        (json!([1]), json!({"from_time": "yesterday"}), "a time must be written as RFC 3339"),
        (json!([1]), json!({"until_time": ""}), "a time must be written as RFC 3339"),
        (json!([1]), json!({"after_publication": 0}), "a publication must be an id"),
    ] {
        let answer = archive.lab.ask_with(archive.reader, GET_EVENTS, positional, keyword);
        let text = format!("{GET_EVENTS}: {text}");
        assert_eq!(answer, refusal(error_uri::INVALID_ARGUMENT, &text));
    }
    for (positional, keyword) in [
        (json!(["1"]), json!({})),
        (json!([1, "3"]), json!({})),
        (json!([1, -1]), json!({})),
        (json!([1]), json!({"limit": "3"})),
        (json!([1]), json!({"reverse": "yes"})),
        (json!([1]), json!({"from_time": 7})),
        (json!([1]), json!({"topic": ["com.log"]})),
        (json!([1]), json!({"from_publication": "1"})),
    ] {
        let case = format!("{positional} {keyword}");
        let answer = archive.lab.ask_with(archive.reader, GET_EVENTS, positional, keyword);
        let (error, _) = answer.expect_err(&case);
        assert_eq!(error, error_uri::INVALID_ARGUMENT, "{case}");
    }
}
