//! The futures of a request's answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::pending::{RequestKey, RequestOutcome};
use crate::session::Session;

/// A request that was sent, or the error that kept it from being sent. Yields its answer once.
#[derive(Debug)]
pub(crate) enum SentRequest {
    Waiting(RequestKey),
    Failed(Option<Error>),
    Ended,
}

impl From<Result<RequestKey, Error>> for SentRequest {
    fn from(sent: Result<RequestKey, Error>) -> Self {
        match sent {
            Ok(key) => Self::Waiting(key),
            Err(error) => Self::Failed(Some(error)),
        }
    }
}

impl SentRequest {
    /// Takes the answer.
    pub(crate) fn poll(
        &mut self,
        session: &Session,
        context: &Context<'_>,
    ) -> Poll<Result<RequestOutcome, Error>> {
        let answer = match self {
            Self::Waiting(key) => match session.shared().state.lock().pending.poll(*key, context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(answer) => answer.unwrap_or_else(|| Err(ended())),
            },
            Self::Failed(error) => Err(error.take().unwrap_or_else(ended)),
            Self::Ended => Err(ended()),
        };
        *self = Self::Ended;
        Poll::Ready(answer)
    }

    /// The key of the request, while its answer is not taken.
    pub(crate) const fn unanswered(&self) -> Option<RequestKey> {
        if let Self::Waiting(key) = self { Some(*key) } else { None }
    }
}

/// Resolves to the id in the acknowledgement of a request. When it is dropped early, the answer is
/// ignored and what the acknowledgement grants is undone.
#[derive(Debug)]
pub(crate) struct AcknowledgementFuture {
    session: Session,
    sent: SentRequest,
}

impl AcknowledgementFuture {
    pub(crate) fn new(session: Session, sent: Result<RequestKey, Error>) -> Self {
        Self { session, sent: sent.into() }
    }
}

impl Future for AcknowledgementFuture {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            RequestOutcome::Number(number) => Ok(number),
            RequestOutcome::Reply(_) => Err(ended()),
        })
    }
}

impl Drop for AcknowledgementFuture {
    fn drop(&mut self) {
        if let Some(key) = self.sent.unanswered() {
            self.session.abandon(key);
        }
    }
}

/// The error of a request whose answer was taken already, or has the wrong type.
pub(crate) fn ended() -> Error {
    Error::Closed("the request has ended already".into())
}
