//! Reading MessagePack.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::{Kind, MAX_DEPTH, Token, TokenReader};
use crate::error::DecodeError;

/// A list or map that has begun.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// How many values are still to come; in a map each entry counts twice, so that an even
    /// number means that a key comes next.
    left: usize,
    map: bool,
}

/// What stands at the reader's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Key,
    /// The end of the innermost list or map.
    End,
    /// The outermost value has ended.
    Nothing,
}

/// Reads MessagePack.
#[derive(Debug)]
pub struct MsgPackReader<'a> {
    input: &'a [u8],
    position: usize,
    started: bool,
    stack: SmallVec<[Frame; 8]>,
}

impl<'a> TokenReader<'a> for MsgPackReader<'a> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        MsgPackReader { input, position: 0, started: false, stack: SmallVec::new() }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        let (place, offset) = (self.place(), self.position);
        let token = self.step(place)?;
        if place == Place::Key { key(token, offset) } else { Ok(token) }
    }

    #[inline]
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        match self.place() {
            Place::Value => {}
            Place::Key => return Ok(Kind::Text),
            Place::End => return Ok(Kind::End),
            Place::Nothing => return Err(DecodeError::TrailingBytes(self.position)),
        }
        match self.input.get(self.position) {
            Some(0x80..=0x8f | 0xde | 0xdf) => Ok(Kind::Map),
            Some(0x90..=0x9f | 0xdc | 0xdd) => Ok(Kind::List),
            Some(0xa0..=0xbf | 0xd9..=0xdb) => Ok(Kind::Text),
            Some(0xc4..=0xc6) => Ok(Kind::Binary),
            Some(0xc1) => Err(never_used(self.position)),
            Some(_) => Ok(Kind::Scalar),
            None => Err(self.truncated()),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let (start, depth) = (self.position, self.stack.len());
        if self.place() != Place::Value {
            return Err(DecodeError::Malformed { offset: start, what: "a value must come here" });
        }
        loop {
            let (place, offset) = (self.place(), self.position);
            let token = self.step(place)?;
            if place == Place::Key {
                check_key(&token, offset)?;
            }
            if self.stack.len() == depth {
                return Ok(start..self.position);
            }
        }
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.place() != Place::Nothing {
            Err(self.truncated())
        } else if self.position < self.input.len() {
            Err(DecodeError::TrailingBytes(self.position))
        } else {
            Ok(())
        }
    }
}

impl<'a> MsgPackReader<'a> {
    #[inline]
    fn place(&self) -> Place {
        match self.stack.last() {
            Some(frame) if frame.left == 0 => Place::End,
            Some(frame) if frame.map && frame.left.is_multiple_of(2) => Place::Key,
            None if self.started => Place::Nothing,
            _ => Place::Value,
        }
    }

