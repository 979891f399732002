//! The structure of UBJSON.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::next_item::NextItem;
use super::super::{Token, TokenKind, TokenReader};
use super::container::{MAX_BODILESS_ENTRIES, OpenedValue, UbJsonContainer};
use super::cursor::{UbJsonCursor, unexpected};
use super::dialect::Dialect;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// Reads UBJSON or BJData.
#[derive(Debug)]
pub struct DialectReader<'a, D> {
    cursor: UbJsonCursor<'a, D>,
    started: bool,
    /// The number of entries without a body that may still follow.
    bodiless: usize,
    stack: SmallVec<[UbJsonContainer; 8]>,
}

impl<'a, D: Dialect> TokenReader<'a> for DialectReader<'a, D> {
    const EMPTY_LIST: &'static [u8] = b"[]";

    #[inline]
    fn starts_list(value: &[u8]) -> bool {
        value.starts_with(b"[") && !value.starts_with(&[b'[', b'$', D::BYTE])
    }

    #[inline]
    fn starts_map(value: &[u8]) -> bool {
        value.starts_with(b"{")
    }

    #[inline]
    fn has_typed_entries(value: &[u8]) -> bool {
        value.get(1) == Some(&b'$')
    }

    #[inline]
    fn new(input: &'a [u8]) -> Self {
        DialectReader {
            cursor: UbJsonCursor::new(input),
            started: false,
            bodiless: MAX_BODILESS_ENTRIES,
            stack: SmallVec::new(),
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.next_item() {
            NextItem::Value => self.value(),
            NextItem::Key => {
                let key = self.cursor.text()?;
                if let Some(frame) = self.stack.last_mut() {
                    frame.after_key = true;
                }
                Ok(Token::Key(Cow::Borrowed(key)))
            }
            NextItem::End => Ok(self.end()),
            NextItem::Nothing => Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<TokenKind, DecodeError> {
        match self.next_item() {
            NextItem::Value => self.kind(),
            NextItem::Key => Ok(TokenKind::Text),
            NextItem::End => Ok(TokenKind::End),
            NextItem::Nothing => Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let (next, start) = (self.next_item(), self.cursor.position);
        if self.item().is_some() {
            let what = "a value that is passed on must have its own marker";
            return Err(DecodeError::Malformed { offset: start, what });
        }
        self.skip_item(next).map(|()| start..self.cursor.position)
    }

    #[inline]
    fn ignore(&mut self) -> Result<(), DecodeError> {
        let next = self.next_item();
        self.skip_item(next)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        let next = self.next_item();
        self.cursor.finish(next)
    }
}

impl<'a, D: Dialect> DialectReader<'a, D> {
    /// Skips no-ops, which may precede any marker inside of a list or map.
    #[inline]
    fn next_item(&mut self) -> NextItem {
        let Some(frame) = self.stack.last() else {
            return if self.started { NextItem::Nothing } else { NextItem::Value };
        };
        if frame.is_complete() {
            return NextItem::End;
        }
        if frame.item.is_none() {
            while self.cursor.skip_byte(b'N') {}
        }
        if frame.after_key {
            return NextItem::Value;
        }
        match frame.end_mark() {
            Some(mark) if self.cursor.peek_byte() == Some(mark) => NextItem::End,
            _ if frame.map => NextItem::Key,
            _ => NextItem::Value,
        }
    }

    /// The marker of all values of the innermost list or map, if it has one.
    #[inline]
    fn item(&self) -> Option<u8> {
        self.stack.last().and_then(|frame| frame.item)
    }

    #[inline]
    fn kind(&self) -> Result<TokenKind, DecodeError> {
        let (item, at) = (self.item(), self.cursor.position);
        let Some(marker) = item.or_else(|| self.cursor.peek_byte()) else {
            return Err(self.cursor.truncated());
        };
        match marker {
            b'Z' | b'T' | b'F' | b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D' | b'H' => {
                Ok(TokenKind::Scalar)
            }
            b'u' | b'm' | b'M' | b'h' | b'B' if D::BJDATA => Ok(TokenKind::Scalar),
            b'C' | b'S' => Ok(TokenKind::Text),
            b'[' => {
                let inside = &self.cursor.input[at + usize::from(item.is_none())..];
                let bytes = inside.starts_with(&[b'$', D::BYTE]);
                Ok(if bytes { TokenKind::Binary } else { TokenKind::List })
            }
            b'{' => Ok(TokenKind::Map),
            _ => Err(unexpected::<D>(at, marker, "a value must come here")),
        }
    }

    /// A scalar, or the start of a list or map.
    #[inline]
    fn value(&mut self) -> Result<Token<'a>, DecodeError> {
        let offset = self.cursor.position;
        let marker = match self.item() {
            Some(item) => item,
            None => {
                let [marker] = self.cursor.fixed()?;
                marker
            }
        };
        match self.stack.last_mut() {
            Some(frame) => frame.advance(),
            None => self.started = true,
        }
        match marker {
            b'Z' => Ok(Token::Null),
            b'T' => Ok(Token::Bool(true)),
            b'F' => Ok(Token::Bool(false)),
            b'S' => self.cursor.text().map(|text| Token::Text(Cow::Borrowed(text))),
            b'C' => self.cursor.utf8(1).map(|text| Token::Text(Cow::Borrowed(text))),
            b'[' => self.begin(false),
            b'{' => self.begin(true),
            _ => match self.cursor.number(marker)? {
                Some(number) => Ok(number),
                None => Err(unexpected::<D>(offset, marker, "a value must come here")),
            },
        }
    }

    #[inline]
    fn begin(&mut self, map: bool) -> Result<Token<'a>, DecodeError> {
        match UbJsonContainer::open(&mut self.cursor, map, &mut self.bodiless)? {
            OpenedValue::Bytes(bytes) => Ok(Token::Binary(Cow::Borrowed(bytes))),
            OpenedValue::Container(_) if self.stack.len() == MAX_DEPTH => Err(DecodeError::TooDeep),
            OpenedValue::Container(frame) => {
                self.stack.push(frame);
                Ok(if map { Token::MapStart } else { Token::ListStart })
            }
        }
    }

    #[inline]
    fn end(&mut self) -> Token<'a> {
        let Some(frame) = self.stack.pop() else { return Token::Null };
        self.cursor.position += usize::from(frame.end_mark().is_some());
        if frame.map { Token::MapEnd } else { Token::ListEnd }
    }

    /// Skips a value. Fails if the next item is not one.
    fn skip_item(&mut self, next: NextItem) -> Result<(), DecodeError> {
        if next != NextItem::Value {
            let (offset, what) = (self.cursor.position, "a value must come here");
            return Err(DecodeError::Malformed { offset, what });
        }
        let depth = self.stack.len();
        loop {
            self.next()?;
            if self.stack.len() == depth {
                return Ok(());
            }
        }
    }
}
