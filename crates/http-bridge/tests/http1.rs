//! The HTTP/1.1 parser of the fast path.

use std::time::{Duration, SystemTime};

use cloverleaf_http_bridge::http1::{Date, HeadError, MAX_BODY, MAX_FIELDS, MAX_HEAD, parse_head};
use cloverleaf_http_bridge::{FieldValue, HeaderField, HttpHead};

const COMMON: &str = "POST /call?seq=1&x=%20 HTTP/1.1\r\nHost: localhost:8080\r\n\
                     content-TYPE: application/json\r\nAccept: */*\r\nContent-Length: 2\r\n\r\n";

fn head_error(request: &str) -> Option<HeadError> {
    parse_head(request.as_bytes()).err()
}

/// A common request with `other` instead of the line that begins with `line`.
fn with(line: &str, other: &str) -> String {
    let kept =
        COMMON.split_inclusive("\r\n").map(|it| if it.starts_with(line) { other } else { it });
    kept.collect()
}

#[test]
fn a_head_is_parsed() {
    let whole = format!("{COMMON}{{}}POST");
    let head = parse_head(whole.as_bytes()).expect("a complete head");
    assert_eq!((head.method(), head.path(), head.query()), ("POST", "/call", "seq=1&x=%20"));
    assert_eq!((head.length(), head.body_length()), (COMMON.len(), 2));
    assert_eq!(head.value(HeaderField::ContentType), FieldValue::Single(b"application/json"));
    assert_eq!(head.value(HeaderField::ContentLength), FieldValue::Single(b"2"));
    assert_eq!(head.value(HeaderField::Origin), FieldValue::Absent);
    assert_eq!(head.value(HeaderField::AccessControlRequestHeaders), FieldValue::Absent);
}

#[test]
fn a_preflight_head_is_parsed() {
    let request = "OPTIONS /call HTTP/1.1\r\nHost: a\r\nORIGIN: https://b\r\n\
                   Access-Control-Request-Headers: x-a\r\nConnection: Keep-Alive\r\n\r\n";
    let head = parse_head(request.as_bytes()).expect("a complete head");
    assert_eq!((head.method(), head.query(), head.body_length()), ("OPTIONS", "", 0));
    assert_eq!(head.value(HeaderField::Origin), FieldValue::Single(b"https://b"));
    assert_eq!(head.value(HeaderField::AccessControlRequestHeaders), FieldValue::Single(b"x-a"));
}

#[test]
fn the_beginning_of_a_head_is_incomplete() {
    for end in 0..COMMON.len() {
        assert_eq!(head_error(&COMMON[..end]), Some(HeadError::Incomplete), "of {end} bytes");
    }
    assert_eq!(head_error(COMMON), None);
}

#[test]
fn any_other_request_needs_hyper() {
    let (post, host, length) = ("POST", "Host", "Content-Length");
    let too_long = format!("Content-Length: {}\r\n", MAX_BODY + 1);
    let more = |line: &str| format!("{line}\r\nHost: a\r\n");
    let requests = [
        with(post, "GET /call HTTP/1.1\r\n"),
        with(post, "post /call HTTP/1.1\r\n"),
        with(post, "POST /call HTTP/1.0\r\n"),
        with(post, "POST http://localhost/call HTTP/1.1\r\n"),
        with(post, "POST * HTTP/1.1\r\n"),
        with(post, "POST /call#part HTTP/1.1\r\n"),
        with(post, "POST /c\u{e4}ll HTTP/1.1\r\n"),
        with(host, ""),
        with(host, "Host: a\r\nhost: a\r\n"),
        with(length, "Content-Length: 2\r\ncontent-length: 2\r\n"),
        with(length, "Content-Length: 2, 2\r\n"),
        with(length, "Content-Length: +2\r\n"),
        with(length, "Content-Length: \r\n"),
        with(length, "Content-Length: 0000000002\r\n"),
        with(length, &too_long),
        with(length, "Content-Type: a\r\n"),
        with(host, &more("Transfer-Encoding: chunked")),
        with(host, &more("transfer-encoding: identity")),
        with(host, &more("Connection: close")),
        with(host, &more("Connection: keep-alive, upgrade")),
        with(host, &more("Upgrade: websocket")),
        with(host, &more("Expect: 100-continue")),
        with(host, &more("TE: trailers")),
        with(host, &more("Trailer: x")),
        with(host, &more("Origin: a\r\nOrigin: b")),
        with(host, &more("X: a\r\n b")),
        with(host, &more("X : a")),
        with(host, &more("X")),
        with(host, &more("X: \u{0}")),
        with(host, &more("X: y\r\n".repeat(MAX_FIELDS).trim_end())),
        with(host, &more(&format!("X: {}", "y".repeat(MAX_HEAD)))),
        format!("X: {}", "y".repeat(MAX_HEAD)),
        "\u{1}".to_owned(),
    ];
    for request in requests {
        assert_eq!(head_error(&request), Some(HeadError::NeedsHyper), "{request}");
    }
}

#[test]
fn the_date_changes_with_each_second() {
    let mut date = Date::default();
    let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    assert_eq!(date.at(at(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(date.at(at(784_111_777_999)), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(date.at(at(784_111_778_000)), "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(date.at(at(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
}