    /// The next token, where a key is not yet one.
    #[inline]
    fn step(&mut self, place: Place) -> Result<Token<'a>, DecodeError> {
        match place {
            Place::Nothing => return Err(DecodeError::TrailingBytes(self.position)),
            Place::End => {
                let map = self.stack.pop().is_some_and(|frame| frame.map);
                return Ok(if map { Token::MapEnd } else { Token::ListEnd });
            }
            Place::Value | Place::Key => {}
        }
        match self.stack.last_mut() {
            Some(frame) => frame.left -= 1,
            None => self.started = true,
        }
        self.item()
    }

    /// A scalar, or the start of a list or map.
    #[inline]
    fn item(&mut self) -> Result<Token<'a>, DecodeError> {
        let offset = self.position;
        let [first] = self.fixed::<1>()?;
        match first {
            0x00..=0x7f => Ok(Token::Unsigned(first.into())),
            0x80..=0x8f => self.begin_map(usize::from(first & 0x0f)),
            0x90..=0x9f => self.begin_list(usize::from(first & 0x0f)),
            0xa0..=0xbf => self.text(usize::from(first & 0x1f)),
            0xe0..=0xff => Ok(signed(i64::from(first.cast_signed()))),
            0xc0 => Ok(Token::Null),
            0xc1 => Err(never_used(offset)),
            0xc2 => Ok(Token::Bool(false)),
            0xc3 => Ok(Token::Bool(true)),
            0xca..=0xd3 => self.number(first),
            0xc4..=0xc9 | 0xd4..=0xdf => self.sized(first),
        }
    }

    /// A number of more than one byte.
    fn number(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        Ok(match first {
            0xca => Token::Float(f32::from_be_bytes(self.fixed()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.fixed()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.fixed()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.fixed()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.fixed()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.fixed()?)),
            0xd0 => signed(i8::from_be_bytes(self.fixed()?).into()),
            0xd1 => signed(i16::from_be_bytes(self.fixed()?).into()),
            0xd2 => signed(i32::from_be_bytes(self.fixed()?).into()),
            _ => signed(i64::from_be_bytes(self.fixed()?)),
        })
    }

    /// What announces its length, or has it in the name of its type.
    fn sized(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        match first {
            0xc4..=0xc6 => self.length(first - 0xc4).and_then(|length| self.binary(length)),
            0xc7..=0xc9 => self.length(first - 0xc7).and_then(|length| self.extension(length)),
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4)),
            0xd9..=0xdb => self.length(first - 0xd9).and_then(|length| self.text(length)),
            0xdc | 0xdd => self.length(first - 0xdb).and_then(|entries| self.begin_list(entries)),
            _ => self.length(first - 0xdd).and_then(|entries| self.begin_map(entries)),
        }
    }

    /// A length of 2^`exponent` bytes.
    fn length(&mut self, exponent: u8) -> Result<usize, DecodeError> {
        let length = match exponent {
            0 => u8::from_be_bytes(self.fixed()?).into(),
            1 => u16::from_be_bytes(self.fixed()?).into(),
            _ => u32::from_be_bytes(self.fixed()?),
        };
        usize::try_from(length).map_err(|_| self.truncated())
    }

    #[inline]
    fn text(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let offset = self.position;
        let text = simdutf8::basic::from_utf8(self.bytes(length)?);
        text.map(|text| Token::Text(Cow::Borrowed(text))).map_err(|_| DecodeError::NotUtf8(offset))
    }

    fn binary(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        Ok(Token::Binary(Cow::Borrowed(self.bytes(length)?)))
    }

    /// The type and the data of an extension.
    fn extension(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        self.bytes(1)?;
        self.bytes(length)?;
        Ok(Token::Null)
    }

    #[inline]
    fn begin_list(&mut self, entries: usize) -> Result<Token<'a>, DecodeError> {
        self.begin(Frame { left: entries, map: false })?;
        Ok(Token::ListStart)
    }

    #[inline]
    fn begin_map(&mut self, entries: usize) -> Result<Token<'a>, DecodeError> {
        self.begin(Frame { left: entries.saturating_mul(2), map: true })?;
        Ok(Token::MapStart)
    }

    /// Each value is a byte at least, so that a number above what is left cannot be true.
    #[inline]
    fn begin(&mut self, frame: Frame) -> Result<(), DecodeError> {
        if self.stack.len() == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        if frame.left > self.input.len() - self.position {
            return Err(self.truncated());
        }
        self.stack.push(frame);
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.input[self.position..];
        let Some(bytes) = rest.get(..length) else { return Err(self.truncated()) };
        self.position += length;
        Ok(bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let rest = &self.input[self.position..];
        let Some(bytes) = rest.first_chunk() else { return Err(self.truncated()) };
        self.position += N;
        Ok(*bytes)
    }

    #[cold]
    fn truncated(&self) -> DecodeError {
        DecodeError::Truncated(self.input.len())
    }
}

#[inline]
fn signed(value: i64) -> Token<'static> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
}

/// The key that a token at the place of a key stands for.
#[inline]
fn key(token: Token<'_>, offset: usize) -> Result<Token<'_>, DecodeError> {
    match token {
        Token::Text(text) => Ok(Token::Key(text)),
        Token::Unsigned(number) => Ok(Token::Key(number.to_string().into())),
        Token::Negative(number) => Ok(Token::Key(number.to_string().into())),
        _ => Err(no_key(offset)),
    }
}

#[inline]
fn check_key(token: &Token<'_>, offset: usize) -> Result<(), DecodeError> {
    match token {
        Token::Text(_) | Token::Unsigned(_) | Token::Negative(_) => Ok(()),
        _ => Err(no_key(offset)),
    }
}

#[cold]
fn no_key(offset: usize) -> DecodeError {
    DecodeError::Malformed { offset, what: "a key must be text or an integer" }
}

#[cold]
fn never_used(offset: usize) -> DecodeError {
    DecodeError::Malformed { offset, what: "the byte 0xc1 is never used" }
}
