//! Messages above the router's size limit, and routers that do not read.

use std::sync::Arc;

use cloverleaf_client::{Client, Failure, Progress, Serializer, Session};
use cloverleaf_wamp::ids::InvocationId;
use cloverleaf_wamp::message::{ClientMessage, Invocation, InvocationDetails, RouterMessage};
use cloverleaf_wamp::payload::Payload;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::router::{ECHO, PATIENCE, Router, RouterTransport, SILENCE};

/// A router that accepts messages of up to 4 KiB, and a session with it.
async fn joined() -> (Router, Session) {
    let router = Router::with(RouterTransport::Unix, &[Serializer::Json], 4096);
    let session = router.client().serializer(Serializer::Json).connect().await.expect("joined");
    (router, session)
}

fn long_text() -> String {
    "x".repeat(5000)
}

#[tokio::test]
async fn a_hello_above_the_size_limit_fails_at_once() {
    let router = Router::with(RouterTransport::Unix, &[Serializer::Json], 512);
    let start = std::time::Instant::now();
    let client = router.client().serializer(Serializer::Json);
    let error = client.connect().await.expect_err("HELLO is longer");
    assert!(error.to_string().contains("HELLO can't be sent: the message has "), "{error}");
    assert!(start.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_call_above_the_size_limit_fails() {
    let (router, session) = joined().await;
    let error = session.call(ECHO).args((long_text(),)).await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
    session.call(ECHO).args(("short",)).await.expect("an echo");
    assert_eq!(router.names(), ["HELLO", "CALL"]);
}

#[tokio::test]
async fn a_publication_above_the_size_limit_fails() {
    let (router, session) = joined().await;
    let error = session.publish("test.news").args((long_text(),)).await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
    assert_eq!(router.names(), ["HELLO"]);
}

#[tokio::test]
async fn a_result_above_the_size_limit_becomes_an_error() {
    let (_router, session) = joined().await;
    let procedure = || async { Ok::<String, Failure>(long_text()) };
    session.register("test.long", procedure).await.expect("registered");
    let error = session.call("test.long").await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
}

#[tokio::test]
async fn a_failure_above_the_size_limit_still_fails_the_call() {
    let (_router, session) = joined().await;
    let procedure = || async { Err::<u64, _>(Failure::runtime(&long_text())) };
    session.register("test.long", procedure).await.expect("registered");
    let error = session.call("test.long").await.expect_err("it fails");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
}

#[tokio::test]
async fn a_part_above_the_size_limit_cancels_the_call() {
    let (router, session) = joined().await;
    let (mut parts, reply) = session.call(SILENCE).progressive();
    parts.send((long_text(),)).await.expect("taken");
    let error = reply.await.expect_err("too long");
    assert_eq!(error.uri(), Some("wamp.error.payload_size_exceeded"));
    parts.send(("short",)).await.expect_err("ended");
    drop(parts);
    router.until_received("CANCEL", 1).await;
    session.call(ECHO).await.expect("an echo");
    assert_eq!(router.names(), ["HELLO", "CALL", "CANCEL", "CALL"]);
}

#[tokio::test]
async fn a_progressive_result_above_the_size_limit_fails_the_call_and_stops_the_procedure() {
    let (router, session) = joined().await;
    let held = Arc::new(());
    let given_up = Arc::downgrade(&held);
    let held = Mutex::new(Some(held));
    let procedure = move |progress: Progress| {
        let held = held.lock().take();
        async move {
            progress.send(long_text()).await?;
            let _held = held;
            std::future::pending::<Result<(), Failure>>().await
        }
    };
    let registration = session.register("test.long", procedure).await.expect("registered");
    router.say(&RouterMessage::Invocation(Invocation {
        request: InvocationId::new(1).expect("an id"),
        registration: registration.id(),
        details: InvocationDetails { receive_progress: Some(true), ..InvocationDetails::default() },
        payload: Payload::EMPTY,
    }));
    router.until_received("ERROR", 1).await;
    session.call(ECHO).await.expect("an echo");
    assert!(given_up.upgrade().is_none());
    let received = router.received();
    let Some(ClientMessage::Error(error)) = received.get(2) else { panic!("{received:?}") };
    assert_eq!(error.error.as_str(), "wamp.error.payload_size_exceeded");
    assert_eq!(router.names(), ["HELLO", "REGISTER", "ERROR", "CALL"]);
}

/// Accepts a client, sends WELCOME, and reads nothing after that. Returns the server's stream.
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

#[tokio::test]
async fn large_calls_and_results_do_not_deadlock() {
    for transport in [RouterTransport::Unix, RouterTransport::Tcp, RouterTransport::WebSocket] {
        let router = Router::new(transport);
        let session = router.client().serializer(Serializer::Json).connect().await.expect("joined");
        let text = "x".repeat(1_000_000);
        let calls = (0..4).map(|_| session.call(ECHO).args((&text,)).send());
        let answers = timeout(PATIENCE, join_all(calls)).await.expect("no deadlock");
        for answer in answers {
            assert!(answer.expect("an echo").value::<String>().expect("a text") == text);
        }
    }
}

#[tokio::test]
async fn parts_of_a_call_wait_when_the_router_does_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let client = Client::new(&address).expect("an address").serializer(Serializer::Json);
    let (_stream, session) = tokio::join!(welcome_and_stall(listener), client.connect());
    let session = session.expect("joined");
    let text = "x".repeat(100_000);
    let (mut parts, _reply) = session.call(SILENCE).progressive();
    let mut taken = 0;
    while let Some(sent) = parts.send((&text,)).now_or_never() {
        sent.expect("not ended");
        taken += 1;
        assert!(taken < 1000, "a hundred megabytes wait for a router that does not read");
        tokio::task::yield_now().await;
    }
    session.close("the end");
    parts.send((&text,)).await.expect_err("nothing waits for a router that is gone");
}
