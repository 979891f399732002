//! Meta procedures and meta events about subscriptions, and their revocation.
//!
//! Spec: advanced profile "Subscriptions Meta API", "Subscription Revocation";
//! `docs/decisions/traps.md#f14` (a look-up without a match returns null), F15 (revocation is sent
//! to subscribers that have announced it).

use std::time::Duration;

use cloverleaf_router::{HistorySettings, RealmSettings};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::{RequestKind, RouterMessage, SubscribeOptions};
use cloverleaf_wamp::uri::MatchPolicy::{Exact, Prefix, Wildcard};
use cloverleaf_wamp::uri::{UriPattern, UriRule};
use serde_json::json;

const EVENTS: [&str; 4] = ["on_create", "on_subscribe", "on_unsubscribe", "on_delete"];
const CREATED: u64 = 1;
const JOINED: u64 = 2;
const LEFT: u64 = 3;
const DELETED: u64 = 4;

/// A subscriber of all four topics, with the subscriptions 1 to 4.
fn watched() -> (Lab, Peer) {
    let mut lab = Lab::new();
    let watcher = lab.join("watcher");
    for (number, name) in (1..).zip(EVENTS) {
        let topic = format!("wamp.subscription.{name}");
        lab.send(watcher, client::subscribe(number, &topic));
        assert_eq!(lab.received(watcher), [router::subscribed(number, number)]);
    }
    (lab, watcher)
}

#[test]
fn subscription_events_come_in_order() {
    let (mut lab, watcher) = watched();
    let [ann, ben] = ["ann", "ben"].map(|name| lab.join(name));
    let [a, b] = [ann, ben].map(|peer| lab.id(peer).number());
    lab.pass(Duration::from_millis(1_250));
    lab.send(ann, client::subscribe_pattern(1, Prefix, "com.a."));
    let details =
        json!({"id": 5, "created": "2026-01-01T00:00:01.250Z", "uri": "com.a.", "match": "prefix"});
    assert_eq!(lab.heard(watcher), [(CREATED, json!([a, details])), (JOINED, json!([a, 5]))]);
    lab.send(ben, client::subscribe_pattern(1, Prefix, "com.a."));
    assert_eq!(lab.heard(watcher), [(JOINED, json!([b, 5]))]);
    lab.send(ann, client::unsubscribe(2, 5));
    assert_eq!(lab.heard(watcher), [(LEFT, json!([a, 5]))]);
    lab.disconnect(ben);
    assert_eq!(lab.heard(watcher), [(LEFT, json!([b, 5])), (DELETED, json!([b, 5]))]);
}

#[test]
fn subscribing_again_publishes_no_meta_event() {
    let (mut lab, watcher) = watched();
    let ann = lab.join("ann");
    lab.send(ann, client::subscribe(1, "com.a"));
    assert_eq!(lab.heard(watcher).len(), 2);
    lab.send(ann, client::subscribe(2, "com.a"));
    let options = SubscribeOptions { group: Some("g".into()), ..Default::default() };
    lab.send(ann, client::subscribe_with(3, options, "com.a"));
    lab.send(ann, client::unsubscribe(4, 99));
    assert_eq!(lab.heard(watcher), []);
}

#[test]
fn subscriptions_to_reserved_topics_publish_no_meta_events() {
    let (mut lab, watcher) = watched();
    let ann = lab.join("ann");
    lab.send(ann, client::subscribe(1, "wamp.session.on_join"));
    lab.send(ann, client::subscribe_pattern(2, Prefix, "wamp."));
    lab.send(ann, client::subscribe_pattern(3, Wildcard, "wamp..on_join"));
    lab.send(ann, client::unsubscribe(4, 5));
    lab.disconnect(ann);
    assert_eq!(lab.heard(watcher), []);
    let ben = lab.join("ben");
    lab.send(ben, client::subscribe(1, "wampum.a"));
    assert_eq!(lab.heard(watcher).len(), 2);
}

/// `docs/decisions/traps.md#f6`: the answer comes before any event.
#[test]
fn subscribed_comes_before_the_meta_event() {
    let mut lab = Lab::new();
    let ann = lab.join("ann");
    lab.send(ann, client::subscribe(1, "wamp.subscription.on_subscribe"));
    lab.send(ann, client::subscribe(2, "com.a"));
    let told = router::event(1, lab.last_publication(), args([lab.id(ann).number(), 2]));
    let expected = [router::subscribed(1, 1), router::subscribed(2, 2), told];
    assert_eq!(lab.received(ann), expected);
}

