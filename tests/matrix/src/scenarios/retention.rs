//! Retained events for late subscribers, and event histories.
//!
//! Spec: advanced profile "Event Retention", "Event History".

use std::collections::BTreeMap;

use cloverleaf_client::MatchPolicy;
use serde_json::{Value, json};

use super::payloads::values;
use crate::stage::{Stage, text_of};

pub(super) async fn a_late_subscriber_receives_the_retained_event(stage: Stage) {
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("kept first").retain().await.expect("PUBLISHED");
    let publication = publish("kept last").retain().await.expect("PUBLISHED");
    publish("not kept").await.expect("PUBLISHED");
    let subscribing = stage.there.subscribe(stage.uri.as_str()).get_retained();
    let mut late = subscribing.await.expect("SUBSCRIBED");
    let mut later = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let kept = late.next().await.expect("an event");
    assert_eq!((kept.publication(), kept.is_retained(), kept.topic()), (publication, true, None));
    assert_eq!(text_of(Some(kept)), "kept last");
    publish("new").retain().await.expect("PUBLISHED");
    for events in [&mut late, &mut later] {
        let new = events.next().await.expect("an event");
        assert!(!new.is_retained());
        assert_eq!(text_of(Some(new)), "new");
    }
}

pub(super) async fn a_pattern_subscription_receives_the_retained_event_of_each_topic(stage: Stage) {
    let topic = |name: &str| format!("{}.{name}.state", stage.uri);
    for name in ["lamp", "oven", "door"] {
        for text in ["before", "now"] {
            let publishing = stage.here.publish(topic(name)).args((name, text));
            publishing.retain().await.expect("PUBLISHED");
        }
    }
    let prefix = stage.there.subscribe(format!("{}.", stage.uri)).matching(MatchPolicy::Prefix);
    let mut prefix = prefix.get_retained().await.expect("SUBSCRIBED");
    let wildcard = stage.there.subscribe(topic("")).matching(MatchPolicy::Wildcard);
    let mut wildcard = wildcard.get_retained().await.expect("SUBSCRIBED");
    let now = |name: &str| (topic(name), (name.to_owned(), "now".to_owned(), true));
    for events in [&mut prefix, &mut wildcard] {
        let mut kept = BTreeMap::new();
        for _ in 0..3 {
            let event = events.next().await.expect("an event");
            let (name, text): (String, String) = event.args().expect("two texts");
            let topic = event.topic().expect("the topic").to_owned();
            kept.insert(topic, (name, text, event.is_retained()));
        }
        assert_eq!(kept, BTreeMap::from(["lamp", "oven", "door"].map(now)));
    }
}

pub(super) async fn cleared_and_ineligible_retained_events_are_not_delivered(stage: Stage) {
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,)).retain();
    publish("cleared").await.expect("PUBLISHED");
    stage.here.publish(stage.uri.as_str()).retain().await.expect("PUBLISHED");
    publish("for others").eligible_authrole(["nobody"]).await.expect("PUBLISHED");
    let subscribing = stage.there.subscribe(stage.uri.as_str()).get_retained();
    let mut events = subscribing.await.expect("SUBSCRIBED");
    publish("new").await.expect("PUBLISHED");
    let event = events.next().await.expect("an event");
    assert!(!event.is_retained());
    assert_eq!(text_of(Some(event)), "new");
}

/// The prefix of the topics whose history the realm of the matrix keeps.
const KEPT: &str = "com.history.";

pub(super) async fn the_history_of_a_topic_can_be_read(stage: Stage) {
    let lookup = stage.there.call("wamp.subscription.lookup");
    let lookup = lookup.args((KEPT, json!({"match": "prefix"}))).await.expect("RESULT");
    let subscription = lookup.value::<u64>().expect("a subscription");
    let topic = format!("{KEPT}{}", stage.uri);
    let mut published = Vec::new();
    for number in 0..3 {
        let kwargs = json!({"values": values()});
        let publishing = stage.here.publish(topic.as_str()).args_and_kwargs((number,), &kwargs);
        let publication = publishing.await.expect("PUBLISHED").number();
        published.push(json!({
            "subscription": subscription, "publication": publication, "topic": topic,
            "details": {"topic": topic}, "args": [number], "kwargs": kwargs, "realm": "realm1",
            "session_id": null, "authid": null, "authrole": null
        }));
    }
    let ask = async |kwargs: Value| {
        let call = stage.there.call("wamp.subscription.get_events");
        let reply = call.args_and_kwargs((subscription,), kwargs).await.expect("RESULT");
        let mut events = reply.args::<Vec<Value>>().expect("events");
        for event in &mut events {
            let event = event.as_object_mut().expect("an event");
            assert!(event.remove("timestamp").is_some_and(|time| time.is_string()));
            assert!(event.remove("time_ns").is_some_and(|time| time.is_u64()));
        }
        events
    };
    assert_eq!(ask(json!({"topic": topic})).await, published);
    let last = json!({"topic": topic, "reverse": true, "limit": 1});
    assert_eq!(ask(last).await, published[2..]);
}
