//! WebSocket frames: those of RFC 6455, and what a configuration may want to be different.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloverleaf_wamp::websocket::deflate::DeflateAgreement;
use cloverleaf_wamp::websocket::frame::{FrameRules, Mask};
use cloverleaf_wamp::websocket::sender::{self, MessageWriter};
use cloverleaf_wamp::websocket::{
    CloseCode, CloseFrame, MessageKind, WebSocketFault, WebSocketLimits, WebSocketMessage,
    WebSocketReceiver, WebSocketRole,
};

use super::{Arrived, Turn};
use crate::keepalive::KeepAlive;
use crate::limits::{
    CLOSING_TIMEOUT, INFLATING_READ, INFLATING_STEP, READ_BUFFER, SHAPED_PER_TURN,
};

/// What the connections of a server may have that others don't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manners {
    /// Clients' frames may come without a mask.
    pub takes_unmasked: bool,
    /// What clients send is taken as it comes, whatever mask its frames have; and where the
    /// server's frames are masked, their masks change nothing.
    pub ignores_masks: bool,
    /// Frames of the server are masked.
    pub masks: bool,
    /// Text need not be UTF-8.
    pub takes_any_text: bool,
    /// The longest payload of the server's data frames; none: a message is one frame.
    pub fragment_size: Option<NonZeroUsize>,
    /// How long a closing connection waits for the peer's end; none: the transport's own limit.
    pub closing_timeout: Option<Duration>,
    /// A peer that breaks the rules is told nothing.
    pub drops_faulty: bool,
    /// A Close frame is answered with the peer's reason, beside its code.
    pub echoes_reason: bool,
    /// Whether and how peers are asked whether they are still there.
    pub keepalive: Option<KeepAlive>,
}

/// Where the masks of this side's frames come from.
#[derive(Debug, Clone, Copy)]
enum Masks {
    /// There are none.
    None,
    /// Each is fresh and unpredictable (RFC 6455, section 5.3).
    Fresh,
    /// They change nothing.
    Zero,
}

impl Masks {
    fn next(self) -> Option<Mask> {
        match self {
            Self::None => None,
            Self::Fresh => Some(rand::random()),
            Self::Zero => Some([0; 4]),
        }
    }
}

/// Both halves of a connection.
#[derive(Debug)]
pub struct WebSocket {
    receiver: Box<WebSocketReceiver>,
    role: WebSocketRole,
    /// What makes it different from most.
    special: Option<Box<Special>>,
}

/// See [`Manners`].
#[derive(Debug, Default)]
struct Special {
    manners: Manners,
    /// How messages are written, where each of them is not simply one frame.
    shape: Option<MessageWriter>,
    /// Bytes that were shaped since the others have had their turn.
    work: usize,
    /// The peer's reason for closing, to be echoed.
    reason: String,
    /// Whether the connection ends without a Close frame.
    is_dropped: bool,
}

impl WebSocket {
    pub(super) fn new(role: WebSocketRole, limits: WebSocketLimits) -> Self {
        Self { receiver: Box::new(WebSocketReceiver::new(role, limits)), role, special: None }
    }

