//! WebSocket frames (RFC 6455), and the deviations that a configuration may choose.

use std::num::NonZeroUsize;
use std::time::Duration;

use cloverleaf_wamp::websocket::deflate::DeflateAgreement;
use cloverleaf_wamp::websocket::frame::{FrameRules, Mask};
use cloverleaf_wamp::websocket::sender::{self, MessageWriter};
use cloverleaf_wamp::websocket::{
    CloseCode, CloseFrame, MessageKind, WebSocketFault, WebSocketLimits, WebSocketMessage,
    WebSocketReceiver, WebSocketRole,
};

use super::event::{Budget, FrameEvent};
use crate::keepalive::KeepAlive;
use crate::limits::{INFLATING_READ, INFLATING_STEP, READ_BUFFER, SHAPED_PER_TURN};

/// Options of the connections of a WebSocket server. The default is RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WebSocketServerOptions {
    /// Accepts client frames without a mask.
    pub takes_unmasked: bool,
    /// Does not unmask the payload of client frames. If `masks` is set, the server's masks are
    /// zero.
    pub ignores_masks: bool,
    /// Masks the server's frames.
    pub masks: bool,
    /// Accepts text messages that are not UTF-8.
    pub takes_any_text: bool,
    /// The longest payload in bytes of the server's data frames. None: each message is one frame.
    pub fragment_size: Option<NonZeroUsize>,
    /// How long a closing connection waits for the peer. None: the limit of the connection.
    pub closing_timeout: Option<Duration>,
    /// Drops the connection of a peer that breaks the protocol, without a Close frame.
    pub drops_faulty: bool,
    /// Answers a Close frame with the peer's reason, in addition to its code.
    pub echoes_reason: bool,
    /// Keep-alive pings, if any.
    pub keepalive: Option<KeepAlive>,
}

/// The masks of this side's frames.
#[derive(Debug, Clone, Copy)]
enum Masks {
    /// No masks.
    None,
    /// A fresh, unpredictable mask for each frame (RFC 6455, section 5.3).
    Fresh,
    /// Masks of zero, which do not change the payload.
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

/// The framing of a WebSocket connection.
#[derive(Debug)]
pub struct WebSocket {
    receiver: Box<WebSocketReceiver>,
    role: WebSocketRole,
    /// None for most connections: no options, no compression.
    special: Option<Box<SpecialFraming>>,
}

/// The state of a connection with options or compression.
#[derive(Debug, Default)]
struct SpecialFraming {
    options: WebSocketServerOptions,
    /// Compression and fragmentation, if a message is not simply one frame.
    shape: Option<MessageWriter>,
    /// Bytes that were compressed or fragmented since other connections had their turn.
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
        options: WebSocketServerOptions,
        agreement: Option<&DeflateAgreement>,
    ) -> Self {
        if agreement.is_none() && options == WebSocketServerOptions::default() {
            return Self::new(WebSocketRole::Server, limits);
        }
        let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, limits);
        if options.takes_unmasked {
            receiver = receiver.with_rules(FrameRules::with_unmasked);
        }
        if options.ignores_masks {
            receiver = receiver.with_rules(FrameRules::with_masks_ignored);
        }
        if options.takes_any_text {
            receiver = receiver.with_unchecked_text();
        }
        if let Some(agreement) = agreement {
            receiver =
                receiver.with_inflater(agreement.inflater()).with_inflate_step(INFLATING_STEP);
        }
        let shape = MessageWriter {
            deflater: agreement.map(DeflateAgreement::deflater),
            fragment_size: options.fragment_size,
        };
        let shape = Some(shape).filter(|s| s.deflater.is_some() || s.fragment_size.is_some());
        let special = SpecialFraming { options, shape, ..SpecialFraming::default() };
        Self {
            receiver: Box::new(receiver),
            role: WebSocketRole::Server,
            special: Some(Box::new(special)),
        }
    }

    pub(super) fn receive<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<FrameEvent<'a>>, WebSocketFault> {
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
                FrameEvent::Message(Some(MessageKind::Text), text.as_bytes())
            }
            WebSocketMessage::UncheckedText(text) => {
                FrameEvent::Message(Some(MessageKind::Text), text)
            }
            WebSocketMessage::Binary(bytes) => {
                FrameEvent::Message(Some(MessageKind::Binary), bytes)
            }
            WebSocketMessage::Ping(bytes) => FrameEvent::Ping(bytes),
            WebSocketMessage::Pong(bytes) => FrameEvent::Pong(bytes),
            WebSocketMessage::Close(close) => {
                if let (Some(special), Some(close)) = (&mut self.special, close) {
                    special.remember_reason(close.reason);
                }
                FrameEvent::Close(close.map_or(CloseCode::NORMAL, |close| close.code))
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

    pub(super) fn closing_timeout(&self) -> Option<Duration> {
        self.special.as_ref().and_then(|special| special.options.closing_timeout)
    }

    pub(super) fn keepalive(&self) -> Option<KeepAlive> {
        self.special.as_ref().and_then(|special| special.options.keepalive)
    }

    pub(super) fn write_message<E>(
        &mut self,
        out: &mut Vec<u8>,
        kind: MessageKind,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Budget, E> {
        let masks = self.masks();
        if let Some(special) = &mut self.special
            && let Some(shape) = &mut special.shape
        {
            let start = out.len();
            encode(out)?;
            let length = out.len() - start;
            write_shaped(shape, out, start, kind, masks);
            return Ok(special.spend_budget(length));
        }
        let mut outcome = Ok(());
        sender::write_message_with(out, kind, masks.next(), |out| outcome = encode(out));
        outcome.map(|()| Budget::Left)
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
            (WebSocketRole::Server, Some(special)) if special.options.masks => {
                if special.options.ignores_masks { Masks::Zero } else { Masks::Fresh }
            }
            (WebSocketRole::Server, _) => Masks::None,
        }
    }
}

/// Turns the payload in `out` from `start` into a compressed or fragmented message.
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

/// Kept out of the path of every message.
impl SpecialFraming {
    #[cold]
    const fn fail(&mut self) {
        self.is_dropped = self.options.drops_faulty;
    }

    #[cold]
    fn remember_reason(&mut self, reason: &str) {
        if self.options.echoes_reason {
            self.reason = reason.to_owned();
        }
    }

    /// Counts bytes that were compressed or fragmented.
    #[cold]
    const fn spend_budget(&mut self, count: usize) -> Budget {
        self.work += count;
        if self.work < SHAPED_PER_TURN {
            return Budget::Left;
        }
        self.work = 0;
        Budget::Spent
    }
}
