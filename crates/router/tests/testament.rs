//! Testaments: publications that are sent when their session has ended.
//!
//! Spec: advanced profile "Session Testament"; `docs/decisions/traps.md#f14` (neither of the two
//! procedures returns anything).

use cloverleaf_router::{
    Compatibility, Disclosure, HistorySettings, Permission, RealmSettings, Role, SessionFlow,
};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::{NOTHING, args, args_and_kwargs, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{Abort, ClientMessage, EventDetails, SubscribeOptions};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::{Value, json};

const ADD: &str = "wamp.session.add_testament";
const FLUSH: &str = "wamp.session.flush_testaments";

/// `ann`, and a peer that subscribes to `com.will`.
fn ann_and_heir() -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let [ann, heir] = ["ann", "heir"].map(|name| lab.join(name));
    lab.send(heir, client::subscribe(1, "com.will"));
    lab.received(heir);
    (lab, ann, heir)
}

/// Adds a testament with a text.
fn add(lab: &mut Lab, ann: Peer, text: &str, keyword: Value) -> Answer {
    lab.ask_with(ann, ADD, json!(["com.will", [text], null]), keyword)
}

/// The texts that the subscriber has received.
fn heard(lab: &mut Lab, heir: Peer) -> String {
    let texts = lab.heard(heir).into_iter().map(|(_, args)| args[0].as_str().unwrap().to_owned());
    texts.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_testament_is_published_when_its_session_has_gone_and_not_before() {
    let (mut lab, ann, heir) = ann_and_heir();
    let arguments = json!(["com.will", ["Seeya!", 1], {"my_name": "app1"}]);
    assert_eq!(lab.ask(ann, ADD, arguments), Ok(json!([null])));
    assert_eq!(lab.received(heir), []);
    lab.disconnect(ann);
    let payload = args_and_kwargs(json!(["Seeya!", 1]), json!({"my_name": "app1"}));
    let event = router::event(1, lab.last_publication(), payload);
    assert_eq!(lab.received(heir), [event]);
}

#[test]
fn null_and_absent_arguments_are_equal() {
    for (arguments, payload) in [
        (json!(["com.will"]), NOTHING),
        (json!(["com.will", null, null]), NOTHING),
        (json!(["com.will", [1]]), args([1])),
        (json!(["com.will", [], {"a": 1}]), args_and_kwargs([0; 0], json!({"a": 1}))),
    ] {
        let (mut lab, ann, heir) = ann_and_heir();
        lab.ask(ann, ADD, arguments).unwrap();
        lab.disconnect(ann);
        let event = router::event(1, lab.last_publication(), payload);
        assert_eq!(lab.received(heir), [event]);
    }
}

#[test]
fn detached_testaments_come_first_in_order() {
    let (mut lab, ann, heir) = ann_and_heir();
    for (text, keyword) in [
        ("3", json!({})),
        ("1", json!({"scope": "detached"})),
        ("4", json!({"scope": "destroyed"})),
        ("2", json!({"scope": "detached"})),
        ("5", json!({"scope": null, "publish_options": null})),
    ] {
        assert_eq!(add(&mut lab, ann, text, keyword), Ok(json!([null])));
    }
    lab.disconnect(ann);
    assert_eq!(heard(&mut lab, heir), "1 2 3 4 5");
}

#[test]
fn testaments_are_flushed_by_scope() {
    let (mut lab, ann, heir) = ann_and_heir();
    for text in ["a", "b"] {
        add(&mut lab, ann, text, json!({})).unwrap();
        add(&mut lab, ann, "detached", json!({"scope": "detached"})).unwrap();
    }
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([null])));
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([null])));
    add(&mut lab, ann, "later", json!({})).unwrap();
    lab.disconnect(ann);
    assert_eq!(heard(&mut lab, heir), "detached detached later");

    let (mut lab, ann, heir) = ann_and_heir();
    add(&mut lab, ann, "a", json!({})).unwrap();
    add(&mut lab, ann, "b", json!({"scope": "detached"})).unwrap();
    assert_eq!(
        lab.ask_with(ann, FLUSH, json!([]), json!({"scope": "detached"})),
        Ok(json!([null]))
    );
    lab.disconnect(ann);
    assert_eq!(heard(&mut lab, heir), "a");
}

#[test]
fn a_testament_belongs_to_its_session_alone() {
    let (mut lab, ann, heir) = ann_and_heir();
    let ben = lab.join("ben");
    add(&mut lab, ann, "of ann", json!({})).unwrap();
    assert_eq!(lab.ask(ben, FLUSH, json!([])), Ok(json!([null])));
    lab.disconnect(ben);
    assert_eq!(lab.received(heir), []);
    lab.disconnect(ann);
    assert_eq!(heard(&mut lab, heir), "of ann");
}

