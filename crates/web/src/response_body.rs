//! Bodies of responses that are longer than what a socket takes at once.
//!
//! A client may read them as slowly as it wants. So a large response counts in the memory of the
//! process until the client has taken it, and [`crate::connections`] watches how fast the client
//! takes it. Shorter responses cost nothing.

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

use crate::connections::{HttpConnection, Shutdown};
use crate::response::{Body, full};

/// How many bytes of a large response hyper gets at once.
const CHUNK: usize = 16 << 10;

/// A large response that a connection sends.
#[derive(Debug)]
pub(crate) struct LargeResponse {
    connection: Arc<HttpConnection>,
    _charge: Charge,
}

impl LargeResponse {
    /// Begins a response with a body of so many bytes. While the process holds more than its
    /// budget, the connection with the largest response or queue is closed.
    pub(crate) fn begin(connection: &Arc<HttpConnection>, bytes: usize) -> Self {
        connection.large_responses.fetch_add(1, Ordering::Relaxed);
        let owner: Weak<HttpConnection> = Arc::downgrade(connection);
        Self {
            connection: Arc::clone(connection),
            _charge: connection.memory.queues().charge(bytes, owner),
        }
    }
}

impl Drop for LargeResponse {
    fn drop(&mut self) {
        self.connection.large_responses.fetch_add(1, Ordering::Relaxed);
    }
}

impl Shed for HttpConnection {
    fn ask_to_shed(&self) {
        log_limited!(
            info,
            "HTTP connection closed",
            peer = %self.peer,
            reason = "the memory for queues and answers is used up"
        );
        self.shut_down(Shutdown::Now);
    }
}

/// The body of a response that only this connection holds.
pub(crate) fn owned(bytes: Bytes, connection: &Arc<HttpConnection>) -> Body {
    if bytes.len() <= LARGE_ANSWER {
        return full(bytes);
    }
    let response = LargeResponse::begin(connection, bytes.len());
    in_chunks(bytes, connection, Some(response))
}

/// The body of a response that many connections share. hyper would copy a long one.
pub(crate) fn shared(bytes: Bytes, connection: &Arc<HttpConnection>) -> Body {
    if bytes.len() <= LARGE_ANSWER { full(bytes) } else { in_chunks(bytes, connection, None) }
}

fn in_chunks(
    rest: Bytes,
    connection: &Arc<HttpConnection>,
    response: Option<LargeResponse>,
) -> Body {
    Either::Right(
        Chunks { rest, connection: Arc::clone(connection), _response: response }.boxed_unsync(),
    )
}

/// A body in chunks. Each chunk that hyper asks for is a sign that the client goes on reading.
struct Chunks {
    rest: Bytes,
    connection: Arc<HttpConnection>,
    _response: Option<LargeResponse>,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(CHUNK);
        let chunk = self.rest.split_to(length);
        self.connection.taken.fetch_add(length, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
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
