//! Acknowledged delivery: the publisher is acknowledged when all receivers have acknowledged the
//! event.
//!
//! An extension of this router that uses EVENT_RECEIVED: `x_acknowledged_delivery` beside
//! `acknowledge` in PUBLISH.Options, `x_acknowledged_event_delivery` as a feature of subscribers.

use std::time::Duration;

use cloverleaf_router::limits::{SessionLimits, SharedLimits};
use cloverleaf_router::{Permission, RealmSettings, Role, SessionFlow};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{
    EventDetails, PublishOptions, RequestKind, RouterMessage, SubscribeOptions,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern};

fn asking() -> PublishOptions {
    PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() }
}

fn able(name: &'static str) -> Client {
    let mut client = Client::named(name);
    client.roles.subscriber = Some(Features::of(&[Feature::AcknowledgedEventDelivery]));
    client
}

/// A publisher in a realm without the meta API, and subscribers of `com.job` with all features.
fn publisher_and<const N: usize>(names: [&'static str; N]) -> (Lab, Peer, [Peer; N]) {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let publisher = lab.join_as(able("publisher"));
    let subscribers = names.map(|name| {
        let subscriber = lab.join_as(able(name));
        lab.send(subscriber, client::subscribe(1, "com.job"));
        lab.received(subscriber);
        subscriber
    });
    (lab, publisher, subscribers)
}

fn publish(lab: &mut Lab, from: Peer, number: u64) -> PublicationId {
    lab.send(from, client::publish_with(number, asking(), "com.job", args([number])));
    lab.last_publication()
}

/// The event with a request to acknowledge it.
fn asked(id: u64, publication: PublicationId, number: u64) -> RouterMessage {
    let details = EventDetails { x_acknowledged_delivery: Some(true), ..EventDetails::default() };
    router::event_with(id, publication, details, args([number]))
}

fn timed_out(number: u64) -> RouterMessage {
    let text = "some subscribers have not acknowledged the event";
    router::refused(RequestKind::Publish, number, error_uri::TIMEOUT, text)
}

fn leave_all(mut lab: Lab, peers: &[Peer]) {
    for peer in peers {
        lab.disconnect(*peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn published_follows_the_acknowledgements_of_all_receivers() {
    let (mut lab, publisher, [ann, ben]) = publisher_and(["ann", "ben"]);
    let publication = publish(&mut lab, publisher, 7);
    for subscriber in [ann, ben] {
        assert_eq!(lab.received(subscriber), [asked(1, publication, 7)]);
    }
    lab.send(ben, client::event_received(publication));
    assert_eq!(lab.received(publisher), []);
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(7, publication)]);
    assert_eq!(lab.realm().next_deadline(), None);
    assert!(lab.realm().is_acknowledged());
    leave_all(lab, &[publisher, ann, ben]);
}

#[test]
fn only_subscribers_with_the_feature_are_asked_to_acknowledge() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let basic = lab.join_as(Client::basic("basic"));
    lab.send(basic, client::subscribe(1, "com.job"));
    lab.received(basic);
    let publication = publish(&mut lab, publisher, 1);
    assert_eq!(lab.received(basic), [router::event(1, publication, args([1]))]);
    assert_eq!(lab.received(ann), [asked(1, publication, 1)]);
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);

    lab.disconnect(ann);
    let publication = publish(&mut lab, publisher, 2);
    assert_eq!(lab.received(publisher), [router::published(2, publication)]);
    assert_eq!(lab.received(basic), [router::event(1, publication, args([2]))]);
}

#[test]
fn unacknowledged_publication_asks_no_receiver() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    for acknowledge in [None, Some(false)] {
        let options = PublishOptions { acknowledge, ..asking() };
        lab.send(publisher, client::publish_with(1, options, "com.job", NOTHING));
        let event = router::event(1, lab.last_publication(), NOTHING);
        assert_eq!(lab.received(ann), [event]);
    }
    let options = PublishOptions { x_acknowledged_delivery: Some(false), ..asking() };
    lab.send(publisher, client::publish_with(2, options, "com.job", NOTHING));
    let publication = lab.last_publication();
    assert_eq!(lab.received(ann), [router::event(1, publication, NOTHING)]);
    assert_eq!(lab.received(publisher), [router::published(2, publication)]);
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn publication_fails_when_a_receiver_does_not_acknowledge_in_time() {
    let (mut lab, publisher, [ann, ben]) = publisher_and(["ann", "ben"]);
    let publication = publish(&mut lab, publisher, 1);
    lab.send(ann, client::event_received(publication));
    lab.pass(Duration::from_millis(SharedLimits::DEFAULT.acknowledgement_timeout_millis - 1));
    assert_eq!(lab.received(publisher), []);
    lab.pass(Duration::from_millis(1));
    assert_eq!(lab.received(publisher), [timed_out(1)]);
    // Too late.
    lab.send(ben, client::event_received(publication));
    assert_eq!(lab.received(publisher), []);
    assert!(lab.realm().is_acknowledged());
    leave_all(lab, &[ben, ann, publisher]);
}

