//! Bodies of answers that are longer than what a socket takes at once.
//!
//! A client may read them as slowly as it wants. So a large answer counts in the memory of the
//! process until the client has taken it, and `visits` looks how fast the client takes it. Shorter
//! answers cost nothing.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use cloverleaf_transport::limits::LARGE_ANSWER;
use cloverleaf_transport::log_limited;
use cloverleaf_transport::outbound::{Charge, Shed};
use http_body_util::{BodyExt as _, Either};
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::visits::{Asked, Visit};
use super::{Body, full};

/// How many bytes of a large answer hyper is given at once.
const PIECE: usize = 16 << 10;

/// A large answer that a connection sends.
#[derive(Debug)]
pub(super) struct LargeAnswer {
    visit: Arc<Visit>,
    _charge: Charge,
}

impl LargeAnswer {
    /// Begins an answer with a body of so many bytes. While the process holds more than its budget,
    /// the connection with the largest answer or queue is closed.
    pub(super) fn begin(visit: &Arc<Visit>, bytes: usize) -> Self {
        visit.large_answers.fetch_add(1, Ordering::Relaxed);
        let owner: Weak<Visit> = Arc::downgrade(visit);
        Self { visit: Arc::clone(visit), _charge: visit.memory.queues().charge(bytes, owner) }
    }
}

impl Drop for LargeAnswer {
    fn drop(&mut self) {
        self.visit.large_answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shed for Visit {
    fn ask_to_shed(&self) {
        log_limited!(
            info,
            "HTTP connection closed",
            peer = %self.from,
            reason = "the memory for queues and answers is used up"
        );
        self.ask(Asked::End);
    }
}

/// The body of an answer that only this connection holds.
pub(super) fn body(bytes: Bytes, visit: &Arc<Visit>) -> Body {
    if bytes.len() <= LARGE_ANSWER {
        return full(bytes);
    }
    let answer = LargeAnswer::begin(visit, bytes.len());
    in_pieces(bytes, visit, Some(answer))
}

/// The body of an answer that many connections share. hyper would copy a long one.
pub(super) fn shared(bytes: Bytes, visit: &Arc<Visit>) -> Body {
    if bytes.len() <= LARGE_ANSWER { full(bytes) } else { in_pieces(bytes, visit, None) }
}

fn in_pieces(rest: Bytes, visit: &Arc<Visit>, answer: Option<LargeAnswer>) -> Body {
    Either::Right(Pieces { rest, visit: Arc::clone(visit), _answer: answer }.boxed_unsync())
}

/// A body in pieces. Each one that hyper asks for is a sign that the client goes on reading.
struct Pieces {
    rest: Bytes,
    visit: Arc<Visit>,
    _answer: Option<LargeAnswer>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        self.visit.taken.fetch_add(length, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests;
