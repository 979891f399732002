//! A stream of which somebody has read the beginning already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloverleaf_transport::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::held::Held;

/// Reads what was read before once more, then the rest.
#[derive(Debug)]
pub(super) struct Rewound {
    early: Held,
    stream: Stream,
}

impl Rewound {
    pub(super) const fn new(early: Held, stream: Stream) -> Self {
        Self { early, stream }
    }

    /// The stream, and what of the beginning was not read again.
    pub(super) fn into_parts(self) -> (Stream, Held) {
        (self.stream, self.early)
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let unread = this.early.rest();
        if unread.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        let count = unread.len().min(buffer.remaining());
        buffer.put_slice(&unread[..count]);
        this.early.pass(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
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
