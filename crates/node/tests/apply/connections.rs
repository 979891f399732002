//! Connections are counted until they end, and are spread over threads.

use std::time::Duration;

use cloverleaf_client::Session;
use cloverleaf_client::net::Client;
use cloverleaf_node::Components;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clients::{Http, register_add};
use crate::fixture::{TestNode, any_port, caller, join, rawsocket, realm, web};

/// Connections of a test. Their clients are in the same process.
const COUNT: usize = 400;

/// A node with four threads: a RawSocket listener, a web listener and one behind a proxy.
async fn node() -> TestNode {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("the hard limit");
    let paths = json!({"call": caller("realm1"), "ws": {"type": "websocket"},
        "lp": {"type": "longpoll"}});
    let mut proxied = any_port(3);
    proxied["proxy_protocol"] = json!(true);
    let transports = [rawsocket(any_port(1)), web(any_port(2), paths), rawsocket(proxied)];
    let realms = [realm("realm1")];
    TestNode::start_with(&["--threads", "4"], Components::new(), &realms, &transports).await
}

/// Asserts that the connections are all there, and that no thread has more than half of them.
async fn assert_spread(node: &TestNode) {
    node.wait_for_connections(COUNT).await;
    let threads = node.node.connections().of_threads();
    assert_eq!(threads.len(), 4);
    assert!(threads.iter().all(|count| *count <= COUNT / 2), "{threads:?}");
}

/// Asserts that all connections are counted down.
async fn assert_none(node: &TestNode) {
    node.wait_for_connections(0).await;
    assert_eq!(node.node.connections().of_threads(), [0; 4]);
    let loopback = "127.0.0.1".parse().unwrap();
    assert_eq!(node.node.connections().of_address(loopback), 0);
}

/// Sessions through an address, joined one after the other.
async fn sessions(address: &str) -> Vec<Session> {
    let client = Client::new(address).expect("a valid address");
    let mut sessions = Vec::with_capacity(COUNT);
    for _ in 0..COUNT {
        sessions.push(join(client.clone(), "realm1").await);
    }
    sessions
}

/// Asserts that the sessions of all threads can call each other.
async fn assert_work(sessions: &[Session]) {
    register_add(&sessions[0]).await;
    for session in sessions {
        let sum = session.call("com.add").args((1, 2)).await.expect("a result");
        assert_eq!(sum.value::<u64>().expect("a number"), 3);
    }
}

#[tokio::test]
async fn websockets_are_spread_over_threads_and_counted_until_they_end() {
    let node = node().await;
    let sessions = sessions(&format!("ws://{}/ws", node.address(1))).await;
    assert_spread(&node).await;
    assert_work(&sessions).await;
    assert_spread(&node).await;
    for session in &sessions {
        session.leave().expect("an open session");
    }
    assert_none(&node).await;
}

#[tokio::test]
async fn rawsockets_are_spread_over_threads_and_counted_until_they_end() {
    let node = node().await;
    let sessions = sessions(&format!("tcp://{}", node.address(0))).await;
    assert_spread(&node).await;
    assert_work(&sessions).await;
    for session in &sessions {
        session.leave().expect("an open session");
    }
    assert_none(&node).await;
}

#[tokio::test]
async fn http_connections_are_spread_over_threads_and_counted_until_they_end() {
    let node = node().await;
    let mut connections = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let mut http = Http::connect(node.address(1)).await;
        // On the fast path, with hyper, and without a request.
        match number % 3 {
            0 => assert_eq!(http.call("wamp.session.count", json!([])).await.0, 200),
            1 => assert_eq!(http.get("/none").await.0, 404),
            _ => {}
        }
        connections.push(http);
    }
    assert_spread(&node).await;
    drop(connections);
    assert_none(&node).await;
}

#[tokio::test]
async fn long_poll_connections_are_counted_until_they_end() {
    let node = node().await;
    let mut connections = Vec::with_capacity(COUNT);
    for number in 0..COUNT {
        let mut http = Http::connect(node.address(1)).await;
        let (status, body) = http.post("/lp/open", &json!({"protocols": ["wamp.2.json"]})).await;
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let session = body["transport"].as_str().expect("an id");
        if number % 2 == 0 {
            // A poll that waits when its client goes.
            let receive = format!("/lp/{session}/receive");
            http.send(crate::clients::post_request(&receive, &json!({})).as_bytes()).await;
        }
        connections.push(http);
    }
    assert_spread(&node).await;
    drop(connections);
    // The sessions stay until their timeouts, without a connection.
    assert_none(&node).await;
}

#[tokio::test]
async fn connections_are_counted_for_the_address_that_the_proxy_names() {
    let node = node().await;
    let counts = node.node.connections();
    let [proxy, client] = ["127.0.0.1", "192.0.2.7"].map(|ip| ip.parse().unwrap());
    let mut http = Http::connect(node.address(2)).await;
    node.wait_for_connections(1).await;
    assert_eq!((counts.of_address(proxy), counts.of_address(client)), (1, 0));
    http.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n").await;
    // The handshake of RawSocket: JSON.
    http.send(&[0x7f, 0xf1, 0, 0]).await;
    http.skip_until(&[0x7f]).await;
    assert_eq!((counts.of_address(proxy), counts.of_address(client)), (0, 1));
    drop(http);
    assert_none(&node).await;
    assert_eq!(counts.of_address(client), 0);
}

#[tokio::test]
async fn refused_connections_are_counted_down() {
    let node = node().await;
    for (place, bytes) in [
        (2, b"GET / HTTP/1.1\r\n\r\n".as_slice()),
        (2, b"PROXY nonsense\r\n"),
        (2, b"PROXY UNKNOWN\r\n\x7f\xff\x00\x00"),
        (0, b"GET / HTTP/1.1\r\n\r\n"),
    ] {
        let mut http = Http::connect(node.address(place)).await;
        http.send(bytes).await;
        node.wait_for_connections(0).await;
    }
    // A client that goes at once.
    for place in 0..3 {
        drop(Http::connect(node.address(place)).await);
    }
    sleep(Duration::from_millis(20)).await;
    assert_none(&node).await;
}
