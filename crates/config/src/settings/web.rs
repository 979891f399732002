//! What a web transport serves at its paths.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cloverleaf_wamp::serializer::Serializer;
use serde_json::Value;

use super::store::SlowConsumerPolicy;
use super::{Auth, IpNetwork, LongPollService, Secret, WebSocketSettings};

/// The options of a web transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOptions {
    /// Whether each request is logged.
    pub access_log: bool,
    /// Whether answers to failed requests may tell what went wrong inside.
    pub display_tracebacks: bool,
    /// Whether browsers are told to use TLS only (RFC 6797).
    pub hsts: bool,
    /// For how long browsers are told so.
    pub hsts_max_age: Duration,
    /// How long a client may be silent; none: the listener's own limit.
    pub client_timeout: Option<Duration>,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            access_log: false,
            display_tracebacks: false,
            hsts: false,
            hsts_max_age: Duration::from_secs(31_536_000),
            client_timeout: None,
        }
    }
}

/// A path of a web transport and what is served there.
#[derive(Debug, Clone, PartialEq)]
pub struct WebPath {
    /// The service's id, given or `webservice001` and so on.
    pub id: String,
    /// One segment of the path without slashes, or `/` for whatever has no path of its own.
    pub path: String,
    /// What is served.
    pub service: WebService,
}

/// What is served at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum WebService {
    /// `static`: the files of a directory.
    Static(StaticService),
    /// `websocket`: WAMP over WebSocket.
    WebSocket(WebSocketService),
    /// `longpoll`: WAMP over plain HTTP requests.
    LongPoll(LongPollService),
    /// `caller`: calls by HTTP POST.
    Caller(BridgeService),
    /// `publisher`: publications by HTTP POST.
    Publisher(BridgeService),
    /// `path`: more paths below this one.
    Path(Vec<WebPath>),
    /// `json`: one JSON value.
    Json(JsonService),
    /// `redirect`: a redirection to this URL.
    Redirect(String),
    /// The page of the node without configuration. No file can ask for it.
    Welcome,
}

/// A service of type `static`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticService {
    /// The directory whose files are served. It may be missing.
    pub directory: PathBuf,
    /// Its options.
    pub options: StaticOptions,
}

/// The options of a static service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticOptions {
    /// Whether a directory without default file is answered with a list of its files.
    pub enable_directory_listing: bool,
    /// Media types by file extension (with its dot), besides the usual ones.
    pub mime_types: BTreeMap<String, String>,
    /// How long clients may keep a file; none: nothing is said about it.
    pub cache_timeout: Option<Duration>,
    /// The file that is served where no file is found; none: the answer is 404.
    pub default_file: Option<String>,
    /// Whether web pages of all origins may read the files.
    pub allow_cross_origin: bool,
    /// Whether files are served to which a symbolic link leads out of the directory.
    pub follow_symlinks: bool,
    /// Whether files are served whose name, or a directory's in their path, begins with a dot.
    /// `.well-known` at the top of the directory is served in any case.
    pub dotfiles: bool,
}

impl Default for StaticOptions {
    fn default() -> Self {
        Self {
            enable_directory_listing: false,
            mime_types: BTreeMap::new(),
            cache_timeout: Some(Duration::from_secs(43_200)),
            default_file: None,
            allow_cross_origin: true,
            follow_symlinks: false,
            dotfiles: false,
        }
    }
}

/// A service of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocketService {
    /// The URL under which clients see it.
    pub url: Option<String>,
    /// The serializers that it speaks; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of its WebSocket connections.
    pub options: WebSocketSettings,
    /// Who may join.
    pub auth: Auth,
    /// What becomes of events for peers that read too slowly, where their role does not say.
    pub slow_consumer: SlowConsumerPolicy,
}

impl Default for WebSocketService {
    fn default() -> Self {
        Self {
            url: None,
            serializers: Serializer::DEFAULT.to_vec(),
            options: WebSocketSettings::default(),
            auth: Auth::default(),
            slow_consumer: SlowConsumerPolicy::default(),
        }
    }
}

/// A service of type `caller` or `publisher`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeService {
    /// The realm that its session joins.
    pub realm: String,
    /// The role that its session has there.
    pub role: String,
    /// Its options.
    pub options: BridgeOptions,
}

/// The options of a caller or publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeOptions {
    /// Whether each request is logged in detail.
    pub debug: bool,
    /// The key with which requests must be signed (`key` and `secret`); none: unsigned requests
    /// are accepted.
    pub signed_with: Option<BridgeKey>,
    /// The longest body, in bytes; none (0 in the file): the bridge's own limit.
    pub post_body_limit: Option<u32>,
    /// How far a signed request's timestamp may be from now; none (0 in the file): any distance.
    pub timestamp_delta_limit: Option<Duration>,
    /// Whether a signed request with a nonce that was used before is refused; only with a key and
    /// a limit of timestamps.
    pub refuse_replays: bool,
    /// The networks from which requests are accepted; empty: all.
    pub require_ip: Vec<IpNetwork>,
    /// Whether requests are accepted over TLS only.
    pub require_tls: bool,
    /// Whether WAMP errors are answered with an HTTP status of their own instead of 200.
    pub error_status: bool,
    /// The origins of web pages that may send requests and read the answers; `*` stands for any
    /// characters.
    pub allowed_origins: Vec<String>,
}

impl Default for BridgeOptions {
    fn default() -> Self {
        Self {
            debug: false,
            signed_with: None,
            post_body_limit: None,
            timestamp_delta_limit: Some(Duration::from_secs(300)),
            refuse_replays: false,
            require_ip: Vec::new(),
            require_tls: false,
            error_status: false,
            allowed_origins: vec!["*".to_owned()],
        }
    }
}

/// What requests to the bridge are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeKey {
    /// The name of the secret, which requests carry.
    pub key: String,
    /// The secret, which they do not.
    pub secret: Secret,
}

/// A service of type `json`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonService {
    /// The value that is served.
    pub value: Value,
    /// Its options.
    pub options: JsonOptions,
}

/// The options of a JSON service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonOptions {
    /// Whether the value is written with line breaks and indentation.
    pub prettify: bool,
    /// Whether web pages of all origins may read it.
    pub allow_cross_origin: bool,
    /// Whether clients are told not to keep it.
    pub discourage_caching: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self { prettify: false, allow_cross_origin: true, discourage_caching: false }
    }
}
