//! A request that the server accepts can be sent by the client, which accepts the answer. A
//! negotiated compression respects the settings of both sides. A response has the same meaning
//! however many of its bytes have arrived.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloverleaf_wamp::websocket::deflate::negotiation::{DeflateOptions, negotiate};
use cloverleaf_wamp::websocket::deflate::{MemoryLevel, WindowBits};
use cloverleaf_wamp::websocket::handshake::accept_key;
use cloverleaf_wamp::websocket::handshake::client::{
    MAX_RESPONSE_HEAD, ResponseFault, UpgradeRequest, UpgradeResponse,
};
use cloverleaf_wamp::websocket::handshake::server::{
    AcceptedUpgrade, HandshakeFault, UpgradeHead, accept,
};
use libfuzzer_sys::fuzz_target;

/// That of RFC 6455, section 1.3: `dGhlIHNhbXBsZSBub25jZQ==`.
const KEY: [u8; 16] = *b"the sample nonce";
const OFFERED: [&str; 2] = ["wamp.2.json", "wamp.2.cbor"];

/// The headers whose entries may stand on one line or on several.
const LISTS: [&str; 4] =
    ["upgrade", "connection", "sec-websocket-protocol", "sec-websocket-extensions"];

const IS_HTTP_1_1: u8 = 1;
const PADDED: u8 = 2;

/// The bytes that padding leaves of the longest head: less than the maximum length of an input.
const PLACE: usize = 200;

/// A method, and lines of name and value.
struct Head<'d> {
    method: &'d str,
    is_http_1_1: bool,
    fields: Vec<(&'d [u8], &'d [u8])>,
}

impl<'d> Head<'d> {
    fn read(text: &'d [u8], is_http_1_1: bool) -> Self {
        let mut lines = text.split(|&byte| byte == b'\n');
        let method = std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
        let fields = lines.filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((&line[..colon], &line[colon + 1..]))
        });
        Self { method, is_http_1_1, fields: fields.collect() }
    }

    /// Splits each list into one line per entry.
    fn spread(&self) -> Self {
        let fields = self.fields.iter().flat_map(|&(name, value)| {
            let is_list = LISTS.iter().any(|list| name.eq_ignore_ascii_case(list.as_bytes()));
            value.split(move |&byte| is_list && byte == b',').map(move |entry| (name, entry))
        });
        Self { fields: fields.collect(), ..*self }
    }
}

impl UpgradeHead for Head<'_> {
    fn method(&self) -> &str {
        self.method
    }

    fn is_http_1_1(&self) -> bool {
        self.is_http_1_1
    }

    fn header<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let is_named = move |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        let fields = self.fields.iter().filter(move |(found, _)| is_named(found));
        fields.map(|(_, value)| *value)
    }
}

/// The value of a header that must stand once.
fn the_one<'a>(head: &'a Head<'_>, name: &'static str) -> &'a [u8] {
    let values: Vec<_> = head.header(name).collect();
    let [value] = values[..] else { panic!("{name} stands {} times", values.len()) };
    value.trim_ascii()
}

fn assert_accepted(head: &Head<'_>, accepted: &AcceptedUpgrade<'_>) {
    assert!(head.method == "GET" && head.is_http_1_1);
    assert!(!the_one(head, "host").is_empty());
    assert_eq!(the_one(head, "sec-websocket-version"), b"13");
    let key = std::str::from_utf8(the_one(head, "sec-websocket-key")).expect("base64");
    let digits = key.strip_suffix("==").expect("16 bytes leave two places of base64 unused");
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    assert!(digits.len() == 22 && digits.bytes().all(is_digit));
    assert_eq!(accepted.accept_key, accept_key(key));
    for subprotocol in &accepted.subprotocols {
        let is_part = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
        assert!(!subprotocol.is_empty() && subprotocol.bytes().all(is_part));
    }
    if let Some(origin) = accepted.origin {
        assert!(!origin.contains(|c: char| !c.is_ascii() || c.is_ascii_control()));
    }
}

/// The client sends the accepted request, the server accepts it, and the client accepts the answer
/// with any of the subprotocols, or none.
fn assert_passes_between(head: &Head<'_>, accepted: &AcceptedUpgrade<'_>) {
    // A key with bits that no byte needs is none that the client sends.
    let key = STANDARD.decode(the_one(head, "sec-websocket-key")).ok();
    let key = key.map(|key| key.try_into().expect("16 bytes"));
    let origin = accepted.origin.map(|origin| ("Origin", origin));
    let request = UpgradeRequest {
        host: "localhost",
        path: "/",
        key: key.unwrap_or(KEY),
        subprotocols: &accepted.subprotocols,
        headers: origin.as_slice(),
    };
    let sent = request.encode().expect("what was accepted can be sent");
    let sent = sent.strip_suffix(b"\r\n\r\n").expect("an empty line");
    let sent = [b"GET", sent.strip_prefix(b"GET / HTTP/1.1\r").expect("a request line")].concat();
    let sent = Head::read(&sent, true);
    let again = accept(&sent).expect("what the client sends is accepted");
    assert_eq!((&again.subprotocols, again.origin), (&accepted.subprotocols, accepted.origin));
    if key.is_some() {
        assert_eq!(again, *accepted);
    }
    let choices = accepted.subprotocols.iter().copied().map(Some);
    for subprotocol in choices.chain([None]) {
        let response = answer(&again.accept_key, subprotocol);
        let consumed = response.len();
        let taken = request.read_response(&[&response, &b"frames"[..]].concat());
        assert_eq!(taken, Ok(Some(UpgradeResponse { consumed, subprotocol })));
    }
}

