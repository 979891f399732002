//! Limits of a realm and of the sessions of a role that differ from the defaults: each is obeyed,
//! with the answer that `docs/limits.md` names.

use std::time::Duration;

use cloverleaf_router::{
    CallQueue, Compatibility, EventStore, HistoryId, HistoryQuery, HistorySettings, Permission,
    RealmSettings, Record, Refusal, Role, Schemas, SessionFlow, SessionLimits, SharedLimits,
    StoreTicket, Validation,
};
use cloverleaf_testkit::asking::refusal;
use cloverleaf_testkit::lab::ANYONE;
use cloverleaf_testkit::messages::{NOTHING, client, router, text};
use cloverleaf_testkit::numbers::Numbers;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::{
    ClientMessage, InvokePolicy, PublishOptions, RegisterOptions, RequestKind, RouterMessage,
    SubscribeOptions,
};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::json;

const ADD_TESTAMENT: &str = "wamp.session.add_testament";

const SHARED: SharedLimits = SharedLimits::DEFAULT;

const SESSION: SessionLimits = SessionLimits::DEFAULT;

/// A store in which nothing becomes safe: publications to `com.kept.` wait, and later publications
/// of the same session wait behind them.
#[derive(Debug)]
struct StuckStore;

impl EventStore for StuckStore {
    fn has_room(&self) -> bool {
        true
    }

    fn append(&mut self, _: HistoryId, _: Record) -> StoreTicket {
        StoreTicket(1)
    }

    fn note_dropped(&mut self) {}

    fn read(&mut self, _: HistoryId, _: HistoryQuery) -> bool {
        false
    }
}

/// The role of all peers, with these limits.
fn anyone(limits: SessionLimits) -> Role {
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    Role::new(ANYONE, [(everything, Permission::ALL)]).with_limits(limits)
}

/// A realm with these limits, in which calls of `com.` wait for a callee and publications to
/// `com.kept.` for the event store.
fn realm(limits: SharedLimits, of_session: SessionLimits) -> Lab {
    let pattern = UriPattern::new("com.kept.", MatchPolicy::Prefix, UriRule::Loose).unwrap();
    let queue = UriPattern::from_starred("com.*").expect("a pattern");
    Lab::with(RealmSettings {
        limits,
        roles: vec![anyone(of_session)],
        histories: vec![HistorySettings::new(pattern, 10)],
        event_store: Some(Box::new(StuckStore)),
        call_queues: vec![CallQueue { pattern: queue, limit: 10 }],
        ..settings()
    })
}

/// A realm whose sessions have these limits.
fn with_session_limits(limits: SessionLimits) -> Lab {
    realm(SHARED, limits)
}

/// A realm with these limits.
fn with_limits(limits: SharedLimits) -> Lab {
    realm(limits, SESSION)
}

fn limit_reached(kind: RequestKind, number: u64, what: &str) -> RouterMessage {
    let text = format!("this session has reached its largest number of {what}");
    router::refused(kind, number, error_uri::LIMIT_REACHED, &text)
}

/// The URI of the only message that a peer was sent, which is an ERROR.
fn error_of(lab: &mut Lab, peer: Peer) -> String {
    match lab.received(peer).as_slice() {
        [RouterMessage::Error(error)] => error.error.to_string(),
        other => panic!("an ERROR, not {other:?}"),
    }
}

/// A client that acknowledges events.
fn acknowledging(name: &'static str) -> Client {
    let mut client = Client::named(name);
    client.roles.subscriber = Some(Features::of(&[Feature::AcknowledgedEventDelivery]));
    client
}

/// A publication that waits for the event store.
fn kept(number: u64) -> ClientMessage {
    client::publish_with(number, client::acknowledged(), "com.kept.a", NOTHING)
}

/// A publication that subscribers acknowledge.
fn job(number: u64) -> ClientMessage {
    let options = PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
    client::publish_with(number, options, "com.job", NOTHING)
}

