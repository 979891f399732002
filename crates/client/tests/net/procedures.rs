//! Procedures and cancellation.

use std::sync::Arc;

use cloverleaf_client::{Answer, Args, Failure, Session};
use cloverleaf_wamp::message::{CancelMode, ClientMessage};
use futures_util::FutureExt as _;
use tokio::sync::Notify;

use crate::router::{ECHO, Router, RouterTransport, SILENCE};

async fn joined(router: &Router) -> Session {
    router.client().connect().await.expect("joined")
}

async fn number_of(session: &Session, procedure: &'static str) -> Result<u64, String> {
    let reply = session.call(procedure).await.map_err(|error| error.to_string())?;
    reply.value().map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_procedure_may_return_several_values_and_keywords() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let stats = |Args((a, b)): Args<(u8, u8)>| async move {
        Answer::args_and_kwargs(
            &(a.min(b), a.max(b)),
            &[("sum", a + b)].into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        )
    };
    session.register("test.stats", stats).await.expect("registered");
    let reply = session.call("test.stats").args((7, 3)).await.expect("an answer");
    assert_eq!(reply.args::<(u8, u8)>().expect("args"), (3, 7));
    let kwargs: serde_json::Value = reply.kwargs().expect("kwargs");
    assert_eq!(kwargs, serde_json::json!({"sum": 10}));
}

#[tokio::test]
async fn arguments_of_the_wrong_type_fail_with_invalid_argument() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let twice = async |Args((n,)): Args<(u32,)>| Ok::<_, Failure>(n * 2);
    session.register("test.twice", twice).await.expect("registered");
    let error = session.call("test.twice").args(("two",)).await.expect_err("no number");
    assert_eq!(error.uri(), Some("wamp.error.invalid_argument"));
}

#[tokio::test]
async fn a_panic_fails_its_own_call_only() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let at_once = || async { if true { panic!("at once") } else { Ok::<u64, Failure>(0) } };
    let later = || async {
        tokio::task::yield_now().await;
        if true { panic!("later") } else { Ok::<u64, Failure>(0) }
    };
    session.register("test.panics", at_once).await.expect("registered");
    session.register("test.panics_later", later).await.expect("registered");
    session.register("test.works", || async { Ok::<u64, Failure>(7) }).await.expect("registered");
    let panicked = Err("wamp.error.runtime_error: the procedure panicked".to_owned());
    assert_eq!(number_of(&session, "test.panics").await, panicked);
    assert_eq!(number_of(&session, "test.panics_later").await, panicked);
    assert_eq!(number_of(&session, "test.works").await, Ok(7));
}

#[tokio::test]
async fn waiting_procedures_run_concurrently() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let gate = Arc::new(Notify::new());
    let waiting = Arc::clone(&gate);
    let wait = move || {
        let gate = Arc::clone(&waiting);
        async move {
            gate.notified().await;
            Ok::<u64, Failure>(1)
        }
    };
    let open = move || {
        gate.notify_one();
        async { Ok::<u64, Failure>(2) }
    };
    session.register("test.wait", wait).await.expect("registered");
    session.register("test.open", open).await.expect("registered");
    let first = session.call("test.wait").send();
    assert_eq!(number_of(&session, "test.open").await, Ok(2));
    assert_eq!(first.await.expect("an answer").value::<u64>().expect("a number"), 1);
}

/// Notifies when it is dropped.
struct DropFlag(Arc<Notify>);

impl Drop for DropFlag {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_interrupt_drops_a_running_procedure() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let (started, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let flags = (Arc::clone(&started), Arc::clone(&dropped));
    let forever = move || {
        let flag = DropFlag(Arc::clone(&flags.1));
        let started = Arc::clone(&flags.0);
        async move {
            let _flag = flag;
            started.notify_one();
            std::future::pending::<Result<(), Failure>>().await
        }
    };
    session.register("test.forever", forever).await.expect("registered");
    let call = session.call("test.forever").send();
    started.notified().await;
    drop(call);
    dropped.notified().await;
    router.until_received("ERROR", 1).await;
    let received = router.received();
    let Some(ClientMessage::Error(error)) = received.last() else { panic!("{received:?}") };
    assert_eq!(error.error.as_str(), "wamp.error.canceled");
}

#[tokio::test]
async fn dropping_a_call_cancels_it_unless_it_has_ended() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    session.call(ECHO).await.expect("an echo");
    drop(session.call(SILENCE).send());
    router.until_received("CANCEL", 1).await;
    let received = router.received();
    let [.., ClientMessage::Call(call), ClientMessage::Cancel(cancel)] = &received[..] else {
        panic!("{received:?}")
    };
    assert_eq!(cancel.request, call.request);
    assert_eq!(cancel.options.mode, Some(CancelMode::KillNoWait.into()));
    assert_eq!(router.names(), ["HELLO", "CALL", "CALL", "CANCEL"]);
}

#[tokio::test]
async fn a_registration_whose_future_is_dropped_is_unregistered() {
    let router = Router::new(RouterTransport::Unix);
    let session = joined(&router).await;
    let mut registering =
        session.register("test.unwanted", || async { Ok::<u64, Failure>(0) }).into_future();
    // Polled once, so that REGISTER is sent, and dropped.
    assert!((&mut registering).now_or_never().is_none());
    drop(registering);
    router.until_received("UNREGISTER", 1).await;
    assert_eq!(router.names(), ["HELLO", "REGISTER", "UNREGISTER"]);
}
