//! JSON with null in the place of numbers that JSON or its readers cannot say.

use super::number;
use super::string;

/// `value`, which a reader has passed over, with `null` for each `NaN`, `Infinity`, `-Infinity` and
/// number that no float holds. All other bytes stay, also unpaired surrogates.
///
/// At most a third longer than `value`: `NaN` is the shortest of them.
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

/// The offset after the string, the number or the byte that begins at `position`, and whether it
/// stays.
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
