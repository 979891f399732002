//! Arguments of meta procedures: positional or keyword, and their limits.
//!
//! The names are those of Crossbar.io. Spec: advanced profile "Session Meta API", "Registration
//! Meta API", "Subscriptions Meta API", "Session Testament".

use std::sync::Arc;

use cloverleaf_router::limits::{
    MAX_FILTER_ROLES, MAX_META_ARGUMENT_BYTES, MAX_REASON_TEXT_BYTES, SessionLimits,
};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::{client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{ClientRoles, Feature, Features};
use cloverleaf_wamp::message::RouterMessage;
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use serde_json::{Value, json};

/// `ann` calls; `ben` has subscription 1 and registration 1.
fn lab() -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let all = Some(Features::of(Feature::ALL));
    let roles = ClientRoles { publisher: all, subscriber: all, caller: all, callee: all };
    let (ann, ben) = (lab.join("ann"), lab.join_as(Client { roles, ..Client::named("ben") }));
    lab.send(ben, client::subscribe(1, "com.a"));
    lab.send(ben, client::register(2, "com.a"));
    lab.received(ben);
    (lab, ann, ben)
}

/// Every procedure with arguments that it can serve in [`lab`], by name.
fn calls(ben: u64) -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let exact = json!({"match": "exact"});
    vec![
        ("wamp.session.count", vec![("filter_authroles", json!(["nobody"]))]),
        ("wamp.session.list", vec![("filter_authroles", json!(["nobody"]))]),
        ("wamp.session.get", vec![("session_id", json!(ben))]),
        ("wamp.session.flush_testaments", vec![("scope", json!("detached"))]),
        ("wamp.registration.list", vec![("session_id", json!(ben))]),
        (
            "wamp.registration.lookup",
            vec![("procedure", json!("com.a")), ("options", exact.clone())],
        ),
        ("wamp.registration.match", vec![("procedure", json!("com.a"))]),
        ("wamp.registration.get", vec![("registration_id", json!(1))]),
        ("wamp.registration.list_callees", vec![("registration_id", json!(1))]),
        ("wamp.registration.count_callees", vec![("registration_id", json!(1))]),
        ("wamp.subscription.list", vec![("session_id", json!(ben))]),
        ("wamp.subscription.lookup", vec![("topic", json!("com.a")), ("options", exact)]),
        ("wamp.subscription.match", vec![("topic", json!("com.a"))]),
        ("wamp.subscription.get", vec![("subscription_id", json!(1))]),
        ("wamp.subscription.list_subscribers", vec![("subscription_id", json!(1))]),
        ("wamp.subscription.count_subscribers", vec![("subscription_id", json!(1))]),
        (
            "wamp.session.add_testament",
            vec![
                ("topic", json!("com.a")),
                ("args", json!(["bye"])),
                ("kwargs", json!({"a": 1})),
                ("publish_options", json!({"exclude_me": true})),
                ("scope", json!("detached")),
            ],
        ),
        (
            "wamp.registration.remove_callee",
            vec![
                ("registration_id", json!(1)),
                ("callee_id", json!(ben)),
                ("reason", json!("moving")),
            ],
        ),
        (
            "wamp.subscription.remove_subscriber",
            vec![
                ("subscription_id", json!(1)),
                ("subscriber_id", json!(ben)),
                ("reason", json!("moving")),
            ],
        ),
        (
            "wamp.session.kill",
            vec![
                ("session_id", json!(ben)),
                ("reason", json!("com.bye")),
                ("message", json!("sorry")),
            ],
        ),
        (
            "wamp.session.kill_by_authid",
            vec![
                ("authid", json!("ben")),
                ("reason", json!("com.bye")),
                ("message", json!("sorry")),
            ],
        ),
        (
            "wamp.session.kill_by_authrole",
            vec![
                ("authrole", json!("anyone")),
                ("reason", json!("com.bye")),
                ("message", json!("sorry")),
            ],
        ),
    ]
}

