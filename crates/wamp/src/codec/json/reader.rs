//! The structure of JSON.
//!
//! The code that every token runs through is always inlined: this saves a quarter of the
//! instructions per token (callgrind).

use std::ops::Range;

use super::super::{Token, TokenKind, TokenReader};
use super::cursor::JsonCursor;
use super::string::ScannedString;
use super::{finite, number, skip};
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// The tokens that the grammar allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A value.
    Value,
    /// A value, or the end of a list that has just begun.
    FirstValue,
    /// A key.
    Key,
    /// A key, or the end of a map that has just begun.
    FirstKey,
    /// A comma, or the end of the innermost list or map.
    Comma,
    /// Nothing: the outermost value has ended.
    Nothing,
}

/// The next token.
#[derive(Debug, Clone, Copy)]
enum NextJson {
    /// A value with this first byte.
    Value(u8),
    /// A key.
    Key,
    /// The end of the innermost list or map.
    End,
}

/// Reads JSON.
#[derive(Debug)]
pub struct JsonReader<'a> {
    cursor: JsonCursor<'a>,
    expected: Expected,
    /// The number of open lists and maps.
    depth: usize,
    /// One bit for each open list (0) or map (1), the innermost lowest.
    maps: u128,
    /// The offset after the last text with an unpaired surrogate, or the last skipped value with a
    /// number that is not finite. 0 if there was none.
    inexact_before: usize,
}

// `maps` has a bit for each level.
const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

