//! A Unix socket that is registered for reading only, and for writing only while it is full.
//!
//! A Unix stream that is registered for both wakes its task needlessly for each frame that the peer
//! reads: the read frees buffer space, which is an event. Measured as one needless wake-up per call
//! in the router and one in the callee, a third of the callee's CPU time
//! (`docs/decisions/unix-sockets.md`).

use std::borrow::Cow;
use std::ffi::OsString;
use std::future::Future as _;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The address of a Unix socket in the system. A name with `@` at its beginning belongs to the
/// abstract namespace: it has no file, and the system writes a zero octet in that place.
pub fn system_name(path: &Path) -> Cow<'_, Path> {
    match path.as_os_str().as_bytes().strip_prefix(b"@") {
        Some(name) => {
            let name = [b"\0", name].concat();
            Cow::Owned(OsString::from_vec(name).into())
        }
        None => Cow::Borrowed(path),
    }
}

/// A connected Unix socket, registered for writing only while it is full.
#[derive(Debug)]
pub struct UnixSocket {
    readable: AsyncFd<UnixStream>,
    /// A second handle of the same socket, registered only while a write waits.
    writable: Option<AsyncFd<UnixStream>>,
}

impl UnixSocket {
    /// Registers a socket with the current runtime.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { readable: watch(socket, Interest::READABLE)?, writable: None })
    }

    /// Deregisters the socket from its runtime.
    pub(super) fn into_std(self) -> UnixStream {
        self.readable.into_inner()
    }

    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.readable.poll_read_ready(context))?;
            match guard.try_io(|socket| socket.get_ref().read(buffer)) {
                Ok(Ok(count)) => {
                    // A short read has drained the socket. The next bytes cause a new event.
                    if count < buffer.len() && count > 0 {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                // Not ready after all. The readiness was cleared, so poll again.
                Err(_) => {}
            }
        }
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.readable.get_ref().write(bytes) {
                Ok(count) => {
                    self.writable = None;
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let writable = match &mut self.writable {
                        Some(writable) => writable,
                        none => {
                            let socket = self.readable.get_ref().try_clone()?;
                            none.insert(watch(socket, Interest::WRITABLE)?)
                        }
                    };
                    // A readiness from before the failed write is stale: clear it and poll again.
                    ready!(writable.poll_write_ready(context))?.clear_ready();
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    pub(super) fn peer_has_ended(&self, context: &mut Context<'_>) -> bool {
        let ready = pin!(self.readable.readable()).poll(context);
        matches!(ready, Poll::Ready(Ok(guard)) if guard.ready().is_read_closed())
    }

    pub(super) fn shutdown(&self) -> io::Result<()> {
        self.readable.get_ref().shutdown(Shutdown::Write)
    }
}

/// Registers a socket of the standard library with the runtime.
#[expect(
    deprecated,
    reason = "its successor is unsafe because a type may lie about its descriptor; the standard \
              library's socket, which owns the descriptor it names, does not"
)]
pub(crate) fn watch<T: AsRawFd>(socket: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(socket, interest)
}
