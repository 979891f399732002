//! Calls that end before they are answered.
//!
//! Spec: advanced profile "Call Canceling", "Call Timeouts".

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use cloverleaf_client::Failure;
use cloverleaf_wamp::error_uri;
use tokio::sync::mpsc;

use crate::stage::{Stage, uri_of};

/// A procedure that tells when it has begun and when it was given up, and does not end by itself.
fn endless(told: mpsc::UnboundedSender<&'static str>) -> impl Fn() -> Endless + Send + Sync {
    move || {
        let told = GivenUp(told.clone());
        Box::pin(async move {
            told.0.send("begun").expect("somebody listens");
            std::future::pending().await
        })
    }
}

type Endless = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Tells it when it is dropped.
struct GivenUp(mpsc::UnboundedSender<&'static str>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        // Nobody listens any more where the whole session ends.
        let _ = self.0.send("given up");
    }
}

pub(super) async fn a_call_that_is_given_up_is_interrupted(stage: Stage) {
    let (told, mut heard) = mpsc::unbounded_channel();
    stage.there.register(stage.uri.as_str(), endless(told)).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).send();
    assert_eq!(heard.recv().await, Some("begun"));
    drop(call);
    assert_eq!(heard.recv().await, Some("given up"));
}

pub(super) async fn a_call_times_out(stage: Stage) {
    let (told, mut heard) = mpsc::unbounded_channel();
    stage.there.register(stage.uri.as_str(), endless(told)).await.expect("REGISTERED");
    let call = stage.here.call(stage.uri.as_str()).timeout(Duration::from_millis(20));
    assert_eq!(uri_of(call.await), error_uri::TIMEOUT);
    assert_eq!((heard.recv().await, heard.recv().await), (Some("begun"), Some("given up")));
}
