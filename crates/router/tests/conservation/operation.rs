//! The operations on a realm and their frequency.

use cloverleaf_router::{Decision, Permission, Verdict};
use cloverleaf_testkit::recorder::OutboxState;
use cloverleaf_wamp::message::{CancelMode, InvokePolicy, RunMode};
use cloverleaf_wamp::uri::MatchPolicy;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// Procedures and topics of calls and publications.
pub(crate) const URIS: [&str; 4] = ["com.a", "com.b", "com.a.b", "com.ab"];

/// Patterns of registrations and subscriptions.
pub(crate) const PATTERNS: [(MatchPolicy, &str); 6] = [
    (MatchPolicy::Exact, "com.a"),
    (MatchPolicy::Exact, "com.b"),
    (MatchPolicy::Prefix, "com.a"),
    (MatchPolicy::Prefix, "com."),
    (MatchPolicy::Wildcard, "com."),
    (MatchPolicy::Wildcard, "com..b"),
];

/// The procedures whose calls may wait for a callee, and how many.
pub(crate) const QUEUE: (&str, usize) = ("com.*", 2);

/// The features that a peer announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None.
    Basic,
    /// Those of this project's client library; call canceling is the only one that shows.
    Usual,
    /// All.
    Able,
}

/// An ending of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SessionEnding {
    Goodbye,
    Disconnect,
    Abort,
    AbortByHost,
}

/// A protocol violation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Violation {
    SecondHello,
    NeverSentInvocation,
    RequestIdInUse,
}

/// The options of a registration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistrationTerms {
    pub(crate) pattern: usize,
    pub(crate) invoke: InvokePolicy,
    pub(crate) concurrency: Option<u64>,
    pub(crate) force: bool,
    pub(crate) forward_timeout: bool,
}

/// The options of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallShape {
    pub(crate) uri: usize,
    pub(crate) timeout: Option<u64>,
    pub(crate) receiving: bool,
    pub(crate) in_parts: bool,
    pub(crate) rkey: Option<u8>,
    pub(crate) runmode: Option<RunMode>,
}

/// One operation. Numbers choose among what exists: a peer, its call, its invocation …
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Join(Kind),
    Leave {
        who: usize,
        ending: SessionEnding,
    },
    Kill {
        who: usize,
        whom: usize,
    },
    KillAll {
        who: usize,
        in_silence: bool,
    },
    AnswerGoodbye {
        who: usize,
    },
    Violate {
        who: usize,
        violation: Violation,
    },
    Read {
        who: usize,
        state: OutboxState,
    },
    Register {
        who: usize,
        terms: RegistrationTerms,
    },
    Unregister {
        who: usize,
        which: usize,
    },
    RemoveCallee {
        who: usize,
        whom: usize,
        which: usize,
    },
    Call {
        who: usize,
        shape: CallShape,
    },
    CallPart {
        who: usize,
        which: usize,
        is_last: bool,
    },
    Cancel {
        who: usize,
        which: usize,
        mode: Option<CancelMode>,
    },
    Yield {
        who: usize,
        which: usize,
    },
    YieldPart {
        who: usize,
        which: usize,
    },
    Fail {
        who: usize,
        which: usize,
        unavailable: bool,
    },
    FailByHost {
        who: usize,
        which: usize,
    },
    Pass {
        millis: u64,
    },
    Subscribe {
        who: usize,
        pattern: usize,
    },
    Unsubscribe {
        who: usize,
        which: usize,
    },
    Publish {
        who: usize,
        uri: usize,
        acknowledge: bool,
        exclude_me: bool,
        asking: bool,
    },
    Acknowledge {
        who: usize,
        which: usize,
    },
    Testament {
        who: usize,
        uri: usize,
        detached: bool,
    },
    FlushTestaments {
        who: usize,
        detached: bool,
    },
    /// The authorizer decides on one of the open questions.
    Decide {
        which: usize,
        decision: Decision,
    },
    /// The authorizer answers further questions at once, or leaves them open.
    SetVerdict(Verdict),
}

/// A list of operations that begins with a few peers.
pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let peers = vec(kind().prop_map(Operation::Join), 1..6);
    (peers, vec(operation(), 0..200)).prop_map(|(peers, story)| [peers, story].concat())
}

/// A list of operations in a realm with an authorizer.
pub(crate) fn operations_with_decisions() -> impl Strategy<Value = Vec<Operation>> {
    let peers = vec(kind().prop_map(Operation::Join), 3..6);
    let operation = prop_oneof![3 => operation(), 2 => deciding()];
    (peers, vec(operation, 0..200)).prop_map(|(peers, story)| [peers, story].concat())
}

fn deciding() -> impl Strategy<Value = Operation> {
    let permission = Permission::ALL;
    let decision = prop_oneof![
        6 => Just(Decision::Allow(permission)),
        1 => Just(Decision::Deny),
        1 => Just(Decision::Failed),
    ];
    let verdict = prop_oneof![
        4 => Just(Verdict::Ask),
        1 => Just(Verdict::Allow(permission)),
        1 => Just(Verdict::Deny),
    ];
    prop_oneof![
        20 => (some(), decision).prop_map(|(which, decision)| Operation::Decide { which, decision }),
        2 => verdict.prop_map(Operation::SetVerdict),
        1 => (5_000_u64..20_000).prop_map(|millis| Operation::Pass { millis }),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![1 => Just(Kind::Basic), 1 => Just(Kind::Usual), 5 => Just(Kind::Able)]
}

/// A number that chooses among what exists.
fn some() -> impl Strategy<Value = usize> {
    any::<usize>()
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => session(),
        5 => registering(),
        12 => calling(),
        5 => brokering(),
    ]
}

