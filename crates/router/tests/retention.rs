//! Retained events for later subscribers.
//!
//! Spec: advanced profile "Event Retention"; `docs/decisions/traps.md#f6` (a retained event comes
//! after SUBSCRIBED), F9 (eligibility, clearing, time to live, patterns, publication id).
//! `retention_limits` tests the limits.

use cloverleaf_router::{Permission, RealmSettings, Role};
use cloverleaf_testkit::messages::{NOTHING, args, args_and_kwargs, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{
    ClientMessage, EventDetails, PassthruDetails, PublishOptions, RouterMessage, SubscribeOptions,
};
use cloverleaf_wamp::uri::MatchPolicy::{self, Exact, Prefix, Wildcard};
use cloverleaf_wamp::uri::UriPattern;

fn retain() -> PublishOptions {
    PublishOptions { retain: Some(true), ..PublishOptions::default() }
}

fn get_retained(number: u64, policy: MatchPolicy, topic: &str) -> ClientMessage {
    let options = SubscribeOptions {
        get_retained: Some(true),
        match_policy: Some(policy),
        ..SubscribeOptions::default()
    };
    client::subscribe_with(number, options, topic)
}

fn names(names: &[&str]) -> Option<Vec<compact_str::CompactString>> {
    Some(names.iter().map(|name| (*name).into()).collect())
}

/// A publisher in a realm with the roles `staff` and `manager`, which have every right.
fn lab_with_publisher() -> (Lab, Peer) {
    let everything = || [(UriPattern::from_starred("*").unwrap(), Permission::ALL)];
    let roles = ["staff", "manager"].map(|name| Role::new(name, everything())).into();
    let mut lab = Lab::with(RealmSettings { roles, meta_api: false, ..settings() });
    let publisher = join(&mut lab, "publisher", "staff");
    (lab, publisher)
}

fn join(lab: &mut Lab, name: &'static str, role: &'static str) -> Peer {
    lab.join_as(Client { role, ..Client::named(name) })
}

/// Publishes a text; returns its publication id.
fn say(lab: &mut Lab, from: Peer, options: PublishOptions, text: &str) -> PublicationId {
    lab.send(from, client::publish_with(1, options, "com.state", args([text])));
    lab.last_publication()
}

/// A client with this authid and role joins, subscribes to `com.state` and returns the retained
/// event.
fn newcomer_hears(lab: &mut Lab, name: &'static str, role: &'static str) -> Option<String> {
    let peer = join(lab, name, role);
    let heard = subscriber_hears(lab, peer);
    lab.disconnect(peer);
    heard
}

fn subscriber_hears(lab: &mut Lab, peer: Peer) -> Option<String> {
    lab.send(peer, get_retained(9, Exact, "com.state"));
    let received = lab.received(peer);
    let [RouterMessage::Subscribed(_), events @ ..] = received.as_slice() else {
        panic!("SUBSCRIBED first, not {received:?}")
    };
    match events {
        [] => None,
        [RouterMessage::Event(event)] => {
            assert_eq!(event.details.retained, Some(true));
            let [text] = event.payload.decode_args().unwrap();
            Some(text)
        }
        _ => panic!("one kept event at most, not {events:?}"),
    }
}

/// A retained event as sent to a later subscriber.
fn kept(id: u64, publication: PublicationId, topic: Option<&str>, text: &str) -> RouterMessage {
    let topic = topic.map(Into::into);
    let details = EventDetails { retained: Some(true), topic, ..EventDetails::default() };
    router::event_with(id, publication, details, args([text]))
}

#[test]
fn retained_event_comes_after_subscribed_and_before_later_events() {
    let (mut lab, publisher) = lab_with_publisher();
    let first = say(&mut lab, publisher, retain(), "open");
    let late = join(&mut lab, "late", "staff");
    lab.send(late, get_retained(1, Exact, "com.state"));
    let second = say(&mut lab, publisher, PublishOptions::default(), "news");
    assert_eq!(
        lab.received(late),
        [
            router::subscribed(1, 1),
            kept(1, first, None, "open"),
            router::event(1, second, args(["news"]))
        ]
    );
}

#[test]
fn event_is_retained_and_sent_on_request_only() {
    let (mut lab, publisher) = lab_with_publisher();
    for retain in [None, Some(false)] {
        say(&mut lab, publisher, PublishOptions { retain, ..PublishOptions::default() }, "passing");
        assert_eq!(newcomer_hears(&mut lab, "late", "staff"), None);
    }
    say(&mut lab, publisher, retain(), "state");
    let late = join(&mut lab, "late", "staff");
    for (number, get_retained) in [(1, None), (2, Some(false))] {
        let options = SubscribeOptions { get_retained, ..SubscribeOptions::default() };
        lab.send(late, client::subscribe_with(number, options, "com.state"));
        assert_eq!(lab.received(late), [router::subscribed(number, 3)]);
    }
    // Subscribes again, now with `get_retained`.
    assert_eq!(subscriber_hears(&mut lab, late).as_deref(), Some("state"));
}

#[test]
fn existing_subscribers_get_a_retained_event_as_an_ordinary_one() {
    let (mut lab, publisher) = lab_with_publisher();
    let early = join(&mut lab, "early", "staff");
    lab.send(early, get_retained(1, Exact, "com.state"));
    let publication = say(&mut lab, publisher, retain(), "open");
    let event = router::event(1, publication, args(["open"]));
    assert_eq!(lab.received(early), [router::subscribed(1, 1), event]);
}

#[test]
fn latest_retained_event_is_sent_despite_later_unretained_ones() {
    let (mut lab, publisher) = lab_with_publisher();
    say(&mut lab, publisher, retain(), "first");
    say(&mut lab, publisher, retain(), "second");
    say(&mut lab, publisher, PublishOptions::default(), "passing");
    assert_eq!(newcomer_hears(&mut lab, "late", "staff").as_deref(), Some("second"));
}

/// `docs/decisions/traps.md#f9`: patterns get one event for each topic that matches, with its
/// topic.
#[test]
fn pattern_subscription_gets_the_retained_event_of_every_matching_topic() {
    let (mut lab, publisher) = lab_with_publisher();
    let topics = ["com.a.x", "com.ab", "com.b.x", "org.a.x", "com.a"];
    let publications = topics.map(|topic| {
        lab.send(publisher, client::publish_with(1, retain(), topic, args([topic])));
        lab.last_publication()
    });
    let late = join(&mut lab, "late", "staff");
    for (number, policy, pattern, expected) in [
        (1, Prefix, "com.a", &[4, 0, 1][..]),
        (2, Wildcard, "com..x", &[0, 2]),
        (3, Wildcard, ".a.x", &[0, 3]),
        (4, Wildcard, "com.a.", &[0]),
        (5, Wildcard, "com.a", &[4]),
        (6, Wildcard, "", &[]),
        (7, Prefix, "", &[4, 0, 1, 2, 3]),
        (8, Prefix, "com.c", &[]),
        (9, Exact, "com.ab", &[1]),
    ] {
        lab.send(late, get_retained(number, policy, pattern));
        let about = |place: &usize| {
            let topic = (policy != Exact).then_some(topics[*place]);
            kept(number, publications[*place], topic, topics[*place])
        };
        let expected: Vec<_> = std::iter::once(router::subscribed(number, number))
            .chain(expected.iter().map(about))
            .collect();
        assert_eq!(lab.received(late), expected, "{policy:?} {pattern}");
    }
}

/// `docs/decisions/traps.md#f9`: an event that a session was not eligible for is not sent to it
/// later either.
#[test]
fn retained_event_respects_its_eligibility_lists() {
    let (mut lab, publisher) = lab_with_publisher();
    let guest = join(&mut lab, "guest", "staff");
    let guests = Some(vec![lab.id(guest)]);
    for (lists, heard) in [
        (PublishOptions { eligible: guests.clone(), ..retain() }, ["guest"].as_slice()),
        (PublishOptions { exclude: guests, ..retain() }, &["ann", "cat"]),
        (PublishOptions { eligible: Some(Vec::new()), ..retain() }, &[]),
        (PublishOptions { eligible_authid: names(&["ann"]), ..retain() }, &["ann"]),
        (PublishOptions { exclude_authid: names(&["ann"]), ..retain() }, &["cat", "guest"]),
        (PublishOptions { eligible_authrole: names(&["manager"]), ..retain() }, &["cat"]),
        (PublishOptions { exclude_authrole: names(&["manager"]), ..retain() }, &["ann", "guest"]),
    ] {
        let case = format!("{lists:?}");
        lab.send(publisher, client::publish_with(1, retain(), "com.state", NOTHING));
        say(&mut lab, publisher, lists, "secret");
        let mut hear = Vec::new();
        for (name, role) in [("ann", "staff"), ("cat", "manager")] {
            hear.extend(newcomer_hears(&mut lab, name, role).map(|_| name));
        }
        lab.received(guest);
        hear.extend(subscriber_hears(&mut lab, guest).map(|_| "guest"));
        assert_eq!(hear, heard, "{case}");
    }
}

#[test]
fn publisher_gets_its_own_retained_event_only_with_exclude_me_false() {
    let (mut lab, publisher) = lab_with_publisher();
    say(&mut lab, publisher, retain(), "mine");
    assert_eq!(subscriber_hears(&mut lab, publisher), None);
    let exclude_me = Some(false);
    say(&mut lab, publisher, PublishOptions { exclude_me, ..retain() }, "for all");
    lab.received(publisher);
    assert_eq!(subscriber_hears(&mut lab, publisher).as_deref(), Some("for all"));
}

/// `docs/decisions/traps.md#f9`: the most recent event *that it would have received* is an older
/// one for sessions that are not eligible for the newest.
#[test]
fn restricted_retained_event_precedes_the_one_for_all() {
    let (mut lab, publisher) = lab_with_publisher();
    let for_ann = || PublishOptions { eligible_authid: names(&["ann"]), ..retain() };
    say(&mut lab, publisher, retain(), "for all");
    say(&mut lab, publisher, for_ann(), "for ann");
    assert_eq!(newcomer_hears(&mut lab, "ann", "staff").as_deref(), Some("for ann"));
    assert_eq!(newcomer_hears(&mut lab, "ben", "staff").as_deref(), Some("for all"));
    say(&mut lab, publisher, for_ann(), "for ann again");
    assert_eq!(newcomer_hears(&mut lab, "ann", "staff").as_deref(), Some("for ann again"));
    assert_eq!(newcomer_hears(&mut lab, "ben", "staff").as_deref(), Some("for all"));
    say(&mut lab, publisher, retain(), "for all again");
    assert_eq!(newcomer_hears(&mut lab, "ann", "staff").as_deref(), Some("for all again"));
}

#[test]
fn excluded_publisher_gets_the_previous_retained_event() {
    let (mut lab, ann) = lab_with_publisher();
    let ben = join(&mut lab, "ben", "staff");
    say(&mut lab, ben, retain(), "of ben");
    say(&mut lab, ann, retain(), "of ann");
    assert_eq!(subscriber_hears(&mut lab, ann).as_deref(), Some("of ben"));
    assert_eq!(subscriber_hears(&mut lab, ben).as_deref(), Some("of ann"));
    assert_eq!(newcomer_hears(&mut lab, "late", "staff").as_deref(), Some("of ann"));
}

/// `docs/decisions/traps.md#f9`: as in MQTT.
#[test]
fn retained_event_without_payload_clears_its_topic() {
    let empty = [NOTHING, args([0; 0]), args_and_kwargs([0; 0], serde_json::json!({}))];
    for payload in empty {
        let (mut lab, publisher) = lab_with_publisher();
        say(&mut lab, publisher, retain(), "for all");
        let eligible_authid = names(&["ann"]);
        say(&mut lab, publisher, PublishOptions { eligible_authid, ..retain() }, "for ann");
        lab.send(publisher, client::publish_with(1, retain(), "com.other", args(["other"])));
        let listener = join(&mut lab, "listener", "staff");
        lab.send(listener, client::subscribe(1, "com.state"));
        lab.received(listener);
        lab.send(publisher, client::publish_with(1, retain(), "com.state", payload.clone()));
        let cleared = router::event(1, lab.last_publication(), payload);
        assert_eq!(lab.received(listener), [cleared]);
        assert_eq!(newcomer_hears(&mut lab, "ann", "staff"), None);
        assert_eq!(newcomer_hears(&mut lab, "ben", "staff"), None);
        lab.send(listener, get_retained(2, Exact, "com.other"));
        assert_eq!(lab.received(listener).len(), 2);
    }
}

#[test]
fn unretained_event_without_payload_clears_nothing() {
    let (mut lab, publisher) = lab_with_publisher();
    say(&mut lab, publisher, retain(), "state");
    lab.send(publisher, client::publish(1, "com.state", NOTHING));
    assert_eq!(newcomer_hears(&mut lab, "late", "staff").as_deref(), Some("state"));
}

#[test]
fn keyword_arguments_alone_are_a_payload() {
    let (mut lab, publisher) = lab_with_publisher();
    let payload = args_and_kwargs([0; 0], serde_json::json!({"open": true}));
    lab.send(publisher, client::publish_with(1, retain(), "com.state", payload.clone()));
    let publication = lab.last_publication();
    let late = join(&mut lab, "late", "staff");
    lab.send(late, get_retained(1, Exact, "com.state"));
    let details = EventDetails { retained: Some(true), ..EventDetails::default() };
    let event = router::event_with(1, publication, details, payload);
    assert_eq!(lab.received(late), [router::subscribed(1, 1), event]);
}

#[test]
fn retained_event_outlives_its_publisher_and_discloses_it() {
    let (mut lab, publisher) = lab_with_publisher();
    let id = lab.id(publisher);
    let passthru =
        PassthruDetails { transaction_hash: Some("0x1".into()), ..PassthruDetails::default() };
    let passthru = Some(Box::new(passthru));
    let options =
        PublishOptions { disclose_me: Some(true), passthru: passthru.clone(), ..retain() };
    let publication = say(&mut lab, publisher, options, "last words");
    lab.disconnect(publisher);
    assert!(lab.realm().is_empty());
    let late = join(&mut lab, "late", "staff");
    lab.send(late, get_retained(1, Exact, "com.state"));
    let details = EventDetails {
        retained: Some(true),
        publisher: Some(id),
        publisher_authid: Some("publisher".into()),
        publisher_authrole: Some("staff".into()),
        passthru,
        ..EventDetails::default()
    };
    let event = router::event_with(1, publication, details, args(["last words"]));
    assert_eq!(lab.received(late), [router::subscribed(1, 1), event]);
}

#[test]
fn subscriber_with_a_full_queue_may_request_retained_events_again() {
    let (mut lab, publisher) = lab_with_publisher();
    say(&mut lab, publisher, retain(), "state");
    let late = join(&mut lab, "late", "staff");
    lab.set_state(late, OutboxState::Dropping);
    assert_eq!(subscriber_hears(&mut lab, late), None);
    lab.set_state(late, OutboxState::Reading);
    assert_eq!(subscriber_hears(&mut lab, late).as_deref(), Some("state"));
}
