//! The sending half of all connections: messages are appended to a buffer and leave with one
//! write at the end of the turn. Reading is `connections`' business.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use cloverleaf_wamp::rawsocket::{self, FrameKind};
use cloverleaf_wamp::serializer::Serializer;
use cloverleaf_wamp::websocket::{MessageKind, sender};
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::net::sockopt::set_socket_linger;
use slab::Slab;

/// A connected or connecting socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Reads what has come.
    ///
    /// # Errors
    /// Those of the socket; `WouldBlock` when nothing has come.
    #[inline]
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

/// How messages are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// RawSocket: a length before each.
    RawSocket,
    /// WebSocket, client to server.
    WebSocket,
}

/// One connection, to be written to.
#[derive(Debug)]
pub struct Output {
    pub(super) socket: Socket,
    framing: Framing,
    serializer: Serializer,
    unsent: Vec<u8>,
    /// How much of `unsent` has been sent.
    sent: usize,
    /// Whether it is in the list of those to be written at the end of the turn.
    listed: bool,
    /// Whether the socket takes nothing now; it is registered for writing only then, since a Unix
    /// socket would wake its owner for each message that the peer reads.
    blocked: bool,
}

/// All connections, to be written to.
#[derive(Debug)]
pub struct Outputs {
    open: Slab<Output>,
    listed: Vec<usize>,
    masks: SmallRng,
    origin: Instant,
    /// When the last bytes were read, in nanoseconds since the beginning; never 0.
    now: u64,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            open: Slab::new(),
            listed: Vec::new(),
            // Masks protect proxies from the octets of a browser's page; here nobody attacks.
            masks: SmallRng::seed_from_u64(0),
            origin: Instant::now(),
            now: 1,
        }
    }
}

impl Outputs {
    /// When the message that is being handled was read, in nanoseconds since the beginning. What
    /// it gives rise to counts as sent then.
    #[inline]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Reads the clock.
    #[inline]
    pub fn look_at_clock(&mut self) -> u64 {
        self.now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.now
    }

    /// Appends a message to a connection that is open; `write` gets its serializer.
    #[inline]
    pub fn send(&mut self, to: usize, write: impl FnOnce(Serializer, &mut Vec<u8>)) {
        let Some(output) = self.open.get_mut(to) else { return };
        let Output { framing, serializer, unsent, listed, .. } = output;
        match framing {
            Framing::RawSocket => {
                let start = unsent.len();
                unsent.extend_from_slice(&[0; rawsocket::PREFIX_LEN]);
                let payload = unsent.len();
                write(*serializer, unsent);
                let prefix = rawsocket::prefix(FrameKind::Message, unsent.len() - payload);
                unsent[start..payload].copy_from_slice(&prefix);
            }
            Framing::WebSocket => {
                let kind =
                    if serializer.is_text() { MessageKind::Text } else { MessageKind::Binary };
                let mask = Some(self.masks.next_u32().to_ne_bytes());
                sender::write_message_with(unsent, kind, mask, |out| write(*serializer, out));
            }
        }
        if !*listed {
            *listed = true;
            self.listed.push(to);
        }
    }

    /// Appends bytes as they are: those of a handshake.
    pub(super) fn send_bytes(&mut self, to: usize, bytes: &[u8]) {
        let Some(output) = self.open.get_mut(to) else { return };
        output.unsent.extend_from_slice(bytes);
        self.list(to);
    }

    /// Answers a ping.
    pub(super) fn send_pong(&mut self, to: usize, payload: &[u8]) {
        let Some(output) = self.open.get_mut(to) else { return };
        match output.framing {
            Framing::RawSocket => {
                output.unsent.extend(rawsocket::prefix(FrameKind::Pong, payload.len()));
                output.unsent.extend_from_slice(payload);
            }
            Framing::WebSocket => {
                let mask = Some(self.masks.next_u32().to_ne_bytes());
                sender::write_pong(&mut output.unsent, payload, mask);
            }
        }
        self.list(to);
    }

    /// Ends a connection, whatever is unsent. A TCP connection is reset: its port would else be
    /// taken for a minute, and a storm is over when all are.
    pub fn close(&mut self, which: usize) {
        // The system forgets a socket's registration with its last descriptor.
        if let Some(Output { socket: Socket::Tcp(stream), .. }) = self.open.try_remove(which) {
            // Where that can't be had, the port waits.
            let _ = set_socket_linger(&stream, Some(Duration::ZERO));
        }
    }

    /// Whether the connection is open.
    #[inline]
    pub fn is_open(&self, which: usize) -> bool {
        self.open.contains(which)
    }

    /// The serializer of an open connection.
    #[inline]
    pub fn serializer(&self, which: usize) -> Option<Serializer> {
        self.open.get(which).map(|output| output.serializer)
    }

    pub(super) fn socket(&mut self, which: usize) -> Option<&mut Socket> {
        self.open.get_mut(which).map(|output| &mut output.socket)
    }

    /// Takes a socket in; its number. One that still connects is blocked until it has.
    pub(super) fn open(
        &mut self,
        mut socket: Socket,
        framing: Framing,
        serializer: Serializer,
        registry: &Registry,
    ) -> io::Result<usize> {
        let place = self.open.vacant_entry();
        let which = place.key();
        let blocked = matches!(socket, Socket::Tcp(_));
        registry.register(socket.source(), Token(which), interest(blocked))?;
        let unsent = Vec::new();
        place.insert(Output {
            socket,
            framing,
            serializer,
            unsent,
            sent: 0,
            listed: false,
            blocked,
        });
        Ok(which)
    }

    /// Writes what was appended since the last turn; `lost` is told of connections that can't be
    /// written to.
    pub(super) fn flush(&mut self, registry: &Registry, mut lost: impl FnMut(usize, io::Error)) {
        let mut listed = std::mem::take(&mut self.listed);
        for which in listed.drain(..) {
            let Some(output) = self.open.get_mut(which) else { continue };
            output.listed = false;
            if output.blocked {
                continue;
            }
            if let Err(error) = output.write(which, registry) {
                lost(which, error);
            }
        }
        // Nothing was listed meanwhile; the memory is kept.
        self.listed = listed;
    }

    /// Goes on writing to a socket that takes bytes again.
    pub(super) fn unblock(&mut self, which: usize, registry: &Registry) -> io::Result<()> {
        match self.open.get_mut(which) {
            Some(output) if output.blocked => output.write(which, registry),
            _ => Ok(()),
        }
    }

    fn list(&mut self, which: usize) {
        if let Some(output) = self.open.get_mut(which)
            && !output.listed
        {
            output.listed = true;
            self.listed.push(which);
        }
    }
}

impl Output {
    fn write(&mut self, which: usize, registry: &Registry) -> io::Result<()> {
        let blocked = loop {
            let rest = &self.unsent[self.sent..];
            if rest.is_empty() {
                self.unsent.clear();
                self.sent = 0;
                break false;
            }
            match self.socket.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        if blocked != self.blocked {
            self.blocked = blocked;
            registry.reregister(self.socket.source(), Token(which), interest(blocked))?;
        }
        Ok(())
    }
}

fn interest(blocked: bool) -> Interest {
    if blocked { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE }
}
