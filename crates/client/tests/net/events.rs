//! Publications and subscriptions.

use std::future::IntoFuture as _;

use cloverleaf_client::Session;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::router::{Router, RouterTransport};

async fn joined(router: &Router) -> Session {
    router.client().connect().await.expect("joined")
}

#[tokio::test]
async fn an_unacknowledged_publication_is_sent() {
    let router = Router::new(RouterTransport::Unix);
    let (publisher, subscriber) = (joined(&router).await, joined(&router).await);
    let events = subscriber.subscribe("test.news").await.expect("subscribed");
    for number in 0..3 {
        publisher.publish("test.news").args((number,)).send_unacknowledged().expect("sent");
    }
    let numbers: Vec<u8> =
        events.take(3).map(|event| event.args::<(u8,)>().expect("a number").0).collect().await;
    assert_eq!(numbers, [0, 1, 2]);
}

#[tokio::test]
async fn dropping_a_subscription_sends_unsubscribe() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    drop(session.subscribe("test.news").await.expect("subscribed"));
    router.until_received("UNSUBSCRIBE", 1).await;
}

#[tokio::test]
async fn two_streams_share_one_subscription_until_both_are_dropped() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let first = session.subscribe("test.news").await.expect("subscribed");
    let mut second = session.subscribe("test.news").await.expect("subscribed");
    assert_eq!(first.id(), second.id());
    drop(first);
    session.publish("test.news").exclude_me(false).await.expect("published");
    assert!(second.next().await.is_some());
    second.unsubscribe().await.expect("unsubscribed");
    let names = ["HELLO", "SUBSCRIBE", "SUBSCRIBE", "PUBLISH", "UNSUBSCRIBE"];
    assert_eq!(router.names(), names);
}

#[tokio::test]
async fn a_full_event_queue_drops_the_oldest_events() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let mut events = session.subscribe("test.news").capacity(2).await.expect("subscribed");
    for number in 0..5 {
        let publish = session.publish("test.news").args((number,)).exclude_me(false);
        publish.await.expect("published");
    }
    let number = events.next().await.expect("an event").args::<(u8,)>().expect("a number");
    assert_eq!((number, events.dropped()), ((3,), 3));
}

#[tokio::test]
async fn a_dropped_stream_does_not_unsubscribe_while_a_subscribe_is_in_flight() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let first = session.subscribe("test.news").await.expect("subscribed");
    let mut subscribing = session.subscribe("test.news").into_future();
    // Polled once, so that SUBSCRIBE is sent.
    assert!((&mut subscribing).now_or_never().is_none());
    drop(first);
    let mut second = subscribing.await.expect("subscribed");
    session.publish("test.news").exclude_me(false).await.expect("published");
    assert!(second.next().await.is_some());
    assert_eq!(router.names(), ["HELLO", "SUBSCRIBE", "SUBSCRIBE", "PUBLISH"]);
}
