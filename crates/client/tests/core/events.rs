//! Events: details and acknowledgements.

use cloverleaf_client::subscribe::SubscribeBuilder;
use cloverleaf_client::{Passthru, Subscription};
use futures_util::FutureExt as _;

use crate::lab::{Lab, ready};

/// Subscribes; the router grants subscription 5.
fn subscribed(lab: &Lab, request: u64, subscribe: SubscribeBuilder) -> Subscription {
    let mut subscribing = subscribe.into_future();
    assert!((&mut subscribing).now_or_never().is_none());
    lab.says(&format!("[33,{request},5]"));
    lab.sent();
    ready(subscribing).expect("subscribed")
}

/// A lab with one subscription.
fn listening(capacity: usize) -> (Lab, Subscription) {
    let lab = Lab::new();
    let events = subscribed(&lab, 1, lab.session.subscribe("com.a").capacity(capacity));
    (lab, events)
}

#[test]
fn an_event_contains_the_details_that_the_router_sends() {
    let (lab, mut events) = listening(10);
    lab.says(
        r#"[36,5,8,{"topic":"com.a.b","publisher":4,"publisher_authid":"ann","publisher_authrole":"ward","retained":true,"trustlevel":3,"_trace":"t1"}]"#,
    );
    lab.says(r#"[36,5,9,{"ppt_scheme":"mqtt","_trace":"t2"},["\u0000YWI="]]"#);
    // This stream has not asked for retained events.
    let event = ready(events.next()).expect("an event");
    assert_eq!(event.publication().number(), 9);
    assert_eq!(event.passthru().expect("bytes"), Some(Passthru::new("mqtt", *b"ab")));
    assert_eq!(event.attribute::<String>("_trace").expect("text"), Some("t2".to_owned()));
    assert_eq!((event.is_retained(), event.trustlevel(), event.topic()), (false, None, None));

    let mut with_retained = subscribed(&lab, 2, lab.session.subscribe("com.a").get_retained());
    lab.says(
        r#"[36,5,8,{"topic":"com.a.b","publisher":4,"publisher_authid":"ann","publisher_authrole":"ward","retained":true,"trustlevel":3}]"#,
    );
    let event = ready(with_retained.next()).expect("an event");
    assert!(event.is_retained() && event.topic() == Some("com.a.b"));
    let publisher = event.publisher().map(|publisher| publisher.number());
    let identity = (publisher, event.publisher_authid(), event.publisher_authrole());
    assert_eq!(identity, (Some(4), Some("ann"), Some("ward")));
    assert_eq!(event.trustlevel(), Some(3));
    assert!(events.next().now_or_never().is_none());
}

#[test]
fn an_event_is_acknowledged_when_the_application_takes_it() {
    let (lab, mut events) = listening(10);
    lab.says(r#"[36,5,8,{"x_acknowledged_delivery":true},[1]]"#);
    lab.says("[36,5,9,{},[2]]");
    assert!(lab.sent().is_empty());
    ready(events.next()).expect("an event");
    assert_eq!(lab.sent(), ["[337,8]"]);
    ready(events.next()).expect("an event");
    assert!(lab.sent().is_empty());
}

#[test]
fn an_event_dropped_by_a_full_queue_is_not_acknowledged() {
    let (lab, mut events) = listening(1);
    lab.says(r#"[36,5,8,{"x_acknowledged_delivery":true}]"#);
    lab.says(r#"[36,5,9,{"x_acknowledged_delivery":true}]"#);
    ready(events.next()).expect("an event");
    assert!(events.next().now_or_never().is_none());
    assert_eq!(lab.sent(), ["[337,9]"]);
    drop(events);
    assert_eq!(lab.sent(), ["[34,2,5]"]);
}

#[test]
fn streams_that_share_a_subscription_acknowledge_an_event_once() {
    let (lab, mut first) = listening(10);
    let mut second = subscribed(&lab, 2, lab.session.subscribe("com.a"));
    lab.says(r#"[36,5,8,{"x_acknowledged_delivery":true}]"#);
    ready(second.next()).expect("an event");
    ready(first.next()).expect("an event");
    assert_eq!(lab.sent(), ["[337,8]"]);
}

/// Topic and match policy identify a subscription; other options do not.
#[test]
fn a_dropped_stream_does_not_unsubscribe_while_a_subscribe_with_other_options_is_in_flight() {
    let (lab, first) = listening(10);
    let mut subscribing = lab.session.subscribe("com.a").get_retained().into_future();
    assert!((&mut subscribing).now_or_never().is_none());
    lab.sent();
    drop(first);
    assert!(lab.sent().is_empty());
    lab.says("[33,2,5]");
    let mut second = ready(subscribing).expect("subscribed");
    lab.says(r#"[36,5,8,{"retained":true}]"#);
    assert!(ready(second.next()).expect("an event").is_retained());
}
