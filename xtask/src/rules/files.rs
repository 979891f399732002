//! The floors of each crate, and the cycles between files that are allowed.
//!
//! `cargo xtask arch --table` prints both as the present tree would need them.

/// The floors of one crate, from the top down.
///
/// A file may name files of its own floor and of the floors below it. A floor lists modules of the
/// crate's root, each with all modules below it. The root itself stands above all floors unless a
/// floor lists it as `crate`.
#[derive(Debug)]
pub(crate) struct Floors {
    /// The package that the floors are of.
    pub(crate) package: &'static str,
    /// The modules of each floor.
    pub(crate) floors: &'static [&'static [&'static str]],
}

/// Files of one crate that may name each other in a cycle.
#[derive(Debug)]
pub(crate) struct AllowedCycle {
    /// The package of the files.
    pub(crate) package: &'static str,
    /// Their paths from the folder of the package's root file, sorted.
    pub(crate) files: &'static [&'static str],
    /// Why they are not cut.
    pub(crate) reason: &'static str,
}

/// The floors of each crate with more than one module.
pub(crate) const FLOORS: &[Floors] = &[
    Floors {
        package: "cloverleaf-auth",
        floors: &[
            &["machine"],
            &["admission"],
            &["anonymous"],
            &["method"],
            &["principal", "refusal", "ticket"],
        ],
    },
    Floors {
        package: "cloverleaf-client",
        floors: &[
            &["call", "net", "publish"],
            &["arguments", "driver", "register", "subscribe"],
            &["sent_request", "session", "state_watch"],
            &["inbox"],
            &["registration_entry"],
            &["procedure"],
            &["queued_invocation"],
            &["pending", "progressive_invocation"],
            &["answer", "reply", "subscription_entry"],
            &["error", "waiting_events"],
            &["attributes", "crate", "link", "part_queue", "passthru", "watchers"],
        ],
    },
    Floors {
        package: "cloverleaf-config",
        floors: &[
            &["default_node", "source"],
            &["crossbar_rules", "precedence", "sections"],
            &["options"],
            &["section"],
            &["field"],
            &["load_context"],
            &["document", "names"],
            &["fault"],
            &["addresses", "env", "location", "settings", "spelling", "unsupported"],
        ],
    },
    Floors {
        package: "cloverleaf-hosting",
        floors: &[&["supervisor"], &["container"], &["components"]],
    },
    Floors {
        package: "cloverleaf-http-bridge",
        floors: &[
            &["bridge"],
            &["checks"],
            &["call", "http1", "publish", "replays"],
            &["request_auth", "response"],
            &["envelope", "settings"],
            &[
                "body_error",
                "denial",
                "excerpt",
                "head",
                "peer",
                "query",
                "signing_key",
                "status",
                "timestamp",
            ],
        ],
    },
    Floors {
        package: "cloverleaf-node",
        floors: &[
            &["cli"],
            &["run"],
            &["node"],
            &["assemble", "endpoints", "listeners", "program"],
            &[
                "accept",
                "descriptors",
                "error",
                "log",
                "owner",
                "plan",
                "shutdown",
                "signals",
                "threads",
                "tuning",
            ],
        ],
    },
    Floors {
        package: "cloverleaf-realms",
        floors: &[
            &["service"],
            &["peer"],
            &["event_store", "local", "realms"],
            &["realm_host"],
            &["ports"],
            &["memory", "meter", "resume_signal"],
        ],
    },
    Floors {
        package: "cloverleaf-ring",
        floors: &[
            &["driver"],
            &["socket"],
            &["state"],
            &["slot"],
            &["candidates", "kernel", "spares"],
        ],
    },
    Floors {
        package: "cloverleaf-router",
        floors: &[
            &["meta", "realm"],
            &["parking"],
            &["authorizer", "jobs"],
            &["broker", "dealer", "refused_pattern", "session"],
            &["authorization"],
            &["directory", "killed_sessions", "testament", "validation"],
            &["change", "failure", "work"],
            &[
                "action",
                "compatibility",
                "deadline",
                "limits",
                "outbox",
                "rendezvous",
                "session_key",
                "uri_index",
                "wall_clock",
            ],
        ],
    },
    Floors {
        package: "cloverleaf-store",
        floors: &[
            &["store"],
            &["reader", "writer"],
            &["file", "queues"],
            &["file_reader"],
            &["extent"],
            &["database"],
            &["location", "record", "request"],
        ],
    },
    Floors {
        package: "cloverleaf-testkit",
        floors: &[
            &["asking"],
            &["messages"],
            &["lab"],
            &["auth", "authorizer", "draws", "numbers", "recorder"],
        ],
    },
    Floors {
        package: "cloverleaf-transport",
        floors: &[
            &["batched"],
            &[
                "connection",
                "connections",
                "echo",
                "longpoll",
                "peer_info",
                "proxy_protocol",
                "wamp",
                "websocket",
            ],
            &["detect", "handler", "listener", "rawsocket"],
            &["framing", "input_memory", "log_limit", "outbound", "stream"],
            &["arrivals", "crate", "error", "keepalive", "limits", "shutdown"],
        ],
    },
    Floors {
        package: "cloverleaf-wakes",
        floors: &[&["deferred", "pace"], &["set", "slot", "thread"]],
    },
    Floors {
        package: "cloverleaf-wamp",
        floors: &[
            &["message"],
            &["payload"],
            &["batch", "codec", "ids", "rawsocket", "uri"],
            &[
                "crate",
                "error",
                "error_uri",
                "excerpt",
                "features",
                "heap_size",
                "http_headers",
                "limits",
                "origin",
                "realm_name",
                "secrets",
                "serializer",
                "transport_kind",
                "transport_url",
                "websocket",
            ],
        ],
    },
    Floors {
        package: "cloverleaf-web",
        floors: &[
            &["server"],
            &["fast_path"],
            &["routes"],
            &["service"],
            &["prefixed_stream", "request_body", "response_body"],
            &["access_log", "connections", "read_ahead", "response"],
        ],
    },
];

/// The cycles between files that are allowed.
pub(crate) const ALLOWED_CYCLES: &[AllowedCycle] = &[AllowedCycle {
    package: "cloverleaf-router",
    files: &[
        "broker.rs",
        "broker/acknowledgement.rs",
        "broker/backpressure.rs",
        "broker/durable.rs",
        "broker/eligibility.rs",
        "broker/history.rs",
        "broker/history_query.rs",
        "broker/outgoing.rs",
        "broker/publication.rs",
        "broker/record.rs",
        "broker/replay.rs",
        "broker/retention.rs",
        "dealer.rs",
        "dealer/answer.rs",
        "dealer/call.rs",
        "dealer/call_all.rs",
        "dealer/call_queue.rs",
        "dealer/choice.rs",
        "dealer/endpoint.rs",
        "dealer/pending_invocation.rs",
        "dealer/progress.rs",
        "dealer/registration.rs",
        "dealer/rerouting.rs",
        "session.rs",
    ],
    reason: "a session's record holds its state in broker and dealer, so that detaching it visits only its own entries; both look sessions up",
}];
