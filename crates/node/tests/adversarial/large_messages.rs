//! Calls with large arguments, and calls with expensive answers.

use serde_json::json;

use crate::attacked_node::{config, pipeline, start, start_default};
use crate::latency_probe::LatencyProbe;
use crate::support::RawPeer as _;

/// Number of stored events, and the length of the eligible list of each.
const EVENTS: u64 = 100;
const ELIGIBLE: usize = 2_000;

#[test]
fn reading_history_with_long_eligible_lists_does_not_block_other_realms() {
    let mut config = config(&json!({}));
    config["workers"][0]["realms"][0]["store"] = json!({"type": "memory", "event-history":
        [{"uri": "com.example.", "match": "prefix", "limit": 1000}]});
    let node = start(&config);
    let mut publisher = node.join();
    let eligible: Vec<String> = (0..ELIGIBLE).map(|number| format!("user{number}")).collect();
    let options = json!({"acknowledge": true, "eligible_authid": eligible});
    for request in 1..=EVENTS {
        let publish = format!(r#"[16,{request},{options},"com.example.a",[{request}]]"#);
        assert!(publisher.request(&publish).starts_with("[17,"));
    }
    let mut reader = node.join();
    let id = reader.obtain_id(r#"[32,1,{"match":"prefix"},"com.example."]"#);
    LatencyProbe::new(&node).assert_unblocked(|| {
        let calls = 2..=300;
        let reads = calls
            .clone()
            .map(|request| format!(r#"[48,{request},{{}},"wamp.subscription.get_events",[{id}]]"#));
        pipeline(&mut reader, reads);
        for _ in calls {
            // The reader is not eligible for any event.
            let answer = reader.receive_json();
            assert_eq!((&answer[0], &answer[3]), (&50.into(), &json!([])));
        }
    });
}

/// Payload bytes of a message just below the size limit.
const LARGE: usize = 15 * 1024 * 1024;

#[test]
fn two_messages_near_the_size_limit_reach_one_callee() {
    let node = start_default();
    let mut callee = node.join();
    callee.obtain_id(r#"[64,1,{},"com.example.large"]"#);
    let filling = "x".repeat(LARGE);
    let mut callers = [node.join(), node.join()];
    for caller in &mut callers {
        caller.send(&format!(r#"[48,1,{{}},"com.example.large",["{filling}"]]"#));
    }
    for request in 1..=2 {
        let invocation = callee.receive_json();
        assert_eq!((&invocation[0], &invocation[1]), (&68.into(), &request.into()));
        assert_eq!(invocation[4][0].as_str().map(str::len), Some(LARGE));
        callee.send(&format!("[70,{request},{{}},[{request}]]"));
    }
    for caller in &mut callers {
        assert!(caller.receive().starts_with("[50,1,{},["));
    }
}
