//! A stream of which somebody has read the beginning already, and which ends without haste.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cloverleaf_transport::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

use super::held::Held;
use super::linger::linger;

/// Reads what was read before once more, then the rest.
#[derive(Debug)]
pub(super) struct Rewound {
    early: Held,
    /// None once it has been taken out.
    stream: Option<Stream>,
    half: Half,
}

/// Who has ended his half of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Nobody,
    Us,
    Client,
}

impl Rewound {
    pub(super) const fn new(early: Held, stream: Stream) -> Self {
        Self { early, stream: Some(stream), half: Half::Nobody }
    }

    /// The stream, and what of the beginning was not read again.
    pub(super) fn into_parts(mut self) -> Option<(Stream, Held)> {
        Some((self.stream.take()?, std::mem::take(&mut self.early)))
    }

    fn stream(&mut self) -> io::Result<&mut Stream> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Rewound {
    fn drop(&mut self) {
        // Without a runtime the process ends, and so do all connections.
        if self.half == Half::Us
            && let Some(stream) = self.stream.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(linger(stream));
        }
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
            let before = buffer.filled().len();
            ready!(Pin::new(this.stream()?).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                this.half = Half::Client;
            }
            return Poll::Ready(Ok(()));
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
        self.get_mut().stream()?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream()?).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.stream()?.poll_shutdown(context))?;
        if this.half == Half::Nobody {
            this.half = Half::Us;
        }
        Poll::Ready(Ok(()))
    }
}
