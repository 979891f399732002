//! Framing of messages in the byte stream: RawSocket or WebSocket frames behind one interface.
//!
//! | module | purpose |
//! |---|---|
//! | `websocket` | WebSocket frames with the options of a server |
//! | `event` | what a framing has received |

use std::time::Duration;

use cloverleaf_wamp::rawsocket::{self, FrameKind, FrameSplitter};
use cloverleaf_wamp::websocket::deflate::DeflateAgreement;
use cloverleaf_wamp::websocket::{CloseCode, MessageKind, WebSocketLimits, WebSocketRole};

use crate::error::CloseReason;
use crate::keepalive::KeepAlive;
use crate::limits::READ_BUFFER;

mod event;
mod websocket;

pub(crate) use event::{Budget, FrameEvent};
pub use websocket::{WebSocket, WebSocketServerOptions};

/// The framing of one connection, with its state.
#[derive(Debug)]
pub enum Framing {
    /// WAMP over RawSocket.
    RawSocket {
        /// The receiving half.
        splitter: FrameSplitter,
        /// The longest message in bytes that the peer takes.
        peer_limit: usize,
    },
    /// WebSocket.
    WebSocket(WebSocket),
}

impl Framing {
    /// RawSocket frames. Both limits are in bytes, as agreed in the handshake.
    pub fn rawsocket(our_limit: usize, peer_limit: usize) -> Self {
        Self::RawSocket { splitter: FrameSplitter::new(our_limit), peer_limit }
    }

    /// WebSocket frames.
    pub fn websocket(role: WebSocketRole, limits: WebSocketLimits) -> Self {
        Self::WebSocket(WebSocket::new(role, limits))
    }

    /// WebSocket frames of a server with its options. Messages are compressed if an `agreement` was
    /// negotiated.
    pub fn serving(
        limits: WebSocketLimits,
        options: WebSocketServerOptions,
        agreement: Option<&DeflateAgreement>,
    ) -> Self {
        Self::WebSocket(WebSocket::serving(limits, options, agreement))
    }

    /// The most bytes to read at once.
    pub(crate) const fn read_size(&self) -> usize {
        match self {
            Self::RawSocket { .. } => READ_BUFFER,
            Self::WebSocket(websocket) => websocket.read_size(),
        }
    }

    /// The configured time that a closing connection waits for the end of the peer's half.
    pub(crate) fn closing_timeout(&self) -> Option<Duration> {
        match self {
            Self::RawSocket { .. } => None,
            Self::WebSocket(websocket) => websocket.closing_timeout(),
        }
    }

    /// The keep-alive pings, if configured.
    pub(crate) fn keepalive(&self) -> Option<KeepAlive> {
        match self {
            Self::RawSocket { .. } => None,
            Self::WebSocket(websocket) => websocket.keepalive(),
        }
    }

    /// The next event in `input`, which is advanced past it. None: more input is needed.
    ///
    /// # Errors
    /// The peer broke the protocol: the reason, and the code for the Close frame.
    pub(crate) fn receive<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<FrameEvent<'a>>, (CloseReason, Option<CloseCode>)> {
        match self {
            Self::RawSocket { splitter, .. } => match splitter.receive(input) {
                Ok(incoming) => Ok(incoming.map(|incoming| match incoming.kind {
                    FrameKind::Message => FrameEvent::Message(None, incoming.payload),
                    FrameKind::Ping => FrameEvent::Ping(incoming.payload),
                    FrameKind::Pong => FrameEvent::Pong(incoming.payload),
                })),
                Err(fault) => Err((CloseReason::Fault(fault.to_string()), None)),
            },
            Self::WebSocket(websocket) => websocket
                .receive(input)
                .map_err(|fault| (CloseReason::Fault(fault.to_string()), Some(fault.close_code()))),
        }
    }

    /// Whether [`Self::receive`] has returned none after an inflating step. The next call with the
    /// rest of the input continues, even if the rest is empty.
    pub(crate) const fn is_inflating(&self) -> bool {
        match self {
            Self::RawSocket { .. } => false,
            Self::WebSocket(websocket) => websocket.is_inflating(),
        }
    }

    /// The last message of [`Self::receive`], if it did not lie in the input.
    pub(crate) fn kept_message(&self) -> &[u8] {
        match self {
            Self::RawSocket { splitter, .. } => splitter.kept_payload(),
            Self::WebSocket(websocket) => websocket.kept_message(),
        }
    }

    /// Frees the last message of [`Self::receive`].
    pub(crate) fn release(&mut self) {
        // Without input there is no event and no error.
        let mut nothing: &mut [u8] = &mut [];
        let _ = self.receive(&mut nothing);
    }

    /// Bytes held of a message that has begun. None if no message has begun.
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
            // A WebSocket peer announces no limit.
            Self::WebSocket(_) => usize::MAX,
        }
    }

    /// Appends a message, whose payload `encode` appends. Appends nothing if `encode` fails.
    pub(crate) fn write_message<E>(
        &mut self,
        out: &mut Vec<u8>,
        kind: MessageKind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Budget, E> {
        let start = out.len();
        let written = match self {
            Self::RawSocket { .. } => {
                out.extend_from_slice(&[0; rawsocket::PREFIX_LEN]);
                let payload = out.len();
                let outcome = encode(out);
                let length = (out.len() - payload).min(rawsocket::MAX_FRAME);
                out[start..payload].copy_from_slice(&rawsocket::prefix(FrameKind::Message, length));
                outcome.map(|()| Budget::Left)
            }
            Self::WebSocket(websocket) => websocket.write_message(out, kind, encode),
        };
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Appends a ping.
    pub(crate) fn write_ping(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::RawSocket { .. } => write_rawsocket(out, FrameKind::Ping, payload),
            Self::WebSocket(websocket) => websocket.write_ping(out, payload),
        }
    }

    /// Appends a pong.
    pub(crate) fn write_pong(&self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::RawSocket { .. } => write_rawsocket(out, FrameKind::Pong, payload),
            Self::WebSocket(websocket) => websocket.write_pong(out, payload),
        }
    }

    /// Appends the framing's end of the stream, if it has one: a Close frame.
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