#[test]
fn arguments_by_keyword_do_the_same_as_by_position() {
    let count = calls(1).len();
    for place in 0..count {
        // The first arguments by position, the others by keyword.
        let outcome = |by_position: usize| {
            let (mut lab, ann, ben) = lab();
            let (procedure, arguments) = calls(lab.id(ben).number()).swap_remove(place);
            let (positional, keyword) = arguments.split_at(by_position.min(arguments.len()));
            let positional = positional.iter().map(|(_, value)| value.clone()).collect();
            let keyword = keyword.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            let answer = lab.ask_with(ann, procedure, positional, keyword.collect());
            lab.disconnect(ann);
            (procedure, answer.expect(procedure), lab.received(ben))
        };
        let expected = outcome(usize::MAX);
        for by_position in 0..5 {
            assert_eq!(outcome(by_position), expected, "{by_position} by position");
        }
    }
}

#[test]
fn reason_and_message_of_a_kill_may_be_positional() {
    for (place, id) in [(0, "session_id"), (1, "authid"), (2, "authrole")] {
        let (mut lab, ann, ben) = lab();
        let (procedure, arguments) = calls(lab.id(ben).number()).split_off(19).swap_remove(place);
        assert_eq!(arguments[0].0, id);
        let victim = arguments[0].1.clone();
        lab.ask(ann, procedure, json!([victim, "com.bye", "sorry"])).unwrap();
        assert_eq!(lab.received(ben), [router::goodbye_saying("com.bye", "sorry")], "{procedure}");
    }
    // The specification gives `kill_all` keywords only, and Crossbar.io has no such procedure.
    let (mut lab, ann, ben) = lab();
    assert_eq!(lab.ask(ann, "wamp.session.kill_all", json!(["com.bye"])), Ok(json!([1])));
    assert_eq!(lab.received(ben), [router::goodbye(error_uri::KILLED)]);
}

#[test]
fn argument_given_twice_is_refused() {
    let (mut lab, ann, ben) = lab();
    for (procedure, arguments) in calls(lab.id(ben).number()) {
        let (name, value) = &arguments[0];
        let keyword = json!({ *name: value });
        let text = format!("{procedure}: argument '{name}' is given twice");
        let answer = lab.ask_with(ann, procedure, json!([value]), keyword.clone());
        assert_eq!(answer, refusal(error_uri::INVALID_ARGUMENT, &text));
    }
    // Null stands for an absent argument.
    let keyword = json!({"filter_authroles": ["nobody"]});
    assert_eq!(lab.ask_with(ann, "wamp.session.count", json!([null]), keyword), Ok(json!([0])));
    let keyword = json!({"filter_authroles": null});
    let answer = lab.ask_with(ann, "wamp.session.count", json!([["nobody"]]), keyword);
    assert_eq!(answer, Ok(json!([0])));
}

#[test]
fn keywords_are_read_in_every_format() {
    let (mut lab, ann, _) = lab();
    for serializer in Serializer::ALL {
        let keyword = std::collections::BTreeMap::from([("filter_authroles", ["anyone"])]);
        let payload = Payload::from_args_and_kwargs(serializer, &[0; 0], &keyword).unwrap();
        assert_eq!(lab.ask_raw(ann, "wamp.session.count", payload), Ok(json!([2])));
    }
}

#[test]
fn arguments_above_the_limit_are_refused_by_every_procedure() {
    let (mut lab, ann, ben) = lab();
    let padding = "x".repeat(MAX_META_ARGUMENT_BYTES);
    let mut procedures: Vec<_> =
        calls(lab.id(ben).number()).into_iter().map(|(procedure, _)| procedure).collect();
    procedures.extend(["wamp.session.kill_all", "wamp.subscription.get_events"]);
    for procedure in procedures {
        let mut limit = MAX_META_ARGUMENT_BYTES;
        let mut padding = padding.clone();
        if procedure == "wamp.session.add_testament" {
            limit += SessionLimits::DEFAULT.max_testament_bytes;
            padding += &"x".repeat(SessionLimits::DEFAULT.max_testament_bytes);
        }
        let text = format!("{procedure}: the arguments hold more than {limit} bytes");
        let refused: Answer = refusal(error_uri::PAYLOAD_SIZE_EXCEEDED, &text);
        assert_eq!(lab.ask(ann, procedure, json!([padding])), refused);
        let keyword = json!({ "padding": padding });
        assert_eq!(lab.ask_with(ann, procedure, json!([]), keyword), refused);
    }
    assert_eq!(lab.received(ben), []);
}

