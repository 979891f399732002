//! How messages stand in the byte stream: RawSocket frames or WebSocket frames, one interface.

use cloverleaf_wamp::rawsocket::{self, FrameKind, Splitter};
use cloverleaf_wamp::websocket::deflate::Agreement;
use cloverleaf_wamp::websocket::frame::Mask;
use cloverleaf_wamp::websocket::sender::{self, Shape};
use cloverleaf_wamp::websocket::{
    self, CloseCode, CloseFrame, Limits, MessageKind, Receiver, Role,
};

use crate::error::CloseReason;
use crate::limits::{INFLATING_READ, READ_BUFFER, SHAPED_PER_TURN};

/// One thing that has arrived.
#[derive(Debug)]
pub(crate) enum Arrived<'a> {
    /// A message. RawSocket does not say whether it is text.
    Message(Option<MessageKind>, &'a [u8]),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong,
    /// The peer closes, with this code.
    Close(Option<CloseCode>),
}

/// How messages are written, and what has been done for that.
#[derive(Debug, Default)]
pub struct Shaping {
    shape: Shape,
    /// Bytes that were shaped since the others have had their turn.
    work: usize,
}

/// Whether a connection may go on writing messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It may.
    GoesOn,
    /// The others have their turn first.
    IsOver,
}

/// A framing with its state.
#[derive(Debug)]
pub enum Framing {
    /// WAMP over RawSocket.
    RawSocket {
        /// The receiving half.
        splitter: Splitter,
        /// The longest message that the peer takes.
        peer_limit: usize,
    },
    /// WebSocket.
    WebSocket {
        /// The receiving half.
        receiver: Box<Receiver>,
        /// Which side this is.
        role: Role,
        /// How messages are written, where each of them is not simply one frame.
        shape: Option<Box<Shaping>>,
    },
}

impl Framing {
    /// RawSocket frames. Both limits are in bytes, as the handshake has agreed.
    pub fn rawsocket(our_limit: usize, peer_limit: usize) -> Self {
        Self::RawSocket { splitter: Splitter::new(our_limit), peer_limit }
    }

    /// WebSocket frames.
    pub fn websocket(role: Role, limits: Limits) -> Self {
        Self::WebSocket { receiver: Box::new(Receiver::new(role, limits)), role, shape: None }
    }

    /// WebSocket frames of a server that has agreed on a compression.
    pub fn compressed(limits: Limits, agreement: &Agreement) -> Self {
        let receiver = Receiver::new(Role::Server, limits).inflating(agreement.inflater());
        let shape = Shape { deflater: Some(agreement.deflater()), ..Shape::default() };
        Self::WebSocket {
            receiver: Box::new(receiver),
            role: Role::Server,
            shape: Some(Box::new(Shaping { shape, work: 0 })),
        }
    }

    /// How much may be read at once, in bytes.
    pub(crate) fn read_size(&self) -> usize {
        match self {
            Self::WebSocket { receiver, .. } if receiver.inflates() => INFLATING_READ,
            Self::WebSocket { .. } | Self::RawSocket { .. } => READ_BUFFER,
        }
    }

    /// The next thing in `input`, which is advanced past it.
    pub(crate) fn receive<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Arrived<'a>>, (CloseReason, Option<CloseCode>)> {
        match self {
            Self::RawSocket { splitter, .. } => match splitter.receive(input) {
                Ok(incoming) => Ok(incoming.map(|incoming| match incoming.kind {
                    FrameKind::Message => Arrived::Message(None, incoming.payload),
                    FrameKind::Ping => Arrived::Ping(incoming.payload),
                    FrameKind::Pong => Arrived::Pong,
                })),
                Err(fault) => Err((CloseReason::Fault(fault.to_string()), None)),
            },
            Self::WebSocket { receiver, .. } => match receiver.receive(input) {
                Ok(incoming) => Ok(incoming.map(|incoming| match incoming {
                    websocket::Incoming::Text(text) => {
                        Arrived::Message(Some(MessageKind::Text), text.as_bytes())
                    }
                    websocket::Incoming::Binary(bytes) => {
                        Arrived::Message(Some(MessageKind::Binary), bytes)
                    }
                    websocket::Incoming::Ping(bytes) => Arrived::Ping(bytes),
                    websocket::Incoming::Pong(_) => Arrived::Pong,
                    websocket::Incoming::Close(close) => {
                        Arrived::Close(close.map(|close| close.code))
                    }
                })),
                Err(fault) => {
                    Err((CloseReason::Fault(fault.to_string()), Some(fault.close_code())))
                }
            },
        }
    }

    /// The longest message that the peer takes, in bytes.
    pub(crate) const fn peer_limit(&self) -> usize {
        match self {
            Self::RawSocket { peer_limit, .. } => *peer_limit,
            // A WebSocket peer does not say.
            Self::WebSocket { .. } => usize::MAX,
        }
    }

    /// Appends a message whose bytes `encode` appends. Nothing is appended when it fails.
    pub(crate) fn write_message<E>(
        &mut self,
        out: &mut Vec<u8>,
        kind: MessageKind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Turn, E> {
        let start = out.len();
        let mut outcome = Ok(());
        let mut turn = Turn::GoesOn;
        match self {
            Self::RawSocket { .. } => {
                out.extend_from_slice(&[0; rawsocket::PREFIX_LEN]);
                let payload = out.len();
                outcome = encode(out);
                let length = (out.len() - payload).min(rawsocket::MAX_FRAME);
                out[start..payload].copy_from_slice(&rawsocket::prefix(FrameKind::Message, length));
            }
            Self::WebSocket { role, shape: None, .. } => {
                sender::write_message_with(out, kind, mask(*role), |out| outcome = encode(out));
            }
            Self::WebSocket { role, shape: Some(shape), .. } => {
                outcome = encode(out);
                if outcome.is_ok() {
                    turn = shape.write_message(out, start, kind, *role);
                }
            }
        }
        if outcome.is_err() {
            out.truncate(start);
        }
        outcome.map(|()| turn)
    }

    /// Appends the answer to a ping.
    pub(crate) fn write_pong(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::RawSocket { .. } => {
                out.extend_from_slice(&rawsocket::prefix(FrameKind::Pong, payload.len()));
                out.extend_from_slice(payload);
            }
            Self::WebSocket { role, .. } => sender::write_pong(out, payload, mask(*role)),
        }
    }

    /// Appends the end of the stream, where the framing has one.
    pub(crate) fn write_close(&self, out: &mut Vec<u8>, code: Option<CloseCode>) {
        if let Self::WebSocket { role, .. } = self {
            let close = code.map(|code| CloseFrame { code, reason: "" });
            sender::write_close(out, close, mask(*role));
        }
    }
}

impl Shaping {
    /// Writes what stands in `out` from `start` as a message.
    fn write_message(
        &mut self,
        out: &mut Vec<u8>,
        start: usize,
        kind: MessageKind,
        role: Role,
    ) -> Turn {
        let payload = out.split_off(start);
        self.shape.write_message(out, kind, &payload, || mask(role));
        self.work += payload.len();
        if self.work < SHAPED_PER_TURN {
            return Turn::GoesOn;
        }
        self.work = 0;
        Turn::IsOver
    }
}

/// A fresh mask for a client's frame (RFC 6455 section 5.3: unpredictable); a server masks nothing.
fn mask(role: Role) -> Option<Mask> {
    match role {
        Role::Client => Some(rand::random()),
        Role::Server => None,
    }
}