#[test]
fn limits_of_subscriptions_and_registrations_are_those_of_the_role() {
    let prefix = |number, uri: &str| client::subscribe_pattern(number, MatchPolicy::Prefix, uri);
    let prefix_callee =
        |number, uri: &str| client::register_pattern(number, MatchPolicy::Prefix, uri);
    let (subscribe, register) = (RequestKind::Subscribe, RequestKind::Register);
    type Request = fn(u64, &str) -> ClientMessage;
    let rows: [(SessionLimits, Request, RequestKind, &str); 6] = [
        (
            SessionLimits { max_subscriptions: 2, ..SESSION },
            client::subscribe,
            subscribe,
            "subscriptions",
        ),
        (
            SessionLimits { max_pattern_subscriptions: 2, ..SESSION },
            prefix,
            subscribe,
            "pattern subscriptions",
        ),
        (
            SessionLimits { max_uri_bytes: 10, ..SESSION },
            client::subscribe,
            subscribe,
            "bytes of subscribed URIs",
        ),
        (
            SessionLimits { max_registrations: 2, ..SESSION },
            client::register,
            register,
            "registrations",
        ),
        (
            SessionLimits { max_pattern_registrations: 2, ..SESSION },
            prefix_callee,
            register,
            "pattern registrations",
        ),
        (
            SessionLimits { max_uri_bytes: 10, ..SESSION },
            client::register,
            register,
            "bytes of registered URIs",
        ),
    ];
    for (limits, request, kind, what) in rows {
        let mut lab = with_session_limits(limits);
        let ann = lab.join("ann");
        lab.send(ann, request(1, "com.a"));
        lab.send(ann, request(2, "com.b"));
        assert_eq!(lab.received(ann).len(), 2);
        lab.send(ann, request(3, "com.c"));
        assert_eq!(lab.received(ann), [limit_reached(kind, 3, what)]);
    }
}

#[test]
fn calls_in_flight_are_limited_by_the_role() {
    let mut lab = with_session_limits(SessionLimits { max_calls_in_flight: 1, ..SESSION });
    let [caller, callee] = ["caller", "callee"].map(|name| lab.join(name));
    lab.send(callee, client::register(1, "com.a"));
    lab.send(caller, client::call(1, "com.a", NOTHING));
    lab.send(caller, client::call(2, "com.a", NOTHING));
    let refused = limit_reached(RequestKind::Call, 2, "calls in flight");
    assert_eq!(lab.received(caller), [refused]);
}

#[test]
fn bytes_of_queued_calls_are_limited_by_the_role_and_by_the_realm() {
    let most = 2_000;
    for (limits, of_session) in [
        (SHARED, SessionLimits { max_held_call_bytes: most, ..SESSION }),
        (SharedLimits { max_held_call_bytes: most, ..SHARED }, SESSION),
        (SharedLimits { max_queued_call_bytes: most, ..SHARED }, SESSION),
        (SharedLimits { max_queued_call_bytes_per_registration: most, ..SHARED }, SESSION),
    ] {
        let mut lab = realm(limits, of_session);
        let [caller, callee] = ["caller", "callee"].map(|name| lab.join(name));
        let options = RegisterOptions { concurrency: Some(1), ..RegisterOptions::default() };
        lab.send(callee, client::register_with(1, options, "com.a"));
        lab.send(caller, client::call(1, "com.a", NOTHING));
        lab.send(caller, client::call(2, "com.a", NOTHING));
        assert_eq!(lab.received(caller), [], "one is with the callee, one waits");
        lab.send(caller, client::call(3, "com.a", text(&"x".repeat(most))));
        assert_eq!(error_of(&mut lab, caller), error_uri::MAX_CONCURRENCY_REACHED);
    }
}

