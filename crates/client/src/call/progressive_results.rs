//! The stream of progressive results.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::message::CancelMode;
use futures_util::stream::Stream;

use super::call_future::CallFuture;
use crate::error::{Error, Failure};
use crate::pending::NextResult;
use crate::reply::Reply;
use crate::sent_request::SentRequest;

/// The progressive results of a call; also a [`Stream`]. Dropping it before the call has ended
/// cancels the call (`killnowait`).
///
/// Bounded: results wait for the application and are never dropped one by one. If 4,096 results or
/// 16 MiB wait and more arrive, the call is canceled. The stream then returns the waiting results
/// and the error `wamp.error.unavailable`.
#[derive(Debug)]
#[must_use = "dropping a call cancels it"]
pub struct ProgressiveResults {
    call: CallFuture,
}

impl ProgressiveResults {
    pub(super) const fn new(call: CallFuture) -> Self {
        Self { call }
    }

    /// The next progressive result; none when the final result has arrived. [`Self::reply`] returns
    /// that one.
    ///
    /// # Errors
    /// When the call has failed, after all results that arrived before.
    pub async fn next(&mut self) -> Result<Option<Reply>, Error> {
        poll_fn(|context| self.poll_result(context)).await
    }

    /// The future of the final result. Progressive results that were not taken are dropped.
    pub fn reply(self) -> CallFuture {
        if let Some(key) = self.call.sent.unanswered() {
            let results = self.call.session.shared().state.lock().pending.discard_results(key);
            drop(results);
        }
        self.call
    }

    /// Asks the router to cancel the call; see [`CallFuture::cancel`].
    pub fn cancel(&self, mode: CancelMode) {
        self.call.cancel(mode);
    }

    fn poll_result(&mut self, context: &Context<'_>) -> Poll<Result<Option<Reply>, Error>> {
        let CallFuture { session, sent } = &mut self.call;
        let key = match sent {
            SentRequest::Waiting(key) => *key,
            SentRequest::Failed(error) => {
                let error = error.take();
                *sent = SentRequest::Ended;
                return Poll::Ready(error.map_or(Ok(None), Err));
            }
            SentRequest::Ended => return Poll::Ready(Ok(None)),
        };
        let next = session.shared().state.lock().pending.poll_result(key, context);
        Poll::Ready(match std::task::ready!(next) {
            NextResult::Progressive(result) => Ok(Some(result)),
            NextResult::Final => Ok(None),
            NextResult::Failed(error) => {
                *sent = SentRequest::Ended;
                Err(error)
            }
            NextResult::Overflowed => {
                *sent = SentRequest::Ended;
                session.cancel(key, CancelMode::KillNoWait);
                let text = "the parts of the result came faster than they were taken";
                Err(Error::Wamp(Box::new(Failure::unavailable(text))))
            }
        })
    }
}

impl Stream for ProgressiveResults {
    type Item = Result<Reply, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_result(context).map(Result::transpose)
    }
}