#[test]
fn testament_is_published_for_every_ending() {
    let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
    let abort = ClientMessage::Abort(Abort::new("com.enough", "enough"));
    for (message, next) in [
        (None, SessionFlow::Continue),
        (Some(goodbye), SessionFlow::Left),
        (Some(abort), SessionFlow::Close),
        (Some(client::hello()), SessionFlow::Close),
    ] {
        let (mut lab, ann, heir) = ann_and_heir();
        add(&mut lab, ann, "bye", json!({})).unwrap();
        match message {
            None => lab.disconnect(ann),
            Some(message) => assert_eq!(lab.submit(ann, message), next),
        }
        assert_eq!(heard(&mut lab, heir), "bye");
        lab.disconnect(ann);
        assert_eq!(lab.received(heir), []);
    }
    for procedure in ["wamp.session.kill", "wamp.session.kill_by_authid"] {
        let (mut lab, ann, heir) = ann_and_heir();
        add(&mut lab, ann, "bye", json!({})).unwrap();
        let admin = lab.join("admin");
        let by_id = procedure.ends_with("kill");
        let victim = if by_id { json!([lab.id(ann).number()]) } else { json!(["ann"]) };
        lab.ask(admin, procedure, victim).unwrap();
        assert_eq!(heard(&mut lab, heir), "bye");
        assert_eq!(lab.submit(ann, client::goodbye(error_uri::GOODBYE_AND_OUT)), SessionFlow::Left);
        assert_eq!(lab.received(heir), []);
    }
}

#[test]
fn testament_comes_before_on_leave() {
    let (mut lab, ann, heir) = ann_and_heir();
    lab.send(heir, client::subscribe(2, "wamp.session.on_leave"));
    lab.received(heir);
    add(&mut lab, ann, "bye", json!({})).unwrap();
    let id = lab.id(ann).number();
    lab.disconnect(ann);
    let expected = [(1, json!(["bye"])), (2, json!([id, "ann", "anyone"]))];
    assert_eq!(lab.heard(heir), expected);
}

#[test]
fn testament_discloses_its_publisher() {
    let (mut lab, ann, heir) = ann_and_heir();
    let id = lab.id(ann);
    add(&mut lab, ann, "bye", json!({"publish_options": {"disclose_me": true}})).unwrap();
    lab.disconnect(ann);
    let details = EventDetails {
        publisher: Some(id),
        publisher_authid: Some("ann".into()),
        publisher_authrole: Some("anyone".into()),
        ..EventDetails::default()
    };
    let event = router::event_with(1, lab.last_publication(), details, args(["bye"]));
    assert_eq!(lab.received(heir), [event]);
}

#[test]
fn testament_respects_eligibility_and_is_not_acknowledged() {
    for (options, is_heard) in [
        (json!({"eligible_authid": ["heir"]}), true),
        (json!({"exclude_authid": ["heir"]}), false),
        (json!({"eligible": []}), false),
        (json!({"acknowledge": true, "x_acknowledged_delivery": true, "exclude_me": false}), true),
        (json!({"unheard_of": 1}), true),
    ] {
        let (mut lab, ann, heir) = ann_and_heir();
        let keyword = json!({"publish_options": options});
        add(&mut lab, ann, "bye", keyword.clone()).unwrap();
        lab.disconnect(ann);
        assert_eq!(heard(&mut lab, heir), if is_heard { "bye" } else { "" }, "{keyword}");
        assert_eq!(lab.realm().next_deadline(), None);
        lab.disconnect(heir);
        assert!(lab.realm().is_empty());
    }
}

/// `docs/decisions/traps.md#f10`: nothing follows the GOODBYE of a realm that closes.
#[test]
fn closing_subscriber_gets_no_testament() {
    let (mut lab, ann, heir) = ann_and_heir();
    lab.send(heir, client::subscribe(2, "wamp.session.on_leave"));
    add(&mut lab, ann, "bye", json!({})).unwrap();
    lab.close(error_uri::CLOSE_REALM);
    lab.received(heir);
    lab.disconnect(ann);
    assert_eq!(lab.received(heir), []);
}

#[test]
fn testament_for_a_slow_subscriber_makes_no_session_wait() {
    let (mut lab, ann, heir) = ann_and_heir();
    let ben = lab.join("ben");
    add(&mut lab, ann, "bye", json!({})).unwrap();
    lab.set_state(heir, OutboxState::AboveHighWater);
    lab.disconnect(ann);
    assert_eq!(heard(&mut lab, heir), "bye");
    assert_eq!(lab.submit(ben, client::subscribe(1, "com.a")), SessionFlow::Continue);
}

