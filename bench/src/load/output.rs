//! The sending half of all connections: messages are appended to a buffer, which is written once at
//! the end of the turn. `connections` reads.

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
pub enum LoadSocket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl LoadSocket {
    /// Reads available bytes.
    ///
    /// # Errors
    /// Errors of the socket; `WouldBlock` if no bytes are available.
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

/// The framing of sent messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFraming {
    /// RawSocket: a length before each message.
    RawSocket,
    /// WebSocket, from client to server.
    WebSocket,
}

/// The sending half of one connection.
#[derive(Debug)]
pub struct Output {
    pub(super) socket: LoadSocket,
    framing: OutputFraming,
    serializer: Serializer,
    unsent: Vec<u8>,
    /// Bytes of `unsent` that have been sent.
    sent: usize,
    /// Whether it is in the list of connections to be written at the end of the turn.
    listed: bool,
    /// Whether the socket accepts no bytes now. It is registered for writing only then, since a
    /// Unix socket would wake for each message that the peer reads.
    blocked: bool,
}

/// The sending halves of all connections.
#[derive(Debug)]
pub struct Outputs {
    open: Slab<Output>,
    listed: Vec<usize>,
    masks: SmallRng,
    origin: Instant,
    /// The time of the last read, in nanoseconds since the start; never 0.
    now: u64,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            open: Slab::new(),
            listed: Vec::new(),
            // Masks protect proxies from browsers' pages; a fixed one is safe here.
            masks: SmallRng::seed_from_u64(0),
            origin: Instant::now(),
            now: 1,
        }
    }
}

impl Outputs {
    /// The time of the read of the handled message, in nanoseconds since the start. Its answers
    /// count as sent then.
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

    /// Appends a message to an open connection; `write` gets its serializer.
    #[inline]
    pub fn send(&mut self, to: usize, write: impl FnOnce(Serializer, &mut Vec<u8>)) {
        let Some(output) = self.open.get_mut(to) else { return };
        let Output { framing, serializer, unsent, listed, .. } = output;
        match framing {
            OutputFraming::RawSocket => {
                let start = unsent.len();
                unsent.extend_from_slice(&[0; rawsocket::PREFIX_LEN]);
                let payload = unsent.len();
                write(*serializer, unsent);
                let prefix = rawsocket::prefix(FrameKind::Message, unsent.len() - payload);
                unsent[start..payload].copy_from_slice(&prefix);
            }
            OutputFraming::WebSocket => {
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

    /// Appends the bytes of a handshake.
    pub(super) fn send_bytes(&mut self, to: usize, bytes: &[u8]) {
        let Some(output) = self.open.get_mut(to) else { return };
        output.unsent.extend_from_slice(bytes);
        self.list(to);
    }

    /// Answers a ping.
    pub(super) fn send_pong(&mut self, to: usize, payload: &[u8]) {
        let Some(output) = self.open.get_mut(to) else { return };
        match output.framing {
            OutputFraming::RawSocket => {
                output.unsent.extend(rawsocket::prefix(FrameKind::Pong, payload.len()));
                output.unsent.extend_from_slice(payload);
            }
            OutputFraming::WebSocket => {
                let mask = Some(self.masks.next_u32().to_ne_bytes());
                sender::write_pong(&mut output.unsent, payload, mask);
            }
        }
        self.list(to);
    }

    /// Closes a connection and discards unsent bytes. A TCP connection is reset: its port would
    /// otherwise stay in use for a minute, and a storm needs them.
    pub fn close(&mut self, which: usize) {
        // The system removes a socket's registration with its last descriptor.
        if let Some(Output { socket: LoadSocket::Tcp(stream), .. }) = self.open.try_remove(which) {
            // If this fails, the port stays in use for its minute.
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

    pub(super) fn socket(&mut self, which: usize) -> Option<&mut LoadSocket> {
        self.open.get_mut(which).map(|output| &mut output.socket)
    }

    /// Adds a socket and returns its number. A connecting socket is blocked until it is connected.
    pub(super) fn open(
        &mut self,
        mut socket: LoadSocket,
        framing: OutputFraming,
        serializer: Serializer,
        registry: &Registry,
    ) -> io::Result<usize> {
        let place = self.open.vacant_entry();
        let which = place.key();
        let blocked = matches!(socket, LoadSocket::Tcp(_));
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

    /// Writes the bytes appended since the last turn; calls `lost` for connections whose write
    /// fails.
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
        // No connection was listed meanwhile; the memory is reused.
        self.listed = listed;
    }

    /// Continues writing to a socket that accepts bytes again.
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