/// Three subscriptions of `ann`, of which `ben` has the first.
fn subscribed() -> (Lab, Peer, Peer) {
    let mut lab = Lab::new();
    let [ann, ben] = ["ann", "ben"].map(|name| lab.join(name));
    for (number, policy, topic) in
        [(1, Exact, "com.a.b"), (2, Prefix, "com.a"), (3, Wildcard, "com..b")]
    {
        lab.send(ann, client::subscribe_pattern(number, policy, topic));
    }
    lab.send(ben, client::subscribe(1, "com.a.b"));
    lab.received(ann);
    lab.received(ben);
    (lab, ann, ben)
}

#[test]
fn subscriptions_are_listed_by_their_policy() {
    let (mut lab, ann, _) = subscribed();
    lab.send(ann, client::subscribe(4, "com.c"));
    lab.received(ann);
    let lists = json!([{"exact": [1, 4], "prefix": [2], "wildcard": [3]}]);
    assert_eq!(lab.ask(ann, "wamp.subscription.list", json!([])), Ok(lists));
    let mut empty = Lab::new();
    let alone = empty.join("alone");
    let lists = json!([{"exact": [], "prefix": [], "wildcard": []}]);
    assert_eq!(empty.ask(alone, "wamp.subscription.list", json!([])), Ok(lists));
}

/// As with Crossbar.io.
#[test]
fn subscription_list_can_be_restricted_to_one_session() {
    let (mut lab, ann, ben) = subscribed();
    let idle = lab.join("idle");
    for (of, lists) in [
        (ann, json!([{"exact": [1], "prefix": [2], "wildcard": [3]}])),
        (ben, json!([{"exact": [1], "prefix": [], "wildcard": []}])),
        (idle, json!([{"exact": [], "prefix": [], "wildcard": []}])),
    ] {
        let id = lab.id(of).number();
        assert_eq!(lab.ask(ann, "wamp.subscription.list", json!([id])), Ok(lists));
    }
    let all = json!([{"exact": [1], "prefix": [2], "wildcard": [3]}]);
    assert_eq!(lab.ask(ben, "wamp.subscription.list", json!([null])), Ok(all));
    let unknown = refusal(error_uri::NO_SUCH_SESSION, "no session 7 is in this realm");
    assert_eq!(lab.ask(ann, "wamp.subscription.list", json!([7])), unknown);
    let text = "wamp.subscription.list: argument 'session_id' must be between 1 and 2^53";
    let none = refusal(error_uri::INVALID_ARGUMENT, text);
    assert_eq!(lab.ask(ann, "wamp.subscription.list", json!([0])), none);
}

#[test]
fn a_subscription_is_looked_up_by_its_own_pattern() {
    let (mut lab, ann, _) = subscribed();
    for (arguments, found) in [
        (json!(["com.a.b"]), json!(1)),
        (json!(["com.a.b", null]), json!(1)),
        (json!(["com.a.b", {"match": "exact"}]), json!(1)),
        (json!(["com.a", {"match": "prefix", "get_retained": true}]), json!(2)),
        (json!(["com..b", {"match": "wildcard"}]), json!(3)),
        (json!(["com.a"]), json!(null)),
        (json!(["com.a.b", {"match": "prefix"}]), json!(null)),
    ] {
        let answer = lab.ask(ann, "wamp.subscription.lookup", arguments.clone());
        assert_eq!(answer, Ok(json!([found])), "{arguments}");
    }
}

/// `docs/decisions/traps.md#f14`.
#[test]
fn match_lists_subscriptions_of_every_policy_and_returns_null_without_a_match() {
    let (mut lab, ann, _) = subscribed();
    for (topic, found) in [
        ("com.a.b", json!([1, 2, 3])),
        ("com.ab", json!([2])),
        ("com.x.b", json!([3])),
        ("com.x", json!(null)),
        ("", json!(null)),
    ] {
        let answer = lab.ask(ann, "wamp.subscription.match", json!([topic]));
        assert_eq!(answer, Ok(json!([found])), "{topic}");
    }
}

