//! JSON numbers: their grammar (RFC 8259 section 6) and which token they become.

use super::super::Token;
use crate::error::DecodeError;

/// With so few characters and no exponent, a number is below 10^300 and cannot overflow a float.
const SURELY_FINITE: usize = 300;

/// With so few digits, an integer fits into 64 bits.
const SURELY_64_BITS: usize = 19;

/// A number that follows the grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanned {
    start: usize,
    /// The offset after it.
    pub(super) end: usize,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Integer,
    Fraction,
    Exponent,
}

/// Scans the number that begins at `start`.
#[inline]
pub(super) fn scan(input: &[u8], start: usize) -> Result<Scanned, DecodeError> {
    let first = start + usize::from(input.get(start) == Some(&b'-'));
    let end = digits(input, first)?;
    if input[first] == b'0' && end > first + 1 {
        return Err(malformed(first, "a number begins with 0"));
    }
    match input.get(end) {
        Some(b'.' | b'e' | b'E') => scan_float(input, start, end),
        _ => Ok(Scanned { start, end, form: Form::Integer }),
    }
}

/// Scans the fraction and the exponent that begin at `end`.
fn scan_float(input: &[u8], start: usize, mut end: usize) -> Result<Scanned, DecodeError> {
    let mut form = Form::Fraction;
    if input.get(end) == Some(&b'.') {
        end = digits(input, end + 1)?;
    }
    if matches!(input.get(end), Some(b'e' | b'E')) {
        let signed = matches!(input.get(end + 1), Some(b'+' | b'-'));
        end = digits(input, end + 1 + usize::from(signed))?;
        form = Form::Exponent;
    }
    Ok(Scanned { start, end, form })
}

/// Passes over one digit or more.
#[inline]
fn digits(input: &[u8], first: usize) -> Result<usize, DecodeError> {
    let mut position = first;
    while let Some(b'0'..=b'9') = input.get(position) {
        position += 1;
    }
    if position > first { Ok(position) } else { Err(no_digit(input, first)) }
}

impl Scanned {
    /// Checks that a float holds the number.
    #[inline]
    pub(super) fn check(self, input: &[u8]) -> Result<(), DecodeError> {
        let surely = self.form != Form::Exponent && self.end - self.start <= SURELY_FINITE;
        if surely { Ok(()) } else { self.check_float(input) }
    }

    #[cold]
    fn check_float(self, input: &[u8]) -> Result<(), DecodeError> {
        match self.float(input) {
            Token::Null => Err(malformed(self.start, "the number is too large")),
            _ => Ok(()),
        }
    }

    /// An integer where it fits; -0, which no integer is, and all others as a float, or as null
    /// where they are too large.
    #[inline]
    pub(super) fn token(self, input: &[u8]) -> Token<'static> {
        match self.form {
            Form::Integer => match self.integer(input) {
                Some(token) => token,
                None => self.float(input),
            },
            Form::Fraction | Form::Exponent => self.float(input),
        }
    }

    #[inline]
    fn integer(self, input: &[u8]) -> Option<Token<'static>> {
        match &input[self.start..self.end] {
            [b'-', digits @ ..] => match magnitude(digits)? {
                0 => None,
                magnitude => 0_i64.checked_sub_unsigned(magnitude).map(Token::Negative),
            },
            digits => magnitude(digits).map(Token::Unsigned),
        }
    }

    #[cold]
    fn float(self, input: &[u8]) -> Token<'static> {
        let text = std::str::from_utf8(&input[self.start..self.end]).unwrap_or_default();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Token::Float(value),
            _ => Token::Null,
        }
    }
}

/// The value of decimal digits, if it fits.
#[inline]
fn magnitude(digits: &[u8]) -> Option<u64> {
    let value = |byte: &u8| u64::from(byte - b'0');
    if digits.len() <= SURELY_64_BITS {
        return Some(digits.iter().fold(0, |sum, digit| sum * 10 + value(digit)));
    }
    digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(value(digit)))
}

#[cold]
fn no_digit(input: &[u8], offset: usize) -> DecodeError {
    if offset < input.len() {
        malformed(offset, "a number wants a digit here")
    } else {
        DecodeError::Truncated(input.len())
    }
}

#[cold]
fn malformed(offset: usize, what: &'static str) -> DecodeError {
    DecodeError::Malformed { offset, what }
}
