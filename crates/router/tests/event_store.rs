//! Publications into histories that outlive the realm: PUBLISHED comes when the event is stored.
//!
//! Spec: basic profile "Publishing and Events", "Ordering Guarantees"; advanced profile "Event
//! History"; `docs/decisions/traps.md#f6` (PUBLISHED and the publisher's own event).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cloverleaf_router::limits::SessionLimits;
use cloverleaf_router::{
    EventStore, HistoryId, HistoryQuery, HistorySettings, RealmSettings, Record, SessionFlow,
    StoreTicket,
};
use cloverleaf_testkit::messages::{args, client, router};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{PublishOptions, RequestKind, RouterMessage};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};
use parking_lot::Mutex;

/// A store that is controlled by the test: an event is stored when the test says so.
#[derive(Debug, Clone, Default)]
struct Store {
    given: Arc<AtomicU64>,
    is_full: Arc<AtomicBool>,
    dropped: Arc<AtomicU64>,
    records: Arc<Mutex<Vec<Record>>>,
    readings: Arc<Mutex<Vec<HistoryQuery>>>,
}

impl EventStore for Store {
    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    fn append(&mut self, _: HistoryId, record: Record) -> StoreTicket {
        self.records.lock().push(record);
        StoreTicket(self.given.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn note_dropped(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&mut self, _: HistoryId, reading: HistoryQuery) -> bool {
        self.readings.lock().push(reading);
        !self.is_full.load(Ordering::Relaxed)
    }
}

/// A realm that stores events below `com.kept.`, and a publisher that gets its own events there and
/// on `com.news`, which is not stored.
struct Archive {
    lab: Lab,
    store: Store,
    alice: Peer,
}

impl Archive {
    fn new() -> Self {
        let store = Store::default();
        let pattern = UriPattern::new("com.kept.", MatchPolicy::Prefix, UriRule::Loose).unwrap();
        let mut lab = Lab::with(RealmSettings {
            histories: vec![HistorySettings::new(pattern, 10)],
            event_store: Some(Box::new(store.clone())),
            ..settings()
        });
        let alice = lab.join("alice");
        for (number, topic) in [(1, "com.kept.a"), (2, "com.news")] {
            lab.send(alice, client::subscribe(number, topic));
        }
        lab.received(alice);
        Self { lab, store, alice }
    }

    fn publish(&mut self, number: u64, options: PublishOptions, topic: &str) -> PublicationId {
        let message = client::publish_with(number, options, topic, args([number]));
        self.lab.send(self.alice, message);
        self.lab.last_publication()
    }

    fn received(&mut self) -> Vec<RouterMessage> {
        self.lab.received(self.alice)
    }
}

/// Options with which a publisher gets its own event and is acknowledged.
fn heard() -> PublishOptions {
    PublishOptions { exclude_me: Some(false), ..client::acknowledged() }
}

#[test]
fn event_is_acknowledged_and_sent_when_it_is_stored_and_not_when_it_is_lost() {
    let mut archive = Archive::new();
    let first = archive.publish(3, heard(), "com.kept.a");
    let second = archive.publish(4, heard(), "com.kept.a");
    archive.publish(5, heard(), "com.kept.a");
    assert_eq!(archive.received(), []);
    archive.lab.stored(StoreTicket(2), Ok(()));
    let event = |number, publication| router::event(2, publication, args([number]));
    let published = router::published;
    let safe = [published(3, first), event(3, first), published(4, second), event(4, second)];
    assert_eq!(archive.received(), safe);
    archive.lab.stored(StoreTicket(3), Err("the disk is full"));
    let lost = router::refused(RequestKind::Publish, 5, error_uri::UNAVAILABLE, "the disk is full");
    assert_eq!(archive.received(), [lost]);
    archive.lab.disconnect(archive.alice);
    assert!(archive.lab.realm().is_empty());
}

#[test]
fn publications_behind_an_unstored_event_keep_their_order() {
    let mut archive = Archive::new();
    let silent = || PublishOptions { exclude_me: Some(false), ..PublishOptions::default() };
    let stored = archive.publish(3, heard(), "com.kept.a");
    let news = archive.publish(4, silent(), "com.news");
    let unacknowledged = archive.publish(5, silent(), "com.kept.a");
    assert_eq!(archive.received(), []);
    archive.lab.stored(StoreTicket(1), Ok(()));
    let event = router::event;
    let expected = [
        router::published(3, stored),
        event(2, stored, args([3])),
        event(3, news, args([4])),
        event(2, unacknowledged, args([5])),
    ];
    assert_eq!(archive.received(), expected);
    // With nothing before it, an unacknowledged publication does not wait.
    let alone = archive.publish(6, silent(), "com.kept.a");
    assert_eq!(archive.received(), [event(2, alone, args([6]))]);
    archive.lab.stored(StoreTicket(3), Ok(()));
    assert_eq!(archive.received(), []);
}

#[test]
fn other_sessions_do_not_wait_for_an_unstored_publication() {
    let mut archive = Archive::new();
    let bob = archive.lab.join("bob");
    archive.publish(3, heard(), "com.kept.a");
    archive.lab.send(bob, client::publish(1, "com.news", args(["bob"])));
    let publication = archive.lab.last_publication();
    assert_eq!(archive.received(), [router::event(3, publication, args(["bob"]))]);
}

#[test]
fn events_of_an_ended_session_are_sent_when_they_are_stored() {
    let mut archive = Archive::new();
    let bob = archive.lab.join("bob");
    let message = client::publish_with(1, client::acknowledged(), "com.kept.a", args([1]));
    archive.lab.send(bob, message);
    let publication = archive.lab.last_publication();
    archive.lab.disconnect(bob);
    archive.lab.stored(StoreTicket(1), Ok(()));
    assert_eq!(archive.received(), [router::event(2, publication, args([1]))]);
    archive.lab.disconnect(archive.alice);
    assert!(archive.lab.realm().is_empty());
}

/// `docs/decisions/traps.md#f6`: as in a realm without a store.
#[test]
fn removal_of_a_session_ends_when_its_publications_are_stored() {
    let mut archive = Archive::new();
    let bob = archive.lab.join("bob");
    let subscriptions = 200;
    for number in 1..=subscriptions {
        archive.lab.send(bob, client::subscribe(number, &format!("com.other.{number}")));
    }
    let count = SessionLimits::DEFAULT.max_outgoing_publications as u64;
    for number in 0..count {
        let (request, options) = (subscriptions + 1 + number, client::acknowledged());
        let message = client::publish_with(request, options, "com.kept.a", args([number]));
        let next = archive.lab.begin(bob, message);
        assert_eq!(next == SessionFlow::Wait, number + 1 == count);
    }
    archive.lab.begin_disconnect(bob);
    let steps = (0..100).take_while(|_| archive.lab.step()).count();
    assert!(steps < 100, "nothing is tried again before the events are stored");
    assert_eq!(archive.received().len(), 0);
    archive.lab.stored(StoreTicket(count), Ok(()));
    archive.lab.work();
    assert_eq!(archive.received().len() as u64, count);
    archive.lab.disconnect(archive.alice);
    assert!(archive.lab.realm().is_empty());
}

#[test]
fn published_comes_before_the_publishers_own_event_where_the_event_is_not_stored() {
    let mut archive = Archive::new();
    let news = archive.publish(3, heard(), "com.news");
    let event = router::event(3, news, args([3]));
    assert_eq!(archive.received(), [router::published(3, news), event]);
    // An event for named sessions is not stored, though its topic has a history.
    let listed = Some(vec![archive.lab.id(archive.alice)]);
    let named = archive.publish(4, PublishOptions { eligible: listed, ..heard() }, "com.kept.a");
    let event = router::event(2, named, args([4]));
    assert_eq!(archive.received(), [router::published(4, named), event]);
    assert_eq!(archive.store.given.load(Ordering::Relaxed), 0);
}

#[test]
fn acknowledged_delivery_reports_a_failed_store_and_a_failed_receiver() {
    let asking =
        || PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
    let mut archive = Archive::new();
    archive.publish(3, asking(), "com.kept.a");
    assert_eq!(archive.received(), []);
    archive.lab.stored(StoreTicket(1), Err("the disk is full"));
    let lost = router::refused(RequestKind::Publish, 3, error_uri::UNAVAILABLE, "the disk is full");
    assert_eq!(archive.received(), [lost]);
    let safe = archive.publish(4, asking(), "com.kept.a");
    archive.lab.stored(StoreTicket(2), Ok(()));
    assert_eq!(archive.received(), [router::published(4, safe)]);
}

#[test]
fn full_store_refuses_only_events_of_its_topics() {
    let mut archive = Archive::new();
    archive.store.is_full.store(true, Ordering::Relaxed);
    archive.publish(3, heard(), "com.kept.a");
    let text = "the store of events is busy; the event was not published";
    let busy = router::refused(RequestKind::Publish, 3, error_uri::UNAVAILABLE, text);
    assert_eq!(archive.received(), [busy]);
    let listed = Some(vec![archive.lab.id(archive.alice)]);
    for (number, id, topic, eligible) in [(4, 3, "com.news", None), (5, 2, "com.kept.a", listed)] {
        let options = PublishOptions { eligible, ..heard() };
        let publication = archive.publish(number, options, topic);
        let event = router::event(id, publication, args([number]));
        assert_eq!(archive.received(), [router::published(number, publication), event]);
    }
    // An unacknowledged publication is dropped, which is counted.
    let options = PublishOptions { acknowledge: None, ..heard() };
    archive.publish(6, options, "com.kept.a");
    assert_eq!(archive.received(), []);
    assert_eq!(archive.store.dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn query_is_answered_when_the_store_has_the_events() {
    let mut archive = Archive::new();
    for number in [3, 4] {
        archive.publish(number, PublishOptions::default(), "com.kept.a");
    }
    archive.lab.send(archive.alice, client::call(5, "wamp.subscription.get_events", args([1])));
    assert_eq!(archive.received(), []);
    assert_eq!(archive.lab.realm().calls_in_flight(), 0);
    let mut reading = archive.store.readings.lock().pop().expect("a reading");
    let records = std::mem::take(&mut *archive.store.records.lock());
    assert!(reading.visit(b"no record").is_err());
    for record in &records {
        assert!(reading.visit(&record.bytes).expect("a record").is_continue());
    }
    archive.lab.finish_history_query(reading.answer(Ok(())));
    let received = archive.received();
    let [RouterMessage::Result(result)] = received.as_slice() else { panic!("{received:?}") };
    let events: Vec<serde_json::Value> = result.payload.decode_args().expect("a list");
    let numbers: Vec<_> = events.iter().map(|event| event["args"][0].as_u64()).collect();
    assert_eq!(numbers, [Some(3), Some(4)]);
}

/// `docs/decisions/traps.md#f1`.
#[test]
fn request_id_of_an_unacknowledged_publication_can_not_be_reused() {
    let mut archive = Archive::new();
    let first = archive.publish(3, heard(), "com.kept.a");
    archive.lab.stored(StoreTicket(1), Ok(()));
    let event = router::event(2, first, args([3]));
    assert_eq!(archive.received(), [router::published(3, first), event]);
    archive.publish(3, client::acknowledged(), "com.kept.a");
    for options in [client::acknowledged(), PublishOptions::default()] {
        let mut archive = Archive::new();
        archive.publish(3, client::acknowledged(), "com.kept.a");
        let again = client::publish_with(3, options, "com.news", args([3]));
        assert_eq!(archive.lab.submit(archive.alice, again), SessionFlow::Close);
        let text = "request id 3 is used twice at the same time";
        assert_eq!(archive.received(), [router::violation(text)]);
        archive.lab.stored(StoreTicket(1), Ok(()));
        assert_eq!(archive.received(), []);
        assert!(archive.lab.realm().is_empty());
    }
}
