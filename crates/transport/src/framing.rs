//! How messages stand in the byte stream: RawSocket frames or WebSocket frames, one interface.

use std::time::Duration;

use cloverleaf_wamp::rawsocket::{self, FrameKind, FrameSplitter};
use cloverleaf_wamp::websocket::deflate::DeflateAgreement;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind, WebSocketLimits, WebSocketRole};

use crate::error::CloseReason;
use crate::keepalive::KeepAlive;
use crate::limits::{CLOSING_TIMEOUT, READ_BUFFER};

mod websocket;

pub use websocket::{Manners, WebSocket};

/// One thing that has arrived.
#[derive(Debug)]
pub(crate) enum Arrived<'a> {
    /// A message. RawSocket does not say whether it is text.
    Message(Option<MessageKind>, &'a [u8]),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping.
    Pong(&'a [u8]),
    /// The peer closes; to be answered with this code. It is the peer's own, or 1000 where the peer
    /// gave none: clients take a Close frame without a code for a lost connection.
    Close(CloseCode),
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
        splitter: FrameSplitter,
        /// The longest message that the peer takes.
        peer_limit: usize,
    },
    /// WebSocket.
    WebSocket(WebSocket),
}

impl Framing {
    /// RawSocket frames. Both limits are in bytes, as the handshake has agreed.
    pub fn rawsocket(our_limit: usize, peer_limit: usize) -> Self {
        Self::RawSocket { splitter: FrameSplitter::new(our_limit), peer_limit }
    }

    /// WebSocket frames.
    pub fn websocket(role: WebSocketRole, limits: WebSocketLimits) -> Self {
        Self::WebSocket(WebSocket::new(role, limits))
    }

    /// WebSocket frames of a server as it is configured, compressed if that was agreed on.
    pub fn serving(
        limits: WebSocketLimits,
        manners: Manners,
        agreement: Option<&DeflateAgreement>,
    ) -> Self {
        Self::WebSocket(WebSocket::serving(limits, manners, agreement))
    }

    /// How much may be read at once, in bytes.
    pub(crate) const fn read_size(&self) -> usize {
        match self {
            Self::RawSocket { .. } => READ_BUFFER,
            Self::WebSocket(websocket) => websocket.read_size(),
        }
    }

    /// How long a closing connection waits for the peer's own end.
    pub(crate) fn closing_timeout(&self) -> Duration {
        match self {
            Self::RawSocket { .. } => CLOSING_TIMEOUT,
            Self::WebSocket(websocket) => websocket.closing_timeout(),
        }
    }

    /// Whether and how the peer is asked whether it is still there.
    pub(crate) fn keepalive(&self) -> Option<KeepAlive> {
        match self {
            Self::RawSocket { .. } => None,
            Self::WebSocket(websocket) => websocket.keepalive(),
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
                    FrameKind::Pong => Arrived::Pong(incoming.payload),
                })),
                Err(fault) => Err((CloseReason::Fault(fault.to_string()), None)),
            },
            Self::WebSocket(websocket) => websocket
                .receive(input)
                .map_err(|fault| (CloseReason::Fault(fault.to_string()), Some(fault.close_code()))),
        }
    }

    /// Whether [`Self::receive`] has made a step of a compressed message and returned none. It goes
    /// on when it is called again with the rest of its input, though that may be empty.
    pub(crate) const fn is_inflating(&self) -> bool {
        match self {
            Self::RawSocket { .. } => false,
            Self::WebSocket(websocket) => websocket.is_inflating(),
        }
    }

    /// The message that [`Self::receive`] has returned last, if it did not lie in the input.
    pub(crate) fn kept_message(&self) -> &[u8] {
        match self {
            Self::RawSocket { splitter, .. } => splitter.kept_payload(),
            Self::WebSocket(websocket) => websocket.kept_message(),
        }
    }

    /// Frees the message that [`Self::receive`] has returned last.
    pub(crate) fn release(&mut self) {
        // Without input nothing arrives, and nothing can be wrong with it.
        let mut nothing: &mut [u8] = &mut [];
        let _ = self.receive(&mut nothing);
    }

    /// What is held of a message that has begun, in bytes; none where none has.
    pub(crate) fn unfinished(&self) -> Option<usize> {
        match self {
            Self::RawSocket { splitter, .. } => splitter.unfinished(),
            Self::WebSocket(websocket) => websocket.unfinished(),
        }
    }

    /// The longest message that the peer takes, in bytes.
    pub(crate) const fn peer_limit(&self) -> usize {
        match self {
            Self::RawSocket { peer_limit, .. } => *peer_limit,
            // A WebSocket peer does not say.
            Self::WebSocket(_) => usize::MAX,
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
        let written = match self {
            Self::RawSocket { .. } => {
                out.extend_from_slice(&[0; rawsocket::PREFIX_LEN]);
                let payload = out.len();
                let outcome = encode(out);
                let length = (out.len() - payload).min(rawsocket::MAX_FRAME);
                out[start..payload].copy_from_slice(&rawsocket::prefix(FrameKind::Message, length));
                outcome.map(|()| Turn::GoesOn)
            }
            Self::WebSocket(websocket) => websocket.write_message(out, kind, encode),
        };
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Appends a question whether the peer is still there.
    pub(crate) fn write_ping(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::RawSocket { .. } => write_rawsocket(out, FrameKind::Ping, payload),
            Self::WebSocket(websocket) => websocket.write_ping(out, payload),
        }
    }

    /// Appends the answer to a ping.
    pub(crate) fn write_pong(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::RawSocket { .. } => write_rawsocket(out, FrameKind::Pong, payload),
            Self::WebSocket(websocket) => websocket.write_pong(out, payload),
        }
    }

    /// Appends the end of the stream, where the framing has one.
    pub(crate) fn write_close(&self, out: &mut Vec<u8>, code: Option<CloseCode>) {
        if let Self::WebSocket(websocket) = self {
            websocket.write_close(out, code);
        }
    }
}

fn write_rawsocket(out: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    out.extend_from_slice(&rawsocket::prefix(kind, payload.len()));
    out.extend_from_slice(payload);
}
