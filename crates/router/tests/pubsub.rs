//! Publish and subscribe: receivers, order, and acknowledgements.
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Publishing and
//! Events"; advanced profile "Publisher Exclusion".

use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    ClientMessage, EncAlgo, EventDetails, PassthruDetails, PublishOptions, RequestKind,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::serializer::Serializer;

/// A publisher and two subscribers of `com.news`.
fn publisher_and_subscribers() -> (Lab, Peer, [Peer; 2]) {
    let mut lab = Lab::new();
    let publisher = lab.join_as(Client::basic("publisher"));
    let subscribers = ["ann", "ben"].map(|name| lab.join_as(Client::basic(name)));
    for subscriber in subscribers {
        lab.send(subscriber, client::subscribe(1, "com.news"));
        assert_eq!(lab.received(subscriber), [router::subscribed(1, 1)]);
    }
    (lab, publisher, subscribers)
}

#[test]
fn event_reaches_every_subscriber_but_not_the_publisher() {
    let (mut lab, publisher, subscribers) = publisher_and_subscribers();
    lab.send(publisher, client::publish(1, "com.news", args(["rain"])));
    for subscriber in subscribers {
        let expected = router::event(1, lab.last_publication(), args(["rain"]));
        assert_eq!(lab.received(subscriber), [expected]);
    }
    assert_eq!(lab.received(publisher), []);
}

#[test]
fn an_acknowledged_publication_is_answered_with_its_id() {
    let (mut lab, publisher, [subscriber, _]) = publisher_and_subscribers();
    lab.send(publisher, client::publish_with(1, client::acknowledged(), "com.news", NOTHING));
    let publication = lab.last_publication();
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
    assert_eq!(lab.received(subscriber), [router::event(1, publication, NOTHING)]);
}

#[test]
fn publication_without_subscribers_is_acknowledged() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    lab.send(publisher, client::publish_with(1, client::acknowledged(), "com.void", NOTHING));
    assert_eq!(lab.received(publisher), [router::published(1, lab.last_publication())]);
}

/// `docs/decisions/traps.md#f6`: PUBLISHED comes before the own event.
#[test]
fn publisher_gets_its_own_event_only_with_exclude_me_false() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.send(alice, client::subscribe(1, "com.news"));
    lab.send(alice, client::publish(2, "com.news", args([1])));
    let exclude_me = |exclude_me| PublishOptions { exclude_me, ..client::acknowledged() };
    lab.send(alice, client::publish_with(3, exclude_me(Some(true)), "com.news", args([2])));
    let third = lab.last_publication();
    lab.send(alice, client::publish_with(4, exclude_me(Some(false)), "com.news", args([3])));
    let fourth = lab.last_publication();
    assert_eq!(
        lab.received(alice),
        [
            router::subscribed(1, 1),
            router::published(3, third),
            router::published(4, fourth),
            router::event(1, fourth, args([3]))
        ]
    );
}

/// `docs/decisions/traps.md#f7`.
#[test]
fn one_topic_is_one_subscription_for_all_and_subscribing_again_changes_nothing() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    lab.send(ann, client::subscribe(2, "com.news"));
    assert_eq!(lab.received(ann), [router::subscribed(2, 1)]);
    lab.send(publisher, client::publish(1, "com.news", NOTHING));
    let expected = router::event(1, lab.last_publication(), NOTHING);
    assert_eq!(lab.received(ann), [expected]);
    lab.send(ann, client::unsubscribe(3, 1));
    lab.send(publisher, client::publish(2, "com.news", NOTHING));
    assert_eq!(lab.received(ann), [router::unsubscribed(3)]);
}

#[test]
fn another_topic_is_another_subscription() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    lab.send(ann, client::subscribe(2, "com.weather"));
    assert_eq!(lab.received(ann), [router::subscribed(2, 2)]);
    lab.send(publisher, client::publish(1, "com.weather", NOTHING));
    let expected = router::event(2, lab.last_publication(), NOTHING);
    assert_eq!(lab.received(ann), [expected]);
    assert_eq!(lab.received(ben), []);
}

