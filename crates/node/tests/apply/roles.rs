//! Roles of a realm that is in use: permissions, new roles, removed roles.

use serde_json::{Value, json};

use crate::clients::{Http, register_add};
use crate::fixture::{
    TestNode, any_port, ended, join, rawsocket, realm_with, role, session_count, wait_for_sessions,
    web,
};

/// A RawSocket transport whose sessions get this role.
fn entrance(number: u8, role: &str) -> Value {
    let mut transport = rawsocket(any_port(number));
    transport["auth"] = json!({"anonymous": {"type": "static", "role": role}});
    transport
}

fn realm1(roles: &[Value]) -> [Value; 1] {
    [realm_with("realm1", json!({}), roles)]
}

#[tokio::test]
async fn session_keeps_its_connection_when_the_permissions_of_its_role_change() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&realm1(&[role("anonymous", &["*"])]), &transports).await;
    let (callee, caller) = (node.join(0).await, node.join(0).await);
    register_add(&callee).await;
    callee.register("com.sub", || async { Ok::<_, cloverleaf_client::Failure>(1) }).await.unwrap();
    let mut events = callee.subscribe("com.news").await.expect("subscribed");
    let permissions = ["com.add", "org.*", "wamp.session.count"];
    node.apply(&realm1(&[role("anonymous", &permissions)]), &transports).await.unwrap();

    let refused = caller.call("com.sub").await.expect_err("not allowed any more");
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));
    let refused = caller.publish("com.news").send().await.expect_err("not allowed any more");
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));
    let sum = caller.call("com.add").args((1, 2)).await.expect("still allowed");
    assert_eq!(sum.value::<u64>().unwrap(), 3);
    caller.subscribe("org.news").await.expect("allowed now");
    assert_eq!((session_count(&caller).await, node.connections()), (2, 2));

    // The subscription of before is still there.
    node.apply(&realm1(&[role("anonymous", &["*"])]), &transports).await.unwrap();
    caller.publish("com.news").args((1,)).send().await.expect("allowed again");
    assert!(events.next().await.is_some());
}

#[tokio::test]
async fn sessions_of_a_removed_role_end_and_others_stay() {
    let roles = || [role("staff", &["*"]), role("guest", &["*"])];
    let transports = [entrance(1, "staff"), entrance(2, "guest")];
    let mut node = TestNode::start(&realm1(&roles()), &transports).await;
    let (staff, guest) = (node.join(0).await, node.join(1).await);
    // The entrance of the guests stays, and lets none in.
    let transports = [entrance(1, "staff"), entrance(2, "none")];
    let roles = [role("staff", &["*"]), role("none", &[])];
    node.apply(&realm1(&roles), &transports).await.unwrap();
    assert_eq!(ended(&guest).await, "wamp.close.killed");
    wait_for_sessions(&staff, 1).await;
    assert_eq!(staff.closed(), None);
    node.wait_for_connections(1).await;
    // The listener gives the new role.
    let denied = node.join(1).await;
    let refused = denied.call("wamp.session.count").await.expect_err("no permissions");
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));
}

#[tokio::test]
async fn new_role_is_used_by_a_new_path_and_a_new_listener_of_the_same_plan() {
    let roles = [role("staff", &["*"])];
    let mut node = TestNode::start(&realm1(&roles), &[entrance(1, "staff")]).await;
    let staff = node.join(0).await;
    register_add(&staff).await;
    let roles = [role("staff", &["*"]), role("guest", &["com.add"])];
    let call = json!({"call": {"type": "caller", "realm": "realm1", "role": "guest"}});
    let transports = [entrance(1, "staff"), entrance(2, "guest"), web(any_port(3), call)];
    node.apply(&realm1(&roles), &transports).await.unwrap();
    let mut http = Http::connect(node.address(2)).await;
    assert_eq!(http.call("com.add", json!([1, 2])).await, (200, r#"{"args":[3]}"#.to_owned()));
    let guest = join(node.client(1), "realm1").await;
    assert_eq!(guest.call("com.add").args((2, 2)).await.unwrap().value::<u64>().unwrap(), 4);
    assert_eq!(session_count(&staff).await, 3);

    // And they go together.
    let roles = [role("staff", &["*"])];
    node.apply(&realm1(&roles), &[entrance(1, "staff")]).await.unwrap();
    ended(&guest).await;
    wait_for_sessions(&staff, 1).await;
}

#[tokio::test]
async fn internal_sessions_of_a_removed_role_end() {
    let roles = [role("anonymous", &["*"]), role("bridge", &["*"])];
    let call = |role: &str| json!({"call": {"type": "caller", "realm": "realm1", "role": role}});
    let transports = |role| [rawsocket(any_port(1)), web(any_port(2), call(role))];
    let mut node = TestNode::start(&realm1(&roles), &transports("bridge")).await;
    let session = node.join(0).await;
    register_add(&session).await;
    let mut http = Http::connect(node.address(1)).await;
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);
    let roles = [role("anonymous", &["*"])];
    node.apply(&realm1(&roles), &transports("anonymous")).await.unwrap();
    // The path has a session with the other role, and the connection uses it.
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);
    wait_for_sessions(&session, 2).await;
    let ids = session.call("wamp.session.list").args((["bridge"],)).await.unwrap();
    assert!(ids.value::<Vec<u64>>().unwrap().is_empty());
}