#[test]
fn each_publication_has_its_own_deadline() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let first = publish(&mut lab, publisher, 1);
    lab.pass(Duration::from_secs(1));
    let second = publish(&mut lab, publisher, 2);
    lab.pass(Duration::from_millis(SharedLimits::DEFAULT.acknowledgement_timeout_millis - 1_000));
    assert_eq!(lab.received(publisher), [timed_out(1)]);
    lab.send(ann, client::event_received(second));
    assert_eq!(lab.received(publisher), [router::published(2, second)]);
    assert_eq!(lab.received(ann), [asked(1, first, 1), asked(1, second, 2)]);
    lab.pass(Duration::from_secs(60));
    assert_eq!(lab.received(publisher), []);
}

#[test]
fn publication_does_not_wait_for_a_subscriber_that_leaves() {
    for farewell in [None, Some(client::goodbye(error_uri::CLOSE_NORMAL)), Some(client::hello())] {
        let (mut lab, publisher, [ann, ben]) = publisher_and(["ann", "ben"]);
        let publication = publish(&mut lab, publisher, 1);
        lab.send(ann, client::event_received(publication));
        match farewell {
            None => lab.disconnect(ben),
            Some(message) => assert_ne!(lab.submit(ben, message), SessionFlow::Continue),
        }
        assert_eq!(lab.received(publisher), [router::published(1, publication)]);
        leave_all(lab, &[publisher, ann]);
    }
}

#[test]
fn publication_of_a_publisher_that_leaves_waits_for_no_receiver() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let publication = publish(&mut lab, publisher, 1);
    assert!(!lab.realm().is_acknowledged());
    lab.disconnect(publisher);
    assert_eq!(lab.realm().next_deadline(), None);
    assert!(lab.realm().is_acknowledged());
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), []);
    leave_all(lab, &[ann]);
}

#[test]
fn unsubscribed_receiver_still_has_to_acknowledge() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let publication = publish(&mut lab, publisher, 1);
    lab.send(ann, client::unsubscribe(2, 1));
    assert_eq!(lab.received(publisher), []);
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
}

/// `docs/decisions/traps.md#f1`.
#[test]
fn request_id_of_an_unacknowledged_publication_can_not_be_reused() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let publication = publish(&mut lab, publisher, 1);
    lab.send(ann, client::event_received(publication));
    publish(&mut lab, publisher, 1);
    lab.received(publisher);
    let again = client::publish(1, "com.other", NOTHING);
    assert_eq!(lab.submit(publisher, again), SessionFlow::Close);
    let text = "request id 1 is used twice at the same time";
    assert_eq!(lab.received(publisher), [router::violation(text)]);
    leave_all(lab, &[ann]);
}

#[test]
fn a_session_acknowledges_the_event_of_each_of_its_subscriptions() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    lab.send(ann, client::subscribe_pattern(2, MatchPolicy::Prefix, "com."));
    lab.received(ann);
    let publication = publish(&mut lab, publisher, 1);
    let details = EventDetails {
        topic: Some("com.job".into()),
        x_acknowledged_delivery: Some(true),
        ..EventDetails::default()
    };
    let of_prefix = router::event_with(2, publication, details, args([1]));
    assert_eq!(lab.received(ann), [asked(1, publication, 1), of_prefix]);
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), []);
    lab.send(ann, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
}

