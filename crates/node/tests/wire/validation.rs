//! Validation of payloads against JSON Schemas, over every serializer and the HTTP bridge.

use crate::router::CLOVERLEAF;
use crate::support::{
    CBOR, MSGPACK, NodeProcess, ProgramOutput, RawPeer as _, RawSocketPeer, TempDirectory, UBJSON,
    post_request, run,
};

/// A realm in which `com.example.sum` takes numbers and returns one number, and events of
/// `com.example.bytes` carry binary values.
const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow":
      {"call": true, "register": true, "publish": true, "subscribe": true}},
    {"uri": "com.example.sum", "allow": {"call": true, "register": true}, "validate": {
      "call": "numbers.json",
      "call_result": {"properties": {"args": {"items": {"type": "number"}, "maxItems": 1}}}}},
    {"uri": "com.example.bytes", "allow": {"publish": true, "subscribe": true}, "validate": {
      "event": {"properties": {"args": {"minItems": 1, "items": {"pattern": "^\\x00"}},
                               "kwargs": {"additionalProperties": false}}}}}]}]}],
  "transports": [
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, "paths": {
      "call": {"type": "caller", "realm": "realm1", "role": "anonymous"},
      "status": {"type": "caller", "realm": "realm1", "role": "anonymous",
                 "options": {"error_status": true}},
      "publish": {"type": "publisher", "realm": "realm1", "role": "anonymous"}}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#;

const NUMBERS: &str = r#"{"type": "object", "properties": {
  "args": {"items": {"type": "number"}, "minItems": 1}, "kwargs": {"maxProperties": 0}}}"#;

const NO_NUMBER: &str = "the payload of the call is not as its schema asks: at /args/0, value is \
                         not of type \"number\"";

fn start() -> NodeProcess {
    let directory = TempDirectory::new();
    directory.write("numbers.json", NUMBERS);
    NodeProcess::start_in(CLOVERLEAF, directory, CONFIG)
}

/// A JSON session that has registered `com.example.sum`.
fn callee(node: &NodeProcess) -> RawSocketPeer {
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.sum"]"#);
    callee
}