#[test]
fn get_and_list_subscribers_return_the_details() {
    let (mut lab, ann, ben) = subscribed();
    let [a, b] = [ann, ben].map(|peer| lab.id(peer).number());
    let created = "2026-01-01T00:00:00.000Z";
    for (id, uri, policy, subscribers) in [
        (1, "com.a.b", "exact", json!([a, b])),
        (2, "com.a", "prefix", json!([a])),
        (3, "com..b", "wildcard", json!([a])),
    ] {
        let details = json!([{"id": id, "created": created, "uri": uri, "match": policy}]);
        assert_eq!(lab.ask(ben, "wamp.subscription.get", json!([id])), Ok(details));
        let count = json!([subscribers.as_array().unwrap().len()]);
        assert_eq!(lab.ask(ben, "wamp.subscription.count_subscribers", json!([id])), Ok(count));
        let list = lab.ask(ben, "wamp.subscription.list_subscribers", json!([id]));
        assert_eq!(list, Ok(json!([subscribers])));
    }
}

#[test]
fn members_of_groups_and_nodes_are_subscribers_as_well() {
    let mut lab = Lab::new();
    let peers = ["plain", "member", "node"].map(|name| lab.join(name));
    for (peer, group, nkey) in
        [(peers[0], None, None), (peers[1], Some("g"), None), (peers[2], None, Some("n"))]
    {
        let options = SubscribeOptions {
            group: group.map(Into::into),
            nkey: nkey.map(Into::into),
            ..Default::default()
        };
        lab.send(peer, client::subscribe_with(1, options, "com.a"));
        lab.received(peer);
    }
    // In the order of their delivery modes: every event, node, group.
    let ids = [peers[0], peers[2], peers[1]].map(|peer| lab.id(peer).number());
    let list = lab.ask(peers[0], "wamp.subscription.list_subscribers", json!([1]));
    assert_eq!(list, Ok(json!([ids])));
    let count = lab.ask(peers[0], "wamp.subscription.count_subscribers", json!([1]));
    assert_eq!(count, Ok(json!([3])));
}

#[test]
fn subscription_with_a_history_exists_without_subscribers() {
    let pattern = UriPattern::new("com.log", Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, 1)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let ann = lab.join("ann");
    assert_eq!(lab.ask(ann, "wamp.subscription.lookup", json!(["com.log"])), Ok(json!([1])));
    assert_eq!(lab.ask(ann, "wamp.subscription.count_subscribers", json!([1])), Ok(json!([0])));
    // Subscribers neither create nor delete it.
    for (number, name) in (1..).zip(EVENTS) {
        lab.send(ann, client::subscribe(number, &format!("wamp.subscription.{name}")));
    }
    lab.received(ann);
    let ben = lab.join("ben");
    lab.send(ben, client::subscribe(1, "com.log"));
    lab.disconnect(ben);
    let topics: Vec<_> = lab.heard(ann).into_iter().map(|(id, _)| id - 1).collect();
    assert_eq!(topics, [JOINED, LEFT]);
}

#[test]
fn unknown_subscriptions_and_invalid_arguments_are_refused() {
    let (mut lab, ann, _) = subscribed();
    for name in ["get", "list_subscribers", "count_subscribers", "remove_subscriber"] {
        let procedure = format!("wamp.subscription.{name}");
        let id = lab.id(ann).number();
        let text = "no subscription 9 is in this realm";
        let unknown = refusal(error_uri::NO_SUCH_SUBSCRIPTION, text);
        assert_eq!(lab.ask(ann, &procedure, json!([9, id])), unknown);
        for (arguments, text) in [
            (json!([]), "argument 'subscription_id' is missing"),
            (json!([0, id]), "argument 'subscription_id' must be between 1 and 2^53"),
        ] {
            let text = format!("{procedure}: {text}");
            let refused = refusal(error_uri::INVALID_ARGUMENT, &text);
            assert_eq!(lab.ask(ann, &procedure, arguments), refused);
        }
        let (error, _) = lab.ask(ann, &procedure, json!(["one", id])).unwrap_err();
        assert_eq!(error, error_uri::INVALID_ARGUMENT);
    }
    for (name, arguments, error) in [
        ("lookup", json!([]), error_uri::INVALID_ARGUMENT),
        ("lookup", json!([7]), error_uri::INVALID_ARGUMENT),
        ("lookup", json!(["com.a", {"match": "fuzzy"}]), error_uri::INVALID_ARGUMENT),
        ("lookup", json!(["com.a", {"match": 1}]), error_uri::INVALID_ARGUMENT),
        ("lookup", json!(["com.a", "prefix"]), error_uri::INVALID_ARGUMENT),
        ("lookup", json!(["com..a"]), error_uri::INVALID_URI),
        ("match", json!([]), error_uri::INVALID_ARGUMENT),
        ("match", json!([["com.a"]]), error_uri::INVALID_ARGUMENT),
    ] {
        let answer = lab.ask(ann, &format!("wamp.subscription.{name}"), arguments.clone());
        assert_eq!(answer.unwrap_err().0, error, "{name} {arguments}");
    }
}

