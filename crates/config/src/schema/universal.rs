//! Universal transports: several protocols on one port.

use super::ids::Ids;
use super::transport::rawsocket_service;
use super::{endpoint, web};
use crate::document::Entry;
use crate::field::Field;
use crate::section::Section;
use crate::settings::{
    RawSocketService, UniversalTransport, UniversalWeb, WebOptions, WebPath, WebService,
};
use crate::unsupported;

/// Reads a universal transport. The first segment of a request's path selects a WebSocket, and what
/// none of them has is `web`'s: so they are paths among its paths.
pub(super) fn transport(mut section: Section<'_>, id: String) -> Option<UniversalTransport> {
    section.call("a universal transport");
    let endpoint = endpoint::listening(&mut section);
    let (rawsocket, websockets, web) =
        (section.optional("rawsocket"), section.optional("websocket"), section.optional("web"));
    section.unsupported(unsupported::UNIVERSAL);
    if [&rawsocket, &websockets, &web].iter().all(|part| part.is_none()) {
        let expected = "'rawsocket', 'websocket' or 'web', or more than one of them";
        section.report::<()>("nothing is spoken at this transport", Some(expected.to_owned()));
    }
    section.finish();
    let rawsocket = rawsocket.and_then(|field| rawsocket_of(&field));
    let mut ids = Ids::new("webservice");
    let is_web = websockets.is_some() || web.is_some();
    let mut paths = websockets.map(|field| websockets_of(&field, &mut ids)).unwrap_or_default();
    let options = web.and_then(|field| web_of(&field, &mut paths, &mut ids));
    let web = is_web.then(|| UniversalWeb { options: options.unwrap_or_default(), paths });
    Some(UniversalTransport { id, endpoint: endpoint?, rawsocket, web })
}

/// The section of one protocol, which may say its type once more.
fn part<'a>(field: &Field<'a>, what: &'static str, kind: &'static str) -> Option<Section<'a>> {
    let mut section = field.section(what)?;
    if let Some(field) = section.optional("type") {
        field.choice("type of this part", &[(kind, ())], &[])?;
    }
    Some(section)
}

fn rawsocket_of(field: &Field<'_>) -> Option<RawSocketService> {
    part(field, "the rawsocket of a universal transport", "rawsocket").map(rawsocket_service)
}

fn websockets_of(field: &Field<'_>, ids: &mut Ids) -> Vec<WebPath> {
    let entries = field.entries().unwrap_or_default();
    entries.into_iter().filter_map(|(entry, field)| websocket_of(entry, &field, ids)).collect()
}

fn websocket_of(entry: &Entry, field: &Field<'_>, ids: &mut Ids) -> Option<WebPath> {
    web::check_path(&entry.key, field);
    let mut section = part(field, "a websocket of a universal transport", "websocket")?;
    let id = ids.of(&mut section);
    let service = WebService::WebSocket(web::websocket_service(section));
    Some(WebPath { id, path: entry.key.clone(), service })
}

/// Reads the part `web`: its options, and its paths behind those that there are.
fn web_of(field: &Field<'_>, paths: &mut Vec<WebPath>, ids: &mut Ids) -> Option<WebOptions> {
    let mut section = part(field, "the web of a universal transport", "web")?;
    let options = section.section("options", "web options").map(web::options);
    let entries = section.required("paths").and_then(|field| field.entries());
    web::misplaced(&mut section);
    section.finish();
    for (entry, field) in entries.unwrap_or_default() {
        if paths.iter().any(|path| path.path == entry.key) {
            field.fault(format!("the path '{}' is a websocket's already", entry.key));
        }
        paths.extend(web::path(entry, &field, ids));
    }
    options
}
