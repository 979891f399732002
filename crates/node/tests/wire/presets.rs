//! The presets `crossbar` and `wamp`, and single options beside them, over the wire.
//!
//! The router crate tests each preset message by message.

use std::time::Duration;

use cloverleaf_client::net::Client;
use cloverleaf_client::{CallTimeoutUnit, Failure, Invocation};
use serde_json::Value;

use crate::router::CLOVERLEAF;
use crate::support::{
    ClientStream, JSON, NodeProcess, RawPeer, RawSocketPeer, TIMEOUT, abort, hello, post_request,
};

/// One realm of each preset, and one with its own call timeout unit. Only the first has a store.
const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [
    {"name": "like-crossbar", "store": {"type": "memory"}, "roles": [ROLE]},
    {"name": "like-wamp", "options": {"compatibility": "wamp"}, "roles": [ROLE]},
    {"name": "in-seconds",
     "options": {"compatibility": "wamp", "call_timeout_unit": "s"}, "roles": [ROLE]}
  ],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "one.sock"},
     "auth": {"anonymous": {"type": "static", "realm": "like-crossbar"}}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}, "paths": {
      "/": {"type": "json", "value": null},
      "call": {"type": "caller", "realm": "like-crossbar", "role": "anonymous"}}}
  ]
}]}"#;

const ROLE: &str = r#"{"name": "anonymous", "permissions": [
  {"uri": "*", "allow": {"call": true, "register": true, "publish": true, "subscribe": true}},
  {"uri": "com.exact", "allow": {"call": true, "register": true, "subscribe": true}},
  {"uri": "com.hidden", "allow": {"call": true}, "disclose": {"caller": false}},
  {"uri": "com.forbidden", "allow": {"call": true}, "disclose": {"caller": "forbid"}}]}"#;

fn node() -> NodeProcess {
    NodeProcess::start(CLOVERLEAF, &CONFIG.replace("ROLE", ROLE))
}

/// A session in a realm, and its WELCOME.Details.
fn join(node: &NodeProcess, realm: &str) -> (RawSocketPeer, Value) {
    let mut peer = node.rawsocket(JSON);
    let welcome = peer.join_realm(realm);
    (peer, welcome[2].clone())
}

