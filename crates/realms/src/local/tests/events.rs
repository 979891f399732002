//! Retained events, subscriber groups, acknowledged delivery, eligibility and revocation.

use std::time::Duration;

use cloverleaf_client::{Passthru, Subscription};
use cloverleaf_wamp::uri::MatchPolicy;
use futures_util::FutureExt as _;

use super::{TestRealm, soon};

async fn next_number(events: &mut Subscription) -> u64 {
    let event = soon(events.next()).await.expect("an event");
    event.args::<(u64,)>().expect("a number").0
}

#[tokio::test]
async fn late_subscriber_gets_the_retained_event() {
    let lab = TestRealm::new();
    let (publisher, subscriber) = (lab.join("publisher"), lab.join("subscriber"));
    let keep = publisher.publish("com.a.b").args((7,)).retain().disclose_me();
    keep.ttl(Duration::from_secs(60)).await.expect("published");
    let mut plain = subscriber.subscribe("com.a.b").await.expect("subscribed");
    let mut kept = subscriber.subscribe("com.a.b").get_retained().await.expect("subscribed");
    let pattern = subscriber.subscribe("com.a.").matching(MatchPolicy::Prefix).get_retained();
    let mut by_pattern = pattern.await.expect("subscribed");
    let event = soon(kept.next()).await.expect("an event");
    assert!(event.is_retained());
    assert_eq!(event.args::<(u64,)>().expect("a number"), (7,));
    let who = (event.publisher_authid(), event.publisher_authrole(), event.trustlevel());
    assert_eq!(who, (Some("publisher"), Some("anyone"), Some(3)));
    let event = soon(by_pattern.next()).await.expect("an event");
    assert_eq!((event.topic(), event.is_retained()), (Some("com.a.b"), true));
    publisher.publish("com.a.b").args((8,)).await.expect("published");
    assert_eq!(
        next_number(&mut plain).await,
        8,
        "the retained event goes to those that ask for it"
    );
}

#[tokio::test]
async fn group_shares_its_events_and_a_node_gets_those_of_its_resources() {
    let lab = TestRealm::new();
    let (publisher, one, two) = (lab.join("publisher"), lab.join("one"), lab.join("two"));
    let mut first = one.subscribe("com.work").group("workers").await.expect("subscribed");
    let mut second = two.subscribe("com.work").group("workers").await.expect("subscribed");
    for number in 0..4_u64 {
        publisher.publish("com.work").args((number,)).await.expect("published");
    }
    assert_eq!([next_number(&mut first).await, next_number(&mut first).await], [0, 2]);
    assert_eq!([next_number(&mut second).await, next_number(&mut second).await], [1, 3]);
    let mut first = one.subscribe("com.node").nkey("n1").await.expect("subscribed");
    let mut second = two.subscribe("com.node").nkey("n2").await.expect("subscribed");
    for number in 0..20_u64 {
        let publish = publisher.publish("com.node").args((number,));
        publish.rkey(format!("sensor-{}", number % 4)).await.expect("published");
    }
    let mut heard = [Vec::new(), Vec::new()];
    for (events, heard) in [&mut first, &mut second].into_iter().zip(&mut heard) {
        while let Some(Some(event)) = events.next().now_or_never() {
            heard.push(event.args::<(u64,)>().expect("a number").0);
        }
    }
    assert_eq!(heard.iter().map(Vec::len).sum::<usize>(), 20);
    let sensors = |heard: &Vec<u64>| heard.iter().map(|number| number % 4).collect::<Vec<_>>();
    assert!(sensors(&heard[0]).iter().all(|sensor| !sensors(&heard[1]).contains(sensor)));
}

#[tokio::test]
async fn acknowledged_publication_succeeds_when_every_application_has_its_event() {
    let lab = TestRealm::new();
    let (publisher, one, two) = (lab.join("publisher"), lab.join("one"), lab.join("two"));
    let mut first = one.subscribe("com.alarm").await.expect("subscribed");
    let mut second = two.subscribe("com.alarm").await.expect("subscribed");
    let mut publishing = publisher.publish("com.alarm").acknowledged_delivery().send();
    let event = soon(first.next()).await.expect("an event");
    assert!((&mut publishing).now_or_never().is_none(), "one has it, the other has not");
    soon(second.next()).await.expect("an event");
    assert_eq!(soon(publishing).await.expect("acknowledged"), event.publication());
}

#[tokio::test]
async fn event_goes_to_eligible_sessions_that_are_not_excluded() {
    let lab = TestRealm::new();
    let (publisher, ann, bob) = (lab.join("publisher"), lab.join("ann"), lab.join("bob"));
    let mut for_ann = ann.subscribe("com.news").await.expect("subscribed");
    let mut for_bob = bob.subscribe("com.news").await.expect("subscribed");
    let session = ann.welcome().expect("joined").session;
    let publish = |number: u64| publisher.publish("com.news").args((number,));
    publish(1).eligible([session]).await.expect("published");
    publish(2).eligible_authid(["bob"]).await.expect("published");
    publish(3).exclude([session]).await.expect("published");
    publish(4).exclude_authid(["bob"]).await.expect("published");
    publish(5).exclude_authrole(["anyone"]).await.expect("published");
    publish(6).eligible_authrole(["anyone"]).await.expect("published");
    let mut heard = Vec::new();
    for events in [&mut for_ann, &mut for_bob] {
        heard.push([(); 3].map(|()| {
            let event = events.next().now_or_never().flatten().expect("an event");
            event.args::<(u64,)>().expect("a number").0
        }));
        assert!(events.next().now_or_never().is_none());
    }
    assert_eq!(heard, [[1, 4, 6], [2, 3, 6]]);
}

#[tokio::test]
async fn event_carries_passthru_and_attributes_of_its_publication() {
    let lab = TestRealm::new();
    let (publisher, subscriber) = (lab.join("publisher"), lab.join("subscriber"));
    let mut events = subscriber.subscribe("com.sealed").await.expect("subscribed");
    let sealed = Passthru::new("mqtt", *b"\x00\xffab").serializer("native");
    let publish = publisher.publish("com.sealed").passthru(sealed.clone());
    publish.attribute("_trace", "t1").await.expect("published");
    let event = soon(events.next()).await.expect("an event");
    assert_eq!(event.passthru().expect("bytes"), Some(sealed));
    assert_eq!(event.attribute::<String>("_trace").expect("text"), Some("t1".to_owned()));
}

#[tokio::test]
async fn administrator_revokes_a_subscription_with_a_reason() {
    let lab = TestRealm::new();
    let (subscriber, admin) = (lab.join("subscriber"), lab.join("admin"));
    let mut events = subscriber.subscribe("com.news").await.expect("subscribed");
    let session = subscriber.welcome().expect("joined").session.number();
    let remove = admin.call("wamp.subscription.remove_subscriber").args((
        events.id().number(),
        session,
        "com.no_longer",
    ));
    soon(remove.send()).await.expect("removed");
    assert!(soon(events.next()).await.is_none());
    assert_eq!(events.revoked().as_deref(), Some("com.no_longer"));
}
