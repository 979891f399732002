//! Ordering guarantees in a node of two threads while several peers send at once: the events of
//! each publisher at each subscriber, the calls of each caller at each callee, and acknowledgements
//! before the messages that they allow.
//!
//! Spec: basic profile "Ordering Guarantees"; `docs/decisions/traps.md#f6`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::router::CLOVERLEAF;
use crate::support::{JSON, NodeProcess, RawPeer, RawSocketPeer};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [{"uri": "*",
    "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}]}]}],
  "transports": [
    {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}},
    {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
    {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
     "paths": {"ws": {"type": "websocket"}}}]}]}"#;

/// Connections on the first thread after which both threads get new connections in turn (`AHEAD` in
/// `transport/src/connections.rs`).
const IDLE_CONNECTIONS: usize = 64;

/// Number of publishers or callers, over each transport in turn.
const SENDERS: u64 = 4;

const TOPICS: [&str; 3] = ["com.example.a", "com.example.b", "com.example.c.d"];

type BoxedPeer = Box<dyn RawPeer + Send>;

/// A node of two threads with idle connections on the first.
struct TwoThreadNode {
    node: NodeProcess,
    _idle: Vec<RawSocketPeer>,
}

impl TwoThreadNode {
    fn new() -> Self {
        let node = NodeProcess::start_with(CLOVERLEAF, CONFIG, &["--threads", "2"]);
        let idle = (0..IDLE_CONNECTIONS).map(|_| node.rawsocket(JSON)).collect();
        Self { node, _idle: idle }
    }

    /// A session over one of three transports, chosen by `turn`.
    fn join(&self, turn: u64) -> BoxedPeer {
        let mut peer: BoxedPeer = match turn % 3 {
            0 => Box::new(RawSocketPeer::open(self.node.tcp(), JSON)),
            1 => Box::new(self.node.rawsocket(JSON)),
            _ => Box::new(self.node.websocket("wamp.2.json")),
        };
        peer.join();
        peer
    }
}

/// Sets the flag on drop, also when a test fails, so that the threads stop.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The first two arguments: the number of the sender, and the number of the message.
fn sender_and_number(arguments: &Value) -> (u64, u64) {
    (number(&arguments[0]), number(&arguments[1]))
}