    pub(super) fn serving(
        limits: WebSocketLimits,
        manners: Manners,
        agreement: Option<&DeflateAgreement>,
    ) -> Self {
        if agreement.is_none() && manners == Manners::default() {
            return Self::new(WebSocketRole::Server, limits);
        }
        let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, limits);
        if manners.takes_unmasked {
            receiver = receiver.with_rules(FrameRules::with_unmasked);
        }
        if manners.ignores_masks {
            receiver = receiver.with_rules(FrameRules::with_masks_ignored);
        }
        if manners.takes_any_text {
            receiver = receiver.with_unchecked_text();
        }
        if let Some(agreement) = agreement {
            receiver =
                receiver.with_inflater(agreement.inflater()).with_inflate_step(INFLATING_STEP);
        }
        let shape = MessageWriter {
            deflater: agreement.map(DeflateAgreement::deflater),
            fragment_size: manners.fragment_size,
        };
        let shape = Some(shape).filter(|s| s.deflater.is_some() || s.fragment_size.is_some());
        let special = Special { manners, shape, ..Special::default() };
        Self {
            receiver: Box::new(receiver),
            role: WebSocketRole::Server,
            special: Some(Box::new(special)),
        }
    }

    pub(super) fn receive<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Arrived<'a>>, WebSocketFault> {
        let incoming = match self.receiver.receive(input) {
            Ok(incoming) => incoming,
            Err(fault) => {
                if let Some(special) = &mut self.special {
                    special.fail();
                }
                return Err(fault);
            }
        };
        Ok(incoming.map(|incoming| match incoming {
            WebSocketMessage::Text(text) => {
                Arrived::Message(Some(MessageKind::Text), text.as_bytes())
            }
            WebSocketMessage::UncheckedText(text) => {
                Arrived::Message(Some(MessageKind::Text), text)
            }
            WebSocketMessage::Binary(bytes) => Arrived::Message(Some(MessageKind::Binary), bytes),
            WebSocketMessage::Ping(bytes) => Arrived::Ping(bytes),
            WebSocketMessage::Pong(bytes) => Arrived::Pong(bytes),
            WebSocketMessage::Close(close) => {
                if let (Some(special), Some(close)) = (&mut self.special, close) {
                    special.remember_reason(close.reason);
                }
                Arrived::Close(close.map_or(CloseCode::NORMAL, |close| close.code))
            }
        }))
    }

    pub(super) fn unfinished(&self) -> Option<usize> {
        self.receiver.unfinished()
    }

    pub(super) const fn is_inflating(&self) -> bool {
        self.receiver.is_paused()
    }

    pub(super) fn kept_message(&self) -> &[u8] {
        self.receiver.kept_message()
    }

    pub(super) const fn read_size(&self) -> usize {
        if self.receiver.inflates() { INFLATING_READ } else { READ_BUFFER }
    }

    pub(super) fn closing_timeout(&self) -> Duration {
        let configured = self.special.as_ref().and_then(|special| special.manners.closing_timeout);
        configured.unwrap_or(CLOSING_TIMEOUT)
    }

    pub(super) fn keepalive(&self) -> Option<KeepAlive> {
        self.special.as_ref().and_then(|special| special.manners.keepalive)
    }

    pub(super) fn write_message<E>(
        &mut self,
        out: &mut Vec<u8>,
        kind: MessageKind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Turn, E> {
        let masks = self.masks();
        if let Some(special) = &mut self.special
            && let Some(shape) = &mut special.shape
        {
            let start = out.len();
            encode(out)?;
            let length = out.len() - start;
            write_shaped(shape, out, start, kind, masks);
            return Ok(special.take_turn(length));
        }
        let mut outcome = Ok(());
        sender::write_message_with(out, kind, masks.next(), |out| outcome = encode(out));
        outcome.map(|()| Turn::GoesOn)
    }

    pub(super) fn write_ping(&self, out: &mut Vec<u8>, payload: &[u8]) {
        sender::write_ping(out, payload, self.masks().next());
    }

    pub(super) fn write_pong(&self, out: &mut Vec<u8>, payload: &[u8]) {
        sender::write_pong(out, payload, self.masks().next());
    }

    pub(super) fn write_close(&self, out: &mut Vec<u8>, code: Option<CloseCode>) {
        let mut reason = "";
        if let Some(special) = &self.special {
            if special.is_dropped {
                return;
            }
            reason = &special.reason;
        }
        let close = code.map(|code| CloseFrame { code, reason });
        sender::write_close(out, close, self.masks().next());
    }

    fn masks(&self) -> Masks {
        match (self.role, &self.special) {
            (WebSocketRole::Client, _) => Masks::Fresh,
            (WebSocketRole::Server, Some(special)) if special.manners.masks => {
                if special.manners.ignores_masks { Masks::Zero } else { Masks::Fresh }
            }
            (WebSocketRole::Server, _) => Masks::None,
        }
    }
}

/// Writes what stands in `out` from `start` as a message.
#[cold]
fn write_shaped(
    shape: &mut MessageWriter,
    out: &mut Vec<u8>,
    start: usize,
    kind: MessageKind,
    masks: Masks,
) {
    let payload = out.split_off(start);
    shape.write_message(out, kind, &payload, || masks.next());
}

/// Away from what every message takes.
impl Special {
    #[cold]
    const fn fail(&mut self) {
        self.is_dropped = self.manners.drops_faulty;
    }

    #[cold]
    fn remember_reason(&mut self, reason: &str) {
        if self.manners.echoes_reason {
            self.reason = reason.to_owned();
        }
    }

    /// So many bytes more were shaped.
    #[cold]
    const fn take_turn(&mut self, count: usize) -> Turn {
        self.work += count;
        if self.work < SHAPED_PER_TURN {
            return Turn::GoesOn;
        }
        self.work = 0;
        Turn::IsOver
    }
}
