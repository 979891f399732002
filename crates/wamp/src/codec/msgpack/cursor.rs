//! A position in MessagePack, and the parts of items that reading and skipping share.

use super::super::cursor::Cursor;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// MessagePack, as the format of a [`Cursor`].
#[derive(Debug, Clone, Copy)]
pub(super) enum MsgPack {}

/// A position in MessagePack.
pub(super) type MsgPackCursor<'a> = Cursor<'a, MsgPack>;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct MsgPackContainer {
    /// The number of remaining values. Each entry of a map counts twice.
    pub(super) left: usize,
    pub(super) map: bool,
}

impl MsgPackContainer {
    /// Whether the next item, if any, is a key.
    #[inline]
    pub(super) fn at_key(self) -> bool {
        self.map && self.left.is_multiple_of(2)
    }
}

impl MsgPackCursor<'_> {
    /// The first byte of a value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<u8, DecodeError> {
        let [first] = self.fixed()?;
        if first == 0xc1 {
            return Err(self.malformed_before("the byte 0xc1 is never used"));
        }
        Ok(first)
    }

    /// The first byte of a key: text or an integer.
    #[inline]
    pub(super) fn key(&mut self) -> Result<u8, DecodeError> {
        let [first] = self.fixed()?;
        match first {
            0x00..=0x7f | 0xa0..=0xbf | 0xcc..=0xd3 | 0xd9..=0xdb | 0xe0..=0xff => Ok(first),
            _ => Err(self.malformed_before("a key must be text or an integer")),
        }
    }

    /// A length that takes 2^`exponent` bytes.
    #[inline]
    pub(super) fn length(&mut self, exponent: u8) -> Result<usize, DecodeError> {
        let length = match exponent {
            0 => u8::from_be_bytes(self.fixed()?).into(),
            1 => u16::from_be_bytes(self.fixed()?).into(),
            _ => u32::from_be_bytes(self.fixed()?),
        };
        usize::try_from(length).map_err(|_| self.truncated())
    }

    /// Skips the type and the data of an extension.
    #[inline]
    pub(super) fn extension(&mut self, length: usize) -> Result<(), DecodeError> {
        self.bytes(1)?;
        self.bytes(length).map(drop)
    }

    /// Begins a list or map inside `depth` others. Each value takes at least one byte, so a number
    /// above the remaining bytes cannot be true.
    #[inline]
    pub(super) fn begin(
        &self,
        entries: usize,
        map: bool,
        depth: usize,
    ) -> Result<MsgPackContainer, DecodeError> {
        if depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        let left = if map { entries.saturating_mul(2) } else { entries };
        if left > self.input.len() - self.position {
            return Err(self.truncated());
        }
        Ok(MsgPackContainer { left, map })
    }

    #[cold]
    fn malformed_before(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { offset: self.position - 1, what }
    }
}
