//! Services at the paths of a web transport.

use super::bridge::{self, BridgeService, CALLER, PUBLISHER};
use super::ids::{Ids, TYPE_AND_ID};
use super::json_service::{self, JSON_SERVICE, JsonService};
use super::longpoll::{self, LONGPOLL_SERVICE, LongPollService};
use super::path_service::{self, PATH_SERVICE};
use super::redirect_service::{self, REDIRECT_SERVICE};
use super::static_files::{self, STATIC_SERVICE, StaticService};
use super::websocket_service::{self, WEBSOCKET_SERVICE, WebSocketService};
use crate::document::Entry;
use crate::fault::excerpt;
use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::section::{Section, SectionKeys, TYPE};
use crate::unsupported;

pub(crate) static WEB_SERVICE: SectionKeys = SectionKeys::one_of(
    "a web service",
    TYPE_AND_ID,
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

pub(crate) static NONE_SERVICE: SectionKeys = SectionKeys::closed("a none service", TYPE_AND_ID);

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

/// Reads the services at paths. Their ids are unique in the transport.
pub(crate) fn paths(field: &Field<'_>, ids: &mut Ids) -> Vec<WebPath> {
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
    let pusher = section.optional(TYPE).filter(|field| is_v1 && field.is("pusher"));
    if let Some(field) = pusher {
        field.warn("the type 'pusher' of the older form is called 'publisher' today");
        return Some(ServiceKind::Publisher);
    }
    section.kind("web service type", &KINDS, unsupported::WEB_SERVICES)
}

fn service(kind: ServiceKind, section: Section<'_>, ids: &mut Ids) -> Option<WebService> {
    match kind {
        ServiceKind::Static => static_files::service(section).map(WebService::Static),
        ServiceKind::WebSocket => Some(WebService::WebSocket(websocket_service::service(section))),
        ServiceKind::LongPoll => Some(WebService::LongPoll(longpoll::service(section))),
        ServiceKind::Caller => bridge::service(section, &CALLER).map(WebService::Caller),
        ServiceKind::Publisher => bridge::service(section, &PUBLISHER).map(WebService::Publisher),
        ServiceKind::Path => {
            path_service::service(section, |field| paths(field, ids)).map(WebService::Path)
        }
        ServiceKind::Json => json_service::service(section).map(WebService::Json),
        ServiceKind::Redirect => redirect_service::service(section).map(WebService::Redirect),
        ServiceKind::None => Some(none_service(section)),
    }
}

/// The service of type `none` answers 404 to all paths, as a service of type `path` without paths.
fn none_service(mut section: Section<'_>) -> WebService {
    section.narrow(&NONE_SERVICE);
    section.finish();
    WebService::Path(Vec::new())
}
