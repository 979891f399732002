//! Limits of the tables of a realm that hold messages of sessions, ended ones included.
//!
//! Spec: advanced profile "Session Meta API", "Session Testament", "Event History". The limits are
//! this router's own (`docs/limits.md`).

use cloverleaf_router::limits::{
    MAX_CONGESTED_PER_PUBLISHER, MAX_LISTING_BYTES, MAX_LISTINGS, MAX_LISTINGS_AT_WORK,
    MAX_MEMBERSHIP_BYTES, SessionLimits, SharedLimits, WORK_PER_STEP,
};
use cloverleaf_router::{
    Admitted, Compatibility, EventStore, HistoryId, HistoryQuery, HistorySettings, Metered,
    Principal, RealmSettings, Record, Refusal, SessionFlow, SessionStats, StoreTicket,
};
use cloverleaf_testkit::messages::{NOTHING, args, client};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::{ClientMessage, PublishOptions, RouterMessage, SubscribeOptions};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::json;

const ADD_TESTAMENT: &str = "wamp.session.add_testament";

/// A store that stores nothing. An acknowledged publication to `com.kept.` waits for
/// [`finish_storing`], and every later publication of its session waits behind it.
#[derive(Debug)]
struct SlowStore;

impl EventStore for SlowStore {
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

fn lab_with_slow_store() -> Lab {
    let pattern = UriPattern::new("com.kept.", MatchPolicy::Prefix, UriRule::Loose).unwrap();
    Lab::with(RealmSettings {
        histories: vec![HistorySettings::new(pattern, 10)],
        event_store: Some(Box::new(SlowStore)),
        ..settings()
    })
}

/// Lets all further publications of the session wait for [`finish_storing`].
fn hold_back(lab: &mut Lab, peer: Peer) {
    let publish = client::publish_with(1, client::acknowledged(), "com.kept.a", NOTHING);
    lab.send(peer, publish);
}

fn finish_storing(lab: &mut Lab) {
    lab.stored(StoreTicket(1), Ok(()));
}

fn subscribe(lab: &mut Lab, peer: Peer, topic: &str) {
    lab.send(peer, client::subscribe(1, topic));
    lab.received(peer);
}

/// The URI of the ERROR that a peer has received, if any.
fn error_of(lab: &mut Lab, peer: Peer) -> Option<String> {
    lab.received(peer).into_iter().find_map(|message| match message {
        RouterMessage::Error(error) => Some(error.error.to_string()),
        _ => None,
    })
}

fn news(number: u64) -> ClientMessage {
    client::publish(number, "com.news", NOTHING)
}

#[test]
fn testaments_of_an_ended_session_leave_no_backpressure_entry() {
    let mut lab = Lab::new();
    let [subscriber, publisher] = ["subscriber", "publisher"].map(|name| lab.join(name));
    subscribe(&mut lab, subscriber, "com.news");
    lab.ask(publisher, ADD_TESTAMENT, json!(["com.news", ["bye"], null])).unwrap();
    lab.set_state(subscriber, OutboxState::AboveHighWater);
    lab.disconnect(publisher);
    assert_eq!(lab.received(subscriber).len(), 1);
    lab.disconnect(subscriber);
    assert!(lab.realm().is_empty());
}

#[test]
fn publisher_waits_for_no_subscriber_that_left() {
    let mut lab = Lab::new();
    let [subscriber, publisher] = ["subscriber", "publisher"].map(|name| lab.join(name));
    subscribe(&mut lab, subscriber, "com.news");
    lab.set_state(subscriber, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(publisher, news(1)), SessionFlow::Wait);
    lab.disconnect(subscriber);
    assert_eq!(lab.submit(publisher, news(2)), SessionFlow::Continue);
}

#[test]
fn congested_subscriber_counts_once_for_a_publisher() {
    let mut lab = Lab::new();
    let [subscriber, publisher] = ["subscriber", "publisher"].map(|name| lab.join(name));
    subscribe(&mut lab, subscriber, "com.news");
    lab.set_state(subscriber, OutboxState::AboveHighWater);
    assert_eq!(lab.submit(publisher, news(1)), SessionFlow::Wait);
    assert_eq!(lab.submit(publisher, news(2)), SessionFlow::Wait);
    assert_eq!(lab.take_congested(publisher), 1);
    assert_eq!(
        lab.submit(publisher, client::publish(3, "com.other", NOTHING)),
        SessionFlow::Continue
    );
}

#[test]
fn publisher_waits_for_a_limited_number_of_subscribers() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    for _ in 0..=MAX_CONGESTED_PER_PUBLISHER {
        let subscriber = lab.join("subscriber");
        subscribe(&mut lab, subscriber, "com.news");
        lab.set_state(subscriber, OutboxState::AboveHighWater);
    }
    for number in 1..3 {
        assert_eq!(lab.submit(publisher, news(number)), SessionFlow::Wait);
        assert_eq!(lab.take_congested(publisher), MAX_CONGESTED_PER_PUBLISHER);
    }
}

