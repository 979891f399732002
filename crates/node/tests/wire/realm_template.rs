//! Realms that a template makes: for whom they are there, how many, and until when.

use serde_json::Value;

use crate::lab::{JSON, Node, Peer, RawSocket, abort};
use crate::router::CLOVERLEAF;

const CONFIG: &str = r#"{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous"}]}],
  "realm_template": {"max_realms": 2, "options": {"compatibility": "wamp"}, "roles": [{"name": "anonymous", "permissions": [
    {"uri": "*", "allow": {"call": true, "register": true, "publish": true, "subscribe": true}}]}]},
  "transports": [{"type": "rawsocket", "endpoint": {"type": "unix", "path": "router.sock"}}]
}]}"#;

const HELLO: &str =
    r#"[1,"NAME",{"roles":{"caller":{},"callee":{},"subscriber":{},"publisher":{}}}]"#;

fn ask_for(node: &Node, realm: &str) -> (RawSocket, String) {
    let mut peer = node.rawsocket(JSON);
    let answer = peer.ask(&HELLO.replace("NAME", realm));
    (peer, answer)
}

fn join(node: &Node, realm: &str) -> RawSocket {
    let (peer, welcome) = ask_for(node, realm);
    let welcome: Value = serde_json::from_str(&welcome).expect("JSON");
    assert_eq!((&welcome[0], &welcome[2]["realm"]), (&2.into(), &realm.into()), "{welcome}");
    peer
}

fn leave(mut peer: RawSocket) {
    assert_eq!(peer.ask(r#"[6,{},"wamp.close.normal"]"#), r#"[6,{},"wamp.close.goodbye_and_out"]"#);
}

#[test]
fn those_who_ask_for_the_same_realm_meet_in_it_and_nobody_else_does() {
    let node = Node::start(CLOVERLEAF, CONFIG);
    let [mut callee, mut caller, mut stranger] =
        ["com.tenant.a", "com.tenant.a", "com.tenant.b"].map(|realm| join(&node, realm));
    callee.obtain(r#"[64,1,{},"com.example.p"]"#);
    caller.send(r#"[48,1,{},"com.example.p",[7]]"#);
    assert!(callee.receive().starts_with("[68,1,"));
    callee.send("[70,1,{},[8]]");
    assert_eq!(caller.receive(), "[50,1,{},[8]]");
    let unknown = stranger.ask(r#"[48,1,{},"com.example.p",[7]]"#);
    assert!(unknown.contains("wamp.error.no_such_procedure"), "{unknown}");
}

#[test]
fn time_runs_in_such_a_realm() {
    let node = Node::start(CLOVERLEAF, CONFIG);
    let [mut callee, mut caller] = ["com.tenant.a"; 2].map(|realm| join(&node, realm));
    callee.obtain(r#"[64,1,{},"com.example.p"]"#);
    let answer = caller.ask(r#"[48,1,{"timeout":50},"com.example.p"]"#);
    assert!(answer.contains("wamp.error.timeout"), "{answer}");
}

#[test]
fn a_realm_that_everybody_has_left_is_forgotten_with_what_it_kept() {
    let node = Node::start(CLOVERLEAF, CONFIG);
    let mut publisher = join(&node, "com.tenant.a");
    let keep = r#"[16,1,{"acknowledge":true,"retain":true},"com.example.kept",["kept"]]"#;
    publisher.ask(keep);
    let count = r#"[48,2,{},"wamp.session.count"]"#;
    assert_eq!(publisher.ask(count), "[50,2,{},[1]]");
    leave(publisher);
    let mut subscriber = join(&node, "com.tenant.a");
    subscriber.obtain(r#"[32,1,{"get_retained":true},"com.example.kept"]"#);
    // Nothing comes before the answer.
    assert_eq!(subscriber.ask(count), "[50,2,{},[1]]");
}

#[test]
fn there_are_only_so_many_at_once_beside_those_of_the_configuration() {
    let node = Node::start(CLOVERLEAF, CONFIG);
    let (a, _b) = (join(&node, "com.tenant.a"), join(&node, "com.tenant.b"));
    let (_, refused) = ask_for(&node, "com.tenant.c");
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
