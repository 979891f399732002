//! An incomplete message: its buffered or inflated data, and its limits.

use crate::websocket::close::WebSocketFault;
use crate::websocket::deflate::Inflater;
use crate::websocket::frame::{FrameHeader, MessageKind, Opcode};
use crate::websocket::limits::WebSocketLimits;

/// A message whose frames have not all arrived.
#[derive(Debug)]
pub(super) struct PartialMessage {
    limits: WebSocketLimits,
    /// The kind of the message, once it has begun.
    kind: Option<MessageKind>,
    /// The received data, inflated.
    pub(super) data: Vec<u8>,
    /// The number of bytes of `data` that were checked to be UTF-8.
    checked: usize,
    /// Whether text is not checked to be UTF-8.
    skips_utf8_check: bool,
    /// Whether the message is compressed.
    is_compressed: bool,
    /// `None` if compression was not negotiated.
    inflater: Option<Box<Inflater>>,
    /// The maximum number of bytes that are inflated at once.
    step: usize,
}

/// The result of inflating a piece.
pub(super) enum Inflated {
    /// The step is complete after this number of bytes of the piece.
    Step(usize),
    /// The piece is inflated and the message is incomplete.
    Piece,
    /// The message is complete.
    Message(MessageKind),
}

impl PartialMessage {
    pub(super) const fn new(limits: WebSocketLimits) -> Self {
        Self {
            limits,
            kind: None,
            data: Vec::new(),
            checked: 0,
            skips_utf8_check: false,
            is_compressed: false,
            inflater: None,
            step: usize::MAX,
        }
    }

    pub(super) fn set_inflater(&mut self, inflater: Inflater) {
        self.inflater = Some(Box::new(inflater));
    }

    pub(super) const fn set_step(&mut self, step: usize) {
        self.step = step;
    }

    /// Whether the current message is compressed.
    pub(super) const fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    pub(super) const fn has_inflater(&self) -> bool {
        self.inflater.is_some()
    }

    pub(super) const fn leave_text_unchecked(&mut self) {
        self.skips_utf8_check = true;
    }

    pub(super) const fn leaves_text_unchecked(&self) -> bool {
        self.skips_utf8_check
    }

    /// Whether there is an incomplete message.
    pub(super) const fn is_open(&self) -> bool {
        self.kind.is_some()
    }

    /// Checks the order and the limits of a data frame by its header.
    pub(super) fn open(&mut self, header: &FrameHeader) -> Result<(), WebSocketFault> {
        match (header.opcode, self.kind) {
            (Opcode::Message(kind), None) => {
                self.kind = Some(kind);
                self.is_compressed = header.compressed;
            }
            (Opcode::Continuation, None) => {
                return Err(WebSocketFault::OutOfOrder(
                    "a continuation frame continues no message",
                ));
            }
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Message(_) | Opcode::Control(_), _) => {
                return Err(WebSocketFault::OutOfOrder(
                    "a message begins inside a fragmented message",
                ));
            }
        }
        check_limit("frame", header.length, self.limits.max_frame)?;
        if self.is_compressed {
            // The limit of the inflated length is checked while inflating.
            return Ok(());
        }
        let length = (self.data.len() as u64).saturating_add(header.length);
        check_limit("message", length, self.limits.max_message)
    }

    /// Ends a message that was not buffered.
    pub(super) const fn close(&mut self) {
        self.kind = None;
    }

    /// Buffers a piece. Returns the kind of the message after its last piece.
    pub(super) fn keep(
        &mut self,
        piece: &[u8],
        is_last: bool,
    ) -> Result<Option<MessageKind>, WebSocketFault> {
        self.data.extend_from_slice(piece);
        self.check_text()?;
        Ok(if is_last { self.kind.take() } else { None })
    }

    /// Inflates and buffers a compressed piece, or a step of it.
    pub(super) fn inflate(
        &mut self,
        piece: &[u8],
        is_last: bool,
    ) -> Result<Inflated, WebSocketFault> {
        let Some(inflater) = &mut self.inflater else { return Err(WebSocketFault::ReservedBits) };
        let limit = self.limits.max_message;
        let mut inflated = inflater.inflate(piece, &mut self.data, limit, self.step);
        if let Ok(step) = inflated
            && is_last
            && !step.is_full
        {
            inflated = inflater.end(&mut self.data, limit).map(|()| step);
        }
        // Checked also before a fault of the compression, because the text precedes it.
        self.check_text()?;
        let step = inflated?;
        if step.is_full {
            return Ok(Inflated::Step(step.taken));
        }
        let kind = if is_last { self.kind.take() } else { None };
        Ok(kind.map_or(Inflated::Piece, Inflated::Message))
    }

    /// Checks new data of a text message.
    fn check_text(&mut self) -> Result<(), WebSocketFault> {
        if self.kind == Some(MessageKind::Text) && !self.skips_utf8_check {
            return self.check_utf8();
        }
        Ok(())
    }

    /// Checks the new bytes of a text message. An incomplete character is checked again with the
    /// next bytes. Bytes that cannot become a character are a fault at once.
    fn check_utf8(&mut self) -> Result<(), WebSocketFault> {
        match simdutf8::compat::from_utf8(&self.data[self.checked..]) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(WebSocketFault::NotUtf8),
        }
        Ok(())
    }

    /// Frees the buffer.
    pub(super) fn free(&mut self) {
        self.data = Vec::new();
        self.checked = 0;
    }
}

fn check_limit(what: &'static str, announced: u64, limit: usize) -> Result<(), WebSocketFault> {
    if announced > limit as u64 {
        return Err(WebSocketFault::TooBig { what, announced, limit });
    }
    Ok(())
}
