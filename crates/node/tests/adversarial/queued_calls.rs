//! Large calls that the router keeps: while they are queued for a callee, while other results of an
//! "invoke all" call are missing, and for rerouting to another callee.

use serde_json::{Value, json};

use crate::attacked_node::{config, start, start_default};
use crate::memory_growth::{MIB, MemoryGrowth};
use crate::support::{HELLO, JSON, NodeProcess, RawPeer as _, RawSocketPeer};

/// Number of calls and the payload bytes of each: several times the bytes that the router keeps.
const CALLS: u64 = 160;
const BYTES: usize = 1024 * 1024;

/// Bound of the memory growth: twice the byte limit of one caller. The second half is for messages
/// in transit and for the allocator.
const MAX_GROWTH: u64 = 128 * MIB;

/// Sends one large call of `com.example.work` for each request id.
fn call(caller: &mut RawSocketPeer, requests: impl IntoIterator<Item = u64>) {
    let filling = "x".repeat(BYTES);
    for request in requests {
        caller.send(&format!(r#"[48,{request},{{}},"com.example.work",["{filling}"]]"#));
    }
}

/// A callee of `com.example.work` that announces `call_reroute`.
fn callee(node: &NodeProcess, options: &str) -> RawSocketPeer {
    let mut callee = node.rawsocket(JSON);
    let rerouting = r#""callee":{"features":{"call_reroute":true}}"#;
    let welcome = callee.request(&HELLO.replace(r#""callee":{}"#, rerouting));
    assert!(welcome.starts_with("[2,"), "{welcome}");
    callee.obtain_id(&format!(r#"[64,1,{options},"com.example.work"]"#));
    callee
}

#[test]
fn queued_calls_are_bounded_in_bytes_and_each_is_answered_once() {
    let mut config = config(&json!({}));
    config["workers"][0]["realms"][0]["store"] =
        json!({"type": "memory", "call-queue": [{"uri": "com.example.work", "limit": 1000}]});
    let node = start(&config);
    let mut callee = callee(&node, r#"{"concurrency":1}"#);
    let mut caller = node.join();
    let growth = MemoryGrowth::since_now(&node);
    call(&mut caller, 1..=CALLS);
    let last = CALLS + 1;
    caller.send(&format!(r#"[48,{last},{{}},"wamp.session.count"]"#));
    let mut refused = Vec::new();
    let mut message = caller.receive_json();
    while message[1] != last {
        assert_eq!(message[4], "crossbar.error.max_concurrency_reached");
        refused.push(message[2].clone());
        message = caller.receive_json();
    }
    growth.assert_below(MAX_GROWTH);
    let waiting = CALLS - refused.len() as u64;
    assert!((10..64).contains(&waiting), "{waiting} calls are taken");
    for request in 1..=waiting {
        let invocation = callee.receive_json()[1].clone();
        callee.send(&format!("[70,{invocation},{{}}]"));
        assert_eq!(caller.receive_json(), json!([50, request, {}]));
    }
}

#[test]
fn results_of_invoke_all_are_bounded_in_bytes_and_each_call_is_answered_once() {
    let node = start_default();
    let [mut fast, mut slow] = [(); 2].map(|()| callee(&node, r#"{"invoke":"all"}"#));
    let mut caller = node.join();
    let growth = MemoryGrowth::since_now(&node);
    let filling = "x".repeat(BYTES);
    let mut late = Vec::new();
    for request in 1..=CALLS {
        caller.send(&format!(r#"[48,{request},{{}},"com.example.work"]"#));
        let invocation = &fast.receive_json()[1];
        fast.send(&format!(r#"[70,{invocation},{{}},["{filling}"]]"#));
        late.push(slow.receive_json()[1].clone());
    }
    // The router has handled the last result.
    assert!(fast.request(r#"[48,1,{},"wamp.session.count"]"#).starts_with("[50,1,"));
    growth.assert_below(MAX_GROWTH);
    let mut complete = 0;
    for invocation in late {
        slow.send(&format!(r#"[70,{invocation},{{}}]"#));
        let result = caller.receive_json();
        assert_eq!(result[0], 50);
        let answers = &result[3][0];
        assert_eq!(answers.as_array().map(Vec::len), Some(2), "{}", result[3]);
        let refused = answers[0]["error"] == "wamp.error.payload_size_exceeded";
        let whole = answers[0]["args"][0].as_str().is_some_and(|text| text.len() == BYTES);
        assert!(refused || whole, "{}", answers[0]);
        complete += usize::from(whole);
    }
    assert!((10..64).contains(&complete), "{complete} answers are complete");
}

#[test]
fn calls_kept_for_rerouting_are_bounded_in_bytes_and_each_is_answered_once() {
    let node = start_default();
    let [mut first, mut second] = [(); 2].map(|()| callee(&node, r#"{"invoke":"first"}"#));
    let mut caller = node.join();
    let growth = MemoryGrowth::since_now(&node);
    let mut invocations: Vec<Value> = Vec::new();
    for request in 1..=CALLS {
        call(&mut caller, [request]);
        invocations.push(first.receive_json()[1].clone());
    }
    growth.assert_below(MAX_GROWTH);
    for invocation in &invocations {
        first.send(&format!(r#"[8,68,{invocation},{{}},"wamp.error.unavailable"]"#));
    }
    assert!(first.request(r#"[48,1,{},"wamp.session.count"]"#).starts_with("[50,1,"));
    second.send(r#"[48,1,{},"wamp.session.count"]"#);
    let mut rerouted = 0;
    let mut message = second.receive_json();
    while message[0] == 68 {
        rerouted += 1;
        second.send(&format!("[70,{},{{}}]", message[1]));
        message = second.receive_json();
    }
    assert!((10..=64).contains(&rerouted), "{rerouted} calls were sent to the other callee");
    let answers = (0..CALLS).map(|_| caller.receive_json());
    let results = answers.filter(|answer| match answer[0].as_u64() {
        Some(8) => {
            let uri = answer[4].as_str().expect("a URI");
            assert!(matches!(uri, "wamp.error.unavailable" | "wamp.error.no_available_callee"));
            false
        }
        kind => kind == Some(50),
    });
    assert_eq!(results.count(), rerouted);
}
