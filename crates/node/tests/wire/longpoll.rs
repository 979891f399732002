//! Long-polling: the exact responses to requests of all kinds.
//!
//! Spec: advanced profile "HTTP Longpoll Transport"; `docs/decisions/traps.md#f19` (an empty answer
//! is 204).

use crate::router::{CLOVERLEAF, router};
use crate::support::{HELLO, HttpClient, NodeProcess, RawPeer as _, abort, post_request};

/// A node with a RawSocket and a long-poll service with these options.
pub(crate) fn node(options: &str, arguments: &[&str]) -> NodeProcess {
    let config = r#"{"version": 2, "workers": [{"type": "router",
      "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
        {"uri": "*", "allow": {"call": true, "register": true, "publish": true,
                               "subscribe": true}}]}]}],
      "transports": [
        {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
        {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
         "paths": {"lp": {"type": "longpoll", "options": {OPTIONS}}}}]}]}"#;
    NodeProcess::start_with(CLOVERLEAF, &config.replace("OPTIONS", options), arguments)
}

/// A whole response with a text.
pub(crate) fn answer(status: u16, media_type: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "{status}\ncontent-type: {media_type}\ncache-control: no-store\nvary: Origin\n\
         content-length: {length}\n\n{text}"
    )
}

fn refused(status: u16, text: &str) -> String {
    answer(status, "text/plain; charset=utf-8", &format!("{text}\n"))
}

/// The media type of JSON messages.
pub(crate) const JSON_TYPE: &str = "application/json; charset=utf-8";

/// The response without a message.
pub(crate) const EMPTY: &str = "204\ncache-control: no-store\nvary: Origin\n\n";

fn no_session() -> String {
    refused(404, "There is no such session, or it has ended.")
}

