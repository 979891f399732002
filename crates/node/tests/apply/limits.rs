//! Limits that change while clients are connected.

use serde_json::{Value, json};

use crate::clients::{Http, register_add};
use crate::fixture::{
    TestNode, any_port, caller, rawsocket, realm, realm_with, role, session_count, web,
};

/// `realm1` with limits of itself and of its role.
fn limited(of_realm: Value, of_role: Value) -> [Value; 1] {
    let mut role = role("anonymous", &["*"]);
    role["limits"] = of_role;
    let mut realm = realm_with("realm1", json!({}), &[role]);
    realm["limits"] = of_realm;
    [realm]
}

#[tokio::test]
async fn limits_of_a_realm_and_its_roles_apply_to_open_sessions() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&limited(json!({}), json!({})), &transports).await;
    let session = node.join(0).await;
    let limits = limited(json!({"max_sessions": 1}), json!({"max_registrations": 1}));
    node.apply(&limits, &transports).await.unwrap();
    register_add(&session).await;
    let second = || async { Ok::<_, cloverleaf_client::Failure>(1) };
    let refused = session.register("com.second", second).await.expect_err("the limit is 1");
    assert!(refused.to_string().contains("registrations"), "{refused}");
    assert!(node.client(0).realm("realm1").connect().await.is_err(), "the realm is full");
    node.apply(&limited(json!({}), json!({})), &transports).await.unwrap();
    session.register("com.second", second).await.expect("no limit is reached");
    node.join(0).await;
    assert_eq!(session_count(&session).await, 2);
}

#[tokio::test]
async fn services_keep_their_sessions_when_limits_of_their_listener_change() {
    let realms = [realm("realm1")];
    let with = |limits: Value| {
        let paths = json!({"call": caller("realm1"), "lp": {"type": "longpoll"}});
        let mut web = web(any_port(2), paths);
        web["limits"] = limits;
        [rawsocket(any_port(1)), web]
    };
    let mut node = TestNode::start(&realms, &with(json!({}))).await;
    let callee = node.join(0).await;
    register_add(&callee).await;
    let mut http = Http::connect(node.address(1)).await;
    let (status, opened) = http.post("/lp/open", &json!({"protocols": ["wamp.2.json"]})).await;
    assert_eq!(status, 200, "{opened}");
    let opened: Value = serde_json::from_str(&opened).expect("JSON");
    let session = format!("/lp/{}", opened["transport"].as_str().expect("an id"));
    let hello = json!([1, "realm1", {"roles": {"caller": {}}}]);
    assert_eq!(http.post(&format!("{session}/send"), &hello).await.0, 204);
    // The callee, the caller and the long-poll session.
    assert_eq!(session_count(&callee).await, 3);
    for limits in [json!({"max_connections": 7}), json!({"opening_timeout": 5000})] {
        node.apply(&realms, &with(limits)).await.unwrap();
        assert_eq!(session_count(&callee).await, 3);
        assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);
        assert_eq!(http.post(&format!("{session}/receive"), &json!(null)).await.0, 200, "WELCOME");
        let call = json!([48, 1, {}, "com.add", [1, 2]]);
        assert_eq!(http.post(&format!("{session}/send"), &call).await.0, 204);
    }
}
