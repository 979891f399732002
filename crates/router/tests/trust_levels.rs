//! Trust levels of publications.
//!
//! Spec: advanced profile "Publication Trust Levels": by the rules of the publisher's role.

use cloverleaf_router::{Permission, Role};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer};
use cloverleaf_wamp::features::Feature;
use cloverleaf_wamp::message::wire::decode_client;
use cloverleaf_wamp::message::{EventDetails, SubscribeOptions};
use cloverleaf_wamp::payload::copy_frame;
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::uri::MatchPolicy::Prefix;
use cloverleaf_wamp::uri::UriPattern;
use serde_json::json;

fn trusting(trustlevel: Option<u64>) -> Permission {
    Permission { trustlevel, ..Permission::ALL }
}

/// A sensor whose rules set trust levels, and a subscriber.
fn sensor_and_listener() -> (Lab, Peer, Peer) {
    let rules = [
        ("com.*", trusting(Some(1))),
        ("com.exact", trusting(Some(7))),
        ("com.least", trusting(Some(0))),
        ("com.silent", trusting(None)),
        ("wamp.*", trusting(Some(9))),
    ];
    let rules = rules.map(|(uri, rule)| (UriPattern::from_starred(uri).unwrap(), rule));
    let everything = UriPattern::from_starred("*").unwrap();
    let listener = Role::new("listener", [(everything, trusting(Some(3)))]);
    let mut lab = Lab::with_roles(vec![Role::new("sensor", rules), listener]);
    let sensor = lab.join_as(Client { role: "sensor", ..Client::named("sensor") });
    let listener = lab.join_as(Client { role: "listener", ..Client::basic("listener") });
    (lab, sensor, listener)
}

fn trusted(topic: Option<&str>, trustlevel: Option<u64>) -> EventDetails {
    let topic = topic.map(Into::into);
    EventDetails { topic, trustlevel, ..EventDetails::default() }
}

#[test]
fn permission_sets_the_trust_level_of_a_publication() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    lab.send(listener, client::subscribe_pattern(1, Prefix, "com."));
    lab.received(listener);
    for (topic, level) in [
        ("com.other", Some(1)),
        ("com.exact", Some(7)),
        ("com.least", Some(0)),
        ("com.silent", None),
    ] {
        lab.send(sensor, client::publish(1, topic, NOTHING));
        let details = trusted(Some(topic), level);
        let event = router::event_with(1, lab.last_publication(), details, NOTHING);
        assert_eq!(lab.received(listener), [event]);
    }
}

#[test]
fn retained_events_and_testaments_have_a_trust_level() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    let testament = json!(["com.exact", ["bye"], null]);
    let retain = json!({"publish_options": {"retain": true}});
    lab.ask_with(sensor, "wamp.session.add_testament", testament, retain).unwrap();
    lab.send(listener, client::subscribe(1, "com.exact"));
    lab.received(listener);
    lab.disconnect(sensor);
    let publication = lab.last_publication();
    let event = router::event_with(1, publication, trusted(None, Some(7)), args(["bye"]));
    assert_eq!(lab.received(listener), [event]);
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(listener, client::subscribe_with(2, options, "com.exact"));
    let details = EventDetails { retained: Some(true), ..trusted(None, Some(7)) };
    let kept = router::event_with(1, publication, details, args(["bye"]));
    assert_eq!(lab.received(listener), [router::subscribed(2, 1), kept]);
}

#[test]
fn meta_events_have_no_trust_level() {
    let (mut lab, _, listener) = sensor_and_listener();
    lab.send(listener, client::subscribe(1, "wamp.session.on_leave"));
    lab.received(listener);
    let late = lab.join_as(Client { role: "sensor", ..Client::named("late") });
    lab.disconnect(late);
    let payload = args((lab.id(late).number(), "late", "sensor"));
    assert_eq!(lab.received(listener), [router::event(1, lab.last_publication(), payload)]);
}

#[test]
fn publisher_can_not_set_its_trust_level() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    lab.send(listener, client::subscribe(1, "com.silent"));
    lab.received(listener);
    let text = br#"[16,1,{"trustlevel":9},"com.silent"]"#;
    lab.send(sensor, decode_client(Serializer::Json, &copy_frame(text)).unwrap());
    assert_eq!(lab.received(listener), [router::event(1, lab.last_publication(), NOTHING)]);
}

#[test]
fn levels_of_trust_are_announced() {
    let (lab, sensor, _) = sensor_and_listener();
    let roles = lab.welcome(sensor).details.roles.unwrap();
    assert!(roles.broker.unwrap().has(Feature::PublicationTrustlevels));
}
