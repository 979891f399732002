//! A WebSocket client: handshake and frames.

use super::http::{HttpClient, HttpResponse};
use super::{ClientStream, RawPeer};

/// The key and the accept value of the example in RFC 6455 section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// A WebSocket client after its handshake.
#[derive(Debug)]
pub(crate) struct WebSocketPeer {
    stream: ClientStream,
    opcode: u8,
}

/// A handshake request. Each change replaces or adds a header; an empty value removes it.
pub(crate) fn upgrade_request(path: &str, changes: &[(&str, &str)]) -> String {
    let mut headers = vec![
        ("Host", "localhost"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", KEY),
        ("Sec-WebSocket-Version", "13"),
    ];
    for (name, value) in changes {
        headers.retain(|(default, _)| default != name);
        headers.push((name, value));
    }
    let lines = headers.iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\n{lines}\r\n")
}

impl WebSocketPeer {
    /// Performs the handshake with this subprotocol.
    pub(crate) fn open(stream: ClientStream, path: &str, subprotocol: &str) -> Self {
        Self::open_with(stream, path, subprotocol, &[]).0
    }

    /// Performs the handshake with further headers, and returns the response, too.
    pub(crate) fn open_with(
        stream: ClientStream,
        path: &str,
        subprotocol: &str,
        headers: &[(&str, &str)],
    ) -> (Self, HttpResponse) {
        let mut http = HttpClient::over(stream);
        let headers = [&[("Sec-WebSocket-Protocol", subprotocol)], headers].concat();
        http.send(&upgrade_request(path, &headers));
        let response = http.receive();
        assert_eq!(response.status, 101);
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
        let selected = response.header("sec-websocket-protocol").unwrap_or_default();
        assert_eq!(selected, subprotocol);
        let is_text = subprotocol.starts_with("wamp.2.json");
        let opcode = if is_text { TEXT } else { BINARY };
        (Self { stream: http.into_stream(), opcode }, response)
    }

    /// Sends a frame whose first octet is `first`: final bit, reserved bits and opcode. Its mask is
    /// zero, which leaves the payload unchanged.
    pub(crate) fn send_frame(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match payload.len() {
            length @ ..126 => frame.push(0x80 | length as u8),
            length @ 126..65_536 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend_from_slice(payload);
        self.send_raw(&frame);
    }

    /// Sends octets below the frames.
    pub(crate) fn send_raw(&mut self, octets: &[u8]) {
        self.stream.send(octets);
    }

    /// Receives `count` octets, or fewer if the stream ends before.
    pub(crate) fn receive_raw(&mut self, count: usize) -> Vec<u8> {
        self.stream.receive(count)
    }

    /// The next frame: its first octet and its payload. Frames of a server are not masked.
    pub(crate) fn receive_frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.stream.receive(2);
        let [first, second] = head[..] else {
            panic!("the connection ended where a frame was expected")
        };
        let length = match second {
            126 => self.stream.receive(2),
            127 => self.stream.receive(8),
            short => vec![short],
        };
        let length = length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        let payload = self.stream.receive(length);
        assert_eq!(payload.len(), length, "the connection ended within a frame");
        (first, payload)
    }

    /// The underlying stream.
    pub(crate) fn into_stream(self) -> ClientStream {
        self.stream
    }

    /// Receives a close frame, answers it, asserts that the router closes the connection, and
    /// returns the close code.
    pub(crate) fn receive_close(&mut self) -> Option<u16> {
        let (first, payload) = self.receive_frame();
        assert_eq!(first, 0x80 | CLOSE, "a close frame was expected, not {payload:02x?}");
        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        self.send_frame(0x80 | CLOSE, &payload);
        self.stream.receive_end();
        code
    }
}

impl RawPeer for WebSocketPeer {
    fn send_octets(&mut self, message: &[u8]) {
        self.send_frame(0x80 | self.opcode, message);
    }

    fn receive_octets(&mut self) -> Vec<u8> {
        let (first, payload) = self.receive_frame();
        assert_eq!(first, 0x80 | self.opcode, "a message was expected, not {payload:02x?}");
        payload
    }

    fn receive_end(&mut self) {
        assert_eq!(self.receive_close(), Some(1002), "the close code of an aborted session");
    }
}