#[test]
fn publisher_waits_at_the_limits_of_its_role() {
    for (limits, flow) in [
        (SessionLimits { max_outgoing_publications: 1, ..SESSION }, SessionFlow::Wait),
        (SessionLimits { max_outgoing_bytes: 1, ..SESSION }, SessionFlow::Wait),
        (SESSION, SessionFlow::Continue),
    ] {
        let mut lab = with_session_limits(limits);
        let publisher = lab.join("publisher");
        assert_eq!(lab.submit(publisher, kept(1)), flow);
    }
}

#[test]
fn unacknowledged_publications_are_limited_by_the_role() {
    let limits = SessionLimits { max_unacknowledged_publications: 1, ..SESSION };
    let mut lab = with_session_limits(limits);
    let publisher = lab.join("publisher");
    let subscriber = lab.join_as(acknowledging("subscriber"));
    lab.send(subscriber, client::subscribe(1, "com.job"));
    lab.send(publisher, job(1));
    assert_eq!(lab.received(publisher), []);
    lab.send(publisher, job(2));
    let refused = limit_reached(RequestKind::Publish, 2, "unacknowledged publications");
    assert_eq!(lab.received(publisher), [refused]);
}

#[test]
fn testaments_are_limited_by_the_role_and_by_the_realm() {
    let will = json!(["com.will", ["x".repeat(1_000)], null]);
    let rows = [
        (SHARED, SessionLimits { max_testaments: 1, ..SESSION }, "this session"),
        (SHARED, SessionLimits { max_testament_bytes: 2_000, ..SESSION }, "this session"),
        (SharedLimits { max_testament_bytes: 2_000, ..SHARED }, SESSION, "this realm"),
    ];
    for (limits, of_session, whose) in rows {
        let mut lab = realm(limits, of_session);
        let ann = lab.join("ann");
        assert_eq!(lab.ask(ann, ADD_TESTAMENT, will.clone()), Ok(json!([null])));
        let text = format!("{whose} has reached its largest number of testaments");
        let refused = refusal(error_uri::LIMIT_REACHED, &text);
        assert_eq!(lab.ask(ann, ADD_TESTAMENT, will.clone()), refused);
    }
}

#[test]
fn arguments_of_a_testament_may_be_as_long_as_the_role_allows() {
    let will = json!(["com.will", ["x".repeat(2 << 20)], null]);
    let limits = SessionLimits { max_testament_bytes: 3 << 20, ..SESSION };
    for (limits, is_taken) in [(limits, true), (SESSION, false)] {
        let mut lab = with_session_limits(limits);
        let ann = lab.join("ann");
        assert_eq!(lab.ask(ann, ADD_TESTAMENT, will.clone()).is_ok(), is_taken);
    }
}

#[test]
fn sessions_of_a_realm_are_limited() {
    let mut lab = with_limits(SharedLimits { max_sessions: 1, ..SHARED });
    lab.join("ann");
    let refused = lab.attach(Client::named("ben").into()).expect_err("a full realm");
    assert_eq!(refused, Refusal::RealmFull("realm1".into()));
    assert_eq!(refused.reason(Compatibility::Wamp), error_uri::LIMIT_REACHED);
}

#[test]
fn detached_sessions_of_a_realm_are_limited() {
    let mut lab = with_limits(SharedLimits { max_detached_sessions: 1, ..SHARED });
    let ann = lab.join("ann");
    lab.send(ann, kept(1));
    lab.disconnect(ann);
    let refused = lab.attach(Client::named("ben").into()).expect_err("a busy realm");
    assert_eq!(refused, Refusal::RealmBusy("realm1".into()));
    assert_eq!(refused.reason(Compatibility::Wamp), error_uri::UNAVAILABLE);
}

#[test]
fn callees_of_a_registration_are_limited() {
    let mut lab = with_limits(SharedLimits { max_callees_per_registration: 1, ..SHARED });
    let [ann, ben] = ["ann", "ben"].map(|name| lab.join(name));
    let register = client::register_shared(1, InvokePolicy::RoundRobin, "com.a");
    lab.send(ann, register.clone());
    lab.send(ben, register);
    let refused = limit_reached(RequestKind::Register, 1, "callees of a registration");
    assert_eq!(lab.received(ben), [refused]);
}

