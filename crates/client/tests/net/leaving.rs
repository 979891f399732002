//! The end of sessions: leaving, GOODBYE, ABORT, lost connections.

use cloverleaf_client::{Error, Failure, Reconnect, Session};
use cloverleaf_wamp::error_uri;
use cloverleaf_wamp::message::{Abort, ClientMessage, RouterMessage};
use std::time::Instant;

use crate::router::{PATIENCE, Router, RouterTransport, SILENCE, realm};

async fn joined(router: &Router) -> Session {
    router.client().connect().await.expect("joined")
}

#[tokio::test]
async fn requests_in_flight_fail_when_the_session_is_left() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let mut events = session.subscribe("test.news").await.expect("subscribed");
    let call = session.call(SILENCE).send();
    session.leave().expect("still connected");
    let error = call.await.expect_err("unanswered");
    assert!(matches!(error, Error::Closed(_)), "{error:?}");
    assert!(events.next().await.is_none());
    session.ended().await;
    let error = session.call(SILENCE).await.expect_err("ended");
    assert_eq!(error.to_string(), "the session is closed: wamp.close.goodbye_and_out");
    assert!(session.connected().await.is_err());
}

#[tokio::test]
async fn a_session_ends_even_if_the_router_does_not_answer_goodbye() {
    let router = Router::new(RouterTransport::Unix);
    let session = router.client().realm(realm::DEAF).connect().await.expect("joined");
    let start = Instant::now();
    session.leave().expect("still connected");
    assert_eq!(session.ended().await, error_uri::CLOSE_NORMAL);
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn the_routers_goodbye_is_answered_and_ends_the_session() {
    let router = Router::new(RouterTransport::WebSocket);
    let session = router.client().reconnect(Reconnect::default()).connect().await.expect("joined");
    router.say_goodbye(error_uri::KILLED);
    assert_eq!(session.ended().await, error_uri::KILLED);
    let received = router.received();
    let Some(ClientMessage::Goodbye(goodbye)) = received.last() else { panic!("{received:?}") };
    assert_eq!(goodbye.reason, error_uri::GOODBYE_AND_OUT);
    assert_eq!(router.names(), ["HELLO", "GOODBYE"]);
}

#[tokio::test]
async fn abort_ends_the_session_without_a_reconnect() {
    let router = Router::new(RouterTransport::Unix);
    let session = router.client().reconnect(Reconnect::default()).connect().await.expect("joined");
    let abort = Abort::new(error_uri::PROTOCOL_VIOLATION, "that was wrong");
    router.say(&RouterMessage::Abort(abort));
    assert_eq!(session.ended().await, "wamp.error.protocol_violation: that was wrong");
    assert_eq!(router.names(), ["HELLO"]);
}

#[tokio::test]
async fn a_lost_connection_ends_the_session_without_reconnecting() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let call = session.call(SILENCE).send();
    router.until_received("CALL", 1).await;
    router.cut();
    let reason = session.ended().await;
    assert!(reason.starts_with("the connection was lost: "), "{reason}");
    let error = call.await.expect_err("unanswered");
    assert_eq!(error.to_string(), format!("the session is closed: {reason}"));
}

#[tokio::test]
async fn a_session_that_its_own_procedure_owns_is_freed_at_its_end() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let held = session.clone();
    let token = std::sync::Arc::new(());
    let observer = std::sync::Arc::downgrade(&token);
    let procedure = move || {
        let (_session, _token) = (held.clone(), std::sync::Arc::clone(&token));
        async { Ok::<u64, Failure>(0) }
    };
    session.register("test.holds", procedure).await.expect("registered");
    session.leave().expect("still connected");
    session.ended().await;
    assert!(observer.upgrade().is_none());
}
