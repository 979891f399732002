//! Skips JSON without making tokens: the router does this with every payload.
//!
//! Accepts and rejects exactly what the reader does, with the same errors, except for numbers that
//! are not finite. Those are rejected here, because only the reader handles them.

use super::cursor::JsonCursor;
use super::number;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// Skips the value at the cursor, which begins with the byte `first`, inside `depth` lists and
/// maps. Returns the offset after it.
pub(super) fn skip_value(
    cursor: JsonCursor<'_>,
    first: u8,
    depth: usize,
) -> Result<usize, DecodeError> {
    let mut skipper = Skipper { cursor, open: 0, maps: 0, max_open: MAX_DEPTH - depth };
    let mut next = Some(first);
    while let Some(first) = next {
        next = match skipper.value(first)? {
            None => skipper.after_value()?,
            inside => inside,
        };
    }
    Ok(skipper.cursor.position)
}

struct Skipper<'a> {
    cursor: JsonCursor<'a>,
    /// The number of open lists and maps.
    open: usize,
    /// One bit for each open list (0) or map (1), the innermost lowest.
    maps: u128,
    /// The maximum number of open lists and maps.
    max_open: usize,
}

impl Skipper<'_> {
    /// Skips a scalar, an empty list or map, or the start of another one up to its first value.
    /// Returns the first byte of that value.
    #[inline]
    fn value(&mut self, first: u8) -> Result<Option<u8>, DecodeError> {
        match first {
            b'"' => self.cursor.string()?.check(self.cursor.input)?,
            b'-' | b'0'..=b'9' => {
                let number = number::scan(self.cursor.input, self.cursor.position)?;
                number.check(self.cursor.input)?;
                self.cursor.position = number.end;
            }
            b'[' => return self.list(),
            b'{' => return self.map(),
            b't' => self.cursor.literal(b"true")?,
            b'f' => self.cursor.literal(b"false")?,
            b'n' => self.cursor.literal(b"null")?,
            _ => return Err(self.cursor.malformed("a value must come here")),
        }
        Ok(None)
    }

    /// Skips ends and a comma. Returns the first byte of the next value, if there is one.
    #[inline]
    fn after_value(&mut self) -> Result<Option<u8>, DecodeError> {
        while self.open > 0 {
            let in_map = self.maps & 1 == 1;
            match self.cursor.white_space()? {
                b',' => {
                    self.cursor.position += 1;
                    let first = self.cursor.white_space()?;
                    return if in_map { self.key(first) } else { Ok(Some(first)) };
                }
                b']' if !in_map => self.end(),
                b'}' if in_map => self.end(),
                _ => return Err(self.cursor.malformed("a comma or an end must come here")),
            }
        }
        Ok(None)
    }

    #[inline]
    fn list(&mut self) -> Result<Option<u8>, DecodeError> {
        self.begin(0)?;
        let first = self.cursor.white_space()?;
        if first != b']' {
            return Ok(Some(first));
        }
        self.end();
        Ok(None)
    }

    #[inline]
    fn map(&mut self) -> Result<Option<u8>, DecodeError> {
        self.begin(1)?;
        let first = self.cursor.white_space()?;
        if first != b'}' {
            return self.key(first);
        }
        self.end();
        Ok(None)
    }

    /// Skips a key. Returns the first byte of its value.
    #[inline]
    fn key(&mut self, first: u8) -> Result<Option<u8>, DecodeError> {
        if first != b'"' {
            return Err(self.cursor.malformed("a key must come here"));
        }
        self.cursor.key()?.check(self.cursor.input)?;
        self.cursor.white_space().map(Some)
    }

    #[inline]
    fn begin(&mut self, map: u128) -> Result<(), DecodeError> {
        if self.open == self.max_open {
            return Err(DecodeError::TooDeep);
        }
        self.open += 1;
        self.maps = self.maps << 1 | map;
        self.cursor.position += 1;
        Ok(())
    }

    #[inline]
    fn end(&mut self) {
        self.open -= 1;
        self.maps >>= 1;
        self.cursor.position += 1;
    }
}