impl<'a> TokenReader<'a> for JsonReader<'a> {
    const EMPTY_LIST: &'static [u8] = b"[]";

    #[inline]
    fn starts_list(value: &[u8]) -> bool {
        value.starts_with(b"[")
    }

    #[inline]
    fn starts_map(value: &[u8]) -> bool {
        value.starts_with(b"{")
    }

    #[inline]
    fn new(input: &'a [u8]) -> Self {
        let cursor = JsonCursor { input, position: 0 };
        JsonReader { cursor, expected: Expected::Value, depth: 0, maps: 0, inexact_before: 0 }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.approach()? {
            NextJson::Value(first) => self.value(first),
            NextJson::Key => {
                let key = self.cursor.key()?;
                self.expected = Expected::Value;
                key.text(self.cursor.input).map(Token::Key)
            }
            NextJson::End => Ok(self.end()),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<TokenKind, DecodeError> {
        match self.approach()? {
            NextJson::End => Ok(TokenKind::End),
            NextJson::Key | NextJson::Value(b'"') => Ok(TokenKind::Text),
            NextJson::Value(b'[') => Ok(TokenKind::List),
            NextJson::Value(b'{') => Ok(TokenKind::Map),
            NextJson::Value(b'-' | b'0'..=b'9' | b'n' | b't' | b'f' | b'N' | b'I') => {
                Ok(TokenKind::Scalar)
            }
            NextJson::Value(_) => Err(self.cursor.malformed("a value must come here")),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let NextJson::Value(first) = self.approach()? else {
            return Err(self.cursor.malformed("a value must come here"));
        };
        let start = self.cursor.position;
        let Ok(end) = skip::skip_value(self.cursor, first, self.depth) else {
            return self.skip_any();
        };
        self.cursor.position = end;
        self.value_ended();
        Ok(start..end)
    }

    #[inline]
    fn rewritten(&self, span: &Range<usize>) -> Option<Vec<u8>> {
        (self.inexact_before == span.end)
            .then(|| finite::rewritten(&self.cursor.input[span.clone()]))
    }

    #[inline]
    fn has_replaced(&self) -> bool {
        self.inexact_before == self.cursor.position
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.expected != Expected::Nothing {
            return Err(DecodeError::Truncated(self.cursor.input.len()));
        }
        match self.cursor.white_space() {
            Ok(_) => Err(DecodeError::TrailingBytes(self.cursor.position)),
            Err(_) => Ok(()),
        }
    }
}

impl<'a> JsonReader<'a> {
    /// Skips white space and the comma before the next key or value.
    #[inline(always)]
    fn approach(&mut self) -> Result<NextJson, DecodeError> {
        let byte = self.cursor.white_space()?;
        match (self.expected, byte) {
            (Expected::Value, _) => Ok(NextJson::Value(byte)),
            (Expected::Comma, b',') => self.after_comma(),
            (Expected::Comma, b']') if !self.in_map() => Ok(NextJson::End),
            (Expected::Comma, b'}') if self.in_map() => Ok(NextJson::End),
            (Expected::FirstValue, b']') => Ok(NextJson::End),
            (Expected::FirstValue, _) => Ok(NextJson::Value(byte)),
            (Expected::FirstKey, b'}') => Ok(NextJson::End),
            (Expected::FirstKey | Expected::Key, b'"') => Ok(NextJson::Key),
            (expected, _) => Err(self.unexpected(expected)),
        }
    }

    #[inline(always)]
    fn after_comma(&mut self) -> Result<NextJson, DecodeError> {
        self.cursor.position += 1;
        let byte = self.cursor.white_space()?;
        if !self.in_map() {
            self.expected = Expected::Value;
            return Ok(NextJson::Value(byte));
        }
        self.expected = Expected::Key;
        if byte == b'"' { Ok(NextJson::Key) } else { Err(self.unexpected(Expected::Key)) }
    }

    #[inline(always)]
    fn value(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        let token = match first {
            b'"' => {
                let string = self.cursor.string()?;
                if string.escaped {
                    self.escaped(string)?
                } else {
                    string.plain(self.cursor.input)?
                }
            }
            b'-' | b'0'..=b'9' => {
                let Ok(number) = number::scan(self.cursor.input, self.cursor.position) else {
                    return self.not_finite(first);
                };
                self.cursor.position = number.end;
                number.token(self.cursor.input)
            }
            b'[' => return self.begin(Token::ListStart, Expected::FirstValue),
            b'{' => return self.begin(Token::MapStart, Expected::FirstKey),
            b't' => self.cursor.literal(b"true").map(|()| Token::Bool(true))?,
            b'f' => self.cursor.literal(b"false").map(|()| Token::Bool(false))?,
            b'n' => self.cursor.literal(b"null").map(|()| Token::Null)?,
            b'N' | b'I' => return self.not_finite(first),
            _ => return Err(self.cursor.malformed("a value must come here")),
        };
        self.value_ended();
        Ok(token)
    }

    /// Skips the value at the cursor, token by token. Its numbers need not be finite.
    #[cold]
    fn skip_any(&mut self) -> Result<Range<usize>, DecodeError> {
        let (start, depth) = (self.cursor.position, self.depth);
        self.expected = Expected::Value;
        self.next()?;
        while self.depth > depth {
            self.next()?;
        }
        self.inexact_before = self.cursor.position;
        Ok(start..self.cursor.position)
    }

    /// Reads a number that is written as a word as null.
    #[cold]
    fn not_finite(&mut self, first: u8) -> Result<Token<'a>, DecodeError> {
        self.cursor.not_finite(first)?;
        self.value_ended();
        Ok(Token::Null)
    }

    /// The text or bytes of a string with escapes.
    fn escaped(&mut self, string: ScannedString) -> Result<Token<'a>, DecodeError> {
        let (token, unpaired) = string.unescaped(self.cursor.input)?;
        if unpaired {
            self.inexact_before = self.cursor.position;
        }
        Ok(token)
    }

    #[inline(always)]
    fn begin(&mut self, token: Token<'a>, expected: Expected) -> Result<Token<'a>, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        self.maps = self.maps << 1 | u128::from(expected == Expected::FirstKey);
        self.cursor.position += 1;
        self.expected = expected;
        Ok(token)
    }

    #[inline(always)]
    fn end(&mut self) -> Token<'a> {
        let token = if self.in_map() { Token::MapEnd } else { Token::ListEnd };
        self.depth -= 1;
        self.maps >>= 1;
        self.cursor.position += 1;
        self.value_ended();
        token
    }

    #[inline]
    fn value_ended(&mut self) {
        self.expected = if self.depth == 0 { Expected::Nothing } else { Expected::Comma };
    }

    #[inline]
    fn in_map(&self) -> bool {
        self.maps & 1 == 1
    }

    #[cold]
    fn unexpected(&self, expected: Expected) -> DecodeError {
        match expected {
            Expected::Key | Expected::FirstKey => self.cursor.malformed("a key must come here"),
            Expected::Nothing => DecodeError::TrailingBytes(self.cursor.position),
            _ => self.cursor.malformed("a comma or an end must come here"),
        }
    }
}

/// Parses `text` as one number, for numbers of other formats that are written in JSON. Null if it
/// is too large for a float.
#[cold]
pub(in super::super) fn number_of(text: &[u8]) -> Option<Token<'static>> {
    let mut reader = JsonReader::new(text);
    let number = match reader.next().ok()? {
        Token::Unsigned(number) => Token::Unsigned(number),
        Token::Negative(number) => Token::Negative(number),
        Token::Float(number) => Token::Float(number),
        // Only numbers end with a digit.
        Token::Null if text.last().is_some_and(u8::is_ascii_digit) => Token::Null,
        _ => return None,
    };
    let alone = reader.finish().is_ok() && !text.iter().any(u8::is_ascii_whitespace);
    alone.then_some(number)
}
