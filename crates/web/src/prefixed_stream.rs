//! A stream whose first bytes were read before.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_transport::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::read_ahead::ReadAhead;

/// Reads the bytes that were read before, then those of the stream.
#[derive(Debug)]
pub(crate) struct PrefixedStream {
    prefix: ReadAhead,
    stream: Stream,
}

impl PrefixedStream {
    pub(crate) const fn new(prefix: ReadAhead, stream: Stream) -> Self {
        Self { prefix, stream }
    }

    /// The stream, and the first bytes that were not read again.
    pub(crate) fn into_parts(self) -> (Stream, ReadAhead) {
        (self.stream, self.prefix)
    }
}

impl AsyncRead for PrefixedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let unread = this.prefix.unread();
        if unread.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = unread.len().min(buffer.remaining());
        buffer.put_slice(&unread[..count]);
        this.prefix.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PrefixedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().stream.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.poll_shutdown(context)
    }
}
