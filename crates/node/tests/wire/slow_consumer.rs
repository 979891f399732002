//! A subscriber that never reads, under each slow-consumer policy. It costs the router no more
//! memory than its queue, and does not affect other sessions.

use std::thread;
use std::time::Duration;

use crate::router::CLOVERLEAF;
use crate::support::process::resident_bytes;
use crate::support::{
    ClientStream, JSON, NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory, post_request,
    wait_for,
};

const EVENTS: usize = 100_000;

/// Payload bytes of each event. All events together take 400 MB.
const EVENT_BYTES: usize = 4_000;

/// Number of events that are published before the reader reads. The test has one thread; with
/// larger batches its reader would be a slow consumer, too.
const BATCH: usize = 1_000;

/// Bound of the memory growth in bytes: the queue of one stalled subscriber (64 MiB), the same
/// amount for encoded events, and the overhead of the allocator.
const MAX_GROWTH: u64 = 192 * 1024 * 1024;

const SUBSCRIBE: &str = r#"[32,1,{},"com.example.flood"]"#;

/// One role for each policy, and one socket for each role, with its name.
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
     "auth": {"anonymous": {"type": "static", "role": "cut"}}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "paths": {"lp": {"type": "longpoll"}}}]}]}"#;

/// A node with a watcher of the slow-consumer meta event, a publisher, a subscriber that reads, and
/// a stalled subscriber with the tested role.
struct Flood {
    node: NodeProcess,
    watcher: RawSocketPeer,
    publisher: RawSocketPeer,
    reader: RawSocketPeer,
    stalled: RawSocketPeer,
    before: u64,
    published: usize,
}

