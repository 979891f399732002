//! Taking a result in parts.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::message::CancelMode;
use futures_util::stream::Stream;

use super::{CallFuture, Reply};
use crate::error::{Error, Failure};
use crate::pending::NextResult;
use crate::sent_request::SentRequest;

/// The result of a call, part by part; also a [`Stream`]. Dropped before the call has ended, it
/// cancels it (`killnowait`).
///
/// Bounded: the parts wait for the application, and are never lost one by one. A call of which
/// 4,096 parts or 16 MiB wait and more come is canceled, and fails with `wamp.error.unavailable`
/// behind them.
#[derive(Debug)]
#[must_use = "dropping a call cancels it"]
pub struct ProgressiveResults {
    call: CallFuture,
}

impl ProgressiveResults {
    pub(super) const fn new(call: CallFuture) -> Self {
        Self { call }
    }

    /// The next part; none when the callee has said its last word, which is [`Self::reply`].
    ///
    /// # Errors
    /// When the call has failed. The parts that came before have been taken then.
    pub async fn next(&mut self) -> Result<Option<Reply>, Error> {
        poll_fn(|context| self.poll_part(context)).await
    }

    /// The final result. Progressive results that were not taken are dropped.
    pub fn reply(self) -> CallFuture {
        if let Some(key) = self.call.sent.unanswered() {
            let parts = self.call.session.shared().state.lock().pending.refuse_parts(key);
            drop(parts);
        }
        self.call
    }

    /// Asks for the call to be given up; see [`Calling::cancel`].
    pub fn cancel(&self, mode: CancelMode) {
        self.call.cancel(mode);
    }

    fn poll_part(&mut self, context: &Context<'_>) -> Poll<Result<Option<Reply>, Error>> {
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
        let next = session.shared().state.lock().pending.poll_part(key, context);
        Poll::Ready(match std::task::ready!(next) {
            NextResult::Partial(part) => Ok(Some(part)),
            NextResult::Last => Ok(None),
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
        self.poll_part(context).map(Result::transpose)
    }
}
