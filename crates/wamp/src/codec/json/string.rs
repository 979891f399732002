//! JSON strings: their end, their escapes, and the convention for bytes.
//!
//! Scanning validates everything except UTF-8. The user of the text checks that, so no string is
//! validated twice.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::Token;
use crate::error::DecodeError;

/// The only JSON spelling of U+0000, with which bytes begin.
const BINARY_MARK: &str = "\\u0000";

/// `01` in each byte, to process eight bytes at a time.
const ONES: u64 = u64::MAX / 0xff;
/// The highest bit of each byte.
const HIGHS: u64 = ONES << 7;

/// The content of a string, with valid escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScannedString {
    /// The offset of the first byte of the content.
    start: usize,
    /// The offset of the closing quotation mark.
    end: usize,
    /// Whether all bytes are below 0x80.
    ascii: bool,
    /// Whether there is an escape.
    pub(super) escaped: bool,
}

/// Scans the string whose opening quotation mark precedes `start`. Returns the string and the
/// offset after its closing quotation mark.
#[inline]
pub(super) fn scan(input: &[u8], start: usize) -> Result<(ScannedString, usize), DecodeError> {
    let mut scanned = ScannedString { start, end: start, ascii: true, escaped: false };
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

/// The end of the run of unescaped bytes from `position`, and whether these bytes are certainly all
/// below 0x80.
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

/// Sets the high bit of the first byte that is a quotation mark, backslash or control character.
/// Later bytes may be marked in error, because subtraction borrows.
#[inline]
fn specials(word: u64) -> u64 {
    let quotation = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    below(quotation, 1) | below(backslash, 1) | below(word, 0x20)
}

/// The character of the escape that begins at `position`, or `None` for an unpaired surrogate, and
/// the offset after it.
fn escape(input: &[u8], position: usize) -> Result<(Option<char>, usize), DecodeError> {
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
    Ok((Some(character), position + 2))
}

/// The character of a `\uXXXX` or surrogate pair at `position`, or `None` for an unpaired
/// surrogate, and the offset after it.
fn unicode_escape(input: &[u8], position: usize) -> Result<(Option<char>, usize), DecodeError> {
    let unit = code_unit(input, position)?;
    let single = position + 6;
    if let Some(character) = char::from_u32(u32::from(unit)) {
        return Ok((Some(character), single));
    }
    // An escape after a high surrogate is parsed again on its own if it is no low surrogate.
    if unit < 0xdc00
        && input[single..].starts_with(b"\\u")
        && let Ok(second) = code_unit(input, single)
        && let Some(Ok(character)) = char::decode_utf16([unit, second]).next()
    {
        return Ok((Some(character), single + 6));
    }
    Ok((None, single))
}

/// The UTF-16 code unit of the `\uXXXX` at `position`.
fn code_unit(input: &[u8], position: usize) -> Result<u16, DecodeError> {
    let mut unit = 0;
    for index in position + 2..position + 6 {
        let &byte = input.get(index).ok_or(DecodeError::Truncated(input.len()))?;
        let digit = char::from(byte).to_digit(16);
        let digit =
            digit.ok_or_else(|| malformed(position, "\\u wants four hexadecimal digits"))?;
        unit = unit << 4 | digit as u16;
    }
    Ok(unit)
}

impl ScannedString {
    /// Checks that the text is UTF-8.
    #[inline]
    pub(super) fn check(self, input: &[u8]) -> Result<(), DecodeError> {
        if self.ascii { Ok(()) } else { self.raw(input).map(drop) }
    }

    /// The text, with its escapes resolved.
    #[inline]
    pub(super) fn text(self, input: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
        let raw = self.raw(input)?;
        if !self.escaped {
            return Ok(Cow::Borrowed(raw));
        }
        unescape(raw).map(|(text, _)| Cow::Owned(text))
    }

    /// The text of a string without escapes.
    #[inline]
    pub(super) fn plain(self, input: &[u8]) -> Result<Token<'_>, DecodeError> {
        self.raw(input).map(|raw| Token::Text(Cow::Borrowed(raw)))
    }

    /// The text or the bytes, and whether U+FFFD replaces an unpaired surrogate.
    pub(super) fn unescaped(self, input: &[u8]) -> Result<(Token<'_>, bool), DecodeError> {
        let raw = self.raw(input)?;
        if let Some(bytes) = raw.strip_prefix(BINARY_MARK).and_then(binary) {
            return Ok((Token::Binary(Cow::Owned(bytes)), false));
        }
        unescape(raw).map(|(text, unpaired)| (Token::Text(Cow::Owned(text)), unpaired))
    }

    /// The text with its escapes.
    #[inline]
    fn raw(self, input: &[u8]) -> Result<&str, DecodeError> {
        simdutf8::basic::from_utf8(&input[self.start..self.end])
            .map_err(|_| DecodeError::NotUtf8(self.start))
    }
}

/// Decodes standard base64. Some writers escape each `/`.
fn binary(base64: &str) -> Option<Vec<u8>> {
    if base64.contains('\\') {
        STANDARD.decode(unescape(base64).ok()?.0).ok()
    } else {
        STANDARD.decode(base64).ok()
    }
}

/// Resolves the escapes in `raw`, which have been checked. Also returns whether U+FFFD replaces an
/// unpaired surrogate.
fn unescape(raw: &str) -> Result<(String, bool), DecodeError> {
    let mut text = String::with_capacity(raw.len());
    let (mut position, mut unpaired) = (0, false);
    while let Some(run) = raw[position..].find('\\') {
        text.push_str(&raw[position..position + run]);
        let (character, after) = escape(raw.as_bytes(), position + run)?;
        unpaired |= character.is_none();
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        position = after;
    }
    text.push_str(&raw[position..]);
    Ok((text, unpaired))
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
