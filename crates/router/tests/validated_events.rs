//! Validation of publications against the schemas of the publisher's permission.
//!
//! An extension of this router, see `docs/decisions/validation.md`.

use cloverleaf_router::{Permission, RealmSettings, Role, Schemas, Validation};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::messages::{args, client, router, text};
use cloverleaf_testkit::numbers::Numbers;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{PublishOptions, RequestKind, SubscribeOptions};
use cloverleaf_wamp::uri::UriPattern;
use serde_json::json;

const INVALID: &str = "the payload of the event is not as its schema asks: not all are numbers";

/// A sensor whose events are numbers, and a subscriber of `com.level`.
fn sensor_and_listener() -> (Lab, Peer, Peer) {
    let mut validation = Validation::default();
    let schemas = Schemas { event: Numbers::schema(), ..Schemas::default() };
    let validated = Permission { schemas: Some(validation.add(schemas)), ..Permission::ALL };
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    let mut settings = RealmSettings { validation, ..settings() };
    settings.roles.push(Role::new("sensor", [(everything, validated)]));
    let mut lab = Lab::with(settings);
    let sensor = lab.join_as(Client { role: "sensor", ..Client::named("sensor") });
    let listener = lab.join("listener");
    lab.send(listener, client::subscribe(1, "com.level"));
    lab.received(listener);
    (lab, sensor, listener)
}

#[test]
fn invalid_event_reaches_no_subscriber_and_an_acknowledged_one_is_refused() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    lab.send(sensor, client::publish(1, "com.level", text("high")));
    assert_eq!(lab.received(sensor), []);
    lab.send(sensor, client::publish_with(2, client::acknowledged(), "com.level", text("high")));
    let refused = router::refused(RequestKind::Publish, 2, error_uri::INVALID_ARGUMENT, INVALID);
    assert_eq!(lab.received(sensor), [refused]);
    assert_eq!(lab.received(listener), []);
    lab.send(sensor, client::publish_with(3, client::acknowledged(), "com.level", args([7])));
    let publication = lab.last_publication();
    assert_eq!(lab.received(sensor), [router::published(3, publication)]);
    assert_eq!(lab.received(listener), [router::event(1, publication, args([7]))]);
}

#[test]
fn invalid_event_is_neither_retained_nor_stored() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    let retain = PublishOptions { retain: Some(true), ..PublishOptions::default() };
    lab.send(sensor, client::publish_with(1, retain, "com.kept", text("high")));
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(listener, client::subscribe_with(2, options, "com.kept"));
    assert_eq!(lab.received(listener), [router::subscribed(2, 2)]);
}

#[test]
fn event_schema_does_not_apply_to_calls() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    lab.send(listener, client::register(2, "com.any"));
    lab.received(listener);
    lab.send(sensor, client::call(1, "com.any", text("high")));
    assert_eq!(lab.received(listener), [router::invocation(1, 1, text("high"))]);
}

#[test]
fn invalid_testament_payload_is_refused() {
    let (mut lab, sensor, listener) = sensor_and_listener();
    let refused = refusal(error_uri::INVALID_ARGUMENT, INVALID);
    let will = json!(["com.level", ["gone"], null]);
    assert_eq!(lab.ask(sensor, "wamp.session.add_testament", will), refused);
    let will = json!(["com.level", [0], null]);
    lab.ask(sensor, "wamp.session.add_testament", will).expect("numbers");
    lab.disconnect(sensor);
    let event = router::event(1, lab.last_publication(), args([0]));
    assert_eq!(lab.received(listener), [event]);
}