#[test]
fn realm_determines_the_unit_and_the_error_of_call_timeouts() {
    let node = node();
    for (realm, unit, error) in [
        ("like-crossbar", "s", r#""wamp.error.canceled",["timeout reached"]"#),
        ("like-wamp", "ms", r#""wamp.error.timeout",["the call timed out"]"#),
        ("in-seconds", "s", r#""wamp.error.timeout",["the call timed out"]"#),
    ] {
        let ((mut callee, _), (mut caller, welcome)) = (join(&node, realm), join(&node, realm));
        assert_eq!(welcome["x_call_timeout_unit"], unit);
        callee.obtain_id(r#"[64,1,{},"com.slow"]"#);
        let start = std::time::Instant::now();
        let answer = caller.request(r#"[48,1,{"timeout":1},"com.slow"]"#);
        assert_eq!(answer, format!("[8,48,1,{{}},{error}]"));
        let least = if unit == "s" { Duration::from_secs(1) } else { Duration::from_millis(1) };
        assert!(start.elapsed() >= least, "{realm}");
    }
}

#[test]
fn http_bridge_timeouts_are_milliseconds_and_end_in_wamp_error_timeout() {
    let node = node();
    let (mut callee, _) = join(&node, "like-crossbar");
    callee.obtain_id(r#"[64,1,{},"com.slow"]"#);
    let mut http = node.http();
    // In seconds, the timeout would exceed the deadline of this test.
    http.send(&post_request("/call", r#"{"procedure":"com.slow","options":{"timeout":200}}"#));
    let answer: Value = serde_json::from_str(&http.receive().text()).expect("JSON");
    assert_eq!(answer["error"], "wamp.error.timeout", "{answer}");
}

#[test]
fn client_library_uses_the_call_timeout_unit_of_each_realm() {
    let node = node();
    let address = format!("unix:{}", node.socket().display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for (realm, unit, seen_by_callee, error) in [
            ("like-crossbar", CallTimeoutUnit::Seconds, 2_000, "wamp.error.canceled"),
            ("like-wamp", CallTimeoutUnit::Milliseconds, 1_500, "wamp.error.timeout"),
            ("in-seconds", CallTimeoutUnit::Seconds, 2_000, "wamp.error.timeout"),
        ] {
            let client = Client::new(&address).expect("an address").realm(realm);
            let callee = client.clone().connect().await.expect("joined");
            let caller = client.connect().await.expect("joined");
            assert_eq!(caller.call_timeout_unit(), unit);
            let watch = |invocation: Invocation| async move {
                Ok::<_, Failure>(invocation.timeout().map(|timeout| timeout.as_millis() as u64))
            };
            let watching = callee.register("com.watch", watch).forward_timeout();
            let _watching = watching.await.expect("registered");
            let timeout = Duration::from_millis(1_500);
            let answer = caller.call("com.watch").timeout(timeout).await.expect("an answer");
            assert_eq!(
                answer.value::<Option<u64>>().expect("a number"),
                Some(seen_by_callee),
                "{realm}"
            );
            let slow = || async { std::future::pending::<Result<(), Failure>>().await };
            let _slow = callee.register("com.slow", slow).await.expect("registered");
            let late = caller.call("com.slow").timeout(Duration::from_millis(1)).send();
            let late = tokio::time::timeout(TIMEOUT, late).await.expect("in time");
            assert_eq!(late.expect_err("late").uri(), Some(error), "{realm}");
        }
    });
}

#[test]
fn requested_realm_determines_the_abort_reason() {
    let node = node();
    for (realm, reason) in [
        ("like-crossbar", "wamp.error.no_auth_method"),
        ("like-wamp", "wamp.error.no_matching_auth_method"),
        ("nowhere", "wamp.error.no_auth_method"),
    ] {
        let mut peer = node.rawsocket(JSON);
        let hello =
            format!(r#"[1,"{realm}",{{"roles":{{"caller":{{}}}},"authmethods":["ticket"]}}]"#);
        let text = r#"cannot authenticate using any of the offered methods ["ticket"]"#;
        assert_eq!(peer.request(&hello), abort(reason, text));
    }
}

#[test]
fn transport_with_a_fixed_realm_admits_to_no_other_realm() {
    let node = node();
    let socket = node.directory().path().join("one.sock");
    let open = || RawSocketPeer::open(ClientStream::unix(&socket), JSON);
    let without_realm = hello("NONE").replace(r#""NONE""#, "null");
    for hello in [&hello("like-crossbar"), &hello(""), &without_realm] {
        let welcome = open().request_json(hello);
        assert_eq!(welcome[2]["realm"], "like-crossbar", "{welcome}");
    }
    for realm in ["like-wamp", "nowhere"] {
        let text = format!(r#"realm "{realm}" can't be joined with this authentication"#);
        let answer = open().request(&hello(realm));
        assert_eq!(answer, abort("wamp.error.no_such_realm", &text));
    }
    let answer = node.rawsocket(JSON).request(&without_realm);
    assert_eq!(answer, abort("wamp.error.no_such_realm", "no realm requested"));
}

#[test]
fn calls_beyond_the_concurrency_limit_are_queued_with_a_store_and_fail_without_one() {
    let node = node();
    let register = r#"[64,1,{"concurrency":1},"com.work"]"#;
    let ((mut callee, _), (mut caller, _)) =
        (join(&node, "like-crossbar"), join(&node, "like-crossbar"));
    callee.obtain_id(register);
    for number in 1..=3 {
        caller.send(&format!(r#"[48,{number},{{}},"com.work",[{number}]]"#));
    }
    for number in 1..=3 {
        assert!(callee.receive().ends_with(&format!("{{}},[{number}]]")));
        callee.send(&format!("[70,{number},{{}}]"));
        assert_eq!(caller.receive(), format!("[50,{number},{{}}]"));
    }
    let ((mut callee, _), (mut caller, _)) = (join(&node, "like-wamp"), join(&node, "like-wamp"));
    callee.obtain_id(register);
    caller.send(r#"[48,1,{},"com.work"]"#);
    let refused = caller.request(r#"[48,2,{},"com.work"]"#);
    assert!(refused.contains("crossbar.error.max_concurrency_reached"), "{refused}");
}

#[test]
fn disclose_me_is_ignored_or_refused_by_realm_and_permission() {
    let node = node();
    let refused = "wamp.error.option_disallowed.disclose_me";
    let unregistered = "wamp.error.no_such_procedure";
    for (realm, hidden) in [("like-crossbar", unregistered), ("like-wamp", refused)] {
        let (mut caller, _) = join(&node, realm);
        for (number, procedure, error) in [(1, "com.hidden", hidden), (2, "com.forbidden", refused)]
        {
            let call = format!(r#"[48,{number},{{"disclose_me":true}},"{procedure}"]"#);
            let answer = caller.request_json(&call);
            assert_eq!(answer[4], error, "{realm}: {answer}");
        }
        for value in ["null", "1", r#""true""#, "1.5"] {
            let call = format!(r#"[48,3,{{"disclose_me":{value}}},"com.forbidden"]"#);
            let answer = caller.request_json(&call);
            assert_eq!(answer[4], unregistered, "{value}: {answer}");
        }
    }
}

#[test]
fn requests_with_id_0_and_goodbye_are_answered() {
    let node = node();
    for (realm, reason) in
        [("like-crossbar", "wamp.close.normal"), ("like-wamp", "wamp.close.goodbye_and_out")]
    {
        let (mut peer, _) = join(&node, realm);
        let rows = [
            (r#"[64,0,{},"com.zero"]"#, "[65,0,"),
            (r#"[32,0,{},"com.zero"]"#, "[33,0,"),
            (r#"[16,0,{"acknowledge":true},"com.zero"]"#, "[17,0,"),
            (r#"[48,0,{},"com.nobody"]"#, "[8,48,0,"),
            (r#"[34,0,4711]"#, "[8,34,0,"),
            (r#"[66,0,4711]"#, "[8,66,0,"),
        ];
        for (request, answer) in rows {
            let received = peer.request(request);
            assert!(received.starts_with(answer), "{request}: {received}");
        }
        let goodbye = peer.request(r#"[6,{},"wamp.close.close_realm"]"#);
        assert_eq!(goodbye, format!(r#"[6,{{}},"{reason}"]"#));
    }
}

#[test]
fn permission_that_refuses_a_pattern_is_logged_once() {
    let node = node();
    let (mut peer, _) = join(&node, "like-crossbar");
    for number in 1..=2 {
        let request = format!(r#"[32,{number},{{"match":"wildcard"}},"com.exact"]"#);
        assert!(
            peer.request(&request).starts_with("[33,"),
            "a wildcard without an empty component is exact"
        );
    }
    let rule = r#"{"uri": "com.only", "allow": {"subscribe": true}}"#;
    let config =
        CONFIG.replace("ROLE", &format!(r#"{{"name": "anonymous", "permissions": [{rule}]}}"#));
    let node = NodeProcess::start(CLOVERLEAF, &config);
    let (mut peer, _) = join(&node, "like-crossbar");
    for number in 1..=2 {
        let refused = peer.request(&format!(r#"[32,{number},{{"match":"prefix"}},"com.only"]"#));
        assert!(refused.contains("wamp.error.not_authorized"), "{refused}");
    }
    let line = node.wait_for_line("pattern refused");
    for field in ["realm=like-crossbar", "role=anonymous", "uri=com.only", r#"match="prefix""#] {
        assert!(line.contains(field), "{line}");
    }
    assert!(peer.request(r#"[32,3,{},"com.only"]"#).starts_with("[33,3,"));
    assert_eq!(node.lines_with("pattern refused").len(), 1);
}