#[test]
fn testament_can_be_retained_and_stored() {
    let pattern = UriPattern::new("com.will", MatchPolicy::Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, 9)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let ann = lab.join("ann");
    add(&mut lab, ann, "bye", json!({"publish_options": {"retain": true}})).unwrap();
    lab.disconnect(ann);
    let publication = lab.last_publication();
    let late = lab.join("late");
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(late, client::subscribe_with(1, options, "com.will"));
    let details = EventDetails { retained: Some(true), ..EventDetails::default() };
    let kept = router::event_with(1, publication, details, args(["bye"]));
    assert_eq!(lab.received(late), [router::subscribed(1, 1), kept]);
    let events = lab.ask(late, "wamp.subscription.get_events", json!([1])).unwrap();
    assert_eq!(events[0]["publication"], publication.number());
}

#[test]
fn testament_needs_the_right_to_publish() {
    let never = Permission { disclose_publisher: Disclosure::Never, ..Permission::ALL };
    let call = Permission { call: true, ..Permission::default() };
    let rules = [("com.*", never), ("com.secret", call), ("wamp.*", call)];
    let rules = rules.map(|(uri, rule)| (UriPattern::from_starred(uri).unwrap(), rule));
    let mut lab = Lab::with_roles(vec![Role::new("guest", rules)]);
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    let disclosed = json!({"publish_options": {"disclose_me": true}});
    for (topic, keyword, error, text) in [
        (
            "com.secret",
            json!({}),
            error_uri::NOT_AUTHORIZED,
            "session not authorized to publish to topic 'com.secret'",
        ),
        ("com..will", json!({}), error_uri::INVALID_URI, "'com..will' is not a valid URI"),
        (
            "wamp.session.on_leave",
            json!({}),
            error_uri::INVALID_URI,
            "publish with restricted topic URI 'wamp.session.on_leave': only the router may use \
             what begins with 'wamp'",
        ),
        (
            "com.will",
            disclosed,
            error_uri::DISCLOSE_ME_DISALLOWED,
            "this session asks to be disclosed (disclose_me); its role forbids it",
        ),
    ] {
        let answer = lab.ask_with(guest, ADD, json!([topic, ["x"], null]), keyword);
        assert_eq!(answer, refusal(error, text));
    }
    let heir = lab.join_as(Client { role: "guest", ..Client::named("heir") });
    lab.send(heir, client::subscribe(1, "com.will"));
    lab.disconnect(guest);
    assert_eq!(lab.received(heir), [router::subscribed(1, 1)]);
}

/// Crossbar.io returns the publication id of a testament and the number of flushed testaments.
#[test]
fn testament_procedures_return_id_and_number_in_the_preset_of_crossbar() {
    let mut lab = Lab::with_compatibility(Compatibility::Crossbar);
    let [ann, heir] = ["ann", "heir"].map(|name| lab.join(name));
    lab.send(heir, client::subscribe(1, "com.will"));
    lab.received(heir);
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([0])));
    for scope in ["detached", "destroyed", "destroyed"] {
        add(&mut lab, ann, "flushed", json!({"scope": scope})).unwrap();
    }
    assert_eq!(lab.ask(ann, FLUSH, json!([])), Ok(json!([2])));
    assert_eq!(lab.ask(ann, FLUSH, json!(["destroyed"])), Ok(json!([0])));
    assert_eq!(lab.ask(ann, FLUSH, json!(["detached"])), Ok(json!([1])));
    let ids = ["one", "two"].map(|text| {
        let id = add(&mut lab, ann, text, json!({})).unwrap();
        PublicationId::new(id[0].as_u64().unwrap()).unwrap()
    });
    assert_ne!(ids[0], ids[1]);
    lab.disconnect(ann);
    let events =
        [("one", ids[0]), ("two", ids[1])].map(|(text, id)| router::event(1, id, args([text])));
    assert_eq!(lab.received(heir), events);
}

#[test]
fn an_unknown_scope_has_an_error_of_its_own_in_the_preset_of_crossbar() {
    for (compatibility, error, text) in [
        (
            Compatibility::Crossbar,
            error_uri::TESTAMENT_ERROR,
            "scope must be destroyed or detached",
        ),
        (
            Compatibility::Wamp,
            error_uri::INVALID_ARGUMENT,
            "scope must be 'detached' or 'destroyed'",
        ),
    ] {
        let mut lab = Lab::with_compatibility(compatibility);
        let ann = lab.join("ann");
        let scope = json!({"scope": "forever"});
        for answer in [
            add(&mut lab, ann, "x", scope.clone()),
            lab.ask(ann, ADD, json!(["com.will", [], {}, null, "forever"])),
            lab.ask_with(ann, FLUSH, json!([]), scope),
            lab.ask(ann, FLUSH, json!(["forever"])),
        ] {
            let (found, why) = answer.unwrap_err();
            assert_eq!(found, error);
            assert!(why.ends_with(text), "{why}");
        }
        let answer = lab.ask(ann, FLUSH, json!(["detached"]));
        let flushed = match compatibility {
            Compatibility::Crossbar => json!([0]),
            Compatibility::Wamp => json!([null]),
        };
        assert_eq!(answer, Ok(flushed));
    }
}
