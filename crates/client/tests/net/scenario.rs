//! One scenario over every transport and in every serializer.

use cloverleaf_client::{Args, Failure, Invocation, Kwargs, Serializer, Session};
use serde::{Deserialize, Serialize};

use crate::router::{ECHO, FAIL, Router, RouterTransport};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Person {
    name: String,
    age: u8,
}

async fn add(Args((a, b)): Args<(i64, i64)>) -> Result<i64, Failure> {
    a.checked_add(b).ok_or_else(|| Failure::invalid_argument("the sum is too large"))
}

async fn greet(
    Args((greeting,)): Args<(String,)>,
    Kwargs(person): Kwargs<Person>,
    _: Invocation,
) -> Result<String, Failure> {
    Ok(format!("{greeting}, {} ({})", person.name, person.age))
}

/// Calls, registers, publishes and subscribes, with successes and failures.
async fn converse(session: &Session) {
    let registration = session.register("test.add", add).await.expect("registered");
    session.register("test.greet", greet).await.expect("registered");
    let sum: i64 =
        session.call("test.add").args((2, 3)).await.expect("a sum").value().expect("i64");
    assert_eq!(sum, 5);

    let person = Person { name: "Ada".to_owned(), age: 36 };
    let reply = session.call("test.greet").args_and_kwargs(("Hello",), &person).await;
    assert_eq!(reply.expect("a greeting").value::<String>().expect("text"), "Hello, Ada (36)");

    let echo = session.call(ECHO).args_and_kwargs((1.5, "ü", [1_u8]), &person).await;
    let echo = echo.expect("an echo");
    assert_eq!(
        echo.args::<(f64, String, Vec<u8>)>().expect("args"),
        (1.5, "ü".to_owned(), vec![1])
    );
    assert_eq!(echo.kwargs::<Person>().expect("kwargs"), person);

    let error = session.call("test.add").args((i64::MAX, 1)).await.expect_err("too large");
    assert_eq!(error.uri(), Some("wamp.error.invalid_argument"));
    assert_eq!(error.to_string(), "wamp.error.invalid_argument: the sum is too large");
    let error = session.call(FAIL).args(("because",)).await.expect_err("it fails");
    assert_eq!(error.to_string(), "wamp.error.runtime_error: because");

    let mut events = session.subscribe("test.news").await.expect("subscribed");
    let publish = session.publish("test.news").args(("extra", 1)).exclude_me(false);
    let publication = publish.await.expect("published");
    let event = events.next().await.expect("an event");
    assert_eq!(event.publication(), publication);
    assert_eq!(event.args::<(String, u8)>().expect("args"), ("extra".to_owned(), 1));
    events.unsubscribe().await.expect("unsubscribed");

    registration.unregister().await.expect("unregistered");
    let error = session.call("test.add").args((2, 3)).await.expect_err("unregistered");
    assert_eq!(error.uri(), Some("wamp.error.no_such_procedure"));
}

async fn holds_over(transport: RouterTransport) {
    for serializer in Serializer::ALL {
        let router = Router::with(transport, &[serializer], 1 << 20);
        let session = router.client().serializer(serializer).connect().await.expect("joined");
        assert!(session.is_connected());
        converse(&session).await;
        session.leave().expect("still connected");
        assert_eq!(session.ended().await, "wamp.close.goodbye_and_out");
        assert!(!session.is_connected());
        let names = router.names();
        let ends = [names[0], names[names.len() - 1]];
        assert_eq!(ends, ["HELLO", "GOODBYE"], "{serializer}");
    }
}

#[tokio::test]
async fn a_conversation_over_websocket() {
    holds_over(RouterTransport::WebSocket).await;
}

#[tokio::test]
async fn a_conversation_over_tcp() {
    holds_over(RouterTransport::Tcp).await;
}

#[tokio::test]
async fn a_conversation_over_a_unix_socket() {
    holds_over(RouterTransport::Unix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_on_a_runtime_of_several_threads() {
    holds_over(RouterTransport::Unix).await;
}
