//! Which package of the workspace may depend on which, and what it must never be built with.
//!
//! Each package has one row, and each row has its package. A dependency that is missing here is a
//! fault. To add one, add it with its reason.

/// The dependencies that one package may have.
#[derive(Debug)]
pub(crate) struct PackageRule {
    /// The package of this row.
    pub(crate) package: &'static str,
    /// The packages of the workspace that it may name.
    pub(crate) may_name: &'static [&'static str],
    /// Packages that must not be among its direct and indirect dependencies.
    pub(crate) never: &'static [&'static str],
    /// The reason of the row, which is part of each fault.
    pub(crate) reason: &'static str,
}

/// Sockets, executors, clocks and random sources. A crate whose behaviour is a function of its
/// arguments has none of them.
const IO_AND_CLOCKS: &[&str] = &[
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
const AUTH: &str = "cloverleaf-auth";
const ROUTER: &str = "cloverleaf-router";
const RING: &str = "cloverleaf-ring";
const TRANSPORT: &str = "cloverleaf-transport";
const CLIENT: &str = "cloverleaf-client";
const CONFIG: &str = "cloverleaf-config";
const HTTP_BRIDGE: &str = "cloverleaf-http-bridge";
const STORE: &str = "cloverleaf-store";
const WAKES: &str = "cloverleaf-wakes";
const ALLOCATOR: &str = "cloverleaf-allocator";
const REALMS: &str = "cloverleaf-realms";
const WEB: &str = "cloverleaf-web";
const HOSTING: &str = "cloverleaf-hosting";
const NODE: &str = "cloverleaf-node";

/// One row for each package.
pub(crate) const RULES: &[PackageRule] = &[
    PackageRule {
        package: WAMP,
        may_name: &[],
        never: IO_AND_CLOCKS,
        reason: "the protocol is bytes and messages; all other crates are built on it",
    },
    PackageRule {
        package: AUTH,
        may_name: &[WAMP],
        never: IO_AND_CLOCKS,
        reason: "admission is a state machine: times, random bits and session ids are arguments",
    },
    PackageRule {
        package: ROUTER,
        may_name: &[WAMP, AUTH],
        never: IO_AND_CLOCKS,
        reason: "a realm is a function of messages, sessions and times: it has no socket, clock or randomness",
    },
    PackageRule {
        package: RING,
        may_name: &[WAKES],
        never: &["hyper", "rustls"],
        reason: "it moves bytes of sockets and does not interpret them",
    },
    PackageRule {
        package: WAKES,
        may_name: &[],
        never: IO_AND_CLOCKS,
        reason: "code that runs under a lock defers its wakes through it and does not know the lock",
    },
    PackageRule {
        package: TRANSPORT,
        may_name: &[WAMP, RING, WAKES],
        never: &[],
        reason: "it carries messages for an implementation of its Peer trait and knows no realm",
    },
    PackageRule {
        package: CLIENT,
        may_name: &[WAMP, TRANSPORT, WAKES],
        never: &[],
        reason: "a client talks to any router, over a socket or over a link from its caller",
    },
    PackageRule {
        package: HTTP_BRIDGE,
        may_name: &[WAMP, CLIENT],
        never: &[],
        reason: "the bridge is a WAMP client; its caller provides the link to the router",
    },
    PackageRule {
        package: CONFIG,
        may_name: &[WAMP],
        never: &["tokio", "mio", "hyper", "rustls"],
        reason: "a configuration is read and checked before anything runs",
    },
    PackageRule {
        package: STORE,
        may_name: &[],
        never: IO_AND_CLOCKS,
        reason: "it stores records and does not interpret them",
    },
    PackageRule {
        package: ALLOCATOR,
        may_name: &[],
        never: IO_AND_CLOCKS,
        reason: "the allocator is chosen by programs only and depends on nothing else",
    },
    PackageRule {
        package: REALMS,
        may_name: &[WAMP, AUTH, ROUTER, TRANSPORT, CLIENT, STORE, WAKES],
        never: &["hyper"],
        reason: "realms run here, and nothing above names the router; settings are handed in",
    },
    PackageRule {
        package: WEB,
        may_name: &[WAMP, RING, TRANSPORT, CLIENT, HTTP_BRIDGE, REALMS, WAKES],
        never: &[],
        reason: "HTTP leads to realms and to the bridge; settings are handed in",
    },
    PackageRule {
        package: HOSTING,
        may_name: &[TRANSPORT, CLIENT],
        never: &["hyper"],
        reason: "components and their processes are clients of a router, whichever it is",
    },
    PackageRule {
        package: NODE,
        may_name: &[
            WAMP,
            RING,
            TRANSPORT,
            CLIENT,
            HTTP_BRIDGE,
            CONFIG,
            ALLOCATOR,
            WAKES,
            REALMS,
            WEB,
            HOSTING,
        ],
        never: &[],
        reason: "the one place where everything is assembled, and that names the configuration",
    },
    PackageRule {
        package: "caller-performance",
        may_name: &[NODE, CLIENT, WAMP, ALLOCATOR],
        never: &[],
        reason: "an example sees what an application sees",
    },
    PackageRule {
        package: "cloverleaf-bench",
        may_name: &[WAMP],
        never: &[],
        reason: "load and yardsticks are independent of what they measure; only the codecs and \
                 frames of the protocol are shared",
    },
    PackageRule {
        package: "cloverleaf-instructions",
        may_name: &[WAMP, ROUTER, TRANSPORT, CLIENT, HTTP_BRIDGE, CONFIG],
        never: &[],
        reason: "its cases call the functions whose instructions they count",
    },
    PackageRule {
        package: "cloverleaf-contention",
        may_name: &[WAMP, ROUTER, TRANSPORT, WAKES],
        never: &[],
        reason: "it measures the lock of a realm with the same realm and queues that the node uses",
    },
    PackageRule {
        package: "cloverleaf-testkit",
        may_name: &[WAMP, AUTH, ROUTER, CLIENT, TRANSPORT],
        never: &[],
        reason: "tests of several crates share it; programs do not contain it",
    },
    PackageRule {
        package: "cloverleaf-interleavings",
        may_name: &[WAMP, ROUTER, "cloverleaf-testkit"],
        never: &["parking_lot"],
        reason: "it compiles the sources of queues, wakes and the realm host with loom's locks",
    },
    PackageRule {
        package: "cloverleaf-matrix",
        may_name: &[NODE, CLIENT, WAMP],
        never: &[],
        reason: "a test component sees what an application sees, and the bytes of long-polling",
    },
    PackageRule {
        package: "xtask",
        may_name: &[],
        never: &[],
        reason: "it checks the other packages and depends on none of them",
    },
];

/// Packages that tests must not name either: a program is not a library.
pub(crate) const PROGRAMS: &[&str] = &[
    NODE,
    "caller-performance",
    "cloverleaf-bench",
    "cloverleaf-contention",
    "cloverleaf-instructions",
    "cloverleaf-matrix",
    "xtask",
];

/// A condition that a dependency has to meet.
#[derive(Debug)]
pub(crate) struct Condition {
    /// The packages that have the dependency.
    pub(crate) from: &'static [&'static str],
    /// The package that they depend on.
    pub(crate) to: &'static str,
    /// The condition itself.
    pub(crate) demand: Demand,
    /// The reason, which is part of each fault.
    pub(crate) reason: &'static str,
}

/// The kinds of conditions.
#[derive(Debug)]
pub(crate) enum Demand {
    /// The dependency is optional: a feature enables it.
    Optional,
    /// The named feature and the default features of the dependency are off.
    WithoutFeature(&'static str),
}

/// The dependencies that are allowed under a condition only.
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