#[test]
fn testaments_count_in_the_realm_until_they_are_delivered() {
    let mut lab = lab_with_slow_store();
    let count =
        SharedLimits::DEFAULT.max_testament_bytes / SessionLimits::DEFAULT.max_testament_bytes;
    let will =
        json!(["com.will", ["x".repeat(SessionLimits::DEFAULT.max_testament_bytes - 2_048)], null]);
    let heir = lab.join("heir");
    subscribe(&mut lab, heir, "com.will");
    for _ in 0..count {
        let leaver = lab.join("leaver");
        hold_back(&mut lab, leaver);
        assert_eq!(lab.ask(leaver, ADD_TESTAMENT, will.clone()), Ok(json!([null])));
        lab.disconnect(leaver);
    }
    assert_eq!(lab.received(heir), []);
    let (error, _) = lab.ask(heir, ADD_TESTAMENT, will.clone()).unwrap_err();
    assert_eq!(error, error_uri::LIMIT_REACHED);
    finish_storing(&mut lab);
    assert_eq!(lab.received(heir).len(), count);
    assert_eq!(lab.ask(heir, ADD_TESTAMENT, will), Ok(json!([null])));
    lab.disconnect(heir);
    assert!(lab.realm().is_empty());
}

#[test]
fn topic_of_a_testament_counts_in_its_bytes() {
    let mut lab = Lab::new();
    let leaver = lab.join("leaver");
    let text = "x".repeat(SessionLimits::DEFAULT.max_testament_bytes - 1_500);
    let will = |topic: &str| json!([topic, [text], null]);
    let (error, _) = lab.ask(leaver, ADD_TESTAMENT, will(&"a".repeat(2_000))).unwrap_err();
    assert_eq!(error, error_uri::LIMIT_REACHED);
    assert_eq!(lab.ask(leaver, ADD_TESTAMENT, will("com.will")), Ok(json!([null])));
}

