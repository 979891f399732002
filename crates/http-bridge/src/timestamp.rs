//! Timestamps of signed requests: `2011-10-14T16:59:51.123Z`, always UTC.

use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;

/// The beginning of 1970, in UTC like all times here.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A time in microseconds since the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignatureTimestamp(i64);

impl SignatureTimestamp {
    /// Reads `YYYY-MM-DDTHH:MM:SS.f…Z` with one to six digits of a second's fraction.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (moment, fraction) = text.strip_suffix(b"Z")?.split_at_checked(20)?;
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')];
        if separators.iter().any(|&(place, separator)| moment[place] != separator) {
            return None;
        }
        let part = |from: usize, to: usize| i8::try_from(number(&moment[from..to])?).ok();
        // Year 0 would be 1 BC.
        let year = i16::try_from(number(&moment[0..4])?).ok().filter(|year| *year > 0)?;
        let missing_digits = u32::try_from(6_usize.checked_sub(fraction.len())?).ok()?;
        let micros = i32::try_from(number(fraction)?).ok()? * 10_i32.pow(missing_digits);
        let (month, day) = (part(5, 7)?, part(8, 10)?);
        let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
        let time = DateTime::new(year, month, day, hour, minute, second, micros * 1_000).ok()?;
        i64::try_from(time.duration_since(EPOCH).as_micros()).ok().map(Self)
    }

    /// This moment, without what is less than a microsecond.
    pub(crate) fn of(moment: SystemTime) -> Self {
        Self(match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }

    /// How far it is from `now`, in either direction.
    pub(crate) fn distance(self, now: SystemTime) -> Duration {
        Duration::from_micros(self.0.abs_diff(Self::of(now).0))
    }

    /// The last moment from which it is no farther than `limit`; none: the last of all.
    pub(crate) fn last_within(self, limit: Option<Duration>) -> Self {
        Self(limit.map_or(i64::MAX, |limit| self.0.saturating_add(micros(limit))))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn number(digits: &[u8]) -> Option<i64> {
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all_digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<i64> {
        SignatureTimestamp::parse(text.as_bytes()).map(|timestamp| timestamp.0)
    }

    #[test]
    fn a_timestamp_is_a_moment() {
        assert_eq!(parsed("1970-01-01T00:00:00.0Z"), Some(0));
        assert_eq!(parsed("2011-10-14T16:59:51.123Z"), Some(1_318_611_591_123_000));
        assert_eq!(parsed("2000-02-29T23:59:59.999999Z"), Some(951_868_799_999_999));
        assert_eq!(parsed("1969-12-31T23:59:59.5Z"), Some(-500_000));
        assert_eq!(parsed("2100-03-01T00:00:00.000Z"), Some(4_107_542_400_000_000));
        assert_eq!(parsed("0001-01-01T00:00:00.0Z"), Some(-62_135_596_800_000_000));
        assert_eq!(parsed("9999-12-31T23:59:59.0Z"), Some(253_402_300_799_000_000));
    }

    #[test]
    fn other_texts_are_no_timestamps() {
        let none = [
            "",
            "Z",
            "now",
            "2011-10-14T16:59:51Z",
            "2011-10-14T16:59:51.Z",
            "2011-10-14T16:59:51.123",
            "2011-10-14T16:59:51.1234567Z",
            "2011-10-14 16:59:51.123Z",
            "2011-13-14T16:59:51.123Z",
            "2011-00-14T16:59:51.123Z",
            "2011-02-29T16:59:51.123Z",
            "2100-02-29T16:59:51.123Z",
            "2011-04-31T16:59:51.123Z",
            "2011-10-00T16:59:51.123Z",
            "2011-10-14T24:00:00.000Z",
            "2011-10-14T16:60:51.123Z",
            "2011-10-14T16:59:60.000Z",
            "0000-01-01T00:00:00.000Z",
            "+011-10-14T16:59:51.123Z",
            "2011-10-14T16:59:51.+12Z",
            "2011-10-14T16:59:51.123\u{e9}Z",
            "2011-10-14T16:59:5\u{e9}123Z",
        ];
        for text in none {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn the_distance_counts_in_both_directions_and_before_1970() {
        let timestamp = SignatureTimestamp::parse(b"1970-01-01T00:00:10.0Z").expect("a timestamp");
        let distance = |seconds: i64| {
            let offset = Duration::from_secs(seconds.unsigned_abs());
            let epoch = SystemTime::UNIX_EPOCH;
            let now = if seconds < 0 { epoch - offset } else { epoch + offset };
            timestamp.distance(now).as_secs()
        };
        assert_eq!([distance(4), distance(16), distance(-5)], [6, 6, 15]);
    }
}
