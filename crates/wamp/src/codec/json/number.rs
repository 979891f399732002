//! JSON numbers: grammar (RFC 8259 section 6) and conversion to tokens.

use super::super::Token;
use crate::error::DecodeError;

/// A number of at most this length without an exponent is below 10^300, so a float holds it.
const SURELY_FINITE: usize = 300;

/// An integer of at most this number of digits fits into 64 bits.
const SURELY_64_BITS: usize = 19;

/// A number that matches the grammar.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScannedNumber {
    start: usize,
    /// The offset after the number.
    pub(super) end: usize,
    form: NumberForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberForm {
    Integer,
    Fraction,
    Exponent,
}

/// Scans the number that begins at `start`.
#[inline]
pub(super) fn scan(input: &[u8], start: usize) -> Result<ScannedNumber, DecodeError> {
    let first = start + usize::from(input.get(start) == Some(&b'-'));
    let end = digits(input, first)?;
    if input[first] == b'0' && end > first + 1 {
        return Err(malformed(first, "a number begins with 0"));
    }
    match input.get(end) {
        Some(b'.' | b'e' | b'E') => scan_float(input, start, end),
        _ => Ok(ScannedNumber { start, end, form: NumberForm::Integer }),
    }
}

/// Scans the fraction and the exponent that begin at `end`.
fn scan_float(input: &[u8], start: usize, mut end: usize) -> Result<ScannedNumber, DecodeError> {
    let mut form = NumberForm::Fraction;
    if input.get(end) == Some(&b'.') {
        end = digits(input, end + 1)?;
    }
    if matches!(input.get(end), Some(b'e' | b'E')) {
        let signed = matches!(input.get(end + 1), Some(b'+' | b'-'));
        end = digits(input, end + 1 + usize::from(signed))?;
        form = NumberForm::Exponent;
    }
    Ok(ScannedNumber { start, end, form })
}

/// Skips one or more digits.
#[inline]
fn digits(input: &[u8], first: usize) -> Result<usize, DecodeError> {
    let mut position = first;
    while let Some(b'0'..=b'9') = input.get(position) {
        position += 1;
    }
    if position > first { Ok(position) } else { Err(no_digit(input, first)) }
}

impl ScannedNumber {
    /// Checks that a float can hold the number.
    #[inline]
    pub(super) fn check(self, input: &[u8]) -> Result<(), DecodeError> {
        let surely = self.form != NumberForm::Exponent && self.end - self.start <= SURELY_FINITE;
        if surely { Ok(()) } else { self.check_float(input) }
    }

    #[cold]
    fn check_float(self, input: &[u8]) -> Result<(), DecodeError> {
        match self.float(input) {
            Token::Null => Err(malformed(self.start, "the number is too large")),
            _ => Ok(()),
        }
    }

    /// An integer if 64 bits hold it. Otherwise, and for -0, a float; null if it is too large for
    /// one.
    #[inline]
    pub(super) fn token(self, input: &[u8]) -> Token<'static> {
        match self.form {
            NumberForm::Integer => match self.integer(input) {
                Some(token) => token,
                None => self.float(input),
            },
            NumberForm::Fraction | NumberForm::Exponent => self.float(input),
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

/// The value of decimal digits, if 64 bits hold it.
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
