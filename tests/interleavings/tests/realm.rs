//! A realm entered by several threads: its lock is released before tasks are woken, and no wake is
//! lost.

use cloverleaf_interleavings::realm::{Realm, Session};
use cloverleaf_testkit::messages::client::{
    acknowledged, call, publish, publish_with, register, subscribe, yielded,
};
use cloverleaf_testkit::messages::{NOTHING, router};
use cloverleaf_wamp::message::RouterMessage;
use loom::thread;

const TOPIC: &str = "com.example.topic";

/// A session that has subscribed to the topic.
fn subscriber(realm: &Realm) -> Session {
    let mut session = realm.join("a subscriber");
    session.send(subscribe(1, TOPIC));
    assert_eq!(session.receive(), router::subscribed(1, 1));
    session
}

fn is_event(message: &RouterMessage) -> bool {
    matches!(message, RouterMessage::Event(_))
}

#[test]
fn task_woken_for_an_event_may_enter_the_realm_at_once() {
    loom::model(|| {
        let realm = Realm::default();
        let mut subscriber = subscriber(&realm);
        let publishers = [realm.join("one"), realm.join("another")]
            .map(|publisher| thread::spawn(move || publisher.send(publish(1, TOPIC, NOTHING))));
        assert!(is_event(&subscriber.receive()));
        assert!(is_event(&subscriber.receive()));
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    });
}

#[test]
fn call_and_result_wake_sessions_that_are_about_to_wait() {
    loom::model(|| {
        let realm = Realm::default();
        let (mut callee, mut caller) = (realm.join("a callee"), realm.join("a caller"));
        callee.send(register(1, "com.example.procedure"));
        assert_eq!(callee.receive(), router::registered(1, 1));
        let callee = thread::spawn(move || {
            assert_eq!(callee.receive(), router::invocation(1, 1, NOTHING));
            callee.send(yielded(1, NOTHING));
        });
        caller.send(call(1, "com.example.procedure", NOTHING));
        assert_eq!(caller.receive(), router::result(1, NOTHING));
        callee.join().unwrap();
    });
}

#[test]
fn closing_realm_sends_one_goodbye_and_no_event_behind_it() {
    loom::model(|| {
        let realm = Realm::default();
        let (mut subscriber, publisher) = (subscriber(&realm), realm.join("a publisher"));
        let publisher = thread::spawn(move || publisher.send(publish(1, TOPIC, NOTHING)));
        let closing = thread::spawn(move || realm.close());
        let mut received = vec![subscriber.receive()];
        if is_event(&received[0]) {
            received.push(subscriber.receive());
        }
        assert_eq!(received.pop(), Some(router::goodbye("wamp.close.system_shutdown")));
        publisher.join().unwrap();
        closing.join().unwrap();
        assert!(subscriber.has_received_all());
    });
}

#[test]
fn leaving_subscriber_does_not_block_a_publisher() {
    loom::model(|| {
        let realm = Realm::default();
        let (subscriber, mut publisher) = (subscriber(&realm), realm.join("a publisher"));
        let leaving = thread::spawn(move || subscriber.leave());
        publisher.send(publish_with(1, acknowledged(), TOPIC, NOTHING));
        assert!(matches!(publisher.receive(), RouterMessage::Published(_)));
        leaving.join().unwrap();
        assert_eq!(realm.session_count(), 1);
    });
}
