//! Expensive requests are served in steps, between which other sessions are served.
//!
//! Spec: basic profile "Ordering Guarantees"; advanced profile "Event Retention", "Session Meta
//! API", "Subscriptions Meta API".

use std::time::Duration;

use cloverleaf_router::limits::{
    LISTING_WORK_AT_ONCE, MAX_LISTINGS_PER_SESSION, MAX_REPLAYS_PER_SESSION, SessionLimits,
    WORK_PER_STEP,
};
use cloverleaf_router::{HistorySettings, RealmSettings, SessionFlow};
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::features::{Feature, Features};
use cloverleaf_wamp::message::{ClientMessage, PublishOptions, RouterMessage, SubscribeOptions};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use serde_json::{Value, json};

/// A step may exceed its size by its last piece: a message, an event, a group.
const STEP: u32 = WORK_PER_STEP + 50;

/// A realm with `N` subscribers of `com.news`, and a publisher.
struct Audience {
    lab: Lab,
    publisher: Peer,
    subscribers: Vec<Peer>,
}

impl Audience {
    fn of(count: u32) -> Self {
        let mut lab = Lab::new();
        let publisher = lab.join("publisher");
        let subscribers: Vec<_> = (0..count)
            .map(|_| {
                let peer = lab.join("subscriber");
                lab.send(peer, client::subscribe(1, "com.news"));
                lab.received(peer);
                peer
            })
            .collect();
        Self { lab, publisher, subscribers }
    }

    /// The number of events that each subscriber has received.
    fn counts(&mut self) -> Vec<usize> {
        let Self { lab, subscribers, .. } = self;
        subscribers.iter().map(|peer| lab.received(*peer).len()).collect()
    }

    /// Finishes all work and returns the work of the longest step.
    fn longest_step(&mut self) -> u32 {
        let mut longest = 0;
        while self.lab.realm().has_work() {
            self.lab.step();
            longest = longest.max(self.lab.work_done());
        }
        longest
    }
}

fn news(number: u64) -> ClientMessage {
    client::publish(number, "com.news", args([number]))
}

#[test]
fn a_publication_to_many_subscribers_reaches_each_once_in_bounded_steps() {
    let mut audience = Audience::of(2 * WORK_PER_STEP + 10);
    assert_eq!(audience.lab.begin(audience.publisher, news(1)), SessionFlow::Continue);
    assert!(audience.lab.work_done() <= STEP);
    let first: usize = audience.counts().iter().sum();
    assert!(first > 0 && first < audience.subscribers.len(), "{first} in the first step");
    assert!(audience.longest_step() <= STEP);
    let rest: usize = audience.counts().iter().sum();
    assert_eq!(first + rest, audience.subscribers.len());
    assert!(!audience.lab.realm().has_work());
}

#[test]
fn publications_of_one_session_keep_their_order_while_those_of_others_go_on() {
    let mut audience = Audience::of(WORK_PER_STEP + 10);
    let other = audience.lab.join("other");
    assert_eq!(audience.lab.begin(audience.publisher, news(1)), SessionFlow::Continue);
    assert_eq!(audience.lab.begin(audience.publisher, news(2)), SessionFlow::Continue);
    assert_eq!(
        audience.lab.begin(other, client::call(1, "wamp.session.count", NOTHING)),
        SessionFlow::Continue
    );
    audience.longest_step();
    assert_eq!(audience.lab.received(other).len(), 1);
    let Audience { lab, subscribers, .. } = &mut audience;
    for peer in subscribers {
        let received = lab.received(*peer);
        let numbers: Vec<_> = received.iter().map(number_of).collect();
        assert_eq!(numbers, [1, 2]);
    }
}

fn number_of(message: &RouterMessage) -> u64 {
    let RouterMessage::Event(event) = message else { panic!("an event, not {message:?}") };
    let (number,): (u64,) = event.payload.decode_args().expect("a number");
    number
}

#[test]
fn a_subscriber_that_leaves_meanwhile_gets_nothing_after_unsubscribed() {
    let mut audience = Audience::of(WORK_PER_STEP + 10);
    let last = audience.subscribers[audience.subscribers.len() - 1];
    let _ = audience.lab.begin(audience.publisher, news(1));
    let _ = audience.lab.begin(last, client::unsubscribe(2, 1));
    audience.longest_step();
    assert_eq!(audience.lab.received(last), [router::unsubscribed(2)]);
}

