//! Listeners that are added, changed, bound anew and removed.

use std::net::SocketAddr;
use std::slice::from_ref;

use cloverleaf_client::net::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::clients::{Http, Load, register_add};
use crate::fixture::{
    TestNode, any_port, caller, join, page, rawsocket, realm, session_count, web,
};

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

fn tcp(interface: &str, port: u16) -> Value {
    json!({"type": "tcp", "interface": interface, "port": port})
}

#[tokio::test]
async fn listener_is_added_and_removed_under_load() {
    let realms = [realm("realm1")];
    let stays = rawsocket(any_port(1));
    let mut node = TestNode::start(&realms, from_ref(&stays)).await;
    let load = Load::start(&node).await;
    for _ in 0..5 {
        node.apply(&realms, &[stays.clone(), rawsocket(any_port(2))]).await.unwrap();
        load.go_on().await;
        let address = node.address(1);
        let session = node.join(1).await;
        node.apply(&realms, from_ref(&stays)).await.unwrap();
        assert_eq!(node.node.addresses().len(), 1);
        assert!(TcpStream::connect(address).await.is_err(), "the socket is closed");
        // The session of a removed listener stays.
        assert_eq!(session_count(&session).await, 4);
        session.leave().unwrap();
    }
    load.finish().await;
    node.wait_for_connections(0).await;
}

#[tokio::test]
async fn http_connections_of_a_removed_listener_end_after_their_request() {
    let realms = [realm("realm1")];
    let transports = [
        rawsocket(any_port(1)),
        web(any_port(2), json!({"call": caller("realm1"), "x": page("x")})),
    ];
    let mut node = TestNode::start(&realms, &transports).await;
    let session = node.join(0).await;
    let (invoked, mut invocations) = tokio::sync::mpsc::unbounded_channel();
    let (answer, answers) = tokio::sync::watch::channel(false);
    let wait = move || {
        let (invoked, mut answers) = (invoked.clone(), answers.clone());
        async move {
            invoked.send(()).expect("the test waits");
            answers.wait_for(|is_given| *is_given).await.expect("the test goes on");
            Ok::<_, cloverleaf_client::Failure>("done")
        }
    };
    session.register("com.wait", wait).await.expect("registered");
    let [mut idle, mut fresh, mut busy] = [
        Http::connect(node.address(1)).await,
        Http::connect(node.address(1)).await,
        Http::connect(node.address(1)).await,
    ];
    assert_eq!(idle.get("/x").await.0, 200);
    let body = json!({"procedure": "com.wait"});
    busy.send(crate::clients::post_request("/call", &body).as_bytes()).await;
    invocations.recv().await.expect("an invocation");
    node.wait_for_connections(4).await;

    node.apply(&realms, &transports[..1]).await.unwrap();
    idle.receive_end().await;
    fresh.receive_end().await;
    answer.send(true).unwrap();
    assert_eq!(busy.receive().await, (200, r#"{"args":["done"]}"#.to_owned()));
    busy.receive_end().await;
    node.wait_for_connections(1).await;
}

#[tokio::test]
async fn changed_options_of_a_listener_count_from_the_next_connection_on() {
    let realms = [realm("realm1")];
    let with = |serializers: Value| {
        let mut transport = rawsocket(any_port(1));
        transport["serializers"] = serializers;
        [transport]
    };
    let mut node = TestNode::start(&realms, &with(json!(["json", "msgpack"]))).await;
    let address = node.address(0);
    let client = |serializer| node_client(address).serializer(serializer);
    use cloverleaf_client::Serializer::{Json, MsgPack};
    let session = join(client(Json), "realm1").await;
    node.apply(&realms, &with(json!(["msgpack"]))).await.unwrap();
    assert_eq!(node.address(0), address, "the socket is the same");
    assert_eq!(session_count(&session).await, 1);
    assert!(client(Json).realm("realm1").connect().await.is_err());
    join(client(MsgPack), "realm1").await;
}

fn node_client(address: SocketAddr) -> Client {
    Client::new(&format!("tcp://{address}")).expect("a valid address")
}

#[tokio::test]
async fn listener_that_is_bound_anew_keeps_its_connections() {
    let realms = [realm("realm1")];
    let port = free_port();
    let with = |backlog: u16| {
        let mut transport = rawsocket(tcp("127.0.0.1", port));
        transport["endpoint"]["backlog"] = json!(backlog);
        [transport]
    };
    let mut node = TestNode::start(&realms, &with(10)).await;
    let load = Load::start(&node).await;
    for backlog in [20, 30, 40] {
        node.apply(&realms, &with(backlog)).await.unwrap();
        assert_eq!(node.address(0).port(), port);
        node.join(0).await.leave().unwrap();
        load.go_on().await;
    }
    load.finish().await;
    node.wait_for_connections(0).await;
}

#[tokio::test]
async fn listener_moves_to_another_interface_at_its_port() {
    let realms = [realm("realm1")];
    let port = free_port();
    let at = |interface: &str| [rawsocket(tcp(interface, port))];
    let mut node = TestNode::start(&realms, &at("127.0.0.1")).await;
    let load = Load::start(&node).await;
    for interface in ["0.0.0.0", "127.0.0.1", "0.0.0.0"] {
        node.apply(&realms, &at(interface)).await.unwrap();
        let expected: SocketAddr = format!("{interface}:{port}").parse().unwrap();
        assert_eq!(node.node.addresses(), [Some(expected)]);
        let local = node_client(format!("127.0.0.1:{port}").parse().unwrap());
        join(local, "realm1").await.leave().unwrap();
        load.go_on().await;
    }
    load.finish().await;
}

#[tokio::test]
async fn listener_changes_from_one_protocol_to_another() {
    let realms = [realm("realm1")];
    let port = free_port();
    let stays = rawsocket(any_port(2));
    let at_port = tcp("127.0.0.1", port);
    let paths = json!({"call": caller("realm1"), "ws": {"type": "websocket"}});
    let site = web(at_port.clone(), paths.clone());
    let mut node = TestNode::start(&realms, &[stays.clone(), site]).await;
    let callee = node.join(0).await;
    register_add(&callee).await;
    let websocket = Client::new(&format!("ws://127.0.0.1:{port}/ws")).unwrap();
    let websocket = join(websocket, "realm1").await;
    let mut http = Http::connect(node.address(1)).await;
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);

    let universal = json!({"type": "universal", "endpoint": &at_port, "rawsocket": {},
        "web": {"paths": paths}});
    node.apply(&realms, &[stays.clone(), universal]).await.unwrap();
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200, "the HTTP server stays");
    let rawsocket_session = node.join(1).await;

    node.apply(&realms, &[stays, rawsocket(at_port)]).await.unwrap();
    http.receive_end().await;
    node.join(1).await.leave().unwrap();
    // Sessions stay, whatever their listener serves now: callee, two clients.
    crate::fixture::wait_for_sessions(&websocket, 3).await;
    assert_eq!(session_count(&rawsocket_session).await, 3);
}

