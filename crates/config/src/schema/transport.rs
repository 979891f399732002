//! Transports, listening and connecting, and who may join over them.

use cloverleaf_wamp::rawsocket::announced;

use super::endpoint;
use super::ids::Ids;
use super::serializers::{serializer, serializers};
use super::store::slow_consumer;
use super::universal;
use super::web;
use super::websocket::{self, MAX_MESSAGE_SIZE, WebSocketUse};
use crate::field::Field;
use crate::names::LocatedName;
use crate::section::Section;
use crate::settings::{
    AnonymousAuth, Auth, ConnectingRawSocket, ConnectingTransport, ConnectingWebSocket,
    ListeningTransport, RawSocketService, RawSocketTransport, StreamTesteeTransport,
    TesteeTransport, WebSocketTransport,
};
use crate::unsupported;

#[derive(Clone, Copy)]
enum Kind {
    RawSocket,
    WebSocket,
    Web,
    Universal,
    Testee,
    StreamTestee,
}

const TESTEE: (&str, Kind) = ("websocket.testee", Kind::Testee);

/// Reads a transport of a router.
pub(super) fn listening(field: &Field<'_>, ids: &mut Ids) -> Option<ListeningTransport> {
    let mut section = field.section("a transport")?;
    let kinds = [
        ("rawsocket", Kind::RawSocket),
        ("websocket", Kind::WebSocket),
        ("web", Kind::Web),
        ("universal", Kind::Universal),
        TESTEE,
        ("stream.testee", Kind::StreamTestee),
    ];
    if section.is_of_type("flashpolicy") {
        field.warn("this transport is ignored: there is no Flash any more");
        return None;
    }
    let kind = section.kind("transport type", &kinds, unsupported::TRANSPORTS)?;
    let id = ids.of(&mut section);
    match kind {
        Kind::RawSocket => rawsocket(section, id).map(ListeningTransport::RawSocket),
        Kind::WebSocket => websocket(section, id).map(ListeningTransport::WebSocket),
        Kind::Web => web::transport(section, id).map(ListeningTransport::Web),
        Kind::Universal => universal::transport(section, id).map(ListeningTransport::Universal),
        Kind::Testee => testee_of(section, id).map(ListeningTransport::WebSocketTestee),
        Kind::StreamTestee => stream_testee(section, id).map(ListeningTransport::StreamTestee),
    }
}

/// Reads the transport of a testee worker. Crossbar.io does not look at its type, and its own
/// template has `websocket`.
pub(super) fn testee(field: &Field<'_>) -> Option<TesteeTransport> {
    let mut section = field.section("a transport")?;
    let websocket = ("websocket", Kind::WebSocket);
    if section.optional("type").is_some() {
        section.kind("transport type", &[TESTEE, websocket], &[])?;
    }
    let id = Ids::new("transport").of(&mut section);
    testee_of(section, id)
}

fn testee_of(mut section: Section<'_>, id: String) -> Option<TesteeTransport> {
    section.call("a websocket.testee transport");
    section.debug();
    let endpoint = endpoint::listening(&mut section);
    let url = section.url();
    let options = websocket::options(&mut section, WebSocketUse::Listener);
    let of_wamp = ["serializers", "auth", "cookie"];
    section.ignored(&of_wamp, "an echo for tests speaks no WAMP");
    section.finish();
    Some(TesteeTransport { id, endpoint: endpoint?, url, options })
}

fn stream_testee(mut section: Section<'_>, id: String) -> Option<StreamTesteeTransport> {
    section.call("a stream.testee transport");
    section.debug();
    let endpoint = endpoint::listening(&mut section);
    section.finish();
    Some(StreamTesteeTransport { id, endpoint: endpoint? })
}

fn rawsocket(mut section: Section<'_>, id: String) -> Option<RawSocketTransport> {
    section.call("a rawsocket transport");
    section.debug();
    let endpoint = endpoint::listening(&mut section);
    let RawSocketService { serializers, max_message_size, auth, slow_consumer } =
        rawsocket_service(section);
    Some(RawSocketTransport {
        id,
        endpoint: endpoint?,
        serializers,
        max_message_size,
        auth,
        slow_consumer,
    })
}

/// Reads what a rawsocket has wherever it listens.
pub(super) fn rawsocket_service(mut section: Section<'_>) -> RawSocketService {
    section.accepted(&["debug"]);
    let service = RawSocketService {
        serializers: serializers(&mut section),
        max_message_size: rawsocket_options(&mut section),
        auth: auth(&mut section),
        slow_consumer: slow_consumer(&mut section).unwrap_or_default(),
    };
    section.finish();
    service
}

fn rawsocket_options(section: &mut Section<'_>) -> Option<u32> {
    let mut options = section.section("options", "rawsocket options")?;
    let size = options.optional("max_message_size");
    options.finish();
    let field = size?;
    let size = field.number(&(1..=MAX_MESSAGE_SIZE))?;
    let said = announced(size as usize);
    if said != size as usize {
        field.warn(format!("RawSocket can't announce this length; the transport takes {said}"));
    }
    Some(size)
}

