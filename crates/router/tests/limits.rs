//! Limits of registrations, sessions and the realm: the answer at the limit, and the room that is
//! free again below it.
//!
//! Spec: basic profile "Publish and Subscribe", "Subscribing and Unsubscribing", "Registering and
//! Unregistering"; advanced profile "Shared Registration".

use cloverleaf_router::SessionFlow;
use cloverleaf_router::limits::{
    LISTING_WORK_AT_ONCE, MAX_LISTINGS_AT_WORK, SessionLimits, SharedLimits, WORK_PER_STEP,
};
use cloverleaf_testkit::messages::{NOTHING, args, client, router, text};
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{ClientMessage, InvokePolicy, RequestKind, RouterMessage};
use cloverleaf_wamp::uri::MAX_URI_BYTES;

fn limit_reached(kind: RequestKind, number: u64, what: &str) -> RouterMessage {
    let text = format!("this session has reached its largest number of {what}");
    router::refused(kind, number, error_uri::LIMIT_REACHED, &text)
}

#[test]
fn callees_of_one_registration_are_limited() {
    let mut lab = Lab::new();
    let register = |number| client::register_shared(number, InvokePolicy::RoundRobin, "com.work");
    let mut first = None;
    for _ in 0..SharedLimits::DEFAULT.max_callees_per_registration {
        let callee = lab.join("callee");
        lab.send(callee, register(1));
        assert_eq!(lab.received(callee), [router::registered(1, 1)]);
        first.get_or_insert(callee);
    }
    let (first, late) = (first.expect("a callee"), lab.join("late"));
    lab.send(late, register(1));
    let refused = limit_reached(RequestKind::Register, 1, "callees of a registration");
    assert_eq!(lab.received(late), [refused]);
    lab.send(first, register(2));
    assert_eq!(lab.received(first), [router::registered(2, 1)], "it is a callee already");
    lab.send(first, client::unregister(3, 1));
    lab.send(late, register(2));
    assert_eq!(lab.received(late), [router::registered(2, 1)]);
}

/// A request for a URI, its answer, and the request that releases the URI.
struct UriRequest {
    kind: RequestKind,
    what: &'static str,
    ask: fn(u64, &str) -> ClientMessage,
    accepted: fn(u64, u64) -> RouterMessage,
    give_up: fn(u64, u64) -> ClientMessage,
}

const URI_REQUESTS: [UriRequest; 2] = [
    UriRequest {
        kind: RequestKind::Subscribe,
        what: "bytes of subscribed URIs",
        ask: client::subscribe,
        accepted: router::subscribed,
        give_up: client::unsubscribe,
    },
    UriRequest {
        kind: RequestKind::Register,
        what: "bytes of registered URIs",
        ask: client::register,
        accepted: router::registered,
        give_up: client::unregister,
    },
];

#[test]
fn bytes_of_the_uris_of_one_session_are_limited() {
    for UriRequest { kind, what, ask, accepted, give_up } in URI_REQUESTS {
        let mut lab = Lab::new();
        let (ann, ben) = (lab.join("ann"), lab.join("ben"));
        let count = (SessionLimits::DEFAULT.max_uri_bytes / MAX_URI_BYTES) as u64;
        let long = |number: u64| format!("com.{number:0>0$}", MAX_URI_BYTES - 4);
        for number in 1..=count {
            lab.send(ann, ask(number, &long(number)));
            assert_eq!(lab.received(ann), [accepted(number, number)]);
        }
        lab.send(ann, ask(9, "x"));
        assert_eq!(lab.received(ann), [limit_reached(kind, 9, what)]);
        lab.send(ben, ask(1, "x"));
        assert_eq!(lab.received(ben), [accepted(1, count + 1)], "the limit is each session's own");
        lab.send(ann, give_up(10, 1));
        lab.received(ann);
        lab.send(ann, ask(11, &long(0)));
        assert_eq!(lab.received(ann), [accepted(11, count + 2)]);
        lab.send(ann, ask(12, "y"));
        assert_eq!(lab.received(ann), [limit_reached(kind, 12, what)]);
    }
}

/// Publishers, and more subscribers of `com.news` than one step serves.
fn audience(publishers: usize) -> (Lab, Vec<Peer>, Vec<Peer>) {
    let mut lab = Lab::new();
    let subscribers = (0..WORK_PER_STEP + 10).map(|_| {
        let subscriber = lab.join("subscriber");
        lab.send(subscriber, client::subscribe(1, "com.news"));
        lab.received(subscriber);
        subscriber
    });
    let subscribers = subscribers.collect();
    let publishers = (0..publishers).map(|_| lab.join("publisher")).collect();
    (lab, publishers, subscribers)
}

#[test]
fn publisher_waits_while_its_unfinished_publications_hold_too_many_bytes() {
    let (mut lab, publishers, subscribers) = audience(1);
    let publisher = publishers[0];
    let half = text(&"x".repeat(SessionLimits::DEFAULT.max_outgoing_bytes / 2));
    let publish = |number| client::publish(number, "com.news", half.clone());
    assert_eq!(lab.begin(publisher, publish(1)), SessionFlow::Continue);
    assert_eq!(lab.begin(publisher, publish(2)), SessionFlow::Wait);
    assert_eq!(lab.take_wait(publisher), (0, true));
    lab.work();
    assert_eq!(lab.resumed(publisher), 1);
    for subscriber in subscribers {
        assert_eq!(lab.received(subscriber).len(), 2);
    }
}

