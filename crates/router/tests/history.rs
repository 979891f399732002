//! Stored events: which are stored, and who may read them in which form.
//!
//! Spec: advanced profile "Event History"; `docs/decisions/traps.md#f14` (two forms of
//! `get_events`).
//! `history_query` tests queries, `history_pages` the size of answers.

use std::time::Duration;

use cloverleaf_router::{Compatibility, HistorySettings, Permission, RealmSettings, Role};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{NOTHING, args, args_and_kwargs, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{PublishOptions, RouterMessage};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy::{self, Exact, Prefix};
use cloverleaf_wamp::uri::{UriPattern, UriRule};
use serde_json::{Value, json};

const GET_EVENTS: &str = "wamp.subscription.get_events";

fn pattern(policy: MatchPolicy, text: &str) -> UriPattern {
    UriPattern::new(text, policy, UriRule::Loose).unwrap()
}

fn keeping(policy: MatchPolicy, text: &str, limit: usize) -> HistorySettings {
    HistorySettings::new(pattern(policy, text), limit)
}

/// A realm with these histories as subscriptions 1, 2 …, and `alice`.
fn lab_keeping(histories: Vec<HistorySettings>) -> (Lab, Peer) {
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let alice = lab.join("alice");
    (lab, alice)
}

/// The texts of the events in an answer.
fn texts(lab: &mut Lab, peer: Peer, subscription: u64) -> Vec<String> {
    let events = lab.ask(peer, GET_EVENTS, json!([subscription])).unwrap();
    let text = |event: &Value| event["args"][0].as_str().unwrap().to_owned();
    events.as_array().unwrap().iter().map(text).collect()
}

fn say(lab: &mut Lab, from: Peer, options: PublishOptions, text: &str) {
    lab.send(from, client::publish_with(1, options, "com.log", args([text])));
}

#[test]
fn events_before_the_first_subscriber_are_returned_in_the_form_of_the_specification() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    lab.pass(Duration::from_millis(1_500));
    let disclosed = PublishOptions { disclose_me: Some(true), ..PublishOptions::default() };
    lab.send(alice, client::publish_with(1, disclosed, "com.log", args(["a", "b"])));
    let first = lab.last_publication().number();
    lab.pass(Duration::from_millis(25));
    lab.send(alice, client::publish(2, "com.log", args_and_kwargs([0; 0], json!({"n": 1}))));
    let second = lab.last_publication().number();
    lab.send(alice, client::publish(3, "com.log", NOTHING));
    let third = lab.last_publication().number();

    let late = lab.join("late");
    let details = json!({
        "publisher": lab.id(alice).number(),
        "publisher_authid": "alice",
        "publisher_authrole": "anyone",
    });
    let told = json!([
        {"timestamp": "2026-01-01T00:00:01.500Z", "subscription": 1, "publication": first,
         "topic": "com.log", "details": details, "args": ["a", "b"]},
        {"timestamp": "2026-01-01T00:00:01.525Z", "subscription": 1, "publication": second,
         "topic": "com.log", "details": {}, "args": [], "kwargs": {"n": 1}},
        {"timestamp": "2026-01-01T00:00:01.525Z", "subscription": 1, "publication": third,
         "topic": "com.log", "details": {}},
    ]);
    // The keys of Crossbar.io stand beside those of the specification.
    let beside = [
        json!({"time_ns": 1_767_225_601_500_000_000_u64, "realm": "realm1",
               "session_id": lab.id(alice).number(), "authid": "alice", "authrole": "anyone"}),
        json!({"time_ns": 1_767_225_601_525_000_000_u64, "realm": "realm1",
               "session_id": null, "authid": null, "authrole": null}),
    ];
    let expected = told.as_array().unwrap().iter().zip([0, 1, 1]).map(|(told, place)| {
        let mut event = told.clone();
        let beside = beside[place].as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(beside);
        event
    });
    let expected = Value::Array(expected.collect());
    assert_eq!(lab.ask(late, GET_EVENTS, json!([1])), Ok(expected));
}

