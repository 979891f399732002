//! All connections of the load, read and written in turns.
//!
//! The messages are interpreted by a [`MessageHandler`].

use std::io;
use std::os::unix;
use std::time::Duration;

use cloverleaf_wamp::rawsocket;
use mio::event::Event;
use mio::net::{TcpStream, UnixStream};
use mio::{Events, Poll, Registry};

use super::input::{Input, InputEvent, MAX_MESSAGE, Upgrade};
use super::output::{LoadSocket, OutputFraming, Outputs};
use super::target::{Address, LoadTarget};

/// Bytes of one read: thousands of small messages that fit into the second-level cache.
const READ_BUFFER: usize = 256 * 1024;

/// Sockets that one wait reports. Answers are written after this number of reads.
const EVENTS: usize = 256;

/// Handles the messages of connections.
pub trait MessageHandler {
    /// The handshake of a connection is complete.
    fn connected(&mut self, which: usize, outputs: &mut Outputs) {
        let _ = (which, outputs);
    }

    /// A WAMP message arrived.
    fn received(&mut self, from: usize, message: &[u8], outputs: &mut Outputs);

    /// The peer ended a connection. Its number may be used again.
    fn ended(&mut self, which: usize, why: &str);
}

/// All connections.
#[derive(Debug)]
pub struct LoadConnections {
    poll: Poll,
    events: Events,
    scratch: Box<[u8]>,
    inputs: Vec<Input>,
    outputs: Outputs,
}

impl LoadConnections {
    /// Creates an empty set.
    ///
    /// Errors of the operating system.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            scratch: vec![0; READ_BUFFER].into(),
            inputs: Vec::new(),
            outputs: Outputs::default(),
        })
    }

    /// The sending half of the connections.
    pub fn outputs(&mut self) -> &mut Outputs {
        &mut self.outputs
    }

    /// Connects and sends the handshake. The handler is notified when it is complete. A peer
    /// without a handshake is connected at once, without a notification.
    ///
    /// # Errors
    /// Errors of connecting.
    pub fn open(&mut self, target: &LoadTarget) -> io::Result<usize> {
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

    /// One turn: writes the appended bytes, waits at most `timeout` for input, handles all of it,
    /// and writes the answers.
    ///
    /// # Errors
    /// Errors of waiting. An error of one connection goes to the handler.
    pub fn turn(&mut self, timeout: Duration, handler: &mut impl MessageHandler) -> io::Result<()> {
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

fn flush(outputs: &mut Outputs, registry: &Registry, handler: &mut impl MessageHandler) {
    let mut lost = Vec::new();
    outputs.flush(registry, |which, error| lost.push((which, error)));
    for (which, error) in lost {
        outputs.close(which);
        handler.ended(which, &format!("can't be written to: {error}"));
    }
}

/// Writes and reads a socket that is ready. Events are edge-triggered, so all input is read; a
/// short read has read it all.
#[inline]
fn ready(
    which: usize,
    event: &Event,
    scratch: &mut [u8],
    input: &mut Input,
    outputs: &mut Outputs,
    registry: &Registry,
    handler: &mut impl MessageHandler,
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
    handler: &mut impl MessageHandler,
) -> Result<(), String> {
    while let Some(arrived) = input.receive(&mut bytes)? {
        match arrived {
            InputEvent::LoadMessage(message) => handler.received(which, message, outputs),
            InputEvent::Connected => handler.connected(which, outputs),
            InputEvent::Ping(payload) => outputs.send_pong(which, payload),
            InputEvent::Pong => {}
        }
        if !outputs.is_open(which) {
            return Ok(());
        }
    }
    Ok(())
}

/// A non-blocking socket. TCP connects in the background. A Unix socket is connected at once or
/// waits in the listener's backlog.
fn connect(address: &Address) -> io::Result<LoadSocket> {
    match address {
        Address::RawTcp(at) | Address::WebSocket { at, .. } => {
            let stream = TcpStream::connect(*at)?;
            stream.set_nodelay(true)?;
            Ok(LoadSocket::Tcp(stream))
        }
        Address::RawUnix(path) => {
            let stream = unix::net::UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Ok(LoadSocket::Unix(UnixStream::from_std(stream)))
        }
    }
}

/// The start of a connection: its framing, its input and the bytes to send first.
fn begin(target: &LoadTarget) -> io::Result<(OutputFraming, Input, Vec<u8>)> {
    let serializer = target.serializer;
    if target.bare {
        return Ok((OutputFraming::RawSocket, Input::bare(), Vec::new()));
    }
    let Address::WebSocket { host, path, .. } = &target.address else {
        let request = rawsocket::HandshakeRequest { serializer, max_message: MAX_MESSAGE };
        let input = Input::RawSocketReply(serializer, Vec::with_capacity(4));
        return Ok((OutputFraming::RawSocket, input, request.octets().into()));
    };
    let upgrade = Upgrade {
        host: host.clone(),
        path: path.clone(),
        key: rand::random(),
        subprotocol: serializer.subprotocol(),
    };
    let request = upgrade.request(|request| request.encode()).map_err(io::Error::other)?;
    let input = Input::WebSocketResponse(Box::new(upgrade), Vec::new());
    Ok((OutputFraming::WebSocket, input, request))
}