#[test]
fn unrelated_acknowledgement_is_ignored() {
    let (mut lab, publisher, [ann, ben]) = publisher_and(["ann", "ben"]);
    let publication = publish(&mut lab, publisher, 1);
    let stranger = lab.join_as(able("stranger"));
    for from in [stranger, publisher] {
        lab.send(from, client::event_received(publication));
    }
    for _ in 0..3 {
        lab.send(ann, client::event_received(publication));
        lab.send(ben, client::event_received(PublicationId::new(1).unwrap()));
    }
    assert_eq!(lab.received(publisher), []);
    lab.send(ben, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
}

#[test]
fn publisher_that_receives_its_own_event_acknowledges_it() {
    let (mut lab, publisher, []) = publisher_and([]);
    lab.send(publisher, client::subscribe(1, "com.job"));
    let options = PublishOptions { exclude_me: Some(false), ..asking() };
    lab.send(publisher, client::publish_with(2, options, "com.job", args([2])));
    let publication = lab.last_publication();
    let received = lab.received(publisher);
    assert_eq!(received, [router::subscribed(1, 1), asked(1, publication, 2)]);
    lab.send(publisher, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(2, publication)]);
    // The publisher leaves without acknowledging its own event; nothing of it stays.
    let options = PublishOptions { exclude_me: Some(false), ..asking() };
    lab.send(publisher, client::publish_with(3, options, "com.job", args([3])));
    leave_all(lab, &[publisher]);
}

#[test]
fn publication_waits_for_the_group_member_that_gets_the_event() {
    let (mut lab, publisher, []) = publisher_and([]);
    let [ann, ben] = ["ann", "ben"].map(|name| {
        let worker = lab.join_as(able(name));
        let options = SubscribeOptions { group: Some("g".into()), ..SubscribeOptions::default() };
        lab.send(worker, client::subscribe_with(1, options, "com.job"));
        lab.received(worker);
        worker
    });
    lab.set_state(ann, OutboxState::Dropping);
    let publication = publish(&mut lab, publisher, 1);
    assert_eq!(lab.received(ben), [asked(1, publication, 1)]);
    lab.send(ben, client::event_received(publication));
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
    // No subscriber has the event, so the publication does not wait.
    lab.set_state(ben, OutboxState::Dropping);
    let publication = publish(&mut lab, publisher, 2);
    assert_eq!(lab.received(publisher), [router::published(2, publication)]);
}

#[test]
fn denied_publication_asks_no_receiver() {
    let everything = UriPattern::from_starred("*").unwrap();
    let reader = Permission { subscribe: true, ..Permission::default() };
    let mut lab = Lab::with_roles(vec![Role::new("reader", [(everything, reader)])]);
    let reader = lab.join_as(Client { role: "reader", ..able("reader") });
    publish(&mut lab, reader, 1);
    let text = "session not authorized to publish to topic 'com.job'";
    let refused = router::refused(RequestKind::Publish, 1, error_uri::NOT_AUTHORIZED, text);
    assert_eq!(lab.received(reader), [refused]);
    assert_eq!(lab.realm().next_deadline(), None);
}

#[test]
fn unacknowledged_publications_of_a_session_are_limited() {
    let (mut lab, publisher, [ann]) = publisher_and(["ann"]);
    let limit = SessionLimits::DEFAULT.max_unacknowledged_publications as u64;
    let publications: Vec<_> =
        (1..=limit).map(|number| publish(&mut lab, publisher, number)).collect();
    assert_eq!(lab.received(publisher), []);
    assert_eq!(lab.received(ann).len(), SessionLimits::DEFAULT.max_unacknowledged_publications);
    let retaining = PublishOptions { retain: Some(true), ..asking() };
    lab.send(publisher, client::publish_with(limit + 1, retaining, "com.job", args([0])));
    let text = "this session has reached its largest number of unacknowledged publications";
    let error = error_uri::LIMIT_REACHED;
    let refusal = router::refused(RequestKind::Publish, limit + 1, error, text);
    assert_eq!(lab.received(publisher), [refusal]);
    assert_eq!(lab.received(ann), []);
    // The event was not retained either, and the limit applies to the publisher only.
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(ann, client::subscribe_with(2, options, "com.job"));
    assert_eq!(lab.received(ann), [router::subscribed(2, 1)]);
    lab.send(ann, client::event_received(publications[5]));
    assert_eq!(lab.received(publisher), [router::published(6, publications[5])]);
    publish(&mut lab, publisher, limit + 2);
    assert_eq!(lab.received(ann).len(), 1);
    lab.pass(Duration::from_millis(SharedLimits::DEFAULT.acknowledgement_timeout_millis));
    assert_eq!(
        lab.received(publisher).len(),
        SessionLimits::DEFAULT.max_unacknowledged_publications
    );
    leave_all(lab, &[ann, publisher]);
}
