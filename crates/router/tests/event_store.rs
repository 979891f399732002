//! Publications into histories that outlive the realm: PUBLISHED comes when the event is safe.
//!
//! Spec: basic profile "Publishing and Events", "Ordering Guarantees"; advanced profile "Event
//! History"; decisions F6 (PUBLISHED and the publisher's own event).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cloverleaf_router::limits::MAX_HISTORY_BYTES;
use cloverleaf_router::{EventStore, HistorySettings, Next, RealmSettings, Ticket};
use cloverleaf_testkit::messages::{args, client, router};
use cloverleaf_testkit::{Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::ids::PublicationId;
use cloverleaf_wamp::message::{PublishOptions, RequestKind, RouterMessage};
use cloverleaf_wamp::uri::{MatchPolicy, UriPattern, UriRule};

/// A store that says nothing by itself: what it was given is safe when the test says so.
#[derive(Debug, Clone, Default)]
struct Store {
    given: Arc<AtomicU64>,
    is_full: Arc<AtomicBool>,
}

impl EventStore for Store {
    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    fn keep(&mut self, _: &UriPattern, _: Vec<u8>) -> Ticket {
        Ticket(self.given.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A realm that stores what is published below `com.kept.`, and somebody who hears itself there and
/// on `com.news`, which nobody stores.
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
            histories: vec![HistorySettings { pattern, limit: 10, records: Vec::new() }],
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

/// Options with which a publisher hears its own event and is answered.
fn heard() -> PublishOptions {
    PublishOptions { exclude_me: Some(false), ..client::acknowledged() }
}

#[test]
fn a_stored_event_is_heard_at_once_and_acknowledged_when_it_is_safe() {
    let mut archive = Archive::new();
    let first = archive.publish(3, heard(), "com.kept.a");
    let second = archive.publish(4, heard(), "com.kept.a");
    let third = archive.publish(5, heard(), "com.kept.a");
    let event = |number, publication| router::event(2, publication, args([number]));
    assert_eq!(archive.received(), [event(3, first), event(4, second), event(5, third)]);
    archive.lab.stored(Ticket(2), Ok(()));
    assert_eq!(archive.received(), [router::published(3, first), router::published(4, second)]);
    archive.lab.stored(Ticket(3), Err("the disk is full"));
    let lost = router::refused(RequestKind::Publish, 5, error_uri::UNAVAILABLE, "the disk is full");
    assert_eq!(archive.received(), [lost]);
    archive.lab.disconnect(archive.alice);
    assert!(archive.lab.realm().is_empty());
}

/// Decisions F6: as in a realm that stores nothing.
#[test]
fn published_comes_before_the_publishers_own_event_where_the_event_is_not_stored() {
    let mut archive = Archive::new();
    let news = archive.publish(3, heard(), "com.news");
    let event = router::event(3, news, args([3]));
    assert_eq!(archive.received(), [router::published(3, news), event]);
    // Nothing is kept of what names sessions, though its topic has a history.
    let listed = Some(vec![archive.lab.id(archive.alice)]);
    let named = archive.publish(4, PublishOptions { eligible: listed, ..heard() }, "com.kept.a");
    let event = router::event(2, named, args([4]));
    assert_eq!(archive.received(), [router::published(4, named), event]);
    assert_eq!(archive.store.given.load(Ordering::Relaxed), 0);
}

#[test]
fn who_waits_for_its_subscribers_too_hears_which_of_both_has_failed() {
    let asking =
        || PublishOptions { x_acknowledged_delivery: Some(true), ..client::acknowledged() };
    let mut archive = Archive::new();
    archive.publish(3, asking(), "com.kept.a");
    assert_eq!(archive.received(), []);
    archive.lab.stored(Ticket(1), Err("the disk is full"));
    let lost = router::refused(RequestKind::Publish, 3, error_uri::UNAVAILABLE, "the disk is full");
    assert_eq!(archive.received(), [lost]);
    let safe = archive.publish(4, asking(), "com.kept.a");
    archive.lab.stored(Ticket(2), Ok(()));
    assert_eq!(archive.received(), [router::published(4, safe)]);
}

#[test]
fn an_event_that_is_larger_than_a_history_is_acknowledged_without_one() {
    let mut archive = Archive::new();
    let huge = "x".repeat(MAX_HISTORY_BYTES);
    let message = client::publish_with(3, client::acknowledged(), "com.kept.a", args([huge]));
    archive.lab.send(archive.alice, message);
    let publication = archive.lab.last_publication();
    assert_eq!(archive.received(), [router::published(3, publication)]);
    assert_eq!(archive.store.given.load(Ordering::Relaxed), 0);
}

#[test]
fn a_store_without_room_refuses_only_what_it_would_have_to_take() {
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
}

/// Decisions F1.
#[test]
fn the_number_of_a_publication_that_is_not_acknowledged_yet_can_not_be_used_again() {
    let mut archive = Archive::new();
    let first = archive.publish(3, heard(), "com.kept.a");
    archive.lab.stored(Ticket(1), Ok(()));
    let event = router::event(2, first, args([3]));
    assert_eq!(archive.received(), [event, router::published(3, first)]);
    archive.publish(3, client::acknowledged(), "com.kept.a");
    for options in [client::acknowledged(), PublishOptions::default()] {
        let mut archive = Archive::new();
        archive.publish(3, client::acknowledged(), "com.kept.a");
        let again = client::publish_with(3, options, "com.news", args([3]));
        assert_eq!(archive.lab.submit(archive.alice, again), Next::Close);
        let text = "request id 3 is used twice at the same time";
        assert_eq!(archive.received(), [router::violation(text)]);
        archive.lab.stored(Ticket(1), Ok(()));
        assert_eq!(archive.received(), []);
        assert!(archive.lab.realm().is_empty());
    }
}
