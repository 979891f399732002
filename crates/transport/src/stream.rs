//! A connected byte stream: a TCP or Unix socket, or another pipe.

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use cloverleaf_ring::Ring;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::arrivals;
use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES};

mod unix;

pub(crate) use unix::watch;
pub use unix::{UnixSocket, system_name};

/// A byte stream that is not a socket, such as the pipe of a test.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A connected byte stream.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixSocket),
    /// A TCP or Unix socket in the ring of its thread.
    Ring(cloverleaf_ring::Socket, SocketFamily),
    /// Any other byte stream.
    Other(Box<dyn Pipe>),
}

/// The kind of a socket in a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketFamily {
    /// TCP.
    Tcp,
    /// A Unix socket.
    Unix,
}

impl Stream {
    /// A connected TCP socket. Sets TCP_NODELAY, since messages are small and must not wait for
    /// fuller packets, and keep-alive probes, which notice a peer that has vanished.
    pub fn tcp(socket: TcpStream) -> io::Result<Self> {
        configure(&SockRef::from(&socket))?;
        Ok(Self::Tcp(socket))
    }

    /// Sets TCP_NODELAY, if this is a TCP socket outside of a ring. It is set by default.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nodelay(nodelay),
            Self::Unix(_) | Self::Ring(..) | Self::Other(_) => Ok(()),
        }
    }

    /// Registers an accepted socket with the current runtime.
    pub fn accepted(socket: AcceptedSocket) -> io::Result<Self> {
        Ok(match socket {
            AcceptedSocket::Tcp(socket) => Self::Tcp(TcpStream::from_std(socket)?),
            AcceptedSocket::Unix(socket) => Self::Unix(UnixSocket::new(socket)?),
        })
    }

    /// Reads into `buffer`. 0 bytes are the end of the stream.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(match self {
            Self::Unix(socket) => socket.poll_read(context, buffer),
            Self::Tcp(socket) => poll_read(Pin::new(socket), context, buffer),
            Self::Ring(socket, _) => socket.poll_read(context, buffer),
            Self::Other(pipe) => poll_read(Pin::new(pipe), context, buffer),
        });
        arrivals::add_one();
        Poll::Ready(count)
    }

    /// Writes as much of `bytes` as fits.
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Unix(socket) => socket.poll_write(context, bytes),
            Self::Tcp(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Ring(socket, _) => socket.poll_write(context, bytes),
            Self::Other(pipe) => Pin::new(pipe).poll_write(context, bytes),
        }
    }

    /// Half-closes the stream.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(socket) => Poll::Ready(socket.shutdown()),
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Ring(socket, _) => socket.poll_shutdown(context),
            Self::Other(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }

    /// Whether the peer has half-closed the stream, possibly behind unread bytes. Registers no
    /// task. Always false for [`Stream::Other`].
    pub fn peer_has_ended(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        match self {
            Self::Unix(socket) => socket.peer_has_ended(&mut context),
            Self::Tcp(socket) => {
                let ready = pin!(socket.ready(Interest::READABLE)).poll(&mut context);
                matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
            }
            Self::Ring(socket, _) => socket.peer_has_ended(),
            Self::Other(_) => false,
        }
    }

    /// Moves the socket into the ring of this thread, if there is one.
    pub fn into_ring(self) -> io::Result<Self> {
        let Some(ring) = Ring::of_thread() else { return Ok(self) };
        Ok(match self {
            Self::Tcp(socket) => Self::Ring(ring.adopt(socket.into_std()?)?, SocketFamily::Tcp),
            Self::Unix(socket) => Self::Ring(ring.adopt(socket.into_std())?, SocketFamily::Unix),
            Self::Ring(..) | Self::Other(_) => self,
        })
    }

    /// Whether the socket is in a ring.
    pub const fn is_in_ring(&self) -> bool {
        matches!(self, Self::Ring(..))
    }

    /// Moves the socket out of the ring to the runtime, if it is in one. Returns also the bytes
    /// that were received before.
    pub async fn out_of_ring(self) -> io::Result<(Self, Vec<u8>)> {
        let Self::Ring(socket, family) = self else { return Ok((self, Vec::new())) };
        let (descriptor, early) = socket.leave().await?;
        let stream = match family {
            SocketFamily::Tcp => {
                let socket = std::net::TcpStream::from(descriptor);
                socket.set_nonblocking(true)?;
                let socket = TcpStream::from_std(socket)?;
                // The runtime takes a new socket for full until it has polled it, and a writer that
                // gives up at the first full socket would lose its bytes.
                socket.writable().await?;
                Self::Tcp(socket)
            }
            SocketFamily::Unix => Self::Unix(UnixSocket::new(descriptor.into())?),
        };
        Ok((stream, early))
    }

    /// Fills `buffer`.
    pub async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let count = self.read(&mut buffer[filled..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += count;
        }
        Ok(())
    }

    /// Reads some bytes. 0 bytes are the end of the stream.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|context| self.poll_read(context, buffer)).await
    }

    /// Writes all bytes.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = std::future::poll_fn(|context| self.poll_write(context, bytes)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

/// A connected socket that is not registered with a runtime yet. The thread that will own it
/// registers it.
#[derive(Debug)]
pub enum AcceptedSocket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl AcceptedSocket {
    /// A TCP socket with the options of [`Stream::tcp`].
    pub(crate) fn tcp(socket: std::net::TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        configure(&SockRef::from(&socket))?;
        Ok(Self::Tcp(socket))
    }
}

/// Sets the options of TCP connections.
fn configure(socket: &SockRef<'_>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)
}

/// For HTTP servers, which read through this trait.
impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(match self.get_mut() {
            Self::Unix(socket) => {
                let count = ready!(socket.poll_read(context, buffer.initialize_unfilled()))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Self::Ring(socket, _) => {
                let count = ready!(socket.poll_read(context, buffer.initialize_unfilled()))?;
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Self::Tcp(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Other(pipe) => Pin::new(pipe).poll_read(context, buffer),
        })?;
        arrivals::add_one();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Sockets do not buffer. A pipe is flushed when it is shut down.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown(context)
    }
}

fn poll_read<T: AsyncRead + ?Sized>(
    stream: Pin<&mut T>,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    stream.poll_read(context, &mut buffer).map_ok(|()| buffer.filled().len())
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Stream::Tcp",
            Self::Unix(_) => "Stream::Unix",
            Self::Ring(..) => "Stream::Ring",
            Self::Other(_) => "Stream::Other",
        })
    }
}