/// The preset decides on the form, and on the default number.
#[test]
fn a_realm_that_follows_crossbar_gives_the_ten_latest_events_in_one_list() {
    for compatibility in [Compatibility::Crossbar, Compatibility::Wamp] {
        let histories = vec![keeping(Exact, "com.log", 20)];
        let mut lab = Lab::with(RealmSettings { histories, compatibility, ..settings() });
        let alice = lab.join("alice");
        for number in 1..=12 {
            lab.send(alice, client::publish(1, "com.log", args([number])));
        }
        let mut numbers = |positional: Value, keyword: Value| {
            let result = lab.ask_with(alice, GET_EVENTS, positional, keyword).unwrap();
            let events = if result[0].is_array() { &result[0] } else { &result };
            let number = |event: &Value| event["args"][0].as_u64().unwrap();
            events.as_array().unwrap().iter().map(number).collect::<Vec<_>>()
        };
        let (latest, all) = ((3..=12).rev().collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
        let is_crossbar = compatibility == Compatibility::Crossbar;
        let expected = if is_crossbar { latest } else { all };
        assert_eq!(numbers(json!([1]), json!({})), expected);
        let expected = if is_crossbar { [12, 11] } else { [1, 2] };
        assert_eq!(numbers(json!([1]), json!({"limit": 2})), expected);
        assert_eq!(numbers(json!([1, 2]), json!({})), [12, 11]);
    }
}

/// `docs/decisions/traps.md#f14`: Crossbar.io's clients send a second positional argument.
#[test]
fn a_second_argument_asks_for_the_latest_in_the_form_of_crossbar() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    let payloads = [args([1]), args(["2"]), args_and_kwargs([0; 0], json!({"n": true})), NOTHING];
    for payload in payloads {
        lab.send(alice, client::publish(1, "com.log", payload));
    }
    let result = lab.ask(alice, GET_EVENTS, json!([1, 3])).unwrap();
    let [Value::Array(events)] = result.as_array().unwrap().as_slice() else {
        panic!("one list, not {result}")
    };
    let told = |event: &Value| (event["args"].clone(), event["kwargs"].clone());
    assert_eq!(
        events.iter().map(told).collect::<Vec<_>>(),
        [(json!([]), Value::Null), (json!([]), json!({"n": true})), (json!(["2"]), Value::Null)]
    );
    assert!(events.iter().all(|event| event.as_object().unwrap().contains_key("kwargs")));
    // The beginning of 2026, in nanoseconds.
    assert!(events.iter().all(|event| event["time_ns"] == 1_767_225_600_000_000_000_u64));
    assert_eq!(lab.ask(alice, GET_EVENTS, json!([1, null])).unwrap().as_array().unwrap().len(), 4);
}

#[test]
fn history_without_events_is_an_empty_list() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    assert_eq!(lab.ask(alice, GET_EVENTS, json!([1])), Ok(json!([])));
    assert_eq!(lab.ask(alice, GET_EVENTS, json!([1, 5])), Ok(json!([[]])));
}

#[test]
fn history_keeps_the_latest_events_of_each_subscription() {
    let histories = vec![keeping(Exact, "com.log", 2), keeping(Prefix, "com.", 3)];
    let (mut lab, alice) = lab_keeping(histories);
    for text in ["a", "b", "c", "d"] {
        say(&mut lab, alice, PublishOptions::default(), text);
    }
    lab.send(alice, client::publish(2, "com.other", args(["other"])));
    assert_eq!(texts(&mut lab, alice, 1), ["c", "d"]);
    assert_eq!(texts(&mut lab, alice, 2), ["c", "d", "other"]);
    let events = lab.ask(alice, GET_EVENTS, json!([2])).unwrap();
    assert_eq!(events[2]["topic"], "com.other");
    assert_eq!(events[2]["details"], json!({"topic": "com.other"}));
}