/// An ERROR for this message type and request, as JSON.
fn refused(kind: u8, number: u8, text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(r#"[8,{kind},{number},{{}},"wamp.error.invalid_argument",[{text}]]"#)
}

#[test]
fn calls_and_results_are_validated_against_their_schemas() {
    let node = start();
    let mut callee = callee(&node);
    let mut caller = node.join();
    let call = |number: u8, rest: &str| format!(r#"[48,{number},{{}},"com.example.sum"{rest}]"#);
    let few = "the payload of the call is not as its schema asks: at /args, value has less than 1 \
               item";
    let many = "the payload of the call is not as its schema asks: at /kwargs, value has more than \
                0 properties";
    for (number, rest, text) in
        [(1, r#",["x"]"#, NO_NUMBER), (2, "", few), (3, r#",[1],{"a":1}"#, many)]
    {
        assert_eq!(caller.request(&call(number, rest)), refused(48, number, text));
    }
    caller.send(&call(4, ",[1,2.5]"));
    assert_eq!(callee.receive(), "[68,1,1,{},[1,2.5]]");
    callee.send("[70,1,{},[3.5]]");
    assert_eq!(caller.receive(), "[50,4,{},[3.5]]");
    caller.send(&call(5, ",[1]"));
    assert_eq!(callee.receive(), "[68,2,1,{},[1]]");
    callee.send("[70,2,{},[1,2]]");
    let long = "the payload of the result is not as its schema asks: at /args, value has more than \
                1 item";
    assert_eq!(caller.receive(), refused(48, 5, long));
}

#[test]
fn payloads_of_every_serializer_are_validated() {
    let node = start();
    let mut callee = callee(&node);
    for (invocation, (serializer, hello, call, wrong, right)) in [
        (
            MSGPACK,
            &b"\x93\x01\xa6realm1\x81\xa5roles\x81\xa6caller\x80"[..],
            &b"\x95\x30\x01\x80\xafcom.example.sum"[..],
            &b"\x91\xa1x"[..],
            &b"\x91\x07"[..],
        ),
        (
            CBOR,
            b"\x83\x01\x66realm1\xa1\x65roles\xa1\x66caller\xa0",
            b"\x85\x18\x30\x01\xa0\x6fcom.example.sum",
            b"\x81\x61x",
            b"\x81\x07",
        ),
        (
            UBJSON,
            b"[U\x01SU\x06realm1{U\x05roles{U\x06caller{}}}]",
            b"[U\x30U\x01{}SU\x0fcom.example.sum",
            b"[SU\x01x]]",
            b"[U\x07]]",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut caller = node.rawsocket(serializer);
        caller.send_octets(hello);
        caller.receive_octets();
        caller.send_octets(&[call, wrong].concat());
        let answer = String::from_utf8_lossy(&caller.receive_octets()).into_owned();
        assert!(answer.trim_end_matches(']').ends_with(NO_NUMBER), "{answer}");
        caller.send_octets(&[call, right].concat());
        assert_eq!(callee.receive(), format!("[68,{},1,{{}},[7]]", invocation + 1));
    }
}

#[test]
fn binary_values_are_validated_in_their_json_form() {
    let node = start();
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{},"com.example.bytes"]"#);
    let text = "the payload of the event is not as its schema asks: at /args/0, value does not \
                match \"^\\x00\"";
    let refusal = subscriber.request(r#"[16,2,{"acknowledge":true},"com.example.bytes",["abc"]]"#);
    assert_eq!(refusal, refused(16, 2, text));
    let mut publisher = node.rawsocket(MSGPACK);
    publisher.send_octets(b"\x93\x01\xa6realm1\x81\xa5roles\x81\xa9publisher\x80");
    publisher.receive_octets();
    publisher.send_octets(b"\x95\x10\x01\x80\xb1com.example.bytes\x91\xc4\x03\x00\x01\x02");
    let event = subscriber.receive();
    assert!(event.ends_with(r#",{},["\u0000AAEC"]]"#), "{event}");
}

#[test]
fn http_bridge_reports_validation_errors_like_other_errors() {
    let node = start();
    let mut callee = callee(&node);
    let mut http = node.http();
    let body = |text: &str| {
        let text = serde_json::Value::from(text);
        format!(r#"{{"error": "wamp.error.invalid_argument", "args": [{text}], "kwargs": {{}}}}"#)
    };
    for (path, status) in [("/call", 200), ("/status", 400)] {
        let answer = http.post(path, r#"{"procedure":"com.example.sum","args":["x"]}"#);
        assert_eq!((answer.status, answer.text()), (status, body(NO_NUMBER)));
    }
    let answer = http.post("/publish", r#"{"topic":"com.example.bytes","kwargs":{"a":1}}"#);
    let few = "the payload of the event is not as its schema asks: at /args, value has less than 1 \
               item";
    assert_eq!((answer.status, answer.text()), (200, body(few)));
    http.send(&post_request("/call", r#"{"procedure":"com.example.sum","args":[1]}"#));
    callee.receive();
    callee.send("[70,1,{},[1]]");
    assert_eq!(http.receive().text(), r#"{"args":[1]}"#);
}

#[test]
fn validation_failures_are_logged_at_debug_without_the_payload() {
    let directory = TempDirectory::new();
    directory.write("numbers.json", NUMBERS);
    let config = directory.write("config.json", CONFIG).display().to_string();
    let args = ["start", "--loglevel", "debug", "--config", &config];
    let node = NodeProcess::launch(CLOVERLEAF, directory, &args).ready();
    let mut publisher = node.join();
    publisher.send(r#"[16,1,{},"com.example.bytes",["secret"]]"#);
    let line = node.wait_for_line("role 'anonymous'");
    let expected = "schema=\"realm 'realm1', role 'anonymous', 'com.example.bytes': event\" \
                    reason=\"at /args/0, value does not match";
    assert!(line.contains(expected), "{line}");
    assert!(!node.log().contains("secret"));
}

#[test]
fn invalid_schema_is_a_fault_of_the_configuration() {
    let directory = TempDirectory::new();
    directory.write("numbers.json", r#"{"properties": {"args": {"minItems": "one"}}}"#);
    directory.write("config.json", CONFIG);
    let checked = run(CLOVERLEAF, &directory, &["check", "--config", "config.json"]);
    let stderr =
        "config.json:6:15: workers[0].realms[0].roles[0].permissions[1].validate.call: the \
                  file './numbers.json' is no JSON Schema: '/properties/args/minItems': value is not \
                  of type \"integer\"\n"
            .to_owned();
    let ProgramOutput { code, stdout, stderr: found } = checked;
    assert_eq!((code, found), (Some(1), stderr));
    assert!(stdout.lines().all(|line| line.starts_with("warning: ")), "{stdout}");
}
