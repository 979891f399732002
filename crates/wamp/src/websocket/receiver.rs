//! Reads messages from bytes, strictly and without IO.
//!
//! Checks the order of frames, the limits and UTF-8. The transport answers pings and closes, and
//! reads sockets.

use std::mem;

use super::close::{CloseFrame, WebSocketFault};
use super::deflate::Inflater;
use super::frame::{
    ControlKind, FrameHeader, FrameRules, MAX_HEADER, MessageKind, Opcode, WebSocketRole,
    apply_mask,
};

mod partial;

use super::limits::WebSocketLimits;
use partial::{Inflated, PartialMessage};

/// A message or control frame. The bytes belong to the receiver or the input and are valid until
/// the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketMessage<'a> {
    /// A text message.
    Text(&'a str),
    /// A text message of a receiver that does not check UTF-8.
    UncheckedText(&'a [u8]),
    /// A binary message.
    Binary(&'a [u8]),
    /// A Ping. The answer is a Pong with the same bytes.
    Ping(&'a [u8]),
    /// A Pong, as the answer to a Ping or unsolicited.
    Pong(&'a [u8]),
    /// A Close. The answer is a Close, unless one was sent already. Nothing follows.
    Close(Option<CloseFrame<'a>>),
}

/// Reads the messages of one connection.
///
/// A message in one frame that is contiguous in the input is unmasked in place and returned as a
/// slice of the input. Incomplete frames, fragments and inflated messages are copied. Their buffer
/// grows with the received or inflated bytes, at most to twice their number. It is freed after the
/// message was returned, so an idle connection holds only the memory of its [`Inflater`].
///
/// A transport reads into a buffer that it can reuse at once, and calls until `None`:
///
/// ```
/// use cloverleaf_wamp::websocket::{
///     WebSocketLimits, WebSocketMessage, WebSocketReceiver, WebSocketRole,
/// };
///
/// # let mut socket: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// # let mut texts = Vec::new();
/// let limits = WebSocketLimits { max_message: 1024, max_frame: 1024 };
/// let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, limits);
/// let mut scratch = [0; 4096];
/// loop {
///     let count = std::io::Read::read(&mut socket, &mut scratch)?;
///     if count == 0 {
///         break; // the peer is gone
///     }
///     let mut input = &mut scratch[..count];
///     while let Some(incoming) = receiver.receive(&mut input)? {
///         match incoming {
///             WebSocketMessage::Text(text) => texts.push(text.to_owned()),
///             WebSocketMessage::Binary(_) | WebSocketMessage::Pong(_) => {}
///             WebSocketMessage::UncheckedText(_) => {} // only where texts are not checked
///             WebSocketMessage::Ping(_) => {} // write a Pong with the same bytes
///             WebSocketMessage::Close(_) => {} // write a Close, then end
///         }
///     }
/// }
/// # assert_eq!(texts, ["Hello"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WebSocketReceiver {
    rules: FrameRules,
    /// An incomplete header at the end of the last input.
    cut_header: CutHeader,
    /// The frame whose payload is incomplete.
    frame: Option<OpenFrame>,
    /// The message whose frames are incomplete.
    message: PartialMessage,
    /// The received part of an incomplete control frame.
    control: Vec<u8>,
    closed: bool,
    /// Whether the last call stopped in the middle of a compressed message.
    is_paused: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct CutHeader {
    bytes: [u8; MAX_HEADER],
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct OpenFrame {
    header: FrameHeader,
    received: u64,
}

impl OpenFrame {
    fn is_control(&self) -> bool {
        matches!(self.header.opcode, Opcode::Control(_))
    }

    fn is_complete(&self) -> bool {
        self.received == self.header.length
    }

    /// The bytes of this frame's payload in `input`.
    fn available(&self, input: &[u8]) -> usize {
        let missing = self.header.length - self.received;
        usize::try_from(missing).map_or(input.len(), |missing| missing.min(input.len()))
    }

    /// Masks or unmasks the next bytes of the payload.
    fn mask(&self, piece: &mut [u8]) {
        if let Some(mask) = self.header.mask {
            apply_mask(piece, mask, self.received);
        }
    }

    /// Takes and unmasks the bytes of this frame in `input`.
    fn take<'i>(&mut self, input: &mut &'i mut [u8]) -> &'i [u8] {
        let count = self.available(input);
        let piece = split_front(input, count);
        self.mask(piece);
        self.received += count as u64;
        piece
    }
}

/// A complete message or control frame. The payload is `None` if it was buffered.
enum ReceivedFrame<'i> {
    Message(MessageKind, Option<&'i [u8]>),
    Control(ControlKind, Option<&'i [u8]>),
}

impl WebSocketReceiver {
    /// The receiver of a side, which decides whether frames must be masked.
    pub fn new(role: WebSocketRole, limits: WebSocketLimits) -> Self {
        Self {
            rules: FrameRules::new(role),
            cut_header: CutHeader::default(),
            frame: None,
            message: PartialMessage::new(limits),
            control: Vec::new(),
            closed: false,
            is_paused: false,
        }
    }

    /// Changes the rules for frames.
    #[must_use]
    pub fn with_rules(mut self, adapt: impl FnOnce(FrameRules) -> FrameRules) -> Self {
        self.rules = adapt(self.rules);
        self
    }

    /// Does not check that text messages are UTF-8.
    #[must_use]
    pub const fn with_unchecked_text(mut self) -> Self {
        self.message.leave_text_unchecked();
        self
    }

    /// Accepts compressed messages, as negotiated.
    #[must_use]
    pub fn with_inflater(mut self, inflater: Inflater) -> Self {
        self.message.set_inflater(inflater);
        self.with_rules(FrameRules::with_compression)
    }

    /// Inflates about `step` bytes of a compressed message at most in one call. If more remain,
    /// [`Self::receive`] returns `None` and [`Self::is_paused`] is true.
    #[must_use]
    pub const fn with_inflate_step(mut self, step: usize) -> Self {
        self.message.set_step(step);
        self
    }

    /// Whether the last call of [`Self::receive`] stopped in the middle of a compressed message. It
    /// must be called again with the rest of the input, even if that is empty.
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The message that the last call of [`Self::receive`] returned, if it was buffered.
    pub fn kept_message(&self) -> &[u8] {
        &self.message.data
    }

    /// Whether messages are inflated, and so may become much longer than the received bytes.
    pub const fn inflates(&self) -> bool {
        self.message.has_inflater()
    }

    /// Reads the next message or control frame of `input`. `None` once the input is used up. Must
    /// be called until then, also because each call frees the message of the last one.
    ///
    /// After a fault or a Close all further input is dropped.
    ///
    /// # Errors
    ///
    /// A protocol error of the peer, as soon as the bytes show it.
    pub fn receive<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<WebSocketMessage<'s>>, WebSocketFault> {
        self.release();
        self.is_paused = false;
        if self.closed {
            *input = &mut [];
            return Ok(None);
        }
        let incoming = match self.advance(input) {
            Ok(None) => return Ok(None),
            Ok(Some(ReceivedFrame::Message(MessageKind::Text, payload)))
                if self.message.leaves_text_unchecked() =>
            {
                Ok(WebSocketMessage::UncheckedText(payload.unwrap_or(&self.message.data)))
            }
            Ok(Some(ReceivedFrame::Message(kind, payload))) => {
                WebSocketMessage::message(kind, payload.unwrap_or(&self.message.data))
            }
            Ok(Some(ReceivedFrame::Control(kind, payload))) => {
                WebSocketMessage::control(kind, payload.unwrap_or(&self.control))
            }
            Err(fault) => {
                self.message.free();
                Err(fault)
            }
        };
        self.closed = matches!(incoming, Err(_) | Ok(WebSocketMessage::Close(_)));
        incoming.map(Some)
    }

    /// Bytes buffered for an incomplete message or frame. `None` if there is none.
    pub fn unfinished(&self) -> Option<usize> {
        let is_begun = self.cut_header.len > 0 || self.frame.is_some() || self.message.is_open();
        (is_begun && !self.closed).then(|| self.message.data.capacity() + self.control.capacity())
    }

    /// Whether the peer has closed the connection or broken the protocol.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Frees the message that an earlier call returned.
    fn release(&mut self) {
        if self.closed || !self.message.is_open() {
            self.message.free();
        }
        if self.frame.is_none_or(|frame| !frame.is_control()) {
            self.control = Vec::new();
        }
    }

    fn advance<'i>(
        &mut self,
        input: &mut &'i mut [u8],
    ) -> Result<Option<ReceivedFrame<'i>>, WebSocketFault> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.next_header(input)? {
                    Some(header) => self.open(header)?,
                    None => return Ok(None),
                },
            };
            if self.message.is_compressed() && !frame.is_control() {
                match self.inflate(&mut frame, input)? {
                    Inflated::Step(_) => {
                        (self.frame, self.is_paused) = (Some(frame), true);
                        return Ok(None);
                    }
                    Inflated::Piece => {}
                    Inflated::Message(kind) => return Ok(Some(ReceivedFrame::Message(kind, None))),
                }
            } else {
                let piece = frame.take(input);
                if let Some(arrived) = self.absorb(&frame, piece)? {
                    return Ok(Some(arrived));
                }
            }
            if !frame.is_complete() {
                self.frame = Some(frame);
                return Ok(None);
            }
        }
    }

    /// Reads a header from the input. `None` if it is incomplete.
    fn next_header(
        &mut self,
        input: &mut &mut [u8],
    ) -> Result<Option<FrameHeader>, WebSocketFault> {
        let cut = &mut self.cut_header;
        if cut.len == 0
            && let Some((header, count)) = FrameHeader::parse(input, self.rules)?
        {
            split_front(input, count);
            return Ok(Some(header));
        }
        let before = cut.len;
        let added = input.len().min(MAX_HEADER - before);
        cut.bytes[before..before + added].copy_from_slice(&input[..added]);
        cut.len += added;
        let Some((header, count)) = FrameHeader::parse(&cut.bytes[..cut.len], self.rules)? else {
            split_front(input, added);
            return Ok(None);
        };
        cut.len = 0;
        split_front(input, count - before);
        Ok(Some(header))
    }

    /// Checks the order and the limits of a frame by its header.
    fn open(&mut self, header: FrameHeader) -> Result<OpenFrame, WebSocketFault> {
        if !matches!(header.opcode, Opcode::Control(_)) {
            self.message.open(&header)?;
        }
        Ok(OpenFrame { header, received: 0 })
    }

    /// Inflates the bytes of a frame in `input`, or a step of them. Bytes that are not taken stay
    /// masked in `input`.
    fn inflate(
        &mut self,
        frame: &mut OpenFrame,
        input: &mut &mut [u8],
    ) -> Result<Inflated, WebSocketFault> {
        let count = frame.available(input);
        frame.mask(&mut input[..count]);
        let is_last = frame.header.fin && frame.received + count as u64 == frame.header.length;
        let inflated = self.message.inflate(&input[..count], is_last)?;
        let taken = if let Inflated::Step(taken) = inflated { taken } else { count };
        frame.received += taken as u64;
        frame.mask(&mut input[taken..count]);
        split_front(input, taken);
        Ok(inflated)
    }

    /// Returns a frame that is contiguous in the input and a whole message. Buffers all other data.
    /// The frame is not compressed.
    fn absorb<'i>(
        &mut self,
        frame: &OpenFrame,
        piece: &'i [u8],
    ) -> Result<Option<ReceivedFrame<'i>>, WebSocketFault> {
        let header = &frame.header;
        let whole = piece.len() as u64 == header.length;
        match header.opcode {
            Opcode::Control(kind) if whole => Ok(Some(ReceivedFrame::Control(kind, Some(piece)))),
            Opcode::Control(kind) => {
                self.control.extend_from_slice(piece);
                Ok(frame.is_complete().then_some(ReceivedFrame::Control(kind, None)))
            }
            Opcode::Message(kind) if whole && header.fin => {
                self.message.close();
                Ok(Some(ReceivedFrame::Message(kind, Some(piece))))
            }
            Opcode::Message(_) | Opcode::Continuation => {
                let kind = self.message.keep(piece, header.fin && frame.is_complete())?;
                Ok(kind.map(|kind| ReceivedFrame::Message(kind, None)))
            }
        }
    }
}

impl<'a> WebSocketMessage<'a> {
    fn message(kind: MessageKind, payload: &'a [u8]) -> Result<Self, WebSocketFault> {
        match kind {
            MessageKind::Text => simdutf8::basic::from_utf8(payload)
                .map(Self::Text)
                .map_err(|_| WebSocketFault::NotUtf8),
            MessageKind::Binary => Ok(Self::Binary(payload)),
        }
    }

    fn control(kind: ControlKind, payload: &'a [u8]) -> Result<Self, WebSocketFault> {
        match kind {
            ControlKind::Close => CloseFrame::parse(payload).map(Self::Close),
            ControlKind::Ping => Ok(Self::Ping(payload)),
            ControlKind::Pong => Ok(Self::Pong(payload)),
        }
    }
}

/// Splits off the first `count` bytes.
fn split_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    let (front, rest) = mem::take(input).split_at_mut(count);
    *input = rest;
    front
}

#[cfg(test)]
mod tests;
