//! Realms and the template that are added, replaced and removed.

use std::path::Path;

use cloverleaf_client::Error;
use cloverleaf_node::config::{FileFormat, Settings};
use serde_json::{Value, json};

use crate::clients::{Http, Load, register_add};
use crate::fixture::{
    TestNode, any_port, caller, ended, join, parse, rawsocket, realm, realm_with, role,
    session_count, settings_in, wait_for_sessions, web,
};

#[tokio::test]
async fn realm_is_added_and_removed_under_load() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&[realm("realm1")], &transports).await;
    let load = Load::start(&node).await;
    for _ in 0..5 {
        load.go_on().await;
        node.apply(&[realm("realm1"), realm("realm2")], &transports).await.unwrap();
        let other = join(node.client(0), "realm2").await;
        assert_eq!(session_count(&other).await, 1);
        load.go_on().await;
        node.apply(&[realm("realm1")], &transports).await.unwrap();
        ended(&other).await;
        let refused = node.client(0).realm("realm2").connect().await;
        assert!(refused.is_err(), "the realm is gone");
    }
    load.finish().await;
    node.wait_for_connections(0).await;
}

#[tokio::test]
async fn sessions_of_a_replaced_realm_end_and_others_stay() {
    let transports = [rawsocket(any_port(1)), web(any_port(2), json!({"call": caller("realm2")}))];
    let mut node = TestNode::start(&[realm("realm1"), realm("realm2")], &transports).await;
    let load = Load::start(&node).await;
    let before = join(node.client(0), "realm2").await;
    register_add(&before).await;
    let mut http = Http::connect(node.address(1)).await;
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);

    let options = json!({"enable_meta_api": true, "call_timeout": 1000});
    let replaced = realm_with("realm2", options, &[role("anonymous", &["*"])]);
    node.apply(&[realm("realm1"), replaced], &transports).await.unwrap();
    ended(&before).await;
    let after = join(node.client(0), "realm2").await;
    // The caller of the path has joined the new realm, and its connection stays.
    assert_eq!(session_count(&after).await, 2);
    http.call_nothing("com.add").await;
    register_add(&after).await;
    assert_eq!(http.call("com.add", json!([1, 2])).await.0, 200);
    load.finish().await;
}

#[tokio::test]
async fn client_that_ignores_the_goodbye_of_a_removed_realm_loses_its_connection() {
    let silent = json!({"shutdown_goodbye": true});
    let realms = [realm("realm1"), realm_with("realm2", silent, &[role("anonymous", &["*"])])];
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&realms, &transports).await;
    // A RawSocket client that reads and never answers: the handshake, and HELLO in JSON.
    let mut client = Http::connect(node.address(0)).await;
    let hello = br#"[1,"realm2",{"roles":{"caller":{}}}]"#;
    client.send(&[0x7f, 0xf1, 0, 0, 0, 0, 0, hello.len() as u8]).await;
    client.send(hello).await;
    client.skip_until(b"[2,").await;
    node.apply(&[realm("realm1")], &transports).await.unwrap();
    client.skip_until(b"wamp.close.close_realm").await;
    node.wait_for_connections(0).await;
}

/// Settings with a template of this call timeout.
fn settings_with_template(
    directory: &Path,
    realms: &[Value],
    transports: &[Value],
    roles: &[Value],
    timeout: u64,
) -> Settings {
    let mut template = realm_with("", json!({"call_timeout": timeout}), roles);
    template.as_object_mut().unwrap().remove("name");
    template["max_realms"] = json!(2);
    let config = json!({"version": 2, "workers": [{"type": "router", "realms": realms,
        "transports": transports, "realm_template": template}]});
    parse(&config.to_string(), FileFormat::Json, directory)
}

#[tokio::test]
async fn configured_realm_replaces_the_one_that_the_template_has_made() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&[], &transports).await;
    let directory = node.directory.path().to_owned();
    let roles = [role("anonymous", &["*"])];
    let with =
        |realms: &[Value]| settings_with_template(&directory, realms, &transports, &roles, 1);
    node.apply_settings(with(&[])).await.unwrap();
    let (made, other) = (join(node.client(0), "made").await, join(node.client(0), "other").await);
    node.apply_settings(with(&[realm("made")])).await.unwrap();
    ended(&made).await;
    let configured = join(node.client(0), "made").await;
    assert_eq!(session_count(&configured).await, 1);
    assert_eq!(session_count(&other).await, 1);
    node.wait_for_connections(2).await;
    // Without the realm of the configuration, the template makes another one.
    node.apply_settings(with(&[])).await.unwrap();
    ended(&configured).await;
    let made = join(node.client(0), "made").await;
    assert_eq!(session_count(&made).await, 1);
}

#[tokio::test]
async fn template_is_added_changed_replaced_and_removed() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start(&[realm("realm1")], &transports).await;
    let stays = node.join(0).await;
    let directory = node.directory.path().to_owned();
    let with_template = |roles: &[Value], timeout: u64| {
        settings_with_template(&directory, &[realm("realm1")], &transports, roles, timeout)
    };
    let everything = || [role("anonymous", &["*"])];
    node.apply_settings(with_template(&everything(), 1)).await.unwrap();
    let made = join(node.client(0), "made").await;
    made.call("wamp.session.count").await.expect("allowed");

    node.apply_settings(with_template(&[role("anonymous", &["com.*"])], 1)).await.unwrap();
    let refused = made.call("wamp.session.count").await.expect_err("not allowed any more");
    assert_eq!(refused.uri(), Some("wamp.error.not_authorized"));

    node.apply_settings(with_template(&everything(), 2)).await.unwrap();
    ended(&made).await;
    let made = join(node.client(0), "made").await;
    assert_eq!(session_count(&made).await, 1);

    node.apply_settings(settings_in(&directory, &[realm("realm1")], &transports)).await.unwrap();
    ended(&made).await;
    let refused = node.client(0).realm("made").connect().await;
    assert!(matches!(refused, Err(Error::Wamp(_) | Error::Connect(_) | Error::Closed(_))));
    wait_for_sessions(&stays, 1).await;
}
