//! Passing over JSON without reading it: what happens to every payload.
//!
//! Accepts and refuses exactly what the reader does, with the same errors, but makes no token and
//! remembers nothing between two of them. Only numbers that are not finite, which the reader takes
//! for null, are refused here: such values are rare and the reader's.

use super::cursor::Cursor;
use super::number;
use crate::error::DecodeError;
use crate::limits::MAX_DEPTH;

/// Passes over the value that begins with the byte `first` at the cursor, inside `depth` lists
/// and maps; returns the offset after it.
pub(super) fn skip_value(
    cursor: Cursor<'_>,
    first: u8,
    depth: usize,
) -> Result<usize, DecodeError> {
    let mut skipper = Skipper { cursor, open: 0, maps: 0, room: MAX_DEPTH - depth };
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
    cursor: Cursor<'a>,
    /// How many lists and maps are open.
    open: usize,
    /// One bit for each of them: list (0) or map (1), the innermost lowest.
    maps: u128,
    /// How many may be open.
    room: usize,
}

impl Skipper<'_> {
    /// Passes over a scalar, an empty list or map, or the start of another up to its first value,
    /// whose first byte is returned.
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

    /// Passes over ends and a comma up to the next value, whose first byte is returned if there is
    /// one.
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

    /// Passes over a key, up to its value, whose first byte is returned.
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
        if self.open == self.room {
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
