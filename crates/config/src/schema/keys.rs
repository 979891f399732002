//! The sections of a configuration by name, each with all of its keys.
//!
//! A reader asks for one key after the other. Whether a key is a misspelling of another one can
//! only be said once all keys of its section are known, so they are declared here. A debug build
//! panics when a reader asks for a key that is not declared.

/// A section with its keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The name that messages use, with an article: `a web transport`.
    pub(crate) name: &'static str,
    /// Every key that this version or Crossbar.io knows.
    keys: &'static [&'static str],
    /// The sections that this one may become once its `type` is known.
    kinds: &'static [&'static str],
    /// Whether Crossbar.io does not look at keys that it does not know. Such keys are a warning.
    pub(crate) is_open: bool,
}

const fn closed(name: &'static str, keys: &'static [&'static str]) -> Shape {
    Shape { name, keys, kinds: &[], is_open: false }
}

const fn open(name: &'static str, keys: &'static [&'static str]) -> Shape {
    Shape { name, keys, kinds: &[], is_open: true }
}

const fn one_of(name: &'static str, kinds: &'static [&'static str]) -> Shape {
    Shape { name, keys: &["type", "id"], kinds, is_open: false }
}

impl Shape {
    /// The shape with this name.
    pub(crate) fn of(name: &str) -> &'static Self {
        let shape = SHAPES.iter().find(|shape| shape.name == name);
        debug_assert!(shape.is_some(), "the section '{name}' is not declared");
        shape.unwrap_or(&UNKNOWN)
    }

    /// Whether the section has this key, whichever of its kinds it is.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains(&key) || self.kinds.iter().any(|kind| Self::of(kind).has(key))
    }
}

const UNKNOWN: Shape = closed("a section", &[]);

/// Every section.
pub(crate) static SHAPES: &[Shape] = &[
    closed("a configuration", &["$schema", "version", "controller", "workers"]),
    closed(
        "a controller",
        &[
            "id",
            "options",
            "manhole",
            "connections",
            "keyring",
            "fabric",
            "fabric-center",
            "blockchain",
            "ipfs",
            "enable_docker",
        ],
    ),
    closed("controller options", &["title", "shutdown", "enable_parallel_worker_start"]),
    // Workers.
    one_of("a worker", &["a router", "a container", "a websocket-testee"]),
    closed(
        "a router",
        &[
            "type",
            "id",
            "options",
            "realms",
            "realm_template",
            "transports",
            "components",
            "manhole",
            "connections",
        ],
    ),
    closed("a container", &["type", "id", "options", "components", "manhole", "connections"]),
    closed("a websocket-testee", &["type", "id", "options", "transport", "manhole", "connections"]),
    closed(
        "worker options",
        &[
            "title",
            "extra",
            "python",
            "pythonpath",
            "cpu_affinity",
            "env",
            "expose_controller",
            "expose_shared",
            "disabled",
            "reactor",
            "shutdown",
            "restart",
        ],
    ),
    closed("a process environment", &["inherit", "vars"]),
    // Realms.
    open("a realm", &["name", "id", "options", "roles", "store", "stats", "inventory", "rlinks"]),
    closed("a template of realms", &["max_realms", "options", "roles", "store", "stats"]),
    closed(
        "realm options",
        &[
            "uri_check",
            "compatibility",
            "disclose_http_headers",
            "shutdown_goodbye",
            "call_timeout_unit",
            "strict_request_ids",
            "call_timeout",
            "max_call_timeout",
            "retained",
            "enable_meta_api",
            "bridge_meta_api",
            "event_dispatching_chunk_size",
        ],
    ),
    closed("the options of retained events", &["max_events", "max_bytes", "ttl"]),
    open(
        "a realm's store",
        &[
            "type",
            "path",
            "maxsize",
            "limit",
            "max_bytes",
            "cache_bytes",
            "event-history",
            "call-queue",
        ],
    ),
    open("a rule of event-history", &["uri", "match", "limit", "max_bytes"]),
    open("a rule of call-queue", &["uri", "match", "limit"]),
    open(
        "a realm's statistics",
        &[
            "rated_message_size",
            "trigger_after_rated_messages",
            "trigger_after_duration",
            "trigger_on_join",
            "trigger_on_leave",
        ],
    ),
    open(
        "a role",
        &[
            "name",
            "id",
            "permissions",
            "authorizer",
            "allow-by-default",
            "trustlevel",
            "slow_consumer",
        ],
    ),
    closed(
        "a permission",
        &[
            "uri",
            "match",
            "allow",
            "disclose",
            "cache",
            "trustlevel",
            "validate",
            "call",
            "register",
            "publish",
            "subscribe",
        ],
    ),
    closed("a permission's 'allow'", &["call", "register", "publish", "subscribe"]),
    closed("a permission's 'disclose'", &["caller", "publisher", "callee"]),
    closed(
        "a permission's 'validate'",
        &[
            "call",
            "call_progress",
            "call_result",
            "call_result_progress",
            "call_error",
            "event",
            "event_confirmation",
            "extra",
        ],
    ),
    // Components.
    closed(
        "a component",
        &["type", "id", "classname", "realm", "role", "extra", "references", "transport"],
    ),
    // Transports that listen.
    one_of(
        "a transport",
        &[
            "a rawsocket transport",
            "a websocket transport",
            "a web transport",
            "a universal transport",
            "a websocket.testee transport",
            "a stream.testee transport",
        ],
    ),
    closed(
        "a rawsocket transport",
        &["type", "id", "endpoint", "serializers", "options", "auth", "slow_consumer", "debug"],
    ),
    closed(
        "a websocket transport",
        &[
            "type",
            "id",
            "endpoint",
            "url",
            "serializers",
            "options",
            "auth",
            "cookie",
            "slow_consumer",
            "debug",
        ],
    ),
    closed("a web transport", &["type", "id", "endpoint", "paths", "options", "cookie", "auth"]),
    closed(
        "a universal transport",
        &["type", "id", "endpoint", "rawsocket", "websocket", "web", "mqtt"],
    ),
    closed(
        "the rawsocket of a universal transport",
        &["type", "id", "serializers", "options", "auth", "slow_consumer", "debug"],
    ),
    closed(
        "a websocket of a universal transport",
        &[
            "type",
            "id",
            "url",
            "serializers",
            "options",
            "auth",
            "cookie",
            "slow_consumer",
            "debug",
        ],
    ),
    closed(
        "the web of a universal transport",
        &["type", "id", "options", "paths", "cookie", "auth"],
    ),
    closed(
        "a websocket.testee transport",
        &["type", "id", "endpoint", "url", "options", "debug", "serializers", "auth", "cookie"],
    ),
    closed("a stream.testee transport", &["type", "id", "endpoint", "debug"]),
    closed("rawsocket options", &["max_message_size"]),
    closed(
        "websocket options",
        &[
            "allowed_origins",
            "allow_null_origin",
            "external_port",
            "enable_hybi10",
            "enable_rfc6455",
            "open_handshake_timeout",
            "close_handshake_timeout",
            "enable_webstatus",
            "validate_utf8",
            "mask_server_frames",
            "require_masked_client_frames",
            "apply_mask",
            "max_frame_size",
            "max_message_size",
            "auto_fragment_size",
            "fail_by_drop",
            "echo_close_codereason",
            "tcp_nodelay",
            "auto_ping_interval",
            "auto_ping_timeout",
            "auto_ping_size",
            "auto_ping_restart_on_any_traffic",
            "enable_flash_policy",
            "flash_policy",
            "compression",
            "require_websocket_subprotocol",
            "show_server_version",
        ],
    ),
    open("a compression", &["deflate"]),
    open(
        "a deflate compression",
        &[
            "request_no_context_takeover",
            "request_max_window_bits",
            "no_context_takeover",
            "max_window_bits",
            "memory_level",
        ],
    ),
    // Transports that connect.
    one_of(
        "a connecting transport",
        &["a connecting websocket transport", "a connecting rawsocket transport"],
    ),
    closed(
        "a connecting websocket transport",
        &["type", "id", "endpoint", "url", "serializers", "options", "auth", "debug"],
    ),
    closed(
        "a connecting rawsocket transport",
        &["type", "id", "endpoint", "url", "serializer", "options", "auth", "debug"],
    ),
    // Endpoints.
    Shape {
        name: "an endpoint",
        keys: &["type"],
        kinds: &[
            "a tcp endpoint",
            "a unix endpoint",
            "a connecting tcp endpoint",
            "a connecting unix endpoint",
        ],
        is_open: false,
    },
    closed(
        "a tcp endpoint",
        &[
            "type",
            "port",
            "portrange",
            "interface",
            "version",
            "backlog",
            "shared",
            "user_timeout",
            "proxy_protocol",
            "tls",
        ],
    ),
    closed("a unix endpoint", &["type", "path", "backlog", "mode", "owner", "proxy_protocol"]),
    closed("a connecting tcp endpoint", &["type", "host", "port", "version", "timeout", "tls"]),
    closed("a connecting unix endpoint", &["type", "path", "timeout"]),
    // Who may join.
    closed(
        "an auth",
        &[
            "anonymous",
            "ticket",
            "wampcra",
            "scram",
            "cryptosign",
            "tls",
            "cookie",
            "function",
            "cryptosign-proxy",
            "anonymous-proxy",
        ],
    ),
    closed("an anonymous auth", &["type", "realm", "role", "authid"]),
    // Web services.
    one_of(
        "a web service",
        &[
            "a static service",
            "a websocket service",
            "a longpoll service",
            "a caller",
            "a publisher",
            "a path service",
            "a json service",
            "a redirect service",
            "a none service",
        ],
    ),
    closed("a static service", &["type", "id", "directory", "package", "resource", "options"]),
    closed(
        "a websocket service",
        &[
            "type",
            "id",
            "url",
            "serializers",
            "options",
            "auth",
            "cookie",
            "slow_consumer",
            "debug",
        ],
    ),
    closed(
        "a longpoll service",
        &["type", "id", "options", "serializers", "auth", "slow_consumer"],
    ),
    closed("a caller", &["type", "id", "realm", "role", "options"]),
    closed("a publisher", &["type", "id", "realm", "role", "options"]),
    closed("a path service", &["type", "id", "paths"]),
    closed("a json service", &["type", "id", "value", "options"]),
    closed("a redirect service", &["type", "id", "url"]),
    closed("a none service", &["type", "id"]),
    closed(
        "web options",
        &["access_log", "display_tracebacks", "hsts", "hsts_max_age", "client_timeout"],
    ),
    closed(
        "static options",
        &[
            "enable_directory_listing",
            "mime_types",
            "cache_timeout",
            "default_file",
            "allow_cross_origin",
            "follow_symlinks",
            "dotfiles",
        ],
    ),
    closed("json options", &["prettify", "allow_cross_origin", "discourage_caching"]),
    closed(
        "longpoll options",
        &[
            "debug",
            "debug_transport_id",
            "request_timeout",
            "session_timeout",
            "queue_limit_bytes",
            "queue_limit_messages",
            "max_message_size",
            "allowed_origins",
            "allow_null_origin",
        ],
    ),
    closed(
        "bridge options",
        &[
            "debug",
            "key",
            "secret",
            "post_body_limit",
            "timestamp_delta_limit",
            "require_ip",
            "require_tls",
            "refuse_replays",
            "error_status",
            "allowed_origins",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::SHAPES;
    use crate::document::json;
    use crate::env::ProcessEnvironment;
    use crate::field::Field;
    use crate::load_context::LoadContext;

    /// The faults of a section with only this key, whose reader requires each key of it.
    fn faults_of_one_key(name: &'static str, keys: &[&'static str], key: &str) -> String {
        let node = json::parse(&format!(r#"{{"{key}": []}}"#)).expect("JSON");
        let context = LoadContext::new("config.json", Path::new(""), &ProcessEnvironment);
        let field = Field { context: &context, node: &node, path: String::new() };
        let mut section = field.section(name).expect("a map");
        for other in keys {
            section.required(other);
        }
        section.finish();
        context.finish(None).expect_err("missing keys").to_string()
    }

    #[test]
    fn a_known_key_is_never_taken_for_a_misspelling_of_another_one() {
        for shape in SHAPES.iter().filter(|shape| shape.keys.len() > 1) {
            for key in shape.keys {
                let faults = faults_of_one_key(shape.name, shape.keys, key);
                assert!(!faults.contains("unknown key"), "'{key}' of {}: {faults}", shape.name);
            }
        }
    }

    #[test]
    fn keys_of_every_kind_of_section_are_known_before_the_kind_is() {
        for shape in SHAPES.iter().filter(|shape| !shape.kinds.is_empty()) {
            let kinds = SHAPES.iter().filter(|kind| shape.kinds.contains(&kind.name));
            for key in kinds.flat_map(|kind| kind.keys).filter(|key| **key != "type") {
                let faults = faults_of_one_key(shape.name, &["type"], key);
                assert!(!faults.contains("did you mean"), "'{key}' of {}: {faults}", shape.name);
            }
        }
    }

    #[test]
    fn each_section_is_declared_once_and_so_is_each_of_its_keys() {
        for (index, shape) in SHAPES.iter().enumerate() {
            let others = &SHAPES[index + 1..];
            assert!(others.iter().all(|other| other.name != shape.name), "{}", shape.name);
            for (index, key) in shape.keys.iter().enumerate() {
                assert!(!shape.keys[index + 1..].contains(key), "'{key}' of {}", shape.name);
            }
        }
    }
}
