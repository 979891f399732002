//! Meta procedures of registrations and subscriptions, and their revocation.
//!
//! Spec: advanced profile "Registration Meta API", "Subscriptions Meta API", "Subscription
//! Revocation".

use std::fmt::Debug;

use cloverleaf_client::{Failure, InvokePolicy, MatchPolicy, Session};
use cloverleaf_wamp::error_uri;
use serde::Serialize;
use serde_json::{Value, json};

use crate::stage::{Stage, id_of, uri_of};

/// The answer of a procedure of the router.
async fn ask(session: &Session, procedure: &str, args: impl Serialize + Debug) -> Value {
    let reply = session.call(procedure).args(&args).await;
    reply.unwrap_or_else(|error| panic!("{procedure} {args:?}: {error}")).value().expect("a value")
}

pub(super) async fn registrations_are_looked_up_and_matched(stage: Stage) {
    let Stage { here, there, uri, .. } = &stage;
    let nothing = async || Ok::<_, Failure>(());
    let prefix = format!("{uri}.");
    let registering = there.register(prefix.as_str(), nothing).matching(MatchPolicy::Prefix);
    let registration = registering.invoke(InvokePolicy::RoundRobin).await.expect("REGISTERED");
    let id = registration.id().number();
    let procedure = format!("{uri}.deep.down");
    let by_prefix = (&prefix, json!({"match": "prefix"}));
    assert_eq!(ask(here, "wamp.registration.lookup", by_prefix).await, id);
    assert_eq!(ask(here, "wamp.registration.lookup", (&procedure,)).await, Value::Null);
    assert_eq!(ask(here, "wamp.registration.match", (&procedure,)).await, id);
    assert_eq!(ask(here, "wamp.registration.match", (uri,)).await, Value::Null);

    let mut details = ask(here, "wamp.registration.get", (id,)).await;
    let created = details.as_object_mut().and_then(|details| details.remove("created"));
    assert!(created.is_some_and(|time| time.is_string()));
    let expected = json!({"id": id, "uri": prefix, "match": "prefix", "invoke": "roundrobin"});
    assert_eq!(details, expected);
    assert_eq!(ask(here, "wamp.registration.count_callees", (id,)).await, 1);
    let callees = ask(here, "wamp.registration.list_callees", (id,)).await;
    assert_eq!(callees, json!([id_of(there)]));

    registration.unregister().await.expect("UNREGISTERED");
    let gone = here.call("wamp.registration.get").args((id,)).await;
    assert_eq!(uri_of(gone), error_uri::NO_SUCH_REGISTRATION);
}

pub(super) async fn subscriptions_are_looked_up_and_matched(stage: Stage) {
    let Stage { here, there, uri, .. } = &stage;
    let pattern = format!("{uri}..state");
    let subscribing = there.subscribe(pattern.as_str()).matching(MatchPolicy::Wildcard);
    let subscription = subscribing.await.expect("SUBSCRIBED");
    let id = subscription.id().number();
    let topic = format!("{uri}.lamp.state");
    let by_wildcard = (&pattern, json!({"match": "wildcard"}));
    assert_eq!(ask(here, "wamp.subscription.lookup", by_wildcard).await, id);
    assert_eq!(ask(here, "wamp.subscription.lookup", (&topic,)).await, Value::Null);
    assert_eq!(ask(here, "wamp.subscription.match", (&topic,)).await, json!([id]));
    assert_eq!(ask(here, "wamp.subscription.match", (uri,)).await, Value::Null);

    let mut details = ask(here, "wamp.subscription.get", (id,)).await;
    let created = details.as_object_mut().and_then(|details| details.remove("created"));
    assert!(created.is_some_and(|time| time.is_string()));
    assert_eq!(details, json!({"id": id, "uri": pattern, "match": "wildcard"}));
    assert_eq!(ask(here, "wamp.subscription.count_subscribers", (id,)).await, 1);
    let subscribers = ask(here, "wamp.subscription.list_subscribers", (id,)).await;
    assert_eq!(subscribers, json!([id_of(there)]));

    subscription.unsubscribe().await.expect("UNSUBSCRIBED");
    let gone = here.call("wamp.subscription.get").args((id,)).await;
    assert_eq!(uri_of(gone), error_uri::NO_SUCH_SUBSCRIPTION);
}

pub(super) async fn revocations_have_a_reason(stage: Stage) {
    let Stage { here, there, uri, .. } = &stage;
    let nothing = async || Ok::<_, Failure>(());
    let registration = there.register(uri.as_str(), nothing).await.expect("REGISTERED");
    let callee = (registration.id().number(), id_of(there), "com.example.moved");
    ask(here, "wamp.registration.remove_callee", callee).await;
    assert_eq!(registration.ended().await, "com.example.moved");
    assert_eq!(registration.revoked().as_deref(), Some("com.example.moved"));

    let mut events = there.subscribe(uri.as_str()).await.expect("SUBSCRIBED");
    let subscriber = (events.id().number(), id_of(there), "com.example.closed");
    ask(here, "wamp.subscription.remove_subscriber", subscriber).await;
    assert!(events.next().await.is_none());
    assert_eq!(events.revoked().as_deref(), Some("com.example.closed"));
}
