//! Subscriber groups: one member of each group gets each event.
//!
//! An extension of this router (`SUBSCRIBE.Options.group`), like the shared subscriptions of MQTT;
//! `docs/decisions/traps.md#f20`.

use cloverleaf_router::limits::MAX_MEMBERSHIP_BYTES;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::{
    EventDetails, PublishOptions, RequestKind, RouterMessage, SubscribeOptions,
};
use cloverleaf_wamp::uri::MatchPolicy;

fn in_group(name: &str) -> SubscribeOptions {
    SubscribeOptions { group: Some(name.into()), ..SubscribeOptions::default() }
}

/// A publisher, and subscribers of `com.job`, each with its delivery mode.
struct Audience {
    lab: Lab,
    publisher: Peer,
    listeners: Vec<(&'static str, Peer)>,
}

impl Audience {
    fn gathered(listeners: &[(&'static str, Option<&str>)]) -> Self {
        let mut lab = Lab::new();
        let publisher = lab.join("publisher");
        let mut audience = Self { lab, publisher, listeners: Vec::new() };
        for (name, group) in listeners {
            let peer = audience.lab.join_as(Client::basic(name));
            audience.listeners.push((name, peer));
            audience.subscribe(name, group.map_or_else(SubscribeOptions::default, in_group));
        }
        audience
    }

    fn peer(&self, name: &str) -> Peer {
        self.listeners.iter().find(|(listener, _)| *listener == name).unwrap().1
    }

    fn subscribe(&mut self, name: &str, options: SubscribeOptions) {
        let peer = self.peer(name);
        self.lab.send(peer, client::subscribe_with(1, options, "com.job"));
        assert_eq!(self.lab.received(peer), [router::subscribed(1, 1)]);
    }

    /// Publishes and returns the receivers.
    fn hears(&mut self, options: PublishOptions) -> Vec<&'static str> {
        let publish = client::publish_with(1, options, "com.job", NOTHING);
        self.lab.send(self.publisher, publish);
        let event = router::event(1, self.lab.last_publication(), NOTHING);
        let mut heard = Vec::new();
        for (name, peer) in &self.listeners {
            match self.lab.received(*peer).as_slice() {
                [] => {}
                [received] if *received == event => heard.push(*name),
                other => panic!("{name} got {other:?}"),
            }
        }
        heard
    }

    /// The receivers of each of `events` events.
    fn hear(&mut self, events: usize) -> String {
        let heard = (0..events).map(|_| self.hears(PublishOptions::default()).concat());
        heard.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn each_event_goes_to_one_group_member_in_turn() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("g")), ("c", Some("g"))]);
    assert_eq!(audience.hear(7), "a b c a b c a");
}

#[test]
fn every_group_and_every_other_subscriber_get_each_event() {
    let listeners =
        [("a", Some("g")), ("b", Some("g")), ("x", Some("h")), ("y", Some("h")), ("p", None)];
    let mut audience = Audience::gathered(&listeners);
    assert_eq!(audience.hear(3), "axp byp axp");
}

#[test]
fn group_member_with_a_full_or_closed_queue_is_skipped() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("g")), ("c", Some("g"))]);
    let [a, b, c] = ["a", "b", "c"].map(|name| audience.peer(name));
    audience.lab.set_state(b, OutboxState::Dropping);
    assert_eq!(audience.hear(3), "a c a");
    audience.lab.set_state(c, OutboxState::Closed);
    assert_eq!(audience.hear(2), "a a");
    audience.lab.set_state(b, OutboxState::Reading);
    assert_eq!(audience.hear(3), "b a b");
    for peer in [a, b] {
        audience.lab.set_state(peer, OutboxState::Dropping);
    }
    assert_eq!(audience.hear(1), "");
}

#[test]
fn the_turn_goes_on_when_members_come_and_leave() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("g")), ("c", Some("g"))]);
    assert_eq!(audience.hear(1), "a");
    let [a, b] = ["a", "b"].map(|name| audience.peer(name));
    audience.lab.send(b, client::unsubscribe(2, 1));
    assert_eq!(audience.lab.received(b), [router::unsubscribed(2)]);
    assert_eq!(audience.hear(3), "c a c");
    audience.subscribe("b", in_group("g"));
    assert_eq!(audience.hear(4), "a c b a");
    audience.lab.disconnect(a);
    assert_eq!(audience.hear(3), "c b c");
}

