//! The request and response of RFC 6455, and invalid ones.

use super::*;

const REQUEST: UpgradeRequest<'_> = UpgradeRequest {
    host: "server.example.com",
    path: "/chat?room=1",
    key: *b"the sample nonce",
    subprotocols: &["chat", "superchat"],
    headers: &[("Origin", "http://example.com")],
};

/// The response of RFC 6455, section 1.2.
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\
    \r\n";

/// The fault of the response with `from` replaced by `to`.
fn fault(from: &str, to: &str) -> Option<ResponseFault> {
    let response = RESPONSE.replace(from, to);
    assert_ne!(response, RESPONSE);
    REQUEST.read_response(response.as_bytes()).err()
}

#[test]
fn the_request_holds_what_the_rfc_asks_for() {
    let expected = "GET /chat?room=1 HTTP/1.1\r\n\
        Host: server.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\n\
        Origin: http://example.com\r\n\
        \r\n";
    assert_eq!(REQUEST.encode(), Ok(expected.as_bytes().to_vec()));
}

#[test]
fn a_request_without_subprotocols_has_no_header_for_them() {
    let request = UpgradeRequest { subprotocols: &[], headers: &[], ..REQUEST }.encode();
    let request = String::from_utf8(request.unwrap()).unwrap();
    assert!(request.ends_with("Sec-WebSocket-Version: 13\r\n\r\n"), "{request}");
}

#[test]
fn nothing_can_be_smuggled_into_a_request() {
    let table = [
        (UpgradeRequest { host: "", ..REQUEST }, "the host", ""),
        (UpgradeRequest { host: "a\r\nb", ..REQUEST }, "the host", "a\r\nb"),
        (UpgradeRequest { path: "/a b", ..REQUEST }, "the path", "/a b"),
        (UpgradeRequest { path: "/ä", ..REQUEST }, "the path", "/ä"),
        (UpgradeRequest { subprotocols: &["a,b"], ..REQUEST }, "a subprotocol", "a,b"),
        (UpgradeRequest { headers: &[("a b", "")], ..REQUEST }, "a header's name", "a b"),
        (UpgradeRequest { headers: &[("a", "b\n")], ..REQUEST }, "a header's value", "b\n"),
    ];
    for (request, part, value) in table {
        assert_eq!(request.encode(), Err(InvalidRequest { part, value: value.to_owned() }));
    }
}

#[test]
fn the_response_of_the_rfc_opens_the_connection() {
    let response = UpgradeResponse { consumed: RESPONSE.len(), subprotocol: Some("chat") };
    let with_frame = [RESPONSE.as_bytes(), b"\x81\x05Hello"].concat();
    assert_eq!(REQUEST.read_response(&with_frame), Ok(Some(response)));
}

#[test]
fn a_response_that_is_not_whole_needs_more_bytes() {
    for cut in 0..RESPONSE.len() {
        assert_eq!(REQUEST.read_response(&RESPONSE.as_bytes()[..cut]), Ok(None), "at {cut}");
    }
}

#[test]
fn a_server_may_choose_no_subprotocol() {
    let response = RESPONSE.replace("Sec-WebSocket-Protocol: chat\r\n", "");
    let expected = UpgradeResponse { consumed: response.len(), subprotocol: None };
    assert_eq!(REQUEST.read_response(response.as_bytes()), Ok(Some(expected)));
}

#[test]
fn each_fault_contains_the_answer_of_the_server() {
    use ResponseFault as F;
    let refused = F::Refused { code: 403, reason: "Forbidden".to_owned() };
    let upgrade = "Upgrade: websocket";
    let accept = "Sec-WebSocket-Accept";
    let protocol = "Sec-WebSocket-Protocol: chat";
    let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let table = [
        ("101 Switching Protocols", "403 Forbidden", refused),
        ("HTTP/1.1", "HTTP/1.0", F::NotHttp("its version is not 1.1".to_owned())),
        ("HTTP/1.1", "\u{1}\u{1}rawsocket", F::NotHttp("invalid HTTP version".to_owned())),
        (upgrade, "Upgrade: h2c", F::Header("Upgrade: websocket")),
        ("Upgrade\r\n", "close\r\n", F::Header("Connection: Upgrade")),
        (accept, "Accept", F::Header("Sec-WebSocket-Accept")),
        ("s3pP", "S3pP", F::AcceptKey),
        ("Protocol: chat", "Protocol: other", F::Subprotocol("other".to_owned())),
        (
            protocol,
            "Sec-WebSocket-Protocol: chat, superchat",
            F::Subprotocol("chat, superchat".to_owned()),
        ),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", F::Subprotocol("chat".to_owned())),
        ("\r\n\r\n", &format!("\r\n{extension}"), F::Extension),
    ];
    for (from, to, expected) in table {
        assert_eq!(fault(from, to), Some(expected), "{to}");
    }
}

#[test]
fn the_head_of_a_response_is_limited() {
    let endless = [&RESPONSE.as_bytes()[..RESPONSE.len() - 2], b"X: ", &[b'x'; MAX_RESPONSE_HEAD]];
    let endless = endless.concat();
    assert_eq!(REQUEST.read_response(&endless), Err(ResponseFault::TooLong));
    assert_eq!(REQUEST.read_response(&endless[..MAX_RESPONSE_HEAD - 1]), Ok(None));
    let many = RESPONSE.replace("\r\n\r\n", &("\r\nX: y".repeat(MAX_HEADERS) + "\r\n\r\n"));
    assert_eq!(
        REQUEST.read_response(many.as_bytes()),
        Err(ResponseFault::NotHttp("too many headers".to_owned()))
    );
}
