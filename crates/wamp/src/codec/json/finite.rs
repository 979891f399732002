//! Replacement of numbers that JSON or its readers cannot represent.

use super::number;
use super::string;

/// Replaces each `NaN`, `Infinity`, `-Infinity` and number too large for a float by `null`. `value`
/// is a value that a reader has skipped. All other bytes stay, including unpaired surrogates.
///
/// The result is at most a third longer: `NaN` is the shortest of them.
#[cold]
pub(super) fn rewritten(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut position = 0;
    while let Some(&first) = value.get(position) {
        let (end, is_kept) = token(value, position, first);
        out.extend_from_slice(if is_kept { &value[position..end] } else { b"null" });
        position = end;
    }
    out
}

/// The offset after the string, number or byte at `position`, and whether it is kept.
fn token(value: &[u8], position: usize, first: u8) -> (usize, bool) {
    const INFINITY: usize = "Infinity".len();
    match first {
        b'"' => (string::scan(value, position + 1).map_or(value.len(), |(_, after)| after), true),
        b'-' | b'0'..=b'9' => match number::scan(value, position) {
            Ok(number) => (number.end, number.check(value).is_ok()),
            Err(_) => (position + 1 + INFINITY, false),
        },
        b'N' => (position + "NaN".len(), false),
        b'I' => (position + INFINITY, false),
        _ => (position + 1, true),
    }
}
