//! The event store when the disk is full, and with damaged records in its file.

use std::fs;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::router::CLOVERLEAF;
use crate::support::{NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory, wait_for};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
    "store": {"type": "redb", "path": "events.redb", "event-history":
      [{"uri": "com.example.", "match": "prefix", "limit": 5000}]},
    "roles": [{"name": "anonymous", "permissions": [{"uri": "*", "allow":
      {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#;

const FILE: &str = "events.redb";

fn start(directory: TempDirectory) -> NodeProcess {
    NodeProcess::start_in(CLOVERLEAF, directory, CONFIG)
}

/// Publishes an event with this number and returns the answer.
fn publish(peer: &mut RawSocketPeer, number: u64, text: &str) -> Value {
    let request = number + 1;
    let options = r#"{"acknowledge":true}"#;
    let publish = format!(r#"[16,{request},{options},"com.example.a",[{number},"{text}"]]"#);
    peer.request_json(&publish)
}

/// A subscriber of all events, and the id of its subscription.
fn subscribe(node: &NodeProcess) -> (RawSocketPeer, u64) {
    let mut peer = node.join();
    let id = peer.obtain_id(r#"[32,1,{"match":"prefix"},"com.example."]"#);
    (peer, id)
}

/// The numbers of the stored events.
fn stored(peer: &mut RawSocketPeer, id: u64) -> Vec<u64> {
    peer.send(&format!(r#"[48,2,{{}},"wamp.subscription.get_events",[{id}]]"#));
    let answer = peer.receive_json();
    let events = answer[3].as_array().unwrap_or_else(|| panic!("events, not {answer}"));
    events.iter().map(|event| event["args"][0].as_u64().expect("a number")).collect()
}

/// Limits the size of files that a node may write, in bytes.
fn limit_files(node: &NodeProcess, bytes: Option<u64>) {
    let process = i32::try_from(node.id()).ok().and_then(Pid::from_raw);
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(process, Resource::Fsize, limit).expect("a limit");
}

#[test]
fn store_recovers_when_the_disk_has_space_again() {
    let node = start(TempDirectory::new());
    let mut publisher = node.join();
    let (mut subscriber, id) = subscribe(&node);
    assert_eq!(publish(&mut publisher, 0, "")[0], 17);
    let file = node.directory().path().join(FILE);
    limit_files(&node, Some(fs::metadata(&file).expect("a file").len()));
    let text = "x".repeat(200_000);
    let mut number = 0;
    let refusal = loop {
        number += 1;
        let answer = publish(&mut publisher, number, &text);
        if answer[0] != 17 {
            break answer;
        }
    };
    assert_eq!((&refusal[0], &refusal[4]), (&8.into(), &"wamp.error.unavailable".into()));
    let text_of_refusal = refusal.to_string();
    assert!(
        !text_of_refusal.contains("redb") && !text_of_refusal.contains("os error"),
        "{text_of_refusal}"
    );
    node.wait_for_line("event store stopped");
    // While the store is stopped, its events are refused at once, and other topics work.
    assert_eq!(publish(&mut publisher, number + 1, "refused")[0], 8);
    assert!(
        publisher.request(r#"[16,0,{"acknowledge":true},"com.other",[]]"#).starts_with("[17,0,")
    );

    limit_files(&node, None);
    node.wait_for_line("event store works again");
    let last = number + 2;
    wait_for("an acknowledgement", || {
        (publish(&mut publisher, last, "stored")[0] == 17).then_some(())
    });
    let acknowledged: Vec<u64> = (0..number).chain([last]).collect();
    for number in &acknowledged {
        assert_eq!(subscriber.receive_json()[4][0], *number);
    }
    assert_eq!(stored(&mut subscriber, id), acknowledged);
    assert_eq!(node.lines_with("event store stopped").len(), 1);
}

const EVENTS: u64 = 20;

#[test]
fn damaged_events_are_logged_and_the_others_are_read() {
    let node = start(TempDirectory::new());
    let mut publisher = node.join();
    for number in 0..EVENTS {
        let text = format!("marker-{number:04}").repeat(100);
        assert_eq!(publish(&mut publisher, number, &text)[0], 17);
    }
    let mut node = node;
    assert_eq!(node.stop("TERM"), Some(0));
    let directory = node.into_directory();
    let path = directory.path().join(FILE);
    let mut octets = fs::read(&path).expect("a file");
    let damaged = [3, 11];
    for number in damaged {
        let marker = format!("marker-{number:04}marker");
        let indexes = octets.windows(marker.len()).enumerate();
        let indexes: Vec<_> =
            indexes.filter(|(_, found)| *found == marker.as_bytes()).map(|(at, _)| at).collect();
        assert!(!indexes.is_empty());
        for index in indexes {
            octets[index] ^= 4;
        }
    }
    fs::write(&path, octets).expect("a file");

    let node = start(directory);
    let count = node.wait_for_line("event store damaged");
    assert!(count.contains("damaged=2"), "{count}");
    let lines = node.lines_with("stored event damaged");
    assert_eq!(lines.len(), damaged.len(), "{lines:?}");
    let (mut reader, id) = subscribe(&node);
    let whole: Vec<u64> = (0..EVENTS).filter(|number| !damaged.contains(number)).collect();
    assert_eq!(stored(&mut reader, id), whole);
}
