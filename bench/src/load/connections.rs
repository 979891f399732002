//! All connections of the load, and the turns in which they are read and written.
//!
//! What the messages mean is the business of a [`Handler`].

use std::io;
use std::os::unix;
use std::time::Duration;

use cloverleaf_wamp::rawsocket;
use mio::event::Event;
use mio::net::{TcpStream, UnixStream};
use mio::{Events, Poll, Registry};

use super::input::{Arrived, Input, MAX_MESSAGE, Upgrade};
use super::output::{Framing, Outputs, Socket};
use super::target::{Address, Target};

/// How much one read takes: thousands of small messages, and still in the second-level cache.
const READ_BUFFER: usize = 256 * 1024;

/// How many sockets one wait tells of; what was sent to them leaves after as many.
const EVENTS: usize = 256;

/// Who handles what comes.
pub trait Handler {
    /// The handshake of a connection is done.
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        let _ = (which, outputs);
    }

    /// A WAMP message came.
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs);

    /// A connection ended that was not closed by the load; its number may be given again.
    fn ended(&mut self, which: usize, why: &str);
}

/// All connections.
#[derive(Debug)]
pub struct Connections {
    poll: Poll,
    events: Events,
    scratch: Box<[u8]>,
    inputs: Vec<Input>,
    outputs: Outputs,
}

impl Connections {
    /// No connections yet.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            scratch: vec![0; READ_BUFFER].into(),
            inputs: Vec::new(),
            outputs: Outputs::default(),
        })
    }

    /// The way to send.
    pub fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// Connects, and sends the handshake; its end is told to the handler. A peer without one is
    /// connected at once, and its handler is told nothing.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn open(&mut self, target: &Target) -> io::Result<usize> {
        let socket = connect(&target.address).map_err(|error| {
            io::Error::new(error.kind(), format!("can't connect to {}: {error}", target.address))
        })?;
        let (framing, input, handshake) = begin(target)?;
        let registry = self.poll.registry();
        let which = self.outputs.open(socket, framing, target.serializer, registry)?;
        if which == self.inputs.len() {
            self.inputs.push(input);
        } else {
            self.inputs[which] = input;
        }
        self.outputs.send_bytes(which, &handshake);
        Ok(which)
    }

    /// One turn: writes what was appended, waits at most `timeout` until something comes, handles
    /// all that has come, and writes what that gave rise to.
    ///
    /// # Errors
    /// Those of waiting. What goes wrong on one connection is told to the handler.
    pub fn turn(&mut self, timeout: Duration, handler: &mut impl Handler) -> io::Result<()> {
        let Self { poll, events, scratch, inputs, outputs } = self;
        flush(outputs, poll.registry(), handler);
        match poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        outputs.look_at_clock();
        for event in events.iter() {
            let which = event.token().0;
            if let Err(why) =
                ready(which, event, scratch, &mut inputs[which], outputs, poll.registry(), handler)
            {
                outputs.close(which);
                handler.ended(which, &why);
            }
        }
        flush(outputs, poll.registry(), handler);
        Ok(())
    }
}

fn flush(outputs: &mut Outputs, registry: &Registry, handler: &mut impl Handler) {
    let mut lost = Vec::new();
    outputs.flush(registry, |which, error| lost.push((which, error)));
    for (which, error) in lost {
        outputs.close(which);
        handler.ended(which, &format!("can't be written to: {error}"));
    }
}

/// Writes and reads what a socket is ready for. Events come at the edge, so all is read that is
/// there; a short read has read it.
#[inline]
fn ready(
    which: usize,
    event: &Event,
    scratch: &mut [u8],
    input: &mut Input,
    outputs: &mut Outputs,
    registry: &Registry,
    handler: &mut impl Handler,
) -> Result<(), String> {
    if event.is_writable() {
        outputs
            .unblock(which, registry)
            .map_err(|error| format!("can't be written to: {error}"))?;
    }
    let ends = event.is_read_closed() || event.is_error();
    while let Some(socket) = outputs.socket(which) {
        match socket.read(scratch) {
            Ok(0) => return Err("the router closed the connection".to_owned()),
            Ok(count) => {
                outputs.look_at_clock();
                take(which, input, &mut scratch[..count], outputs, handler)?;
                if count < scratch.len() && !ends {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("can't be read from: {error}")),
        }
    }
    Ok(())
}

#[inline]
fn take(
    which: usize,
    input: &mut Input,
    mut bytes: &mut [u8],
    outputs: &mut Outputs,
    handler: &mut impl Handler,
) -> Result<(), String> {
    while let Some(arrived) = input.receive(&mut bytes)? {
        match arrived {
            Arrived::Message(message) => handler.received(which, message, outputs),
            Arrived::Connected => handler.connected(which, outputs),
            Arrived::Ping(payload) => outputs.send_pong(which, payload),
            Arrived::Pong => {}
        }
        if !outputs.is_open(which) {
            return Ok(());
        }
    }
    Ok(())
}

/// A socket that does not block. Connecting over TCP goes on in the background; a Unix socket is
/// connected at once, or waits for its turn in the listener's backlog.
fn connect(address: &Address) -> io::Result<Socket> {
    match address {
        Address::RawTcp(at) | Address::WebSocket { at, .. } => {
            let stream = TcpStream::connect(*at)?;
            stream.set_nodelay(true)?;
            Ok(Socket::Tcp(stream))
        }
        Address::RawUnix(path) => {
            let stream = unix::net::UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(Socket::Unix(UnixStream::from_std(stream)))
        }
    }
}

/// What a connection begins with: its framing, what it waits for, and what it says first.
fn begin(target: &Target) -> io::Result<(Framing, Input, Vec<u8>)> {
    let serializer = target.serializer;
    if target.bare {
        return Ok((Framing::RawSocket, Input::bare(), Vec::new()));
    }
    let Address::WebSocket { host, path, .. } = &target.address else {
        let request = rawsocket::HandshakeRequest { serializer, max_message: MAX_MESSAGE };
        let input = Input::RawSocketReply(serializer, Vec::with_capacity(4));
        return Ok((Framing::RawSocket, input, request.octets().into()));
    };
    let upgrade = Upgrade {
        host: host.clone(),
        path: path.clone(),
        key: rand::random(),
        subprotocol: serializer.subprotocol(),
    };
    let request = upgrade.request(|request| request.encode()).map_err(io::Error::other)?;
    let input = Input::WebSocketResponse(Box::new(upgrade), Vec::new());
    Ok((Framing::WebSocket, input, request))
}
