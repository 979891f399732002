//! Who hears an event, and what is known of it.
//!
//! Spec: basic profile "Publish and Subscribe"; advanced profile "Publisher Exclusion", "Subscriber
//! Black- and Whitelisting", "Pattern-based Subscription".

use cloverleaf_client::{MatchPolicy, PublishOptions};
use serde_json::{Value, json};

use super::payloads::values;
use crate::stage::{Stage, text_of};

pub(super) async fn events_arrive_in_order(stage: Stage) {
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    for number in 0..50 {
        let kwargs = json!({"values": values()});
        let publishing = stage.here.publish(stage.uri.as_str());
        let publishing = publishing.args_and_kwargs((number,), kwargs);
        if number % 10 == 0 {
            publishing.await.expect("PUBLISHED");
        } else {
            publishing.send_unacknowledged().expect("room");
        }
    }
    for number in 0..50 {
        let event = events.next().await.expect("an event");
        assert_eq!(event.args::<(i32,)>().expect("a number"), (number,));
        let kwargs = event.kwargs::<Value>().expect("values");
        assert_eq!(kwargs, json!({"values": values()}));
    }
}

pub(super) async fn a_publisher_hears_itself_on_wish_only(stage: Stage) {
    let mut events = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("unheard").await.expect("PUBLISHED");
    publish("heard").exclude_me(false).await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "heard");
}

pub(super) async fn lists_say_who_hears_an_event(stage: Stage) {
    let mut here = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let mut there = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let ids = [&stage.here, &stage.there]
        .map(|session| session.welcome().expect("it has joined").session);
    let rows = [
        ("excluded here", PublishOptions { exclude: Some(vec![ids[0]]), ..both() }),
        ("eligible here", PublishOptions { eligible: Some(vec![ids[0]]), ..both() }),
        ("by role", PublishOptions { eligible_authrole: Some(vec!["nobody".into()]), ..both() }),
        ("for all", both()),
    ];
    for (text, options) in rows {
        let publishing = stage.here.publish(stage.uri.as_str()).args((text,));
        publishing.options(options).await.expect("PUBLISHED");
    }
    for heard in ["eligible here", "for all"] {
        assert_eq!(text_of(here.next().await), heard);
    }
    for heard in ["excluded here", "for all"] {
        assert_eq!(text_of(there.next().await), heard);
    }
}

fn both() -> PublishOptions {
    PublishOptions { exclude_me: Some(false), ..PublishOptions::default() }
}

pub(super) async fn a_pattern_subscription_is_told_the_topic(stage: Stage) {
    let prefix = stage.there.subscribe(format!("{}.", stage.uri)).matching(MatchPolicy::Prefix);
    let mut prefix = prefix.await.expect("SUBSCRIBED");
    let wildcard = stage.there.subscribe(format!("{}..end", stage.uri));
    let mut wildcard = wildcard.matching(MatchPolicy::Wildcard).await.expect("SUBSCRIBED");
    let topic = format!("{}.middle.end", stage.uri);
    stage.here.publish(topic.as_str()).args(("both",)).await.expect("PUBLISHED");
    for events in [&mut prefix, &mut wildcard] {
        let event = events.next().await.expect("an event");
        assert_eq!(event.topic(), Some(topic.as_str()));
        assert_eq!(text_of(Some(event)), "both");
    }
}

pub(super) async fn who_has_unsubscribed_hears_no_more(stage: Stage) {
    let leaving = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    leaving.unsubscribe().await.expect("UNSUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("to nobody").await.expect("PUBLISHED");
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    publish("to somebody").await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "to somebody");
}
