//! Meta procedures and meta events about sessions.
//!
//! Spec: advanced profile "Session Meta API"; `docs/decisions/traps.md#f14` (`on_leave` has three
//! arguments).
//! `kill_procedures` tests killing, `session_details` the details of one session.

use cloverleaf_router::{Compatibility, Permission, RealmSettings, Role, SessionFlow};
use cloverleaf_testkit::asking::{Answer, refusal};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, ROUTER, ROUTER_META_API};
use cloverleaf_wamp::message::{Abort, CallOptions, RequestKind};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::UriPattern;
use serde_json::json;

fn role(name: &str, rules: &[(&str, Permission)]) -> Role {
    let rules = rules.iter().map(|(uri, rule)| (UriPattern::from_starred(uri).unwrap(), *rule));
    Role::new(name, rules)
}

/// Two peers with the role `staff`, and a `manager`.
fn office() -> (Lab, [Peer; 3]) {
    let everything = [("*", Permission::ALL)];
    let mut lab = Lab::with_roles(vec![role("staff", &everything), role("manager", &everything)]);
    let peers = [("ann", "staff"), ("ben", "staff"), ("cat", "manager")]
        .map(|(name, role)| lab.join_as(Client { role, ..Client::named(name) }));
    (lab, peers)
}

#[test]
fn sessions_are_counted_and_listed_all_or_those_of_some_roles() {
    let (mut lab, [ann, ben, cat]) = office();
    let [a, b, c] = [ann, ben, cat].map(|peer| lab.id(peer).number());
    for (arguments, found) in [
        (json!([]), json!([a, b, c])),
        (json!([null]), json!([a, b, c])),
        (json!([["staff"]]), json!([a, b])),
        (json!([["manager", "staff", "nobody"]]), json!([a, b, c])),
        (json!([["nobody"]]), json!([])),
        (json!([[]]), json!([])),
    ] {
        let count = json!([found.as_array().unwrap().len()]);
        let case = arguments.to_string();
        assert_eq!(lab.ask(ann, "wamp.session.count", arguments.clone()), Ok(count), "{case}");
        assert_eq!(lab.ask(ann, "wamp.session.list", arguments), Ok(json!([found])), "{case}");
    }
    lab.disconnect(ben);
    assert_eq!(lab.ask(ann, "wamp.session.list", json!([])), Ok(json!([[a, c]])));
}

#[test]
fn invalid_role_filter_is_refused() {
    let (mut lab, [ann, ..]) = office();
    for procedure in ["wamp.session.count", "wamp.session.list"] {
        for arguments in [json!(["staff"]), json!([[1]]), json!([{"staff": true}])] {
            let (error, text) = lab.ask(ann, procedure, arguments).unwrap_err();
            assert_eq!(error, error_uri::INVALID_ARGUMENT);
            let begin = format!("{procedure}: argument 'filter_authroles' can't be read");
            assert!(text.starts_with(&begin), "{text}");
        }
    }
}

#[test]
fn get_returns_the_session_details() {
    let (mut lab, [ann, _, cat]) = office();
    let id = lab.id(cat).number();
    let details = lab.ask(ann, "wamp.session.get", json!([id])).unwrap();
    assert_eq!((&details[0]["session"], &details[0]["authid"]), (&json!(id), &json!("cat")));
    lab.disconnect(cat);
    let text = format!("no session {id} is in this realm");
    let unknown = refusal(error_uri::NO_SUCH_SESSION, &text);
    assert_eq!(lab.ask(ann, "wamp.session.get", json!([id])), unknown);
    for (arguments, text) in [
        (json!([]), "argument 'session_id' is missing"),
        (json!([0]), "argument 'session_id' must be between 1 and 2^53"),
        (json!([1_u64 << 60]), "argument 'session_id' must be between 1 and 2^53"),
    ] {
        let refused = refusal(error_uri::INVALID_ARGUMENT, &format!("wamp.session.get: {text}"));
        assert_eq!(lab.ask(ann, "wamp.session.get", arguments), refused);
    }
}

