//! A message whose frames have not arrived wholly: what of it is kept, what it becomes, and how
//! much of both there may be.

use super::WebSocketLimits;
use crate::websocket::close::WebSocketFault;
use crate::websocket::deflate::Inflater;
use crate::websocket::frame::{FrameHeader, MessageKind, Opcode};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct PartialMessage {
    limits: WebSocketLimits,
    /// Its kind, once it has begun.
    kind: Option<MessageKind>,
    /// What has arrived of it, inflated.
    pub(super) data: Vec<u8>,
    /// How many bytes of `data` are known to be UTF-8.
    checked: usize,
    /// Whether text need not be UTF-8.
    takes_any_text: bool,
    /// Whether what arrives of it is to be inflated.
    is_compressed: bool,
    /// There where compression was agreed on.
    inflater: Option<Box<Inflater>>,
    /// How many bytes are made at once.
    step: usize,
}

/// What has become of a piece that was compressed.
pub(super) enum Inflated {
    /// Only so many bytes of it were taken, and a step has been made.
    Step(usize),
    /// It was inflated, and the message is not complete.
    Piece,
    /// It was the last one of a message.
    Message(MessageKind),
}

impl PartialMessage {
    pub(super) const fn new(limits: WebSocketLimits) -> Self {
        Self {
            limits,
            kind: None,
            data: Vec::new(),
            checked: 0,
            takes_any_text: false,
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

    /// Whether the data frames of the present message are compressed.
    pub(super) const fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    pub(super) const fn has_inflater(&self) -> bool {
        self.inflater.is_some()
    }

    pub(super) const fn leave_text_unchecked(&mut self) {
        self.takes_any_text = true;
    }

    pub(super) const fn leaves_text_unchecked(&self) -> bool {
        self.takes_any_text
    }

    /// Whether a message has begun and not ended.
    pub(super) const fn is_open(&self) -> bool {
        self.kind.is_some()
    }

    /// Accepts a data frame by its header: is it its turn, is it within the limits?
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
            // What it becomes is limited as it is made.
            return Ok(());
        }
        let length = (self.data.len() as u64).saturating_add(header.length);
        check_limit("message", length, self.limits.max_message)
    }

    /// Ends a message that needed not be kept.
    pub(super) const fn close(&mut self) {
        self.kind = None;
    }

    /// Keeps a piece, and says what the message is when that was the last one.
    pub(super) fn keep(
        &mut self,
        piece: &[u8],
        is_last: bool,
    ) -> Result<Option<MessageKind>, WebSocketFault> {
        self.data.extend_from_slice(piece);
        self.check_text()?;
        Ok(if is_last { self.kind.take() } else { None })
    }

    /// Keeps what a compressed piece becomes, or a step of it.
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
        // Also before a fault of the compression: what came before it comes first.
        self.check_text()?;
        let step = inflated?;
        if step.is_full {
            return Ok(Inflated::Step(step.taken));
        }
        let kind = if is_last { self.kind.take() } else { None };
        Ok(kind.map_or(Inflated::Piece, Inflated::Message))
    }

    /// Checks what is text and has to be UTF-8.
    fn check_text(&mut self) -> Result<(), WebSocketFault> {
        if self.kind == Some(MessageKind::Text) && !self.takes_any_text {
            return self.check_utf8();
        }
        Ok(())
    }

    /// Checks the new bytes of a text message. A character that is not whole yet is looked at
    /// again with the next bytes; what can't become one any more is a fault at once.
    fn check_utf8(&mut self) -> Result<(), WebSocketFault> {
        match simdutf8::compat::from_utf8(&self.data[self.checked..]) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(WebSocketFault::NotUtf8),
        }
        Ok(())
    }

    /// Frees what was kept.
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
