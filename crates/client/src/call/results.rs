//! Taking a result in parts.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::message::CancelMode;
use futures_util::stream::Stream;

use super::{Calling, Reply};
use crate::error::{Error, Failure};
use crate::pending::Next;
use crate::sent::Sent;

/// The result of a call, part by part; also a [`Stream`]. Dropped before the call has ended, it
/// cancels it (`killnowait`).
///
/// Bounded: the parts wait for the application, and are never lost one by one. A call of which
/// 4,096 parts or 16 MiB wait and more come is canceled, and fails with `wamp.error.unavailable`
/// behind them.
#[derive(Debug)]
#[must_use = "dropping a call cancels it"]
pub struct Results {
    calling: Calling,
}

impl Results {
    pub(super) const fn new(calling: Calling) -> Self {
        Self { calling }
    }

    /// The next part; none when the callee has said its last word, which is [`Self::reply`].
    ///
    /// # Errors
    /// When the call has failed. The parts that came before have been taken then.
    pub async fn next(&mut self) -> Result<Option<Reply>, Error> {
        poll_fn(|context| self.poll_part(context)).await
    }

    /// The last word of the callee, with the whole result or what is left of it. Parts that were
    /// not taken are dropped.
    pub fn reply(self) -> Calling {
        if let Some(ticket) = self.calling.sent.unanswered() {
            let parts = self.calling.session.shared().state.lock().pending.refuse_parts(ticket);
            drop(parts);
        }
        self.calling
    }

    /// Asks for the call to be given up; see [`Calling::cancel`].
    pub fn cancel(&self, mode: CancelMode) {
        self.calling.cancel(mode);
    }

    fn poll_part(&mut self, context: &Context<'_>) -> Poll<Result<Option<Reply>, Error>> {
        let Calling { session, sent } = &mut self.calling;
        let ticket = match sent {
            Sent::Waiting(ticket) => *ticket,
            Sent::Failed(error) => {
                let error = error.take();
                *sent = Sent::Ended;
                return Poll::Ready(error.map_or(Ok(None), Err));
            }
            Sent::Ended => return Poll::Ready(Ok(None)),
        };
        let next = session.shared().state.lock().pending.poll_part(ticket, context);
        Poll::Ready(match std::task::ready!(next) {
            Next::Part(part) => Ok(Some(part)),
            Next::Last => Ok(None),
            Next::Failed(error) => {
                *sent = Sent::Ended;
                Err(error)
            }
            Next::Overflowed => {
                *sent = Sent::Ended;
                session.cancel(ticket, CancelMode::KillNoWait);
                let text = "the parts of the result came faster than they were taken";
                Err(Error::Wamp(Box::new(Failure::unavailable(text))))
            }
        })
    }
}

impl Stream for Results {
    type Item = Result<Reply, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_part(context).map(Result::transpose)
    }
}
