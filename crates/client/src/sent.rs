//! A request that was sent, or could not be: what waits for its answer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::pending::{Answer, Ticket};
use crate::session::Session;

/// Polled to its answer once.
#[derive(Debug)]
pub(crate) enum Sent {
    Waiting(Ticket),
    Failed(Option<Error>),
    Ended,
}

impl From<Result<Ticket, Error>> for Sent {
    fn from(sent: Result<Ticket, Error>) -> Self {
        match sent {
            Ok(ticket) => Self::Waiting(ticket),
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
            Self::Waiting(ticket) => {
                match session.shared().state.lock().pending.poll(*ticket, context) {
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

    /// The request, while its answer is not taken.
    pub(crate) const fn unanswered(&self) -> Option<Ticket> {
        if let Self::Waiting(ticket) = self { Some(*ticket) } else { None }
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
    pub(crate) fn new(session: Session, sent: Result<Ticket, Error>) -> Self {
        Self { session, sent: sent.into() }
    }
}

impl Future for Acknowledging {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { session, sent } = &mut *self;
        sent.poll(session, context).map(|answer| match answer? {
            Answer::Number(number) => Ok(number),
            Answer::Reply(_) => Err(ended()),
        })
    }
}

impl Drop for Acknowledging {
    fn drop(&mut self) {
        if let Some(ticket) = self.sent.unanswered() {
            self.session.abandon(ticket);
        }
    }
}

/// The answer to a request that has none any more, or one of another kind.
pub(crate) fn ended() -> Error {
    Error::Closed("the request has ended already".into())
}