#[test]
fn joins_are_refused_while_too_many_sessions_are_detached() {
    let mut lab = lab_with_slow_store();
    for _ in 0..SharedLimits::DEFAULT.max_detached_sessions {
        let leaver = lab.join("leaver");
        hold_back(&mut lab, leaver);
        lab.disconnect(leaver);
    }
    let refusal = lab.attach(Client::named("late").into()).unwrap_err();
    assert_eq!(refusal, Refusal::RealmBusy("realm1".into()));
    assert_eq!(refusal.reason(Compatibility::Wamp), error_uri::UNAVAILABLE);
    // Internal sessions are few, and clients need some of them.
    let own = Admitted { is_internal: true, ..Client::named("own").into() };
    let own = lab.attach(own).unwrap();
    finish_storing(&mut lab);
    let late = lab.attach(Client::named("late").into()).unwrap();
    for peer in [own, late] {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn meta_events_beyond_the_limit_are_dropped_and_counted() {
    let mut lab = lab_with_slow_store();
    let [watcher, subject, other] = ["watcher", "subject", "other"].map(|name| lab.join(name));
    subscribe(&mut lab, watcher, "wamp.session.on_stats");
    hold_back(&mut lab, subject);
    let metered = Metered {
        session: lab.key(subject),
        principal: Principal {
            authid: "x".repeat(32_768).into(),
            authrole: "anyone".into(),
            authmethod: "anonymous".into(),
            authprovider: "static".into(),
        },
        transport: None,
    };
    let stats = SessionStats::default();
    let enough = SharedLimits::DEFAULT.max_outgoing_meta_bytes / 32_768 + 10;
    for _ in 0..enough {
        lab.publish_stats(&metered, &stats);
    }
    let dropped = usize::try_from(lab.take_dropped_meta_events()).unwrap();
    assert!(dropped >= 10 && dropped < enough / 2, "{dropped} of {enough}");
    assert_eq!(lab.take_dropped_meta_events(), 0);
    // Publications of sessions have a separate limit.
    lab.send(other, client::publish_with(1, client::acknowledged(), "com.news", NOTHING));
    assert_eq!(error_of(&mut lab, other), None);
    finish_storing(&mut lab);
    assert_eq!(lab.received(watcher).len(), enough - dropped);
    lab.publish_stats(&metered, &stats);
    assert_eq!((lab.received(watcher).len(), lab.take_dropped_meta_events()), (1, 0));
}

#[test]
fn unacknowledged_events_of_a_realm_are_limited() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let mut able = Client::named("able");
    able.roles.subscriber = Some(Features::of(&[Feature::AcknowledgedEventDelivery]));
    let [publisher, other] = [lab.join_as(able), lab.join_as(able)];
    let subscribers: Vec<_> = (0..1_000).map(|_| lab.join_as(able)).collect();
    subscribers.iter().for_each(|peer| subscribe(&mut lab, *peer, "com.job"));
    let job = |number| {
        let options =
            PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
        client::publish_with(number, options, "com.job", NOTHING)
    };
    let fitting = (SharedLimits::DEFAULT.max_unacknowledged_events / subscribers.len()) as u64;
    for number in 1..=fitting {
        lab.send(publisher, job(number));
        assert_eq!(subscribers.iter().map(|peer| lab.received(*peer).len()).sum::<usize>(), 1_000);
    }
    let publication = lab.last_publication();
    assert_eq!(lab.received(publisher), []);
    // It is sent and waits for no subscriber.
    lab.send(publisher, job(fitting + 1));
    assert_eq!(subscribers.iter().map(|peer| lab.received(*peer).len()).sum::<usize>(), 1_000);
    assert_eq!(error_of(&mut lab, publisher).as_deref(), Some(error_uri::LIMIT_REACHED));
    for peer in &subscribers {
        lab.send(*peer, client::event_received(publication));
    }
    assert_eq!(lab.received(publisher).len(), 1, "PUBLISHED");
    lab.send(other, job(1));
    assert_eq!(lab.received(other), []);
    for peer in [publisher, other].iter().chain(&subscribers) {
        lab.disconnect(*peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn publications_are_refused_at_the_limit_of_unacknowledged_events() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let mut able = Client::named("able");
    able.roles.subscriber = Some(Features::of(&[Feature::AcknowledgedEventDelivery]));
    let [publisher, other] = [lab.join_as(able), lab.join_as(able)];
    let subscribers: Vec<_> = (0..1_024).map(|_| lab.join_as(able)).collect();
    subscribers.iter().for_each(|peer| subscribe(&mut lab, *peer, "com.job"));
    let options = PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
    for number in 1..=(SharedLimits::DEFAULT.max_unacknowledged_events / 1_024) as u64 {
        lab.send(publisher, client::publish_with(number, options.clone(), "com.job", NOTHING));
        subscribers.iter().for_each(|peer| assert_eq!(lab.received(*peer).len(), 1));
    }
    lab.send(other, client::publish_with(1, options, "com.job", NOTHING));
    assert_eq!(error_of(&mut lab, other).as_deref(), Some(error_uri::LIMIT_REACHED));
    assert_eq!(lab.received(subscribers[0]), []);
    // Other publications are not affected.
    lab.send(other, client::publish_with(2, client::acknowledged(), "com.job", NOTHING));
    assert_eq!(error_of(&mut lab, other), None);
    assert_eq!(lab.received(subscribers[0]).len(), 1);
}

/// A realm with so many sessions that a list of them takes several steps.
fn large_realm() -> (Lab, Peer) {
    let mut lab = Lab::new();
    let caller = lab.join("caller");
    for _ in 0..1_100 {
        lab.join("other");
    }
    (lab, caller)
}

#[test]
fn long_answers_in_progress_in_a_realm_are_limited() {
    let (mut lab, caller) = large_realm();
    let limit = MAX_LISTINGS as u64;
    for number in 1..=limit {
        let _ = lab.begin(caller, client::call(number, "wamp.session.count", NOTHING));
    }
    assert_eq!(lab.received(caller), []);
    let _ = lab.begin(caller, client::call(limit + 1, "wamp.session.count", NOTHING));
    assert_eq!(error_of(&mut lab, caller).as_deref(), Some(error_uri::UNAVAILABLE));
    let by_authid = client::call(limit + 2, "wamp.session.kill_by_authid", args(["other"]));
    let _ = lab.begin(caller, by_authid);
    assert_eq!(error_of(&mut lab, caller).as_deref(), Some(error_uri::UNAVAILABLE));
    assert_eq!(lab.realm().session_count(), 1_101);
    // Short answers don't wait.
    let _ = lab.begin(caller, client::call(limit + 3, "wamp.subscription.list", NOTHING));
    assert_eq!(lab.received(caller).len(), 1);
    lab.work();
    assert_eq!(lab.received(caller).len(), MAX_LISTINGS);
    lab.send(caller, client::call(limit + 4, "wamp.session.count", NOTHING));
    assert_eq!(error_of(&mut lab, caller), None);
}

#[test]
fn bytes_of_the_arguments_of_waiting_calls_are_limited() {
    let (mut lab, caller) = large_realm();
    let other = lab.join("other");
    let roles: Vec<_> = (0..1_000).map(|number| format!("{number:050}")).collect();
    let list = |number| client::call(number, "wamp.session.list", args([&roles]));
    let most = MAX_LISTING_BYTES / 50_000;
    let mut accepted = 0;
    for number in 1..=most as u64 {
        let _ = lab.begin(caller, list(number));
        if let Some(error) = error_of(&mut lab, caller) {
            assert_eq!(error, error_uri::UNAVAILABLE);
            break;
        }
        accepted += 1;
    }
    assert!(accepted > 100 && accepted < most, "{accepted} of {most}");
    // Calls of an ended session count until their turn, in which no work is done for them.
    lab.begin_disconnect(caller);
    let _ = lab.begin(other, list(1));
    assert_eq!(error_of(&mut lab, other).as_deref(), Some(error_uri::UNAVAILABLE));
    lab.work();
    lab.send(other, list(2));
    assert_eq!(error_of(&mut lab, other), None);
}

/// Events that the history drops meanwhile are in answers that are worked on, and in no other.
#[test]
fn waiting_requests_for_stored_events_hold_no_events() {
    let (size, count) = (8_000, 950);
    let pattern = UriPattern::new("com.kept", MatchPolicy::Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, count)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let caller = lab.join("caller");
    let text = "x".repeat(size);
    for _ in 0..count {
        lab.send(caller, client::publish(1, "com.kept", args([&text])));
    }
    let waiting = 4;
    for number in 1..=(MAX_LISTINGS_AT_WORK + waiting) as u64 {
        let get = client::call(number, "wamp.subscription.get_events", args([1]));
        let _ = lab.begin(caller, get);
    }
    for _ in 0..count {
        let _ = lab.begin(caller, client::publish(1, "com.kept", NOTHING));
    }
    let mut lengths = Vec::new();
    while lab.realm().has_work() {
        lab.step();
        for answer in lab.received(caller) {
            let RouterMessage::Result(result) = answer else { panic!("not {answer:?}") };
            lengths.push(result.payload.size());
        }
    }
    lengths.sort_unstable();
    let (short, long) = lengths.split_at(waiting);
    assert!(short.iter().all(|length| *length < size), "{short:?}");
    assert_eq!(long.len(), MAX_LISTINGS_AT_WORK);
    assert!(long.iter().all(|length| *length > size * count), "{long:?}");
}

#[test]
fn slow_consumers_are_reported_in_bounded_steps() {
    let mut lab = Lab::new();
    let [publisher, watcher] = ["publisher", "watcher"].map(|name| lab.join(name));
    subscribe(&mut lab, watcher, "cloverleaf.session.on_slow_consumer");
    let count = WORK_PER_STEP as usize / 4;
    for _ in 0..count {
        let subscriber = lab.join("subscriber");
        subscribe(&mut lab, subscriber, "com.news");
        lab.set_state(subscriber, OutboxState::Dropping);
    }
    let _ = lab.begin(publisher, news(1));
    let first = lab.received(watcher).len();
    assert!(first > 0 && first < count / 2, "{first} of {count} in the first step");
    lab.work();
    assert_eq!(first + lab.received(watcher).len(), count);
}

#[test]
fn names_of_groups_and_nodes_count_in_the_bytes_of_subscribed_uris() {
    let mut lab = Lab::with(RealmSettings { meta_api: false, ..settings() });
    let subscriber = lab.join("subscriber");
    let name = "g".repeat(MAX_MEMBERSHIP_BYTES);
    let grouped = || SubscribeOptions { group: Some(name.as_str().into()), ..Default::default() };
    let node = || SubscribeOptions { nkey: Some(name.as_str().into()), ..Default::default() };
    let topic = |number: usize| format!("t.{number:06}");
    let mut ask = |number: usize, options: SubscribeOptions| {
        lab.send(subscriber, client::subscribe_with(1, options, &topic(number)));
        match lab.received(subscriber).pop() {
            Some(RouterMessage::Subscribed(_)) => Ok(()),
            Some(RouterMessage::Error(error)) => Err(error.error.to_string()),
            other => panic!("an answer, not {other:?}"),
        }
    };
    let refused = Err(error_uri::LIMIT_REACHED.to_owned());
    ask(0, SubscribeOptions::default()).unwrap();
    let fitting = (SessionLimits::DEFAULT.max_uri_bytes - 8) / (8 + MAX_MEMBERSHIP_BYTES);
    for number in 1..=fitting {
        ask(number, if number % 2 == 0 { grouped() } else { node() }).unwrap();
    }
    assert_eq!(ask(fitting + 1, grouped()), refused);
    assert_eq!(ask(0, grouped()), refused, "a longer name for the same subscription");
    ask(1, node()).unwrap();
    ask(1, SubscribeOptions::default()).unwrap();
    ask(0, grouped()).unwrap();
    assert_eq!(ask(1, node()), refused);
    lab.disconnect(subscriber);
    assert!(lab.realm().is_empty());
}