#[test]
fn later_history_rule_for_a_pattern_replaces_the_earlier_one() {
    let histories = vec![keeping(Exact, "com.log", 9), keeping(Exact, "com.log", 1)];
    let (mut lab, alice) = lab_keeping(histories);
    say(&mut lab, alice, PublishOptions::default(), "a");
    say(&mut lab, alice, PublishOptions::default(), "b");
    assert_eq!(texts(&mut lab, alice, 1), ["b"]);
    let list = json!([{"exact": [1], "prefix": [], "wildcard": []}]);
    assert_eq!(lab.ask(alice, "wamp.subscription.list", json!([])), Ok(list));
}

#[test]
fn event_for_named_sessions_is_not_stored() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    let sessions = || Some(vec![lab.id(alice)]);
    let (eligible, exclude, nobody) = (sessions(), sessions(), Some(Vec::new()));
    let options = PublishOptions::default;
    say(&mut lab, alice, PublishOptions { eligible, ..options() }, "eligible");
    say(&mut lab, alice, PublishOptions { exclude, ..options() }, "exclude");
    say(&mut lab, alice, PublishOptions { eligible: nobody.clone(), ..options() }, "nobody");
    say(&mut lab, alice, PublishOptions { exclude: nobody, ..options() }, "all");
    assert_eq!(texts(&mut lab, alice, 1), [""; 0]);
}

#[test]
fn stored_event_is_returned_to_eligible_sessions_only() {
    let everything = || [(UriPattern::from_starred("*").unwrap(), Permission::ALL)];
    let mut lab = Lab::with(RealmSettings {
        histories: vec![keeping(Exact, "com.log", 10)],
        roles: ["user", "admin"].map(|name| Role::new(name, everything())).into(),
        ..settings()
    });
    let [ann, ben, cat] = [("ann", "user"), ("ben", "user"), ("cat", "admin")]
        .map(|(name, role)| lab.join_as(Client { role, ..Client::named(name) }));
    let names = |name: &str| Some(vec![name.into()]);
    let options = PublishOptions::default;
    for (lists, text) in [
        (options(), "all"),
        (PublishOptions { eligible_authid: names("ann"), ..options() }, "for ann"),
        (PublishOptions { exclude_authid: names("ann"), ..options() }, "not for ann"),
        (PublishOptions { eligible_authrole: names("admin"), ..options() }, "for admins"),
        (PublishOptions { exclude_authrole: names("admin"), ..options() }, "not for admins"),
        (PublishOptions { eligible_authid: Some(Vec::new()), ..options() }, "for nobody"),
    ] {
        say(&mut lab, ben, lists, text);
    }
    assert_eq!(texts(&mut lab, ann, 1), ["all", "for ann", "not for admins"]);
    assert_eq!(texts(&mut lab, ben, 1), ["all", "not for ann", "not for admins"]);
    assert_eq!(texts(&mut lab, cat, 1), ["all", "not for ann", "for admins"]);
    // Events that the session may not receive don't count in the limit.
    let latest = lab.ask(ann, GET_EVENTS, json!([1, 1])).unwrap();
    assert_eq!(latest[0][0]["args"], json!(["not for admins"]));
    assert_eq!(latest[0].as_array().unwrap().len(), 1);
}

#[test]
fn history_needs_the_right_to_subscribe() {
    let call = Permission { call: true, ..Permission::default() };
    let everything = UriPattern::from_starred("*").unwrap();
    let log = UriPattern::from_starred("com.log").unwrap();
    let guest = Role::new("guest", [(everything, call), (log, Permission::ALL)]);
    let histories = vec![keeping(Exact, "com.log", 5), keeping(Prefix, "com.log", 5)];
    let mut lab = Lab::with(RealmSettings { histories, roles: vec![guest], ..settings() });
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    assert_eq!(lab.ask(guest, GET_EVENTS, json!([1])), Ok(json!([])));
    let text = "session not authorized to subscribe to topic 'com.log'";
    let denied = refusal(error_uri::NOT_AUTHORIZED, text);
    assert_eq!(lab.ask(guest, GET_EVENTS, json!([2])), denied);
}

