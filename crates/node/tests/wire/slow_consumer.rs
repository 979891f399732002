//! A subscriber that never reads: it costs the router no more than its queue, and nobody else
//! anything, whatever the policy for such peers is.

use std::thread;
use std::time::Duration;

use crate::lab::process::resident_bytes;
use crate::lab::{Directory, JSON, Node, Peer as _, RawSocket, Stream};
use crate::router::CLOVERLEAF;

const EVENTS: usize = 100_000;

/// What each event carries; all of them together would be 100 MB.
const EVENT_BYTES: usize = 1_000;

/// How many are published before the subscriber that reads has its turn: a test has one thread, and
/// would otherwise itself be too slow.
const BATCH: usize = 1_000;

/// What the router may grow by: the queue of one stalled subscriber (8 MiB) and as much again for
/// what lies encoded, in the allocator and in the queue of the one that reads.
const MAX_GROWTH: u64 = 40 * 1024 * 1024;

const SUBSCRIBE: &str = r#"[32,1,{},"com.example.flood"]"#;

/// One role for each policy, and for each role a socket of its name.
const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [
    {"name": "dropping", "permissions": [{"uri": "*", "allow": {"subscribe": true}}]},
    {"name": "cut", "slow_consumer": "disconnect",
     "permissions": [{"uri": "*", "allow": {"subscribe": true}}]},
    {"name": "blocking", "slow_consumer": "block-publisher",
     "permissions": [{"uri": "*", "allow": {"subscribe": true, "publish": true}}]},
    {"name": "anonymous", "permissions": [{"uri": "*", "allow":
      {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "dropping.sock"},
     "auth": {"anonymous": {"type": "static", "role": "dropping"}}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "cut.sock"},
     "auth": {"anonymous": {"type": "static", "role": "cut"}}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "blocking.sock"},
     "auth": {"anonymous": {"type": "static", "role": "blocking"}}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "cutting.sock"},
     "slow_consumer": "disconnect"},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "overruled.sock"},
     "slow_consumer": "block-publisher",
     "auth": {"anonymous": {"type": "static", "role": "cut"}}}]}]}"#;

/// A node, somebody who hears who is slow, a publisher, a subscriber that reads, and one that does
/// not and has the role.
struct Flood {
    node: Node,
    watcher: RawSocket,
    publisher: RawSocket,
    reader: RawSocket,
    stalled: RawSocket,
    before: u64,
    published: usize,
}

