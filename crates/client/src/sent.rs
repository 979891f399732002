//! A request that was sent, or could not be: what waits for its answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_wamp::ids::RequestId;

use crate::error::Error;
use crate::pending::Answer;
use crate::session::Session;

/// Polled to its answer once.
#[derive(Debug)]
pub(crate) enum Sent {
    Waiting(RequestId),
    Failed(Option<Error>),
    Ended,
}

impl From<Result<RequestId, Error>> for Sent {
    fn from(sent: Result<RequestId, Error>) -> Self {
        match sent {
            Ok(request) => Self::Waiting(request),
            Err(error) => Self::Failed(Some(error)),
        }
    }
}

impl Sent {
    /// The answer, once it is here.
    pub(crate) fn poll(
        &mut self,
        session: &Session,
        context: &Context<'_>,
    ) -> Poll<Result<Answer, Error>> {
        let answer = match self {
            Self::Waiting(request) => {
                match session.shared().state.lock().pending.poll(*request, context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(answer) => answer.unwrap_or_else(|| Err(ended())),
                }
            }
            Self::Failed(error) => Err(error.take().unwrap_or_else(ended)),
            Self::Ended => Err(ended()),
        };
        *self = Self::Ended;
        Poll::Ready(answer)
    }

    /// The number of the request, while it is not answered.
    pub(crate) const fn unanswered(&self) -> Option<RequestId> {
        if let Self::Waiting(request) = self { Some(*request) } else { None }
    }
}

/// A request on its way to the number in its acknowledgement. Dropped before, it is forgotten, and
/// what its acknowledgement grants is given back.
#[derive(Debug)]
pub(crate) struct Acknowledging {
    session: Session,
    sent: Sent,
}

impl Acknowledging {
    pub(crate) fn new(session: Session, sent: Result<RequestId, Error>) -> Self {
        Self { session, sent: sent.into() }
    }
}

impl Future for Acknowledging {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            Answer::Number(number) => Ok(number),
            Answer::Payload(_) => Err(ended()),
        })
    }
}

impl Drop for Acknowledging {
    fn drop(&mut self) {
        if let Some(request) = self.sent.unanswered() {
            self.session.abandon(request);
        }
    }
}

/// The answer to a request that has none any more, or one of another kind.
pub(crate) fn ended() -> Error {
    Error::Closed("the request has ended already".into())
}