fn revocable(name: &'static str) -> Client {
    let mut client = Client::named(name);
    client.roles.subscriber = Some(Features::of(&[Feature::SubscriptionRevocation]));
    client
}

/// `docs/decisions/traps.md#f15`.
#[test]
fn removed_subscriber_with_the_feature_is_notified() {
    const REMOVE: &str = "wamp.subscription.remove_subscriber";
    let (mut lab, watcher) = watched();
    let [able, unable] = [revocable("able"), Client::basic("unable")].map(|client| {
        let peer = lab.join_as(client);
        lab.send(peer, client::subscribe(1, "com.a"));
        lab.received(peer);
        peer
    });
    lab.received(watcher);
    let [a, u] = [able, unable].map(|peer| lab.id(peer).number());
    lab.send(watcher, client::call(9, REMOVE, args((5, a, "no longer authorized"))));
    assert_eq!(lab.received(able), [router::revoked(5, "no longer authorized")]);
    // The watcher receives the event before the answer.
    let mut received = lab.received(watcher);
    assert_eq!(received.pop(), Some(router::result(9, args(((),)))));
    let left = router::event(LEFT, lab.last_publication(), args((a, 5)));
    assert_eq!(received, [left]);

    lab.send(watcher, client::call(9, REMOVE, args((5, u))));
    assert_eq!(lab.received(unable), []);
    let topics = lab.received(watcher).len();
    assert_eq!(topics, 3);
    lab.send(watcher, client::publish(10, "com.a", NOTHING));
    for peer in [able, unable] {
        lab.send(peer, client::unsubscribe(2, 5));
        let text = "this session has no subscription 5";
        let error = error_uri::NO_SUCH_SUBSCRIPTION;
        let refused = router::refused(RequestKind::Unsubscribe, 2, error, text);
        assert_eq!(lab.received(peer), [refused]);
        lab.send(peer, client::subscribe(3, "com.a"));
        assert_eq!(lab.received(peer), [router::subscribed(3, 6)]);
    }
}

#[test]
fn removal_without_a_reason_has_the_default_reason() {
    let mut lab = Lab::new();
    let [admin, ann] = [Client::named("admin"), revocable("ann")].map(|c| lab.join_as(c));
    lab.send(ann, client::subscribe_pattern(1, Prefix, "com."));
    let id = lab.id(ann).number();
    let answer = lab.ask(admin, "wamp.subscription.remove_subscriber", json!([1, id]));
    assert_eq!(answer, Ok(json!([null])));
    let expected = [router::subscribed(1, 1), router::revoked(1, error_uri::UNSUBSCRIBED)];
    assert_eq!(lab.received(ann), expected);
    let nothing: [RouterMessage; 0] = [];
    assert_eq!(lab.received(admin), nothing);
}

#[test]
fn only_a_subscriber_can_be_removed() {
    let (mut lab, ann, ben) = subscribed();
    let b = lab.id(ben).number();
    for (arguments, error, text) in [
        (
            json!([2, b]),
            error_uri::NO_SUCH_SUBSCRIPTION,
            format!("session {b} has no subscription 2"),
        ),
        (json!([2, 1]), error_uri::NO_SUCH_SESSION, "no session 1 is in this realm".to_owned()),
    ] {
        let answer = lab.ask(ann, "wamp.subscription.remove_subscriber", arguments);
        assert_eq!(answer, refusal(error, &text));
    }
    let count = lab.ask(ann, "wamp.subscription.count_subscribers", json!([2]));
    assert_eq!(count, Ok(json!([1])));
}