#[tokio::test]
async fn changed_limit_of_connections_counts_without_another_socket() {
    let realms = [realm("realm1")];
    let with = |max: Value| {
        let mut transport = rawsocket(any_port(1));
        transport["limits"] = json!({"max_connections": max});
        [transport]
    };
    let mut node = TestNode::start(&realms, &with(json!(1))).await;
    let address = node.address(0);
    let first = node.join(0).await;
    let mut refused = Http::connect(address).await;
    refused.receive_end().await;
    node.apply(&realms, &with(json!(2))).await.unwrap();
    assert_eq!(node.address(0), address, "the socket is the same");
    let second = node.join(0).await;
    node.apply(&realms, &with(json!(1))).await.unwrap();
    // No connection is closed, and none is accepted until there is room.
    assert_eq!(session_count(&first).await, 2);
    Http::connect(address).await.receive_end().await;
    for session in [first, second] {
        session.leave().unwrap();
    }
    node.wait_for_connections(0).await;
    node.join(0).await;
    node.apply(&realms, &[rawsocket(any_port(1))]).await.unwrap();
    node.join(0).await;
    node.join(0).await;
}

#[tokio::test]
async fn unix_socket_is_bound_anew_and_removed() {
    let realms = [realm("realm1")];
    let with = |mode: &str| {
        let unix = json!({"type": "unix", "path": "node.sock", "mode": mode});
        [rawsocket(any_port(1)), rawsocket(unix)]
    };
    let mut node = TestNode::start(&realms, &with("0600")).await;
    let path = node.directory.path().join("node.sock");
    let client = || Client::new(&format!("unix:{}", path.display())).unwrap();
    let session = join(client(), "realm1").await;
    node.apply(&realms, &with("0660")).await.unwrap();
    join(client(), "realm1").await;
    assert_eq!(session_count(&session).await, 2);
    node.apply(&realms, &with("0660")[..1]).await.unwrap();
    assert!(!path.exists(), "the file is removed");
    assert_eq!(session_count(&session).await, 2);
}