#[test]
fn on_join_reaches_other_sessions_only() {
    let mut lab = Lab::new();
    let watcher = lab.join("watcher");
    lab.send(watcher, client::subscribe(1, "wamp.session.on_join"));
    lab.received(watcher);
    let ann = lab.join("ann");
    let heard = lab.heard(watcher);
    let id = lab.id(ann).number();
    assert_eq!(lab.ask(watcher, "wamp.session.get", json!([id])), Ok(heard[0].1.clone()));
    assert_eq!((heard.len(), heard[0].0), (1, 1));
    assert_eq!(lab.received(ann), []);
}

/// `docs/decisions/traps.md#f14`: the id alone tells nothing about a session that has ended.
#[test]
fn on_leave_has_authid_and_authrole_for_every_ending() {
    let goodbye = client::goodbye(error_uri::CLOSE_NORMAL);
    let abort = cloverleaf_wamp::message::ClientMessage::Abort(Abort::new("com.enough", "enough"));
    for (message, next) in [
        (None, SessionFlow::Continue),
        (Some(goodbye), SessionFlow::Left),
        (Some(abort), SessionFlow::Close),
        (Some(client::hello()), SessionFlow::Close),
    ] {
        let mut lab = Lab::new();
        let [watcher, ann] = ["watcher", "ann"].map(|name| lab.join(name));
        lab.send(watcher, client::subscribe(1, "wamp.session.on_leave"));
        lab.received(watcher);
        match message {
            None => lab.disconnect(ann),
            Some(message) => assert_eq!(lab.submit(ann, message), next),
        }
        let left = json!([lab.id(ann).number(), "ann", "anyone"]);
        assert_eq!(lab.heard(watcher), [(1, left)]);
        lab.disconnect(ann);
        assert_eq!(lab.heard(watcher), []);
    }
}

/// Crossbar.io sends the session id alone.
#[test]
fn on_leave_has_the_session_id_alone_in_the_preset_of_crossbar() {
    let mut lab = Lab::with_compatibility(Compatibility::Crossbar);
    let [watcher, ann, ben] = ["watcher", "ann", "ben"].map(|name| lab.join(name));
    lab.send(watcher, client::subscribe(1, "wamp.session.on_leave"));
    lab.received(watcher);
    lab.disconnect(ann);
    let ids = [ann, ben].map(|peer| lab.id(peer).number());
    assert_eq!(lab.submit(ben, client::goodbye(error_uri::CLOSE_NORMAL)), SessionFlow::Left);
    assert_eq!(lab.heard(watcher), [(1, json!([ids[0]])), (1, json!([ids[1]]))]);
}

#[test]
fn removal_events_come_before_on_leave() {
    let mut lab = Lab::new();
    let [watcher, ann] = ["watcher", "ann"].map(|name| lab.join(name));
    lab.send(ann, client::subscribe(1, "com.a"));
    lab.send(ann, client::register(2, "com.b"));
    for (number, topic) in [
        (1, "wamp.session.on_leave"),
        (2, "wamp.subscription.on_unsubscribe"),
        (3, "wamp.subscription.on_delete"),
        (4, "wamp.registration.on_unregister"),
        (5, "wamp.registration.on_delete"),
    ] {
        lab.send(watcher, client::subscribe(number, topic));
    }
    lab.received(watcher);
    lab.disconnect(ann);
    let id = lab.id(ann).number();
    assert_eq!(
        lab.heard(watcher),
        [
            (3, json!([id, 1])),
            (4, json!([id, 1])),
            (5, json!([id, 1])),
            (6, json!([id, 1])),
            (2, json!([id, "ann", "anyone"])),
        ]
    );
}

#[test]
fn pattern_subscription_gets_meta_events() {
    let mut lab = Lab::new();
    let watcher = lab.join("watcher");
    let wildcard = cloverleaf_wamp::uri::MatchPolicy::Wildcard;
    lab.send(watcher, client::subscribe_pattern(1, wildcard, "wamp.session."));
    lab.received(watcher);
    let ann = lab.join("ann");
    lab.disconnect(ann);
    assert_eq!(lab.received(watcher).len(), 2);
}

