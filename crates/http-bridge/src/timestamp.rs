//! Timestamps of signed requests: `2011-10-14T16:59:51.123Z`, always UTC.

use std::time::{Duration, SystemTime};

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, in microseconds since the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignatureTimestamp(i64);

impl SignatureTimestamp {
    /// Parses `YYYY-MM-DDTHH:MM:SS.f…Z` with one to six fractional digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (moment, fraction) = text.strip_suffix(b"Z")?.split_at_checked(20)?;
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')];
        if separators.iter().any(|&(place, separator)| moment[place] != separator) {
            return None;
        }
        let part = |from: usize, to: usize| number(&moment[from..to]);
        let days = days_since_1970(part(0, 4)?, part(5, 7)?, part(8, 10)?)?;
        let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
        if hour > 23 || minute > 59 || second > 59 || fraction.len() > 6 {
            return None;
        }
        let missing_digits = u32::try_from(6 - fraction.len()).ok()?;
        let micros = number(fraction)? * 10_i64.pow(missing_digits);
        let seconds = days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
        Some(Self(seconds * 1_000_000 + micros))
    }

    /// Converts a system time, rounded towards 1970 to microseconds.
    pub(crate) fn of(moment: SystemTime) -> Self {
        Self(match moment.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }

    /// The distance from `now`, in either direction.
    pub(crate) fn distance(self, now: SystemTime) -> Duration {
        Duration::from_micros(self.0.abs_diff(Self::of(now).0))
    }

    /// The last moment at a distance of at most `limit`. Without a limit, the last moment of all.
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

/// Counts years from March, so that the leap day is the last day of a year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if year < 1 || !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
        return None;
    }
    let (year, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * months + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

const fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<i64> {
        SignatureTimestamp::parse(text.as_bytes()).map(|timestamp| timestamp.0)
    }

    #[test]
    fn timestamps_are_parsed() {
        assert_eq!(parsed("1970-01-01T00:00:00.0Z"), Some(0));
        assert_eq!(parsed("2011-10-14T16:59:51.123Z"), Some(1_318_611_591_123_000));
        assert_eq!(parsed("2000-02-29T23:59:59.999999Z"), Some(951_868_799_999_999));
        assert_eq!(parsed("1969-12-31T23:59:59.5Z"), Some(-500_000));
        assert_eq!(parsed("2100-03-01T00:00:00.000Z"), Some(4_107_542_400_000_000));
        assert_eq!(parsed("0001-01-01T00:00:00.0Z"), Some(-62_135_596_800_000_000));
        assert_eq!(parsed("9999-12-31T23:59:59.0Z"), Some(253_402_300_799_000_000));
    }

    #[test]
    fn malformed_timestamps_are_refused() {
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
    fn the_distance_is_absolute_and_works_before_1970() {
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
