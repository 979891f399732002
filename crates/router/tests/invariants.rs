//! The invariants of the design, one test or more for each: pair order · acknowledgments first ·
//! every CALL ends exactly once · a session answers only its own invocations · every table is
//! bounded.
//!
//! The property test `conservation` checks the same invariants with random operations. Spec: basic
//! profile "Ordering Guarantees", "IDs".

use std::time::Duration;

use cloverleaf_router::SessionFlow;
use cloverleaf_router::limits::SessionLimits;
use cloverleaf_testkit::messages::{NOTHING, args, client, router};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_testkit::{Lab, Peer};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{
    CallOptions, CancelMode, PublishOptions, RequestKind, RouterMessage,
};
use cloverleaf_wamp::payload::Payload;
use cloverleaf_wamp::uri::MatchPolicy::{Prefix, Wildcard};

fn number_in(payload: &Payload) -> u64 {
    payload.decode_args::<(u64,)>().unwrap().0
}

// === pair order ===

/// `docs/decisions/traps.md#f6`.
#[test]
fn pair_order_events_of_one_publisher_reach_one_subscriber_in_order_whatever_their_topic() {
    let mut lab = Lab::new();
    let publishers = [lab.join("p"), lab.join("q")];
    let subscriber = lab.join("subscriber");
    lab.send(subscriber, client::subscribe_pattern(1, Prefix, "com."));
    lab.send(subscriber, client::subscribe(2, "org.b"));
    lab.received(subscriber);
    for number in 1..=30 {
        let topic = ["com.a", "org.b", "com.c"][number as usize % 3];
        lab.send(publishers[0], client::publish(number, topic, args([number])));
        lab.send(publishers[1], client::publish(number, topic, args([1_000 + number])));
    }
    let heard: Vec<u64> = lab
        .received(subscriber)
        .into_iter()
        .map(|message| match message {
            RouterMessage::Event(event) => number_in(&event.payload),
            other => panic!("{other:?}"),
        })
        .collect();
    let (second, first): (Vec<u64>, Vec<u64>) = heard.into_iter().partition(|n| *n > 1_000);
    assert_eq!(first, Vec::from_iter(1..=30));
    assert_eq!(second, Vec::from_iter(1_001..=1_030));
}

#[test]
fn pair_order_invocations_of_one_caller_reach_one_callee_in_order_whatever_their_procedure() {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    for (number, procedure) in (1..).zip(["com.a", "com.b", "com.c"]) {
        lab.send(callee, client::register(number, procedure));
    }
    lab.received(callee);
    for number in 1..=30 {
        let procedure = ["com.a", "com.b", "com.c"][number as usize % 3];
        lab.send(caller, client::call(number, procedure, args([number])));
    }
    let asked: Vec<(u64, u64)> = lab
        .received(callee)
        .into_iter()
        .map(|message| match message {
            RouterMessage::Invocation(asked) => (asked.request.number(), number_in(&asked.payload)),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, Vec::from_iter((1..=30).map(|number| (number, number))));
}

// === acknowledgments first ===

/// `docs/decisions/traps.md#f6`.
#[test]
fn subscribed_comes_before_the_first_event_and_no_event_after_unsubscribed() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let publish = |number| {
        let options = PublishOptions { exclude_me: Some(false), ..PublishOptions::default() };
        client::publish_with(number, options, "com.a", args([number]))
    };
    lab.send(alice, publish(1));
    lab.send(alice, client::subscribe(2, "com.a"));
    lab.send(alice, publish(3));
    let publication = lab.last_publication();
    lab.send(alice, client::unsubscribe(4, 1));
    lab.send(alice, publish(5));
    assert_eq!(
        lab.received(alice),
        [
            router::subscribed(2, 1),
            router::event(1, publication, args([3])),
            router::unsubscribed(4)
        ]
    );
}

