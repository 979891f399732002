//! Reading MessagePack.
//!
//! The code that every token runs through is always inlined, as in the JSON reader.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::cursor::Cursor;
use super::super::next_item::NextItem;
use super::super::{Token, TokenKind, TokenReader};
use super::cursor::{MsgPackContainer, MsgPackCursor};
use super::skip::skip_value;
use crate::error::DecodeError;

/// Reads MessagePack.
#[derive(Debug)]
pub struct MsgPackReader<'a> {
    cursor: MsgPackCursor<'a>,
    started: bool,
    stack: SmallVec<[MsgPackContainer; 8]>,
}

impl<'a> TokenReader<'a> for MsgPackReader<'a> {
    const EMPTY_LIST: &'static [u8] = b"\x90";

    #[inline]
    fn starts_list(value: &[u8]) -> bool {
        matches!(value.first(), Some(0x90..=0x9f | 0xdc | 0xdd))
    }

    #[inline]
    fn starts_map(value: &[u8]) -> bool {
        matches!(value.first(), Some(0x80..=0x8f | 0xde | 0xdf))
    }

    #[inline]
    fn new(input: &'a [u8]) -> Self {
        MsgPackReader { cursor: Cursor::new(input), started: false, stack: SmallVec::new() }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.next_item() {
            NextItem::Value => {
                let first = self.cursor.value()?;
                self.advance();
                self.item(first)
            }
            NextItem::Key => {
                let first = self.cursor.key()?;
                self.advance();
                self.item(first).map(key)
            }
            NextItem::End => {
                let map = self.stack.pop().is_some_and(|frame| frame.map);
                Ok(if map { Token::MapEnd } else { Token::ListEnd })
            }
            NextItem::Nothing => Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<TokenKind, DecodeError> {
        match self.next_item() {
            NextItem::Value => {}
            NextItem::Key => return Ok(TokenKind::Text),
            NextItem::End => return Ok(TokenKind::End),
            NextItem::Nothing => return Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
        let mut cursor = self.cursor;
        match cursor.value()? {
            0x80..=0x8f | 0xde | 0xdf => Ok(TokenKind::Map),
            0x90..=0x9f | 0xdc | 0xdd => Ok(TokenKind::List),
            0xa0..=0xbf | 0xd9..=0xdb => Ok(TokenKind::Text),
            0xc4..=0xc6 => Ok(TokenKind::Binary),
            _ => Ok(TokenKind::Scalar),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.cursor.position;
        if self.next_item() != NextItem::Value {
            return Err(DecodeError::Malformed { offset: start, what: "a value must come here" });
        }
        self.cursor.position = skip_value(self.cursor, self.stack.len())?;
        self.advance();
        Ok(start..self.cursor.position)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        self.cursor.finish(self.next_item())
    }
}

impl<'a> MsgPackReader<'a> {
    #[inline(always)]
    fn next_item(&self) -> NextItem {
        match self.stack.last() {
            Some(frame) if frame.left == 0 => NextItem::End,
            Some(frame) if frame.at_key() => NextItem::Key,
            None if self.started => NextItem::Nothing,
            _ => NextItem::Value,
        }
    }

    /// Counts an item.
    #[inline(always)]
    fn advance(&mut self) {
        match self.stack.last_mut() {
            Some(frame) => frame.left -= 1,
            None => self.started = true,
        }
    }

    /// A scalar, or the start of a list or map, after its first byte.
    #[inline(always)]
    fn item(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        match first {
            0x00..=0x7f => Ok(Token::Unsigned(first.into())),
            0x80..=0x8f => self.begin(usize::from(first & 0x0f), true),
            0x90..=0x9f => self.begin(usize::from(first & 0x0f), false),
            0xa0..=0xbf => self.text(usize::from(first & 0x1f)),
            0xe0..=0xff => Ok(signed(i64::from(first.cast_signed()))),
            0xc0 | 0xc1 => Ok(Token::Null),
            0xc2 => Ok(Token::Bool(false)),
            0xc3 => Ok(Token::Bool(true)),
            0xca..=0xd3 => self.number(first),
            0xc4..=0xc9 | 0xd4..=0xdf => self.sized(first),
        }
    }

    /// A number of more than one byte.
    fn number(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        let cursor = &mut self.cursor;
        Ok(match first {
            0xca => Token::Float(f32::from_be_bytes(cursor.fixed()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(cursor.fixed()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(cursor.fixed()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(cursor.fixed()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(cursor.fixed()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(cursor.fixed()?)),
            0xd0 => signed(i8::from_be_bytes(cursor.fixed()?).into()),
            0xd1 => signed(i16::from_be_bytes(cursor.fixed()?).into()),
            0xd2 => signed(i32::from_be_bytes(cursor.fixed()?).into()),
            _ => signed(i64::from_be_bytes(cursor.fixed()?)),
        })
    }

    /// An item whose length is announced or implied by its type.
    fn sized(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        match first {
            0xc4..=0xc6 => {
                let length = self.cursor.length(first - 0xc4)?;
                self.cursor.bytes(length).map(|bytes| Token::Binary(Cow::Borrowed(bytes)))
            }
            0xc7..=0xc9 => {
                let length = self.cursor.length(first - 0xc7)?;
                self.cursor.extension(length).map(|()| Token::Null)
            }
            0xd4..=0xd8 => self.cursor.extension(1 << (first - 0xd4)).map(|()| Token::Null),
            0xd9..=0xdb => self.cursor.length(first - 0xd9).and_then(|length| self.text(length)),
            0xdc | 0xdd => {
                self.cursor.length(first - 0xdb).and_then(|entries| self.begin(entries, false))
            }
            _ => self.cursor.length(first - 0xdd).and_then(|entries| self.begin(entries, true)),
        }
    }

    #[inline]
    fn text(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        self.cursor.utf8(length).map(|text| Token::Text(Cow::Borrowed(text)))
    }

    #[inline(always)]
    fn begin(&mut self, entries: usize, map: bool) -> Result<Token<'a>, DecodeError> {
        self.stack.push(self.cursor.begin(entries, map, self.stack.len())?);
        Ok(if map { Token::MapStart } else { Token::ListStart })
    }
}

#[inline]
fn signed(value: i64) -> Token<'static> {
    u64::try_from(value).map_or(Token::Negative(value), Token::Unsigned)
}

/// Converts text or an integer to a key.
#[inline]
fn key(token: Token<'_>) -> Token<'_> {
    match token {
        Token::Text(text) => Token::Key(text),
        Token::Unsigned(number) => Token::Key(number.to_string().into()),
        Token::Negative(number) => Token::Key(number.to_string().into()),
        other => other,
    }
}
