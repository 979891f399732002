//! Web transports and the services at their paths.

use std::time::Duration;

use super::ids::Ids;
use super::serializers::serializers;
use super::store::slow_consumer;
use super::transport::{auth, ignore_cookie};
use super::websocket::{self, WebSocketUse};
use super::{bridge, endpoint, longpoll};
use crate::document::Entry;
use crate::fault::shortened;
use crate::field::Field;
use crate::load_context::FormatVersion;
use crate::section::Section;
use crate::settings::{
    JsonOptions, JsonService, StaticOptions, StaticService, WebOptions, WebPath, WebService,
    WebSocketService, WebTransport,
};
use crate::unsupported;

/// The longest time that a client may be silent, in seconds: a day.
const MAX_CLIENT_TIMEOUT: u64 = 86_400;

#[derive(Clone, Copy)]
enum Kind {
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

const KINDS: [(&str, Kind); 9] = [
    ("static", Kind::Static),
    ("websocket", Kind::WebSocket),
    ("longpoll", Kind::LongPoll),
    ("caller", Kind::Caller),
    ("publisher", Kind::Publisher),
    ("path", Kind::Path),
    ("json", Kind::Json),
    ("redirect", Kind::Redirect),
    ("none", Kind::None),
];

/// Reads a web transport.
pub(super) fn transport(mut section: Section<'_>, id: String) -> Option<WebTransport> {
    section.call("a web transport");
    let endpoint = endpoint::listening(&mut section);
    let options = section.section("options", "web options").map(options).unwrap_or_default();
    let paths = section.required("paths").map(|field| paths(&field, &mut Ids::new("webservice")));
    misplaced(&mut section);
    section.finish();
    Some(WebTransport { id, endpoint: endpoint?, options, paths: paths? })
}

/// Refuses keys that are written one level too high.
pub(super) fn misplaced(section: &mut Section<'_>) {
    for key in ["cookie", "auth"] {
        if let Some(field) = section.optional(key) {
            field.fault(format!(
                "'{key}' does not belong here: give it to the services of type 'websocket'"
            ));
        }
    }
}

pub(super) fn options(mut section: Section<'_>) -> WebOptions {
    let default = WebOptions::default();
    let max_age = default.hsts_max_age.as_secs();
    let timeout = section.optional("client_timeout").filter(|field| !field.is_null());
    let timeout = timeout.and_then(|field| field.number(&(1..=MAX_CLIENT_TIMEOUT)));
    let options = WebOptions {
        access_log: section.flag("access_log", default.access_log),
        display_tracebacks: section.flag("display_tracebacks", default.display_tracebacks),
        hsts: section.flag("hsts", default.hsts),
        hsts_max_age: Duration::from_secs(section.number_up_to(
            "hsts_max_age",
            &(0..=u64::from(u32::MAX)),
            max_age,
        )),
        client_timeout: timeout.map(Duration::from_secs),
    };
    section.has_no_effect("display_tracebacks", options.display_tracebacks);
    section.finish();
    options
}

fn paths(field: &Field<'_>, ids: &mut Ids) -> Vec<WebPath> {
    let entries = field.entries().unwrap_or_default();
    entries.into_iter().filter_map(|(entry, field)| path(entry, &field, ids)).collect()
}

/// A path is `/` or one segment: `^[a-z0-9A-Z_\-]+$`.
pub(super) fn check_path(path: &str, field: &Field<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let segment = !path.is_empty() && path.chars().all(allowed);
    if !segment && path != "/" {
        let expected =
            "'/' or one segment of A-Z, a-z, 0-9, '_' and '-' (deeper ones by type 'path')";
        let message = format!("'{}' is no path", shortened(path));
        let _: Option<()> = field.report(message, Some(expected.to_owned()), None);
    }
}

/// Reads what is served at a path.
pub(super) fn path(entry: &Entry, field: &Field<'_>, ids: &mut Ids) -> Option<WebPath> {
    let path = &entry.key;
    check_path(path, field);
    let mut section = field.section("a web service")?;
    let kind = kind(&mut section)?;
    let id = ids.of(&mut section);
    let service = service(kind, section, ids)?;
    Some(WebPath { id, path: path.clone(), service })
}

/// The type of a service. The older form has another word for the publisher.
fn kind(section: &mut Section<'_>) -> Option<Kind> {
    let is_v1 = section.context().format_version() == FormatVersion::V1;
    let pusher = section.optional("type").filter(|field| is_v1 && field.is("pusher"));
    if let Some(field) = pusher {
        field.warn("the type 'pusher' of the older form is called 'publisher' today");
        return Some(Kind::Publisher);
    }
    section.kind("web service type", &KINDS, unsupported::WEB_SERVICES)
}

fn service(kind: Kind, section: Section<'_>, ids: &mut Ids) -> Option<WebService> {
    match kind {
        Kind::Static => static_service(section).map(WebService::Static),
        Kind::WebSocket => Some(WebService::WebSocket(websocket_service(section))),
        Kind::LongPoll => Some(WebService::LongPoll(longpoll::service(section))),
        Kind::Caller => bridge::service(section, "a caller").map(WebService::Caller),
        Kind::Publisher => bridge::service(section, "a publisher").map(WebService::Publisher),
        Kind::Path => path_service(section, ids).map(WebService::Path),
        Kind::Json => json_service(section).map(WebService::Json),
        Kind::Redirect => redirect_service(section).map(WebService::Redirect),
        Kind::None => Some(no_service(section)),
    }
}

fn static_service(mut section: Section<'_>) -> Option<StaticService> {
    section.call("a static service");
    let context = section.context();
    let options = section.section("options", "static options").map(static_options);
    let directory = match section.optional("package") {
        // A resource of a Python package is served instead of a directory.
        Some(_) => section.optional("directory"),
        None => section.required("directory"),
    };
    let directory = directory.and_then(|field| {
        let directory = context.resolve(&field.full_text()?);
        if !context.environment().is_directory(&directory) {
            field.warn(format!("the directory '{}' is not there", directory.display()));
        }
        Some(directory)
    });
    section.unsupported(unsupported::STATIC_KEYS);
    section.finish();
    Some(StaticService { directory: directory?, options: options.unwrap_or_default() })
}

fn static_options(mut section: Section<'_>) -> StaticOptions {
    let default = StaticOptions::default();
    let cache_timeout = match section.optional("cache_timeout") {
        Some(field) if field.is_null() => None,
        Some(field) => field.number_up_to(&(0..=u64::from(u32::MAX))).map(Duration::from_secs),
        None => default.cache_timeout,
    };
    let types = section.optional("mime_types").and_then(|field| field.entries());
    let types = types.unwrap_or_default().into_iter();
    let options = StaticOptions {
        enable_directory_listing: directory_listing(&mut section),
        mime_types: types
            .filter_map(|(entry, field)| Some((entry.key.clone(), media_type(&field)?)))
            .collect(),
        cache_timeout,
        default_file: section.optional("default_file").and_then(|field| field.full_text()),
        allow_cross_origin: section.flag("allow_cross_origin", default.allow_cross_origin),
        follow_symlinks: section.flag("follow_symlinks", default.follow_symlinks),
        dotfiles: section.flag("dotfiles", default.dotfiles),
    };
    section.finish();
    options
}

/// A media type, which becomes the value of a header.
fn media_type(field: &Field<'_>) -> Option<String> {
    let text = field.full_text()?;
    match text.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic()) {
        true => Some(text),
        false => field.expected("a media type of printable ASCII characters"),
    }
}

