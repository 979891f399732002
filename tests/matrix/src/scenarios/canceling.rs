//! Calls that end before they are answered: what the callee receives, and the error of the caller.
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

/// Reports the progress of a procedure: that it has begun, and whether it has ended or was
/// canceled.
pub(super) struct ProcedureReports {
    sender: mpsc::UnboundedSender<&'static str>,
    at_last: &'static str,
}

impl ProcedureReports {
    pub(super) fn begun(sender: &mpsc::UnboundedSender<&'static str>) -> Self {
        sender.send("begun").expect("the test receives");
        Self { sender: sender.clone(), at_last: "canceled" }
    }

    pub(super) const fn has_ended(&mut self) {
        self.at_last = "ended";
    }
}

impl Drop for ProcedureReports {
    fn drop(&mut self) {
        // The receiver is gone if the whole session ends.
        let _ = self.sender.send(self.at_last);
    }
}

type Running = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A procedure that reports its progress and does not end by itself, and its reports.
fn endless() -> (impl Fn() -> Running + Send + Sync, mpsc::UnboundedReceiver<&'static str>) {
    let (procedure, received, _) = patient();
    (procedure, received)
}

/// A procedure that reports its progress and ends when it is allowed to.
fn patient()
-> (impl Fn() -> Running + Send + Sync, mpsc::UnboundedReceiver<&'static str>, Arc<Notify>) {
    let (sender, received) = mpsc::unbounded_channel();
    let may_end = Arc::new(Notify::new());
    let gate = Arc::clone(&may_end);
    let procedure = move || -> Running {
        let (mut reports, gate) = (ProcedureReports::begun(&sender), Arc::clone(&gate));
        Box::pin(async move {
            gate.notified().await;
            reports.has_ended();
            Ok(())
        })
    };
    (procedure, received, may_end)
}

/// The URI and the arguments of an error.
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

pub(super) async fn dropping_a_call_interrupts_the_callee(stage: Stage) {
    let (procedure, mut received) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    drop(call);
    assert_eq!(received.recv().await, Some("canceled"));
}

pub(super) async fn skip_ends_the_call_without_an_interrupt(stage: Stage) {
    let (procedure, mut received, may_end) = patient();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    call.cancel(CancelMode::Skip);
    assert_eq!(failure_of(call.await), canceled_by_the_router());
    // An interrupt would have come before the answer to a later request.
    stage.there.call("wamp.session.count").await.expect("RESULT");
    // The procedure runs to its end, and its answer is ignored.
    may_end.notify_one();
    assert_eq!(received.recv().await, Some("ended"));
    let next = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    may_end.notify_one();
    next.await.expect("RESULT");
}

pub(super) async fn kill_ends_the_call_with_the_error_of_the_callee(stage: Stage) {
    let (procedure, mut received) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    call.cancel(CancelMode::Kill);
    // The library answers an interrupt without arguments.
    assert_eq!(failure_of(call.await), failure(error_uri::CANCELED, json!([])));
    assert_eq!(received.recv().await, Some("canceled"));
}

pub(super) async fn killnowait_ends_the_call_and_interrupts_the_callee(stage: Stage) {
    let (procedure, mut received) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    call.cancel(CancelMode::KillNoWait);
    assert_eq!(failure_of(call.await), canceled_by_the_router());
    assert_eq!(received.recv().await, Some("canceled"));
}

pub(super) async fn a_progressive_result_can_be_canceled(stage: Stage) {
    let (sender, mut received) = mpsc::unbounded_channel();
    let one_part = move |progress: Progress| {
        let reports = ProcedureReports::begun(&sender);
        async move {
            let _fate = reports;
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
        assert_eq!(
            (received.recv().await, received.recv().await),
            (Some("begun"), Some("canceled"))
        );
    }
}

pub(super) async fn a_call_times_out(stage: Stage) {
    let (procedure, mut received) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).timeout(Duration::from_millis(20));
    let timed_out = failure(error_uri::TIMEOUT, json!(["the call timed out"]));
    assert_eq!(failure_of(call.await), timed_out);
    assert_eq!((received.recv().await, received.recv().await), (Some("begun"), Some("canceled")));
}

pub(super) async fn a_callee_that_handles_timeouts_receives_the_timeout(stage: Stage) {
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

pub(super) async fn a_disconnected_caller_interrupts_its_callee(stage: Stage) {
    let (procedure, mut received) = endless();
    stage.there.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let visitor = stage.visitor().await;
    let _call = visitor.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    visitor.close("the application has ended");
    assert_eq!(received.recv().await, Some("canceled"));
}

pub(super) async fn calls_of_a_disconnected_callee_end(stage: Stage) {
    let (procedure, mut received) = endless();
    let visitor = stage.visitor().await;
    visitor.register(stage.uri.as_str(), procedure).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(received.recv().await, Some("begun"));
    visitor.close("the application has ended");
    let gone = json!(["callee disconnected from in-flight request"]);
    assert_eq!(failure_of(call.await), failure(error_uri::CANCELED, gone));
    assert_eq!(received.recv().await, Some("canceled"));
}