#[test]
fn publications_in_progress_of_a_realm_are_limited() {
    let mut lab = with_limits(SharedLimits { max_outgoing_bytes: 1, ..SHARED });
    let [ann, ben] = ["ann", "ben"].map(|name| lab.join(name));
    lab.send(ann, kept(1));
    lab.send(ben, kept(1));
    assert_eq!(error_of(&mut lab, ben), error_uri::UNAVAILABLE);
}

#[test]
fn meta_events_in_progress_of_a_realm_are_limited() {
    for (max_outgoing_meta_bytes, dropped) in [(1, 1), (SHARED.max_outgoing_meta_bytes, 0)] {
        let mut lab = with_limits(SharedLimits { max_outgoing_meta_bytes, ..SHARED });
        let [watcher, subject] = ["watcher", "subject"].map(|name| lab.join(name));
        let topic = "wamp.subscription.on_subscribe";
        lab.send(watcher, client::subscribe(1, topic));
        lab.send(watcher, client::subscribe(2, "com.a"));
        lab.send(watcher, client::subscribe(3, "com.b"));
        lab.received(watcher);
        lab.send(subject, kept(1));
        lab.send(subject, client::subscribe(2, "com.a"));
        lab.send(subject, client::subscribe(3, "com.b"));
        assert_eq!(lab.take_dropped_meta_events(), dropped);
    }
}

#[test]
fn unacknowledged_events_of_a_realm_are_limited() {
    let mut lab = with_limits(SharedLimits { max_unacknowledged_events: 1, ..SHARED });
    let publisher = lab.join("publisher");
    let subscriber = lab.join_as(acknowledging("subscriber"));
    lab.send(subscriber, client::subscribe(1, "com.job"));
    lab.send(publisher, job(1));
    assert_eq!(lab.received(publisher), []);
    lab.send(publisher, job(2));
    assert_eq!(error_of(&mut lab, publisher), error_uri::LIMIT_REACHED);
}

#[test]
fn acknowledgements_have_the_timeout_of_the_realm() {
    let mut lab = with_limits(SharedLimits { acknowledgement_timeout_millis: 1_000, ..SHARED });
    let publisher = lab.join("publisher");
    let subscriber = lab.join_as(acknowledging("subscriber"));
    lab.send(subscriber, client::subscribe(1, "com.job"));
    lab.send(publisher, job(1));
    lab.pass(Duration::from_millis(999));
    assert_eq!(lab.received(publisher), []);
    lab.pass(Duration::from_millis(1));
    assert_eq!(error_of(&mut lab, publisher), error_uri::TIMEOUT);
}

/// Publishes a retained event for `receiver`, or for all sessions.
fn retain(lab: &mut Lab, publisher: Peer, receiver: Option<&str>) {
    let options = PublishOptions {
        retain: Some(true),
        eligible_authid: receiver.map(|name| vec![name.into()]),
        ..PublishOptions::default()
    };
    lab.send(publisher, client::publish_with(1, options, "com.state", text("on")));
}

/// The number of retained events that a new session of this name receives.
fn retained_for(lab: &mut Lab, name: &'static str) -> usize {
    let peer = lab.join(name);
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(peer, client::subscribe_with(1, options, "com.state"));
    let is_event = |message: &RouterMessage| matches!(message, RouterMessage::Event(_));
    lab.received(peer).iter().filter(|message| is_event(message)).count()
}

