//! A position in JSON text, and the parsing steps without state.

use super::{number, string};
use crate::error::DecodeError;

/// A position in JSON text.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonCursor<'a> {
    pub(super) input: &'a [u8],
    pub(super) position: usize,
}

impl JsonCursor<'_> {
    /// Skips white space. Returns the next byte without skipping it.
    #[inline]
    pub(super) fn white_space(&mut self) -> Result<u8, DecodeError> {
        while let Some(&byte) = self.input.get(self.position) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(byte);
            }
            self.position += 1;
        }
        Err(DecodeError::Truncated(self.input.len()))
    }

    /// Skips `true`, `false` or `null`.
    #[inline]
    pub(super) fn literal(&mut self, word: &'static [u8]) -> Result<(), DecodeError> {
        let rest = &self.input[self.position..];
        if rest.starts_with(word) {
            self.position += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(DecodeError::Truncated(self.input.len()))
        } else {
            Err(self.malformed("a value must come here"))
        }
    }

    /// Skips `NaN`, `Infinity` or `-Infinity`, which `first` may begin. Otherwise fails like a
    /// number without digits.
    pub(super) fn not_finite(&mut self, first: u8) -> Result<(), DecodeError> {
        match first {
            b'N' => self.literal(b"NaN"),
            b'I' => self.literal(b"Infinity"),
            _ if self.input[self.position..].starts_with(b"-I") => self.literal(b"-Infinity"),
            _ => number::scan(self.input, self.position).map(drop),
        }
    }

    /// Skips a string that begins here with its quotation mark.
    #[inline]
    pub(super) fn string(&mut self) -> Result<string::ScannedString, DecodeError> {
        let (string, after) = string::scan(self.input, self.position + 1)?;
        self.position = after;
        Ok(string)
    }

    /// Skips a key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<string::ScannedString, DecodeError> {
        let key = self.string()?;
        if self.white_space()? != b':' {
            return Err(self.malformed("a colon must come here"));
        }
        self.position += 1;
        Ok(key)
    }

    #[cold]
    pub(super) fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { offset: self.position, what }
    }
}
