//! Pattern subscriptions: every one that matches gets its own event.
//!
//! Spec: advanced profile "Pattern-based Subscription".

use cloverleaf_router::RealmSettings;
use cloverleaf_testkit::lab::settings;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{EventDetails, RouterMessage};
use cloverleaf_wamp::uri::MatchPolicy::{self, Exact, Prefix, Wildcard};

/// A publisher, and a subscriber of the patterns with the ids 1, 2, 3 …, in a realm without the
/// meta API.
fn lab_with(patterns: &[(MatchPolicy, &str)]) -> (Lab, Peer, Peer) {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let (publisher, subscriber) = (lab.join("publisher"), lab.join("subscriber"));
    for (number, (policy, pattern)) in (1..).zip(patterns) {
        lab.send(subscriber, client::subscribe_pattern(number, *policy, pattern));
        assert_eq!(lab.received(subscriber), [router::subscribed(number, number)]);
    }
    (lab, publisher, subscriber)
}

/// The event of a pattern has its topic.
fn event_about(topic: &str, id: u64, publication: PublicationId) -> RouterMessage {
    let details = EventDetails { topic: Some(topic.into()), ..EventDetails::default() };
    router::event_with(id, publication, details, NOTHING)
}

/// Publishes to each topic and asserts whether the subscription gets it.
fn assert_heard(lab: &mut Lab, [publisher, subscriber]: [Peer; 2], topics: &[(&str, bool)]) {
    for (number, (topic, heard)) in (1..).zip(topics) {
        lab.send(publisher, client::publish(number, topic, NOTHING));
        let event = event_about(topic, 1, lab.last_publication());
        let expected: Vec<_> = heard.then_some(event).into_iter().collect();
        assert_eq!(lab.received(subscriber), expected, "{topic}");
    }
}

#[test]
fn prefix_subscription_matches_character_by_character() {
    let (mut lab, publisher, subscriber) = lab_with(&[(Prefix, "com.myapp.topic.emergency")]);
    let topics = [
        ("com.myapp.topic.emergency.11", true),
        ("com.myapp.topic.emergency-low", true),
        ("com.myapp.topic.emergency.category.severe", true),
        ("com.myapp.topic.emergency", true),
        ("com.myapp.topic.emerge", false),
    ];
    assert_heard(&mut lab, [publisher, subscriber], &topics);
}

#[test]
fn wildcard_subscription_matches_one_component() {
    let (mut lab, publisher, subscriber) = lab_with(&[(Wildcard, "com.myapp..userevent")]);
    let topics = [
        ("com.myapp.foo.userevent", true),
        ("com.myapp.bar.userevent", true),
        ("com.myapp.foo.userevent.bar", false),
        ("com.myapp.foo.user", false),
        ("com.myapp2.foo.userevent", false),
        ("com.myapp.userevent", false),
    ];
    assert_heard(&mut lab, [publisher, subscriber], &topics);
}

/// `docs/decisions/traps.md#f7`: one event for each subscription, not for each session.
#[test]
fn every_matching_subscription_gets_its_own_event_of_the_same_publication() {
    let (mut lab, publisher, subscriber) = lab_with(&[
        (Wildcard, "com.."),
        (Prefix, "com.a.b"),
        (Prefix, "com."),
        (Exact, "com.a.b"),
        (Wildcard, "com.a."),
        (Exact, "com.a.c"),
        (Prefix, ""),
    ]);
    lab.send(publisher, client::publish(1, "com.a.b", NOTHING));
    let publication = lab.last_publication();
    let about = |id| event_about("com.a.b", id, publication);
    assert_eq!(
        lab.received(subscriber),
        [router::event(4, publication, NOTHING), about(7), about(3), about(2), about(5), about(1)]
    );
}

#[test]
fn subscribing_to_the_same_pattern_again_is_the_same_subscription() {
    let (mut lab, publisher, subscriber) = lab_with(&[(Prefix, "com.")]);
    lab.send(subscriber, client::subscribe_pattern(2, Prefix, "com."));
    assert_eq!(lab.received(subscriber), [router::subscribed(2, 1)]);
    lab.send(publisher, client::publish(1, "com.a", NOTHING));
    let expected = event_about("com.a", 1, lab.last_publication());
    assert_eq!(lab.received(subscriber), [expected]);
}

#[test]
fn the_same_text_under_another_policy_is_another_subscription() {
    let (mut lab, publisher, subscriber) =
        lab_with(&[(Exact, "com.a"), (Prefix, "com.a"), (Wildcard, "com.a")]);
    lab.send(subscriber, client::unsubscribe(4, 2));
    assert_eq!(lab.received(subscriber), [router::unsubscribed(4)]);
    lab.send(publisher, client::publish(1, "com.a", NOTHING));
    let publication = lab.last_publication();
    let exact = router::event(1, publication, NOTHING);
    assert_eq!(lab.received(subscriber), [exact, event_about("com.a", 3, publication)]);
}

#[test]
fn a_publisher_is_excluded_from_its_patterns_as_well() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.send(alice, client::subscribe_pattern(1, Prefix, "com."));
    lab.send(alice, client::publish(2, "com.a", args([1])));
    assert_eq!(lab.received(alice), [router::subscribed(1, 1)]);
}
