//! Values of Crossbar.io's configurations that are accepted with a warning work in the running
//! node.

use crate::router::CLOVERLEAF;
use crate::support::{ClientStream, JSON, NodeProcess, RawPeer as _, RawSocketPeer, WebSocketPeer};

/// A role whose name is no URI, a role that allows everything by default, a long-poll service
/// without limits, and a testee with a transport of type `websocket`.
const CONFIG: &str = r#"{"version": 2, "controller": {"fabric": {}, "enable_docker": true},
  "workers": [
    {"type": "router",
     "realms": [{"name": "realm1", "trace": true, "roles": [
       {"name": "web user", "type": "static", "permissions": [
         {"uri": "", "allow": {"call": true}}, {"uri": "com.*", "allow": {"subscribe": true}}]},
       {"name": "anonymous", "allow-by-default": true}]}],
     "transports": [
       {"type": "web", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
        "paths": {"lp": {"type": "longpoll", "options": {"request_timeout": 0,
          "session_timeout": 0, "queue_limit_bytes": 0, "queue_limit_messages": 0}}}},
       {"type": "rawsocket", "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0},
        "auth": {"anonymous": {"type": "static", "role": "web user"}}}]},
    {"type": "websocket-testee", "transport": {"type": "websocket",
      "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": 0}}},
    {"type": "container", "components": []}]}"#;

#[test]
fn values_accepted_with_a_warning_work_in_the_running_node() {
    let mut node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let mut user = RawSocketPeer::open(node.tcp(), JSON);
    user.send(r#"[1,"realm1",{"roles":{"subscriber":{}}}]"#);
    let welcome = user.receive();
    assert!(welcome.contains(r#""authrole":"web user""#), "{welcome}");
    user.obtain_id(r#"[32,1,{},"com.topic"]"#);
    let refused = user.request(r#"[48,2,{},"com.procedure"]"#);
    assert!(refused.contains("wamp.error.not_authorized"), "'' matches nothing: {refused}");
    let mut anonymous = node.longpoll("wamp.2.json");
    anonymous.join();
    anonymous.obtain_id(r#"[64,1,{},"com.procedure"]"#);
    let testee = node.addresses("websocket.testee")[0];
    let mut peer = WebSocketPeer::open(ClientStream::tcp(testee), "/", "");
    peer.send("echo");
    assert_eq!(peer.receive(), "echo");
    drop((user, anonymous, peer));
    assert_eq!(node.stop("TERM"), Some(0), "{node:?}");
}
