//! What the router takes away.

use std::sync::Arc;

use cloverleaf_client::Failure;
use futures_util::FutureExt as _;
use tokio::sync::Notify;

use crate::lab::{Lab, ready};

#[test]
fn a_registration_that_is_taken_away_says_so_and_is_gone() {
    let (mut lab, registration) = Lab::with_procedure(|| async { Ok::<_, Failure>(1) });
    let mut ended = Box::pin(registration.ended());
    assert!((&mut ended).now_or_never().is_none());
    assert_eq!(registration.revoked(), None);
    lab.says(r#"[67,0,{"registration":9,"reason":"com.moved"}]"#);
    assert_eq!(ready(ended), "com.moved");
    assert_eq!(registration.revoked().as_deref(), Some("com.moved"));
    // An invocation that crossed it.
    lab.says("[68,1,9,{}]");
    lab.run();
    let sent = lab.sent();
    assert!(sent[0].starts_with(r#"[8,68,1,{},"wamp.error.no_such_procedure""#), "{sent:?}");
    // There is nothing to be ended at the router, and nothing to be restored.
    ready(registration.unregister()).expect("over");
    lab.reconnects();
    assert_eq!(ready(lab.session.restore()).len(), 0);
    assert!(lab.sent().is_empty());
}

#[test]
fn a_reason_that_is_not_given_is_the_specifications() {
    let (lab, registration) = Lab::with_procedure(|| async { Ok::<_, Failure>(1) });
    lab.says(r#"[67,0,{"registration":8}]"#);
    assert_eq!(registration.revoked(), None, "it is another one's");
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
fn what_runs_when_its_registration_is_taken_away_runs_to_its_end() {
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
fn a_subscription_that_is_taken_away_ends_behind_the_events_that_came_before() {
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