#[test]
fn unsubscribe_of_a_foreign_subscription_is_refused() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    let refusal = |number, id| {
        let text = format!("this session has no subscription {id}");
        let error = error_uri::NO_SUCH_SUBSCRIPTION;
        router::refused(RequestKind::Unsubscribe, number, error, &text)
    };
    lab.send(publisher, client::unsubscribe(1, 1));
    assert_eq!(lab.received(publisher), [refusal(1, 1)]);
    lab.send(ann, client::unsubscribe(2, 9));
    lab.send(ann, client::unsubscribe(3, 1));
    lab.send(ann, client::unsubscribe(4, 1));
    assert_eq!(lab.received(ann), [refusal(2, 9), router::unsubscribed(3), refusal(4, 1)]);
}

#[test]
fn a_subscription_that_its_last_subscriber_left_is_made_anew() {
    let (mut lab, _, [ann, ben]) = publisher_and_subscribers();
    lab.send(ann, client::unsubscribe(2, 1));
    lab.disconnect(ben);
    lab.send(ann, client::subscribe(3, "com.news"));
    assert_eq!(lab.received(ann), [router::unsubscribed(2), router::subscribed(3, 2)]);
}

#[test]
fn a_subscriber_whose_queue_is_full_misses_the_event_that_the_others_get() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    lab.set_state(ann, OutboxState::Dropping);
    lab.send(publisher, client::publish(1, "com.news", args([1])));
    let first = lab.last_publication();
    lab.set_state(ann, OutboxState::Reading);
    lab.send(publisher, client::publish(2, "com.news", args([2])));
    let second = lab.last_publication();
    assert_eq!(lab.received(ann), [router::event(1, second, args([2]))]);
    assert_eq!(
        lab.received(ben),
        [router::event(1, first, args([1])), router::event(1, second, args([2]))]
    );
}

#[test]
fn closed_subscriber_does_not_affect_others() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    lab.set_state(ann, OutboxState::Closed);
    lab.send(publisher, client::publish(1, "com.news", NOTHING));
    let publication = lab.last_publication();
    lab.disconnect(ann);
    assert_eq!(lab.received(ben), [router::event(1, publication, NOTHING)]);
}

#[test]
fn an_event_carries_arguments_and_options_as_they_were_written() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    let options = PublishOptions {
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            enc_algo: Some(EncAlgo::Mqtt),
            enc_key: Some("key".into()),
            enc_serializer: Some("ubjson".into()),
            ..PassthruDetails::default()
        })),
        ..PublishOptions::default()
    };
    let payload = Payload::from_args(Serializer::MsgPack, &(1, "two", [3.5])).unwrap();
    lab.send(publisher, client::publish_with(1, options, "com.news", payload.clone()));
    let details = EventDetails {
        passthru: Some(Box::new(PassthruDetails {
            transaction_hash: Some("0x1".into()),
            enc_algo: Some(EncAlgo::Mqtt),
            enc_key: Some("key".into()),
            enc_serializer: Some("ubjson".into()),
            ..PassthruDetails::default()
        })),
        ..EventDetails::default()
    };
    let expected = router::event_with(1, lab.last_publication(), details, payload);
    assert_eq!(lab.received(ann), [expected]);
}

#[test]
fn publications_have_ids_of_their_own() {
    let (mut lab, publisher, _) = publisher_and_subscribers();
    let mut seen = std::collections::BTreeSet::new();
    for number in 1..=100 {
        lab.send(publisher, client::publish(number, "com.news", NOTHING));
        assert!(seen.insert(lab.last_publication()));
    }
}

#[test]
fn unrequested_event_received_is_ignored() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    lab.send(publisher, client::publish(1, "com.news", NOTHING));
    lab.received(ann);
    let publication = lab.last_publication();
    lab.send(ann, ClientMessage::EventReceived(publication));
    assert_eq!(lab.received(ann), []);
    assert_eq!(lab.received(publisher), []);
}
