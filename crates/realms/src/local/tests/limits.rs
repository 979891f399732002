//! Sessions that accept no more events or invocations.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloverleaf_client::{Error, Failure, InboundLimits, Session, Subscription};
use cloverleaf_transport::SlowConsumer;
use cloverleaf_wamp::message::InvokePolicy::First;
use cloverleaf_wamp::message::live_event_bytes;
use futures_util::FutureExt as _;

use super::{TestRealm, external, internal, realm, soon};
use crate::local::join_with;
use crate::realm_host::RealmHost;

/// Small limits.
const LIMITS: InboundLimits = InboundLimits { events: 100, ..INBOUND };
const INBOUND: InboundLimits = InboundLimits {
    bytes: 1 << 20,
    events: 1_000,
    overflow: cloverleaf_client::EventOverflow::DropEvents,
};

/// A realm in which events for slow consumers follow `policy`.
fn realm_with(policy: SlowConsumer) -> TestRealm {
    let host = Arc::into_inner(realm()).expect("one owner");
    let policies = BTreeMap::from([("anyone".to_owned(), policy)]);
    TestRealm::of(Arc::new(host.with_slow_consumers(policies)))
}

/// A session with small limits.
fn limited(realm: &Arc<RealmHost>, authid: &str, is_internal: bool) -> Session {
    let identity = if is_internal { internal(authid) } else { external(authid) };
    let (session, driver) = join_with(realm, identity, LIMITS).expect("the role exists");
    tokio::spawn(driver);
    session
}

/// Whether a link has refused a message for the moment.
fn is_congested(sent: &Result<(), Error>) -> bool {
    sent.as_ref().is_err_and(|error| error.uri() == Some("wamp.error.unavailable"))
}

/// The number of events that wait in a stream; takes them.
fn take_all(events: &mut Subscription) -> usize {
    std::iter::from_fn(|| events.next().now_or_never().flatten()).count()
}

#[tokio::test]
async fn subscriber_that_never_reads_is_bounded_reported_and_delays_no_other() {
    const EVENTS: usize = 6_000;
    let lab = TestRealm::new();
    let [slow, fast, watcher, publisher] =
        ["slow", "fast", "watcher", "publisher"].map(|authid| lab.join(authid));
    let unread = slow.subscribe("com.a").await.expect("subscribed");
    let mut read = fast.subscribe("com.a").await.expect("subscribed");
    let on_slow = watcher.subscribe("cloverleaf.session.on_slow_consumer");
    let mut on_slow = on_slow.await.expect("subscribed");
    for _ in 0..EVENTS {
        let publish = publisher.publish("com.a").args(("x".repeat(1_000),));
        soon(publish.send()).await.expect("acknowledged");
        read.next().now_or_never().flatten().expect("the event has arrived at once");
    }
    assert_eq!(unread.dropped(), EVENTS as u64 - 4_096);
    assert!(live_event_bytes() < 2 * 4_096 * 1_000, "{} bytes", live_event_bytes());
    let event = soon(on_slow.next()).await.expect("an event");
    let (details,): (serde_json::Value,) = event.args().expect("details");
    assert_eq!(details["authid"], "slow");
    assert!(on_slow.next().now_or_never().is_none(), "it is reported once");
}

#[tokio::test]
async fn events_above_the_limits_of_a_session_are_dropped_until_it_reads() {
    let lab = TestRealm::new();
    let slow = limited(&lab.realm, "slow", true);
    let publisher = lab.join("publisher");
    let mut one = slow.subscribe("com.one").await.expect("subscribed");
    let mut two = slow.subscribe("com.two").await.expect("subscribed");
    for topic in ["com.one", "com.two"] {
        for _ in 0..80 {
            soon(publisher.publish(topic).send()).await.expect("acknowledged");
        }
    }
    assert_eq!((two.dropped(), take_all(&mut one), take_all(&mut two)), (60, 80, 20));
    soon(publisher.publish("com.two").send()).await.expect("acknowledged");
    assert_eq!(take_all(&mut two), 1);
}