#[test]
fn realm_refuses_publications_while_unfinished_ones_hold_too_many_bytes() {
    let count =
        SharedLimits::DEFAULT.max_outgoing_bytes / SessionLimits::DEFAULT.max_outgoing_bytes;
    let (mut lab, publishers, subscribers) = audience(count + 1);
    let whole = text(&"x".repeat(SessionLimits::DEFAULT.max_outgoing_bytes));
    for publisher in &publishers[..count] {
        let publish = client::publish(1, "com.news", whole.clone());
        assert_eq!(lab.begin(*publisher, publish), SessionFlow::Wait, "one of any size is taken");
    }
    let late = publishers[count];
    let publish =
        |number| client::publish_with(number, client::acknowledged(), "com.news", NOTHING);
    assert_eq!(lab.begin(late, publish(1)), SessionFlow::Continue);
    let busy = "this session has published more than its subscribers could be sent meanwhile";
    let refused = router::refused(RequestKind::Publish, 1, error_uri::UNAVAILABLE, busy);
    assert_eq!(lab.received(late), [refused]);
    assert_eq!(lab.begin(late, client::publish(2, "com.news", NOTHING)), SessionFlow::Continue);
    assert_eq!(lab.received(late), [], "a publication without acknowledge fails silently");
    lab.work();
    assert_eq!(lab.begin(late, publish(3)), SessionFlow::Continue);
    let published = router::published(3, lab.last_publication());
    assert_eq!(lab.received(late), [published]);
    lab.work();
    for subscriber in subscribers {
        assert_eq!(lab.received(subscriber).len(), count + 1);
    }
}

#[test]
fn listings_beyond_those_at_work_begin_when_earlier_ones_are_answered() {
    const UNITS: u32 = 100;
    let mut lab = Lab::new();
    let callers: Vec<_> = (0..3_000).map(|_| lab.join("caller")).collect();
    let askers = &callers[..MAX_LISTINGS_AT_WORK + 4];
    for asker in askers {
        let list = client::call(1, "wamp.session.list", NOTHING);
        assert_eq!(lab.begin(*asker, list), SessionFlow::Continue);
        assert_eq!(lab.received(*asker), []);
    }
    let mut answered_at = vec![None; askers.len()];
    let mut steps = 0;
    while lab.realm().has_work() {
        lab.step_of(UNITS);
        steps += 1;
        for (asker, answered_at) in askers.iter().zip(&mut answered_at) {
            if let [RouterMessage::Result(result)] = lab.received(*asker).as_slice() {
                let (ids,): (Vec<u64>,) = result.payload.decode_args().expect("a list");
                assert_eq!(ids.len(), callers.len());
                assert_eq!(answered_at.replace(steps), None);
            }
        }
    }
    let answered_at: Option<Vec<u32>> = answered_at.into_iter().collect();
    let answered_at = answered_at.expect("every listing is answered");
    let (at_work, waiting) = answered_at.split_at(MAX_LISTINGS_AT_WORK);
    let last = at_work.iter().max().expect("an answer");
    let first_waiting = waiting.iter().min().expect("an answer");
    // Each listing takes 20 steps and more. One at work is answered a few steps after the others.
    assert!(first_waiting - last >= 20, "{answered_at:?}");
}

/// Each has more entries than are collected at once.
#[test]
fn listings_of_many_steps_are_answered_once() {
    const COUNT: u32 = 2 * LISTING_WORK_AT_ONCE;
    let mut lab = Lab::new();
    let asker = lab.join("asker");
    for number in 1..COUNT {
        let peer = lab.join("peer");
        lab.send(peer, client::subscribe(1, "com.news"));
        lab.send(peer, client::register_shared(1, InvokePolicy::First, "com.work"));
        lab.send(peer, client::subscribe(2, &format!("com.news.{number}")));
        lab.send(peer, client::register(2, &format!("com.work.{number}")));
    }
    for (procedure, arguments) in [
        ("wamp.session.count", NOTHING),
        ("wamp.session.list", NOTHING),
        ("wamp.subscription.list", NOTHING),
        ("wamp.subscription.list_subscribers", args([1])),
        ("wamp.registration.list", NOTHING),
        ("wamp.registration.list_callees", args([1])),
    ] {
        let call = client::call(1, procedure, arguments);
        assert_eq!(lab.begin(asker, call), SessionFlow::Continue);
        assert_eq!(lab.received(asker), [], "{procedure}");
        let mut steps = 0;
        while lab.step_of(100) {
            steps += 1;
        }
        assert!(steps >= 10, "{procedure}: {steps}");
        let received = lab.received(asker);
        assert!(matches!(received.as_slice(), [RouterMessage::Result(_)]), "{procedure}");
    }
}

#[test]
fn publisher_without_backlog_is_never_asked_to_wait() {
    let mut lab = Lab::new();
    let (publisher, subscriber) = (lab.join("publisher"), lab.join("subscriber"));
    lab.send(subscriber, client::subscribe(1, "com.news"));
    let large = text(&"x".repeat(2 * SessionLimits::DEFAULT.max_outgoing_bytes));
    assert_eq!(lab.begin(publisher, client::publish(1, "com.news", large)), SessionFlow::Continue);
    assert_eq!(
        lab.begin(publisher, client::publish(2, "com.news", args([2]))),
        SessionFlow::Continue
    );
    assert_eq!(lab.received(subscriber).len(), 3);
}