#[test]
fn publisher_far_ahead_of_its_subscribers_is_paused_and_resumed() {
    let mut audience = Audience::of(WORK_PER_STEP + 10);
    let limit = SessionLimits::DEFAULT.max_outgoing_publications as u64;
    for number in 1..limit {
        assert_eq!(audience.lab.begin(audience.publisher, news(number)), SessionFlow::Continue);
    }
    assert_eq!(audience.lab.begin(audience.publisher, news(limit)), SessionFlow::Wait);
    assert_eq!(audience.lab.take_wait(audience.publisher), (0, true));
    assert_eq!(audience.lab.resumed(audience.publisher), 0);
    while audience.lab.resumed(audience.publisher) == 0 {
        assert!(audience.lab.step(), "it is resumed before everything is done");
    }
    assert_eq!(audience.lab.begin(audience.publisher, news(limit + 1)), SessionFlow::Wait);
}

#[test]
fn publications_reach_all_subscribers_after_their_session_has_left() {
    let mut audience = Audience::of(WORK_PER_STEP + 10);
    let _ = audience.lab.begin(audience.publisher, news(1));
    let _ = audience.lab.begin(audience.publisher, news(2));
    audience.lab.disconnect(audience.publisher);
    assert!(audience.counts().iter().all(|count| *count == 2));
    let Audience { mut lab, subscribers, .. } = audience;
    for peer in subscribers {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

/// Sixteen components have 65,536 wildcard patterns.
#[test]
fn a_publication_that_matches_very_many_patterns_is_bounded_by_steps() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    let topic = ["a"; 14].join(".");
    let options = || SubscribeOptions {
        match_policy: Some(MatchPolicy::Wildcard),
        ..SubscribeOptions::default()
    };
    let mut subscribers = Vec::new();
    for block in 0..12_u32 {
        let peer = lab.join("subscriber");
        for number in 0..1_000 {
            let bits = block * 1_000 + number;
            let component = |bit: u32| if bits >> bit & 1 == 1 { "" } else { "a" };
            let pattern: Vec<_> = (0..14).map(component).collect();
            lab.send(
                peer,
                client::subscribe_with(u64::from(number) + 1, options(), &pattern.join(".")),
            );
        }
        lab.received(peer);
        subscribers.push(peer);
    }
    let _ = lab.begin(publisher, client::publish(1, &topic, NOTHING));
    let mut steps = 1;
    assert!(lab.work_done() <= STEP + 1_024);
    while lab.realm().has_work() {
        lab.step();
        assert!(lab.work_done() <= STEP + 1_024, "{}", lab.work_done());
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    for peer in subscribers {
        assert_eq!(lab.received(peer).len(), 1_000);
    }
}

#[test]
fn acknowledgement_before_the_end_of_the_fan_out_counts() {
    let mut lab = Lab::new();
    let publisher = lab.join("publisher");
    let mut able = Client::named("able");
    able.roles.subscriber = Some(Features::of(&[Feature::AcknowledgedEventDelivery]));
    let subscribers: Vec<_> = (0..WORK_PER_STEP + 10)
        .map(|_| {
            let peer = lab.join_as(able);
            lab.send(peer, client::subscribe(1, "com.news"));
            lab.received(peer);
            peer
        })
        .collect();
    let options = PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
    let _ = lab.begin(publisher, client::publish_with(1, options, "com.news", NOTHING));
    let publication = lab.last_publication();
    let has_it: Vec<_> =
        subscribers.iter().filter(|peer| !lab.received(**peer).is_empty()).copied().collect();
    assert!(has_it.len() < subscribers.len());
    for peer in has_it {
        lab.send(peer, ClientMessage::EventReceived(publication));
    }
    assert_eq!(lab.received(publisher), []);
    for peer in subscribers {
        if !lab.received(peer).is_empty() {
            lab.send(peer, ClientMessage::EventReceived(publication));
        }
    }
    assert_eq!(lab.received(publisher), [router::published(1, publication)]);
    assert!(lab.realm().is_acknowledged());
}

#[test]
fn a_long_list_of_sessions_is_collected_in_steps_while_others_are_served() {
    let mut audience = Audience::of(3 * LISTING_WORK_AT_ONCE);
    let Audience { lab, publisher, subscribers } = &mut audience;
    assert_eq!(
        lab.begin(*publisher, client::call(1, "wamp.session.list", NOTHING)),
        SessionFlow::Continue
    );
    assert_eq!(lab.received(*publisher), []);
    assert!(lab.work_done() <= LISTING_WORK_AT_ONCE + 50);
    let other = subscribers[0];
    let _ = lab.begin(other, client::subscribe(2, "com.other"));
    assert_eq!(lab.received(other).len(), 1);
    lab.work();
    let received = lab.received(*publisher);
    let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
    let (ids,): (Vec<u64>,) = result.payload.decode_args().expect("a list");
    assert_eq!(ids.len(), subscribers.len() + 1);
}

#[test]
fn a_session_that_asks_for_many_long_lists_waits_for_some_of_them() {
    let mut audience = Audience::of(3 * LISTING_WORK_AT_ONCE);
    let Audience { lab, publisher, .. } = &mut audience;
    let limit = u64::from(MAX_LISTINGS_PER_SESSION);
    for number in 1..limit {
        let list = client::call(number, "wamp.subscription.list_subscribers", args([1]));
        assert_eq!(lab.begin(*publisher, list), SessionFlow::Continue);
    }
    let list = client::call(limit, "wamp.session.list", NOTHING);
    assert_eq!(lab.begin(*publisher, list), SessionFlow::Wait);
    assert_eq!(lab.take_wait(*publisher), (0, true));
    lab.work();
    assert_eq!(lab.received(*publisher).len() as u64, limit);
    assert_eq!(lab.resumed(*publisher), 1);
    assert_eq!(lab.take_wait(*publisher), (0, false));
}

#[test]
fn a_listing_of_a_session_that_leaves_meanwhile_ends_with_it() {
    let mut audience = Audience::of(3 * LISTING_WORK_AT_ONCE);
    let Audience { lab, publisher, subscribers } = &mut audience;
    let _ = lab.begin(*publisher, client::call(1, "wamp.session.list", NOTHING));
    lab.disconnect(*publisher);
    assert_eq!(lab.realm().calls_in_flight(), 0);
    for peer in subscribers {
        lab.disconnect(*peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn session_with_many_subscriptions_is_removed_in_steps() {
    let mut lab = Lab::new();
    let (leaving, other) = (lab.join("leaving"), lab.join("other"));
    for number in 1..=u64::from(WORK_PER_STEP) {
        lab.send(leaving, client::subscribe(number, &format!("com.topic.{number}")));
    }
    lab.send(leaving, client::register(1, "com.procedure"));
    let goodbye = client::goodbye(cloverleaf_wamp::error_uri::CLOSE_NORMAL);
    assert_eq!(lab.begin(leaving, goodbye), SessionFlow::Left);
    assert!(lab.realm().has_work());
    lab.received(other);
    // The procedure is gone with its session, whatever is left to be removed.
    let _ = lab.begin(other, client::register(1, "com.procedure"));
    let received = lab.received(other);
    assert!(matches!(received.as_slice(), [RouterMessage::Registered(_)]), "{received:?}");
    lab.work();
    lab.disconnect(other);
    assert!(lab.realm().is_empty());
}

#[test]
fn killing_many_sessions_is_done_in_steps_and_answered_at_the_end() {
    let mut audience = Audience::of(WORK_PER_STEP / 2);
    let Audience { lab, publisher, subscribers } = &mut audience;
    let kill = client::call(1, "wamp.session.kill_by_authid", args(["subscriber"]));
    let _ = lab.begin(*publisher, kill);
    assert_eq!(lab.received(*publisher), []);
    lab.work();
    let received = lab.received(*publisher);
    let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
    let (ids,): (Vec<u64>,) = result.payload.decode_args().expect("a list");
    assert_eq!(ids.len(), subscribers.len());
    assert_eq!(lab.realm().session_count(), 1);
}

#[test]
fn a_long_history_is_read_in_steps() {
    let pattern = UriPattern::new("com.log", MatchPolicy::Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, 10_000)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let reader = lab.join("reader");
    let listed = PublishOptions {
        eligible_authid: Some((0..100).map(|number| format!("somebody {number}").into()).collect()),
        ..PublishOptions::default()
    };
    for number in 1..=5_000 {
        let message = client::publish_with(number, listed.clone(), "com.log", args([number]));
        lab.send(reader, message);
    }
    let get = client::call(1, "wamp.subscription.get_events", args([1]));
    let _ = lab.begin(reader, get);
    assert!(lab.work_done() <= LISTING_WORK_AT_ONCE + 50);
    assert_eq!(lab.received(reader), []);
    lab.work();
    let received = lab.received(reader);
    let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
    let events: Vec<Value> = result.payload.decode_args().expect("a list");
    assert_eq!(events, Vec::<Value>::new(), "the lists name others");
}

/// A publisher with retained topics below `com.`, and a subscriber whose outbox takes few events.
struct Replay {
    lab: Lab,
    publisher: Peer,
    subscriber: Peer,
}

impl Replay {
    fn of(topics: u64) -> Self {
        let mut lab = Lab::new();
        let (publisher, subscriber) = (lab.join("publisher"), lab.join("subscriber"));
        for number in 0..topics {
            Self::retain(&mut lab, publisher, number, "old");
        }
        lab.set_room(subscriber, 0);
        Self { lab, publisher, subscriber }
    }

    fn retain(lab: &mut Lab, publisher: Peer, number: u64, text: &str) {
        let options = PublishOptions { retain: Some(true), ..PublishOptions::default() };
        let topic = format!("com.{number:06}");
        lab.send(publisher, client::publish_with(1, options, &topic, args([text])));
    }

    fn subscribe(&mut self) {
        let options = SubscribeOptions {
            match_policy: Some(MatchPolicy::Prefix),
            get_retained: Some(true),
            ..SubscribeOptions::default()
        };
        self.lab.send(self.subscriber, client::subscribe_with(1, options, "com."));
    }

    /// The topics and texts of received events, and whether each was retained.
    fn received(&mut self) -> Vec<(String, String, bool)> {
        let events = self.lab.received(self.subscriber);
        let event = |message: &RouterMessage| {
            let RouterMessage::Event(event) = message else { return None };
            let (text,): (String,) = event.payload.decode_args().expect("a text");
            let topic = event.details.topic.as_deref().expect("a topic").to_owned();
            Some((topic, text, event.details.retained == Some(true)))
        };
        events.iter().filter_map(event).collect()
    }
}

#[test]
fn retained_events_come_as_their_subscriber_reads_and_none_is_lost() {
    let mut replay = Replay::of(100);
    replay.subscribe();
    assert_eq!(replay.received().len(), 0);
    let mut all = Vec::new();
    for _ in 0..20 {
        replay.lab.set_room(replay.subscriber, 7);
        all.extend(replay.received());
    }
    let expected: Vec<_> =
        (0..100).map(|number| (format!("com.{number:06}"), "old".to_owned(), true)).collect();
    assert_eq!(all, expected);
}

#[test]
fn an_event_never_comes_before_the_retained_one_of_its_topic() {
    let mut replay = Replay::of(10);
    replay.subscribe();
    replay.lab.set_room(replay.subscriber, 3);
    let begun = replay.received().len();
    assert_eq!(begun, 3);
    // Live events: of a topic that has had its turn, of one that has not, of one that is retained
    // again, and of one without a retained event.
    let Replay { lab, publisher, .. } = &mut replay;
    lab.send(*publisher, client::publish(1, "com.000001", args(["new"])));
    lab.send(*publisher, client::publish(1, "com.000005", args(["new"])));
    Replay::retain(lab, *publisher, 7, "newer");
    lab.send(*publisher, client::publish(1, "com.000005", args(["newest"])));
    lab.send(*publisher, client::publish(1, "com.x", args(["new"])));
    let text = |topic: &str, text: &str, retained| (topic.to_owned(), text.to_owned(), retained);
    assert_eq!(
        replay.received(),
        [
            text("com.000001", "new", false),
            text("com.000005", "old", true),
            text("com.000005", "new", false),
            text("com.000007", "old", true),
            text("com.000007", "newer", false),
            text("com.000005", "newest", false),
            text("com.x", "new", false),
        ]
    );
    replay.lab.set_room(replay.subscriber, 100);
    let rest: Vec<_> =
        [3, 4, 6, 8, 9].map(|number| (format!("com.{number:06}"), "old".to_owned(), true)).to_vec();
    assert_eq!(replay.received(), rest);
}

#[test]
fn retained_events_that_are_left_are_not_sent_after_unsubscribed() {
    let mut replay = Replay::of(10);
    replay.subscribe();
    replay.lab.set_room(replay.subscriber, 3);
    assert_eq!(replay.received().len(), 3);
    replay.lab.send(replay.subscriber, client::unsubscribe(2, 1));
    replay.lab.set_room(replay.subscriber, 100);
    assert_eq!(replay.received(), []);
    replay.lab.disconnect(replay.subscriber);
    replay.lab.disconnect(replay.publisher);
    assert!(replay.lab.realm().is_empty());
}

#[test]
fn retained_event_is_sent_before_its_topic_is_cleared_and_not_after() {
    let mut replay = Replay::of(10);
    replay.subscribe();
    replay.lab.set_room(replay.subscriber, 3);
    assert_eq!(replay.received().len(), 3);
    let Replay { lab, publisher, subscriber } = &mut replay;
    let clear = || PublishOptions { retain: Some(true), ..PublishOptions::default() };
    for topic in ["com.000001", "com.000005", "com.000005"] {
        lab.send(*publisher, client::publish_with(1, clear(), topic, NOTHING));
    }
    let received = lab.received(*subscriber);
    let event = |message: &RouterMessage| {
        let RouterMessage::Event(event) = message else { panic!("an event, not {message:?}") };
        let topic = event.details.topic.as_deref().expect("a topic").to_owned();
        (topic, event.details.retained == Some(true), event.payload.is_empty())
    };
    let events: Vec<_> = received.iter().map(event).collect();
    let of = |topic: &str, retained, is_empty| (topic.to_owned(), retained, is_empty);
    assert_eq!(
        events,
        [
            of("com.000001", false, true),
            of("com.000005", true, false),
            of("com.000005", false, true),
            of("com.000005", false, true),
        ]
    );
    // Retained again after the replay has begun: sent once, as a live event.
    Replay::retain(lab, *publisher, 5, "anew");
    assert_eq!(replay.received(), [("com.000005".to_owned(), "anew".to_owned(), false)]);
    replay.lab.set_room(replay.subscriber, 100);
    let rest: Vec<_> =
        [3, 4, 6, 7, 8, 9].map(|n| (format!("com.{n:06}"), "old".to_owned(), true)).to_vec();
    assert_eq!(replay.received(), rest);
}

#[test]
fn retained_event_that_expires_while_its_subscriber_does_not_read_is_not_sent() {
    let mut replay = Replay::of(2);
    let Replay { lab, publisher, .. } = &mut replay;
    let brief = PublishOptions { retain: Some(true), ttl: Some(100), ..PublishOptions::default() };
    lab.send(*publisher, client::publish_with(1, brief, "com.000001.brief", args(["brief"])));
    replay.subscribe();
    replay.lab.pass(Duration::from_millis(100));
    replay.lab.set_room(replay.subscriber, 100);
    let topics: Vec<_> = replay.received().into_iter().map(|(topic, ..)| topic).collect();
    assert_eq!(topics, ["com.000000", "com.000001"]);
}

#[test]
fn session_with_many_replays_waits_until_its_subscriber_reads() {
    let mut replay = Replay::of(10);
    let Replay { lab, subscriber, .. } = &mut replay;
    let limit = MAX_REPLAYS_PER_SESSION as u64;
    for number in 1..=limit {
        let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
        let subscribe = client::subscribe_with(number, options, &format!("com.{number:06}"));
        let expected = if number == limit { SessionFlow::Wait } else { SessionFlow::Continue };
        assert_eq!(lab.begin(*subscriber, subscribe), expected, "{number}");
    }
    assert_eq!(lab.take_wait(*subscriber), (0, true));
    assert_eq!(lab.resumed(*subscriber), 0);
    lab.set_room(*subscriber, 100);
    assert_eq!(lab.resumed(*subscriber), 1);
    assert_eq!(lab.received(*subscriber).len() as u64, 2 * limit);
}

#[test]
fn event_times_follow_the_clock_on_the_wall_when_it_is_set() {
    let pattern = UriPattern::new("com.log", MatchPolicy::Exact, UriRule::Loose).unwrap();
    let histories = vec![HistorySettings::new(pattern, 10)];
    let mut lab = Lab::with(RealmSettings { histories, ..settings() });
    let peer = lab.join("peer");
    lab.send(peer, client::publish(1, "com.log", args([1])));
    lab.set_clock(3_600_000_000);
    lab.send(peer, client::publish(2, "com.log", args([2])));
    let events = lab.ask(peer, "wamp.subscription.get_events", json!([1])).unwrap();
    let times: Vec<_> = events.as_array().unwrap().iter().map(|e| &e["timestamp"]).collect();
    assert_eq!(times, ["2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z"]);
}
