//! The structure of JSON: what may come where.

use std::ops::Range;

use super::super::{Kind, MAX_DEPTH, Token, TokenReader};
use super::{number, string};
use crate::error::DecodeError;

/// What the grammar allows next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A value.
    Value,
    /// A value, or the end of the list that has just begun.
    FirstValue,
    /// A key.
    Key,
    /// A key, or the end of the map that has just begun.
    FirstKey,
    /// A comma, or the end of the innermost list or map.
    Comma,
    /// Nothing: the outermost value has ended.
    Nothing,
}

/// What stands at the reader's position.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A value with this first byte.
    Value(u8),
    /// A key.
    Key,
    /// The end of the innermost list or map.
    End,
}

/// A token whose text and number are not yet evaluated; all that passing over needs.
#[derive(Debug, Clone, Copy)]
enum Step {
    Null,
    Bool(bool),
    Number(number::Scanned),
    Text(string::Scanned),
    Key(string::Scanned),
    ListStart,
    ListEnd,
    MapStart,
    MapEnd,
}

/// Reads JSON.
#[derive(Debug)]
pub struct JsonReader<'a> {
    input: &'a [u8],
    position: usize,
    expected: Expected,
    /// How many lists and maps are open.
    depth: usize,
    /// One bit for each open list (0) or map (1), the innermost lowest.
    maps: u128,
}

// `maps` has a bit for each level.
const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

impl<'a> TokenReader<'a> for JsonReader<'a> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        JsonReader { input, position: 0, expected: Expected::Value, depth: 0, maps: 0 }
    }

    #[inline]
    fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        match self.step()? {
            Step::Null => Ok(Token::Null),
            Step::Bool(value) => Ok(Token::Bool(value)),
            Step::Number(number) => number.token(self.input),
            Step::Text(text) => text.token(self.input),
            Step::Key(key) => key.text(self.input).map(Token::Key),
            Step::ListStart => Ok(Token::ListStart),
            Step::ListEnd => Ok(Token::ListEnd),
            Step::MapStart => Ok(Token::MapStart),
            Step::MapEnd => Ok(Token::MapEnd),
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        match self.approach()? {
            Place::End => Ok(Kind::End),
            Place::Key | Place::Value(b'"') => Ok(Kind::Text),
            Place::Value(b'[') => Ok(Kind::List),
            Place::Value(b'{') => Ok(Kind::Map),
            Place::Value(b'-' | b'0'..=b'9' | b'n' | b't' | b'f') => Ok(Kind::Scalar),
            Place::Value(_) => Err(self.malformed("a value must come here")),
        }
    }

    #[inline]
    fn skip(&mut self) -> Result<Range<usize>, DecodeError> {
        let Place::Value(_) = self.approach()? else {
            return Err(self.malformed("a value must come here"));
        };
        let (start, depth) = (self.position, self.depth);
        loop {
            match self.step()? {
                Step::Number(number) => number.check(self.input)?,
                Step::Text(text) | Step::Key(text) => text.check(self.input)?,
                _ => {}
            }
            if self.depth == depth {
                return Ok(start..self.position);
            }
        }
    }

    fn finish(&mut self) -> Result<(), DecodeError> {
        if self.expected != Expected::Nothing {
            return Err(DecodeError::Truncated(self.input.len()));
        }
        match self.white_space() {
            Ok(_) => Err(DecodeError::TrailingBytes(self.position)),
            Err(_) => Ok(()),
        }
    }
}

