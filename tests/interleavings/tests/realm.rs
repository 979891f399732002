//! A realm entered by several threads: its lock is given back before anybody is woken, and
//! everybody is woken.

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
    session.say(subscribe(1, TOPIC));
    assert_eq!(session.hear(), router::subscribed(1, 1));
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
            .map(|publisher| thread::spawn(move || publisher.say(publish(1, TOPIC, NOTHING))));
        assert!(is_event(&subscriber.hear()));
        assert!(is_event(&subscriber.hear()));
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    });
}

#[test]
fn call_and_result_wake_sessions_that_are_about_to_wait() {
    loom::model(|| {
        let realm = Realm::default();
        let (mut callee, mut caller) = (realm.join("a callee"), realm.join("a caller"));
        callee.say(register(1, "com.example.procedure"));
        assert_eq!(callee.hear(), router::registered(1, 1));
        let callee = thread::spawn(move || {
            assert_eq!(callee.hear(), router::invocation(1, 1, NOTHING));
            callee.say(yielded(1, NOTHING));
        });
        caller.say(call(1, "com.example.procedure", NOTHING));
        assert_eq!(caller.hear(), router::result(1, NOTHING));
        callee.join().unwrap();
    });
}

#[test]
fn closing_realm_sends_one_goodbye_and_no_event_behind_it() {
    loom::model(|| {
        let realm = Realm::default();
        let (mut subscriber, publisher) = (subscriber(&realm), realm.join("a publisher"));
        let publisher = thread::spawn(move || publisher.say(publish(1, TOPIC, NOTHING)));
        let closing = thread::spawn(move || realm.close());
        let mut heard = vec![subscriber.hear()];
        if is_event(&heard[0]) {
            heard.push(subscriber.hear());
        }
        assert_eq!(heard.pop(), Some(router::goodbye("wamp.close.system_shutdown")));
        publisher.join().unwrap();
        closing.join().unwrap();
        assert!(subscriber.has_heard_all());
    });
}

#[test]
fn leaving_subscriber_does_not_block_a_publisher() {
    loom::model(|| {
        let realm = Realm::default();
        let (subscriber, mut publisher) = (subscriber(&realm), realm.join("a publisher"));
        let leaving = thread::spawn(move || subscriber.leave());
        publisher.say(publish_with(1, acknowledged(), TOPIC, NOTHING));
        assert!(matches!(publisher.hear(), RouterMessage::Published(_)));
        leaving.join().unwrap();
        assert_eq!(realm.session_count(), 1);
    });
}
