//! Messages that violate the protocol. Each gets the expected ABORT over every transport and closes
//! its connection. Other sessions are not affected.
//!
//! Spec: basic profile "Protocol Errors", "Session Establishment"; advanced profile "Advanced
//! Profile URIs".

use crate::router::router;
use crate::support::{CallPair, HELLO, JSON, RawPeer as _, RawSocketPeer, TestTransport, abort};

const VIOLATION: &str = "wamp.error.protocol_violation";

/// Whether a peer joins before it sends the message of the test.
#[derive(Clone, Copy, PartialEq)]
enum JoinState {
    NotJoined,
    Joined,
}

/// Sends each message over each transport and expects an ABORT with this reason and this text.
fn each_is_aborted(state: JoinState, rows: &[(&str, &str, &str)]) {
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for transport in TestTransport::ALL {
        for (message, reason, text) in rows {
            let mut peer = transport.open(&node);
            if state == JoinState::Joined {
                peer.join();
            }
            peer.send(message);
            assert_eq!(peer.receive(), abort(reason, text), "{message} over {transport:?}");
            peer.receive_end();
            bystanders.call();
        }
    }
}

#[test]
fn messages_before_hello_are_aborted() {
    let early = |name| {
        format!("{name} was sent before the session was open; the first message must be HELLO")
    };
    let messages = [
        (r#"[48,1,{},"com.example.add"]"#, "CALL"),
        (r#"[16,1,{},"com.example.topic"]"#, "PUBLISH"),
        (r#"[32,1,{},"com.example.topic"]"#, "SUBSCRIBE"),
        (r#"[64,1,{},"com.example.add"]"#, "REGISTER"),
        (r#"[70,1,{}]"#, "YIELD"),
        (r#"[6,{},"wamp.close.normal"]"#, "GOODBYE"),
        (r#"[5,"signature",{}]"#, "AUTHENTICATE"),
    ];
    let texts = messages.map(|(message, name)| (message, early(name)));
    let rows: Vec<_> = texts.iter().map(|(m, text)| (*m, VIOLATION, text.as_str())).collect();
    each_is_aborted(JoinState::NotJoined, &rows);
}

#[test]
fn unacceptable_hello_is_aborted_with_its_reason() {
    let no_role = "HELLO.Details.roles must announce at least one role";
    let invalid_roles = "HELLO: 'roles' must be a dictionary of roles";
    each_is_aborted(
        JoinState::NotJoined,
        &[
            (
                r#"[1,"nowhere",{"roles":{"caller":{}}}]"#,
                "wamp.error.no_such_realm",
                "no realm \"nowhere\" exists on this router",
            ),
            (
                r#"[1,"members",{"roles":{"caller":{}}}]"#,
                "wamp.error.no_such_role",
                "realm \"members\" has no role \"anonymous\"",
            ),
            (
                r#"[1,"realm1",{"roles":{"caller":{}},"authmethods":["ticket","wampcra"]}]"#,
                "wamp.error.no_matching_auth_method",
                "cannot authenticate using any of the offered methods [\"ticket\", \"wampcra\"]",
            ),
            (
                r#"[1,"realm1",{"roles":{"caller":{}},"authmethods":"ticket"}]"#,
                VIOLATION,
                "HELLO: 'authmethods' must be a list of strings",
            ),
            (r#"[1,"realm1",{}]"#, VIOLATION, no_role),
            (r#"[1,"realm1",{"roles":{}}]"#, VIOLATION, no_role),
            (r#"[1,"realm1",{"roles":{"poet":{}}}]"#, VIOLATION, no_role),
            (r#"[1,"realm1",{"roles":{"caller":true}}]"#, VIOLATION, invalid_roles),
            (r#"[1,"realm1",{"roles":["caller"]}]"#, VIOLATION, invalid_roles),
            (
                r#"[1,17,{"roles":{"caller":{}}}]"#,
                VIOLATION,
                "HELLO: 'Realm' must be a string or null",
            ),
            ("[1]", VIOLATION, "HELLO has a wrong number of elements"),
        ],
    );
}

#[test]
fn invalid_client_messages_are_aborted() {
    let no_message = "a message must be a list that begins with an integer, its type";
    let unknown =
        |number| format!("message type {number} is unknown or may not be sent in this direction");
    each_is_aborted(
        JoinState::Joined,
        &[
            (r#"{"hello":"there"}"#, VIOLATION, no_message),
            (r#""hello""#, VIOLATION, no_message),
            ("17", VIOLATION, no_message),
            ("null", VIOLATION, no_message),
            ("[]", VIOLATION, no_message),
            (r#"["48",1,{},"com.example.p"]"#, VIOLATION, no_message),
            ("[-1]", VIOLATION, no_message),
            ("[1.5]", VIOLATION, no_message),
            ("[4711,{}]", VIOLATION, &unknown(4711)),
            ("[50,1,{},[]]", VIOLATION, &unknown(50)),
            ("[2,1,{}]", VIOLATION, &unknown(2)),
        ],
    );
}

#[test]
fn messages_with_a_wrong_number_of_elements_are_aborted() {
    let wrong = |name| format!("{name} has a wrong number of elements");
    each_is_aborted(
        JoinState::Joined,
        &[
            ("[48,1]", VIOLATION, &wrong("CALL")),
            (r#"[48,1,{},"com.example.p",[],{},1]"#, VIOLATION, &wrong("CALL")),
            ("[16]", VIOLATION, &wrong("PUBLISH")),
            (r#"[32,1,{},"com.example.t",[]]"#, VIOLATION, &wrong("SUBSCRIBE")),
            ("[34,1]", VIOLATION, &wrong("UNSUBSCRIBE")),
            (r#"[64,1,{}]"#, VIOLATION, &wrong("REGISTER")),
            ("[66,1,2,3]", VIOLATION, &wrong("UNREGISTER")),
            ("[70,1]", VIOLATION, &wrong("YIELD")),
            ("[49,1]", VIOLATION, &wrong("CANCEL")),
            ("[6,{}]", VIOLATION, &wrong("GOODBYE")),
            ("[8,68,1,{}]", VIOLATION, &wrong("ERROR")),
        ],
    );
}

#[test]
fn messages_with_an_element_of_the_wrong_type_are_aborted() {
    let id = "CALL: 'Request' must be an integer between 0 and 2^53";
    each_is_aborted(
        JoinState::Joined,
        &[
            (r#"[48,-1,{},"com.example.p"]"#, VIOLATION, id),
            (r#"[48,9007199254740993,{},"com.example.p"]"#, VIOLATION, id),
            (r#"[48,99999999999999999999999999,{},"com.example.p"]"#, VIOLATION, id),
            (r#"[48,1.5,{},"com.example.p"]"#, VIOLATION, id),
            (r#"[48,"1",{},"com.example.p"]"#, VIOLATION, id),
            (r#"[48,1,{},17]"#, VIOLATION, "CALL: 'Procedure' must be a string"),
            (r#"[48,1,{},"com.example.p","text"]"#, VIOLATION, "CALL: 'Arguments' must be a list"),
            (
                r#"[48,1,{},"com.example.p",[],[]]"#,
                VIOLATION,
                "CALL: 'ArgumentsKw' must be a dictionary",
            ),
        ],
    );
}

#[test]
fn messages_with_an_option_of_the_wrong_type_are_aborted() {
    let match_policy = "must be 'exact', 'prefix' or 'wildcard'";
    each_is_aborted(
        JoinState::Joined,
        &[
            (
                r#"[48,1,{"timeout":"soon"},"com.example.p"]"#,
                VIOLATION,
                "CALL: 'timeout' must be an integer of 0 or more",
            ),
            (
                r#"[48,1,{"timeout":-1},"com.example.p"]"#,
                VIOLATION,
                "CALL: 'timeout' must be an integer of 0 or more",
            ),
            (
                r#"[48,1,{"receive_progress":1},"com.example.p"]"#,
                VIOLATION,
                "CALL: 'receive_progress' must be a boolean",
            ),
            (r#"[49,1,{"mode":1}]"#, VIOLATION, "CANCEL: 'mode' must be a string"),
            (
                r#"[64,1,{"invoke":true},"com.example.p"]"#,
                VIOLATION,
                "REGISTER: 'invoke' must be a string",
            ),
            (
                r#"[64,1,{"match":"regex"},"com.example.p"]"#,
                VIOLATION,
                &format!("REGISTER: 'match' {match_policy}"),
            ),
            (
                r#"[32,1,{"match":17},"com.example.t"]"#,
                VIOLATION,
                &format!("SUBSCRIBE: 'match' {match_policy}"),
            ),
            (
                r#"[16,1,{"exclude":["x"]},"com.example.t"]"#,
                VIOLATION,
                "PUBLISH: 'exclude' must be a list of session ids",
            ),
            (
                r#"[16,1,{"eligible":17},"com.example.t"]"#,
                VIOLATION,
                "PUBLISH: 'eligible' must be a list of session ids",
            ),
            (
                r#"[16,1,{"acknowledge":"yes"},"com.example.t"]"#,
                VIOLATION,
                "PUBLISH: 'acknowledge' must be a boolean",
            ),
        ],
    );
}

#[test]
fn messages_not_allowed_on_an_open_session_are_aborted() {
    let unknown_invocation =
        |name| format!("{name} answers invocation 4711, which was never sent to this session");
    each_is_aborted(
        JoinState::Joined,
        &[
            (HELLO, VIOLATION, "HELLO was sent on a session that is already open"),
            (
                r#"[5,"signature",{}]"#,
                VIOLATION,
                "AUTHENTICATE may not be sent at this point of the session",
            ),
            ("[70,4711,{},[]]", VIOLATION, &unknown_invocation("YIELD")),
            (r#"[8,68,4711,{},"com.example.error"]"#, VIOLATION, &unknown_invocation("ERROR")),
            (
                r#"[8,48,1,{},"com.example.error"]"#,
                VIOLATION,
                "ERROR: 'REQUEST.Type' must be 68: a client answers nothing but INVOCATION",
            ),
            (
                r#"[48,1,{"progress":true},"com.example.p"]"#,
                VIOLATION,
                "CALL with progress: HELLO has not announced progressive_call_invocations for the caller",
            ),
        ],
    );
}

#[test]
fn session_that_answers_the_invocation_of_another_is_aborted() {
    let node = router();
    let [mut callee, mut caller, mut intruder] =
        [(); 3].map(|()| RawSocketPeer::open(node.tcp(), JSON));
    for peer in [&mut callee, &mut caller, &mut intruder] {
        peer.join();
    }
    callee.obtain_id(r#"[64,1,{},"com.example.slow"]"#);
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    assert_eq!(callee.receive(), "[68,1,1,{}]");

    let text = "YIELD answers invocation 1, which was never sent to this session";
    assert_eq!(intruder.request(r#"[70,1,{},["intruder"]]"#), abort(VIOLATION, text));
    intruder.receive_end();

    callee.send(r#"[70,1,{},["callee"]]"#);
    assert_eq!(caller.receive(), r#"[50,1,{},["callee"]]"#);
}

#[test]
fn reusing_a_request_id_in_flight_is_aborted() {
    let node = router();
    let mut callee = RawSocketPeer::open(node.tcp(), JSON);
    callee.join();
    callee.obtain_id(r#"[64,1,{},"com.example.slow"]"#);
    let mut caller = node.join();
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    caller.send(r#"[48,1,{},"com.example.slow"]"#);
    let text = "request id 1 is used twice at the same time";
    assert_eq!(caller.receive(), abort(VIOLATION, text));
    caller.receive_end();
    // The callee gets no answer to its late result, and its session stays open.
    assert_eq!(callee.receive(), "[68,1,1,{}]");
    callee.send("[70,1,{}]");
    assert_eq!(callee.request(r#"[64,2,{},"com.example.other"]"#), "[65,2,2]");
}

#[test]
fn abort_is_not_answered() {
    let node = router();
    for mut peer in [node.rawsocket(JSON), RawSocketPeer::open(node.tcp(), JSON)] {
        peer.send(r#"[3,{},"wamp.close.normal"]"#);
        peer.receive_end();
    }
    for mut peer in [node.rawsocket(JSON), RawSocketPeer::open(node.tcp(), JSON)] {
        peer.join();
        peer.send(r#"[3,{},"wamp.close.normal"]"#);
        peer.receive_end();
    }
}

#[test]
fn text_of_refused_peers_neither_fills_the_log_nor_forges_its_lines() {
    let forged = r"x\n\u001b[31m ready elapsed=0.1 ms".to_owned();
    for (name, mentions) in [(forged, 2), ("x".repeat(100_000), 1)] {
        let node = router();
        let mut peer = node.rawsocket(JSON);
        let hello = format!(r#"[1,"{name}",{{"roles":{{"caller":{{}}}}}}]"#);
        assert!(peer.request(&hello).ends_with(r#","wamp.error.invalid_uri"]"#));
        node.wait_for_line("session refused");
        let log = node.log();
        assert_eq!(node.lines_with("ready elapsed=").len(), mentions, "{log}");
        assert!(!log.contains('\u{1b}') && log.lines().all(|line| line.len() < 1_000), "{log}");
    }
}
