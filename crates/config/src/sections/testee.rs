//! Echo servers for conformance tests.

use super::ids::Ids;
use super::listening_endpoint::{self, ListeningEndpoint};
use super::websocket::{self, WebSocketSettings, WebSocketUse};
use crate::field::Field;
use crate::section::{Section, SectionKeys};

pub(crate) static WEBSOCKET_TESTEE: SectionKeys = SectionKeys::closed(
    "a websocket.testee transport",
    &["type", "id", "endpoint", "url", "options", "debug", "serializers", "auth", "cookie"],
);

pub(crate) static STREAM_TESTEE: SectionKeys =
    SectionKeys::closed("a stream.testee transport", &["type", "id", "endpoint", "debug"]);

/// A transport of type `websocket.testee`.
#[derive(Debug, Clone, PartialEq)]
pub struct TesteeTransport {
    /// The id.
    pub id: String,
    /// The endpoint to listen on.
    pub endpoint: ListeningEndpoint,
    /// The URL that clients use.
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
    if section.optional("type").is_some() {
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
    let endpoint = listening_endpoint::listening(&mut section);
    let url = section.url();
    let options = websocket::options(&mut section, WebSocketUse::Listener);
    let of_wamp = ["serializers", "auth", "cookie"];
    section.ignored(&of_wamp, "an echo for tests speaks no WAMP");
    section.finish();
    Some(TesteeTransport { id, endpoint: endpoint?, url, options })
}

/// Reads a transport of type `stream.testee`.
pub(crate) fn stream(mut section: Section<'_>, id: String) -> Option<StreamTesteeTransport> {
    section.narrow(&STREAM_TESTEE);
    section.debug();
    let endpoint = listening_endpoint::listening(&mut section);
    section.finish();
    Some(StreamTesteeTransport { id, endpoint: endpoint? })
}
