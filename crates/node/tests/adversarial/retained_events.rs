//! Retained events of thousands of topics.

use serde_json::json;

use crate::attacked_node::{config, pipeline, start};
use crate::latency_probe::LatencyProbe;
use crate::support::{RawPeer as _, RawSocketPeer};

/// Publishes one retained event of this many bytes to each topic.
fn retain(publisher: &mut RawSocketPeer, topics: u64, bytes: usize) {
    let filling = "x".repeat(bytes);
    for first in (1..=topics).step_by(500) {
        let requests = first..=(first + 499).min(topics);
        let publications = requests.clone().map(|request| {
            let options = r#"{"retain":true,"acknowledge":true}"#;
            format!(r#"[16,{request},{options},"com.example.t{request}",[{request},"{filling}"]]"#)
        });
        pipeline(publisher, publications);
        for request in requests {
            let answer = publisher.receive_json();
            assert_eq!((&answer[0], &answer[1]), (&17.into(), &request.into()));
        }
    }
}

#[test]
fn subscribing_to_thousands_of_retained_events_does_not_block_other_realms() {
    let node = start(&config(&json!({})));
    let topics = 5_000;
    retain(&mut node.join(), topics, 10);
    let mut attacker = node.join();
    let prefixes = ["c", "co", "com", "com.", "com.e", "com.ex", "com.exa", "com.exam"];
    let attack = prefixes.iter().zip(1..).map(|(prefix, request)| {
        format!(r#"[32,{request},{{"match":"prefix","get_retained":true}},"{prefix}"]"#)
    });
    LatencyProbe::new(&node).assert_unblocked(|| {
        pipeline(&mut attacker, attack);
        let mut subscribed = 0;
        let mut events = 0;
        while events < prefixes.len() as u64 * topics {
            let message = attacker.receive_json();
            match message[0].as_u64() {
                Some(33) => subscribed += 1,
                Some(36) => events += 1,
                _ => panic!("{message}"),
            }
        }
        assert_eq!(subscribed, prefixes.len());
    });
}

/// Number and bytes of the events: more than a queue holds. The router can send the rest only as
/// the subscriber reads.
const TOPICS: u64 = 10_001;
const BYTES: usize = 10_000;

#[test]
fn each_retained_event_arrives_once_and_before_later_events_of_its_topic() {
    let options = json!({"retained": {"max_events": 100_000, "max_bytes": 1_u64 << 30}});
    let node = start(&config(&options));
    let mut publisher = node.join();
    retain(&mut publisher, TOPICS, BYTES);
    let mut subscriber = node.join();
    subscriber.obtain_id(r#"[32,1,{"match":"prefix","get_retained":true},"com.example."]"#);
    // A later event of a topic whose retained event has not arrived yet.
    let request = TOPICS + 1;
    let later =
        format!(r#"[16,{request},{{"acknowledge":true}},"com.example.t{TOPICS}",["later"]]"#);
    assert!(publisher.request(&later).starts_with("[17,"));
    let mut numbers = Vec::new();
    let mut has_later = false;
    while numbers.len() < TOPICS as usize || !has_later {
        let event = subscriber.receive_json();
        if event[4][0] == "later" {
            assert_eq!(numbers.iter().filter(|number| **number == TOPICS).count(), 1);
            has_later = true;
        } else {
            numbers.push(event[4][0].as_u64().expect("a number"));
        }
    }
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=TOPICS), "each event arrives once");
}
