//! Web transports and the services at their paths.

use std::time::Duration;

use cloverleaf_wamp::serializer::Serializer;

use super::auth::{Auth, auth};
use super::bridge::{self, BridgeService, CALLER, PUBLISHER};
use super::ids::Ids;
use super::json_service::{self, JSON_SERVICE, JsonService};
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::longpoll::{self, LONGPOLL_SERVICE, LongPollService};
use super::serializers::serializers;
use super::slow_consumer::{SlowConsumerPolicy, slow_consumer};
use super::static_files::{self, STATIC_SERVICE, StaticService};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::document::Entry;
use crate::fault::excerpt;
use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::options::options;
use crate::section::{Section, SectionKeys, SectionOptions};
use crate::unsupported;

pub(crate) static WEB_TRANSPORT: SectionKeys = SectionKeys::closed(
    "a web transport",
    &["type", "id", "endpoint", "limits", "paths", "options", "cookie", "auth"],
);

pub(crate) static WEB_OPTIONS: SectionKeys = SectionKeys::closed("web options", WebOptions::KEYS);

pub(crate) static WEB_SERVICE: SectionKeys = SectionKeys::one_of(
    "a web service",
    &["type", "id"],
    &[
        &STATIC_SERVICE,
        &WEBSOCKET_SERVICE,
        &LONGPOLL_SERVICE,
        &CALLER,
        &PUBLISHER,
        &PATH_SERVICE,
        &JSON_SERVICE,
        &REDIRECT_SERVICE,
        &NONE_SERVICE,
    ],
);

pub(crate) static WEBSOCKET_SERVICE: SectionKeys =
    SectionKeys::closed("a websocket service", &["type", "id"]).with(&[WEBSOCKET_SERVICE_KEYS]);

/// The keys of everything that speaks WAMP over WebSocket.
pub(crate) const WEBSOCKET_SERVICE_KEYS: &[&str] =
    &["url", "serializers", "options", "auth", "cookie", "slow_consumer", "debug"];

pub(crate) static PATH_SERVICE: SectionKeys =
    SectionKeys::closed("a path service", &["type", "id", "paths"]);

pub(crate) static REDIRECT_SERVICE: SectionKeys =
    SectionKeys::closed("a redirect service", &["type", "id", "url"]);

pub(crate) static NONE_SERVICE: SectionKeys =
    SectionKeys::closed("a none service", &["type", "id"]);

/// A transport of type `web`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The limits of connections.
    pub limits: ListenerLimits,
    /// The options of HTTP connections.
    pub options: WebOptions,
    /// The services at their paths, in the order of the file.
    pub paths: Vec<WebPath>,
}

options! {
    /// The options of a web transport.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct WebOptions {
        /// Whether each request is logged.
        access_log: bool = false, Section::flag;
        /// Whether answers to failed requests contain internal details.
        display_tracebacks: bool = false, Section::flag_without_effect;
        /// Whether responses ask browsers to use only TLS (RFC 6797).
        hsts: bool = false, Section::flag;
        /// How long browsers use only TLS.
        hsts_max_age: Duration = Duration::from_secs(31_536_000), hsts_max_age;
        /// How long a client may be idle; none: the listener's default.
        client_timeout: Option<Duration> = None, client_timeout;
    }
}

/// A path of a web transport and its service.
#[derive(Debug, Clone, PartialEq)]
pub struct WebPath {
    /// The service's id, given or generated (`webservice001` …).
    pub id: String,
    /// One segment of the path without slashes, or `/` for all other paths.
    pub path: String,
    /// The service.
    pub service: WebService,
}

/// The service at a path.
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

