//! A position in UBJSON, and the parsing steps without state: numbers and text.

use super::super::cursor::Cursor;
use super::super::{Token, cbor, json};
use super::dialect::Dialect;
use crate::error::DecodeError;

/// A position in UBJSON or BJData.
pub(super) type UbJsonCursor<'a, D> = Cursor<'a, D>;

impl<'a, D: Dialect> UbJsonCursor<'a, D> {
    /// The next byte, without skipping it.
    #[inline]
    pub(super) fn peek_byte(&self) -> Option<u8> {
        self.input.get(self.position).copied()
    }

    /// Skips the next byte if it is this one.
    #[inline]
    pub(super) fn skip_byte(&mut self, byte: u8) -> bool {
        let is_there = self.peek_byte() == Some(byte);
        self.position += usize::from(is_there);
        is_there
    }

    /// The number after its marker. `None` if the marker is not that of a number.
    #[inline]
    pub(super) fn number(&mut self, marker: u8) -> Result<Option<Token<'static>>, DecodeError> {
        Ok(Some(match marker {
            b'i' => signed(i8::from_be_bytes(self.fixed()?).into()),
            b'U' => Token::Unsigned(u8::from_be_bytes(self.fixed()?).into()),
            b'I' => signed(i16::from_be_bytes(self.ordered()?).into()),
            b'l' => signed(i32::from_be_bytes(self.ordered()?).into()),
            b'L' => signed(i64::from_be_bytes(self.ordered()?)),
            b'd' => Token::Float(f32::from_be_bytes(self.ordered()?).into()),
            b'D' => Token::Float(f64::from_be_bytes(self.ordered()?)),
            b'H' => self.high_precision()?,
            b'B' if D::BJDATA => Token::Unsigned(u8::from_be_bytes(self.fixed()?).into()),
            b'u' if D::BJDATA => Token::Unsigned(u16::from_be_bytes(self.ordered()?).into()),
            b'm' if D::BJDATA => Token::Unsigned(u32::from_be_bytes(self.ordered()?).into()),
            b'M' if D::BJDATA => Token::Unsigned(u64::from_be_bytes(self.ordered()?)),
            b'h' if D::BJDATA => Token::Float(cbor::half(u16::from_be_bytes(self.ordered()?))),
            _ => return Ok(None),
        }))
    }

    /// A number in decimal digits, as in JSON (draft 12, "High-Precision"): an integer if 64 bits
    /// hold it, else the nearest float, or null if that is infinite.
    fn high_precision(&mut self) -> Result<Token<'static>, DecodeError> {
        let length = self.length()?;
        let start = self.position;
        json::number_of(self.bytes(length)?).ok_or(DecodeError::Malformed {
            offset: start,
            what: "a high-precision number must be written as in JSON",
        })
    }

    /// A length or number of entries: any non-negative integer.
    #[inline]
    pub(super) fn length(&mut self) -> Result<usize, DecodeError> {
        let offset = self.position;
        let [marker] = self.fixed()?;
        let number = match marker {
            b'U' | b'i' | b'I' | b'l' | b'L' => self.number(marker)?,
            b'u' | b'm' | b'M' if D::BJDATA => self.number(marker)?,
            _ => return Err(unexpected::<D>(offset, marker, "a length must come here")),
        };
        match number {
            Some(Token::Unsigned(length)) => usize::try_from(length).map_err(|_| self.truncated()),
            _ => Err(DecodeError::Malformed { offset, what: "a length must not be negative" }),
        }
    }

    /// Text after its marker, or a key, which has no marker.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let length = self.length()?;
        self.utf8(length)
    }

    /// The bytes of a number in big-endian order.
    #[inline]
    fn ordered<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut bytes = self.fixed()?;
        if D::BJDATA {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

#[inline]
fn signed(value: i64) -> Token<'static> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
}

/// The error of a marker that is not allowed at `offset`. In UBJSON, markers of BJData get an error
/// of their own.
#[cold]
pub(super) fn unexpected<D: Dialect>(offset: usize, marker: u8, what: &'static str) -> DecodeError {
    match marker {
        b'u' | b'm' | b'M' | b'h' | b'B' if !D::BJDATA => DecodeError::BjData(offset),
        _ => DecodeError::Malformed { offset, what },
    }
}
