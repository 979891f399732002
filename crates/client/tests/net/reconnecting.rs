//! Lost connections and reconnecting.

use std::time::Duration;

use cloverleaf_client::{Args, Error, Failure, Reconnect, Session};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::ClientMessage;

use crate::router::{ECHO, PATIENCE, Router, RouterTransport, SILENCE, TAKEN};

/// A policy with short delays.
fn soon() -> Reconnect {
    Reconnect::default().first_delay(Duration::from_millis(10)).max_delay(Duration::from_millis(50))
}

async fn joined(router: &Router) -> Session {
    router.client().reconnect(soon()).connect().await.expect("joined")
}

/// Waits until the client has reconnected: the router has received this many HELLOs.
async fn replaced(router: &Router, session: &Session, hellos: usize) {
    router.until_received("HELLO", hellos).await;
    tokio::time::timeout(PATIENCE, session.connected()).await.expect("in time").expect("joined");
}

/// Calls until the procedure is registered again.
async fn sum(session: &Session) -> i64 {
    loop {
        match session.call("test.add").args((2, 3)).await {
            Ok(reply) => return reply.value().expect("a number"),
            Err(error) => assert_eq!(error.uri(), Some("wamp.error.no_such_procedure")),
        }
    }
}

async fn add(Args((a, b)): Args<(i64, i64)>) -> Result<i64, Failure> {
    Ok(a + b)
}

#[tokio::test]
async fn registrations_and_subscriptions_are_restored_after_a_reconnect() {
    for transport in [RouterTransport::WebSocket, RouterTransport::Tcp, RouterTransport::Unix] {
        let router = Router::new(transport);
        let session = joined(&router).await;
        let registration = session.register("test.add", add).await.expect("registered");
        let mut events = session.subscribe("test.news").await.expect("subscribed");
        let before = (registration.id(), session.welcome().map(|welcome| welcome.session));
        router.cut();
        replaced(&router, &session, 2).await;
        assert_eq!(sum(&session).await, 5);
        let after = (registration.id(), session.welcome().map(|welcome| welcome.session));
        assert_ne!(before, after);
        router.until_received("SUBSCRIBE", 2).await;
        session.publish("test.news").args((1,)).exclude_me(false).await.expect("published");
        assert_eq!(events.next().await.expect("an event").args::<(u8,)>().expect("one"), (1,));
        registration.unregister().await.expect("the handle is still good");
        events.unsubscribe().await.expect("the handle is still good");
        let error = session.call("test.add").args((2, 3)).await.expect_err("unregistered");
        assert_eq!(error.uri(), Some("wamp.error.no_such_procedure"));
    }
}

#[tokio::test]
async fn request_ids_count_from_one_on_each_connection() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    for _ in 0..2 {
        session.call(ECHO).await.expect("an echo");
    }
    router.cut();
    replaced(&router, &session, 2).await;
    session.call(ECHO).await.expect("an echo");
    let ids: Vec<u64> = router
        .received()
        .iter()
        .filter_map(|message| match message {
            ClientMessage::Call(call) => Some(call.request.number()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, [1, 2, 1]);
}

#[tokio::test]
async fn requests_fail_when_the_connection_is_lost_and_until_it_is_replaced() {
    let router = Router::new(RouterTransport::Unix);
    let slow = Reconnect::default().first_delay(Duration::from_secs(60));
    let session = router.client().reconnect(slow).connect().await.expect("joined");
    let call = session.call(SILENCE).send();
    router.until_received("CALL", 1).await;
    router.cut();
    let error = call.await.expect_err("unanswered");
    assert!(matches!(&error, Error::Closed(why) if why.starts_with("the connection was lost")));
    assert!(!session.is_connected() && session.closed().is_none());
    let again = session.call(ECHO).await.expect_err("not connected");
    assert_eq!(again.to_string(), error.to_string());
    session.leave().expect("nothing to be said");
    assert_eq!(session.ended().await, error_uri::CLOSE_NORMAL);
}

#[tokio::test]
async fn a_running_procedure_is_stopped_when_the_connection_is_lost() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let held = std::sync::Arc::clone(&gate);
    let wait = move || {
        let gate = std::sync::Arc::clone(&held);
        async move {
            gate.notified().await;
            Ok::<u64, Failure>(1)
        }
    };
    session.register("test.wait", wait).await.expect("registered");
    let call = session.call("test.wait").send();
    router.until_received("CALL", 1).await;
    router.cut();
    call.await.expect_err("the caller is gone too");
    replaced(&router, &session, 2).await;
    gate.notify_waiters();
    session.call(ECHO).await.expect("an echo");
    assert!(!router.names().contains(&"YIELD"), "{:?}", router.names());
}

#[tokio::test]
async fn a_refused_registration_is_restored_later() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let registration = session.register(TAKEN, add).await.expect("registered");
    router.refuse_taken(2);
    router.cut();
    router.until_received("REGISTER", 4).await;
    registration.unregister().await.expect("the handle is still good");
}

#[tokio::test]
async fn a_session_reconnects_after_the_shutdown_of_the_router() {
    let router = Router::new(RouterTransport::WebSocket);
    let session = joined(&router).await;
    router.say_goodbye(error_uri::SYSTEM_SHUTDOWN);
    replaced(&router, &session, 2).await;
    session.call(ECHO).await.expect("an echo");
    assert_eq!(router.names(), ["HELLO", "GOODBYE", "HELLO", "CALL"]);
}

#[tokio::test]
async fn after_the_last_attempt_the_session_ends_with_the_last_error() {
    let router = Router::new(RouterTransport::Unix);
    let address = router.address();
    let client = router.client().reconnect(soon().attempts(2));
    let session = client.connect().await.expect("joined");
    drop(router);
    let reason = session.ended().await;
    assert!(reason.starts_with(&format!("connecting to {address} failed: ")), "{reason}");
}

#[tokio::test]
async fn handles_ended_without_a_connection_are_not_restored() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let registration = session.register("test.add", add).await.expect("registered");
    let events = session.subscribe("test.news").await.expect("subscribed");
    let mut lost = session.call(SILENCE).send();
    router.until_received("CALL", 1).await;
    router.cut();
    (&mut lost).await.expect_err("unanswered");
    registration.unregister().await.expect("nothing to be said");
    events.unsubscribe().await.expect("nothing to be said");
    replaced(&router, &session, 2).await;
    session.call(ECHO).await.expect("an echo");
    let names = ["HELLO", "REGISTER", "SUBSCRIBE", "CALL", "HELLO", "CALL"];
    assert_eq!(router.names(), names);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_ends_while_connections_are_lost() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    session.register("test.add", add).await.expect("registered");
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move {
                let mut answered = 0;
                while answered < 200 {
                    match session.call("test.add").args((2, 3)).await {
                        Ok(reply) => {
                            assert_eq!(reply.value::<i64>().expect("a number"), 5);
                            answered += 1;
                            tokio::task::yield_now().await;
                        }
                        Err(Error::Closed(_)) => session.connected().await.expect("not ended"),
                        Err(error) => {
                            assert_eq!(error.uri(), Some("wamp.error.no_such_procedure"));
                            tokio::task::yield_now().await;
                        }
                    }
                }
            })
        })
        .collect();
    for hellos in 2..6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        router.cut();
        replaced(&router, &session, hellos).await;
    }
    for caller in callers {
        tokio::time::timeout(PATIENCE, caller).await.expect("in time").expect("no panic");
    }
}