#[test]
fn realm_without_the_meta_api_announces_and_publishes_nothing() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let watcher = lab.join("watcher");
    assert_eq!(lab.welcome(watcher).details.roles, Some(ROUTER));
    for (number, topic) in (1..).zip([
        "wamp.session.on_join",
        "wamp.session.on_leave",
        "wamp.subscription.on_create",
        "wamp.registration.on_create",
    ]) {
        lab.send(watcher, client::subscribe(number, topic));
        assert_eq!(lab.received(watcher), [router::subscribed(number, number)]);
    }
    let ann = lab.join("ann");
    lab.send(ann, client::subscribe(1, "com.a"));
    lab.send(ann, client::register(2, "com.a"));
    lab.disconnect(ann);
    assert_eq!(lab.heard(watcher), []);
    for procedure in [
        "wamp.session.count",
        "wamp.session.kill_all",
        "wamp.session.add_testament",
        "wamp.subscription.list",
        "wamp.subscription.get_events",
        "wamp.registration.list",
    ] {
        let text = format!("no callee registered for procedure <{procedure}>");
        let unknown = refusal(error_uri::NO_SUCH_PROCEDURE, &text);
        assert_eq!(lab.ask(watcher, procedure, json!([1])), unknown);
    }
}

#[test]
fn the_meta_api_is_announced_by_both_roles() {
    let mut lab = Lab::new();
    let ann = lab.join("ann");
    let roles = lab.welcome(ann).details.roles.unwrap();
    assert_eq!(roles, ROUTER.with(ROUTER_META_API));
    assert!(roles.broker.unwrap().has(Feature::SessionMetaApi));
    assert!(roles.dealer.unwrap().has(Feature::SessionMetaApi));
}

#[test]
fn meta_api_needs_permissions() {
    let list = Permission { call: true, ..Permission::default() };
    let rules = [("com.*", Permission::ALL), ("wamp.session.list", list)];
    let mut lab = Lab::with_roles(vec![role("guest", &rules)]);
    let guest = lab.join_as(Client { role: "guest", ..Client::named("guest") });
    let id = lab.id(guest).number();
    assert_eq!(lab.ask(guest, "wamp.session.list", json!([])), Ok(json!([[id]])));
    for procedure in ["wamp.session.count", "wamp.session.kill_all", "wamp.subscription.list"] {
        let text = format!("session not authorized to call procedure '{procedure}'");
        let denied: Answer = refusal(error_uri::NOT_AUTHORIZED, &text);
        assert_eq!(lab.ask(guest, procedure, json!([])), denied);
    }
    lab.send(guest, client::subscribe(1, "wamp.session.on_join"));
    let text = "session not authorized to subscribe to topic 'wamp.session.on_join'";
    let error = error_uri::NOT_AUTHORIZED;
    let denied = router::refused(RequestKind::Subscribe, 1, error, text);
    assert_eq!(lab.received(guest), [denied]);
}

#[test]
fn meta_procedure_takes_all_call_options_and_formats() {
    let mut lab = Lab::new();
    let ann = lab.join("ann");
    for serializer in Serializer::ALL {
        let filter = Payload::from_args(serializer, &[["anyone"]]).unwrap();
        assert_eq!(lab.ask_raw(ann, "wamp.session.count", filter), Ok(json!([1])));
    }
    assert_eq!(lab.ask_raw(ann, "wamp.session.count", NOTHING), Ok(json!([1])));
    let options = CallOptions {
        receive_progress: Some(true),
        timeout: Some(1),
        disclose_me: Some(true),
        ..CallOptions::default()
    };
    lab.send(ann, client::call_with(7, options, "wamp.session.count", NOTHING));
    assert_eq!(lab.received(ann), [router::result(7, args([1]))]);
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn unknown_meta_procedure_is_refused() {
    let mut lab = Lab::new();
    let ann = lab.join("ann");
    for procedure in ["wamp.session", "wamp.session.counts", "wamp.session.modify_details"] {
        let text = format!("no callee registered for procedure <{procedure}>");
        let unknown = refusal(error_uri::NO_SUCH_PROCEDURE, &text);
        assert_eq!(lab.ask(ann, procedure, json!([])), unknown);
    }
}
