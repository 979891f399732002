//! The future of a call.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::message::CancelMode;

use crate::error::Error;
use crate::pending::RequestOutcome;
use crate::reply::Reply;
use crate::sent_request::{SentRequest, ended};
use crate::session::Session;

/// A call in flight; resolves to its final result. Dropping it cancels the call (`killnowait`).
#[derive(Debug)]
#[must_use = "dropping a call cancels it"]
pub struct CallFuture {
    pub(super) session: Session,
    pub(super) sent: SentRequest,
}

impl CallFuture {
    /// Asks the router to cancel the call. The future still resolves to the outcome of the call:
    /// with `kill` to the callee's answer, with `skip` (the callee continues) and `killnowait` to
    /// `wamp.error.canceled` at once. Spec: advanced profile "Call Canceling".
    pub fn cancel(&self, mode: CancelMode) {
        if let Some(key) = self.sent.unanswered() {
            self.session.request_cancel(key, mode);
        }
    }
}

impl Future for CallFuture {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            RequestOutcome::Reply(reply) => Ok(reply),
            RequestOutcome::Number(_) => Err(ended()),
        })
    }
}

impl Drop for CallFuture {
    fn drop(&mut self) {
        if let Some(key) = self.sent.unanswered() {
            self.session.cancel(key, CancelMode::KillNoWait);
        }
    }
}