#[test]
fn registered_comes_before_the_first_invocation_and_no_invocation_after_unregistered() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    lab.send(alice, client::register(1, "com.a"));
    lab.send(alice, client::call(2, "com.a", NOTHING));
    lab.send(alice, client::unregister(3, 1));
    lab.send(alice, client::call(4, "com.a", NOTHING));
    let text = "no callee registered for procedure <com.a>";
    let error = error_uri::NO_SUCH_PROCEDURE;
    assert_eq!(
        lab.received(alice),
        [
            router::registered(1, 1),
            router::invocation(1, 1, NOTHING),
            router::unregistered(3),
            router::refused(RequestKind::Call, 4, error, text)
        ]
    );
}

// === every CALL ends exactly once ===

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Result,
    Failure,
    Cancel(CancelMode),
    Timeout,
    CalleeLeaves,
    CalleeIsAborted,
}

const ENDINGS: [Ending; 8] = [
    Ending::Result,
    Ending::Failure,
    Ending::Cancel(CancelMode::Skip),
    Ending::Cancel(CancelMode::Kill),
    Ending::Cancel(CancelMode::KillNoWait),
    Ending::Timeout,
    Ending::CalleeLeaves,
    Ending::CalleeIsAborted,
];

impl Ending {
    fn happens(self, lab: &mut Lab, caller: Peer, callee: Peer) {
        match self {
            Self::Result => drop_flow(lab.submit(callee, client::yielded(1, NOTHING))),
            Self::Failure => {
                drop_flow(lab.submit(callee, client::failure(1, "com.error.x", NOTHING)));
            }
            Self::Cancel(mode) => lab.send(caller, client::cancel(1, Some(mode))),
            Self::Timeout => lab.pass(Duration::from_secs(1)),
            Self::CalleeLeaves => lab.disconnect(callee),
            Self::CalleeIsAborted => drop_flow(lab.submit(callee, client::hello())),
        }
    }

    /// A kill alone is no ending: it waits for the callee.
    const fn is_final(self) -> bool {
        !matches!(self, Self::Cancel(CancelMode::Kill))
    }
}

/// The callee may have left already.
fn drop_flow(_: SessionFlow) {}

#[test]
fn every_call_ends_exactly_once_whatever_two_endings_meet() {
    for first in ENDINGS {
        for second in ENDINGS.into_iter().filter(|second| first.is_final() || second.is_final()) {
            let mut lab = Lab::new();
            let (caller, callee) = (lab.join("caller"), lab.join("callee"));
            lab.send(callee, client::register(1, "com.a"));
            let options = CallOptions { timeout: Some(1_000), ..CallOptions::default() };
            lab.send(caller, client::call_with(1, options, "com.a", NOTHING));
            first.happens(&mut lab, caller, callee);
            second.happens(&mut lab, caller, callee);
            let answers = lab.received(caller);
            assert_eq!(answers.len(), 1, "{first:?}, {second:?}: {answers:?}");
            assert_eq!(lab.realm().next_deadline(), None);
            lab.disconnect(caller);
            lab.disconnect(callee);
            assert!(lab.realm().is_empty(), "{first:?}, {second:?}");
        }
    }
}

#[test]
fn call_of_a_caller_that_has_left_ends_silently() {
    for ending in ENDINGS.into_iter().filter(|ending| !matches!(ending, Ending::Cancel(_))) {
        let mut lab = Lab::new();
        let (caller, callee) = (lab.join("caller"), lab.join("callee"));
        lab.send(callee, client::register(1, "com.a"));
        lab.send(caller, client::call(1, "com.a", NOTHING));
        lab.disconnect(caller);
        ending.happens(&mut lab, caller, callee);
        assert_eq!(lab.received(caller), [], "{ending:?}");
        lab.disconnect(callee);
        assert!(lab.realm().is_empty());
    }
}

#[test]
fn a_late_answer_never_ends_another_call() {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    lab.send(callee, client::register(1, "com.a"));
    lab.send(caller, client::call(1, "com.a", NOTHING));
    lab.send(caller, client::cancel(1, Some(CancelMode::Skip)));
    lab.send(caller, client::call(2, "com.a", NOTHING));
    lab.send(callee, client::yielded(1, args(["of the first"])));
    assert_eq!(lab.received(caller), [router::canceled(1)]);
    lab.send(callee, client::yielded(2, args(["of the second"])));
    assert_eq!(lab.received(caller), [router::result(2, args(["of the second"]))]);
}

