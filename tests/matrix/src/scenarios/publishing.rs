//! Delivery of events, and publisher identification. Retained events are in `retention`.
//!
//! Spec: basic profile "Publish and Subscribe"; advanced profile "Publisher Exclusion", "Publisher
//! Identification", "Subscriber Black- and Whitelisting", "Pattern-based Subscription".
//! Acknowledged delivery and groups of subscribers are extensions of this router.

use cloverleaf_client::{MatchPolicy, PublishOptions, Session};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};

use super::payloads::values;
use crate::stage::{Stage, id_of, text_of};

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

pub(super) async fn a_publisher_receives_its_own_event_only_on_request(stage: Stage) {
    let mut events = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("unheard").await.expect("PUBLISHED");
    publish("heard").exclude_me(false).await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "heard");
}

pub(super) async fn white_and_black_lists_select_subscribers(stage: Stage) {
    let mut here = stage.here.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let mut there = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let welcome = stage.here.welcome().expect("it has joined");
    let (id, name) = (welcome.session, welcome.details.authid.expect("it has a name"));
    let role = welcome.details.authrole.expect("it has a role");
    let rows = [
        ("all but here", PublishOptions { exclude: Some(vec![id]), ..both() }),
        ("all but its name", PublishOptions { exclude_authid: Some(vec![name.clone()]), ..both() }),
        ("here", PublishOptions { eligible: Some(vec![id]), ..both() }),
        ("its name", PublishOptions { eligible_authid: Some(vec![name]), ..both() }),
        ("all but its role", PublishOptions { exclude_authrole: Some(vec![role]), ..both() }),
        ("nobody", PublishOptions { eligible: Some(Vec::new()), ..both() }),
        ("a role", PublishOptions { eligible_authrole: Some(vec!["nobody".into()]), ..both() }),
        ("everybody", both()),
    ];
    for (text, options) in rows {
        let publishing = stage.here.publish(stage.uri.as_str()).args((text,));
        publishing.options(options).await.expect("PUBLISHED");
    }
    for heard in ["here", "its name", "everybody"] {
        assert_eq!(text_of(here.next().await), heard);
    }
    for heard in ["all but here", "all but its name", "everybody"] {
        assert_eq!(text_of(there.next().await), heard);
    }
}

fn both() -> PublishOptions {
    PublishOptions { exclude_me: Some(false), ..PublishOptions::default() }
}

pub(super) async fn a_pattern_subscription_receives_the_topic(stage: Stage) {
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

pub(super) async fn no_event_arrives_after_unsubscribing(stage: Stage) {
    let leaving = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    leaving.unsubscribe().await.expect("UNSUBSCRIBED");
    let publish = |text| stage.here.publish(stage.uri.as_str()).args((text,));
    publish("before subscribing").await.expect("PUBLISHED");
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    publish("after subscribing").await.expect("PUBLISHED");
    assert_eq!(text_of(events.next().await), "after subscribing");
}

pub(super) async fn the_publisher_is_disclosed_on_request(stage: Stage) {
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    stage.here.publish(stage.uri.as_str()).await.expect("PUBLISHED");
    stage.here.publish(stage.uri.as_str()).disclose_me().await.expect("PUBLISHED");
    let mut publishers = Vec::new();
    for _ in 0..2 {
        let event = events.next().await.expect("an event");
        let [name, role] =
            [event.publisher_authid(), event.publisher_authrole()].map(|it| it.map(str::to_owned));
        publishers.push((event.publisher().map(u64::from), name, role));
    }
    let welcome = stage.here.welcome().expect("it has joined");
    let name = welcome.details.authid.map(String::from);
    let disclosed = (Some(id_of(&stage.here)), name, Some("anonymous".to_owned()));
    assert_eq!(publishers, [(None, None, None), disclosed]);
}

pub(super) async fn a_publication_is_acknowledged_after_delivery(stage: Stage) {
    let mut events = stage.there.subscribe(stage.uri.as_str()).await.expect("SUBSCRIBED");
    let publishing = stage.here.publish(stage.uri.as_str()).args(("heard",));
    let mut publishing = publishing.acknowledged_delivery().send();
    // PUBLISHED would have come before the answer to a later request.
    let count = stage.here.call("wamp.session.count").await;
    count.expect("RESULT");
    assert!((&mut publishing).now_or_never().is_none());
    let event = events.next().await.expect("an event");
    assert_eq!(publishing.await.expect("PUBLISHED"), event.publication());
    assert_eq!(text_of(Some(event)), "heard");
}

pub(super) async fn each_event_goes_to_one_member_of_a_group(stage: Stage) {
    let subscribe = |session: &Session| session.subscribe(stage.uri.as_str()).group("workers");
    let here = subscribe(&stage.here).await.expect("SUBSCRIBED");
    let there = subscribe(&stage.there).await.expect("SUBSCRIBED");
    let numbers: Vec<u64> = (0..20).collect();
    for number in &numbers {
        let publishing = stage.here.publish(stage.uri.as_str()).args((number,));
        publishing.exclude_me(false).await.expect("PUBLISHED");
    }
    let heard = stream::select(here, there).take(numbers.len());
    let heard = heard.map(|event| event.args::<(u64,)>().expect("a number").0);
    let mut heard: Vec<_> = heard.collect().await;
    heard.sort_unstable();
    assert_eq!(heard, numbers);
}
