//! The event store with many large events, and after a restart.

use std::fs;

use serde_json::{Value, json};

use crate::attacked_node::{config, start_in};
use crate::memory_growth::{MIB, MemoryGrowth};
use crate::support::{NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory};

/// Number of acknowledged events, the bytes of each, and the bytes that the store keeps.
const EVENTS: u64 = 120;
const BYTES: usize = 1024 * 1024;
const KEPT_BYTES: u64 = 12 * MIB;

/// Byte limit of the store's cache. Reading takes some more memory.
const CACHE_BYTES: u64 = 2 * MIB;

fn store() -> Value {
    let mut config = config(&json!({}));
    config["workers"][0]["realms"][0]["store"] = json!({
        "type": "redb", "path": "events", "cache_bytes": CACHE_BYTES,
        "event-history": [{"uri": "com.example.", "match": "prefix", "limit": 100_000,
                           "max_bytes": KEPT_BYTES}],
    });
    config
}

fn bytes_on_disk(directory: &TempDirectory) -> u64 {
    let path = directory.path().join("events");
    match fs::read_dir(&path) {
        Ok(files) => files.map(|file| file.expect("a file").metadata().expect("one").len()).sum(),
        Err(_) => fs::metadata(&path).expect("a file").len(),
    }
}

/// The numbers of the stored events, read in pages.
fn stored(peer: &mut RawSocketPeer, id: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut after = Value::Null;
    loop {
        let position = match &after {
            Value::Null => String::new(),
            after => format!(r#","after_publication":{after}"#),
        };
        peer.send(&format!(
            r#"[48,1,{{}},"wamp.subscription.get_events",[{id}],{{"limit":4{position}}}]"#
        ));
        let answer = peer.receive_json();
        let Some(events) = answer[3].as_array().filter(|events| !events.is_empty()) else {
            assert_eq!(answer[0], 50, "{answer}");
            return numbers;
        };
        for event in events {
            assert_eq!(event["args"][1].as_str().map(str::len), Some(BYTES));
            numbers.push(event["args"][0].as_u64().expect("a number"));
            after = event["publication"].clone();
        }
    }
}

fn subscribe(node: &NodeProcess) -> (RawSocketPeer, u64) {
    let mut peer = node.join();
    let id = peer.obtain_id(r#"[32,1,{"match":"prefix"},"com.example."]"#);
    (peer, id)
}

#[test]
fn store_keeps_the_latest_events_within_its_byte_limit_and_reads_them_on_demand() {
    let node = start_in(TempDirectory::new(), &store());
    let growth = MemoryGrowth::since_now(&node);
    let mut publisher = node.join();
    let filling = "x".repeat(BYTES);
    for request in 1..=EVENTS {
        let options = r#"{"acknowledge":true}"#;
        let publish =
            format!(r#"[16,{request},{options},"com.example.a",[{request},"{filling}"]]"#);
        assert!(publisher.request(&publish).starts_with(&format!("[17,{request},")));
    }
    growth.assert_below(48 * MIB);
    assert!(bytes_on_disk(node.directory()) < 4 * KEPT_BYTES);
    let (mut reader, id) = subscribe(&node);
    let before = stored(&mut reader, id);
    let kept = before.len() as u64;
    assert!((KEPT_BYTES / MIB - 2..=KEPT_BYTES / MIB).contains(&kept), "{before:?}");
    assert!(before.iter().copied().eq(EVENTS + 1 - kept..=EVENTS), "{before:?}");

    node.signal("KILL");
    let node = start_in(node.into_directory(), &store());
    let growth = MemoryGrowth::since_now(&node);
    let (mut reader, id) = subscribe(&node);
    growth.assert_below(16 * MIB);
    assert_eq!(stored(&mut reader, id), before);
    growth.assert_below(48 * MIB);
}
