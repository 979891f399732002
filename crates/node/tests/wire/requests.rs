//! Well-formed requests that the router cannot serve. Each gets the expected ERROR, and the session
//! stays open.
//!
//! Spec: basic profile "Basic Profile URIs", "Transport and Session Lifetime".

use crate::router::router;
use crate::support::{CallPair, HELLO, JSON, RawPeer as _, RawSocketPeer, TestTransport};

#[test]
fn unserviceable_requests_get_errors_and_the_session_stays_open() {
    let rows = [
        (
            r#"[48,7,{},"com.example.nobody"]"#,
            r#"[8,48,7,{},"wamp.error.no_such_procedure",["no callee registered for procedure <com.example.nobody>"]]"#,
        ),
        (
            r#"[48,9007199254740992,{},"com.example.nobody"]"#,
            r#"[8,48,9007199254740992,{},"wamp.error.no_such_procedure",["no callee registered for procedure <com.example.nobody>"]]"#,
        ),
        (
            r#"[48,7,{},"wamp.nonsense"]"#,
            r#"[8,48,7,{},"wamp.error.no_such_procedure",["no callee registered for procedure <wamp.nonsense>"]]"#,
        ),
        (r#"[48,7,{},""]"#, r#"[8,48,7,{},"wamp.error.invalid_uri",["'' is not a valid URI"]]"#),
        (
            r#"[48,7,{},"com..example"]"#,
            r#"[8,48,7,{},"wamp.error.invalid_uri",["'com..example' is not a valid URI"]]"#,
        ),
        (
            r#"[64,7,{},"com.exa mple"]"#,
            r#"[8,64,7,{},"wamp.error.invalid_uri",["'com.exa mple' is not a valid URI"]]"#,
        ),
        (
            r#"[32,7,{},"com.example.#"]"#,
            r#"[8,32,7,{},"wamp.error.invalid_uri",["'com.example.#' is not a valid URI"]]"#,
        ),
        (
            r#"[16,7,{"acknowledge":true},"com.example."]"#,
            r#"[8,16,7,{},"wamp.error.invalid_uri",["'com.example.' is not a valid URI"]]"#,
        ),
        (
            r#"[64,7,{},"wamp.mine"]"#,
            r#"[8,64,7,{},"wamp.error.invalid_uri",["register with restricted procedure URI 'wamp.mine': only the router may use what begins with 'wamp'"]]"#,
        ),
        (
            r#"[16,7,{"acknowledge":true},"wamp.mine"]"#,
            r#"[8,16,7,{},"wamp.error.invalid_uri",["publish with restricted topic URI 'wamp.mine': only the router may use what begins with 'wamp'"]]"#,
        ),
        (
            r#"[48,7,{},"com.example.secret"]"#,
            r#"[8,48,7,{},"wamp.error.not_authorized",["session not authorized to call procedure 'com.example.secret'"]]"#,
        ),
        (
            r#"[64,7,{},"com.example.secret"]"#,
            r#"[8,64,7,{},"wamp.error.not_authorized",["session not authorized to register procedure 'com.example.secret'"]]"#,
        ),
        (
            r#"[32,7,{},"com.example.secret"]"#,
            r#"[8,32,7,{},"wamp.error.not_authorized",["session not authorized to subscribe to topic 'com.example.secret'"]]"#,
        ),
        (
            r#"[16,7,{"acknowledge":true},"com.example.secret"]"#,
            r#"[8,16,7,{},"wamp.error.not_authorized",["session not authorized to publish to topic 'com.example.secret'"]]"#,
        ),
        (
            r#"[34,7,4711]"#,
            r#"[8,34,7,{},"wamp.error.no_such_subscription",["this session has no subscription 4711"]]"#,
        ),
        (
            r#"[66,7,4711]"#,
            r#"[8,66,7,{},"wamp.error.no_such_registration",["this session has no registration 4711"]]"#,
        ),
        (
            r#"[64,7,{},"com.example.bystander"]"#,
            r#"[8,64,7,{},"wamp.error.procedure_already_exists",["procedure <com.example.bystander> is already registered, with the invocation policy 'single'"]]"#,
        ),
    ];
    let node = router();
    let mut bystanders = CallPair::connect(&node);
    for transport in TestTransport::ALL {
        let mut peer = transport.join(&node);
        for (request, error) in rows {
            assert_eq!(peer.request(request), error, "over {transport:?}");
            bystanders.call();
        }
    }
}

#[test]
fn unacknowledged_publications_and_unknown_cancels_get_no_answer() {
    let node = router();
    for transport in TestTransport::ALL {
        let mut peer = transport.join(&node);
        for message in [
            r#"[16,1,{},"com..example"]"#,
            r#"[16,2,{},"com.example.secret"]"#,
            r#"[49,4711,{}]"#,
            r#"[32,3,{},"com.example.topic"]"#,
        ] {
            peer.send(message);
        }
        // Only the last request has an answer.
        let answer = peer.receive();
        assert!(answer.starts_with("[33,3,"), "{answer} over {transport:?}");
    }
}

#[test]
fn half_closed_connection_gets_all_outstanding_answers() {
    let node = router();
    for stream in [node.tcp(), node.unix()] {
        let mut peer = RawSocketPeer::open(stream, JSON);
        peer.send(HELLO);
        for request in 1..=100 {
            peer.send(&format!(r#"[64,{request},{{}},"com.example.{request}"]"#));
        }
        peer.stream.shutdown_write();
        assert!(peer.receive().starts_with("[2,"));
        for request in 1..=100 {
            let registered = peer.receive();
            assert!(registered.starts_with(&format!("[65,{request},")), "{registered}");
        }
        peer.stream.receive_end();
    }
}

#[test]
fn new_session_joins_on_the_same_connection_after_goodbye() {
    let node = router();
    for transport in TestTransport::ALL {
        let mut peer = transport.open(&node);
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(peer.join());
            let registered = peer.request(r#"[64,1,{},"com.example.again"]"#);
            assert!(
                registered.starts_with("[65,1,"),
                "{registered}: the earlier registration is gone"
            );
            let goodbye = peer.request(r#"[6,{},"wamp.close.close_realm"]"#);
            assert_eq!(goodbye, r#"[6,{},"wamp.close.goodbye_and_out"]"#, "over {transport:?}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "each session has its own id");
    }
}