#[test]
fn roles_of_a_filter_are_limited() {
    let (mut lab, ann, _) = lab();
    let mut roles: Vec<String> = (1..MAX_FILTER_ROLES).map(|number| number.to_string()).collect();
    roles.push("anyone".to_owned());
    for procedure in ["wamp.session.count", "wamp.session.list"] {
        let answer = lab.ask(ann, procedure, json!([roles])).unwrap();
        let count =
            answer[0].as_array().map_or_else(|| answer[0].as_u64(), |ids| Some(ids.len() as u64));
        assert_eq!(count, Some(2), "{procedure}");
        let more = [roles.as_slice(), &["anyone".to_owned()]].concat();
        let (error, text) = lab.ask(ann, procedure, json!([more])).unwrap_err();
        assert_eq!(error, error_uri::INVALID_ARGUMENT);
        assert!(text.ends_with(&format!("a list of at most {MAX_FILTER_ROLES} roles")), "{text}");
    }
}

#[test]
fn texts_for_other_sessions_are_limited() {
    let long = "x".repeat(MAX_REASON_TEXT_BYTES);
    for (procedure, arguments) in calls(1).split_off(17) {
        let (mut lab, ann, ben) = lab();
        let arguments = calls(lab.id(ben).number())
            .into_iter()
            .find(|(name, _)| *name == procedure)
            .map_or(arguments, |(_, arguments)| arguments);
        let positional = |text: &str| {
            let mut values: Vec<_> = arguments.iter().map(|(_, value)| value.clone()).collect();
            *values.last_mut().unwrap() = json!(text);
            Value::from(values)
        };
        let name = arguments.last().unwrap().0;
        let why = format!("{procedure}: argument '{name}' is longer than 4096 bytes");
        let refused = refusal(error_uri::INVALID_ARGUMENT, &why);
        assert_eq!(lab.ask(ann, procedure, positional(&format!("{long}x"))), refused);
        assert_eq!(lab.received(ben), []);
        assert!(lab.ask(ann, procedure, positional(&long)).is_ok(), "{procedure}");
        assert_eq!(lab.received(ben).len(), 1, "{procedure}");
    }
}

#[test]
fn too_long_reason_kills_no_session() {
    let (mut lab, ann, ben) = lab();
    let keyword = json!({"reason": format!("com.{}", "x".repeat(2_048))});
    let (error, text) = lab.ask_with(ann, "wamp.session.kill_all", json!([]), keyword).unwrap_err();
    assert_eq!(error, error_uri::INVALID_URI);
    assert!(text.len() < 300, "{}", text.len());
    assert_eq!(lab.received(ben), []);
}

#[test]
fn killed_sessions_share_the_message() {
    for procedure in ["wamp.session.kill_all", "wamp.session.kill_by_authrole"] {
        let (mut lab, ann, _) = lab();
        let victims = ["a", "b"].map(|name| lab.join_as(Client::named(name)));
        let keyword = json!({"message": "maintenance"});
        let arguments = if procedure.ends_with("all") { json!([]) } else { json!(["anyone"]) };
        lab.ask_with(ann, procedure, arguments, keyword).unwrap();
        let messages = victims.map(|victim| {
            let received = lab.received(victim);
            let [RouterMessage::Goodbye(goodbye)] = received.as_slice() else {
                panic!("GOODBYE, not {received:?}")
            };
            goodbye.details.message.clone().expect("a message")
        });
        assert_eq!(&*messages[0], "maintenance");
        assert!(Arc::ptr_eq(&messages[0], &messages[1]), "{procedure}");
    }
}
