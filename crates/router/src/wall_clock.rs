//! The time of day, for what people and other programs read: when something was created, when an
//! event came.
//!
//! The clock itself is the host's: it says what time of day it was at the first moment.

use std::time::Duration;

use crate::deadline::Moment;

/// A point in time, in microseconds from the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// So many microseconds after the beginning of 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds from the beginning of 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The point in time so much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The same with whole milliseconds only, as it is told.
    pub(crate) const fn to_millis(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000))
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|timestamp| Self(timestamp.as_microsecond()))
    }

    /// RFC 3339 with milliseconds, in UTC.
    pub(crate) fn text(self) -> String {
        let timestamp = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        format!("{timestamp:.3}")
    }
}

/// Tells the time of day of moments.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WallClock(Timestamp);

impl WallClock {
    /// A clock that showed this time at the first moment.
    pub(crate) const fn started_at(start: Timestamp) -> Self {
        Self(start)
    }

    /// The time of day at a moment.
    pub(crate) fn at(self, moment: Moment) -> Timestamp {
        self.0.plus(moment.since_start())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Timestamp, WallClock};
    use crate::deadline::Moment;

    #[test]
    fn a_moment_is_told_in_utc_with_milliseconds() {
        let clock = WallClock::started_at(Timestamp::parse("2026-11-27T01:59:59.5+02:00").unwrap());
        let told = |millis| clock.at(Moment::after_start(Duration::from_millis(millis))).text();
        assert_eq!(told(0), "2026-11-26T23:59:59.500Z");
        assert_eq!(told(600), "2026-11-27T00:00:00.100Z");
    }

    #[test]
    fn what_is_no_point_in_time_is_none() {
        for text in ["", "yesterday", "2026-11-27", "2026-11-27T25:00:00Z", "2026-11-27T10:00:00"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