#[test]
fn only_eligible_group_members_get_the_event() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("g")), ("c", Some("g"))]);
    let exclude_authid = Some(vec!["a".into()]);
    let not_a = PublishOptions { exclude_authid, ..PublishOptions::default() };
    assert_eq!(audience.hears(not_a.clone()), ["b"]);
    assert_eq!(audience.hears(not_a.clone()), ["c"]);
    assert_eq!(audience.hears(not_a), ["b"]);
    let none = PublishOptions { eligible: Some(Vec::new()), ..PublishOptions::default() };
    assert_eq!(audience.hears(none), [""; 0]);
    assert_eq!(audience.hear(2), "c a");
    // The publisher is excluded from its own group.
    let publisher = audience.peer("b");
    audience.publisher = publisher;
    assert_eq!(audience.hear(3), "c a c");
}

#[test]
fn subscribing_again_changes_the_delivery_mode() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("g"))]);
    audience.subscribe("a", SubscribeOptions::default());
    assert_eq!(audience.hear(2), "ab ab");
    audience.subscribe("b", in_group("h"));
    audience.subscribe("a", in_group("h"));
    assert_eq!(audience.hear(3), "b a b");
    // Subscribing again changes the place only.
    audience.subscribe("a", in_group("h"));
    audience.subscribe("a", in_group("h"));
    assert_eq!(audience.hear(2), "a b");
    let nkey = Some("node1".into());
    audience.subscribe("a", SubscribeOptions { nkey, ..SubscribeOptions::default() });
    assert_eq!(audience.hear(2), "ab ab");
}

#[test]
fn a_group_of_a_pattern_shares_all_its_topics() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    let workers = ["a", "b"].map(|name| lab.join(name));
    for worker in workers {
        let options =
            SubscribeOptions { match_policy: Some(MatchPolicy::Prefix), ..in_group("workers") };
        lab.send(worker, client::subscribe_with(1, options, "com."));
        lab.received(worker);
    }
    let mut expected = Vec::new();
    for topic in ["com.a", "com.b", "com.c"] {
        lab.send(publisher, client::publish(1, topic, NOTHING));
        let details = EventDetails { topic: Some(topic.into()), ..EventDetails::default() };
        expected.push(router::event_with(1, lab.last_publication(), details, NOTHING));
    }
    assert_eq!(lab.received(workers[0]), [expected[0].clone(), expected[2].clone()]);
    assert_eq!(lab.received(workers[1]), [expected[1].clone()]);
}

/// A decision of this project: a retained event is the state of a topic, which every member may
/// request.
#[test]
fn retained_event_is_sent_to_each_new_member() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    let retain = PublishOptions { retain: Some(true), ..PublishOptions::default() };
    lab.send(publisher, client::publish_with(1, retain, "com.job", args(["state"])));
    let publication = lab.last_publication();
    for name in ["a", "b"] {
        let worker = lab.join(name);
        let options = SubscribeOptions { get_retained: Some(true), ..in_group("g") };
        lab.send(worker, client::subscribe_with(1, options, "com.job"));
        let details = EventDetails { retained: Some(true), ..EventDetails::default() };
        let kept = router::event_with(1, publication, details, args(["state"]));
        assert_eq!(lab.received(worker), [router::subscribed(1, 1), kept]);
    }
}

#[test]
fn a_group_and_a_node_exclude_each_other_and_their_names_are_short() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let both = SubscribeOptions { nkey: Some("n".into()), ..in_group("g") };
    let longest = "x".repeat(MAX_MEMBERSHIP_BYTES);
    let too_long = || Some(format!("{longest}x").into());
    let options = SubscribeOptions::default;
    let short = "SUBSCRIBE.Options.group and nkey have 255 bytes at most";
    for (number, options, text) in [
        (1, both, "SUBSCRIBE.Options.group and nkey exclude each other"),
        (2, SubscribeOptions { group: too_long(), ..options() }, short),
        (3, SubscribeOptions { nkey: too_long(), ..options() }, short),
    ] {
        lab.send(alice, client::subscribe_with(number, options, "com.job"));
        let error = error_uri::INVALID_ARGUMENT;
        let refused = router::refused(RequestKind::Subscribe, number, error, text);
        assert_eq!(lab.received(alice), [refused]);
    }
    lab.send(alice, client::subscribe_with(4, in_group(&longest), "com.job"));
    assert_eq!(lab.received(alice), [router::subscribed(4, 1)]);
}

#[test]
fn groups_are_announced_and_leave_no_state() {
    let mut audience = Audience::gathered(&[("a", Some("g")), ("b", Some("h")), ("c", None)]);
    let roles = audience.lab.welcome(audience.publisher).details.roles.unwrap();
    assert!(roles.broker.unwrap().has(Feature::SubscriberGroups));
    for name in ["a", "b", "c"] {
        let peer = audience.peer(name);
        audience.lab.disconnect(peer);
    }
    audience.lab.disconnect(audience.publisher);
    assert!(audience.lab.realm().is_empty());
    let none: [RouterMessage; 0] = [];
    assert_eq!(audience.lab.received(audience.publisher), none);
}
