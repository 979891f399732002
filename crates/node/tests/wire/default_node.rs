//! The node that runs when there is no configuration, on its port 8080.

use crate::lab::{Directory, Node, Peer as _, WebSocket, posting, wait_for};
use crate::router::CLOVERLEAF;

/// A default node; none when somebody else has its port, which it says, then.
fn start() -> Option<Node> {
    let args = ["start", "--logformat", "none"];
    let mut node = Node::launch(CLOVERLEAF, Directory::new(), &args);
    let ready = wait_for("a node or its reason", || {
        let log = node.log();
        let ready = log.contains("ready after");
        (ready || log.contains("already in use")).then_some(ready)
    });
    if ready {
        return Some(node);
    }
    assert_eq!(node.exit_code(), Some(1), "{node:?}");
    node.wait_for_line("TCP address 127.0.0.1:8080 is already in use");
    None
}

#[test]
fn a_node_without_configuration_says_so_and_serves_websockets_calls_and_publications() {
    let Some(mut node) = start() else {
        eprintln!("port 8080 is in use by another program: only the refusal was tested");
        return;
    };
    node.wait_for_line(
        "no configuration is given and none is here (config.yaml, config.json): this is the \
         default node. Realm 'realm1' is open to everybody on this machine",
    );
    node.wait_for_line("HTTP at 127.0.0.1:8080: /ws /call /publish");
    let mut peer = node.websocket("wamp.2.json");
    peer.join();
    peer.obtain(r#"[64,1,{},"com.example.add"]"#);
    peer.obtain(r#"[32,2,{},"com.example.topic"]"#);
    let mut http = node.http();
    http.send(&posting("/call", r#"{"procedure":"com.example.add","args":[2,3]}"#));
    assert_eq!(peer.receive(), "[68,1,1,{},[2,3]]");
    peer.send("[70,1,{},[5]]");
    assert_eq!(http.receive().text(), r#"{"args":[5]}"#);
    let answer = http.post("/publish", r#"{"topic":"com.example.topic","args":["all"]}"#);
    assert_eq!(answer.status, 200);
    assert!(peer.receive().ends_with(r#",{},["all"]]"#));
    for subprotocol in ["wamp.2.msgpack", "wamp.2.cbor", "wamp.2.ubjson"] {
        let _: WebSocket = node.websocket(subprotocol);
    }
    drop(peer);
    assert_eq!(node.end("INT"), Some(0), "{node:?}");
}
