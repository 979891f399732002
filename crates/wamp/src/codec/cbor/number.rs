//! Numbers that other formats lack: negative integers of 65 bits, bignums and floats of 16 bits.

use super::super::Token;

/// The integer -1 - `argument`, or a float if an `i64` cannot hold it.
#[inline]
pub(super) fn negative(argument: u64) -> Token<'static> {
    i64::try_from(argument)
        .map_or_else(|_| Token::Float(-1.0 - argument as f64), |n| Token::Negative(-1 - n))
}

/// The value of a float of 16 bits (IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits).
pub(in super::super) fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (fraction + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}

/// The integer with these big-endian bytes, or -1 minus it (RFC 8949 section 3.4.3). An integer if
/// 64 bits hold it, else a float, or null if it is too large for one.
pub(super) fn bignum(bytes: &[u8], is_negative: bool) -> Token<'static> {
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

/// The nearest float. `high` has eight bytes, more than a float holds. Of `low` only matters for
/// rounding whether all bytes are zero.
fn float(high: &[u8], low: &[u8]) -> Option<f64> {
    let rest = u64::from(low.iter().any(|byte| *byte != 0));
    let exponent = i32::try_from(low.len()).ok()?.checked_mul(8)?;
    Some((number(high) | rest) as f64 * 2_f64.powi(exponent))
}