/// Opens a session and returns the selected protocol and the session id.
fn open(http: &mut HttpClient, protocols: &str) -> (String, String) {
    let opened = http.post("/lp/open", &format!(r#"{{"protocols":[{protocols}]}}"#)).text();
    let body: serde_json::Value = serde_json::from_str(&opened).expect("JSON");
    let [protocol, id] = ["protocol", "transport"].map(|key| body[key].as_str().expect("a text"));
    (protocol.to_owned(), id.to_owned())
}

#[test]
fn session_is_opened_sends_receives_and_is_closed() {
    let node = router();
    let mut http = node.http();
    let opened = http.post("/lp/open?x=382913", r#"{"protocols":["wamp.2.json"],"more":1}"#);
    let body = opened.text();
    assert_eq!(opened.to_string(), answer(200, JSON_TYPE, &body));
    let id = body
        .strip_prefix(r#"{"protocol":"wamp.2.json","transport":""#)
        .and_then(|rest| rest.strip_suffix(r#""}"#))
        .expect("an id");
    assert!(id.len() == 32 && id.bytes().all(|octet| octet.is_ascii_hexdigit()), "{id}");

    assert_eq!(http.post(&format!("/lp/{id}/send?x=1"), HELLO).to_string(), EMPTY);
    let welcome = http.post(&format!("/lp/{id}/receive?x=2"), "");
    assert_eq!(welcome.to_string(), answer(200, JSON_TYPE, &welcome.text()));
    assert!(welcome.text().starts_with("[2,"), "{welcome}");
    let subscribe = r#"[32,1,{},"com.example.topic"]"#;
    assert_eq!(http.post(&format!("/lp/{id}/send"), subscribe).to_string(), EMPTY);
    let subscribed = http.post(&format!("/lp/{id}/receive"), "").to_string();
    assert_eq!(subscribed, answer(200, JSON_TYPE, "[33,1,1]"));
    assert_eq!(http.post(&format!("/lp/{id}/close"), "").to_string(), EMPTY);
    for what in ["send", "receive", "close"] {
        assert_eq!(http.post(&format!("/lp/{id}/{what}"), HELLO).to_string(), no_session());
    }
}

#[test]
fn first_supported_protocol_of_the_client_is_selected() {
    let node = router();
    let mut http = node.http();
    for (protocols, chosen) in [
        (r#""wamp.2.cbor","wamp.2.json""#, "wamp.2.cbor"),
        (r#""wamp.2.morse","wamp.2.msgpack","wamp.2.json""#, "wamp.2.msgpack"),
        (r#""wamp.2.json","wamp.2.json""#, "wamp.2.json"),
    ] {
        assert_eq!(open(&mut http, protocols).0, chosen);
    }
}

#[test]
fn each_serializer_has_its_own_media_type() {
    let node = router();
    // ABORT [3, {"message": …}, …] is the answer to an integer, which is no message.
    for (protocol, none, media_type, list_of_three) in [
        ("wamp.2.json", &b"7"[..], JSON_TYPE, b'['),
        ("wamp.2.msgpack", b"\x07", "application/x-msgpack", 0x93),
        ("wamp.2.cbor", b"\x07", "application/cbor", 0x83),
    ] {
        let mut peer = node.longpoll(protocol);
        assert_eq!(peer.post("send", none).status, 400);
        let aborted = peer.post("receive", b"");
        assert_eq!(aborted.header("content-type"), Some(media_type));
        assert_eq!(aborted.body.first(), Some(&list_of_three), "{protocol}");
    }
}

#[test]
fn unacceptable_open_request_is_refused() {
    let node = router();
    let mut http = node.http();
    let invalid = r#"The body must be JSON such as {"protocols": ["wamp.2.json"]}."#;
    let unknown =
        "'protocols' must name one of wamp.2.json, wamp.2.msgpack, wamp.2.cbor, wamp.2.ubjson.";
    for (body, text) in [
        ("", invalid),
        ("{", invalid),
        ("[]", invalid),
        ("{}", invalid),
        (r#"{"protocols":"wamp.2.json"}"#, invalid),
        (r#"{"protocols":[1]}"#, invalid),
        (r#"{"protocols":[]}"#, unknown),
        (r#"{"protocols":["wamp.2.morse",""]}"#, unknown),
    ] {
        assert_eq!(http.post("/lp/open", body).to_string(), refused(400, text), "{body}");
    }
    let long = format!(r#"{{"protocols":["{}"]}}"#, "x".repeat(4096));
    assert_eq!(http.post("/lp/open", &long).status, 413);
}

#[test]
fn unknown_paths_unknown_sessions_and_other_methods_get_different_errors() {
    let node = router();
    let mut http = node.http();
    let (_, id) = open(&mut http, r#""wamp.2.json""#);
    let nothing = || refused(404, "Nothing is served at this path.");
    let other = "0".repeat(32);
    for (path, expected) in [
        ("", nothing()),
        ("/", nothing()),
        ("/open/", nothing()),
        (&format!("/{id}"), nothing()),
        (&format!("/{id}/"), nothing()),
        (&format!("/{id}/read"), nothing()),
        (&format!("/{id}/receive/"), nothing()),
        (&format!("/{other}/receive"), no_session()),
        (&format!("/{}/receive", id.to_uppercase() + "0"), no_session()),
        ("//receive", no_session()),
        ("/x/send", no_session()),
        ("/x/close", no_session()),
    ] {
        assert_eq!(http.post(&format!("/lp{path}"), "").to_string(), expected, "at {path}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let request = format!("{method} /lp/{id}/receive HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = http.request(&request);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST, OPTIONS")));
    }
    assert_eq!(http.post(&format!("/lp/{id}/close"), "").to_string(), EMPTY);
}

#[test]
fn protocol_violation_gets_400_and_its_abort_is_received() {
    let node = router();
    let bad = refused(400, "This breaks the protocol of WAMP.");
    let violation = |text| abort("wamp.error.protocol_violation", text);
    let no_message = "a message must be a list that begins with an integer, its type";
    let mut joined = node.longpoll("wamp.2.json");
    joined.join();
    let second = "HELLO was sent on a session that is already open";
    for (mut peer, message, text) in
        [(node.longpoll("wamp.2.json"), "null", no_message), (joined, HELLO, second)]
    {
        assert_eq!(peer.post("send", message.as_bytes()).to_string(), bad);
        assert_eq!(peer.receive(), violation(text));
        assert_eq!(peer.post("send", HELLO.as_bytes()).to_string(), no_session());
        peer.receive_end();
        // The client may close its session after the ABORT.
        assert_eq!(peer.post("close", b"").to_string(), EMPTY);
        assert_eq!(peer.post("close", b"").to_string(), no_session());
    }
    let mut refused = node.longpoll("wamp.2.json");
    let hello = r#"[1,"nowhere",{"roles":{"caller":{}}}]"#;
    assert_eq!(refused.post("send", hello.as_bytes()).to_string(), EMPTY);
    let text = "no realm \"nowhere\" exists on this router";
    assert_eq!(refused.receive(), abort("wamp.error.no_such_realm", text));
    refused.receive_end();
}

#[test]
fn oversized_or_truncated_message_is_refused_and_the_session_stays_open() {
    let node = node(r#""max_message_size": 1024"#, &[]);
    let mut peer = node.longpoll("wamp.2.json");
    peer.join();
    let publish =
        |length: usize| format!(r#"[16,1,{{}},"com.example.t",["{}"]]"#, "x".repeat(length));
    let head = publish(0).len();
    assert_eq!(peer.post("send", publish(1024 - head).as_bytes()).to_string(), EMPTY);
    let mut too_long = node.http();
    too_long.send(&post_request(&format!("{}/send", peer.path()), &publish(1025 - head)));
    assert_eq!(too_long.receive().to_string(), refused(413, "The body is longer than accepted."));
    let mut cut = node.http();
    let request = post_request(&format!("{}/send", peer.path()), "[16,1,");
    cut.send(&request.replace("Content-Length: 6", "Content-Length: 7"));
    cut.shutdown_write();
    assert!(peer.request(r#"[32,2,{},"com.example.topic"]"#).starts_with("[33,2,"));
}

#[test]
fn pages_are_admitted_by_their_origin() {
    let node =
        node(r#""allowed_origins": ["https://*.example.com"], "allow_null_origin": false"#, &[]);
    let mut http = node.http();
    let request = |method: &str, origin: &str, more: &str| {
        format!(
            "{method} /lp/open HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{more}\
             Content-Length: 2\r\n\r\n{{}}"
        )
    };
    let origin = "https://app.example.com";
    let preflight_headers = "Access-Control-Request-Method: POST\r\n\
                  Access-Control-Request-Headers: content-type\r\n";
    let expected = format!(
        "200\nallow: POST, OPTIONS\naccess-control-allow-methods: POST, OPTIONS\n\
         access-control-max-age: 600\naccess-control-allow-headers: content-type\n\
         cache-control: no-store\nvary: Origin\naccess-control-allow-origin: {origin}\n\
         access-control-allow-credentials: true\ncontent-length: 0\n\n"
    );
    assert_eq!(http.request(&request("OPTIONS", origin, preflight_headers)).to_string(), expected);
    let mut http = node.http();
    let answer = http.request(&request("POST", origin, ""));
    let allowed = ["access-control-allow-origin", "access-control-allow-credentials"]
        .map(|name| answer.header(name));
    assert_eq!((answer.status, allowed), (400, [Some(origin), Some("true")]));
    for other in ["https://example.com", "null", "\u{fc}"] {
        for method in ["POST", "OPTIONS"] {
            let answer = node.http().request(&request(method, other, preflight_headers));
            let allowed = answer.header("access-control-allow-origin");
            assert_eq!((answer.status, allowed), (403, None), "{method} from {other}");
        }
    }
}
