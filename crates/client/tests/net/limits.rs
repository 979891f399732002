//! Messages that can't be sent.

use cloverleaf_client::{Client, Failure, Serializer, Session};
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::router::{ECHO, Router, SILENCE, Way};

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

/// The end of the connection to a router that welcomes its client and reads nothing after that.
async fn welcome_and_stall(listener: TcpListener) -> tokio::net::TcpStream {
    let (mut stream, _) = listener.accept().await.expect("a client");
    let mut octets = [0; 4];
    stream.read_exact(&mut octets).await.expect("a request");
    let welcome = br#"[2,1,{"roles":{"broker":{},"dealer":{}}}]"#;
    let mut bytes = vec![0x7f, 0xf1, 0, 0, 0, 0, 0, welcome.len() as u8];
    bytes.extend_from_slice(welcome);
    stream.write_all(&bytes).await.expect("sent");
    stream
}

#[tokio::test]
async fn calls_fail_at_once_when_the_router_does_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let client = Client::new(&address).expect("an address").serializer(Serializer::Json);
    let (_stream, session) = tokio::join!(welcome_and_stall(listener), client.connect());
    let session = session.expect("joined");
    let text = "x".repeat(100_000);
    let mut calls = Vec::new();
    let refused = loop {
        let mut call = session.call(SILENCE).args((&text,)).send();
        if let Some(outcome) = (&mut call).now_or_never() {
            break outcome.expect_err("refused");
        }
        calls.push(call);
        assert!(calls.len() < 1000, "a hundred megabytes wait for a router that does not read");
        tokio::task::yield_now().await;
    };
    assert_eq!(refused.uri(), Some("wamp.error.unavailable"));
    assert!(session.is_connected());
}
