//! Limits of retained events: their time to live, and the lack of room.
//!
//! Spec: advanced profile "Event Retention" leaves all of it to the router;
//! `docs/decisions/traps.md#f9`.

use std::time::Duration;

use cloverleaf_router::limits::SharedLimits;
use cloverleaf_router::{RealmSettings, RetentionSettings};
use cloverleaf_testkit::messages::{args, client, router};
use cloverleaf_testkit::{Client, Lab, Peer, settings};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{PublishOptions, RequestKind, RouterMessage, SubscribeOptions};

fn retain() -> PublishOptions {
    PublishOptions { retain: Some(true), ..client::acknowledged() }
}

fn only_for(name: &str) -> PublishOptions {
    PublishOptions { eligible_authid: Some(vec![name.into()]), ..retain() }
}

/// A realm with these limits, and a publisher.
fn keeping(retention: RetentionSettings) -> (Lab, Peer) {
    let mut lab = Lab::with(RealmSettings { retention, ..settings() });
    let publisher = lab.join("publisher");
    (lab, publisher)
}

/// Publishes a text and returns whether it was acknowledged; the only reason for a refusal is that
/// it can't be retained.
fn is_kept(lab: &mut Lab, from: Peer, options: PublishOptions, topic: &str, text: &str) -> bool {
    lab.send(from, client::publish_with(1, options, topic, args([text])));
    let full = "this realm has reached its largest number of kept events";
    let refusal = router::refused(RequestKind::Publish, 1, error_uri::LIMIT_REACHED, full);
    match lab.received(from).as_slice() {
        [RouterMessage::Published(_)] => true,
        [answer] if *answer == refusal => false,
        other => panic!("PUBLISHED or a refusal, not {other:?}"),
    }
}

/// The retained events of a topic for a client with this authid.
fn newcomer_hears(lab: &mut Lab, name: &'static str, topic: &str) -> Vec<String> {
    let peer = lab.join_as(Client::named(name));
    let options = SubscribeOptions { get_retained: Some(true), ..SubscribeOptions::default() };
    lab.send(peer, client::subscribe_with(1, options, topic));
    let text = |message: RouterMessage| match message {
        RouterMessage::Event(event) => {
            event.payload.decode_args().ok().map(|[text]: [String; 1]| text)
        }
        _ => None,
    };
    let heard = lab.received(peer).into_iter().filter_map(text).collect();
    lab.disconnect(peer);
    heard
}

#[test]
fn event_is_retained_for_its_own_ttl_or_that_of_the_realm() {
    let of_realm = Some(1_000);
    for (of_realm, of_event, lasts) in [
        (None, None, None),
        (None, Some(200), Some(200)),
        (of_realm, None, of_realm),
        (of_realm, Some(200), Some(200)),
        (of_realm, Some(5_000), Some(5_000)),
        // For ever.
        (of_realm, Some(0), None),
        (Some(0), None, None),
    ] {
        let (mut lab, publisher) =
            keeping(RetentionSettings { ttl: of_realm, ..RetentionSettings::default() });
        let case = format!("realm {of_realm:?}, event {of_event:?}");
        let options = PublishOptions { ttl: of_event, ..retain() };
        assert!(is_kept(&mut lab, publisher, options, "com.a", "state"));
        lab.pass(Duration::from_millis(lasts.unwrap_or(1 << 40) - 1));
        assert_eq!(newcomer_hears(&mut lab, "late", "com.a"), ["state"], "{case}");
        lab.pass(Duration::from_millis(1));
        let expected: &[&str] = if lasts.is_some() { &[] } else { &["state"] };
        assert_eq!(newcomer_hears(&mut lab, "late", "com.a"), expected, "{case}");
    }
}

#[test]
fn expired_restricted_event_reveals_the_one_for_all() {
    let (mut lab, publisher) = keeping(RetentionSettings::default());
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "for all"));
    let brief = PublishOptions { ttl: Some(100), ..only_for("ann") };
    assert!(is_kept(&mut lab, publisher, brief, "com.a", "for ann"));
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.a"), ["for ann"]);
    lab.pass(Duration::from_millis(100));
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.a"), ["for all"]);
}

