//! Calls of meta procedures whose answers are expensive.

use std::thread;

use serde_json::json;

use crate::attacked_node::{pipeline, start_default};
use crate::latency_probe::LatencyProbe;
use crate::support::{RawPeer as _, post_request};

/// Number of sessions that the router compares with a list of roles.
const SESSIONS: usize = 400;

/// Number of subscriptions that the router lists.
const SUBSCRIPTIONS: u64 = 20_000;

#[test]
fn long_role_lists_in_session_queries_do_not_block_other_realms() {
    let node = start_default();
    let _sessions: Vec<_> = (0..SESSIONS).map(|_| node.join()).collect();
    let mut attacker = node.join();
    let mut http = node.http();
    let long_list: Vec<String> = (0..200_000).map(|number| format!("role{number}")).collect();
    let long_list = json!([long_list]).to_string();
    let medium_list: Vec<String> = (0..1_000).map(|number| format!("role{number}")).collect();
    let medium_list = json!([medium_list]).to_string();
    LatencyProbe::new(&node).assert_unblocked(|| {
        for (request, procedure) in ["count", "list"].iter().enumerate() {
            let call =
                format!(r#"[48,{},{{}},"wamp.session.{procedure}",{long_list}]"#, request + 1);
            let answer = attacker.request_json(&call);
            assert_eq!(answer[4], "wamp.error.payload_size_exceeded");
        }
        let call = format!(r#"{{"procedure":"wamp.session.count","args":{long_list}}}"#);
        let answer = http.request(&post_request("/call", &call)).text();
        assert!(answer.contains("wamp.error.payload_size_exceeded"), "{answer}");

        let calls = 3..303;
        let lists = calls
            .clone()
            .map(|request| format!(r#"[48,{request},{{}},"wamp.session.list",{medium_list}]"#));
        pipeline(&mut attacker, lists);
        for request in calls {
            let answer = attacker.receive_json();
            assert_eq!(answer, json!([50, request, {}, [[]]]));
        }
    });
}

#[test]
fn listing_many_subscriptions_does_not_block_other_realms() {
    let node = start_default();
    let mut subscriber = node.join();
    pipeline(
        &mut subscriber,
        (1..=SUBSCRIPTIONS).map(|number| format!(r#"[32,{number},{{}},"com.example.t{number}"]"#)),
    );
    for _ in 0..SUBSCRIPTIONS {
        assert_eq!(subscriber.receive_json()[0], 33);
    }
    let mut attacker = node.join();
    LatencyProbe::new(&node).assert_unblocked(|| {
        let calls = 1..=100;
        let mut other = node.join();
        thread::scope(|scope| {
            scope.spawn(|| {
                let lists = calls
                    .clone()
                    .map(|request| format!(r#"[48,{request},{{}},"wamp.subscription.list"]"#));
                pipeline(&mut attacker, lists);
                for _ in calls {
                    let answer = attacker.receive_json();
                    assert_eq!(answer[0], 50);
                    let exact = answer[3][0]["exact"].as_array().expect("a list");
                    assert_eq!(exact.len() as u64, SUBSCRIPTIONS);
                }
            });
            // The router answers other sessions of the realm meanwhile.
            assert!(other.request(r#"[48,1,{},"wamp.session.count"]"#).starts_with("[50,1,"));
        });
    });
}
