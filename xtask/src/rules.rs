//! The table of the house: which crate may name which, and what it must never be built with.
//!
//! An arrow that is missing here is a fault. To add one, add it with its reason.

/// What one crate may depend on.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The package that the row is about.
    pub(crate) package: &'static str,
    /// The packages of this workspace that it may name.
    pub(crate) may_name: &'static [&'static str],
    /// Packages that must not be in what it is built with, directly or not.
    pub(crate) never: &'static [&'static str],
    /// Why the row is as it is.
    pub(crate) reason: &'static str,
}

/// Sockets, executors, clocks and random sources: none of them belongs where behaviour is a
/// function of its arguments.
const WORLD: &[&str] = &[
    "tokio",
    "tokio-util",
    "mio",
    "hyper",
    "rustls",
    "async-io",
    "rand",
    "getrandom",
    "fastrand",
    "chrono",
    "time",
];

const WAMP: &str = "cloverleaf-wamp";
const ROUTER: &str = "cloverleaf-router";
const RING: &str = "cloverleaf-ring";
const TRANSPORT: &str = "cloverleaf-transport";
const CLIENT: &str = "cloverleaf-client";
const CONFIG: &str = "cloverleaf-config";
const HTTP_BRIDGE: &str = "cloverleaf-http-bridge";
const STORE: &str = "cloverleaf-store";
const WAKES: &str = "cloverleaf-wakes";
const ALLOCATOR: &str = "cloverleaf-allocator";
const NODE: &str = "cloverleaf-node";

/// One row a package; a package without a row is a fault.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        package: WAMP,
        may_name: &[],
        never: WORLD,
        reason: "the protocol is bytes and messages; everything stands on it",
    },
    Rule {
        package: ROUTER,
        may_name: &[WAMP],
        never: WORLD,
        reason: "a realm is a function of who sent what when: no socket, clock or chance in it",
    },
    Rule {
        package: RING,
        may_name: &[],
        never: &["hyper", "rustls"],
        reason: "it moves bytes of sockets and knows nothing of what they mean",
    },
    Rule {
        package: WAKES,
        may_name: &[],
        never: WORLD,
        reason: "whoever is called under somebody's lock wakes through it, and knows nothing of the lock",
    },
    Rule {
        package: TRANSPORT,
        may_name: &[WAMP, RING, WAKES],
        never: &[],
        reason: "it carries messages for whoever implements its Peer and knows no realm",
    },
    Rule {
        package: CLIENT,
        may_name: &[WAMP, TRANSPORT, WAKES],
        never: &[],
        reason: "a client talks to any router, over a socket or over a link that it is given",
    },
    Rule {
        package: HTTP_BRIDGE,
        may_name: &[WAMP, CLIENT],
        never: &[],
        reason: "the bridge is a WAMP client; its link to the router is handed in",
    },
    Rule {
        package: CONFIG,
        may_name: &[WAMP],
        never: &["tokio", "mio", "hyper", "rustls"],
        reason: "a configuration is read and judged before anything runs",
    },
    Rule {
        package: STORE,
        may_name: &[],
        never: WORLD,
        reason: "it keeps records and knows nothing of what they are",
    },
    Rule {
        package: ALLOCATOR,
        may_name: &[],
        never: WORLD,
        reason: "a choice of the programs alone, which knows nothing of what is allocated",
    },
    Rule {
        package: NODE,
        may_name: &[
            WAMP,
            RING,
            ROUTER,
            TRANSPORT,
            CLIENT,
            HTTP_BRIDGE,
            CONFIG,
            STORE,
            ALLOCATOR,
            WAKES,
        ],
        never: &[],
        reason: "the one place where everything is wired together, and that names the router",
    },
    Rule {
        package: "caller-performance",
        may_name: &[NODE, CLIENT, WAMP, ALLOCATOR],
        never: &[],
        reason: "an example sees what an application sees",
    },
    Rule {
        package: "cloverleaf-bench",
        may_name: &[WAMP],
        never: &[],
        reason: "load and yardsticks are independent of what they measure; only the codecs and \
                 frames of the protocol are shared",
    },
    Rule {
        package: "cloverleaf-instructions",
        may_name: &[WAMP, ROUTER, TRANSPORT, CLIENT, HTTP_BRIDGE],
        never: &[],
        reason: "its cases call the functions whose instructions they count",
    },
    Rule {
        package: "cloverleaf-contention",
        may_name: &[WAMP, ROUTER, TRANSPORT, WAKES],
        never: &[],
        reason: "it holds a realm's lock for the node's work: the realm and the queues of connections",
    },
    Rule {
        package: "cloverleaf-testkit",
        may_name: &[WAMP, ROUTER, CLIENT, TRANSPORT],
        never: &[],
        reason: "what tests of several crates share, seen by tests only",
    },
    Rule {
        package: "cloverleaf-interleavings",
        may_name: &[WAMP, ROUTER, "cloverleaf-testkit"],
        never: &["parking_lot"],
        reason: "it includes the source of queues, wakes and the realm host and gives it other locks",
    },
    Rule {
        package: "cloverleaf-matrix",
        may_name: &[NODE, CLIENT, WAMP],
        never: &[],
        reason: "a test that is a component sees what an application sees, and the bytes of long-polling",
    },
    Rule {
        package: "xtask",
        may_name: &[],
        never: &[],
        reason: "it judges the others from outside",
    },
];

/// Packages that tests may not name either: nothing is above a program.
pub(crate) const PROGRAMS: &[&str] = &[
    NODE,
    "caller-performance",
    "cloverleaf-bench",
    "cloverleaf-contention",
    "cloverleaf-instructions",
    "cloverleaf-matrix",
    "xtask",
];

/// An arrow that has to be optional, or made without some features.
#[derive(Debug)]
pub(crate) struct Condition {
    /// Where the arrow starts.
    pub(crate) from: &'static [&'static str],
    /// Where it ends.
    pub(crate) to: &'static str,
    /// What must hold for it.
    pub(crate) demand: Demand,
    /// Why.
    pub(crate) reason: &'static str,
}

/// What a [`Condition`] asks of an arrow.
#[derive(Debug)]
pub(crate) enum Demand {
    /// Only some feature of the crate brings it.
    Optional,
    /// The named feature and the default ones are off.
    WithoutFeature(&'static str),
}

/// The arrows that are allowed under a condition only.
pub(crate) const CONDITIONS: &[Condition] = &[
    Condition {
        from: &[CLIENT],
        to: TRANSPORT,
        demand: Demand::Optional,
        reason: "the client's core is used without sockets; feature `net` brings them",
    },
    Condition {
        from: &[HTTP_BRIDGE],
        to: CLIENT,
        demand: Demand::WithoutFeature("net"),
        reason: "a bridge reaches the router by a function call",
    },
];
