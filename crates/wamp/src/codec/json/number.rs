//! JSON numbers: their grammar (RFC 8259 section 6) and which token they become.

use super::super::Token;
use crate::error::DecodeError;

/// With so few characters and no exponent, a number is below 10^300 and cannot overflow a float.
const SURELY_FINITE: usize = 300;

/// A number that follows the grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    start: usize,
    end: usize,
    negative: bool,
    /// The digits before fraction and exponent, when they fit.
    magnitude: Option<u64>,
    fraction: bool,
    exponent: bool,
}

/// Scans the number that begins at `start`; returns it and the offset after it.
#[inline]
pub(super) fn scan(input: &[u8], start: usize) -> Result<(Scanned, usize), DecodeError> {
    let negative = input.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let (mut end, magnitude) = integer(input, first)?;
    let fraction = input.get(end) == Some(&b'.');
    if fraction {
        end = digits(input, end + 1)?;
    }
    let exponent = matches!(input.get(end), Some(b'e' | b'E'));
    if exponent {
        let signed = matches!(input.get(end + 1), Some(b'+' | b'-'));
        end = digits(input, end + 1 + usize::from(signed))?;
    }
    Ok((Scanned { start, end, negative, magnitude, fraction, exponent }, end))
}

/// The digits before fraction and exponent: where they end, and their value if it fits.
#[inline]
fn integer(input: &[u8], first: usize) -> Result<(usize, Option<u64>), DecodeError> {
    let mut magnitude = Some(0_u64);
    let mut position = first;
    while let Some(byte @ b'0'..=b'9') = input.get(position) {
        let digit = u64::from(byte - b'0');
        magnitude = magnitude.and_then(|value| value.checked_mul(10)?.checked_add(digit));
        position += 1;
    }
    match input.get(first) {
        Some(b'0') if position > first + 1 => Err(malformed(first, "a number begins with 0")),
        Some(b'0'..=b'9') => Ok((position, magnitude)),
        other => Err(no_digit(input, other, first)),
    }
}

/// Passes over one digit or more.
fn digits(input: &[u8], first: usize) -> Result<usize, DecodeError> {
    let count = input[first.min(input.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 { Err(no_digit(input, input.get(first), first)) } else { Ok(first + count) }
}

impl Scanned {
    /// Checks that the number is not too large.
    #[inline]
    pub(super) fn check(self, input: &[u8]) -> Result<(), DecodeError> {
        let finite = !self.exponent && self.end - self.start <= SURELY_FINITE;
        if finite { Ok(()) } else { self.token(input).map(drop) }
    }

    /// An integer where it fits; -0, which no integer is, and all others as a float.
    #[inline]
    pub(super) fn token(self, input: &[u8]) -> Result<Token<'static>, DecodeError> {
        match self.magnitude {
            Some(magnitude) if !self.fraction && !self.exponent => {
                self.integer(magnitude).map_or_else(|| self.float(input), Ok)
            }
            _ => self.float(input),
        }
    }

    #[inline]
    fn integer(self, magnitude: u64) -> Option<Token<'static>> {
        match (self.negative, magnitude) {
            (false, _) => Some(Token::Unsigned(magnitude)),
            (true, 0) => None,
            (true, _) => 0_i64.checked_sub_unsigned(magnitude).map(Token::Negative),
        }
    }

    fn float(self, input: &[u8]) -> Result<Token<'static>, DecodeError> {
        let text = std::str::from_utf8(&input[self.start..self.end]).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Float(value)),
            _ => Err(malformed(self.start, "the number is too large")),
        }
    }
}

#[cold]
fn no_digit(input: &[u8], found: Option<&u8>, offset: usize) -> DecodeError {
    match found {
        Some(_) => malformed(offset, "a number wants a digit here"),
        None => DecodeError::Truncated(input.len()),
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