#[test]
fn events_of_each_publisher_arrive_in_order_across_topics() {
    const EVENTS: u64 = 400;
    let node = TwoThreadNode::new();
    // Subscriptions to each topic, to a pattern, and to both. The third subscriber gets each event
    // twice.
    let exact: Vec<Value> = TOPICS.map(|topic| json!([{}, topic])).to_vec();
    let pattern = vec![json!([{"match": "prefix"}, "com.example."])];
    let both = [exact.clone(), pattern.clone()].concat();
    let subscribers: Vec<_> = (0..)
        .zip([exact, pattern.clone(), both])
        .map(|(turn, subscriptions)| {
            let mut peer = node.join(turn);
            let ids = (1..).zip(&subscriptions).map(|(request, subscription)| {
                peer.send(&json!([32, request, subscription[0], subscription[1]]).to_string());
                number(&peer.receive_json()[2])
            });
            let ids: Vec<u64> = ids.collect();
            let has_pattern = subscriptions.last() == pattern.last();
            (peer, ids, has_pattern)
        })
        .collect();
    thread::scope(|scope| {
        for publisher in 0..SENDERS {
            let mut peer = node.join(publisher);
            scope.spawn(move || {
                for event in 1..=EVENTS {
                    let topic = TOPICS[event as usize % TOPICS.len()];
                    let arguments = [publisher, event];
                    peer.send(&json!([16, event, {}, topic, arguments]).to_string());
                }
                // GOODBYE is the last message: its answer shows that the router has handled all
                // events.
                peer.send(r#"[6,{},"wamp.close.close_realm"]"#);
                assert_eq!(peer.receive_json()[0], 6);
            });
        }
        for (mut peer, ids, has_pattern) in subscribers {
            scope.spawn(move || {
                // The subscription to the pattern is the last one, and may be the only one.
                let is_pattern = |id: u64| has_pattern && ids.last() == Some(&id);
                let times = if has_pattern && ids.len() > 1 { 2 } else { 1 };
                // The numbers of the events, by kind of subscription and publisher.
                let mut received: BTreeMap<(bool, u64), Vec<u64>> = BTreeMap::new();
                for _ in 0..times * SENDERS * EVENTS {
                    let event = peer.receive_json();
                    assert_eq!(event[0], 36, "{event}");
                    let by_pattern = is_pattern(number(&event[1]));
                    let (publisher, event) = sender_and_number(&event[4]);
                    received.entry((by_pattern, publisher)).or_default().push(event);
                }
                assert_eq!(received.len() as u64, times * SENDERS);
                for (from, numbers) in received {
                    assert_eq!(numbers, Vec::from_iter(1..=EVENTS), "{from:?}");
                }
            });
        }
    });
}

#[test]
fn events_arrive_in_order_and_only_between_subscribed_and_unsubscribed() {
    const ROUNDS: u64 = 60;
    let node = TwoThreadNode::new();
    let should_stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for publisher in 0..SENDERS {
            let (mut peer, should_stop) = (node.join(publisher), &should_stop);
            scope.spawn(move || {
                for event in 1.. {
                    let publish =
                        json!([16, event, {"acknowledge": true}, TOPICS[0], [publisher, event]]);
                    peer.send(&publish.to_string());
                    assert_eq!(peer.receive_json()[0], 17);
                    if should_stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let _stop = StopOnDrop(&should_stop);
        let mut subscribers: Vec<_> = (0..3).map(|turn| node.join(turn)).collect();
        for peer in &mut subscribers {
            let mut last = BTreeMap::new();
            for round in 1..=ROUNDS {
                peer.send(&json!([32, 2 * round - 1, {}, TOPICS[0]]).to_string());
                // No event arrives between UNSUBSCRIBED and SUBSCRIBED.
                let subscribed = peer.receive_json();
                assert_eq!((&subscribed[0], &subscribed[1]), (&json!(33), &json!(2 * round - 1)));
                let subscription = &subscribed[2];
                let mut check = |event: &Value| {
                    assert_eq!((&event[0], &event[1]), (&json!(36), subscription), "{event}");
                    let (publisher, number) = sender_and_number(&event[4]);
                    let before = last.insert(publisher, number).unwrap_or(0);
                    assert!(before < number, "{number} of {publisher} arrived after {before}");
                };
                check(&peer.receive_json());
                peer.send(&json!([34, 2 * round, subscription]).to_string());
                loop {
                    let next = peer.receive_json();
                    if next[0] == 35 {
                        break;
                    }
                    check(&next);
                }
            }
        }
    });
}

#[test]
fn calls_of_each_caller_arrive_in_order_while_registered_and_end_once() {
    const CALLS: u64 = 1_000;
    /// Number of calls in flight.
    const IN_FLIGHT: u64 = 20;
    let node = TwoThreadNode::new();
    let mut callee = node.join(1);
    // One registration stays, and the other comes and goes.
    let [permanent, temporary] = ["com.example.permanent", "com.example.temporary"];
    let permanent_id = callee.obtain_id(&json!([64, 1, {}, permanent]).to_string());
    let answered = thread::scope(|scope| {
        let callers: Vec<_> = (0..SENDERS)
            .map(|caller| {
                let mut peer = node.join(caller);
                scope.spawn(move || {
                    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
                    for call in 1..=CALLS + IN_FLIGHT {
                        if call <= CALLS {
                            let procedure = if call % 2 == 0 { permanent } else { temporary };
                            peer.send(
                                &json!([48, call, {}, procedure, [caller, call]]).to_string(),
                            );
                        }
                        if call > IN_FLIGHT {
                            let end = peer.receive_json();
                            let request = match end[0].as_u64() {
                                // The callee returns the arguments of the call.
                                Some(50) => {
                                    assert_eq!(
                                        sender_and_number(&end[3]),
                                        (caller, number(&end[1]))
                                    );
                                    number(&end[1])
                                }
                                _ => {
                                    assert_eq!(
                                        (&end[0], &end[1]),
                                        (&json!(8), &json!(48)),
                                        "{end}"
                                    );
                                    assert_eq!(end[4], "wamp.error.no_such_procedure", "{end}");
                                    number(&end[2])
                                }
                            };
                            *ends.entry(request).or_default() += 1;
                        }
                    }
                    peer.send(r#"[6,{},"wamp.close.close_realm"]"#);
                    assert_eq!(peer.receive_json()[0], 6, "every call ends exactly once");
                    assert_eq!(ends, (1..=CALLS).map(|call| (call, 1)).collect::<BTreeMap<_, _>>());
                })
            })
            .collect();
        let mut last = BTreeMap::new();
        let mut invoked = 0;
        let mut request = 1;
        while !callers.iter().all(thread::ScopedJoinHandle::is_finished) {
            request += 1;
            callee.send(&json!([64, request, {}, temporary]).to_string());
            let mut registered = None;
            loop {
                let invocation = callee.receive_json();
                if invocation[0] == 65 {
                    registered = Some(number(&invocation[2]));
                    request += 1;
                    callee.send(&json!([66, request, registered]).to_string());
                    continue;
                }
                if invocation[0] == 67 {
                    break;
                }
                // No invocation comes before REGISTERED or after UNREGISTERED.
                let registration = Some(number(&invocation[2]));
                assert!(
                    registration == Some(permanent_id) || registration == registered,
                    "{invocation}"
                );
                invoked += 1;
                let (caller, call) = sender_and_number(&invocation[4]);
                let before = last.insert(caller, call).unwrap_or(0);
                assert!(before < call, "call {call} of {caller} arrived after {before}");
                callee.send(&json!([70, invocation[1], {}, invocation[4]]).to_string());
            }
        }
        invoked
    });
    assert!(
        answered >= SENDERS * CALLS / 2,
        "{answered} calls reached the callee; the permanent registration gets half of all calls"
    );
}