#[tokio::test]
async fn dropped_subscription_gives_its_room_back() {
    let lab = TestRealm::new();
    let slow = limited(&lab.realm, "slow", true);
    let publisher = lab.join("publisher");
    let unread = slow.subscribe("com.one").await.expect("subscribed");
    for _ in 0..200 {
        publisher.publish("com.one").send_unacknowledged().expect("sent");
    }
    assert!(!slow.has_room());
    drop(unread);
    assert!(slow.has_room());
}

#[tokio::test]
async fn publisher_waits_for_a_session_whose_role_blocks_publishers() {
    let lab = realm_with(SlowConsumer::BlockPublisher);
    let slow = limited(&lab.realm, "slow", true);
    let (external_publisher, internal_publisher) =
        (lab.join_external("publisher"), lab.join("internal"));
    let mut events = slow.subscribe("com.a").capacity(10).await.expect("subscribed");
    let publish = || external_publisher.publish("com.a").send_unacknowledged();
    for _ in 0..101 {
        publish().expect("there is room");
    }
    assert!(is_congested(&publish()), "above the high-water mark");
    // An internal session never waits: the router drops what is above twice the mark.
    for _ in 0..100 {
        internal_publisher.publish("com.a").send_unacknowledged().expect("sent");
    }
    assert!(is_congested(&publish()), "still full");
    assert_eq!((take_all(&mut events), events.dropped()), (200, 1));
    publish().expect("there is room again");
    assert_eq!(take_all(&mut events), 1);
}

#[tokio::test]
async fn retained_events_wait_for_room_in_the_session() {
    let lab = TestRealm::new();
    let slow = limited(&lab.realm, "slow", true);
    let publisher = lab.join("publisher");
    for number in 0..150 {
        let publish = publisher.publish(format!("com.kept.n{number}")).args((number,)).retain();
        soon(publish.send()).await.expect("acknowledged");
    }
    let subscribe = slow.subscribe("com.kept.").matching(cloverleaf_client::MatchPolicy::Prefix);
    let mut events = soon(subscribe.get_retained().into_future()).await.expect("subscribed");
    for _ in 0..150 {
        soon(events.next()).await.expect("a retained event");
    }
    assert_eq!(events.dropped(), 0);
}

#[tokio::test]
async fn slow_session_ends_where_its_role_says_so_unless_it_is_internal() {
    let lab = realm_with(SlowConsumer::Disconnect);
    let (spared, ended) =
        (limited(&lab.realm, "spared", true), limited(&lab.realm, "ended", false));
    let publisher = lab.join("publisher");
    let _unread = [
        spared.subscribe("com.a").await.expect("subscribed"),
        ended.subscribe("com.a").await.expect("subscribed"),
    ];
    for _ in 0..150 {
        soon(publisher.publish("com.a").send()).await.expect("acknowledged");
    }
    assert_eq!(soon(ended.ended()).await, cloverleaf_wamp::error_uri::SLOW_CONSUMER);
    assert_eq!(spared.closed(), None);
    lab.until(|realm| realm.session_count() == 2).await;
}

#[tokio::test]
async fn calls_above_the_limit_of_a_callee_are_refused_or_go_to_another_callee() {
    let lab = TestRealm::new();
    let [busy, idle, caller] = ["busy", "idle", "caller"].map(|authid| lab.join(authid));
    let forever = std::future::pending::<Result<(), Failure>>;
    busy.register("com.slow", forever).invoke(First).await.expect("registered");
    let mebibyte = "x".repeat(1 << 20);
    let call = || caller.call("com.slow").args((&mebibyte,)).send();
    let mut calls: Vec<_> = (0..64).map(|_| call()).collect();
    let error = soon(call()).await.expect_err("the callee is full");
    let text = "wamp.error.unavailable: the callee's queue is full";
    assert_eq!(error.to_string(), text);
    // Running invocations count like queued ones.
    tokio::task::yield_now().await;
    assert_eq!(soon(call()).await.expect_err("the callee is full").to_string(), text);

    let answer = || async { Ok::<_, Failure>(7) };
    idle.register("com.slow", answer).invoke(First).await.expect("registered");
    let reply = soon(call()).await.expect("the other callee answers");
    assert_eq!(reply.value::<u64>().expect("a number"), 7);

    calls.truncate(63);
    assert_eq!(lab.realm.calls_in_flight(), 63);
    lab.until(|_| call().now_or_never().is_none()).await;
}
