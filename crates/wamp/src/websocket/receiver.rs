//! From bytes to messages: the receiving half of a connection, strict and without IO.
//!
//! Knows the order of frames, the limits and UTF-8; doesn't answer pings or closes (the transport
//! does) and doesn't read sockets.

use std::mem;

use super::close::{CloseFrame, WebSocketFault};
use super::deflate::Inflater;
use super::frame::{
    ControlKind, FrameHeader, FrameRules, MAX_HEADER, MessageKind, Opcode, WebSocketRole,
    apply_mask,
};

mod partial;

use partial::{Inflated, PartialMessage};

/// How much a peer may send at once, in bytes. A limit is checked against the length that a header
/// announces, before anything is kept; of a compressed message it is what it has become that
/// counts, and no more than that is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// The largest message, all fragments together.
    pub max_message: usize,
    /// The largest payload of a data frame, as it comes.
    pub max_frame: usize,
}

/// What has arrived. The bytes are the receiver's or the input's; they are gone with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketMessage<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole text message of a receiver that does not look whether it is UTF-8.
    UncheckedText(&'a [u8]),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// To be answered by a Pong with the same bytes.
    Ping(&'a [u8]),
    /// The answer to a Ping, or unasked.
    Pong(&'a [u8]),
    /// The peer closes; to be answered by a Close, unless one was sent already. Nothing follows.
    Close(Option<CloseFrame<'a>>),
}

/// Turns the bytes of one connection into messages.
///
/// A message in one frame that lies wholly in the input is unmasked in place and handed out as a
/// slice of the input. Only what the end of an input cuts, fragments, and what is inflated are
/// copied; that memory grows with the bytes received or made (at most doubled by the growth of the
/// vector) and is freed when the message was handed out, so that an idle connection holds none but
/// what its [`Inflater`] keeps.
///
/// A transport reads into a buffer it may reuse at once, and calls until nothing more comes:
///
/// ```
/// use cloverleaf_wamp::websocket::{WebSocketMessage, WebSocketLimits, WebSocketReceiver, WebSocketRole};
///
/// # let mut socket: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// # let mut texts = Vec::new();
/// let mut receiver = WebSocketReceiver::new(WebSocketRole::Server, WebSocketLimits { max_message: 1024, max_frame: 1024 });
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
    /// A header that the end of an input has cut.
    cut_header: CutHeader,
    /// The frame whose payload has not arrived wholly.
    frame: Option<OpenFrame>,
    /// The message whose frames have not arrived wholly.
    message: PartialMessage,
    /// What has arrived of a control frame that the end of an input has cut.
    control: Vec<u8>,
    closed: bool,
    /// The last call has made a step of a compressed message.
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

    /// How many bytes `input` has of this frame's payload.
    fn available(&self, input: &[u8]) -> usize {
        let missing = self.header.length - self.received;
        usize::try_from(missing).map_or(input.len(), |missing| missing.min(input.len()))
    }

    /// Unmasks what comes next of the payload, or masks it again.
    fn mask(&self, piece: &mut [u8]) {
        if let Some(mask) = self.header.mask {
            apply_mask(piece, mask, self.received);
        }
    }

    /// Takes what `input` has of this frame's payload, and unmasks it.
    fn take<'i>(&mut self, input: &mut &'i mut [u8]) -> &'i [u8] {
        let count = self.available(input);
        let piece = split_front(input, count);
        self.mask(piece);
        self.received += count as u64;
        piece
    }
}