#[test]
fn full_realm_retains_no_more_events() {
    let (mut lab, publisher) =
        keeping(RetentionSettings { max_events: 2, ..RetentionSettings::default() });
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "a"));
    assert!(is_kept(&mut lab, publisher, retain(), "com.b", "b"));
    assert!(!is_kept(&mut lab, publisher, retain(), "com.c", "c"));
    assert!(!is_kept(&mut lab, publisher, only_for("ann"), "com.a", "for ann"));
    // A later event takes the place of the one before.
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "a again"));
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.a"), ["a again"]);
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.b"), ["b"]);
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.c"), [""; 0]);
}

#[test]
fn event_that_can_not_be_retained_is_not_sent() {
    let (mut lab, publisher) =
        keeping(RetentionSettings { max_events: 0, ..RetentionSettings::default() });
    let listener = lab.join("listener");
    lab.send(listener, client::subscribe(1, "com.a"));
    lab.received(listener);
    assert!(!is_kept(&mut lab, publisher, retain(), "com.a", "state"));
    let silent = PublishOptions { acknowledge: None, ..retain() };
    lab.send(publisher, client::publish_with(2, silent, "com.a", args(["state"])));
    assert_eq!(lab.received(publisher), []);
    assert_eq!(lab.received(listener), []);
}

#[test]
fn cleared_and_expired_events_make_room() {
    let (mut lab, publisher) =
        keeping(RetentionSettings { max_events: 1, ..RetentionSettings::default() });
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "a"));
    assert!(!is_kept(&mut lab, publisher, retain(), "com.b", "b"));
    lab.send(publisher, client::publish_with(1, retain(), "com.a", args([0; 0])));
    lab.received(publisher);
    let brief = PublishOptions { ttl: Some(100), ..retain() };
    assert!(is_kept(&mut lab, publisher, brief, "com.b", "b"));
    lab.pass(Duration::from_millis(99));
    assert!(!is_kept(&mut lab, publisher, retain(), "com.c", "c"));
    lab.pass(Duration::from_millis(1));
    assert!(is_kept(&mut lab, publisher, retain(), "com.c", "c"));
    assert_eq!(newcomer_hears(&mut lab, "late", "com.c"), ["c"]);
}

#[test]
fn bytes_of_retained_events_are_limited() {
    let (mut lab, publisher) =
        keeping(RetentionSettings { max_bytes: 4_096, ..RetentionSettings::default() });
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "small"));
    let large = "x".repeat(4_096);
    assert!(!is_kept(&mut lab, publisher, retain(), "com.b", &large));
    // An event that can't be retained does not remove the one before.
    assert!(!is_kept(&mut lab, publisher, retain(), "com.a", &large));
    assert_eq!(newcomer_hears(&mut lab, "late", "com.a"), ["small"]);
    // The room of the event before is free for the later one.
    let whole = "y".repeat(2_500);
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", &whole));
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", &whole));
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "small"));
    let kept = (0..100).take_while(|number| {
        is_kept(&mut lab, publisher, retain(), &format!("com.n{number}"), &large[..500])
    });
    let kept = kept.count();
    assert!((1..8).contains(&kept), "{kept}");
}

#[test]
fn restricted_retained_events_count_in_the_limit() {
    let (mut lab, publisher) =
        keeping(RetentionSettings { max_events: 3, ..RetentionSettings::default() });
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "for all"));
    assert!(is_kept(&mut lab, publisher, only_for("ann"), "com.a", "for ann"));
    assert!(is_kept(&mut lab, publisher, only_for("ben"), "com.a", "for ben"));
    assert!(!is_kept(&mut lab, publisher, only_for("cat"), "com.a", "for cat"));
    assert!(!is_kept(&mut lab, publisher, retain(), "com.b", "b"));
    // It takes the place of three.
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "for all again"));
    assert!(is_kept(&mut lab, publisher, retain(), "com.b", "b"));
}

