//! Messages that can't be sent.

use cloverleaf_client::{Failure, Serializer, Session};

use crate::router::{ECHO, Router, Way};

/// A router that takes messages of 1 KiB.
async fn joined() -> (Router, Session) {
    let router = Router::with(Way::Unix, &[Serializer::Json], 1024);
    let session = router.client().serializer(Serializer::Json).connect().await.expect("joined");
    (router, session)
}

fn long_text() -> String {
    "x".repeat(2000)
}

#[tokio::test]
async fn a_call_that_is_too_long_for_the_router_fails_at_its_caller() {
    let (router, session) = joined().await;
    let error = session.call(ECHO).args((long_text(),)).await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
    session.call(ECHO).args(("short",)).await.expect("an echo");
    assert_eq!(router.names(), ["HELLO", "CALL"]);
}

#[tokio::test]
async fn a_publication_that_is_too_long_fails_at_its_publisher() {
    let (router, session) = joined().await;
    let error = session.publish("test.news").args((long_text(),)).await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
    assert_eq!(router.names(), ["HELLO"]);
}

#[tokio::test]
async fn a_result_that_is_too_long_becomes_an_error() {
    let (_router, session) = joined().await;
    let procedure = || async { Ok::<String, Failure>(long_text()) };
    session.register("test.long", procedure).await.expect("registered");
    let error = session.call("test.long").await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
}

#[tokio::test]
async fn a_failure_with_an_explanation_that_is_too_long_still_fails_its_call() {
    let (_router, session) = joined().await;
    let procedure = || async { Err::<u64, _>(Failure::runtime(&long_text())) };
    session.register("test.long", procedure).await.expect("registered");
    let error = session.call("test.long").await.expect_err("it fails");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
}
