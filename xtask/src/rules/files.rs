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
            &["method", "ticket"],
            &["principal", "refusal"],
        ],
    },
    Floors {
        package: "cloverleaf-client",
        floors: &[
            &["net"],
            &[
                "arguments",
                "call",
                "driver",
                "exchange",
                "inbox",
                "pending",
                "procedure",
                "publish",
                "register",
                "sent",
                "session",
                "subscribe",
                "watch",
            ],
            &["error"],
            &["attributes", "link", "part_queue", "passthru"],
        ],
    },
    Floors {
        package: "cloverleaf-config",
        floors: &[
            &["default_node", "source"],
            &["settings"],
            &["crossbar_rules", "precedence", "sections"],
            &["options", "section"],
            &["field"],
            &["load_context"],
            &["document", "env", "names"],
            &["addresses", "fault"],
            &["location", "spelling", "unsupported"],
        ],
    },
    Floors {
        package: "cloverleaf-http-bridge",
        floors: &[
            &["http1"],
            &[
                "bridge",
                "call",
                "checks",
                "publish",
                "replays",
                "reply",
                "request_auth",
                "settings",
            ],
            &["envelope"],
            &["denial", "head", "query", "status", "timestamp"],
        ],
    },
    Floors {
        package: "cloverleaf-node",
        floors: &[
            &["cli"],
            &["program", "start"],
            &["container", "listen", "web"],
            &["peer", "shutdown"],
            &["event_store", "local", "realms"],
            &["realm_host"],
            &[
                "components",
                "descriptors",
                "log",
                "memory",
                "meter",
                "ports",
                "schemas",
                "signals",
                "threads",
                "tuning",
            ],
        ],
    },
    Floors {
        package: "cloverleaf-ring",
        floors: &[&["driver"], &["socket"], &["slot", "state"], &["kernel"]],
    },
    Floors {
        package: "cloverleaf-router",
        floors: &[
            &["jobs", "meta", "realm", "refused_pattern"],
            &["closing"],
            &["broker", "change", "deadline", "dealer", "session"],
            &["testament"],
            &["authorization", "failure", "validation", "work"],
            &["compatibility", "limits", "outbox", "uri_index", "wall_clock"],
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
        floors: &[&["asking"], &["messages"], &["lab"], &["auth", "draws", "numbers", "recorder"]],
    },
    Floors {
        package: "cloverleaf-transport",
        floors: &[
            &["batched"],
            &["echo", "longpoll", "peer_info", "proxied", "wamp", "websocket"],
            &["connection", "detect", "listener", "rawsocket"],
            &["framing", "input_memory", "log_limit", "outbound", "stream"],
            &["arrivals", "crate", "error", "keepalive", "limits"],
        ],
    },
    Floors {
        package: "cloverleaf-wamp",
        floors: &[
            &["batch", "codec", "message", "payload", "rawsocket"],
            &[
                "error",
                "error_uri",
                "features",
                "http_headers",
                "ids",
                "origin",
                "secrets",
                "serializer",
                "transport_kind",
                "uri",
                "websocket",
            ],
        ],
    },
];

/// The cycles between files that are allowed.
pub(crate) const ALLOWED_CYCLES: &[AllowedCycle] = &[
    AllowedCycle {
        package: "cloverleaf-client",
        files: &[
            "arguments.rs",
            "call.rs",
            "call/part_sender.rs",
            "call/results.rs",
            "driver.rs",
            "exchange.rs",
            "inbox.rs",
            "procedure.rs",
            "procedure/invocation.rs",
            "publish.rs",
            "register.rs",
            "register/entry.rs",
            "sent.rs",
            "session.rs",
            "session/unrestored.rs",
            "subscribe.rs",
            "watch.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-http-bridge",
        files: &[
            "bridge.rs",
            "call.rs",
            "checks.rs",
            "publish.rs",
            "replays.rs",
            "reply.rs",
            "request_auth.rs",
            "settings.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-node",
        files: &[
            "listen.rs",
            "web.rs",
            "web/answers.rs",
            "web/direct.rs",
            "web/files.rs",
            "web/longpoll.rs",
            "web/longpoll/cors.rs",
            "web/routes.rs",
            "web/upgrade.rs",
            "web/upgrade/page.rs",
            "web/welcome.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-node",
        files: &["start.rs", "start/services.rs", "start/websocket.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-ring",
        files: &["slot.rs", "state.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-router",
        files: &["authorization.rs", "failure.rs", "validation.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-router",
        files: &[
            "broker.rs",
            "broker/acknowledgement.rs",
            "broker/durable.rs",
            "broker/eligibility.rs",
            "broker/history.rs",
            "broker/members.rs",
            "broker/outgoing.rs",
            "broker/pressure.rs",
            "broker/publication.rs",
            "broker/reading.rs",
            "broker/record.rs",
            "broker/replay.rs",
            "broker/retention.rs",
            "change.rs",
            "deadline.rs",
            "dealer.rs",
            "dealer/answer.rs",
            "dealer/call.rs",
            "dealer/choice.rs",
            "dealer/endpoint.rs",
            "dealer/errand.rs",
            "dealer/gathering.rs",
            "dealer/progress.rs",
            "dealer/registration.rs",
            "dealer/rerouting.rs",
            "dealer/waiting.rs",
            "session.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-router",
        files: &[
            "jobs.rs",
            "meta.rs",
            "meta/listing.rs",
            "meta/session.rs",
            "realm.rs",
            "realm/leaving.rs",
            "refused_pattern.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-transport",
        files: &["connection.rs", "connection/writing.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-transport",
        files: &["framing.rs", "framing/websocket.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-transport",
        files: &["longpoll.rs", "longpoll/state.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-transport",
        files: &["outbound.rs", "outbound/outlet.rs", "outbound/queue.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-wakes",
        files: &["lib.rs", "pace.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-wamp",
        files: &[
            "codec.rs",
            "codec/cbor/bignum.rs",
            "codec/cbor/reader.rs",
            "codec/cbor/writer.rs",
            "codec/de.rs",
            "codec/de/compound.rs",
            "codec/de/key.rs",
            "codec/json.rs",
            "codec/json/cursor.rs",
            "codec/json/finite.rs",
            "codec/json/pass.rs",
            "codec/json/reader.rs",
            "codec/json/string.rs",
            "codec/json/writer.rs",
            "codec/message.rs",
            "codec/message/reading.rs",
            "codec/message/writing.rs",
            "codec/msgpack/cursor.rs",
            "codec/msgpack/pass.rs",
            "codec/msgpack/reader.rs",
            "codec/msgpack/writer.rs",
            "codec/ser.rs",
            "codec/ser/compound.rs",
            "codec/ser/key.rs",
            "codec/ser/value.rs",
            "codec/transcode.rs",
            "codec/ubjson.rs",
            "codec/ubjson/container.rs",
            "codec/ubjson/cursor.rs",
            "codec/ubjson/reader.rs",
            "codec/ubjson/writer.rs",
            "message.rs",
            "message/options.rs",
            "message/options/parts.rs",
            "message/options/values.rs",
            "message/options/words.rs",
            "message/pubsub.rs",
            "message/rpc.rs",
            "message/session.rs",
            "payload.rs",
        ],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-wamp",
        files: &["websocket/close.rs", "websocket/frame.rs"],
        reason: "still to be cut",
    },
    AllowedCycle {
        package: "cloverleaf-wamp",
        files: &["websocket/receiver.rs", "websocket/receiver/partial.rs"],
        reason: "still to be cut",
    },
];