/// A service of type `websocket`.
#[derive(Debug, Clone, PartialEq)]
pub struct WebSocketService {
    /// The URL that clients use.
    pub url: Option<String>,
    /// The serializers that clients may choose; never empty.
    pub serializers: Vec<Serializer>,
    /// The options of WebSocket connections.
    pub options: WebSocketSettings,
    /// The authentication methods.
    pub auth: Auth,
    /// What happens to events for slow consumers whose role has no policy.
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

/// The longest time that a client may be idle, in seconds: a day.
const MAX_CLIENT_TIMEOUT: u64 = 86_400;

#[derive(Clone, Copy)]
enum ServiceKind {
    Static,
    WebSocket,
    LongPoll,
    Caller,
    Publisher,
    Path,
    Json,
    Redirect,
    None,
}

const KINDS: [(&str, ServiceKind); 9] = [
    ("static", ServiceKind::Static),
    ("websocket", ServiceKind::WebSocket),
    ("longpoll", ServiceKind::LongPoll),
    ("caller", ServiceKind::Caller),
    ("publisher", ServiceKind::Publisher),
    ("path", ServiceKind::Path),
    ("json", ServiceKind::Json),
    ("redirect", ServiceKind::Redirect),
    ("none", ServiceKind::None),
];

/// Reads a web transport.
pub(crate) fn transport(mut section: Section<'_>, id: String) -> Option<WebTransport> {
    section.narrow(&WEB_TRANSPORT);
    let endpoint = listening_endpoint::listening(&mut section);
    let limits = section.options("limits", &LISTENER_LIMITS);
    let options = section.options("options", &WEB_OPTIONS);
    let paths = section.required("paths").map(|field| paths(&field, &mut Ids::new("webservice")));
    refuse_misplaced(&mut section);
    section.finish();
    Some(WebTransport { id, endpoint: endpoint?, limits, options, paths: paths? })
}

/// Refuses keys of a service that are given to the transport.
pub(crate) fn refuse_misplaced(section: &mut Section<'_>) {
    for key in ["cookie", "auth"] {
        if let Some(field) = section.optional(key) {
            field.fault(format!(
                "'{key}' does not belong here: give it to the services of type 'websocket'"
            ));
        }
    }
}

fn hsts_max_age(section: &mut Section<'_>, key: &'static str, default: Duration) -> Duration {
    let seconds = section.number_up_to(key, &(0..=u64::from(u32::MAX)), default.as_secs());
    Duration::from_secs(seconds)
}

fn client_timeout(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<Duration>,
) -> Option<Duration> {
    let seconds = section.non_null(key)?.number(&(1..=MAX_CLIENT_TIMEOUT))?;
    Some(Duration::from_secs(seconds))
}

fn paths(field: &Field<'_>, ids: &mut Ids) -> Vec<WebPath> {
    let entries = field.entries().unwrap_or_default();
    entries.into_iter().filter_map(|(entry, field)| path(entry, &field, ids)).collect()
}

/// Checks that a path is `/` or one segment: `^[a-z0-9A-Z_\-]+$`.
pub(crate) fn check_path(path: &str, field: &Field<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_segment = !path.is_empty() && path.chars().all(allowed);
    if !is_segment && path != "/" {
        let expected =
            "'/' or one segment of A-Z, a-z, 0-9, '_' and '-' (deeper ones by type 'path')";
        let message = format!("'{}' is no path", excerpt(path));
        let _: Option<()> = field.report(message, Some(expected.to_owned()), None);
    }
}

/// Reads a path and its service.
pub(crate) fn path(entry: &Entry, field: &Field<'_>, ids: &mut Ids) -> Option<WebPath> {
    let path = &entry.key;
    check_path(path, field);
    let mut section = Section::of(field, &WEB_SERVICE)?;
    let kind = kind(&mut section)?;
    let id = ids.of(&mut section);
    let service = service(kind, section, ids)?;
    Some(WebPath { id, path: path.clone(), service })
}

/// The type of a service. Version 1 has another word for the publisher.
fn kind(section: &mut Section<'_>) -> Option<ServiceKind> {
    let is_v1 = section.context().format_version() == FormatVersion::V1;
    let pusher = section.optional("type").filter(|field| is_v1 && field.is("pusher"));
    if let Some(field) = pusher {
        field.warn("the type 'pusher' of the older form is called 'publisher' today");
        return Some(ServiceKind::Publisher);
    }
    section.kind("web service type", &KINDS, unsupported::WEB_SERVICES)
}

fn service(kind: ServiceKind, section: Section<'_>, ids: &mut Ids) -> Option<WebService> {
    match kind {
        ServiceKind::Static => static_files::service(section).map(WebService::Static),
        ServiceKind::WebSocket => Some(WebService::WebSocket(websocket_service(section))),
        ServiceKind::LongPoll => Some(WebService::LongPoll(longpoll::service(section))),
        ServiceKind::Caller => bridge::service(section, &CALLER).map(WebService::Caller),
        ServiceKind::Publisher => bridge::service(section, &PUBLISHER).map(WebService::Publisher),
        ServiceKind::Path => path_service(section, ids).map(WebService::Path),
        ServiceKind::Json => json_service::service(section).map(WebService::Json),
        ServiceKind::Redirect => redirect_service(section).map(WebService::Redirect),
        ServiceKind::None => Some(none_service(section)),
    }
}

/// Reads a WebSocket service of a web or universal transport.
pub(crate) fn websocket_service(mut section: Section<'_>) -> WebSocketService {
    section.narrow(&WEBSOCKET_SERVICE);
    section.debug();
    let service = WebSocketService {
        url: section.url(),
        serializers: serializers(&mut section),
        options: websocket::options(&mut section, WebSocketUse::Service),
        auth: auth(&mut section),
        slow_consumer: slow_consumer(&mut section).unwrap_or_default(),
    };
    section.ignore_cookie();
    section.finish();
    service
}

/// The service of type `none` answers 404 to all paths, as a service of type `path` without paths.
fn none_service(mut section: Section<'_>) -> WebService {
    section.narrow(&NONE_SERVICE);
    section.finish();
    WebService::Path(Vec::new())
}

fn path_service(mut section: Section<'_>, ids: &mut Ids) -> Option<Vec<WebPath>> {
    section.narrow(&PATH_SERVICE);
    let paths = section.required("paths").map(|field| paths(&field, ids));
    section.finish();
    paths
}

fn redirect_service(mut section: Section<'_>) -> Option<String> {
    section.narrow(&REDIRECT_SERVICE);
    let field = section.required("url");
    section.finish();
    let field = field?;
    let url = field.non_empty_text()?;
    // A line break would end the header field.
    if url.chars().all(|c| c.is_ascii_graphic()) {
        Some(url)
    } else {
        field.expected("a URL of printable ASCII characters without spaces")
    }
}
