//! Realms that a template creates: access, number and lifetime.

use crate::router::CLOVERLEAF;
use crate::support::{JSON, NodeProcess, RawPeer, RawSocketPeer, abort, hello};

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous"}]}],
  "realm_template": {"max_realms": 2, "options": {"compatibility": "wamp"}, "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}]}]},
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]
}]}"#;

/// A session in this realm.
fn join(node: &NodeProcess, realm: &str) -> RawSocketPeer {
    let mut peer = node.rawsocket(JSON);
    peer.join_realm(realm);
    peer
}

fn leave(mut peer: RawSocketPeer) {
    assert_eq!(
        peer.request(r#"[6,{},"wamp.close.normal"]"#),
        r#"[6,{},"wamp.close.goodbye_and_out"]"#
    );
}

#[test]
fn sessions_of_one_template_realm_reach_each_other_and_no_other_realm() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let [mut callee, mut caller, mut stranger] =
        ["com.tenant.a", "com.tenant.a", "com.tenant.b"].map(|realm| join(&node, realm));
    callee.obtain_id(r#"[64,1,{},"com.example.p"]"#);
    caller.send(r#"[48,1,{},"com.example.p",[7]]"#);
    assert!(callee.receive().starts_with("[68,1,"));
    callee.send("[70,1,{},[8]]");
    assert_eq!(caller.receive(), "[50,1,{},[8]]");
    let unknown = stranger.request(r#"[48,1,{},"com.example.p",[7]]"#);
    assert!(unknown.contains("wamp.error.no_such_procedure"), "{unknown}");
}

#[test]
fn call_timeouts_work_in_a_template_realm() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let [mut callee, mut caller] = ["com.tenant.a"; 2].map(|realm| join(&node, realm));
    callee.obtain_id(r#"[64,1,{},"com.example.p"]"#);
    let answer = caller.request(r#"[48,1,{"timeout":50},"com.example.p"]"#);
    assert!(answer.contains("wamp.error.timeout"), "{answer}");
}

#[test]
fn empty_template_realm_is_removed_with_its_retained_events() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let mut publisher = join(&node, "com.tenant.a");
    let keep = r#"[16,1,{"acknowledge":true,"retain":true},"com.example.kept",["kept"]]"#;
    publisher.request(keep);
    let count = r#"[48,2,{},"wamp.session.count"]"#;
    assert_eq!(publisher.request(count), "[50,2,{},[1]]");
    leave(publisher);
    let mut subscriber = join(&node, "com.tenant.a");
    subscriber.obtain_id(r#"[32,1,{"get_retained":true},"com.example.kept"]"#);
    // No retained event comes before the answer.
    assert_eq!(subscriber.request(count), "[50,2,{},[1]]");
}

#[test]
fn max_realms_bounds_template_realms_but_not_configured_ones() {
    let node = NodeProcess::start(CLOVERLEAF, CONFIG);
    let (a, _b) = (join(&node, "com.tenant.a"), join(&node, "com.tenant.b"));
    let refused = node.rawsocket(JSON).request(&hello("com.tenant.c"));
    assert_eq!(
        refused,
        abort(
            "cloverleaf.error.limit_reached",
            r#"realm "com.tenant.c" is not there, and no further one can be made"#
        )
    );
    join(&node, "realm1");
    leave(a);
    join(&node, "com.tenant.c");
}
