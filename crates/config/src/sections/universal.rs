//! Universal transports: several protocols on one port.

use super::ids::{Ids, TYPE_AND_ID};
use super::limits::{LISTENER_LIMITS, ListenerLimits};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::rawsocket::{self, RawSocketService, UNIVERSAL_RAWSOCKET};
use super::web::{self, MISPLACED_KEYS, WEB_OPTIONS, WebOptions};
use super::web_service::{self, WebPath, WebService};
use super::websocket_service::{self, WEBSOCKET_SERVICE_KEYS};
use crate::document::Entry;
use crate::field::Field;
use crate::options::keys;
use crate::section::{Section, SectionKeys, TYPE};
use crate::unsupported;

pub(crate) static UNIVERSAL_TRANSPORT: SectionKeys =
    SectionKeys::closed("a universal transport", TransportKeys::ALL)
        .with(&[TYPE_AND_ID])
        .with_unsupported(unsupported::UNIVERSAL);

pub(crate) static UNIVERSAL_WEBSOCKET: SectionKeys =
    SectionKeys::closed("a websocket of a universal transport", &[]).with(WEBSOCKET_SERVICE_KEYS);

pub(crate) static UNIVERSAL_WEB: SectionKeys =
    SectionKeys::closed("the web of a universal transport", WebKeys::ALL)
        .with(&[TYPE_AND_ID, &MISPLACED_KEYS]);

keys! {
    /// The keys of a universal transport.
    const KEYS: TransportKeys = { endpoint, limits, rawsocket, websocket, web };
}

keys! {
    /// The keys of its part `web`.
    const WEB: WebKeys = { options, paths };
}

/// A transport of type `universal`. The first octets of a connection tell its protocol. At least
/// one of the protocols is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct UniversalTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The limits of connections.
    pub limits: ListenerLimits,
    /// WAMP over RawSocket.
    pub rawsocket: Option<RawSocketService>,
    /// HTTP, and WebSocket over HTTP.
    pub web: Option<UniversalWeb>,
}

/// The HTTP part of a universal transport.
#[derive(Debug, Clone, PartialEq)]
pub struct UniversalWeb {
    /// The options of HTTP connections.
    pub options: WebOptions,
    /// The services at their paths: those of `websocket` first, then those of `web`.
    pub paths: Vec<WebPath>,
}

/// Reads a universal transport. The first segment of a request's path selects a WebSocket; other
/// paths are those of `web`. So WebSockets become paths beside those of `web`.
pub(crate) fn transport(mut section: Section<'_>, id: String) -> Option<UniversalTransport> {
    section.narrow(&UNIVERSAL_TRANSPORT);
    let endpoint = listening_endpoint::listening(&mut section, KEYS.endpoint);
    let limits = section.options(KEYS.limits, &LISTENER_LIMITS);
    let (rawsocket, websockets, web) = (
        section.optional(KEYS.rawsocket),
        section.optional(KEYS.websocket),
        section.optional(KEYS.web),
    );
    section.refuse_unsupported();
    if [&rawsocket, &websockets, &web].iter().all(|part| part.is_none()) {
        let expected = "'rawsocket', 'websocket' or 'web', or more than one of them";
        section.report::<()>("nothing is spoken at this transport", Some(expected.to_owned()));
    }
    section.finish();
    let rawsocket = rawsocket.and_then(|field| rawsocket_part(&field));
    let mut ids = Ids::new("webservice");
    let is_web = websockets.is_some() || web.is_some();
    let mut paths = websockets.map(|field| websocket_paths(&field, &mut ids)).unwrap_or_default();
    let options = web.and_then(|field| web_part(&field, &mut paths, &mut ids));
    let web = is_web.then(|| UniversalWeb { options: options.unwrap_or_default(), paths });
    Some(UniversalTransport { id, endpoint: endpoint?, limits, rawsocket, web })
}

/// The section of one protocol. It may repeat the protocol as its `type`.
fn part<'a>(
    field: &Field<'a>,
    declared: &'static SectionKeys,
    kind: &'static str,
) -> Option<Section<'a>> {
    let mut section = Section::of(field, declared)?;
    if let Some(field) = section.optional(TYPE) {
        field.choice("type of this part", &[(kind, ())], &[])?;
    }
    Some(section)
}

fn rawsocket_part(field: &Field<'_>) -> Option<RawSocketService> {
    part(field, &UNIVERSAL_RAWSOCKET, KEYS.rawsocket).map(rawsocket::service)
}

fn websocket_paths(field: &Field<'_>, ids: &mut Ids) -> Vec<WebPath> {
    let entries = field.entries().unwrap_or_default();
    entries.into_iter().filter_map(|(entry, field)| websocket_path(entry, &field, ids)).collect()
}

fn websocket_path(entry: &Entry, field: &Field<'_>, ids: &mut Ids) -> Option<WebPath> {
    web_service::check_path(&entry.key, field);
    let mut section = part(field, &UNIVERSAL_WEBSOCKET, KEYS.websocket)?;
    let id = ids.of(&mut section);
    let service = WebService::WebSocket(websocket_service::service(section));
    Some(WebPath { id, path: entry.key.clone(), service })
}

/// Reads the part `web`: returns its options and appends its paths.
fn web_part(field: &Field<'_>, paths: &mut Vec<WebPath>, ids: &mut Ids) -> Option<WebOptions> {
    let mut section = part(field, &UNIVERSAL_WEB, KEYS.web)?;
    let options = section.options(WEB.options, &WEB_OPTIONS);
    let entries = section.required(WEB.paths).and_then(|field| field.entries());
    web::refuse_misplaced(&mut section);
    section.finish();
    for (entry, field) in entries.unwrap_or_default() {
        if paths.iter().any(|path| path.path == entry.key) {
            field.fault(format!("the path '{}' is a websocket's already", entry.key));
        }
        paths.extend(web_service::path(entry, &field, ids));
    }
    Some(options)
}
