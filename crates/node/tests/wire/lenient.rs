//! Invalid values that deployed clients send, over real connections. The router does not abort
//! their sessions, and sends each receiver only valid messages.

use crate::router::router;
use crate::support::{MSGPACK, RawPeer, TestTransport, post_request};

/// Values that Python's JSON module writes for non-finite floats.
const NOT_FINITE: &str = r#"[NaN,Infinity,-Infinity,1e400],{"x":NaN}"#;
const NULLS: &str = r#"[null,null,null,null],{"x":null}"#;

/// The arguments of a message, which begin with `[` after `}`.
fn arguments(message: &str) -> &str {
    let start = message.find("},[").expect("arguments") + "},".len();
    message[start..].strip_suffix(']').expect("a list")
}

#[test]
fn non_finite_numbers_reach_json_peers_as_null_over_every_transport() {
    let node = router();
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{},"com.example.numbers"]"#);
    for transport in TestTransport::ALL {
        let mut publisher = transport.join(&node);
        let publish =
            format!(r#"[16,1,{{"acknowledge":true}},"com.example.numbers",{NOT_FINITE}]"#);
        assert!(publisher.request(&publish).starts_with("[17,1,"), "{transport:?}");
        assert_eq!(arguments(&subscriber.receive()), NULLS, "{transport:?}");
    }
}

#[test]
fn msgpack_peer_gets_nil_and_replacement_characters_for_lenient_json() {
    let node = router();
    let mut subscriber = node.rawsocket(MSGPACK);
    subscriber.send_octets(b"\x93\x01\xa6realm1\x81\xa5roles\x81\xaasubscriber\x80");
    subscriber.receive_octets();
    subscriber.send_octets(b"\x94\x20\x01\x80\xa5com.a");
    subscriber.receive_octets();
    let mut publisher = node.join();
    publisher.send(r#"[16,1,{},"com.a",[NaN,"\ud800"],{"\udc00":1e400}]"#);
    let event = subscriber.receive_octets();
    let expected = b"\x80\x92\xc0\xa3\xef\xbf\xbd\x81\xa3\xef\xbf\xbd\xc0";
    assert!(event.ends_with(expected), "{}", event.escape_ascii());
}

#[test]
fn unpaired_surrogates_pass_between_json_peers_unchanged() {
    let node = router();
    let mut peer = node.join();
    peer.obtain_id(r#"[64,1,{},"com.example.text"]"#);
    let text = r#"["\ud800","\udc00a"],{"\ud83c":1}"#;
    peer.send(&format!(r#"[48,2,{{}},"com.example.text",{text}]"#));
    assert_eq!(arguments(&peer.receive()), text);
    peer.send(&format!("[70,1,{{}},{text}]"));
    assert_eq!(arguments(&peer.receive()), text);
    assert!(peer.request(r#"[48,3,{},"com.\ud800"]"#).starts_with("[3,"), "a URI is no payload");
}

#[test]
fn non_finite_numbers_in_an_http_call_become_null() {
    let node = router();
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.numbers"]"#);
    let mut http = node.http();
    let body = r#"{"procedure":"com.example.numbers","args":[NaN],"kwargs":{"x":-1e400}}"#;
    http.send(&post_request("/call", body));
    assert_eq!(arguments(&callee.receive()), r#"[null],{"x":null}"#);
    callee.send(r#"[70,1,{},[Infinity,"\ud800"]]"#);
    assert_eq!(http.receive().text(), r#"{"args":[null,"\ud800"]}"#);
}

#[test]
fn http_call_without_positional_results_is_answered_with_null() {
    let node = router();
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.nothing"]"#);
    let mut http = node.http();
    for (invocation, arguments, body) in [
        (1, "", r#"{"args":[null]}"#),
        (2, ",[]", r#"{"args":[null]}"#),
        (3, ",[],{}", r#"{"args":[null]}"#),
        (4, ",null,null", r#"{"args":[null]}"#),
        (5, r#",[],{"a":1}"#, r#"{"kwargs":{"a":1}}"#),
    ] {
        http.send(&post_request("/call", r#"{"procedure":"com.example.nothing"}"#));
        callee.receive();
        callee.send(&format!("[70,{invocation},{{}}{arguments}]"));
        assert_eq!(http.receive().text(), body, "of {arguments}");
    }
}

#[test]
fn null_arguments_count_as_absent_over_every_transport() {
    let node = router();
    for transport in TestTransport::CONNECTED {
        let mut peer = transport.join(&node);
        peer.obtain_id(r#"[64,1,{},"com.example.null"]"#);
        for (id, sent, passed_on) in
            [(1, "null", ""), (2, r#"null,{"a":1}"#, r#",[],{"a":1}"#), (3, "[1],null", ",[1]")]
        {
            let request = id + 1;
            peer.send(&format!(r#"[48,{request},{{}},"com.example.null",{sent}]"#));
            let invocation = peer.receive();
            assert!(invocation.ends_with(&format!(",{{}}{passed_on}]")), "{invocation}");
            peer.send(&format!("[70,{id},{{}},{sent}]"));
            assert_eq!(peer.receive(), format!("[50,{request},{{}}{passed_on}]"));
        }
        peer.send(r#"[48,5,{},"com.example.null"]"#);
        peer.receive();
        peer.send(r#"[8,68,4,{},"com.error",null,{"a":1}]"#);
        assert_eq!(peer.receive(), r#"[8,48,5,{},"com.error",[],{"a":1}]"#);
    }
}

#[test]
fn null_arguments_count_as_absent_in_batches() {
    let node = router();
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{},"com.example.null"]"#);
    let mut publisher = node.websocket("wamp.2.json.batched");
    let separator = '\u{1e}';
    publisher.send(&format!("{}{separator}", crate::support::HELLO));
    publisher.receive();
    publisher.send(&format!(
        r#"[16,1,{{}},"com.example.null",null,{{"a":1}}]{separator}[16,2,{{}},"com.example.null",[NaN],null]{separator}"#
    ));
    for expected in [r#",{},[],{"a":1}]"#, ",{},[null]]"] {
        let event = subscriber.receive();
        assert!(event.ends_with(expected), "{event}");
    }
}
