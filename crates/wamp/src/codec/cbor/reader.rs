//! Reading CBOR.
//!
//! The code that every item runs through is always inlined, as in the JSON reader.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::cursor::Cursor;
use super::super::next_item::NextItem;
use super::super::{Token, TokenKind, TokenReader};
use super::cursor::{CborContainer, CborCursor, CborHead, malformed, simple};
use super::number::negative;
use super::skip::skip_value;
use crate::error::DecodeError;

/// Reads CBOR.
#[derive(Debug)]
pub struct CborReader<'a> {
    cursor: CborCursor<'a>,
    started: bool,
    stack: SmallVec<[CborContainer; 8]>,
}

impl<'a> TokenReader<'a> for CborReader<'a> {
    const EMPTY_LIST: &'static [u8] = b"\x80";

    #[inline]
    fn starts_list(value: &[u8]) -> bool {
        value.first().is_some_and(|first| first >> 5 == 4)
    }

    #[inline]
    fn starts_map(value: &[u8]) -> bool {
        value.first().is_some_and(|first| first >> 5 == 5)
    }

    #[inline]
    fn new(input: &'a [u8]) -> Self {
        CborReader { cursor: Cursor::new(input), started: false, stack: SmallVec::new() }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.next_item() {
            NextItem::Value => self.value(),
            NextItem::Key => {
                self.advance();
                self.key().map(Token::Key)
            }
            NextItem::End => Ok(self.end()),
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
        match cursor.untagged_head()?.major {
            2 => Ok(TokenKind::Binary),
            3 => Ok(TokenKind::Text),
            4 => Ok(TokenKind::List),
            5 => Ok(TokenKind::Map),
            _ => Ok(TokenKind::Scalar),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let start = self.cursor.position;
        if self.next_item() != NextItem::Value {
            return Err(malformed(start, "a value must come here"));
        }
        self.advance();
        self.cursor.position = skip_value(self.cursor, self.stack.len())?;
        Ok(start..self.cursor.position)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        self.cursor.finish(self.next_item())
    }
}

impl<'a> CborReader<'a> {
    #[inline(always)]
    fn next_item(&self) -> NextItem {
        match self.stack.last() {
            Some(frame) if self.cursor.ends(*frame) => NextItem::End,
            Some(frame) if frame.at_key() => NextItem::Key,
            None if self.started => NextItem::Nothing,
            _ => NextItem::Value,
        }
    }

    #[inline]
    fn end(&mut self) -> Token<'a> {
        let Some(frame) = self.stack.pop() else { return Token::Null };
        self.cursor.position += usize::from(frame.indefinite);
        if frame.map { Token::MapEnd } else { Token::ListEnd }
    }

    /// Counts an item.
    #[inline(always)]
    fn advance(&mut self) {
        match self.stack.last_mut() {
            Some(frame) => frame.left -= 1,
            None => self.started = true,
        }
    }

    /// A scalar, or the start of a list or map.
    #[inline(always)]
    fn value(&mut self) -> Result<Token<'a>, DecodeError> {
        self.advance();
        let Some(&first) = self.cursor.input.get(self.cursor.position) else {
            return Err(self.cursor.truncated());
        };
        let argument = first & 0x1f;
        match first {
            0x00..=0x17 => {
                self.cursor.position += 1;
                Ok(Token::Unsigned(argument.into()))
            }
            0x60..=0x77 => {
                self.cursor.position += 1;
                self.cursor.utf8(argument.into()).map(|text| Token::Text(Cow::Borrowed(text)))
            }
            0x80..=0x97 => {
                self.cursor.position += 1;
                let depth = self.stack.len();
                self.stack.push(self.cursor.begin_counted(argument.into(), false, depth)?);
                Ok(Token::ListStart)
            }
            0xa0..=0xb7 => {
                self.cursor.position += 1;
                let depth = self.stack.len();
                self.stack.push(self.cursor.begin_counted(argument.into(), true, depth)?);
                Ok(Token::MapStart)
            }
            _ => self.value_by_head(),
        }
    }

    #[inline]
    fn value_by_head(&mut self) -> Result<Token<'a>, DecodeError> {
        let head = self.cursor.untagged_head()?;
        match head.major {
            0 => Ok(Token::Unsigned(head.argument)),
            1 => Ok(negative(head.argument)),
            2 => self.cursor.binary(head).map(Token::Binary),
            3 => self.cursor.text(head).map(Token::Text),
            4 => self.begin(head, false),
            5 => self.begin(head, true),
            7 => simple(head),
            _ => self.cursor.bignum(head),
        }
    }

    #[inline(always)]
    fn begin(&mut self, head: CborHead, map: bool) -> Result<Token<'a>, DecodeError> {
        self.stack.push(self.cursor.begin(head, map, self.stack.len())?);
        Ok(if map { Token::MapStart } else { Token::ListStart })
    }

    /// The next key; integers as their decimal digits.
    #[inline]
    fn key(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let head = self.cursor.key_head()?;
        match head.major {
            0 => Ok(head.argument.to_string().into()),
            1 => Ok((-1 - i128::from(head.argument)).to_string().into()),
            _ => self.cursor.text(head),
        }
    }
}