fn session() -> impl Strategy<Value = Operation> {
    let ending = select(&[
        SessionEnding::Goodbye,
        SessionEnding::Disconnect,
        SessionEnding::Abort,
        SessionEnding::AbortByHost,
    ]);
    let violation = select(&[
        Violation::SecondHello,
        Violation::NeverSentInvocation,
        Violation::RequestIdInUse,
    ]);
    let state = prop_oneof![
        3 => Just(OutboxState::Reading),
        2 => Just(OutboxState::Dropping),
        1 => Just(OutboxState::Closed),
    ];
    prop_oneof![
        5 => kind().prop_map(Operation::Join),
        3 => (some(), ending).prop_map(|(who, ending)| Operation::Leave { who, ending }),
        1 => (some(), violation).prop_map(|(who, violation)| Operation::Violate { who, violation }),
        3 => (some(), state).prop_map(|(who, state)| Operation::Read { who, state }),
        2 => (some(), some()).prop_map(|(who, whom)| Operation::Kill { who, whom }),
        1 => some().prop_map(|who| Operation::AnswerGoodbye { who }),
        1 => (some(), any::<bool>())
            .prop_map(|(who, in_silence)| Operation::KillAll { who, in_silence }),
        4 => (0_u64..300).prop_map(|millis| Operation::Pass { millis }),
    ]
}

fn terms() -> impl Strategy<Value = RegistrationTerms> {
    let invoke = select(&[
        InvokePolicy::Single,
        InvokePolicy::First,
        InvokePolicy::Last,
        InvokePolicy::Random,
        InvokePolicy::RoundRobin,
        InvokePolicy::Load,
        InvokePolicy::Hash,
        InvokePolicy::Sticky,
        InvokePolicy::All,
    ]);
    (
        0..PATTERNS.len(),
        invoke,
        option::of(1_u64..3),
        option::weighted(0.1, Just(())),
        any::<bool>(),
    )
        .prop_map(|(pattern, invoke, concurrency, force, forward_timeout)| RegistrationTerms {
            pattern,
            invoke,
            concurrency,
            force: force.is_some(),
            forward_timeout,
        })
}

fn registering() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (some(), terms()).prop_map(|(who, terms)| Operation::Register { who, terms }),
        2 => (some(), some()).prop_map(|(who, which)| Operation::Unregister { who, which }),
        1 => (some(), some(), some())
            .prop_map(|(who, whom, which)| Operation::RemoveCallee { who, whom, which }),
    ]
}

fn shape() -> impl Strategy<Value = CallShape> {
    let runmode = select(&[RunMode::All, RunMode::Partition]);
    (
        0..URIS.len(),
        option::of(0_u64..500),
        any::<bool>(),
        option::weighted(0.3, Just(())),
        option::weighted(0.3, 0_u8..3),
        option::weighted(0.15, runmode),
    )
        .prop_map(|(uri, timeout, receiving, in_parts, rkey, runmode)| CallShape {
            uri,
            timeout,
            receiving,
            in_parts: in_parts.is_some(),
            rkey,
            runmode,
        })
}

fn calling() -> impl Strategy<Value = Operation> {
    let mode = option::of(select(&[CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait]));
    prop_oneof![
        10 => (some(), shape()).prop_map(|(who, shape)| Operation::Call { who, shape }),
        5 => (some(), some(), any::<bool>())
            .prop_map(|(who, which, is_last)| Operation::CallPart { who, which, is_last }),
        3 => (some(), some(), mode)
            .prop_map(|(who, which, mode)| Operation::Cancel { who, which, mode }),
        5 => (some(), some()).prop_map(|(who, which)| Operation::Yield { who, which }),
        2 => (some(), some()).prop_map(|(who, which)| Operation::YieldPart { who, which }),
        4 => (some(), some(), any::<bool>())
            .prop_map(|(who, which, unavailable)| Operation::Fail { who, which, unavailable }),
        1 => (some(), some()).prop_map(|(who, which)| Operation::FailByHost { who, which }),
    ]
}

fn brokering() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (some(), 0..PATTERNS.len())
            .prop_map(|(who, pattern)| Operation::Subscribe { who, pattern }),
        1 => (some(), some()).prop_map(|(who, which)| Operation::Unsubscribe { who, which }),
        4 => (some(), 0..URIS.len(), any::<[bool; 3]>()).prop_map(
            |(who, uri, [acknowledge, exclude_me, asking])| Operation::Publish {
                who,
                uri,
                acknowledge,
                exclude_me,
                asking,
            }
        ),
        2 => (some(), some()).prop_map(|(who, which)| Operation::Acknowledge { who, which }),
        1 => (some(), 0..URIS.len(), any::<bool>())
            .prop_map(|(who, uri, detached)| Operation::Testament { who, uri, detached }),
        1 => (some(), any::<bool>())
            .prop_map(|(who, detached)| Operation::FlushTestaments { who, detached }),
    ]
}