// === a session answers only its own invocations, and their ids count up per callee session ===

#[test]
fn invocation_ids_count_up_from_one_for_each_callee_session() {
    let mut lab = Lab::new();
    let (caller, callees) = (lab.join("caller"), [lab.join("a"), lab.join("b")]);
    for (callee, procedure) in callees.into_iter().zip(["com.a", "com.b"]) {
        lab.send(callee, client::register(1, procedure));
        lab.received(callee);
    }
    for (number, procedure) in (1..).zip(["com.a", "com.a", "com.b", "com.a", "com.b"]) {
        lab.send(caller, client::call(number, procedure, NOTHING));
    }
    let invocations = |id, numbers: &[u64]| -> Vec<RouterMessage> {
        numbers.iter().map(|number| router::invocation(*number, id, NOTHING)).collect()
    };
    assert_eq!(lab.received(callees[0]), invocations(1, &[1, 2, 3]));
    assert_eq!(lab.received(callees[1]), invocations(2, &[1, 2]));
}

#[test]
fn a_refused_call_takes_no_invocation_id() {
    let mut lab = Lab::new();
    let (caller, callee) = (lab.join("caller"), lab.join("callee"));
    lab.send(callee, client::register(1, "com.a"));
    lab.received(callee);
    for number in 1..=3 {
        lab.set_state(callee, OutboxState::Dropping);
        lab.send(caller, client::call(100 + number, "com.a", NOTHING));
        lab.set_state(callee, OutboxState::Reading);
        lab.send(caller, client::call(number, "com.a", NOTHING));
        assert_eq!(lab.received(callee), [router::invocation(number, 1, NOTHING)]);
    }
}

#[test]
fn a_session_answers_only_its_own_invocations_though_the_numbers_are_alike() {
    let mut lab = Lab::new();
    let (caller, callees) = (lab.join("caller"), [lab.join("a"), lab.join("b")]);
    for (number, (callee, procedure)) in (1..).zip(callees.into_iter().zip(["com.a", "com.b"])) {
        lab.send(callee, client::register(1, procedure));
        lab.send(caller, client::call(number, procedure, NOTHING));
    }
    lab.send(callees[1], client::yielded(1, args(["b"])));
    lab.send(callees[0], client::yielded(1, args(["a"])));
    assert_eq!(
        lab.received(caller),
        [router::result(2, args(["b"])), router::result(1, args(["a"]))]
    );
}

// === every table is bounded ===

fn limit_reached(kind: RequestKind, number: u64, what: &str) -> RouterMessage {
    let text = format!("this session has reached its largest number of {what}");
    router::refused(kind, number, error_uri::LIMIT_REACHED, &text)
}

#[test]
fn subscriptions_of_a_session_are_limited() {
    let mut lab = Lab::new();
    let (alice, bob) = (lab.join("alice"), lab.join("bob"));
    let limit = SessionLimits::DEFAULT.max_subscriptions as u64;
    for number in 1..=limit {
        lab.send(alice, client::subscribe(number, &format!("com.{number}")));
    }
    assert_eq!(lab.received(alice).len(), SessionLimits::DEFAULT.max_subscriptions);
    lab.send(alice, client::subscribe(limit + 1, "com.more"));
    lab.send(alice, client::unsubscribe(limit + 2, 1));
    lab.send(alice, client::subscribe(limit + 3, "com.more"));
    assert_eq!(
        lab.received(alice),
        [
            limit_reached(RequestKind::Subscribe, limit + 1, "subscriptions"),
            router::unsubscribed(limit + 2),
            router::subscribed(limit + 3, limit + 1)
        ]
    );
    lab.send(bob, client::subscribe(1, "com.more"));
    assert_eq!(lab.received(bob), [router::subscribed(1, limit + 1)]);
}

