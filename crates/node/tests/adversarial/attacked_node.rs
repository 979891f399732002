//! The node that is attacked: two open realms, and one RawSocket and one web transport.

use serde_json::{Value, json};

use crate::support::{JSON, NodeProcess, RawPeer as _, RawSocketPeer, TempDirectory};

/// The program under test.
pub(crate) const CLOVERLEAF: &str = env!("CARGO_BIN_EXE_cloverleaf");

/// A configuration with two realms: `realm1`, which is attacked and has these further options, and
/// `realm2`, the realm of the probe.
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

/// Starts a node with one routing thread, which the attack and the probe share.
pub(crate) fn start(config: &Value) -> NodeProcess {
    start_in(TempDirectory::new(), config)
}

/// Starts a node with one routing thread in this directory.
pub(crate) fn start_in(directory: TempDirectory, config: &Value) -> NodeProcess {
    NodeProcess::start_in_with(CLOVERLEAF, directory, &config.to_string(), &["--threads", "1"])
}

/// Starts a node whose attacked realm has no further options.
pub(crate) fn start_default() -> NodeProcess {
    start(&config(&json!({})))
}

/// A session in `realm2`, the realm of the probe.
pub(crate) fn join_realm2(node: &NodeProcess) -> RawSocketPeer {
    let mut peer = node.rawsocket(JSON);
    peer.join_realm("realm2");
    peer
}

/// Sends many messages in one write, without waiting for answers.
pub(crate) fn pipeline(peer: &mut RawSocketPeer, messages: impl IntoIterator<Item = String>) {
    let mut octets = Vec::new();
    for message in messages {
        let length = u32::try_from(message.len()).expect("a short message");
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(message.as_bytes());
    }
    peer.stream.send(&octets);
}
