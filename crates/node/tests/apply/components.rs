//! Components of the router that start, start again and stop.

use cloverleaf_client::{Failure, Session};
use cloverleaf_node::{ComponentContext, Components};
use serde_json::{Value, json};

use crate::clients::Load;
use crate::fixture::{TestNode, any_port, rawsocket, realm, realm_with, role, wait_for_sessions};

/// A component that registers the procedure `com.greet`, one that registers many others, and one
/// that fails.
pub(crate) fn components() -> Components {
    Components::new().with("greeter", greeter).with("many", many).with(
        "failing",
        |joined: ComponentContext| async move {
            joined.session.register("com.fail", || async { Ok::<_, Failure>(1) }).await?;
            // Kept beyond the failure.
            tokio::spawn(async move { joined.session.ended().await });
            Err("no luck".into())
        },
    )
}

/// Answers with its `extra`. It keeps its session in a task, as components do.
async fn greeter(
    joined: ComponentContext,
) -> Result<(), cloverleaf_node::components::ComponentError> {
    let text = joined.extra.as_str().unwrap_or_default().to_owned();
    let greet = move || {
        let text = text.clone();
        async move { Ok::<_, Failure>(text) }
    };
    joined.session.register("com.greet", greet).await?;
    let session = joined.session.clone();
    tokio::spawn(async move { session.ended().await });
    Ok(())
}

/// Registers more procedures than a realm removes in a step, in ascending order if `extra` is
/// "ascending". Fails after the first one if it is "failing".
async fn many(joined: ComponentContext) -> Result<(), cloverleaf_node::components::ComponentError> {
    let (is_failing, is_ascending) = (joined.extra == "failing", joined.extra == "ascending");
    for number in 0..5_000 {
        let number = if is_ascending { number } else { 4_999 - number };
        let procedure = format!("com.many.{number}");
        joined.session.register(procedure, || async { Ok::<_, Failure>(1) }).await?;
        if is_failing {
            return Err("no luck".into());
        }
    }
    let session = joined.session.clone();
    tokio::spawn(async move { session.ended().await });
    Ok(())
}

pub(crate) fn component(id: &str, class: &str, extra: &str) -> Value {
    json!({"id": id, "type": "class", "classname": class, "realm": "realm1", "role": "anonymous",
        "extra": extra})
}

pub(crate) async fn greeting(session: &Session) -> String {
    let reply = session.call("com.greet").await.expect("a result");
    reply.value().expect("text")
}

#[tokio::test]
async fn component_starts_changes_and_stops_under_load() {
    let realms = [realm("realm1")];
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start_with(&[], components(), &realms, &transports).await;
    let load = Load::start(&node).await;
    let session = load.session().clone();
    let with = |extra: &str| [component("one", "greeter", extra)];
    node.apply_with(&realms, &transports, &with("hello")).await.unwrap();
    assert_eq!(greeting(&session).await, "hello");
    // It starts again, and registers the same procedure.
    node.apply_with(&realms, &transports, &with("good day")).await.unwrap();
    assert_eq!(greeting(&session).await, "good day");
    // Another component of the same class takes its place.
    let other = [component("other", "greeter", "hi")];
    node.apply_with(&realms, &transports, &other).await.unwrap();
    assert_eq!(greeting(&session).await, "hi");
    wait_for_sessions(&session, 4).await;
    node.apply(&realms, &transports).await.unwrap();
    let gone = session.call("com.greet").await.expect_err("no callee");
    assert_eq!(gone.uri(), Some("wamp.error.no_such_procedure"));
    wait_for_sessions(&session, 3).await;
    load.finish().await;
}

#[tokio::test]
async fn component_with_thousands_of_registrations_starts_again() {
    let realms = [realm("realm1")];
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start_with(&[], components(), &realms, &transports).await;
    let with = |extra: &str| [component("one", "many", extra)];
    node.apply_with(&realms, &transports, &with("ascending")).await.unwrap();
    let session = node.join(0).await;
    // The realm still has the first procedure of this one when it starts.
    node.apply_with(&realms, &transports, &with("descending")).await.unwrap();
    session.call("com.many.0").await.expect("a result");
    // After a failure, too.
    let failed = node.apply_with(&realms, &transports, &with("failing")).await;
    assert!(failed.is_err());
    session.call("com.many.0").await.expect("a result");
    wait_for_sessions(&session, 2).await;
}

#[tokio::test]
async fn component_starts_again_in_a_realm_that_is_replaced() {
    let transports = [rawsocket(any_port(1))];
    let mut node = TestNode::start_with(&[], components(), &[realm("realm1")], &transports).await;
    let with = [component("one", "greeter", "hello")];
    node.apply_with(&[realm("realm1")], &transports, &with).await.unwrap();
    let options = json!({"call_timeout": 1000});
    let replaced = realm_with("realm1", options, &[role("anonymous", &["*"])]);
    node.apply_with(&[replaced], &transports, &with).await.unwrap();
    let session = node.join(0).await;
    assert_eq!(greeting(&session).await, "hello");
    wait_for_sessions(&session, 2).await;
}