#[test]
fn unknown_subscription_and_missing_history_have_different_errors() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    lab.send(alice, client::subscribe(1, "com.other"));
    assert_eq!(lab.received(alice), [router::subscribed(1, 2)]);
    let unknown = "no subscription 3 is in this realm";
    let none = "nothing is kept of the events of subscription 2";
    for (id, error, text) in
        [(3, error_uri::NO_SUCH_SUBSCRIPTION, unknown), (2, error_uri::HISTORY_UNAVAILABLE, none)]
    {
        assert_eq!(lab.ask(alice, GET_EVENTS, json!([id])), refusal(error, text));
        assert_eq!(lab.ask(alice, GET_EVENTS, json!([id, 10])), refusal(error, text));
    }
}

#[test]
fn event_history_is_announced_only_with_a_history_and_the_meta_api() {
    for (has_history, meta_api, announced) in
        [(false, true, false), (true, false, false), (true, true, true)]
    {
        let histories = if has_history { vec![keeping(Exact, "com.log", 10)] } else { Vec::new() };
        let mut lab = Lab::with(RealmSettings { histories, meta_api, ..settings() });
        let alice = lab.join("alice");
        let roles = lab.welcome(alice).details.roles.unwrap();
        assert_eq!(roles.broker.unwrap().has(Feature::EventHistory), announced);
    }
}

#[test]
fn a_subscription_with_a_history_outlives_its_subscribers_and_keeps_its_id() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    let bob = lab.join("bob");
    lab.send(bob, client::subscribe(1, "com.log"));
    lab.send(bob, client::unsubscribe(2, 1));
    lab.send(bob, client::subscribe(3, "com.log"));
    let expected = [router::subscribed(1, 1), router::unsubscribed(2), router::subscribed(3, 1)];
    assert_eq!(lab.received(bob), expected);
    say(&mut lab, alice, PublishOptions::default(), "heard");
    lab.disconnect(bob);
    say(&mut lab, alice, PublishOptions::default(), "unheard");
    assert_eq!(texts(&mut lab, alice, 1), ["heard", "unheard"]);
    lab.disconnect(alice);
    assert!(lab.realm().is_empty());
    let late = lab.join("late");
    assert_eq!(texts(&mut lab, late, 1), ["heard", "unheard"]);
}

#[test]
fn stored_events_are_returned_in_the_format_of_the_caller() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "com.log", 10)]);
    for serializer in Serializer::ALL {
        let payload = Payload::from_args(serializer, &(1, "two", [3.5])).unwrap();
        lab.send(alice, client::publish(1, "com.log", payload));
    }
    for serializer in Serializer::ALL {
        let asked = Payload::from_args(serializer, &[1]).unwrap();
        lab.send(alice, client::call(2, GET_EVENTS, asked));
        let received = lab.received(alice);
        let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(result.payload.serializer(), Some(serializer));
        let events: Vec<Value> = result.payload.decode_args().unwrap();
        let told: Vec<_> = events.iter().map(|event| event["args"].clone()).collect();
        assert_eq!(told, vec![json!([1, "two", [3.5]]); Serializer::ALL.len()]);
    }
}

#[test]
fn meta_events_can_be_stored() {
    let (mut lab, alice) = lab_keeping(vec![keeping(Exact, "wamp.session.on_leave", 10)]);
    let bob = lab.join("bob");
    let id = lab.id(bob).number();
    lab.disconnect(bob);
    let events = lab.ask(alice, GET_EVENTS, json!([1])).unwrap();
    assert_eq!(events[0]["args"], json!([id, "bob", "anyone"]));
}