/// The minimal answer of a server.
fn answer(accept_key: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let mut response = String::from("HTTP/1.1 101 Switching Protocols\r\n");
    response += "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    response.extend(["Sec-WebSocket-Accept: ", accept_key, "\r\n"]);
    if let Some(subprotocol) = subprotocol {
        response.extend(["Sec-WebSocket-Protocol: ", subprotocol, "\r\n"]);
    }
    (response + "\r\n").into()
}

/// The agreement stays within the settings of the server and is written as an offer would be.
fn assert_agreed(head: &Head<'_>, shape: u8) {
    let bits = |choice| WindowBits::new(8 + choice % 16);
    let wishes = DeflateOptions {
        request_no_context_takeover: shape & 4 != 0,
        request_max_window_bits: bits(shape >> 3),
        no_context_takeover: shape & 8 != 0,
        max_window_bits: bits(shape >> 4),
        memory_level: MemoryLevel::default(),
        every_message: false,
    };
    let lines = |head: &Head<'_>| negotiate(head.header("sec-websocket-extensions"), &wishes);
    let agreed = lines(head);
    assert_eq!(lines(&head.spread()), agreed);
    let agreement = match agreed {
        Ok(Some(agreement)) => agreement,
        Ok(None) => return,
        Err(fault) => return assert_eq!(fault, HandshakeFault::Extensions),
    };
    let answer = agreement.to_string();
    let has = |parameter| answer.contains(parameter);
    assert_eq!(has("client_no_context_takeover"), wishes.request_no_context_takeover);
    assert!(has("server_no_context_takeover") || !wishes.no_context_takeover);
    assert_eq!(has("client_max_window_bits="), wishes.request_max_window_bits.is_some());
    assert!(has("server_max_window_bits=") || wishes.max_window_bits.is_none());
    // The answer is an offer with an equal outcome for a server with equal settings.
    assert_eq!(negotiate([answer.as_bytes()].into_iter(), &wishes), Ok(Some(agreement)));
}

/// Reads a response that comes byte by byte once its first `at_once` bytes are there.
fn assert_read_alike(response: &[u8], at_once: usize) {
    let request = UpgradeRequest {
        host: "localhost",
        path: "/ws",
        key: KEY,
        subprotocols: &OFFERED,
        headers: &[],
    };
    let whole = request.read_response(response);
    let mut beginnings = (at_once..=response.len()).map(|end| &response[..end]);
    let in_pieces = beginnings.find_map(|bytes| request.read_response(bytes).transpose());
    assert_eq!(in_pieces.transpose(), whole);
    match whole {
        Ok(Some(UpgradeResponse { consumed, subprotocol })) => {
            assert!(consumed <= response.len().min(MAX_RESPONSE_HEAD));
            assert!(response[..consumed].ends_with(b"\n"));
            assert_eq!(beginnings.next().map_or(response.len(), |next| next.len() - 1), consumed);
            assert!(subprotocol.is_none_or(|chosen| OFFERED.contains(&chosen)));
            let other = UpgradeRequest { key: [0; 16], ..request };
            assert_eq!(other.read_response(response), Err(ResponseFault::AcceptKey));
        }
        Ok(None) => assert!(response.len() < MAX_RESPONSE_HEAD),
        Err(_) => {}
    }
}

fuzz_target!(|data: &[u8]| {
    let [shape, text @ ..] = data else { return };
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap_or(text.len());
    let (head, response) = text.split_at(end);
    let head = Head::read(head, shape & IS_HTTP_1_1 != 0);
    assert_agreed(&head, *shape);
    let outcome = accept(&head);
    assert_eq!(accept(&head.spread()), outcome);
    match &outcome {
        Ok(accepted) => {
            assert_accepted(&head, accepted);
            assert_passes_between(&head, accepted);
        }
        Err(fault) => assert!(matches!(fault.status(), 400 | 405 | 426 | 505)),
    }
    let mut bytes = Vec::new();
    if shape & PADDED != 0 {
        bytes.extend(b"HTTP/1.1 101 \r\nX: ");
        bytes.resize(MAX_RESPONSE_HEAD - PLACE, b'x');
    }
    let at_once = bytes.len();
    bytes.extend(response.get(2..).unwrap_or_default());
    assert_read_alike(&bytes, at_once);
});
