//! Echo servers for conformance tests.

use super::ids::{Ids, TYPE_AND_ID};
use super::listening_endpoint::{self, ListeningEndpoint};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::field::Field;
use crate::options::keys;
use crate::section::{COOKIE, DEBUG, Section, SectionKeys, TYPE};

pub(crate) static WEBSOCKET_TESTEE: SectionKeys =
    SectionKeys::closed("a websocket.testee transport", WebSocketKeys::ALL).with(&[
        TYPE_AND_ID,
        &WAMP_KEYS,
        &[DEBUG],
    ]);

pub(crate) static STREAM_TESTEE: SectionKeys =
    SectionKeys::closed("a stream.testee transport", StreamKeys::ALL)
        .with(&[TYPE_AND_ID, &[DEBUG]]);

keys! {
    /// The keys of a WebSocket echo server.
    const WEBSOCKET: WebSocketKeys = { endpoint, url, options };
}

keys! {
    /// The keys of an echo server of plain octets.
    const STREAM: StreamKeys = { endpoint };
}

/// The keys of WAMP, which are ignored.
const WAMP_KEYS: [&str; 3] = ["serializers", "auth", COOKIE];

/// A transport of type `websocket.testee`.
#[derive(Debug, Clone, PartialEq)]
pub struct TesteeTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The URL that clients use. It has no effect: the transport is reached at its endpoint.
    pub url: Option<String>,
    /// The options of WebSocket connections.
    pub options: WebSocketSettings,
}

/// A transport of type `stream.testee`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTesteeTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
}

/// The type of the WebSocket echo server.
pub(crate) const WEBSOCKET_TESTEE_TYPE: &str = "websocket.testee";

/// Reads the transport of a testee worker. Crossbar.io does not check its type, and its own
/// template has `websocket`.
pub(crate) fn of_worker(field: &Field<'_>) -> Option<TesteeTransport> {
    let mut section = Section::of(field, &WEBSOCKET_TESTEE)?;
    if section.optional(TYPE).is_some() {
        let kinds = [(WEBSOCKET_TESTEE_TYPE, ()), ("websocket", ())];
        section.kind("transport type", &kinds, &[])?;
    }
    let id = Ids::new("transport").of(&mut section);
    websocket(section, id)
}

/// Reads a transport of type `websocket.testee`.
pub(crate) fn websocket(mut section: Section<'_>, id: String) -> Option<TesteeTransport> {
    section.narrow(&WEBSOCKET_TESTEE);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section, WEBSOCKET.endpoint);
    let url = section.text_without_effect(WEBSOCKET.url, None);
    let options = websocket::options(&mut section, WEBSOCKET.options, WebSocketUse::Listener);
    section.ignored(&WAMP_KEYS, "an echo for tests speaks no WAMP");
    section.finish();
    Some(TesteeTransport { id, endpoint: endpoint?, url, options })
}

/// Reads a transport of type `stream.testee`.
pub(crate) fn stream(mut section: Section<'_>, id: String) -> Option<StreamTesteeTransport> {
    section.narrow(&STREAM_TESTEE);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section, STREAM.endpoint);
    section.finish();
    Some(StreamTesteeTransport { id, endpoint: endpoint? })
}
