//! Integers of any length (RFC 8949 section 3.4.3), read as the numbers that other formats have.

use super::super::Token;
use super::reader::negative;

/// The integer whose bytes, the highest first, are these; or -1 minus that. An integer of 64 bits
/// where it fits, else a float; null where no float is so large.
pub(super) fn token(bytes: &[u8], is_negative: bool) -> Token<'static> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    match bytes.split_at_checked(8) {
        Some((high, low)) if !low.is_empty() => {
            match float(high, low).filter(|value| value.is_finite()) {
                Some(value) => Token::Float(if is_negative { -value } else { value }),
                None => Token::Null,
            }
        }
        _ if is_negative => negative(number(bytes)),
        _ => Token::Unsigned(number(bytes)),
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The nearest float. The eight bytes of `high` are more than it holds; of those in `low` it only
/// matters for rounding whether they are all zero.
fn float(high: &[u8], low: &[u8]) -> Option<f64> {
    let rest = u64::from(low.iter().any(|byte| *byte != 0));
    let exponent = i32::try_from(low.len()).ok()?.checked_mul(8)?;
    Some((number(high) | rest) as f64 * 2_f64.powi(exponent))
}
