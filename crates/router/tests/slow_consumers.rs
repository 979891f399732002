//! Subscribers that read more slowly than they are published to: the publishers that have to wait,
//! and meta events about slow consumers.
//!
//! Their outboxes decide on their events, according to the policy for them.

use cloverleaf_router::SessionFlow;
use cloverleaf_testkit::messages::{NOTHING, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::message::{ClientMessage, PublishOptions, RouterMessage};

const ON_SLOW: &str = "cloverleaf.session.on_slow_consumer";

/// A publisher, and two subscribers of `com.news`.
fn publisher_and_subscribers() -> (Lab, Peer, [Peer; 2]) {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    let subscribers = ["ann", "ben"].map(|name| lab.join(name));
    for subscriber in subscribers {
        lab.send(subscriber, client::subscribe(1, "com.news"));
        lab.received(subscriber);
    }
    (lab, publisher, subscribers)
}

fn news(number: u64) -> ClientMessage {
    client::publish(number, "com.news", NOTHING)
}

fn news_for_me_too(number: u64) -> ClientMessage {
    let options = PublishOptions { exclude_me: Some(false), ..PublishOptions::default() };
    client::publish_with(number, options, "com.news", NOTHING)
}

#[test]
fn publisher_waits_for_its_congested_subscriber_only() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    lab.set_state(ann, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(publisher, news(1)), SessionFlow::Wait);
    assert_eq!(lab.take_congested(publisher), 1);
    assert_eq!(lab.take_congested(publisher), 0);
    let event = router::event(1, lab.last_publication(), NOTHING);
    for peer in [ann, ben] {
        assert_eq!(lab.received(peer), std::slice::from_ref(&event), "nothing is lost");
    }
    lab.set_state(ben, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(publisher, news(2)), SessionFlow::Wait);
    assert_eq!(lab.take_congested(publisher), 2);
    for peer in [ann, ben] {
        lab.set_state(peer, OutboxState::Reading);
    }
    assert_eq!(lab.submit(publisher, news(3)), SessionFlow::Continue);
}

#[test]
fn publisher_does_not_wait_for_itself() {
    let (mut lab, _, [ann, ben]) = publisher_and_subscribers();
    lab.set_state(ann, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(ann, news_for_me_too(2)), SessionFlow::Continue);
    assert_eq!(lab.take_congested(ann), 0);
    assert_eq!(lab.submit(ben, news_for_me_too(2)), SessionFlow::Wait);
    assert_eq!(lab.take_congested(ben), 1);
}

#[test]
fn publisher_does_not_wait_for_a_congested_subscriber_that_leaves() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    lab.set_state(ann, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(publisher, news(1)), SessionFlow::Wait);
    lab.disconnect(ann);
    assert_eq!(lab.take_congested(publisher), 0);
}

#[test]
fn slow_consumer_is_published_once() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    let watcher = lab.join("watcher");
    lab.send(watcher, client::subscribe(1, ON_SLOW));
    lab.received(watcher);
    lab.set_state(ann, OutboxState::Dropping);
    for number in 1..4 {
        lab.send(publisher, news(number));
    }
    let told = lab.received(watcher);
    let [RouterMessage::Event(event)] = told.as_slice() else { panic!("one event: {told:?}") };
    let (details,): (serde_json::Value,) = event.payload.decode_args().unwrap();
    assert_eq!(details["session"], lab.id(ann).number());
    assert_eq!(details["authid"], "ann");
    assert_eq!(details["authrole"], "anyone");
    lab.set_state(ben, OutboxState::Dropping);
    lab.send(publisher, news(4));
    assert_eq!(lab.received(watcher).len(), 1);
}

#[test]
fn slow_consumer_that_has_left_is_not_published() {
    let (mut lab, publisher, [ann, ben]) = publisher_and_subscribers();
    let watcher = lab.join("watcher");
    lab.send(watcher, client::subscribe(1, ON_SLOW));
    let testament = serde_json::json!(["com.news", ["bye"], null]);
    lab.ask(ben, "wamp.session.add_testament", testament).unwrap();
    lab.received(watcher);
    // She misses the testament of the other peer, and leaves herself.
    lab.set_state(ann, OutboxState::Dropping);
    lab.begin_disconnect(ben);
    lab.begin_disconnect(ann);
    lab.send(publisher, news(1));
    assert_eq!(lab.received(watcher), []);
}

#[test]
fn slow_subscriber_of_slow_consumer_events_causes_no_loop() {
    let (mut lab, publisher, [ann, _]) = publisher_and_subscribers();
    let watchers = ["one", "two"].map(|name| lab.join(name));
    for watcher in watchers {
        lab.send(watcher, client::subscribe(1, ON_SLOW));
        lab.received(watcher);
        lab.set_state(watcher, OutboxState::Dropping);
    }
    lab.set_state(ann, OutboxState::Dropping);
    lab.send(publisher, news(1));
    for watcher in watchers {
        assert_eq!(lab.received(watcher), []);
    }
}

#[test]
fn events_dropped_later_by_an_outbox_are_published_once() {
    let (mut lab, _, [ann, ben]) = publisher_and_subscribers();
    lab.send(ben, client::subscribe(2, ON_SLOW));
    lab.received(ben);
    let key = lab.key(ann);
    for _ in 0..2 {
        lab.lose_events(key);
    }
    assert_eq!(lab.received(ben).len(), 1);
    lab.disconnect(ann);
    lab.lose_events(key);
    assert_eq!(lab.received(ben), []);
}
