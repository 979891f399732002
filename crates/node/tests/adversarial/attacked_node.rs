//! The node that is attacked: two open realms, and every kind of transport.

use serde_json::{Value, json};

use crate::support::{HELLO, JSON, NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory};

/// The program under test.
pub(crate) const CLOVERLEAF: &str = env!("CARGO_BIN_EXE_cloverleaf");

/// The realm of the attack, with these options beside the usual ones, and that of the probe.
pub(crate) fn config(options: &Value) -> Value {
    let roles = json!([{"name": "anonymous", "permissions": [{"uri": "*", "allow":
        {"call": true, "register": true, "publish": true, "subscribe": true}}]}]);
    let mut attacked = json!({"compatibility": "wamp"});
    attacked.as_object_mut().expect("an object").extend(options.as_object().expect("one").clone());
    json!({"version": 2, "workers": [{
        "type": "router",
        "realms": [
            {"name": "realm1", "options": attacked, "roles": roles},
            {"name": "realm2", "roles": roles},
        ],
        "transports": [
            {"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}},
            {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
             "paths": {
                "ws": {"type": "websocket"},
                "compressed": {"type": "websocket", "options": {"compression": {"deflate": {}}}},
                "call": {"type": "caller", "realm": "realm1", "role": "anonymous"},
             }},
        ],
    }]})
}

/// A node with one routing thread, so that the attack and the probe share it.
pub(crate) fn start(config: &Value) -> NodeProcess {
    start_in(TempDirectory::new(), config)
}

/// The same in a directory that may hold more.
pub(crate) fn start_in(directory: TempDirectory, config: &Value) -> NodeProcess {
    NodeProcess::start_in_with(CLOVERLEAF, directory, &config.to_string(), &["--threads", "1"])
}

/// A node with the usual options.
pub(crate) fn plain() -> NodeProcess {
    start(&config(&json!({})))
}

/// A session in `realm1`.
pub(crate) fn join(node: &NodeProcess) -> RawSocketPeer {
    let mut peer = node.rawsocket(JSON);
    peer.join();
    peer
}

/// A session in another realm.
pub(crate) fn join_in(node: &NodeProcess, realm: &str) -> RawSocketPeer {
    let mut peer = node.rawsocket(JSON);
    let welcome = peer.request(&HELLO.replace("realm1", realm));
    assert!(welcome.starts_with("[2,"), "WELCOME was expected, not {welcome}");
    peer
}

/// Sends messages in one piece, as fast as the node takes them.
pub(crate) fn pipeline(peer: &mut RawSocketPeer, messages: impl IntoIterator<Item = String>) {
    let mut octets = Vec::new();
    for message in messages {
        let length = u32::try_from(message.len()).expect("a short message");
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(message.as_bytes());
    }
    peer.stream.send(&octets);
}

/// The next message.
pub(crate) fn receive(peer: &mut RawSocketPeer) -> Value {
    serde_json::from_slice(&peer.receive_octets()).expect("JSON")
}