impl JsonReader<'_> {
    /// Passes over white space and the comma before the next key or value.
    #[inline]
    fn approach(&mut self) -> Result<Place, DecodeError> {
        let byte = self.white_space()?;
        match (self.expected, byte) {
            (Expected::Value, _) => Ok(Place::Value(byte)),
            (Expected::Key, b'"') => Ok(Place::Key),
            (Expected::Comma, b',') => self.after_comma(),
            (Expected::Comma, b']') if !self.in_map() => Ok(Place::End),
            (Expected::Comma, b'}') if self.in_map() => Ok(Place::End),
            (Expected::FirstValue, b']') => Ok(Place::End),
            (Expected::FirstValue, _) => Ok(Place::Value(byte)),
            (Expected::FirstKey, b'}') => Ok(Place::End),
            (Expected::FirstKey, b'"') => Ok(Place::Key),
            (Expected::Key | Expected::FirstKey, _) => Err(self.malformed("a key must come here")),
            (Expected::Comma, _) => Err(self.malformed("a comma or an end must come here")),
            (Expected::Nothing, _) => Err(DecodeError::TrailingBytes(self.position)),
        }
    }

    #[inline]
    fn after_comma(&mut self) -> Result<Place, DecodeError> {
        self.position += 1;
        let byte = self.white_space()?;
        if !self.in_map() {
            self.expected = Expected::Value;
            return Ok(Place::Value(byte));
        }
        self.expected = Expected::Key;
        if byte == b'"' { Ok(Place::Key) } else { Err(self.malformed("a key must come here")) }
    }

    /// Passes over white space; returns the byte after it.
    #[inline]
    fn white_space(&mut self) -> Result<u8, DecodeError> {
        while let Some(&byte) = self.input.get(self.position) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(byte);
            }
            self.position += 1;
        }
        Err(DecodeError::Truncated(self.input.len()))
    }

    /// Passes over one token, checking all but UTF-8 and the range of numbers.
    #[inline]
    fn step(&mut self) -> Result<Step, DecodeError> {
        match self.approach()? {
            Place::Value(byte) => self.value(byte),
            Place::Key => self.key(),
            Place::End => Ok(self.end()),
        }
    }

    #[inline]
    fn value(&mut self, first: u8) -> Result<Step, DecodeError> {
        let step = match first {
            b'"' => Step::Text(self.string()?),
            b'-' | b'0'..=b'9' => {
                let (number, after) = number::scan(self.input, self.position)?;
                self.position = after;
                Step::Number(number)
            }
            b'[' => return self.begin(Step::ListStart, Expected::FirstValue),
            b'{' => return self.begin(Step::MapStart, Expected::FirstKey),
            b't' => self.literal(b"true", Step::Bool(true))?,
            b'f' => self.literal(b"false", Step::Bool(false))?,
            b'n' => self.literal(b"null", Step::Null)?,
            _ => return Err(self.malformed("a value must come here")),
        };
        self.value_ended();
        Ok(step)
    }

    #[inline]
    fn key(&mut self) -> Result<Step, DecodeError> {
        let key = self.string()?;
        if self.white_space()? != b':' {
            return Err(self.malformed("a colon must come here"));
        }
        self.position += 1;
        self.expected = Expected::Value;
        Ok(Step::Key(key))
    }

    #[inline]
    fn string(&mut self) -> Result<string::Scanned, DecodeError> {
        let (string, after) = string::scan(self.input, self.position + 1)?;
        self.position = after;
        Ok(string)
    }

    #[inline]
    fn literal(&mut self, word: &'static [u8], step: Step) -> Result<Step, DecodeError> {
        let rest = &self.input[self.position..];
        if rest.starts_with(word) {
            self.position += word.len();
            Ok(step)
        } else if word.starts_with(rest) {
            Err(DecodeError::Truncated(self.input.len()))
        } else {
            Err(self.malformed("a value must come here"))
        }
    }

    #[inline]
    fn begin(&mut self, step: Step, expected: Expected) -> Result<Step, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        self.maps = self.maps << 1 | u128::from(expected == Expected::FirstKey);
        self.position += 1;
        self.expected = expected;
        Ok(step)
    }

    #[inline]
    fn end(&mut self) -> Step {
        let step = if self.in_map() { Step::MapEnd } else { Step::ListEnd };
        self.depth -= 1;
        self.maps >>= 1;
        self.position += 1;
        self.value_ended();
        step
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
    fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { offset: self.position, what }
    }
}