fn websocket(mut section: Section<'_>, id: String) -> Option<WebSocketTransport> {
    section.call("a websocket transport");
    section.debug();
    let endpoint = endpoint::listening(&mut section);
    let url = section.url();
    let serializers = serializers(&mut section);
    let options = websocket::options(&mut section, WebSocketUse::Listener);
    let auth = auth(&mut section);
    let slow_consumer = slow_consumer(&mut section).unwrap_or_default();
    ignore_cookie(&mut section);
    section.finish();
    Some(WebSocketTransport {
        id,
        endpoint: endpoint?,
        url,
        serializers,
        options,
        auth,
        slow_consumer,
    })
}

/// Reads a transport of a component.
pub(super) fn connecting(field: &Field<'_>) -> Option<ConnectingTransport> {
    let mut section = field.section("a connecting transport")?;
    let kinds = [("websocket", Kind::WebSocket), ("rawsocket", Kind::RawSocket)];
    match section.kind("transport type", &kinds, &[])? {
        Kind::RawSocket => connecting_rawsocket(section).map(ConnectingTransport::RawSocket),
        _ => connecting_websocket(section).map(ConnectingTransport::WebSocket),
    }
}

fn connecting_websocket(mut section: Section<'_>) -> Option<ConnectingWebSocket> {
    section.call("a connecting websocket transport");
    section.accepted(&["id"]);
    section.debug();
    let endpoint = endpoint::connecting(&mut section);
    let url = section.required("url").and_then(|field| websocket_url(&field));
    let serializers = serializers(&mut section);
    let options = websocket::options(&mut section, WebSocketUse::Connecting);
    section.unsupported(unsupported::CONNECTING_AUTH);
    section.finish();
    Some(ConnectingWebSocket { endpoint: endpoint?, url: url?, serializers, options })
}

fn connecting_rawsocket(mut section: Section<'_>) -> Option<ConnectingRawSocket> {
    section.call("a connecting rawsocket transport");
    section.accepted(&["id"]);
    section.debug();
    section.url();
    let endpoint = endpoint::connecting(&mut section);
    let serializer = section.required("serializer").and_then(|field| serializer(&field));
    let max_message_size = rawsocket_options(&mut section);
    section.unsupported(unsupported::CONNECTING_AUTH);
    section.finish();
    let (endpoint, serializer) = (endpoint?, serializer?);
    Some(ConnectingRawSocket { endpoint, serializer, max_message_size })
}

/// A WebSocket URL. Those of TLS are refused, since endpoints with TLS are not supported yet.
fn websocket_url(field: &Field<'_>) -> Option<String> {
    let url = field.full_text()?;
    if url.starts_with("wss://") {
        return field.report_unsupported("'wss'", unsupported::WSS);
    }
    let host =
        url.strip_prefix("ws://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if host { Some(url) } else { field.expected("a URL such as 'ws://127.0.0.1:8080/ws'") }
}

/// Reads the key `cookie`, without which nothing is missing as long as no method of authentication
/// asks for cookies.
pub(super) fn ignore_cookie(section: &mut Section<'_>) {
    section.ignored(&["cookie"], "this version sets no cookies");
}

/// Reads the key `auth`. Without it, everybody may join as `anonymous`.
pub(super) fn auth(transport: &mut Section<'_>) -> Auth {
    let Some(field) = transport.optional("auth") else { return Auth::default() };
    let Some(mut section) = field.section("an auth") else { return Auth::default() };
    if section.is_empty() {
        field.warn("no method is named, so that everybody may join as anonymous");
    }
    let anonymous = section.optional("anonymous");
    section.unsupported(unsupported::METHODS);
    section.finish();
    anonymous.map_or_else(Auth::default, |anonymous| Auth {
        anonymous: anonymous_of(&anonymous).unwrap_or_default(),
    })
}

fn anonymous_of(field: &Field<'_>) -> Option<AnonymousAuth> {
    let mut section = field.section("an anonymous auth")?;
    if let Some(kind) = section.optional("type") {
        kind.choice("kind of authentication", &[("static", ())], unsupported::AUTHENTICATORS)?;
    }
    let realm = section.optional("realm").and_then(|field| LocatedName::of(&field));
    let role = section.optional("role").and_then(|field| LocatedName::of(&field));
    let authid = section.optional("authid").and_then(|field| field.full_text());
    section.finish();
    let name = |named: LocatedName| named.name;
    field.context.names.borrow_mut().refer(realm.clone(), role.clone());
    Some(AnonymousAuth {
        realm: realm.map(name),
        role: role.map_or_else(|| AnonymousAuth::DEFAULT_ROLE.to_owned(), name),
        authid,
    })
}
