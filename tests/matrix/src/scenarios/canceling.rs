//! Calls that end before they are answered: what the callee sees, and with which error they end.
//!
//! Spec: advanced profile "Call Canceling", "Call Timeouts"; basic profile "Caller Leaving During
//! an RPC Invocation", "Callee Leaving During an RPC Invocation".

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cloverleaf_client::{CancelMode, Error, Failure, Invocation, Progress};
use cloverleaf_wamp::error_uri;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::stage::Stage;

/// Tells how a procedure fares: that it has begun, and whether it has ended or was given up.
pub(super) struct Fate {
    told: mpsc::UnboundedSender<&'static str>,
    at_last: &'static str,
}

impl Fate {
    pub(super) fn begun(told: &mpsc::UnboundedSender<&'static str>) -> Self {
        told.send("begun").expect("somebody listens");
        Self { told: told.clone(), at_last: "given up" }
    }

    pub(super) const fn has_ended(&mut self) {
        self.at_last = "ended";
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        // Nobody listens any more where the whole session ends.
        let _ = self.told.send(self.at_last);
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A procedure that tells how it fares and does not end by itself, and what it tells.
fn endless() -> (impl Fn() -> Running + Send + Sync, mpsc::UnboundedReceiver<&'static str>) {
    let (procedure, heard, _) = patient();
    (procedure, heard)
}

/// A procedure that tells how it fares and ends when it may.
fn patient()
-> (impl Fn() -> Running + Send + Sync, mpsc::UnboundedReceiver<&'static str>, Arc<Notify>) {
    let (told, heard) = mpsc::unbounded_channel();
    let may_end = Arc::new(Notify::new());
    let gate = Arc::clone(&may_end);
    let procedure = move || -> Running {
        let (mut fate, gate) = (Fate::begun(&told), Arc::clone(&gate));
        Box::pin(async move {
            gate.notified().await;
            fate.has_ended();
            Ok(())
        })
    };
    (procedure, heard, may_end)
}

/// The URI of what has failed, and its arguments.
fn failure_of<T: Debug>(answer: Result<T, Error>) -> (String, Value) {
    match answer.expect_err("it has to fail") {
        Error::Wamp(failure) => {
            (failure.uri.to_string(), failure.payload.decode_args().expect("values"))
        }
        other => panic!("{other}"),
    }
}

fn failure(uri: &str, args: Value) -> (String, Value) {
    (uri.to_owned(), args)
}

fn canceled_by_the_router() -> (String, Value) {
    failure(error_uri::CANCELED, json!(["the call was canceled"]))
}

pub(super) async fn a_call_that_is_dropped_is_interrupted(stage: Stage) {
    let (procedure, mut heard) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    drop(call);
    assert_eq!(heard.recv().await, Some("given up"));
}

pub(super) async fn skip_ends_the_call_and_leaves_the_callee_alone(stage: Stage) {
    let (procedure, mut heard, may_end) = patient();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    call.cancel(CancelMode::Skip);
    assert_eq!(failure_of(call.await), canceled_by_the_router());
    // An interrupt would have come before what is answered behind it.
    stage.there.call("wamp.session.count").await.expect("RESULT");
    // It runs to its end, and nobody minds its answer.
    may_end.notify_one();
    assert_eq!(heard.recv().await, Some("ended"));
    let next = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    may_end.notify_one();
    next.await.expect("RESULT");
}

pub(super) async fn kill_ends_the_call_with_what_the_callee_says(stage: Stage) {
    let (procedure, mut heard) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    call.cancel(CancelMode::Kill);
    // The library's own answer to an interrupt has no arguments.
    assert_eq!(failure_of(call.await), failure(error_uri::CANCELED, json!([])));
    assert_eq!(heard.recv().await, Some("given up"));
}

pub(super) async fn killnowait_ends_the_call_and_interrupts_the_callee(stage: Stage) {
    let (procedure, mut heard) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    call.cancel(CancelMode::KillNoWait);
    assert_eq!(failure_of(call.await), canceled_by_the_router());
    assert_eq!(heard.recv().await, Some("given up"));
}

pub(super) async fn a_result_in_parts_is_canceled_behind_its_last_part(stage: Stage) {
    let (told, mut heard) = mpsc::unbounded_channel();
    let one_part = move |progress: Progress| {
        let fate = Fate::begun(&told);
        async move {
            let _fate = fate;
            progress.send("the only part").await?;
            std::future::pending::<Result<(), Failure>>().await
        }
    };
    stage.there.register(stage.uri.as_str(), one_part).await.expect("REGISTERED");
    for mode in [CancelMode::Kill, CancelMode::KillNoWait] {
        let mut results = stage.here.call(stage.uri.as_str()).receive_progress();
        let part = results.next().await.expect("no failure").expect("a part");
        assert_eq!(part.value::<String>().expect("a text"), "the only part");
        results.cancel(mode);
        assert_eq!(failure_of(results.next().await).0, error_uri::CANCELED);
        assert_eq!((heard.recv().await, heard.recv().await), (Some("begun"), Some("given up")));
    }
}

pub(super) async fn a_call_times_out(stage: Stage) {
    let (procedure, mut heard) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).timeout(Duration::from_millis(20));
    let timed_out = failure(error_uri::TIMEOUT, json!(["the call timed out"]));
    assert_eq!(failure_of(call.await), timed_out);
    assert_eq!((heard.recv().await, heard.recv().await), (Some("begun"), Some("given up")));
}

pub(super) async fn a_callee_that_watches_the_time_is_told_how_long(stage: Stage) {
    let watch = async |invocation: Invocation| match invocation.timeout() {
        Some(time) => Err::<(), _>(Failure::timeout(&format!("{time:?} are not enough"))),
        None => Ok(()),
    };
    let registering = stage.there.register(stage.uri.as_str(), watch).forward_timeout();
    registering.await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).timeout(Duration::from_secs(600));
    let timed_out = failure(error_uri::TIMEOUT, json!(["600s are not enough"]));
    assert_eq!(failure_of(call.await), timed_out);
    stage.here.call(stage.uri.as_str()).await.expect("RESULT");
}

pub(super) async fn a_caller_that_goes_interrupts_its_callee(stage: Stage) {
    let (procedure, mut heard) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let visitor = stage.visitor().await;
    let _call = visitor.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    visitor.close("the application has ended");
    assert_eq!(heard.recv().await, Some("given up"));
}

pub(super) async fn a_callee_that_goes_ends_its_calls(stage: Stage) {
    let (procedure, mut heard) = endless();
    let visitor = stage.visitor().await;
    visitor.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    visitor.close("the application has ended");
    let gone = json!(["callee disconnected from in-flight request"]);
    assert_eq!(failure_of(call.await), failure(error_uri::CANCELED, gone));
    assert_eq!(heard.recv().await, Some("given up"));
}