#[test]
fn registrations_of_a_session_are_limited() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let limit = SessionLimits::DEFAULT.max_registrations as u64;
    for number in 1..=limit {
        lab.send(alice, client::register(number, &format!("com.{number}")));
    }
    assert_eq!(lab.received(alice).len(), SessionLimits::DEFAULT.max_registrations);
    lab.send(alice, client::register(limit + 1, "com.more"));
    let refusal = limit_reached(RequestKind::Register, limit + 1, "registrations");
    assert_eq!(lab.received(alice), [refusal]);
}

#[test]
fn calls_in_flight_of_a_session_are_limited() {
    let mut lab = Lab::new();
    let (caller, other, callee) = (lab.join("caller"), lab.join("other"), lab.join("callee"));
    lab.send(callee, client::register(1, "com.a"));
    let limit = SessionLimits::DEFAULT.max_calls_in_flight as u64;
    for number in 1..=limit {
        lab.send(caller, client::call(number, "com.a", NOTHING));
    }
    assert_eq!(lab.received(caller), []);
    lab.send(caller, client::call(limit + 1, "com.a", NOTHING));
    let refusal = limit_reached(RequestKind::Call, limit + 1, "calls in flight");
    assert_eq!(lab.received(caller), [refusal]);
    lab.send(other, client::call(1, "com.a", NOTHING));
    assert_eq!(lab.received(other), []);
    lab.send(callee, client::yielded(1, NOTHING));
    lab.send(caller, client::call(limit + 1, "com.a", NOTHING));
    assert_eq!(lab.received(caller), [router::result(1, NOTHING)]);
    for peer in [caller, callee, other] {
        lab.disconnect(peer);
    }
    assert!(lab.realm().is_empty());
}

#[test]
fn pattern_subscriptions_of_a_session_are_limited() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let limit = SessionLimits::DEFAULT.max_pattern_subscriptions as u64;
    for number in 1..=limit {
        lab.send(alice, client::subscribe_pattern(number, Wildcard, &format!("com..n{number}")));
    }
    assert_eq!(lab.received(alice).len(), SessionLimits::DEFAULT.max_pattern_subscriptions);
    lab.send(alice, client::subscribe_pattern(limit + 1, Prefix, "com.more"));
    lab.send(alice, client::subscribe(limit + 2, "com.exact"));
    lab.send(alice, client::unsubscribe(limit + 3, 1));
    lab.send(alice, client::subscribe_pattern(limit + 4, Prefix, "com.more"));
    assert_eq!(
        lab.received(alice),
        [
            limit_reached(RequestKind::Subscribe, limit + 1, "pattern subscriptions"),
            router::subscribed(limit + 2, limit + 1),
            router::unsubscribed(limit + 3),
            router::subscribed(limit + 4, limit + 2),
        ]
    );
}

#[test]
fn resubscribing_at_the_limit_is_allowed() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let limit = SessionLimits::DEFAULT.max_pattern_subscriptions as u64;
    for number in 1..=limit {
        lab.send(alice, client::subscribe_pattern(number, Prefix, &format!("com.n{number}")));
    }
    lab.received(alice);
    lab.send(alice, client::subscribe_pattern(limit + 1, Prefix, "com.n7"));
    assert_eq!(lab.received(alice), [router::subscribed(limit + 1, 7)]);
}

#[test]
fn pattern_registrations_of_a_session_are_limited() {
    let mut lab = Lab::new();
    let alice = lab.join("alice");
    let limit = SessionLimits::DEFAULT.max_pattern_registrations as u64;
    for number in 1..=limit {
        lab.send(alice, client::register_pattern(number, Prefix, &format!("com.n{number}")));
    }
    assert_eq!(lab.received(alice).len(), SessionLimits::DEFAULT.max_pattern_registrations);
    lab.send(alice, client::register_pattern(limit + 1, Wildcard, "com..more"));
    lab.send(alice, client::register(limit + 2, "com.exact"));
    lab.send(alice, client::unregister(limit + 3, 1));
    lab.send(alice, client::register_pattern(limit + 4, Wildcard, "com..more"));
    assert_eq!(
        lab.received(alice),
        [
            limit_reached(RequestKind::Register, limit + 1, "pattern registrations"),
            router::registered(limit + 2, limit + 1),
            router::unregistered(limit + 3),
            router::registered(limit + 4, limit + 2),
        ]
    );
}