/// What has arrived wholly, with its payload when that lies in the input; otherwise it was kept.
enum Arrived<'i> {
    Message(MessageKind, Option<&'i [u8]>),
    Control(ControlKind, Option<&'i [u8]>),
}

impl WebSocketReceiver {
    /// The receiver of the side `role` (which says whether frames must be masked).
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

    /// The same with other rules for frames.
    #[must_use]
    pub fn with_rules(mut self, adapt: impl FnOnce(FrameRules) -> FrameRules) -> Self {
        self.rules = adapt(self.rules);
        self
    }

    /// The same, taking for text whatever comes as text.
    #[must_use]
    pub const fn with_unchecked_text(mut self) -> Self {
        self.message.leave_text_unchecked();
        self
    }

    /// The same, whose peer may compress messages, since that was agreed on.
    #[must_use]
    pub fn inflating(mut self, inflater: Inflater) -> Self {
        self.message.set_inflater(inflater);
        self.with_rules(FrameRules::with_compression)
    }

    /// The same, which makes at most about so many bytes of a compressed message in one call. With
    /// more to make, [`Self::receive`] returns `None` and [`Self::is_paused`] is true.
    #[must_use]
    pub const fn in_steps(mut self, step: usize) -> Self {
        self.message.set_step(step);
        self
    }

    /// Whether the last call of [`Self::receive`] returned in the middle of a compressed message.
    /// It has to be called again with what it has left of the input, though that may be empty.
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The message that the last call of [`Self::receive`] has returned, if it did not lie wholly
    /// in the input.
    pub fn kept_message(&self) -> &[u8] {
        &self.message.data
    }

    /// Whether messages may be inflated, so that they become much longer than what arrives.
    pub const fn inflates(&self) -> bool {
        self.message.has_inflater()
    }

    /// Takes bytes from the front of `input` until something has arrived; `None` once the input is
    /// used up. To be called until then, also because that frees what the last call handed out.
    ///
    /// After a fault or a Close the peer has nothing more to say: all further input is dropped.
    ///
    /// # Errors
    ///
    /// What the peer did wrong, as soon as the bytes show it.
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
            Ok(Some(Arrived::Message(MessageKind::Text, payload)))
                if self.message.leaves_text_unchecked() =>
            {
                Ok(WebSocketMessage::UncheckedText(payload.unwrap_or(&self.message.data)))
            }
            Ok(Some(Arrived::Message(kind, payload))) => {
                WebSocketMessage::message(kind, payload.unwrap_or(&self.message.data))
            }
            Ok(Some(Arrived::Control(kind, payload))) => {
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

    /// How many bytes are held of a message or frame that has begun; none where none has.
    pub fn unfinished(&self) -> Option<usize> {
        let is_begun = self.cut_header.len > 0 || self.frame.is_some() || self.message.is_open();
        (is_begun && !self.closed).then(|| self.message.data.capacity() + self.control.capacity())
    }

    /// Whether the peer has closed or has made the connection fail.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Frees what an earlier call handed out.
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
    ) -> Result<Option<Arrived<'i>>, WebSocketFault> {
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
                    Inflated::Message(kind) => return Ok(Some(Arrived::Message(kind, None))),
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

    /// Takes a header from the input, or what there is of one.
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

    /// Accepts a frame by its header: is it its turn, is it within the limits?
    fn open(&mut self, header: FrameHeader) -> Result<OpenFrame, WebSocketFault> {
        if !matches!(header.opcode, Opcode::Control(_)) {
            self.message.open(&header)?;
        }
        Ok(OpenFrame { header, received: 0 })
    }

    /// Inflates what `input` has of a frame, or a step of it. What is not taken stays in `input` as
    /// it came.
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

    /// Hands out a frame that is wholly in the input and a whole message; keeps all else. The frame
    /// is not compressed.
    fn absorb<'i>(
        &mut self,
        frame: &OpenFrame,
        piece: &'i [u8],
    ) -> Result<Option<Arrived<'i>>, WebSocketFault> {
        let header = &frame.header;
        let whole = piece.len() as u64 == header.length;
        match header.opcode {
            Opcode::Control(kind) if whole => Ok(Some(Arrived::Control(kind, Some(piece)))),
            Opcode::Control(kind) => {
                self.control.extend_from_slice(piece);
                Ok(frame.is_complete().then_some(Arrived::Control(kind, None)))
            }
            Opcode::Message(kind) if whole && header.fin => {
                self.message.close();
                Ok(Some(Arrived::Message(kind, Some(piece))))
            }
            Opcode::Message(_) | Opcode::Continuation => {
                let kind = self.message.keep(piece, header.fin && frame.is_complete())?;
                Ok(kind.map(|kind| Arrived::Message(kind, None)))
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

/// Takes `count` bytes from the front of `input`.
fn split_front<'i>(input: &mut &'i mut [u8], count: usize) -> &'i mut [u8] {
    let (front, rest) = mem::take(input).split_at_mut(count);
    *input = rest;
    front
}

#[cfg(test)]
mod tests;
