//! The structure of UBJSON: what may come where.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use super::super::{Token, TokenKind, TokenReader};
use super::container::{Frame, MAX_BODILESS_ENTRIES, Opened};
use super::cursor::{Cursor, unexpected};
use super::dialect::Dialect;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

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

/// Reads UBJSON or BJData.
#[derive(Debug)]
pub struct Reader<'a, D> {
    cursor: Cursor<'a, D>,
    started: bool,
    /// How many entries without a body may still come.
    bodiless: usize,
    stack: SmallVec<[Frame; 8]>,
}

impl<'a, D: Dialect> TokenReader<'a> for Reader<'a, D> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        Reader {
            cursor: Cursor::new(input),
            started: false,
            bodiless: MAX_BODILESS_ENTRIES,
            stack: SmallVec::new(),
        }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.approach() {
            Place::Value => self.value(),
            Place::Key => {
                let key = self.cursor.text()?;
                if let Some(frame) = self.stack.last_mut() {
                    frame.after_key = true;
                }
                Ok(Token::Key(Cow::Borrowed(key)))
            }
            Place::End => Ok(self.end()),
            Place::Nothing => Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<TokenKind, DecodeError> {
        match self.approach() {
            Place::Value => self.kind(),
            Place::Key => Ok(TokenKind::Text),
            Place::End => Ok(TokenKind::End),
            Place::Nothing => Err(DecodeError::TrailingBytes(self.cursor.position)),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let (place, start) = (self.approach(), self.cursor.position);
        if self.item().is_some() {
            let what = "a value that is passed on must have its own marker";
            return Err(DecodeError::Malformed { offset: start, what });
        }
        self.pass(place).map(|()| start..self.cursor.position)
    }

    #[inline]
    fn ignore(&mut self) -> Result<(), DecodeError> {
        let place = self.approach();
        self.pass(place)
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.approach() != Place::Nothing {
            Err(self.cursor.truncated())
        } else if self.cursor.position < self.cursor.input.len() {
            Err(DecodeError::TrailingBytes(self.cursor.position))
        } else {
            Ok(())
        }
    }
}

impl<'a, D: Dialect> Reader<'a, D> {
    /// Passes over no-ops, which may stand wherever a marker may inside of a list or map.
    #[inline]
    fn approach(&mut self) -> Place {
        let Some(frame) = self.stack.last() else {
            return if self.started { Place::Nothing } else { Place::Value };
        };
        if frame.is_complete() {
            return Place::End;
        }
        if frame.item.is_none() {
            while self.cursor.passes(b'N') {}
        }
        if frame.after_key {
            return Place::Value;
        }
        match frame.end_mark() {
            Some(mark) if self.cursor.ahead() == Some(mark) => Place::End,
            _ if frame.map => Place::Key,
            _ => Place::Value,
        }
    }

    /// The marker that the innermost list or map has for all its values.
    #[inline]
    fn item(&self) -> Option<u8> {
        self.stack.last().and_then(|frame| frame.item)
    }

    #[inline]
    fn kind(&self) -> Result<TokenKind, DecodeError> {
        let (item, at) = (self.item(), self.cursor.position);
        let Some(marker) = item.or_else(|| self.cursor.ahead()) else {
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
        match Frame::open(&mut self.cursor, map, &mut self.bodiless)? {
            Opened::Bytes(bytes) => Ok(Token::Binary(Cow::Borrowed(bytes))),
            Opened::Container(_) if self.stack.len() == MAX_DEPTH => Err(DecodeError::TooDeep),
            Opened::Container(frame) => {
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

    /// Passes over a value, which must come next.
    fn pass(&mut self, place: Place) -> Result<(), DecodeError> {
        if place != Place::Value {
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
