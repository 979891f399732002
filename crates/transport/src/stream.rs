//! A connected socket, TCP or Unix, or anything else that reads and writes bytes.

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

/// What is more than a socket: TLS, or a test's pipe.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A connected byte stream.
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixSocket),
    /// Either of them, read and written through its thread's ring.
    Ring(cloverleaf_ring::Socket, SocketFamily),
    /// Anything else.
    Other(Box<dyn Pipe>),
}

/// What kind of socket is in a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketFamily {
    /// TCP.
    Tcp,
    /// A Unix socket.
    Unix,
}

impl Stream {
    /// A connected TCP socket. Messages are small and somebody waits for each: no delay for fuller
    /// packets. A peer that has vanished without a word is noticed by the system's own questions.
    pub fn tcp(socket: TcpStream) -> io::Result<Self> {
        configure(&SockRef::from(&socket))?;
        Ok(Self::Tcp(socket))
    }

    /// Whether small segments are sent at once, on TCP; they are unless told otherwise.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nodelay(nodelay),
            Self::Unix(_) | Self::Ring(..) | Self::Other(_) => Ok(()),
        }
    }

    /// A socket that has been accepted, watched by the current runtime from now on.
    pub fn accepted(socket: AcceptedSocket) -> io::Result<Self> {
        Ok(match socket {
            AcceptedSocket::Tcp(socket) => Self::Tcp(TcpStream::from_std(socket)?),
            AcceptedSocket::Unix(socket) => Self::Unix(UnixSocket::new(socket)?),
        })
    }

    /// Reads into `buffer`; 0 bytes are the end of the stream.
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

    /// Ends this side's half of the stream.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(socket) => Poll::Ready(socket.shutdown()),
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Ring(socket, _) => socket.poll_shutdown(context),
            Self::Other(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }

    /// Whether the system has said that the peer has ended its half, be there bytes before the end
    /// or not. Nobody is woken by that; a pipe never says so.
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

    /// The stream, read and written through the ring of this thread from now on, if it has one.
    pub fn into_ring(self) -> io::Result<Self> {
        let Some(ring) = Ring::of_thread() else { return Ok(self) };
        Ok(match self {
            Self::Tcp(socket) => Self::Ring(ring.adopt(socket.into_std()?)?, SocketFamily::Tcp),
            Self::Unix(socket) => Self::Ring(ring.adopt(socket.into_std())?, SocketFamily::Unix),
            Self::Ring(..) | Self::Other(_) => self,
        })
    }

    /// Whether it is read and written through a ring.
    pub const fn is_in_ring(&self) -> bool {
        matches!(self, Self::Ring(..))
    }

    /// The stream, given back to the runtime if it was in a ring, and what had come before.
    pub async fn out_of_ring(self) -> io::Result<(Self, Vec<u8>)> {
        let Self::Ring(socket, family) = self else { return Ok((self, Vec::new())) };
        let (descriptor, early) = socket.leave().await?;
        let stream = match family {
            SocketFamily::Tcp => {
                let socket = std::net::TcpStream::from(descriptor);
                socket.set_nonblocking(true)?;
                let socket = TcpStream::from_std(socket)?;
                // The runtime takes a socket for full until it has looked, and whoever gives up at
                // the first full one would lose what he has to say.
                socket.writable().await?;
                Self::Tcp(socket)
            }
            SocketFamily::Unix => Self::Unix(UnixSocket::new(descriptor.into())?),
        };
        Ok((stream, early))
    }

    /// Reads exactly so many bytes.
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

    /// Reads some bytes; 0 is the end of the stream.
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

/// A connected socket that no runtime watches yet: whichever thread is to own it registers it.
#[derive(Debug)]
pub enum AcceptedSocket {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl AcceptedSocket {
    /// A TCP socket, as [`Stream::tcp`] wants it.
    pub(crate) fn tcp(socket: std::net::TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        configure(&SockRef::from(&socket))?;
        Ok(Self::Tcp(socket))
    }
}

/// What every TCP connection has.
fn configure(socket: &SockRef<'_>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&keepalive)
}

/// The interface of an HTTP server's connection.
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
        // Sockets hold nothing back; a pipe is flushed when it is shut down.
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
