//! Revocation of registrations and subscriptions by the router.

use std::sync::Arc;

use cloverleaf_client::Failure;
use futures_util::FutureExt as _;
use tokio::sync::Notify;

use crate::lab::{Lab, ready};

#[test]
fn a_revoked_registration_ends_with_the_reason() {
    let (mut lab, registration) = Lab::with_procedure(|| async { Ok::<_, Failure>(1) });
    let mut ended = Box::pin(registration.ended());
    assert!((&mut ended).now_or_never().is_none());
    assert_eq!(registration.revoked(), None);
    lab.says(r#"[67,0,{"registration":9,"reason":"com.moved"}]"#);
    assert_eq!(ready(ended), "com.moved");
    assert_eq!(registration.revoked().as_deref(), Some("com.moved"));
    // An INVOCATION that the router sent before.
    lab.says("[68,1,9,{}]");
    lab.run();
    let sent = lab.sent();
    assert!(sent[0].starts_with(r#"[8,68,1,{},"wamp.error.no_such_procedure""#), "{sent:?}");
    // UNREGISTER is not sent, and a reconnect restores nothing.
    ready(registration.unregister()).expect("over");
    lab.reconnects();
    assert_eq!(ready(lab.session.restore()).len(), 0);
    assert!(lab.sent().is_empty());
}

#[test]
fn a_revocation_without_a_reason_has_the_default_one() {
    let (lab, registration) = Lab::with_procedure(|| async { Ok::<_, Failure>(1) });
    lab.says(r#"[67,0,{"registration":8}]"#);
    assert_eq!(registration.revoked(), None, "the revocation names another registration");
    lab.says(r#"[67,0,{"registration":9}]"#);
    assert_eq!(ready(registration.ended()), "wamp.error.unregistered");
}

#[test]
fn a_registration_ends_with_its_session() {
    let (lab, registration) = Lab::with_procedure(|| async { Ok::<_, Failure>(1) });
    lab.session.close("wamp.close.system_shutdown");
    assert_eq!(ready(registration.ended()), "wamp.close.system_shutdown");
    assert_eq!(registration.revoked(), None);
}

#[test]
fn a_running_procedure_continues_after_a_revocation() {
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let wait = move || {
        let gate = Arc::clone(&waiting);
        async move {
            gate.notified().await;
            Ok::<_, Failure>(7)
        }
    };
    let (mut lab, _registration) = Lab::with_procedure(wait);
    lab.says("[68,1,9,{}]");
    lab.run();
    lab.says(r#"[67,0,{"registration":9}]"#);
    gate.notify_one();
    lab.run();
    assert_eq!(lab.sent(), ["[70,1,{},[7]]"]);
}

#[test]
fn a_revoked_subscription_ends_after_its_queued_events() {
    let lab = Lab::new();
    let mut subscribing = lab.session.subscribe("com.a").into_future();
    assert!((&mut subscribing).now_or_never().is_none());
    lab.says("[33,1,5]");
    let mut events = ready(subscribing).expect("subscribed");
    lab.says("[36,5,8,{}]");
    lab.says(r#"[35,0,{"subscription":5,"reason":"no longer authorized"}]"#);
    lab.says("[36,5,9,{}]");
    assert_eq!(ready(events.next()).map(|event| event.publication().number()), Some(8));
    assert!(ready(events.next()).is_none());
    assert_eq!(events.revoked().as_deref(), Some("no longer authorized"));
    lab.sent();
    ready(events.unsubscribe()).expect("over");
    assert!(lab.sent().is_empty());
}