impl Flood {
    fn against(role: &str) -> Self {
        let node = Node::start_in(CLOVERLEAF, Directory::new(), CONFIG);
        let mut stalled = joined(&node, role);
        stalled.obtain(SUBSCRIBE);
        let mut reader = node.rawsocket(JSON);
        reader.join();
        reader.obtain(SUBSCRIBE);
        let mut watcher = node.rawsocket(JSON);
        watcher.join();
        watcher.obtain(r#"[32,1,{},"cloverleaf.session.on_slow_consumer"]"#);
        let mut publisher = node.rawsocket(JSON);
        publisher.join();
        let before = resident_bytes(node.id());
        Self { node, watcher, publisher, reader, stalled, before, published: 0 }
    }

    /// Publishes a batch, which the one that reads hears in order.
    fn publish_batch(&mut self) {
        let filling = "x".repeat(EVENT_BYTES);
        let numbers = self.published..self.published + BATCH;
        for number in numbers.clone() {
            let request = number + 1;
            self.publisher.send(&format!(
                r#"[16,{request},{{}},"com.example.flood",[{number},"{filling}"]]"#
            ));
        }
        for number in numbers {
            let event = self.reader.receive();
            let expected = format!(r#"{{}},[{number},"#);
            assert!(event.contains(&expected), "event {number} is {}", &event[..60]);
        }
        self.published += BATCH;
    }

    fn publish_all(&mut self) {
        while self.published < EVENTS {
            self.publish_batch();
        }
    }

    fn assert_bounded(&self) {
        let grown = resident_bytes(self.node.id()).saturating_sub(self.before);
        assert!(grown < MAX_GROWTH, "the router has grown by {grown} bytes");
    }

    fn assert_others_live(&mut self) {
        assert!(self.reader.ask(r#"[32,2,{},"com.example.other"]"#).starts_with("[33,2,"));
        let request = self.published + 1;
        let subscribe = format!(r#"[32,{request},{{}},"com.example.other"]"#);
        assert!(self.publisher.ask(&subscribe).starts_with(&format!("[33,{request},")));
    }
}

fn joined(node: &Node, role: &str) -> RawSocket {
    let path = node.directory().path().join(format!("{role}.sock"));
    let mut peer = RawSocket::open(Stream::unix(&path), JSON);
    peer.join();
    peer
}

#[test]
fn with_drop_events_a_subscriber_that_never_reads_misses_events_and_disturbs_nobody() {
    let mut flood = Flood::against("dropping");
    flood.publish_all();
    flood.assert_bounded();
    flood.assert_others_live();
    let told = flood.watcher.receive();
    assert!(told.contains(r#""authrole":"dropping""#), "{told}");
    assert!(flood.stalled.receive().contains("{},[0,"), "the first events wait in the queue");
}

#[test]
fn with_disconnect_a_subscriber_that_never_reads_is_cut_off_and_disturbs_nobody() {
    let mut flood = Flood::against("cut");
    flood.publish_all();
    flood.assert_bounded();
    flood.assert_others_live();
    let count = r#"[48,3,{},"wamp.session.count",[["cut"]]]"#;
    assert_eq!(flood.reader.ask(count), "[50,3,{},[0]]");
}

#[test]
fn with_block_publisher_the_publisher_waits_until_the_subscriber_reads_and_nothing_is_lost() {
    let Flood { node, mut publisher, mut stalled, before, .. } = Flood::against("blocking");
    let filling = "x".repeat(EVENT_BYTES);
    let publishing = thread::spawn(move || {
        for number in 0..EVENTS {
            let request = number + 1;
            publisher.send(&format!(
                r#"[16,{request},{{}},"com.example.flood",[{number},"{filling}"]]"#
            ));
        }
    });
    thread::sleep(Duration::from_secs(2));
    assert!(!publishing.is_finished(), "the publisher is not heard");
    let grown = resident_bytes(node.id()).saturating_sub(before);
    assert!(grown < MAX_GROWTH, "the router has grown by {grown} bytes");
    // Others are.
    let mut other = node.rawsocket(JSON);
    other.join();
    let count = r#"[48,1,{},"wamp.session.count",[["blocking"]]]"#;
    assert_eq!(other.ask(count), "[50,1,{},[1]]");
    for number in 0..EVENTS {
        let event = stalled.receive();
        assert!(event.contains(&format!("{{}},[{number},")), "event {number}");
    }
    publishing.join().expect("everything was sent");
}

#[test]
fn the_policy_of_a_transport_counts_where_the_role_has_none_and_the_end_says_why() {
    // So many fill its queue, and some more what was taken out of it but not read.
    let (events, more, filling) = (128, 16, "x".repeat(64 * 1024));
    for transport in ["cutting", "overruled"] {
        let node = Node::start_in(CLOVERLEAF, Directory::new(), CONFIG);
        let mut stalled = joined(&node, transport);
        stalled.obtain(SUBSCRIBE);
        let mut publisher = node.rawsocket(JSON);
        publisher.join();
        for number in 1..=events + more {
            let options = r#"{"acknowledge":true}"#;
            let publish = format!(r#"[16,{number},{options},"com.example.flood",["{filling}"]]"#);
            assert!(publisher.ask(&publish).starts_with(&format!("[17,{number},")));
        }
        let mut message = stalled.receive();
        while message.contains(&filling) {
            message = stalled.receive();
        }
        assert_eq!(message, r#"[6,{},"wamp.close.slow_consumer"]"#, "{transport}");
        stalled.receive_end();
    }
}
