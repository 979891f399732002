//! Times in milliseconds.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::section::Section;

/// The times that may be configured, in milliseconds: up to a hundred years.
const MILLISECONDS: RangeInclusive<u64> = 0..=3_155_760_000_000;

/// Reads a time in milliseconds. 0 is none, and so is an absent key.
pub(crate) fn milliseconds(
    section: &mut Section<'_>,
    key: &'static str,
    _: Option<Duration>,
) -> Option<Duration> {
    let millis = section.number(key, &MILLISECONDS, 0);
    (millis > 0).then(|| Duration::from_millis(millis))
}