#[test]
fn event_of_a_publisher_with_exclude_me_false_replaces_the_earlier_one() {
    let (mut lab, ann) =
        keeping(RetentionSettings { max_events: 2, ..RetentionSettings::default() });
    let ben = lab.join("ben");
    for (exclude_me, fits) in [(Some(false), true), (None, false)] {
        lab.send(ann, client::publish_with(1, retain(), "com.b", args([0; 0])));
        lab.received(ann);
        assert!(is_kept(&mut lab, ben, retain(), "com.a", "of ben"));
        let options = PublishOptions { exclude_me, ..retain() };
        assert!(is_kept(&mut lab, ann, options, "com.a", "of ann"));
        assert_eq!(is_kept(&mut lab, ann, retain(), "com.b", "b"), fits);
    }
}

#[test]
fn retained_event_for_all_outlives_restricted_ones() {
    let (mut lab, publisher) = keeping(RetentionSettings::default());
    let other = lab.join("other");
    // Retained for the next publisher only, which is excluded from its own event.
    assert!(is_kept(&mut lab, other, retain(), "com.a", "before"));
    assert!(is_kept(&mut lab, publisher, retain(), "com.a", "for all"));
    for number in 0..3 * SharedLimits::DEFAULT.max_retained_per_topic {
        let name = format!("n{number}");
        assert!(is_kept(&mut lab, publisher, only_for(&name), "com.a", &name));
    }
    assert_eq!(newcomer_hears(&mut lab, "late", "com.a"), ["for all"]);
    assert_eq!(newcomer_hears(&mut lab, "n47", "com.a"), ["n47"]);
    assert_eq!(newcomer_hears(&mut lab, "n33", "com.a"), ["n33"]);
    assert_eq!(newcomer_hears(&mut lab, "n32", "com.a"), ["for all"]);
}

#[test]
fn oldest_restricted_event_makes_room() {
    let (mut lab, publisher) = keeping(RetentionSettings::default());
    for number in 0..=SharedLimits::DEFAULT.max_retained_per_topic {
        let name = format!("n{number}");
        assert!(is_kept(&mut lab, publisher, only_for(&name), "com.a", &name));
    }
    assert_eq!(newcomer_hears(&mut lab, "n0", "com.a"), [""; 0]);
    assert_eq!(newcomer_hears(&mut lab, "n1", "com.a"), ["n1"]);
}

/// The publisher is excluded from its own event, so it may still get that of the other.
#[test]
fn restricted_event_stays_for_sessions_that_the_next_one_excludes() {
    let (mut lab, ann) = keeping(RetentionSettings::default());
    let ben = lab.join("ben");
    let for_both = || PublishOptions {
        eligible_authid: Some(vec!["publisher".into(), "ben".into()]),
        ..retain()
    };
    assert!(is_kept(&mut lab, ann, for_both(), "com.a", "of ann"));
    assert!(is_kept(&mut lab, ben, for_both(), "com.a", "of ben"));
    for (peer, text) in [(ann, "of ben"), (ben, "of ann")] {
        let options = SubscribeOptions { get_retained: Some(true), ..Default::default() };
        lab.send(peer, client::subscribe_with(2, options, "com.a"));
        let received = lab.received(peer);
        let [_, RouterMessage::Event(event)] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(event.payload, args([text]));
    }
}

#[test]
fn restricted_event_is_replaced_by_one_with_the_same_lists() {
    let (mut lab, publisher) = keeping(RetentionSettings::default());
    assert!(is_kept(&mut lab, publisher, only_for("ann"), "com.a", "for ann"));
    for number in 0..2 * SharedLimits::DEFAULT.max_retained_per_topic {
        let text = format!("for ben {number}");
        assert!(is_kept(&mut lab, publisher, only_for("ben"), "com.a", &text));
    }
    assert_eq!(newcomer_hears(&mut lab, "ann", "com.a"), ["for ann"]);
    assert_eq!(newcomer_hears(&mut lab, "ben", "com.a"), ["for ben 31"]);
}
