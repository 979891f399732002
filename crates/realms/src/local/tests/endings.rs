//! How sessions end, and that nothing of them is left in their realm.

use cloverleaf_client::{Error, Failure, Session};
use cloverleaf_router::SessionCounts;
use futures_util::FutureExt as _;
use tokio::task::JoinHandle;

use super::{TestRealm, external, internal, soon};
use crate::local::{self, LocalIdentity};

/// A session, and the task of its driver.
fn join(lab: &TestRealm, identity: LocalIdentity<'_>) -> (Session, JoinHandle<()>) {
    let (session, driver) = local::join(&lab.realm, identity).expect("the role exists");
    (session, tokio::spawn(driver))
}

fn id(session: &Session) -> u64 {
    session.welcome().expect("joined").session.number()
}

async fn forever() -> Result<(), Failure> {
    std::future::pending().await
}

#[tokio::test]
async fn session_that_is_killed_during_a_call_ends_the_call_and_its_driver() {
    let lab = TestRealm::new();
    let (callee, driver) = join(&lab, external("callee"));
    let (caller, admin) = (lab.join("caller"), lab.join("admin"));
    let registration = callee.register("com.slow", forever).await.expect("registered");
    let mut events = callee.subscribe("com.news").await.expect("subscribed");
    let call = caller.call("com.slow").send();
    tokio::task::yield_now().await;
    soon(admin.call("wamp.session.kill").args((id(&callee),)).send()).await.expect("killed");
    assert_eq!(soon(call).await.expect_err("ended").uri(), Some("wamp.error.canceled"));
    soon(driver).await.expect("the driver ends");
    assert_eq!(callee.closed().as_deref(), Some("wamp.close.killed"));
    assert_eq!(soon(registration.ended()).await, "wamp.close.killed");
    assert!(soon(events.next()).await.is_none());
    let refused = callee.publish("com.news").send_unacknowledged().expect_err("closed");
    assert!(matches!(refused, Error::Closed(_)), "{refused}");
    assert_eq!(lab.realm.session_counts(), SessionCounts { internal: 2, total: 2 });
    assert_eq!(lab.realm.calls_in_flight(), 0);
}

#[tokio::test]
async fn internal_session_is_ended_by_the_router_and_not_by_the_meta_api() {
    let lab = TestRealm::new();
    let (component, driver) = join(&lab, internal("component"));
    let (other, admin) = (lab.join("other"), lab.join_external("admin"));
    let kill = admin.call("wamp.session.kill").args((id(&component),)).send();
    assert_eq!(soon(kill).await.expect_err("refused").uri(), Some("wamp.error.not_authorized"));
    soon(admin.call("wamp.session.kill_all").send()).await.expect("killed");
    assert_eq!(lab.realm.session_counts(), SessionCounts { internal: 2, total: 3 });
    let session = component.welcome().expect("joined").session;
    assert!(lab.realm.end_session(session, "com.stopped"));
    assert!(!lab.realm.end_session(session, "com.stopped"), "it has ended");
    soon(driver).await.expect("the driver ends");
    assert_eq!(component.closed().as_deref(), Some("com.stopped"));
    lab.realm.close("wamp.close.close_realm");
    assert_eq!(soon(other.ended()).await, "wamp.close.close_realm");
    soon(admin.ended()).await;
    lab.until(|realm| realm.is_empty()).await;
}

#[tokio::test]
async fn session_ends_with_its_driver() {
    let lab = TestRealm::new();
    let (callee, driver) = local::join(&lab.realm, internal("callee")).expect("the role exists");
    let caller = lab.join("caller");
    callee.register("com.slow", forever).await.expect("registered");
    let call = caller.call("com.slow").send();
    drop(driver);
    assert_eq!(soon(call).await.expect_err("ended").uri(), Some("wamp.error.canceled"));
    assert!(callee.closed().is_some());
    assert_eq!(lab.realm.session_count(), 1);
}

#[tokio::test]
async fn ten_thousand_sessions_leave_no_entry() {
    let lab = TestRealm::new();
    for number in 0..10_000 {
        let identity = if number % 2 == 0 { internal("ann") } else { external("bob") };
        let (session, driver) = local::join(&lab.realm, identity).expect("the role exists");
        if number % 3 == 0 {
            let mut subscribing = Box::pin(session.subscribe("com.a").into_future());
            drop((&mut subscribing).now_or_never().expect("answered at once"));
        }
        if number % 5 == 0 {
            drop(driver);
            continue;
        }
        session.leave().expect("open");
        soon(driver).await;
    }
    lab.until(|realm| realm.is_empty()).await;
    assert_eq!(lab.realm.session_counts(), SessionCounts::default());
}

#[tokio::test]
async fn every_call_ends_once_while_callees_and_callers_come_and_go() {
    const ROUNDS: usize = 60;
    const CALLS: usize = 20;
    let lab = TestRealm::new();
    let admin = lab.join("admin");
    let (mut answered, mut failed) = (0, 0);
    for round in 0..ROUNDS {
        let identity = if round % 2 == 0 { internal("callee") } else { external("callee") };
        let (callee, driver) = local::join(&lab.realm, identity).expect("the role exists");
        let sometimes = move |number: (usize,)| async move {
            if number.0.is_multiple_of(3) {
                std::future::pending().await
            } else {
                Ok::<_, Failure>(number.0)
            }
        };
        let code = move |cloverleaf_client::Args(number): cloverleaf_client::Args<(usize,)>| {
            sometimes(number)
        };
        callee.register("com.mixed", code).await.expect("registered");
        let (caller, caller_driver) = join(&lab, external("caller"));
        let calls: Vec<_> =
            (0..CALLS).map(|number| caller.call("com.mixed").args((number,)).send()).collect();
        // A driver that never runs leaves all invocations in its queue.
        let driver = if round % 4 == 3 { Err(driver) } else { Ok(tokio::spawn(driver)) };
        tokio::task::yield_now().await;
        let ends_caller = round % 5 == 0;
        match round % 3 {
            _ if ends_caller => caller_driver.abort(),
            0 => callee.leave().expect("open"),
            1 => {
                let session = callee.welcome().expect("joined").session;
                assert!(lab.realm.end_session(session, "com.stopped"));
            }
            _ => callee.close("com.closed"),
        }
        if let Err(driver) = driver {
            drop(driver);
        }
        for call in calls {
            match soon(call).await {
                Ok(_) => answered += 1,
                Err(_) => failed += 1,
            }
        }
        callee.close("com.over");
        caller.close("com.over");
        lab.until(|realm| realm.session_count() == 1).await;
    }
    assert_eq!(answered + failed, ROUNDS * CALLS);
    assert!(answered > 0 && failed > 0, "{answered} answered, {failed} failed");
    assert_eq!(lab.realm.calls_in_flight(), 0);
    admin.close("com.over");
    lab.until(|realm| realm.is_empty()).await;
}
