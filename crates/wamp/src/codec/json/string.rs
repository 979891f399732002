//! JSON strings: where they end, what their escapes mean, and when they are bytes.
//!
//! Scanning validates everything but UTF-8, which is left to whoever needs the text, so that no
//! string is validated twice.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Token;
use crate::error::DecodeError;

/// The only spelling that JSON has for U+0000, with which strings that are bytes begin.
const BINARY_MARK: &str = "\\u0000";

/// `01` in each byte, to do eight bytes at a time.
const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte.
const HIGHS: u64 = ONES << 7;

/// The inside of a string, between its quotation marks, with its escapes checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    /// The offset of the first byte inside.
    start: usize,
    /// The offset of the closing quotation mark.
    end: usize,
    /// Whether there are only bytes below 0x80.
    ascii: bool,
    /// Whether there is an escape.
    escaped: bool,
}

/// Scans the string whose opening quotation mark stands just before `start`; returns it and the
/// offset after its closing quotation mark.
#[inline]
pub(super) fn scan(input: &[u8], start: usize) -> Result<(Scanned, usize), DecodeError> {
    let mut scanned = Scanned { start, end: start, ascii: true, escaped: false };
    loop {
        let (end, ascii) = plain_run(input, scanned.end);
        scanned.end = end;
        scanned.ascii &= ascii;
        match input.get(end) {
            Some(b'"') => return Ok((scanned, end + 1)),
            Some(b'\\') => {
                scanned.escaped = true;
                scanned.end = escape(input, end)?.1;
            }
            Some(_) => return Err(malformed(end, "a control character must be escaped")),
            None => return Err(DecodeError::Truncated(input.len())),
        }
    }
}

/// Where the run of bytes that stand for themselves in a string ends, from `position` on, and
/// whether the bytes up to there are certainly all below 0x80.
#[inline]
pub(super) fn plain_run(input: &[u8], mut position: usize) -> (usize, bool) {
    let mut high_bits = 0;
    while let Some(chunk) = input[position..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let special = specials(word);
        if special != 0 {
            high_bits |= word & HIGHS;
            return (position + special.trailing_zeros() as usize / 8, high_bits == 0);
        }
        high_bits |= word & HIGHS;
        position += 8;
    }
    for &byte in &input[position..] {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        high_bits |= u64::from(byte & 0x80);
        position += 1;
    }
    (position, high_bits == 0)
}

/// A set high bit in the first byte that is a quotation mark, backslash or control character
/// (those after it may be marked in error, since subtraction borrows).
#[inline]
fn specials(word: u64) -> u64 {
    let quotation = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    below(quotation, 1) | below(backslash, 1) | below(word, 0x20)
}

/// The character of the escape whose backslash stands at `position`, and the offset after it.
fn escape(input: &[u8], position: usize) -> Result<(char, usize), DecodeError> {
    let character = match input.get(position + 1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(input, position),
        Some(_) => return Err(malformed(position, "unknown escape")),
        None => return Err(DecodeError::Truncated(input.len())),
    };
    Ok((character, position + 2))
}

/// The character of a `\uXXXX` at `position`, or of two that are a surrogate pair.
fn unicode_escape(input: &[u8], position: usize) -> Result<(char, usize), DecodeError> {
    let unit = code_unit(input, position)?;
    let (units, length) = match unit {
        0xd800..=0xdbff => ([unit, code_unit(input, position + 6)?], 12),
        _ => ([unit, 0], 6),
    };
    match char::decode_utf16(units).next() {
        Some(Ok(character)) => Ok((character, position + length)),
        _ => Err(malformed(position, "a surrogate outside a pair")),
    }
}

/// The UTF-16 code unit of the `\uXXXX` at `position`.
fn code_unit(input: &[u8], position: usize) -> Result<u16, DecodeError> {
    let mut unit = 0;
    for index in 0..6 {
        let Some(&byte) = input.get(position + index) else {
            return Err(DecodeError::Truncated(input.len()));
        };
        match (index, char::from(byte).to_digit(16)) {
            (0, _) if byte == b'\\' => {}
            (1, _) if byte == b'u' => {}
            (2.., Some(digit)) => unit = unit << 4 | digit as u16,
            (2.., None) => return Err(malformed(position, "\\u wants four hexadecimal digits")),
            _ => return Err(malformed(position, "a surrogate outside a pair")),
        }
    }
    Ok(unit)
}

impl Scanned {
    /// Checks that the text is UTF-8.
    #[inline]
    pub(super) fn check(self, input: &[u8]) -> Result<(), DecodeError> {
        if self.ascii { Ok(()) } else { self.raw(input).map(drop) }
    }

    /// The text, with its escapes resolved.
    #[inline]
    pub(super) fn text(self, input: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
        let raw = self.raw(input)?;
        if self.escaped { unescape(raw).map(Cow::Owned) } else { Ok(Cow::Borrowed(raw)) }
    }

    /// The text, or the bytes that it stands for.
    #[inline]
    pub(super) fn token(self, input: &[u8]) -> Result<Token<'_>, DecodeError> {
        let raw = self.raw(input)?;
        if !self.escaped {
            return Ok(Token::Text(Cow::Borrowed(raw)));
        }
        match raw.strip_prefix(BINARY_MARK).and_then(binary) {
            Some(bytes) => Ok(Token::Binary(Cow::Owned(bytes))),
            None => unescape(raw).map(|text| Token::Text(Cow::Owned(text))),
        }
    }

    /// The text as it is written.
    #[inline]
    fn raw(self, input: &[u8]) -> Result<&str, DecodeError> {
        simdutf8::basic::from_utf8(&input[self.start..self.end])
            .map_err(|_| DecodeError::NotUtf8(self.start))
    }
}

/// The bytes that standard base64 stands for, if it is that. Some writers escape each `/`.
fn binary(base64: &str) -> Option<Vec<u8>> {
    if base64.contains('\\') {
        STANDARD.decode(unescape(base64).ok()?).ok()
    } else {
        STANDARD.decode(base64).ok()
    }
}

/// The text that `raw` stands for; its escapes have been checked before.
fn unescape(raw: &str) -> Result<String, DecodeError> {
    let mut text = String::with_capacity(raw.len());
    let mut position = 0;
    while let Some(run) = raw[position..].find('\\') {
        text.push_str(&raw[position..position + run]);
        let (character, after) = escape(raw.as_bytes(), position + run)?;
        text.push(character);
        position = after;
    }
    text.push_str(&raw[position..]);
    Ok(text)
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
