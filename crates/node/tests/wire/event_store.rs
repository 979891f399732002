//! Stored events survive the process, however it ends.

use crate::router::CLOVERLEAF;
use crate::support::process::send_signal;
use crate::support::{NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory};

const EVENTS: usize = 2_000;

/// Number of publications in flight before the test reads the first acknowledgement.
const IN_FLIGHT: usize = 50;

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "options": {"compatibility": "wamp"},
    "store": {"type": "redb", "path": "kept", "event-history":
      [{"uri": "com.example.kept.", "match": "prefix", "limit": 5000}]},
    "roles": [{"name": "anonymous", "permissions": [{"uri": "*", "allow":
      {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]}]}"#;

fn start(directory: TempDirectory) -> (NodeProcess, RawSocketPeer) {
    let node = NodeProcess::start_in(CLOVERLEAF, directory, CONFIG);
    let peer = node.join();
    (node, peer)
}

fn publish(peer: &mut RawSocketPeer, number: usize) {
    let request = number + 1;
    peer.send(&format!(r#"[16,{request},{{"acknowledge":true}},"com.example.kept.a",[{number}]]"#));
}

/// The stored events, as the router returns them.
fn kept(peer: &mut RawSocketPeer, request: usize) -> Vec<serde_json::Value> {
    let lookup = format!(
        r#"[48,{request},{{}},"wamp.subscription.lookup",["com.example.kept.",{{"match":"prefix"}}]]"#
    );
    let answer = peer.request_json(&lookup);
    let id = answer[3][0].as_u64().expect("the subscription is there without a subscriber");
    let request = request + 1;
    let answer =
        peer.request_json(&format!(r#"[48,{request},{{}},"wamp.subscription.get_events",[{id}]]"#));
    answer[3].as_array().unwrap_or_else(|| panic!("events, not {answer}")).clone()
}

#[test]
fn acknowledged_events_survive_sigkill() {
    let (node, mut peer) = start(TempDirectory::new());
    let mut acknowledged = Vec::new();
    for number in 0..EVENTS + IN_FLIGHT {
        if number < EVENTS {
            publish(&mut peer, number);
        }
        if number >= IN_FLIGHT {
            let answer = peer.receive_json();
            assert_eq!((&answer[0], &answer[1]), (&17.into(), &(number - IN_FLIGHT + 1).into()));
            acknowledged.push(answer[2].clone());
        }
    }
    send_signal("KILL", node.id().into());
    let (node, mut peer) = start(node.into_directory());
    let events = kept(&mut peer, 1);
    let publications: Vec<_> = events.iter().map(|event| event["publication"].clone()).collect();
    assert_eq!(publications, acknowledged);
    assert_eq!(events[7]["args"], serde_json::json!([7]));
    assert_eq!(events[7]["topic"], "com.example.kept.a");
    // The history continues after the restart.
    publish(&mut peer, EVENTS);
    assert!(peer.receive().starts_with(&format!("[17,{},", EVENTS + 1)));
    assert_eq!(kept(&mut peer, EVENTS + 2).len(), EVENTS + 1);
    drop(node);
}

#[test]
fn events_published_before_a_graceful_shutdown_are_stored() {
    let (node, mut peer) = start(TempDirectory::new());
    for number in 0..100 {
        let request = number + 1;
        peer.send(&format!(r#"[16,{request},{{}},"com.example.kept.b",[{number}]]"#));
    }
    assert_eq!(kept(&mut peer, 101).len(), 100);
    send_signal("TERM", node.id().into());
    node.wait_for_line("shut down");
    let (_node, mut peer) = start(node.into_directory());
    assert_eq!(kept(&mut peer, 1).len(), 100);
}

#[test]
fn invalid_store_file_prevents_the_start_and_is_named() {
    let directory = TempDirectory::new();
    directory.write("kept/events.redb", "this text is no event store, although it is rather long");
    let config = directory.write("config.json", CONFIG).display().to_string();
    let args = ["start", "--config", &config];
    let outcome = crate::support::run(CLOVERLEAF, &directory, &args);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.contains("kept/events.redb can't be used"), "{}", outcome.stderr);
}