#[test]
fn retained_events_of_a_topic_are_limited() {
    let mut lab = with_limits(SharedLimits { max_retained_per_topic: 2, ..SHARED });
    let publisher = lab.join("publisher");
    retain(&mut lab, publisher, None);
    for name in ["ann", "ben"] {
        retain(&mut lab, publisher, Some(name));
    }
    // The one for ann was dropped, and that for all sessions was not.
    assert_eq!(["ann", "ben", "cid"].map(|name| retained_for(&mut lab, name)), [1, 1, 1]);
    retain(&mut lab, publisher, Some("dan"));
    lab.set_limits(SharedLimits { max_retained_per_topic: 1, ..SHARED });
    retain(&mut lab, publisher, Some("eve"));
    assert_eq!(["dan", "eve", "fay"].map(|name| retained_for(&mut lab, name)), [0, 1, 0]);
}

#[test]
fn payloads_with_a_schema_are_limited() {
    let schemas = Schemas { event: Numbers::schema(), ..Schemas::default() };
    let mut validation = Validation::default();
    let permission = Permission { schemas: Some(validation.add(schemas)), ..Permission::ALL };
    let everything = UriPattern::from_starred("*").expect("a star is a starred URI");
    let mut lab = Lab::with(RealmSettings {
        limits: SharedLimits { max_validated_bytes: 1_024, ..SHARED },
        validation,
        roles: vec![Role::new(ANYONE, [(everything, permission)])],
        ..settings()
    });
    let publisher = lab.join("publisher");
    let publish = |number| {
        let long = text(&"x".repeat(1_024));
        client::publish_with(number, client::acknowledged(), "com.a", long)
    };
    lab.send(publisher, publish(1));
    let explained = "the payload of the event has a schema to follow, and holds more than 1024 \
                     bytes";
    let error = error_uri::PAYLOAD_SIZE_EXCEEDED;
    let refused = router::refused(RequestKind::Publish, 1, error, explained);
    assert_eq!(lab.received(publisher), [refused]);
    lab.set_limits(SHARED);
    lab.send(publisher, publish(2));
    assert_eq!(error_of(&mut lab, publisher), error_uri::INVALID_ARGUMENT, "it is validated");
}

#[test]
fn changed_limits_apply_to_open_sessions() {
    let mut lab = with_session_limits(SESSION);
    let ann = lab.join("ann");
    lab.send(ann, client::subscribe(1, "com.a"));
    lab.received(ann);
    lab.set_roles(vec![anyone(SessionLimits { max_subscriptions: 1, ..SESSION })]);
    lab.send(ann, client::subscribe(2, "com.b"));
    let refused = limit_reached(RequestKind::Subscribe, 2, "subscriptions");
    assert_eq!(lab.received(ann), [refused]);
    lab.set_limits(SharedLimits { max_sessions: 1, ..SHARED });
    let refused = lab.attach(Client::named("ben").into()).expect_err("a full realm");
    assert_eq!(refused, Refusal::RealmFull("realm1".into()));
    lab.set_limits(SHARED);
    lab.set_roles(vec![anyone(SESSION)]);
    lab.join("ben");
    lab.send(ann, client::subscribe(3, "com.b"));
    assert_eq!(lab.received(ann), [router::subscribed(3, 3)]);
}

#[test]
fn each_role_has_its_own_limits() {
    let everything = || UriPattern::from_starred("*").expect("a star is a starred URI");
    let other = Role::new("other", [(everything(), Permission::ALL)]);
    let limited = SessionLimits { max_subscriptions: 1, ..SESSION };
    let mut lab = Lab::with_roles(vec![anyone(limited), other]);
    let ann = lab.join("ann");
    let ben = lab.join_as(Client { role: "other", ..Client::named("ben") });
    for (peer, answers) in [(ann, 1), (ben, 2)] {
        lab.send(peer, client::subscribe(1, "com.a"));
        lab.send(peer, client::subscribe(2, "com.b"));
        let is_subscribed =
            |message: &RouterMessage| matches!(message, RouterMessage::Subscribed(_));
        let received = lab.received(peer);
        assert_eq!(received.iter().filter(|message| is_subscribed(message)).count(), answers);
    }
}