/// Whether directories without default file are listed, which this version does not do.
fn directory_listing(section: &mut Section<'_>) -> bool {
    let Some(field) = section.optional("enable_directory_listing") else { return false };
    let wanted = field.flag().unwrap_or(false);
    if wanted {
        field.warn("directories are not listed by this version");
    }
    wanted
}

pub(super) fn websocket_service(mut section: Section<'_>) -> WebSocketService {
    section.call("a websocket service");
    section.debug();
    let service = WebSocketService {
        url: section.url(),
        serializers: serializers(&mut section),
        options: websocket::options(&mut section, WebSocketUse::Service),
        auth: auth(&mut section),
        slow_consumer: slow_consumer(&mut section).unwrap_or_default(),
    };
    ignore_cookie(&mut section);
    section.finish();
    service
}

/// What answers 404 wherever it stands: a service of type `path` without any path.
fn no_service(mut section: Section<'_>) -> WebService {
    section.call("a none service");
    section.finish();
    WebService::Path(Vec::new())
}

fn path_service(mut section: Section<'_>, ids: &mut Ids) -> Option<Vec<WebPath>> {
    section.call("a path service");
    let paths = section.required("paths").map(|field| paths(&field, ids));
    section.finish();
    paths
}

fn json_service(mut section: Section<'_>) -> Option<JsonService> {
    section.call("a json service");
    let value = section.required("value").map(|field| field.json());
    let options = section.section("options", "json options").map(|mut section| {
        let default = JsonOptions::default();
        let options = JsonOptions {
            prettify: section.flag("prettify", default.prettify),
            allow_cross_origin: section.flag("allow_cross_origin", default.allow_cross_origin),
            discourage_caching: section.flag("discourage_caching", default.discourage_caching),
        };
        section.finish();
        options
    });
    section.finish();
    Some(JsonService { value: value?, options: options.unwrap_or_default() })
}

fn redirect_service(mut section: Section<'_>) -> Option<String> {
    section.call("a redirect service");
    let field = section.required("url");
    section.finish();
    let field = field?;
    let url = field.full_text()?;
    // What ends a header line must not get into one.
    if url.chars().all(|c| c.is_ascii_graphic()) {
        Some(url)
    } else {
        field.expected("a URL of printable ASCII characters without spaces")
    }
}
