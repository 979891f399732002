//! What can happen to a realm, and how often the test lets it happen.

use cloverleaf_testkit::recorder::State;
use cloverleaf_wamp::message::{CancelMode, InvokePolicy};
use cloverleaf_wamp::uri::MatchPolicy;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// Procedures and topics that are called and published to.
pub(crate) const URIS: [&str; 4] = ["com.a", "com.b", "com.a.b", "com.ab"];

/// What is registered and subscribed to.
pub(crate) const PATTERNS: [(MatchPolicy, &str); 6] = [
    (MatchPolicy::Exact, "com.a"),
    (MatchPolicy::Exact, "com.b"),
    (MatchPolicy::Prefix, "com.a"),
    (MatchPolicy::Prefix, "com."),
    (MatchPolicy::Wildcard, "com."),
    (MatchPolicy::Wildcard, "com..b"),
];

/// A way to leave a realm.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Farewell {
    Goodbye,
    Disconnect,
    Abort,
    AbortByHost,
}

/// A message that may not be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Violation {
    SecondHello,
    NeverSentInvocation,
    RequestIdInUse,
}

/// One step. Numbers choose among what there is: the peer, its call, its invocation …
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Join { canceling: bool },
    Leave { who: usize, farewell: Farewell },
    Violate { who: usize, violation: Violation },
    Read { who: usize, state: State },
    Register { who: usize, pattern: usize, invoke: InvokePolicy },
    Unregister { who: usize, which: usize },
    Call { who: usize, uri: usize, timeout: Option<u64> },
    Cancel { who: usize, which: usize, mode: Option<CancelMode> },
    Yield { who: usize, which: usize },
    Fail { who: usize, which: usize },
    Pass { millis: u64 },
    Subscribe { who: usize, pattern: usize },
    Unsubscribe { who: usize, which: usize },
    Publish { who: usize, uri: usize, acknowledge: bool, exclude_me: bool },
}

/// A story, with a few peers to begin with.
pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let peers = vec(any::<bool>().prop_map(|canceling| Operation::Join { canceling }), 1..5);
    (peers, vec(operation(), 0..120)).prop_map(|(peers, story)| [peers, story].concat())
}

/// A number that chooses among what there is.
fn some() -> impl Strategy<Value = usize> {
    any::<usize>()
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => session(),
        12 => dealing(),
        6 => brokering(),
    ]
}

fn session() -> impl Strategy<Value = Operation> {
    let farewell =
        select(&[Farewell::Goodbye, Farewell::Disconnect, Farewell::Abort, Farewell::AbortByHost]);
    let violation = select(&[
        Violation::SecondHello,
        Violation::NeverSentInvocation,
        Violation::RequestIdInUse,
    ]);
    let state = prop_oneof![
        3 => Just(State::Reading),
        2 => Just(State::Congested),
        1 => Just(State::Gone),
    ];
    prop_oneof![
        3 => any::<bool>().prop_map(|canceling| Operation::Join { canceling }),
        2 => (some(), farewell).prop_map(|(who, farewell)| Operation::Leave { who, farewell }),
        1 => (some(), violation).prop_map(|(who, violation)| Operation::Violate { who, violation }),
        3 => (some(), state).prop_map(|(who, state)| Operation::Read { who, state }),
    ]
}

fn dealing() -> impl Strategy<Value = Operation> {
    let invoke = select(&[
        InvokePolicy::Single,
        InvokePolicy::First,
        InvokePolicy::Last,
        InvokePolicy::Random,
        InvokePolicy::RoundRobin,
    ]);
    let timeout = proptest::option::of(0_u64..500);
    let mode =
        proptest::option::of(select(&[CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait]));
    prop_oneof![
        4 => (some(), 0..PATTERNS.len(), invoke)
            .prop_map(|(who, pattern, invoke)| Operation::Register { who, pattern, invoke }),
        1 => (some(), some()).prop_map(|(who, which)| Operation::Unregister { who, which }),
        8 => (some(), 0..URIS.len(), timeout)
            .prop_map(|(who, uri, timeout)| Operation::Call { who, uri, timeout }),
        3 => (some(), some(), mode)
            .prop_map(|(who, which, mode)| Operation::Cancel { who, which, mode }),
        4 => (some(), some()).prop_map(|(who, which)| Operation::Yield { who, which }),
        2 => (some(), some()).prop_map(|(who, which)| Operation::Fail { who, which }),
        2 => (0_u64..300).prop_map(|millis| Operation::Pass { millis }),
    ]
}

fn brokering() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (some(), 0..PATTERNS.len())
            .prop_map(|(who, pattern)| Operation::Subscribe { who, pattern }),
        1 => (some(), some()).prop_map(|(who, which)| Operation::Unsubscribe { who, which }),
        4 => (some(), 0..URIS.len(), any::<bool>(), any::<bool>()).prop_map(
            |(who, uri, acknowledge, exclude_me)| Operation::Publish {
                who,
                uri,
                acknowledge,
                exclude_me,
            }
        ),
    ]
}