impl Flood {
    fn against(role: &str) -> Self {
        let node = NodeProcess::start_in(CLOVERLEAF, TempDirectory::new(), CONFIG);
        let mut stalled = join_at(&node, role);
        stalled.obtain_id(SUBSCRIBE);
        let mut reader = node.join();
        reader.obtain_id(SUBSCRIBE);
        let mut watcher = node.join();
        watcher.obtain_id(r#"[32,1,{},"cloverleaf.session.on_slow_consumer"]"#);
        let publisher = node.join();
        let before = resident_bytes(node.id());
        Self { node, watcher, publisher, reader, stalled, before, published: 0 }
    }

    /// Publishes a batch and asserts that the reader gets it in order.
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

    /// Fills the queue of the stalled subscriber, so that further publishers are blocked. Returns
    /// the sessions that published.
    fn fill(&mut self) -> Vec<RawSocketPeer> {
        let filling = "x".repeat(1 << 20);
        let publish = format!(r#"[16,1,{{"acknowledge":true}},"com.example.flood",["{filling}"]]"#);
        // The queue holds 64 of these events, and some more are already encoded.
        let publishers = (0..72).map(|_| {
            let publisher = published(&self.node, &publish);
            assert!(self.reader.receive().starts_with("[36,"));
            publisher
        });
        publishers.collect()
    }

    fn assert_bounded(&self) {
        let grown = resident_bytes(self.node.id()).saturating_sub(self.before);
        assert!(grown < MAX_GROWTH, "the router has grown by {grown} bytes");
    }

    fn assert_others_are_served(&mut self) {
        assert!(self.reader.request(r#"[32,2,{},"com.example.other"]"#).starts_with("[33,2,"));
        let request = self.published + 1;
        let subscribe = format!(r#"[32,{request},{{}},"com.example.other"]"#);
        assert!(self.publisher.request(&subscribe).starts_with(&format!("[33,{request},")));
    }
}

/// A session that has published this message and received PUBLISHED.
fn published(node: &NodeProcess, publish: &str) -> RawSocketPeer {
    let mut peer = node.join();
    assert!(peer.request(publish).starts_with("[17,1,"));
    peer
}

/// A session over the Unix socket `{name}.sock`.
fn join_at(node: &NodeProcess, name: &str) -> RawSocketPeer {
    let path = node.directory().path().join(format!("{name}.sock"));
    let mut peer = RawSocketPeer::open(ClientStream::unix(&path), JSON);
    peer.join();
    peer
}

#[test]
fn drop_events_policy_drops_events_of_a_stalled_subscriber_and_affects_no_other() {
    let mut flood = Flood::against("dropping");
    flood.publish_all();
    flood.assert_bounded();
    flood.assert_others_are_served();
    let event = flood.watcher.receive();
    assert!(event.contains(r#""authrole":"dropping""#), "{event}");
    assert!(flood.stalled.receive().contains("{},[0,"), "the first events wait in the queue");
}

#[test]
fn disconnect_policy_closes_a_stalled_subscriber_and_affects_no_other() {
    let mut flood = Flood::against("cut");
    flood.publish_all();
    flood.assert_bounded();
    flood.assert_others_are_served();
    let count = r#"[48,3,{},"wamp.session.count",[["cut"]]]"#;
    assert_eq!(flood.reader.request(count), "[50,3,{},[0]]");
}

#[test]
fn block_publisher_policy_pauses_the_publisher_until_the_subscriber_reads_and_loses_no_event() {
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
    assert!(!publishing.is_finished(), "the publisher is blocked");
    let grown = resident_bytes(node.id()).saturating_sub(before);
    assert!(grown < MAX_GROWTH, "the router has grown by {grown} bytes");
    // The router reads messages of other sessions.
    let mut other = node.join();
    let count = r#"[48,1,{},"wamp.session.count",[["blocking"]]]"#;
    assert_eq!(other.request(count), "[50,1,{},[1]]");
    for number in 0..EVENTS {
        let event = stalled.receive();
        assert!(event.contains(&format!("{{}},[{number},")), "event {number}");
    }
    publishing.join().expect("everything was sent");
}

#[test]
fn blocked_publishers_do_not_hold_their_messages_in_memory() {
    const WAITING: u64 = 20;
    const LENGTH: u64 = 8 << 20;
    let mut flood = Flood::against("blocking");
    let _publishers = flood.fill();
    let before = resident_bytes(flood.node.id());
    // The message is long, since it ends in spaces, but its event is short.
    let filling = " ".repeat(LENGTH as usize);
    let publish = format!(r#"[16,1,{{"acknowledge":true}},"com.example.flood"{filling}]"#);
    let _waiting: Vec<_> = (0..WAITING).map(|_| published(&flood.node, &publish)).collect();
    wait_for("less than a quarter of the messages in memory", || {
        let grown = resident_bytes(flood.node.id()).saturating_sub(before);
        (grown < WAITING * LENGTH / 4).then_some(())
    });
    let mut other = flood.node.join();
    let count = r#"[48,1,{},"wamp.session.count",[["blocking"]]]"#;
    assert_eq!(other.request(count), "[50,1,{},[1]]", "the publishers are still blocked");
}

#[test]
fn long_poll_session_sends_one_message_at_a_time() {
    let mut flood = Flood::against("blocking");
    let _publishers = flood.fill();
    flood.reader.obtain_id(r#"[32,2,{},"com.example.other"]"#);
    let mut session = flood.node.longpoll("wamp.2.json");
    session.join();
    let send = format!("{}/send", session.path());
    let mut first = flood.node.http();
    let publish = r#"[16,1,{"acknowledge":true},"com.example.flood"]"#;
    first.send(&post_request(&send, publish));
    assert!(session.receive().starts_with("[17,1,"), "the router has handled the publication");
    // The first request waits for the stalled subscriber, so the second must wait, too.
    let mut second = flood.node.http();
    second.send(&post_request(&send, r#"[16,2,{},"com.example.other"]"#));
    thread::sleep(Duration::from_secs(1));
    assert!(flood.reader.receive().starts_with("[36,"), "the first event");
    let answer = flood.reader.request(r#"[32,3,{},"com.example.third"]"#);
    assert!(answer.starts_with("[33,3,"), "the second event arrived too early: {answer}");
    drop(flood.stalled);
    assert_eq!((first.receive().status, second.receive().status), (204, 204));
    assert!(flood.reader.receive().starts_with("[36,"), "the second event");
}

#[test]
fn transport_policy_applies_where_the_role_has_none_and_goodbye_names_the_reason() {
    // The first number of events fills the queue. The second covers events that left the queue and
    // that the peer has not read.
    let (events, more, filling) = (1_024, 16, "x".repeat(64 * 1024));
    let polite = CONFIG.replace(
        r#"{"name": "realm1", "roles""#,
        r#"{"name": "realm1", "options": {"shutdown_goodbye": true}, "roles""#,
    );
    for (transport, config) in
        [("cutting", CONFIG), ("overruled", CONFIG), ("cutting", polite.as_str())]
    {
        let node = NodeProcess::start_in(CLOVERLEAF, TempDirectory::new(), config);
        let mut stalled = join_at(&node, transport);
        stalled.obtain_id(SUBSCRIBE);
        let mut publisher = node.join();
        for number in 1..=events + more {
            let options = r#"{"acknowledge":true}"#;
            let publish = format!(r#"[16,{number},{options},"com.example.flood",["{filling}"]]"#);
            assert!(publisher.request(&publish).starts_with(&format!("[17,{number},")));
        }
        if config == CONFIG {
            // Clients should reconnect, and some don't after a GOODBYE.
            let octets = stalled.stream.receive_to_end();
            assert!(!octets.escape_ascii().to_string().contains("wamp.close"), "{transport}");
            continue;
        }
        let mut message = stalled.receive();
        while message.contains(&filling) {
            message = stalled.receive();
        }
        assert_eq!(message, r#"[6,{},"wamp.close.slow_consumer"]"#, "{transport}");
        stalled.receive_end();
    }
}
